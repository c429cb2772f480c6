"""Counts in text without markup: words only."""

from __future__ import annotations

import re

from reversa.markup.counting import Tally


def count(tally: Tally, text: str, source: bool) -> None:
    """Addresses that our writer set behind labels are no words of the text."""
    tally.text(text if source else re.sub(r" ?⟨[^⟨⟩]*⟩", " ", text))
