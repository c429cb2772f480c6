"""Relational sources as tables of texts: running databases, dumps without a server, folders of files."""
