"""Counts in MediaWiki's wikitext, by mwparserfromhell."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from reversa.markup.counting import Tally
from reversa.markup.tree import BOX

_FILE = re.compile(r"\s*(?:file|image|datei|bild|fichier|archivo|imagen|файл|изображение|bestand|immagine|ficheiro|plik)\s*:\s*", re.IGNORECASE)
_OPTION = re.compile(
    r"\s*(?:thumb(?:nail)?(?:=.*)?|frame|framed|frameless|border|left|right|center|none|baseline|middle|sub|super|top|text-top|bottom|text-bottom"
    r"|upright(?:[ =].*)?|[0-9]*(?:x[0-9]+)?px|(?:alt|link|class|lang|page)=.*)\s*",
    re.IGNORECASE | re.DOTALL,
)
_SIGNS = re.compile(r"'{2,}|__(?:NO|FORCE)?TOC__|__[A-Z]{4,}__")
"""Bold and italics, and switches of the page."""
_EXTENSIONS = {"gallery", "poem", "score", "timeline", "templatedata", "imagemap", "inputbox", "hiero", "charinsert", "dpl", "ask", "categorytree"}
_BLOCKS = {
    "p",
    "div",
    "center",
    "blockquote",
    "li",
    "ul",
    "ol",
    "dl",
    "dt",
    "dd",
    "br",
    "hr",
    "tr",
    "caption",
    "table",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "ref",
}
_INLINE = {
    *("b", "i", "u", "s", "small", "big", "sub", "sup", "span", "font", "tt", "code", "kbd", "var", "samp", "del", "ins", "strike", "em", "strong"),
    *(
        "cite",
        "abbr",
        "dfn",
        "q",
        "mark",
        "bdi",
        "bdo",
        "rb",
        "rp",
        "rt",
        "ruby",
        "wbr",
        "references",
        "includeonly",
        "noinclude",
        "onlyinclude",
        "math",
    ),
}
_TAG = re.compile(rf"</?({'|'.join(sorted(_BLOCKS | _INLINE, key=len, reverse=True))})\b[^<>]*>", re.IGNORECASE)
"""Tags that the parser leaves in its text, because they are never closed."""


def count(tally: Tally, text: str, source: bool) -> None:
    import mwparserfromhell

    _Walk(tally, source).nodes(mwparserfromhell.parse(text, skip_style_tags=True).nodes)


class _Walk:
    def __init__(self, tally: Tally, source: bool) -> None:
        self.tally = tally
        self.source = source
        self.unlabelled = 0

    def nodes(self, nodes: list[Any]) -> None:
        for place, node in enumerate(nodes):
            follows = nodes[place + 1] if place + 1 < len(nodes) else ""
            getattr(self, type(node).__name__.lower())(node, follows)

    def text(self, node: Any, _follows: Any) -> None:
        text = _SIGNS.sub("", str(node))
        self.tally.text(_TAG.sub(lambda tag: "\n" if tag[1].lower() in _BLOCKS else "", text) if "<" in text else text)

    def htmlentity(self, node: Any, _follows: Any) -> None:
        self.tally.text(node.normalize())

    def comment(self, node: Any, follows: Any) -> None:
        """Nobody saw it."""

    def template(self, node: Any, _follows: Any) -> None:
        self.tally.gap()
        self.tally.text(str(node))
        self.tally.gap()

    argument = template

    def heading(self, node: Any, _follows: Any) -> None:
        self.tally.gap()
        self.nodes(node.title.nodes)
        self.tally.gap()
        self.tally.headings += 1

    def wikilink(self, node: Any, follows: Any) -> None:
        name = str(node.title)
        if self.source and re.search(r"[\[\]]", name):  # no title: MediaWiki shows what is written
            self.tally.text(str(node))
            return
        if found := _FILE.match(name):
            with self.tally.image("File:" + name[found.end() :].strip() if self.source else name[found.end() :].strip()):
                self.nodes(_caption(node.text.nodes) if node.text else [])
            return
        if re.match(r"\s*category\s*:", name, re.IGNORECASE) and self.source:
            name = "Category:" + name.partition(":")[2].strip()
            self.tally.gap()
            with self.tally.link(name):
                self.tally.text(name)
            self.tally.gap()
            return
        with self.tally.link(name if self.source else re.sub("^Media:", "", name)):
            self.nodes(node.text.nodes if node.text else node.title.nodes)
            if type(follows).__name__ == "Text" and (trail := re.match("[a-z]+", str(follows))):
                self.tally.text(trail[0])
                follows.value = str(follows)[trail.end() :]

    def externallink(self, node: Any, _follows: Any) -> None:
        name = str(node.url)
        with self.tally.link(name):
            if node.title is not None:
                self.nodes(node.title.nodes)
            elif node.brackets:
                self.unlabelled += 1
                self.tally.text(str(self.unlabelled))
            else:
                self.tally.text(name)

    def tag(self, node: Any, follows: Any) -> None:
        name = str(node.tag).strip().lower()
        if name in ("pre", "source", "syntaxhighlight"):
            self._code(node)
        elif name in _EXTENSIONS:
            self.template(node, follows)
        elif name == "td" and node.wiki_markup == "|" and str(node.contents).startswith("+"):
            self._within(node)
        elif name in ("td", "th"):
            with self.tally.cell():
                self.nodes(node.contents.nodes)
        elif name == "nowiki":
            self._raw(node)
        elif name in _BLOCKS:
            self.tally.gap()
            self.tally.headings += name in ("h1", "h2", "h3", "h4", "h5", "h6")
            self._within(node)
            self.tally.gap()
        elif name in _INLINE:
            self._within(node)
        else:  # not a tag to MediaWiki: it is shown
            self.tally.text(str(node).partition(str(node.contents))[0] if node.contents else str(node))
            self._within(node)
            self.tally.text(f"</{node.closing_tag}>" if node.contents is not None and not node.self_closing else "")

    def _within(self, node: Any) -> None:
        if node.contents is not None:
            self.nodes(node.contents.nodes)

    def _raw(self, node: Any) -> None:
        """What is shown as it is written, but for character references."""
        if node.contents is not None:
            text = str(node.contents)
            if str(node.tag).lower() in ("pre", "nowiki"):
                bare = re.sub(r"</?nowiki\s*/?>", "", text) if str(node.tag).lower() == "pre" else text
                text = re.sub(r"&#?\w+;", lambda found: unescape(found[0]), bare)
            self.tally.text(text)

    def _code(self, node: Any) -> None:
        self.tally.gap()
        self._raw(node)
        self.tally.gap()
        if str(node.contents).lstrip().startswith((BOX, "&#9635;")) and not self.source:
            self.tally.boxes += 1
        self.tally.codes += 1


def _caption(nodes: list[Any]) -> list[Any]:
    """The part of a picture's options that is shown: the last that is none."""
    parts: list[list[Any]] = [[]]
    for node in nodes:
        if type(node).__name__ != "Text":
            parts[-1].append(node)
            continue
        for place, piece in enumerate(str(node).split("|")):
            if place:
                parts.append([])
            parts[-1].append(type(node)(piece))
    shown = [part for part in parts if not _OPTION.fullmatch("".join(map(str, part)))]
    return shown[-1] if shown else []
