"""A document tree as XWiki 2.1 syntax. A `~` before a literal sign takes its meaning away."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from reversa.markup.tree import BOX, Node
from reversa.markup.writing import Cell, Writer, grid, words

_SIGNS = re.compile(
    r"[~{}\[\]|\\\"]|\*(?=\*)|(?<=\*)\*|/(?=/)|(?<=/)/|-(?=-)|(?<=-)-|_(?=_)|(?<=_)_|,(?=,)|(?<=,),|\^(?=\^)|(?<=\^)\^|#(?=#)|(?<=#)#"
    r"|\((?=\()|(?<=\()\(|\)(?=\))|(?<=\))\)|!(?=[!=])|(?<=!)!|\((?=%)|%(?=\))|>(?=>)|(?<=>)>|=+"
    r"|(?<=image):|(?<=attach):|(?<=mailto):|(?<=icon):|@(?=@)",
    re.IGNORECASE,
)
_FIRST = re.compile(r"[*=;:|>!-]|[0-9]+\.|[*#1AaIi]+\.")
_EDGES = "*/-_,^#()!%>"


def literal(text: str) -> str:
    """Every sign of a text taken for itself."""
    return re.sub(r"[!-/:-@\[-`{-~]", lambda sign: "~" + sign[0], text)


class XWiki(Writer):
    """Blocks within a list or a cell stand in a group, `(((` to `)))`."""

    marks: ClassVar = {
        "Strong": ("**", "**"),
        "Emph": ("//", "//"),
        "Underline": ("__", "__"),
        "Strikeout": ("--", "--"),
        "Superscript": ("^^", "^^"),
        "Subscript": (",,", ",,"),
    }

    def escape(self, text: str, first: bool, before: str, after: str) -> str:
        made = _SIGNS.sub(lambda signs: "".join("~" + sign for sign in signs[0]), text)
        if self._inside[-1]:
            made = re.sub(r"(?<!~)>", "~>", made)
        if first and (sign := _FIRST.match(made)):
            made = f"{sign[0][:-1]}~{made[len(sign[0]) - 1 :]}" if len(sign[0]) > 1 else f"~{made}"
        elif before and made[:1] in _EDGES and made[:1]:
            made = "~" + made
        if after and made[-1:] and made[-1] in _EDGES + ":" and made[-2:-1] != "~":
            made = f"{made[:-1]}~{made[-1]}"
        return made

    def linebreak(self, _content: None) -> str:
        return "\\\\"

    def note(self, content: list[Node]) -> str:
        return "{{footnote}}" + " ".join(self.blocks(content)) + "{{/footnote}}"

    def code(self, content: list[Any]) -> str:
        text = literal(content[1].replace("\n", " "))
        return f"##{text}##" if text.strip() else ""

    def box(self, text: str) -> str:
        self.boxes += 1
        return self.code([None, f"{BOX} {text}"])

    def boxblock(self, text: str) -> str:
        self.boxes += 1
        self.block_boxes += 1
        return _verbatim(f"{BOX} {text}")

    def codeblock(self, content: list[Any]) -> str:
        text = content[1].removesuffix("\n")
        if "{{" in text or "}}" in text:
            return _verbatim(text)
        classes = content[0][1]
        language = classes[0] if classes and re.fullmatch(r"[\w+#.-]+", classes[0]) else "none"
        return f'{{{{code language="{language}"}}}}\n{text}\n{{{{/code}}}}'

    def header(self, content: list[Any]) -> str:
        signs = "=" * min(content[0], 6)
        title = self.inlines(content[2]).strip()
        return f"{signs} {title} {signs}" if title else ""

    def horizontalrule(self, _content: None) -> str:
        return "----"

    def blockquote(self, content: list[Node]) -> str:
        lines = []
        for node in content:
            if node["t"] in ("Para", "Plain"):
                lines.append(f"> {self.block(node)}")
            elif node["t"] == "BlockQuote":
                lines += [f">{line}" for line in self.blockquote(node["c"]).split("\n")]
            else:
                lines.append(f"> {_group(self.block(node))}")
        return "\n".join(lines)

    def bulletlist(self, content: list[list[Node]]) -> str:
        return self._list("*", content)

    def orderedlist(self, content: list[Any]) -> str:
        return self._list("1", content[1])

    def _list(self, signs: str, items: list[list[Node]]) -> str:
        lines = []
        for item in items:
            line = f"{signs}{'.' if '1' in signs else ''} "
            later: list[str] = []
            rest: list[Node] = []
            for place, node in enumerate(item):
                if place == 0 and node["t"] in ("Para", "Plain"):
                    line += self.block(node)
                elif node["t"] in ("BulletList", "OrderedList") and not rest:
                    ordered = node["t"] == "OrderedList"
                    later.append(self._list(signs + ("1" if ordered else "*"), node["c"][1] if ordered else node["c"]))
                else:
                    rest.append(node)
            lines += [line + (_group(*self.blocks(rest)) if rest else ""), *later]
        return "\n".join(lines)

    def definitionlist(self, content: list[Any]) -> str:
        lines = []
        for term, meanings in content:
            lines.append(f"; {self.inlines(term)}")
            for blocks in meanings:
                simple = len(blocks) == 1 and blocks[0]["t"] in ("Para", "Plain")
                lines.append(": " + (self.block(blocks[0]) if simple else _group(*self.blocks(blocks))))
        return "\n".join(lines)

    def table(self, content: list[Any]) -> str:
        caption, rows = grid(content)
        lines = [self.inlines(caption, first=True) + "\n"] if caption else []
        for row in rows:
            cells = ""
            for cell in row:
                self.style["merged cells"] += cell.rows > 1 or cell.columns > 1
                cells += self._cell(cell) + ("|=" if cell.head else "|") * (cell.columns - 1)
            lines.append(cells)
        return "\n".join(line for line in lines if line)

    def _cell(self, cell: Cell) -> str:
        sign = "|=" if cell.head else "|"
        if not cell.blocks or (len(cell.blocks) == 1 and cell.blocks[0]["t"] in ("Para", "Plain")):
            return sign + (self.inlines(cell.blocks[0]["c"], first=True) if cell.blocks else "")
        return sign + _group(*self.blocks(cell.blocks))

    def internal(self, kind: str, name: str, anchor: str, label: list[Node]) -> str:
        scheme = {"file": "attach", "user": "user", "space": "space"}.get(kind, "doc") if name else ""
        text = self.inlines(label, inside=">") or literal(name)
        end = f'||anchor="{_parameter(anchor)}"' if anchor else ""
        return f"[[{text}>>{scheme}{':' if scheme else ''}{_reference(name)}{end}]]"

    def external(self, address: str, label: list[Node]) -> str:
        text = self.inlines(label, inside=">")
        return f"[[{text}>>url:{_reference(address)}]]" if text.strip() else f"[[url:{_reference(address)}]]"

    def picture(self, name: str, label: list[Node], size: dict[str, str], *, outside: bool) -> str:
        self.plainer(label)
        alt = words(label).strip()
        parameters = [f'{key}="{_parameter(value)}"' for key, value in (*((("alt", alt),) if alt else ()), *size.items())]
        return f"[[image:{'url:' if outside else ''}{_reference(name)}{'||' + ' '.join(parameters) if parameters else ''}]]"


def _group(*blocks: str) -> str:
    return "(((\n" + "\n\n".join(blocks) + "\n)))"


def _verbatim(text: str) -> str:
    return "{{{" + re.sub(r"\}(?=\}\})|~|(?<=\}\})\}|\}\Z", lambda sign: "~" + sign[0], text) + "}}}"


def _reference(name: str) -> str:
    """A reference inside link brackets: `~` before what would end it."""
    return re.sub(r"~|\](?=\])|(?<=\])\]|\]\Z|>(?=>)|(?<=>)>|\|(?=\|)|(?<=\|)\|", lambda sign: "~" + sign[0], name).replace("\n", " ")


def _parameter(text: str) -> str:
    return re.sub(r"[~\"\]|}]", lambda sign: "~" + sign[0], text).replace("\n", " ")
