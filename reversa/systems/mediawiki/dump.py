"""The XML that MediaWiki writes, read page by page: one that is broken costs none of its neighbours.

Format: https://www.mediawiki.org/xml/export-0.11/ and earlier ones. Text between two pages is cut at ``<page>``, which
MediaWiki escapes wherever somebody wrote it.
"""

from __future__ import annotations

import base64
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, cast

from reversa.systems.tables.xmls import Refused, Source, parsed

_CUT = re.compile(rb"<page[ >]|<logitem[ >]|</mediawiki>")
_LONGEST_CUT = 12
_BLOCK = 1 << 18
_COUNTED = re.compile(rb"<(page|revision|upload|redirect|logitem)[ >/]")
_IN_MEMORY = 1 << 20
_CONTAINERS = frozenset({"siteinfo", "namespaces", "page", "revision", "upload", "logitem", "contributor", "content"})


@dataclass
class Element:
    """A page, a revision, an upload … with the texts of its simple children. ``/page`` says that a page is over."""

    name: str
    texts: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, dict[str, str]] = field(default_factory=dict)
    parts: list[Element] = field(default_factory=list)
    content: BinaryIO | None = None
    """Of an upload: what it holds, decoded. It is closed when the next element is asked for."""

    def part(self, name: str) -> Element | None:
        return next((part for part in self.parts if part.name == name), None)


@dataclass(frozen=True)
class Broken:
    """A page that cannot be read to its end: where it begins, why, what it holds in all, and its raw bytes from the last ones read on."""

    where: str
    reason: str
    counts: Counter[str]
    rest: bytes


@dataclass(frozen=True)
class BreaksOff:
    """The dump ends without its end."""


Event = Element | Broken | BreaksOff


def events(stream: Source) -> Iterator[Event]:
    """What a dump holds, in its order. Raises Refused when its beginning cannot be read."""
    cutter = _Cutter(stream)
    first = True
    while not cutter.ended:
        section = _Section(cutter, first=first)
        if section.is_end:
            section.drain()
            cutter.closed = True
            continue
        collector = _Collector()
        try:
            for _ in parsed(section, collector):
                yield from collector.taken()
            yield from collector.taken()
        except Refused as error:
            yield from collector.taken()
            collector.close()
            if first:
                raise
            rest = section.drain()
            yield Broken(section.where, str(error), section.counts, rest)
        first = False
    if not cutter.closed:
        yield BreaksOff()


class _Cutter:
    def __init__(self, stream: Source) -> None:
        self._stream, self.held, self._eof = stream, b"", False
        self.offset = 0
        self.ended = self.closed = False

    def fill(self) -> None:
        more = self._stream.read(_BLOCK)
        self._eof = not more
        self.held += more

    def blocks(self) -> Iterator[bytes]:
        """The bytes of the section that begins here."""
        skip = 1  # what it begins with is no end of it
        while True:
            found = _CUT.search(self.held, skip)
            if found or self._eof:
                end = found.start() if found else len(self.held)
                self.ended = not found
                yield self._taken(end)
                return
            safe = len(self.held) - _LONGEST_CUT  # a cut may have begun in the last bytes
            if safe > 0:
                yield self._taken(safe)
                skip = 0
            self.fill()

    def _taken(self, end: int) -> bytes:
        block, self.held = self.held[:end], self.held[end:]
        self.offset += end
        return block


