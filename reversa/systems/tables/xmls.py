"""XML from outside, read as it comes. A document with a DTD is refused: it could name entities that grow or that are files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol
from xml.parsers import expat

_BLOCK = 1 << 18
_DEEPEST = 200


class Refused(Exception):
    """A document that is not well-formed, or made to do harm."""


class Source(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Handler(Protocol):
    """What is done with the elements, by their names without a prefix."""

    def start(self, name: str, attributes: dict[str, str]) -> None: ...
    def text(self, text: str) -> None: ...
    def end(self, name: str) -> None: ...


def parsed(source: Source, handler: Handler) -> Iterator[int]:
    """Gives the line after each block. Raises Refused, and what reading raises."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEEPEST:
            raise Refused(f"elements are more than {_DEEPEST} deep")
        handler.start(_local(name), attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        handler.end(_local(name))

    def refuse(*_: object) -> None:
        raise Refused("it has a document type definition")

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, handler.text
    parser.StartDoctypeDeclHandler = refuse
    try:
        while block := source.read(_BLOCK):
            parser.Parse(block, False)
            yield parser.CurrentLineNumber
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise Refused(str(error)) from error


def _local(name: str) -> str:
    return name.rpartition(" ")[2]


class Node:
    """An element of a small document."""

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name, self.attributes, self.text = name, attributes, ""
        self.children: list[Node] = []

    def all(self, *path: str) -> list[Node]:
        """The elements at the end of a path."""
        found = [self]
        for name in path:
            found = [child for node in found for child in node.children if child.name == name]
        return found

    def of(self, name: str) -> str:
        """The text of a child, empty where there is none."""
        return next((child.text.strip() for child in self.children if child.name == name), "")


class _Builder:
    def __init__(self) -> None:
        self.nodes = [Node("", {})]

    def start(self, name: str, attributes: dict[str, str]) -> None:
        node = Node(name, attributes)
        self.nodes[-1].children.append(node)
        self.nodes.append(node)

    def text(self, text: str) -> None:
        self.nodes[-1].text += text

    def end(self, _name: str) -> None:
        self.nodes.pop()


def document(source: Source) -> Node:
    """A small document; its root is the one child of the node. Raises Refused."""
    builder = _Builder()
    for _ in parsed(source, builder):
        pass
    return builder.nodes[0]
