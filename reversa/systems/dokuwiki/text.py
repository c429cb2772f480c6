"""What the text of a page says of it."""

from __future__ import annotations

import re

_BLOCK = re.compile(r"<(code|file|nowiki|html|php|HTML|PHP)\b[^>\n]{0,200}>")


def title_of(text: str) -> str | None:
    """The first heading of a page; None when it has none. Linear in the length of any text."""
    closing = ""
    for line in text.split("\n"):
        bare = line.strip(" \t\r")
        if not closing and bare.startswith("==") and bare.endswith("==") and (title := bare.strip("=").strip()):
            return title
        place = 0
        while True:
            if closing:
                end = line.find(closing, place)
                if end < 0:
                    break
                place, closing = end + len(closing), ""
            elif opened := _BLOCK.search(line, place):
                place, closing = opened.end(), f"</{opened[1]}>"
            else:
                break
    return None
