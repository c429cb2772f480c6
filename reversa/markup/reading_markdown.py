"""Markdown as vaults and exports hold it: what pandoc would drop of it, and its paths."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from urllib.parse import quote, unquote

from reversa.markup.contract import Links
from reversa.markup.tree import Mark, Markup, Target

_PLACE = re.compile(
    r"(?P<raw>(?m:^ {0,3})(?P<fence>`{3,}|~{3,})[^\n]*\n.*?(?:\n {0,3}(?P=fence)[^\n]*(?=\n|\Z)|\Z)|(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`))"
    r"|(?P<hidden><!--.*?-->)"
    r"|(?P<wiki>(?<!\\)!?\[\[(?P<name>[^\[\]|\n]+)(?:\|(?P<label>[^\[\]\n]*))?\]\])",
    re.DOTALL,
)


def marks(text: str) -> Iterator[Mark]:
    """Comments and the links between notes."""
    for place in _PLACE.finditer(text):
        start, end = place.span()
        if place["hidden"]:
            yield Mark(start, end, "hidden", place[0])
        elif place["wiki"]:
            name = place["name"].rstrip("\\").strip()
            picture = place[0].startswith("!") and re.search(r"\.(?:png|jpe?g|gif|svg|webp|bmp)$", name, re.IGNORECASE)
            yield Mark(start, end, "file" if picture else "link", place[0], name, None if picture else place["label"] or place["name"])


def lookup(name: str, page: str, links: Links) -> Target | None:
    """A path, relative to its page or to the vault, percent-decoded, with or without `.md`; None for an address."""
    if re.match(r"[a-z][a-z0-9+.-]*:", name, re.IGNORECASE) or name.startswith("//"):
        return None
    path, _, anchor = unquote(name).partition("#")
    if not path:
        return Target("page", "", anchor)
    relative = posixpath.normpath(posixpath.join(posixpath.dirname(page), path.lstrip("/") if path.startswith("/") else path))
    for whole in dict.fromkeys((relative, posixpath.normpath(path.lstrip("/")), posixpath.basename(path))):
        for kind, found in (("page", whole.removesuffix(".md")), ("file", whole)):
            record = links.find(kind, found)
            if record:
                return Target(kind, found, anchor, record)
    kind = "file" if re.search(r"\.(?!md$)[a-zA-Z0-9]{2,4}$", path) else "page"
    return Target(kind, relative.removesuffix(".md"), anchor)


_LINK = re.compile(
    r"(?P<raw>(?m:^ {0,3})(?P<fence>`{3,}|~{3,})[^\n]*\n.*?(?:\n {0,3}(?P=fence)|\Z)|(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`))|\]\((?P<path><[^<>\n]+>|[^\s()<>]+)",
    re.DOTALL,
)


def places(text: str) -> Iterator[Mark]:
    """Every name in a text, also those that pandoc reads by itself."""
    inline = (Mark(*place.span("path"), "name", place["path"], place["path"].strip("<>")) for place in _LINK.finditer(text) if place["path"])
    return iter(sorted([*marks(text), *inline]))


def renamed(mark: Mark, name: str, anchor: str) -> str:
    """The same place with another name."""
    if mark.kind == "name":
        return quote(name, safe="/:@!$&'+,;=-._~") + (f"#{quote(anchor)}" if anchor else "")
    label = f"|{mark.label}" if isinstance(mark.label, str) else ""
    return f"{'!' if mark.text.startswith('!') else ''}[[{name}{'#' + anchor if anchor else ''}{label}]]"


MARKUP = Markup("commonmark+pipe_tables+raw_html+strikeout+footnotes", marks, lookup, renamed, places)
