"""The browsable archive: a static site, written and read back (docs/adapters/html.md)."""
