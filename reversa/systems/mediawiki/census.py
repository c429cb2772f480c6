"""What a dump holds, counted in its bytes: no element is made, and nothing of the reader is used."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from html import unescape
from typing import BinaryIO
from xml.parsers import expat

from reversa.systems.mediawiki.values import Site, category_words, normalised
from reversa.systems.tables.xmls import Refused

_BLOCK = 1 << 20
_STARTS = re.compile(rb"<(?:page|logitem)[ >]|</mediawiki>")
_TEXT = re.compile(rb"<text(?:\s[^>]*[^/>])?>(.*?)</text>", re.DOTALL)
_KINDS = {b"<revision>": "revision", b"<upload>": "file", b"<redirect ": "alias"}


def census(streams: Iterator[BinaryIO], site: Site) -> Counter[str]:
    """Items per kind. A page that is held by no memory is not held: its parts are counted as they pass."""
    count: Counter[str] = Counter(space=1)
    people: set[bytes] = set()
    spaces: set[bytes] = set()
    words = category_words(site)
    for stream in streams:
        for item in _items(stream):  # which closes it
            if item.startswith(b"<logitem"):
                count["opaque"] += 1
            else:
                count["page"] += 1
                for mark, kind in _KINDS.items():
                    count[kind] += item.count(mark)
                spaces.update(re.findall(rb"<ns>\s*(-?\d+)\s*</ns>", item[:4096]) or [b"0"])
                if b"[[" in item and _is_whole(item):
                    count["tag"] += len(_categories(item, words, site.namespace("14").case))
            people.update(re.findall(rb"<username>([^<]+)</username>\s*<id>0*[1-9]\d*</id>", item))
    count["space"] += len(spaces)
    count["user"] = len({unescape(name.decode(errors="replace")) for name in people})
    return count


def _items(stream: BinaryIO) -> Iterator[bytes]:
    """The bytes of each page and log item."""
    held = b""
    inside = False
    while True:
        try:
            more = stream.read(_BLOCK)
        except Refused:
            more = b""
        start = max(len(held) - 12, 1 if inside else 0)
        held += more
        while found := _STARTS.search(held, start):
            if inside:
                yield held[: found.start()]
            held = held[found.start() :]
            inside, start = not held.startswith(b"</"), 1
        if not more:
            if inside:
                yield held
            stream.close()
            return
        if not inside:
            held = held[-12:]


def _is_whole(item: bytes) -> bool:
    parser = expat.ParserCreate()
    try:
        parser.Parse(item, True)
    except expat.ExpatError:
        return False
    return True


def _categories(item: bytes, words: frozenset[str], case: str) -> set[str]:
    """The categories of the newest revision, found by hand."""
    newest: tuple[bytes, int, int] = (b"", 0, 0)
    text = ""
    for number, revision in enumerate(item.split(b"<revision>")[1:]):
        revision = revision.partition(b"</revision>")[0]  # noqa: PLW2901
        id, at = _between(revision, b"<id>", b"</id>"), _between(revision, b"<timestamp>", b"</timestamp>")
        rank = at, int(id) if id.isdigit() else 0, number
        if rank >= newest:
            newest = rank
            text_ = _TEXT.search(revision)
            model = _between(revision, b"<model>", b"</model>")
            text = unescape(text_[1].decode(errors="replace")) if text_ and model in (b"", b"wikitext") else ""
    return labels(text, words, case)


def labels(text: str, words: frozenset[str], case: str) -> set[str]:
    """The categories of a text."""
    found = set()
    for piece in _visible(text).split("[[")[1:]:
        name, _, rest = piece.partition("]]")[0].partition(":")
        label = rest.partition("|")[0]
        if name.replace("_", " ").strip().casefold() in words and not set(label) & set("[]{}<>\n") and "]]" in piece:
            found.add(normalised(label, case))
    return found - {""}


def _visible(text: str) -> str:
    """A text without what is not read as markup."""
    out, at = [], 0
    for found in re.finditer(r"<!--|<(nowiki|pre|source|syntaxhighlight)\b[^>]{0,500}>", text, re.IGNORECASE):
        if found.start() < at or found[0].endswith("/>"):
            continue
        out.append(text[at : found.start()])
        end = re.compile("-->" if found[1] is None else rf"</{found[1]}\s*>", re.IGNORECASE).search(text, found.end())
        at = end.end() if end else len(text)
    return "".join([*out, text[at:]])


def _between(data: bytes, start: bytes, end: bytes) -> bytes:
    return data.partition(start)[2].partition(end)[0].strip()
