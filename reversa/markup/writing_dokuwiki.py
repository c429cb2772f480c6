"""A document tree as DokuWiki's syntax. Literal signs stand between `%%` and `%%`, which shows them as they are."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from reversa.markup.tree import BOX, Node
from reversa.markup.writing import Cell, Writer, grid, words

_SIGNS = re.compile(
    r"(?=[\[\]{}()*/_'%\\~<=:>.8;^m@LFDxhftgwi-])"  # most letters start none of these
    r"(?:\[\[|\]\]|\{\{|\}\}|\(\(|\)\)|\*\*|//|__|''|%%|\\\\|~~|</?(?=[a-zA-Z])|={2,}|:{3}|->|<-|=>|<=|>>|<<|--+"
    r"|\(c\)|\(r\)|\(tm\)|\.\.\.|8-[)O]|:-?[)(/\\|DPXp?]|;-\)|\^_\^|m\(|:\?:|:!:|LOL|FIXME|DELETEME|(?<=[0-9])x(?=[0-9])"
    r"|\b(?:https?|ftps?|telnet|gopher|wais|irc):|\b(?:www|ftp)\.|<(?=[^<> ]+@)|(?<=[\w.+-])@(?=[\w-]+\.))+"
)
_FIRST = re.compile(r"[>|^=*-]")
_BRACKETS = re.compile(r"[^\[\]]*(?:\[[^\[\]]+\][^\[\]]+)?")
_ROUND = str.maketrans("[]", "()")
_TABLE = re.compile(r"[|^]+")


def literal(text: str) -> str:
    """Text that DokuWiki shows as it is."""
    if "%" not in text:
        return f"%%{text}%%"
    if "</nowiki>" not in text:
        return f"<nowiki>{text}</nowiki>"
    return "".join(literal(part) for part in re.split(r"(%+)", text) if part)


class DokuWiki(Writer):
    """A list item and a table's cell are one line here: other blocks in a list interrupt it, in a cell they are written in line."""

    marks: ClassVar = {
        "Strong": ("**", "**"),
        "Emph": ("//", "//"),
        "Underline": ("__", "__"),
        "Strikeout": ("<del>", "</del>"),
        "Superscript": ("<sup>", "</sup>"),
        "Subscript": ("<sub>", "</sub>"),
    }

    def __init__(self, links: Any) -> None:
        super().__init__(links)
        self._open: list[str] = []

    def between(self, signs: tuple[str, str], content: list[Node]) -> str:
        """DokuWiki does not know a mark within itself."""
        if signs[0] in self._open:
            return self.inlines(content)
        self._open.append(signs[0])
        made = super().between(signs, content)
        self._open.pop()
        return made

    def escape(self, text: str, first: bool, before: str, after: str) -> str:
        inside = self._inside[-1]
        pieces, end = [], 0
        spans = [found.span() for found in _SIGNS.finditer(text)]
        if "|" in inside:
            spans += [found.span() for found in _TABLE.finditer(text)]
        if text and ((first and _FIRST.match(text)) or (before and before == text[0] and not text[0].isalnum() and text[0] != " ")):
            spans.append((0, 1))
        if text and after and ((text[-1] == after and not after.isalnum() and after != " ") or (text[-1] == ":" and after == "/")):
            spans.append((len(text) - 1, len(text)))
        for start, stop in _merged(spans):
            pieces += [text[end:start], literal(text[start:stop])]
            end = stop
        return "".join([*pieces, text[end:]])

    def linebreak(self, _content: None) -> str:
        return "\\\\ "

    def note(self, content: list[Node]) -> str:
        return f"(({self._flat(content)}))"

    def code(self, content: list[Any]) -> str:
        text = content[1].replace("\n", " ")
        return f"''{literal(text)}''" if text.strip() else ""

    def box(self, text: str) -> str:
        self.boxes += 1
        return self.code([None, f"{BOX} {text}"])

    def boxblock(self, text: str) -> str:
        self.boxes += 1
        self.block_boxes += 1
        return self.codeblock([["", [], []], f"{BOX} {text}"])

    def codeblock(self, content: list[Any]) -> str:
        classes = content[0][1]
        language = f" {classes[0]}" if classes and re.fullmatch(r"[a-zA-Z0-9_+#-]+", classes[0]) else ""
        text = str(content[1]).removesuffix("\n")
        if "</code>" not in text:
            return f"<code{language}>\n{text}\n</code>"
        return "<file>\n" + text.replace("</file>", "</ file>") + "\n</file>"

    def header(self, content: list[Any]) -> str:
        signs = "=" * max(2, 7 - content[0])
        self.plainer(content[2])
        title = " ".join(words(content[2]).split())
        return f"{signs} {title} {signs}" if title else ""

    def horizontalrule(self, _content: None) -> str:
        return "----"

    def blockquote(self, content: list[Node]) -> str:
        lines = []
        for node in content:
            if node["t"] in ("Para", "Plain", "LineBlock"):
                lines.append(f"> {self.block(node)}")
            elif node["t"] == "BlockQuote":
                lines += [f">{line}" if line.startswith(">") else line for line in self.blockquote(node["c"]).split("\n")]
            else:
                self.style["block in a quotation"] += 1
                lines.append("\n" + self.block(node) + "\n")
        return "\n".join(lines).strip("\n")

    # ------------------------------------------------------------------------------------------------ lists

    def bulletlist(self, content: list[list[Node]]) -> str:
        return self._list("*", content, 1)

    def orderedlist(self, content: list[Any]) -> str:
        return self._list("-", content[1], 1)

    def definitionlist(self, content: list[Any]) -> str:
        parts = []
        for term, meanings in content:
            parts.append(f"  * **{self.inlines(term).strip()}**" if term else "")
            parts += [self._list("*", [blocks], 2) for blocks in meanings]
        self.style["definition list"] += 1
        return "\n".join(part for part in parts if part)

    def _list(self, sign: str, items: list[list[Node]], depth: int) -> str:
        lines: list[str] = []
        for item in items:
            started = False
            for node in item:
                if node["t"] in ("Para", "Plain", "LineBlock"):
                    text = self.block(node)
                    lines.append(f"{lines.pop()}\\\\ {text}" if started and not lines[-1].endswith("\n") else f"{'  ' * depth}{sign} {text}")
                    started = True
                elif node["t"] in ("BulletList", "OrderedList"):
                    ordered = node["t"] == "OrderedList"
                    lines.append(self._list("-" if ordered else "*", node["c"][1] if ordered else node["c"], depth + 1))
                    started = False
                elif text := self.block(node):
                    self.style["block in a list"] += 1
                    lines.append(f"\n{text}\n")
                    started = False
            if not item:
                lines.append(f"{'  ' * depth}{sign} ")
        return "\n".join(line for line in lines if line)

    # ------------------------------------------------------------------------------------------------ tables

    def table(self, content: list[Any]) -> str:
        caption, rows = grid(content)
        lines = [self.inlines(caption, first=True) + "\n"] if caption else []
        below: dict[int, list[int]] = {}
        for row in rows:
            line, column = "", 0
            for cell in row:
                while below.get(column, [0])[0] > 0:
                    below[column][0] -= 1
                    line += "| ::: "
                    column += 1
                line += self._cell(cell)
                for across in range(cell.columns):
                    below[column + across] = [cell.rows - 1]
                column += cell.columns
            while below.get(column, [0])[0] > 0:
                below[column][0] -= 1
                line += "| ::: "
                column += 1
            if line:
                lines.append(line + ("^" if row and row[-1].head else "|"))
        return "\n".join(lines)

    def _cell(self, cell: Cell) -> str:
        self._inside.append("|^")
        text = self._flat(cell.blocks).strip()
        self._inside.pop()
        sign = "^" if cell.head else "|"
        left = "  " if cell.align in ("AlignRight", "AlignCenter") else " "
        right = "  " if cell.align in ("AlignLeft", "AlignCenter") else " "
        return f"{sign}{left}{text}{right}" + sign * (cell.columns - 1)

    def _flat(self, blocks: list[Node]) -> str:
        """Blocks in one line."""
        return "\\\\ ".join(text for node in blocks if (text := self._one_line(node)))

    def _one_line(self, node: Node) -> str:
        kind, content = node["t"], node.get("c")
        if kind in ("Para", "Plain"):
            return self.inlines(content or [])
        if kind in ("BulletList", "OrderedList"):
            items = content[1] if kind == "OrderedList" and content else content or []
            self.style["list in a cell"] += 1
            return "\\\\ ".join(f"• {self._flat(item)}" for item in items)
        if kind == "Header" and content:
            self.demoted["heading"] += 1
            return self.between(("**", "**"), content[2])
        if kind in ("Div", "Figure", "BlockQuote") and content:
            inner = content if kind == "BlockQuote" else content[1] if kind == "Div" else content[2]
            return self._flat(inner)
        if kind == "Table" and content:
            self.style["table in a cell"] += 1
            self.demoted["cell"] += sum(bool(words(cell.blocks).strip()) for row in grid(content).rows for cell in row)
            return "\\\\ ".join(" · ".join(self._flat(cell.blocks) for cell in row) for row in grid(content).rows)
        if kind == "DefinitionList" and content:
            return "\\\\ ".join(
                part for term, meanings in content for part in (self.inlines(term), *(self._flat(blocks) for blocks in meanings)) if part
            )
        if kind == "HorizontalRule":
            return ""
        if kind == "LineBlock":
            return "\\\\ ".join(self.inlines(line) for line in content or [])
        return self.block(node)

    # ------------------------------------------------------------------------------------------------ links

    def internal(self, kind: str, name: str, anchor: str, label: list[Node]) -> str:
        target = re.sub(r"[\[\]{}|<>\n]", "_", name) + (f"#{_section(anchor)}" if anchor else "")
        text = self._label(label)
        if kind == "file":
            return f"{{{{:{target.lstrip(':')}?linkonly|{text.replace('}}', '} }')}}}}}"
        if anchor and not name:
            return f"[[{target}|{text}]]"
        return f"[[:{target.lstrip(':')}|{text}]]" if re.match(r"[\w:]", target) and "://" not in target else f"[[{target}|{text}]]"

    def external(self, address: str, label: list[Node]) -> str:
        target = re.sub(r"[\s\[\]{}|<>]", lambda sign: f"%{ord(sign[0]):02X}", address)
        return f"[[{target}|{self._label(label)}]]"

    def _label(self, label: list[Node]) -> str:
        if len(label) == 1 and label[0]["t"] == "Image":
            return self.inlines(label)
        self.plainer(label)
        text = " ".join(words(label).split())
        if not _BRACKETS.fullmatch(text):
            self.style["brackets in a label"] += 1
            text = text.translate(_ROUND)
        return f"{text} " if text.startswith("{{") and text.endswith("}}") else text

    def picture(self, name: str, label: list[Node], size: dict[str, str], *, outside: bool) -> str:
        self.plainer(label)
        target = re.sub(r"[\s\[\]{}|<>]", "_", name)
        width = re.fullmatch(r"([0-9]+)(?:px)?", size.get("width", ""))
        text = " ".join(words(label).split()).replace("}}", "} }").replace("|", "¦")
        return "{{" + (target if outside else ":" + target.lstrip(":")) + (f"?{width[1]}" if width else "") + (f"|{text}" if text else "") + "}}"


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans without overlaps; those that touch become one."""
    made: list[tuple[int, int]] = []
    for start, stop in sorted(spans):
        if made and start <= made[-1][1]:
            made[-1] = (made[-1][0], max(stop, made[-1][1]))
        else:
            made.append((start, stop))
    return made


def _section(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name)
