"""Counts in HTML, by lexbor."""

from __future__ import annotations

from typing import Any

from reversa.markup.counting import Tally

_UNSEEN = {
    "script",
    "style",
    "iframe",
    "object",
    "embed",
    "applet",
    "noscript",
    "template",
    "svg",
    "head",
    "title",
    "-comment",
    "textarea",
    "select",
    "-doctype",
    "form",
    "input",
    "button",
}
_INLINE = {
    *(
        "a",
        "abbr",
        "b",
        "bdi",
        "bdo",
        "big",
        "cite",
        "code",
        "data",
        "del",
        "dfn",
        "em",
        "font",
        "i",
        "ins",
        "kbd",
        "mark",
        "q",
        "s",
        "samp",
        "small",
    ),
    *("span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr"),
}
NOTE = "reversa-note"
"""Class of the numbers that our writer gives footnotes."""


def count(tally: Tally, text: str, source: bool) -> None:
    from selectolax.lexbor import LexborHTMLParser

    root = LexborHTMLParser(text).root
    if root is not None:
        _walk(tally, root, source)


def _walk(tally: Tally, node: Any, source: bool) -> None:
    child = node.child
    while child is not None:
        _node(tally, child, source)
        child = child.next


def _node(tally: Tally, node: Any, source: bool) -> None:
    name = node.tag
    if name == "-text":
        tally.text(node.text_content or "")
        return
    if name in _UNSEEN or (not source and NOTE in (node.attributes.get("class") or "")):
        return
    if name == "img":
        with tally.image(node.attributes.get("src") or ""):
            tally.text(node.attributes.get("alt") or "")
    elif name == "a" and node.attributes.get("href"):
        with tally.link(node.attributes["href"]):
            _walk(tally, node, source)
    elif name in ("td", "th"):
        with tally.cell():
            _walk(tally, node, source)
    elif name in _INLINE:
        _walk(tally, node, source)
    else:
        tally.gap()
        tally.codes += name == "pre"
        _walk(tally, node, source)
        tally.headings += name in ("h1", "h2", "h3", "h4", "h5", "h6")
        tally.gap()
