"""Counts in Markdown, by markdown-it."""

from __future__ import annotations

import re
from functools import cache
from typing import Any
from urllib.parse import unquote

from reversa.markup.counting import Tally
from reversa.markup.counting import count as count_of

_NOTE = re.compile(r"^\[\^([^\]\s]+)\]: ", re.MULTILINE)
_WIKI = re.compile(r"(!?)\[\[([^\[\]|\n]+)(?:\|([^\[\]\n]*))?\]\]")
_PICTURE = re.compile(r"\.(?:png|jpe?g|gif|svg|webp|bmp)$", re.IGNORECASE)


@cache
def _parser() -> Any:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"maxNesting": 200}).enable(["table", "strikethrough"])
    parser.validateLink = lambda _url: True  # type: ignore[method-assign, assignment]
    return parser


def count(tally: Tally, text: str, source: bool) -> None:
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL) if source else text
    for name in _NOTE.findall(text):
        text = re.sub(rf"(?<!\\)\[\^{re.escape(name)}\](?:: )?", " ", text)
    tokens = _parser().parse(text)
    for place, token in enumerate(tokens):
        if token.type == "inline":
            if tokens[place - 1].type in ("td_open", "th_open"):
                with tally.cell():
                    _inline(tally, token.children, source)
            else:
                tally.gap()
                _inline(tally, token.children, source)
                tally.gap()
        elif token.type in ("fence", "code_block"):
            tally.gap()
            tally.text(token.content)
            tally.gap()
            tally.codes += 1
        elif token.type == "html_block":
            _html(tally, token.content)
        elif token.type == "heading_open":
            tally.headings += 1


def _html(tally: Tally, text: str) -> None:
    inner = count_of("html", text, source=True)
    tally.gap()
    tally.text(" ".join(inner.words().elements()))
    tally.gap()
    tally.links += inner.links
    tally.images += inner.images
    tally.cells += inner.cells
    tally.codes += inner.codes
    tally.headings += inner.headings


def _inline(tally: Tally, tokens: list[Any], source: bool) -> None:
    place = 0
    while place < len(tokens):
        token = tokens[place]
        if token.type == "text":
            _text(tally, token.content, source)
        elif token.type in ("text_special", "code_inline"):
            tally.text(token.content)
        elif token.type in ("softbreak", "hardbreak"):
            tally.gap()
        elif token.type == "html_inline":
            _tag(tally, token.content)
        elif token.type == "image":
            with tally.image(unquote(token.attrGet("src") or "")):
                _inline(tally, token.children or [], source)
        elif token.type == "link_open":
            end = _end(tokens, place)
            with tally.link(unquote(token.attrGet("href") or "")):
                _inline(tally, tokens[place + 1 : end], source)
            place = end
        place += 1


def _tag(tally: Tally, text: str) -> None:
    if re.match("<br", text, re.IGNORECASE):
        tally.gap()
    elif re.match("<img", text, re.IGNORECASE):
        _html(tally, text)


def _end(tokens: list[Any], start: int) -> int:
    return next(place for place in range(start, len(tokens)) if tokens[place].type == "link_close")


def _text(tally: Tally, text: str, source: bool) -> None:
    end = 0
    for found in _WIKI.finditer(text) if source else ():
        tally.text(text[end : found.start()])
        end = found.end()
        name = found[2].strip()
        if found[1] and _PICTURE.search(name):
            with tally.image(name):
                continue
        with tally.link(name):
            tally.text(found[3] or found[2])
    tally.text(text[end:])
