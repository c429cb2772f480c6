"""A document tree as text of a markup: what all writers share.

Literal text is gathered into runs and escaped as a whole, with a look at what stands beside it: a sign that is harmless alone may be markup
together with its neighbour. A paragraph is one line, so that only its beginning can be taken for a list, a heading or a table.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, NamedTuple
from urllib.parse import unquote

from reversa.markup.contract import Links
from reversa.markup.tree import DANGLING, URN, Node
from reversa.records import ref

_SEEMING = re.compile(r"</?(?:span|font)\b", re.IGNORECASE)
_QUOTES = {"SingleQuote": "‘’", "DoubleQuote": "“”"}


class Cell(NamedTuple):
    """A table's cell and how many columns and rows it covers."""

    head: bool
    align: str
    rows: int
    columns: int
    blocks: list[Node]


class Grid(NamedTuple):
    caption: list[Node]
    rows: list[list[Cell]]


class Writer:
    """Writes one document. ``style``: appearances that the markup does not know, ``demoted``: constructs that became plainer ones, ``own``: words that the writer added."""

    marks: ClassVar[dict[str, tuple[str, str]]] = {}
    """Inline nodes that stand between two signs."""
    separator: ClassVar[str] = "\n\n"

    def __init__(self, links: Links) -> None:
        self._links = links
        self._inside = [""]
        self.style: Counter[str] = Counter()
        self.demoted: Counter[str] = Counter()
        self.own: Counter[str] = Counter()
        self.boxes = 0
        self.block_boxes = 0

    # ------------------------------------------------------------------------------------------------ blocks

    def document(self, blocks: list[Node]) -> str:
        """The whole text."""
        made = self.blocks(blocks)
        return self.separator.join(made) + ("\n" if made else "")

    def blocks(self, blocks: list[Node]) -> list[str]:
        """Each block as text; empty ones are left out."""
        return [text for node in blocks if (text := self.block(node))]

    def block(self, node: Node) -> str:
        write: Callable[[Any], str] = getattr(self, node["t"].lower())
        return write(node.get("c"))

    def para(self, content: list[Node]) -> str:
        return self.inlines(content, first=True)

    plain = para

    def lineblock(self, content: list[list[Node]]) -> str:
        return self.para([part for place, line in enumerate(content) for part in ([{"t": "LineBreak"}] if place else []) + line])

    def div(self, content: list[Any]) -> str:
        return self.separator.join(self.blocks(content[1]))

    def figure(self, content: list[Any]) -> str:
        """A caption stands below its picture."""
        return self.separator.join(self.blocks([*content[2], *content[1][1]]))

    def rawblock(self, content: list[str]) -> str:
        return self.raw(content[0], content[1])

    # ------------------------------------------------------------------------------------------------ inlines

    def inlines(self, nodes: list[Node], *, first: bool = False, inside: str = "") -> str:
        """Inline nodes as text; ``first``: at the start of a line; ``inside``: signs that would end what the text stands in."""
        self._inside.append(inside or self._inside[-1])
        parts = list(_runs(nodes))
        made = ["" if isinstance(part, str) else self.inline(part) for part in parts]
        text = ""
        for place, part in enumerate(parts):
            if isinstance(part, str):
                at_start = not text if first else False
                after = next(filter(None, made[place + 1 :]), "")
                text += self.escape(part.lstrip(" ") if at_start else part, at_start, text[-1:], after[:1])
            else:
                text += made[place]
        self._inside.pop()
        return text

    def escape(self, text: str, first: bool, before: str, after: str) -> str:
        """Literal text so that the target shows it as it is."""
        raise NotImplementedError

    def inline(self, node: Node) -> str:
        kind, content = node["t"], node.get("c")
        signs = self.marks.get(kind)
        if signs is not None and isinstance(content, list):
            return self.between(signs, content)
        write: Callable[[Any], str] = getattr(self, kind.lower())
        return write(content)

    def between(self, signs: tuple[str, str], content: list[Node]) -> str:
        """Marked text; blanks at its ends stand outside the marks."""
        text = self.inlines(content)
        inner = text.strip(" ")
        if not inner:
            return text
        return text[: len(text) - len(text.lstrip(" "))] + signs[0] + inner + signs[1] + text[len(text.rstrip(" ")) :]

    def plainly(self, content: list[Node]) -> str:
        return self.inlines(content)

    superscript = subscript = underline = strikeout = emph = strong = plainly

    def rawinline(self, content: list[str]) -> str:
        return self.raw(content[0], content[1])

    def math(self, content: list[Any]) -> str:
        return self.code([None, content[1]])

    def raw(self, format: str, text: str) -> str:
        """Markup of another system that pandoc passed on."""
        if format == "html" and text.startswith("<") and text.rstrip().endswith(">"):
            self.style[text.strip("</>").split(" ", 1)[0].lower()] += not text.startswith("</")
            return ""
        return self.escape(text, first=False, before="", after="")

    # ------------------------------------------------------------------------------------------------ links

    def link(self, content: list[Any]) -> str:
        _, label, (address, _) = content
        place = self.place(address)
        if place is None:
            return self.external(address, label)
        return self.internal(*place, label or [{"t": "Str", "c": place[1]}])  # a mention shows the name that it leads to

    def image(self, content: list[Any]) -> str:
        attributes, label, (address, _) = content
        place = self.place(address)
        size = {name: value for name, value in attributes[2] if name in ("width", "height")}
        if place is None:
            return self.picture(address, label, size, outside=True)
        return self.picture(place[1], label, size, outside=False)

    def place(self, address: str) -> tuple[str, str, str] | None:
        """Kind, name in the target and anchor of a link inside; None for an address."""
        if address.startswith("#"):
            return "page", "", address[1:]
        if not address.startswith(URN):
            return None
        bare, _, anchor = address.partition("#")
        kind, _, id = bare.removeprefix(DANGLING).removeprefix(URN).partition(":")
        name = unquote(id)
        if not address.startswith(DANGLING):
            name = self._links.address(ref(kind, name)) or name
        return kind, name, anchor

    def internal(self, kind: str, name: str, anchor: str, label: list[Node]) -> str:
        raise NotImplementedError

    def external(self, address: str, label: list[Node]) -> str:
        raise NotImplementedError

    def picture(self, name: str, label: list[Node], size: dict[str, str], *, outside: bool) -> str:
        raise NotImplementedError

    def plainer(self, nodes: Any) -> None:
        """Links and pictures where only text may stand."""
        if isinstance(nodes, list):
            for node in nodes:
                self.plainer(node)
        elif isinstance(nodes, dict):
            if nodes.get("t") in ("Link", "Image"):
                self.demoted[nodes["t"].lower()] += 1
            if nodes.get("t") == "Box":
                self.boxes += 1
            self.plainer(nodes.get("c"))

    def code(self, content: list[Any]) -> str:
        raise NotImplementedError


