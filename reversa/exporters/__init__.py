"""One module per system that reversa reads; each names its class ``ADAPTER``."""
