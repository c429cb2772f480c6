"""A document tree as Markdown (CommonMark with GitHub's tables). Literal signs get a backslash."""

from __future__ import annotations

import re
from typing import Any, ClassVar
from urllib.parse import quote

from reversa.markup.tree import BOX, Node
from reversa.markup.writing import Writer, grid, words

_SIGNS = re.compile(
    r"(?=[\\`*_\[\]<>|~$&:.@%=#!^{}])(?:"  # no letter starts any of these
    r"[\\`*_\[\]<>|~$]|&(?=#?\w+;)|:(?=//)|(?<=\bwww)\.|@(?=\w)|%(?=%)|(?<=%)%|=(?==)|(?<==)=|(?<![\w&])#(?=\w)|(?<=mailto):|(?<=xmpp):|!(?=\[)|\^(?=\w)|\{(?=\{)|\}(?=\}))",
    re.IGNORECASE,
)
_FIRST = re.compile(r"[#+=:-]|[0-9]{1,9}(?=[.)](?:\s|$))")


class Markdown(Writer):
    """What Markdown's tables cannot hold is written in line."""

    marks: ClassVar = {
        "Strong": ("**", "**"),
        "Emph": ("*", "*"),
        "Strikeout": ("~~", "~~"),
        "Underline": ("<u>", "</u>"),
        "Superscript": ("<sup>", "</sup>"),
        "Subscript": ("<sub>", "</sub>"),
    }

    def __init__(self, links: Any) -> None:
        super().__init__(links)
        self._notes: list[str] = []
        self._in_cell = False

    def document(self, blocks: list[Node]) -> str:
        made = [*self.blocks(blocks), *self._notes]
        return "\n\n".join(made) + ("\n" if made else "")

    def escape(self, text: str, first: bool, before: str, after: str) -> str:
        del before
        made = _SIGNS.sub(lambda sign: "\\" + sign[0], text)
        if first and (sign := _FIRST.match(made)):
            made = f"\\{made}" if not sign[0][0].isdigit() else f"{sign[0]}\\{made[len(sign[0]) :]}"
        if made.endswith("!") and after == "[":
            made = made[:-1] + "\\!"
        return made

    def between(self, signs: tuple[str, str], content: list[Node]) -> str:
        return super().between(signs, content)

    def linebreak(self, _content: None) -> str:
        return "<br>"

    def note(self, content: list[Node]) -> str:
        number = len(self._notes) + 1
        self._notes.append("")
        text = _indented("\n\n".join(self.blocks(content)), "    ")
        self._notes[number - 1] = f"[^{number}]: {text}"
        return f"[^{number}]"

    def code(self, content: list[Any]) -> str:
        text = content[1].replace("\n", " ")
        if not text.strip():
            return ""
        if self._in_cell:
            text = text.replace("|", "\\|")
        fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
        pad = " " if text[0] in "` " or text[-1] in "` " else ""
        return f"{fence}{pad}{text}{pad}{fence}"

    def box(self, text: str) -> str:
        self.boxes += 1
        return self.code([None, f"{BOX} {text}"])

    def boxblock(self, text: str) -> str:
        self.boxes += 1
        self.block_boxes += 1
        return self.codeblock([["", [], []], f"{BOX} {text}"])

    def codeblock(self, content: list[Any]) -> str:
        classes = content[0][1]
        text = content[1].removesuffix("\n")
        fence = "`" * max(3, max((len(run) for run in re.findall("`+", text)), default=0) + 1)
        language = classes[0] if classes and re.fullmatch(r"[\w+#.-]+", classes[0]) else ""
        return f"{fence}{language}\n{text}\n{fence}"

    def raw(self, format: str, text: str) -> str:
        if format == "html" and (tag := re.fullmatch(r"</?(?:u|s|sub|sup|kbd|ins|del|b|i|em|strong|mark|small|big)>", text, re.IGNORECASE)):
            return tag[0]
        return super().raw(format, text)

    def header(self, content: list[Any]) -> str:
        title = self.inlines(content[2]).strip()
        if title.endswith("#"):
            title = title[:-1] + "\\#"
        return f"{'#' * min(content[0], 6)} {title}".rstrip()

    def horizontalrule(self, _content: None) -> str:
        return "---"

    def blockquote(self, content: list[Node]) -> str:
        return "\n".join(f"> {line}".rstrip() for line in "\n\n".join(self.blocks(content)).split("\n"))

    # ------------------------------------------------------------------------------------------------ lists

    def bulletlist(self, content: list[list[Node]]) -> str:
        return self._list(["- "] * len(content), content)

    def orderedlist(self, content: list[Any]) -> str:
        (start, _, _), items = content
        return self._list([f"{start + place}. " for place in range(len(items))], items)

    def _list(self, signs: list[str], items: list[list[Node]]) -> str:
        loose = any(node["t"] == "Para" for item in items for node in item[:1])
        made = []
        for sign, item in zip(signs, items, strict=True):
            blocks = self.blocks(item)
            made.append((sign + _indented(("\n\n" if loose or len(blocks) > 2 else "\n").join(blocks), " " * len(sign))).rstrip())
        return ("\n\n" if loose else "\n").join(made) + "\n<!-- -->" * 0

    def definitionlist(self, content: list[Any]) -> str:
        self.style["definition list"] += 1
        items = []
        for term, meanings in content:
            named = f"**{self.inlines(term).strip()}**" if words(term).strip() else ""
            items.append(
                "- " + _indented("\n\n".join(part for part in (named, *("\n\n".join(self.blocks(blocks)) for blocks in meanings)) if part), "  ")
            )
        return "\n".join(items)

    # ------------------------------------------------------------------------------------------------ tables

    def table(self, content: list[Any]) -> str:
        caption, rows = grid(content)
        width = max((sum(cell.columns for cell in row) for row in rows), default=0)
        if not width:
            return ""
        was, self._in_cell = self._in_cell, True
        lines = []
        for row in rows:
            cells = []
            for cell in row:
                cells += [self.in_line(cell.blocks).strip(), *[""] * (cell.columns - 1)]
                self.style["merged cells"] += cell.columns > 1 or cell.rows > 1
            lines.append("| " + " | ".join(cells + [""] * (width - len(cells))) + " |")
        self._in_cell = was
        if rows and not any(cell.head for cell in rows[0]):
            lines.insert(0, "|" + "   |" * width)
        lines.insert(1, "|" + " --- |" * width)
        return "\n".join([*([self.inlines(caption, first=True), ""] if caption else []), *lines])

    def in_line(self, blocks: list[Node]) -> str:
        """Blocks in one line, for a cell."""
        return "<br>".join(text for node in blocks if (text := self._one_line(node)))

    def _one_line(self, node: Node) -> str:
        kind, content = node["t"], node.get("c")
        if kind in ("Para", "Plain"):
            return self.inlines(content or [])
        if kind in ("BulletList", "OrderedList"):
            items = content[1] if kind == "OrderedList" and content else content or []
            self.style["list in a cell"] += 1
            return "<br>".join(f"• {self.in_line(item)}" for item in items)
        if kind == "Header" and content:
            self.demoted["heading"] += 1
            return self.between(("**", "**"), content[2])
        if kind in ("Div", "Figure", "BlockQuote") and content:
            return self.in_line(content if kind == "BlockQuote" else content[1] if kind == "Div" else content[2])
        if kind == "Table" and content:
            self.style["table in a cell"] += 1
            self.demoted["cell"] += sum(bool(words(cell.blocks).strip()) for row in grid(content).rows for cell in row)
            return "<br>".join(" · ".join(self.in_line(cell.blocks) for cell in row) for row in grid(content).rows)
        if kind == "DefinitionList" and content:
            return "<br>".join(
                part for term, meanings in content for part in (self.inlines(term), *(self.in_line(blocks) for blocks in meanings)) if part
            )
        if kind == "LineBlock":
            return "<br>".join(self.inlines(line) for line in content or [])
        if kind == "CodeBlock" and content:
            self.demoted["code"] += 1
            return "<br>".join(self.code([None, line]) for line in content[1].split("\n") if line.strip())
        if kind == "BoxBlock":
            return self.box(content if isinstance(content, str) else "")
        return "" if kind == "HorizontalRule" else self.block(node)

    # ------------------------------------------------------------------------------------------------ links

    def internal(self, kind: str, name: str, anchor: str, label: list[Node]) -> str:
        del kind
        target = quote(name, safe="/:@!$&'+,;=-._~") + (f"#{quote(anchor)}" if anchor else "")
        return f"[{self.inlines(label) or self.escape(name, first=False, before='', after='')}]({target})"

    def external(self, address: str, label: list[Node]) -> str:
        target = re.sub(r"[\s<>()\\|`*_\[\]]", lambda sign: f"%{ord(sign[0]):02X}" if sign[0] not in "_*" else sign[0], address)
        return f"[{self.inlines(label)}]({target})"

    def picture(self, name: str, label: list[Node], size: dict[str, str], *, outside: bool) -> str:
        self.style["width"] += bool(size)
        target = re.sub(r"[\s<>()\\|`]", lambda sign: f"%{ord(sign[0]):02X}", name) if outside else quote(name, safe="/:@!$&'+,;=-._~")
        return f"![{self.inlines(label)}]({target})"


def _indented(text: str, indent: str) -> str:
    return "\n".join(line if not place or not line else indent + line for place, line in enumerate(text.split("\n")))