class _Section:
    """The bytes from one cut to the next, as a document of their own."""

    def __init__(self, cutter: _Cutter, *, first: bool) -> None:
        while len(cutter.held) < _LONGEST_CUT and not cutter._eof:  # noqa: SLF001 - the two are one
            cutter.fill()
        self.is_end = cutter.held.startswith(b"</mediawiki>")
        self.where = f"byte {cutter.offset}"
        self.counts: Counter[str] = Counter()
        self._blocks = cutter.blocks()
        self._waiting = [] if first else [b"<mediawiki>"]
        self._last = self._tail = b""
        self._closed = False

    def read(self, _size: int, /) -> bytes:
        if self._waiting:
            return self._waiting.pop()
        for block in self._blocks:
            self._count(block)
            if block:
                return block
        self._closed, closed = True, self._closed
        return b"" if closed else b"</mediawiki>"

    def _count(self, block: bytes) -> None:
        seen = self._tail + block
        self.counts.update(found[1].decode() for found in _COUNTED.finditer(seen) if found.end() > len(self._tail))
        self._last, self._tail = block, seen[-_LONGEST_CUT:]

    def drain(self) -> bytes:
        """Pass over what was not read. Returns its beginning, from the last block read on."""
        kept = self._last
        for block in self._blocks:
            self._count(block)
            if len(kept) < 1 << 24:
                kept += block
        return kept


class _Collector:
    """Makes elements of what the parser says."""

    def __init__(self) -> None:
        self._stack: list[Element] = []
        self._ready: list[Element] = []
        self._announced = False
        self._leaves: list[str] = []
        self._text: list[str] = []
        self._decoder: _Base64 | None = None

    def taken(self) -> Iterator[Element]:
        ready, self._ready = self._ready, []
        for element in ready:
            yield element
            if element.content is not None:
                element.content.close()

    def close(self) -> None:
        """Give up the content that has not come to its end."""
        if self._decoder is not None:
            self._decoder.close()

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if self._leaves:
            self._leaves.append(name)
            self._text.append(f"<{name}>")
        elif name in _CONTAINERS and (self._stack or name in ("siteinfo", "page", "logitem")):
            if name in ("revision", "upload"):
                self._announce()
            if self._stack:
                self._stack[-1].attributes[name] = attributes
            self._stack.append(Element(name))
        elif self._stack:
            self._leaves.append(name)
            self._stack[-1].attributes[name] = attributes
            if name == "contents" and self._stack[-1].name == "upload" and attributes.get("encoding") == "base64":
                self._decoder = _Base64()

    def text(self, text: str) -> None:
        if self._decoder is not None:
            self._decoder.feed(text)
        elif self._leaves:
            self._text.append(text)

    def end(self, name: str) -> None:
        if self._leaves:
            self._leaves.pop()
            if self._leaves:
                self._text.append(f"</{name}>")
                return
            text, self._text = "".join(self._text), []
            owner = self._stack[-1]
            if self._decoder is not None:
                owner.content, self._decoder = self._decoder.finished(), None
            elif name == "namespace":
                owner.parts.append(Element(name, {"name": text}, {"": owner.attributes[name]}))
            else:
                owner.texts.setdefault(name, text)
        elif self._stack:
            self._finish(self._stack.pop())

    def _finish(self, element: Element) -> None:
        if element.name == "page":
            self._stack.append(element)
            self._announce()
            self._stack.pop()
            self._ready.append(Element("/page"))
        elif element.name in ("siteinfo", "revision", "upload", "logitem"):
            self._ready.append(element)
        elif self._stack:
            self._stack[-1].parts.append(element)

    def _announce(self) -> None:
        """Give the head of the page before what it holds."""
        if not self._announced and self._stack and self._stack[-1].name == "page":
            self._announced = True
            self._ready.append(self._stack[-1])


class _Base64:
    """Content that is decoded while it comes, on disk when it is long."""

    def __init__(self) -> None:
        self._file = cast("BinaryIO", tempfile.SpooledTemporaryFile(_IN_MEMORY))  # noqa: SIM115 - given away
        self._held = ""

    def feed(self, text: str) -> None:
        self._held += "".join(text.split())
        whole = len(self._held) // 4 * 4
        self._write(self._held[:whole])
        self._held = self._held[whole:]

    def _write(self, text: str) -> None:
        try:
            self._file.write(base64.b64decode(text, validate=True))
        except ValueError as error:
            raise Refused(f"content that is not base64: {error}") from error

    def close(self) -> None:
        self._file.close()

    def finished(self) -> BinaryIO:
        if self._held:
            self._write(self._held)
        self._file.seek(0)
        return self._file
