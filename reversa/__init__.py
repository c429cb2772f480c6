"""reversa: take an organisation's data out of one system, put it into another, and prove what arrived."""

__version__ = "0.1.0"
