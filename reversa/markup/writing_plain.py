"""A document tree as text without any markup. An address stands in angle brackets behind its label."""

from __future__ import annotations

from typing import Any, ClassVar

from reversa.markup.tree import BOX, Node
from reversa.markup.writing import Writer, grid, words


class Plain(Writer):
    marks: ClassVar = {}

    def escape(self, text: str, first: bool, before: str, after: str) -> str:
        del first, before, after
        return text

    def linebreak(self, _content: None) -> str:
        return "\n"

    def note(self, content: list[Node]) -> str:
        return f" ({' '.join(self.blocks(content))}) "

    def code(self, content: list[Any]) -> str:
        return str(content[1])

    def box(self, text: str) -> str:
        self.boxes += 1
        return f"{BOX} {text}"

    boxblock = box

    def codeblock(self, content: list[Any]) -> str:
        return str(content[1]).removesuffix("\n")

    def header(self, content: list[Any]) -> str:
        return self.inlines(content[2])

    def horizontalrule(self, _content: None) -> str:
        return "* * *"

    def blockquote(self, content: list[Node]) -> str:
        return "\n".join(f"> {line}" for line in "\n\n".join(self.blocks(content)).split("\n"))

    def bulletlist(self, content: list[list[Node]]) -> str:
        return self._list(["- "] * len(content), content)

    def orderedlist(self, content: list[Any]) -> str:
        (start, _, _), items = content
        self.own.update(str(start + place) for place in range(len(items)))
        return self._list([f"{start + place}. " for place in range(len(items))], items)

    def _list(self, signs: list[str], items: list[list[Node]]) -> str:
        return "\n".join(sign + "\n".join(self.blocks(item)).replace("\n", "\n" + " " * len(sign)) for sign, item in zip(signs, items, strict=True))

    def definitionlist(self, content: list[Any]) -> str:
        return "\n".join(
            "\n  ".join([self.inlines(term), *(text for blocks in meanings for text in self.blocks(blocks))]) for term, meanings in content
        )

    def table(self, content: list[Any]) -> str:
        caption, rows = grid(content)
        lines = ["\t".join(" ".join(self.blocks(cell.blocks)).replace("\n", " ") for cell in row) for row in rows]
        return "\n".join([*([self.inlines(caption)] if caption else []), *lines])

    def internal(self, kind: str, name: str, anchor: str, label: list[Node]) -> str:
        del kind
        return self.external(name + (f"#{anchor}" if anchor else ""), label)

    def external(self, address: str, label: list[Node]) -> str:
        text = self.inlines(label)
        return text if words(label).strip() == address else f"{text} ⟨{address}⟩".strip()

    def picture(self, name: str, label: list[Node], size: dict[str, str], *, outside: bool) -> str:
        del size, outside
        return self.external(name, label)
