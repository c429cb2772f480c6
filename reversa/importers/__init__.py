"""One module per system that reversa writes; each names its class ``ADAPTER``."""
