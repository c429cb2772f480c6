"""Texts that reversa writes: the report, and the notes that lie in every package."""