def _runs(nodes: list[Node]) -> Iterator[str | Node]:
    """Text between other nodes as one run; what only wraps text is looked through."""
    run: list[str] = []
    for node in _joined(_flat(nodes)):
        if isinstance(node, str):
            run.append(node)
            continue
        if run:
            yield "".join(run)
            run = []
        yield node
    if run:
        yield "".join(run)


def _joined(nodes: Iterator[str | Node]) -> Iterator[str | Node]:
    """Code beside code as one piece: the marks between them would run together."""
    waiting: Node | None = None
    for node in nodes:
        if waiting and not isinstance(node, str) and node["t"] == "RawInline" and _SEEMING.match(node["c"][1]):
            yield node  # an appearance at most
            continue
        if not isinstance(node, str) and node["t"] == "Code":
            waiting = {"t": "Code", "c": [node["c"][0], (waiting["c"][1] if waiting else "") + node["c"][1]]}
            continue
        if waiting:
            yield waiting
            waiting = None
        yield node
    if waiting:
        yield waiting


def _flat(nodes: list[Node]) -> Iterator[str | Node]:
    for node in nodes:
        kind: str = node["t"]
        content: Any = node.get("c")
        if kind == "Str":
            yield node["c"].replace("\n", " ")
        elif kind in ("Space", "SoftBreak"):
            yield " "
        elif kind in ("Span", "Cite"):
            yield from _flat(node["c"][1])
        elif kind == "SmallCaps":
            yield from _flat(node["c"])
        elif kind == "Quoted" and content:
            left, right = tuple(_QUOTES[content[0]["t"]])
            yield left
            yield from _flat(content[1])
            yield right
        else:
            yield node


def words(nodes: Any) -> str:
    """The text in a part of the tree, without any marks."""
    if isinstance(nodes, list):
        return "".join(words(node) for node in nodes)
    if not isinstance(nodes, dict):
        return ""
    kind, content = nodes.get("t"), nodes.get("c")
    if kind in ("Str", "Box", "BoxBlock"):
        return str(content)
    if kind in ("Space", "SoftBreak", "LineBreak"):
        return " "
    if kind in ("Code", "CodeBlock", "Math"):
        return str(content[1]) if isinstance(content, list) else ""
    text = words(content)
    return f"{text} " if kind in ("Para", "Plain", "Header") else text


def tight(blocks: list[Node]) -> bool:
    """Whether a list item is one line of text and lists."""
    return all(node["t"] in ("Para", "Plain") for node in blocks[:1]) and all(node["t"] in ("BulletList", "OrderedList") for node in blocks[1:])


def grid(content: list[Any]) -> Grid:
    """A table's rows: those of its head first, those of its foot last."""
    _, caption, columns, head, bodies, foot = content
    aligns = [str(column[0]["t"]) for column in columns]
    rows = [(row, True) for row in head[1]]
    for body in bodies:
        rows += [(row, True) for row in body[2]] + [(row, False) for row in body[3]]
    rows += [(row, False) for row in foot[1]]
    made = []
    for (_, cells), is_head in rows:
        line, column = [], 0
        for _, align, down, across, blocks in cells:
            own = str(align["t"])
            line.append(
                Cell(is_head, own if own != "AlignDefault" else aligns[min(column, len(aligns) - 1)] if aligns else own, down, across, blocks)
            )
            column += across
        made.append(line)
    return Grid([node for block in caption[1] for node in (block["c"] if block["t"] in ("Para", "Plain") else [])], made)
