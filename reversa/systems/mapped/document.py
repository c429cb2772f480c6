"""A mapping file as YAML: every value is the text that a person wrote, and knows its line.

The nodes are not turned into Python values, so ``no`` is not False and ``1`` is not a number.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

import yaml

from reversa.errors import MappingError


class Node:
    """A value of a mapping file, and where it stands."""

    def __init__(self, node: yaml.Node, file: Path) -> None:
        self._node, self.file = node, file
        self.line = node.start_mark.line + 1

    def wrong(self, message: str, hint: str = "") -> MappingError:
        """An error that names the line."""
        return MappingError(f"{self.file}, line {self.line}: {message}", hint)

    @property
    def is_text(self) -> bool:
        return isinstance(self._node, yaml.ScalarNode)

    @property
    def is_list(self) -> bool:
        return isinstance(self._node, yaml.SequenceNode)

    def text(self) -> str:
        if not isinstance(self._node, yaml.ScalarNode) or not self._node.value.strip():
            raise self.wrong("a text is missing here.")
        return str(self._node.value).strip()

    def verbatim(self) -> str:
        """The text as it stands, which may be empty."""
        if not isinstance(self._node, yaml.ScalarNode):
            raise self.wrong("a text was expected here.")
        return str(self._node.value)

    def items(self) -> list[Node]:
        if not isinstance(self._node, yaml.SequenceNode):
            raise self.wrong("a list was expected here, each of its items after a dash.")
        return [Node(item, self.file) for item in self._node.value]

    def members(self, known: Iterable[str] | None = None) -> dict[str, Node]:
        """Name → value. Raises MappingError for a name that is there twice, or is not a ``known`` one."""
        if not isinstance(self._node, yaml.MappingNode):
            raise self.wrong("names with values were expected here, as `name: value`.")
        found: dict[str, Node] = {}
        for key, value in self._node.value:
            name, place = str(key.value), Node(key, self.file)
            if name in found:
                raise place.wrong(f"`{name}` is here twice.")
            if known is not None and name not in known:
                raise place.wrong(f"there is no `{name}` here.", nearest(name, known))
            found[name] = Node(value, self.file)
        return found


def nearest(name: str, known: Iterable[str]) -> str:
    """What was probably meant."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, 1, 0.5)
    return f"The nearest name: {close[0]}" if close else f"Known: {', '.join(names)}"


def read_document(file: Path) -> Node:
    """The whole of a file. Raises MappingError where it is no YAML, and for anchors, which nobody needs here."""
    try:
        text = file.read_text(encoding="utf-8")
        anchors = [event.start_mark.line for event in yaml.parse(text, yaml.SafeLoader) if isinstance(event, yaml.AliasEvent) and event.start_mark]
        root = yaml.compose(text, yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise MappingError(f"{file}{where}: this is not YAML: {getattr(error, 'problem', None) or error}") from error
    if anchors:
        raise MappingError(f"{file}, line {anchors[0] + 1}: a mapping takes no YAML aliases.")
    if root is None:
        raise MappingError(f"{file} is empty.", "reversa map suggest SOURCE writes a first one.")
    return Node(root, file)
