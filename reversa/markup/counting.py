"""The third count: words, links, pictures, cells, code blocks and headings, by parsers that no reader or writer here uses.

The same things are counted in the source and in what was written. Pandoc has no part in either count, nor have the scanners that
wrap what pandoc would drop; so whatever is lost, doubled or swapped on the way shows as a difference.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import NamedTuple

_WORD = re.compile(r"[^\W_]+")
_COUNTERS = {
    "mediawiki": "wikitext",
    "dokuwiki": "dokuwiki",
    "markdown": "markdown",
    "html": "html",
    "xwiki": "xwiki",
    "plain": "plain",
    "slack-message": "slack",
    "slack-mrkdwn": "slack",
}
SHOWN = 5
"""Differences of one sort that are named."""


class Link(NamedTuple):
    """A link as it is written: what it shows (None: whatever the target calls itself), the name it leads to and the pictures in it."""

    label: str | None
    name: str
    pictures: tuple[str, ...] = ()


class Tally:
    """What a text holds."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self.links: list[Link] = []
        self.images: list[Link] = []
        self.cells = 0
        self.codes = 0
        self.headings = 0
        self.boxes = 0

    def text(self, text: str) -> None:
        self._text.append(text)

    def gap(self) -> None:
        """Here one word ends and another begins."""
        self._text.append("\n")

    @contextmanager
    def link(self, name: str) -> Iterator[None]:
        """What is counted within is the label."""
        start, pictures = len(self._text), len(self.images)
        yield
        self.links.append(Link("".join(self._text[start:]), name, tuple(image.name for image in self.images[pictures:])))

    @contextmanager
    def image(self, name: str) -> Iterator[None]:
        """What is counted within is its caption."""
        self.gap()
        start = len(self._text)
        yield
        self.images.append(Link("".join(self._text[start:]), name))
        self.gap()

    @contextmanager
    def cell(self) -> Iterator[None]:
        """A cell counts if there is something in it."""
        self.gap()
        start, pictures = len(self._text), len(self.images)
        yield
        self.cells += bool(_WORD.search("".join(self._text[start:]))) or len(self.images) > pictures
        self.gap()

    def words(self) -> Counter[str]:
        return Counter(_WORD.findall("".join(self._text)))


def folded(text: str) -> str:
    """A label or a name without what markups write in their own ways: signs, blanks, case."""
    return "".join(_WORD.findall(text)).casefold()


def count(format: str, text: str, *, source: bool) -> Tally:
    """What a text of this markup holds. ``source``: it was written by people, not by a writer of ours."""
    counter: Callable[[Tally, str, bool], None] = import_module(f"reversa.markup.counting_{_COUNTERS.get(format, 'plain')}").count
    tally = Tally()
    counter(tally, text, source)
    return tally


def differences(expected: Counter[str], got: Counter[str], what: str) -> Iterator[str]:
    """What is missing and what is too much, in words."""
    for sign, left in (("lost", expected - got), ("added", got - expected)):
        if left:
            shown = ", ".join(f"{name} x{number}" if number > 1 else name for name, number in sorted(left.items())[:SHOWN])
            yield f"{what} {sign}: {left.total()} ({shown}{' …' if len(left) > SHOWN else ''})"
