"""Counts in XWiki 2.1 syntax, by a scanner of its own. XWiki is only ever a target here, so it reads what our writer writes."""

from __future__ import annotations

import re
from contextlib import ExitStack

from reversa.markup.counting import Tally

_TOKEN = re.compile(
    r"~(?P<literal>.)"
    r"|\{\{\{(?P<verbatim>(?:~.|[^~])*?)\}\}\}"
    r'|\{\{code language="[^"]*"\}\}\n(?P<code>.*?)\n\{\{/code\}\}'
    r"|(?P<note>\{\{/?footnote\}\})"
    r"|\[\[image:(?P<image>(?:~.|[^~\]])+?)\]\]"
    r"|\[\[url:(?P<bare>(?:~.|[^~\]])+?)\]\]"
    r"|(?P<open>\[\[)|>>(?P<target>(?:~.|[^~\]])*)\]\]"
    r"|^(?P<heading>=+) |(?P<after> =+)$"
    r"|^(?P<item>[*1]+\.? |[;:>]+ ?)"
    r"|(?P<cell>\|=?)"
    r"|(?P<opening>\(\(\()|(?P<closing>\)\)\))"
    r"|(?P<break>\\\\|\n)"
    r"|(?P<mark>\*\*|//|__|--|\^\^|,,|##)"
    r"|(?P<other>[^~{\[>=|\\\n()*/_\-^,#1;: ]+|.)",
    re.DOTALL | re.MULTILINE,
)


class _Cell:
    """Where a cell began: cells hold groups, which hold tables."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.filled = False


def count(tally: Tally, text: str, source: bool) -> None:
    del source
    cells: list[_Cell] = []
    links: list[ExitStack] = []
    depth = 0

    def end_cell() -> None:
        if cells and cells[-1].depth == depth:
            tally.cells += cells.pop().filled
            tally.gap()

    def say(words: str) -> None:
        tally.text(words)
        if any(char.isalnum() for char in words):
            for cell in cells:
                cell.filled = True

    position = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            break
        position = token.end()
        kind = token.lastgroup
        if kind == "literal":
            say(token["literal"])
        elif kind in ("verbatim", "code"):
            inside = re.sub(r"~(.)", r"\1", token["verbatim"]) if kind == "verbatim" else token["code"]
            tally.gap()
            say(inside)
            tally.gap()
            tally.codes += 1
        elif kind == "image":
            name, _, parameters = token["image"].partition("||")
            alt = re.search(r'alt="((?:~.|[^~"])*)"', parameters)
            with tally.image(_bare(name)):
                say(re.sub(r"~(.)", r"\1", alt[1]) if alt else "")
            for cell in cells:
                cell.filled = True
        elif kind == "bare":
            with tally.link(_bare(token["bare"])):
                pass
        elif kind == "open":
            target = _target_of(text, position)
            links.append(ExitStack())
            links[-1].enter_context(tally.link(target))
        elif kind == "target":
            if links:
                links.pop().close()
        elif kind == "heading":
            tally.headings += 1
        elif kind == "cell":
            end_cell()
            cells.append(_Cell(depth))
        elif kind == "opening":
            depth += 1
            tally.gap()
        elif kind == "closing":
            end_cell()
            depth -= 1
            tally.gap()
        elif kind == "break":
            if token["break"] == "\n":
                end_cell()
            tally.gap()
        elif kind == "note":
            tally.gap()
        elif kind == "other":
            say(token["other"])
    end_cell()


def _target_of(text: str, position: int) -> str:
    """The target of the link whose label begins here."""
    depth = 1
    for token in _TOKEN.finditer(text, position):
        depth += {"open": 1, "target": -1}.get(token.lastgroup or "", 0)
        if depth == 0:
            name, _, anchor = token["target"].partition("||anchor=")
            return _bare(name) + ("#" + _bare(anchor) if anchor else "")
    return ""


def _bare(name: str) -> str:
    return re.sub(r"~(.)", r"\1", re.sub(r"^(?:doc|attach|user|space|url):", "", name)).strip('"')
