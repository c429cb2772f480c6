"""A document tree as MediaWiki's wikitext. Literal signs become character references, which are never markup."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from reversa.markup.contract import Links
from reversa.markup.tree import BOX, Node
from reversa.markup.writing import Cell, Writer, grid, tight

_SCHEMES = ("bitcoin", "geo", "magnet", "mailto", "news", "sip", "sips", "sms", "tel", "urn", "xmpp")
_SIGNS = re.compile(
    r"(?=[&<|\[\]{}'_!~:])(?:"  # no letter starts any of these
    r"&(?=#?\w+;)|<|\|"
    r"|\[(?=[\[/]|[a-z]+:)|(?<=\[)\[|\](?=\])|(?<=\])\]"
    r"|\{(?=[{|])|(?<=[{-])\{|\}(?=\})|(?<=\})\}"
    r"|'(?=')|(?<=')'|_(?=_)|!(?=!)|~(?=~)|(?<=~)~"
    rf"|:(?=//)|{'|'.join(f'(?<={scheme}):' for scheme in _SCHEMES)})",
    re.IGNORECASE,
)
_PROTOCOL = re.compile(
    r"(?:https?:|ftps?:|ircs?:|git:|svn:|ssh:|sftp:|nntp:|gopher:|telnet:|worldwind:)?//.|" + rf"(?:{'|'.join(_SCHEMES)}):.", re.IGNORECASE
)
_EDGE = tuple("'[]{}~_:")
_FIRST = re.compile(r"[*#:;=!|{ -]")
_HTML = re.compile(
    r"</?(?:u|s|b|i|big|small|sub|sup|center|font|ins|del|strike|em|strong|span|div|blockquote|p|br|kbd|var|samp|cite|abbr|dfn|q|mark)\b",
    re.IGNORECASE,
)


def reference(text: str) -> str:
    """Each character as a reference."""
    return "".join(f"&#{ord(char)};" for char in text)


def literal(text: str) -> str:
    """Text inside `<pre>` and `<code>` with nothing in it that MediaWiki would read."""
    return re.sub(r"[&<>\[\]{}|'~_:*#;=!-]", lambda sign: reference(sign[0]), text)


class MediaWiki(Writer):
    """Lists and tables in wikitext where they are simple, in HTML where they hold blocks."""

    marks: ClassVar = {
        "Strong": ("'''", "'''"),
        "Emph": ("''", "''"),
        "Underline": ("<u>", "</u>"),
        "Strikeout": ("<s>", "</s>"),
        "Superscript": ("<sup>", "</sup>"),
        "Subscript": ("<sub>", "</sub>"),
    }

    def __init__(self, links: Links) -> None:
        super().__init__(links)
        self._notes: list[list[Node]] = []

    def document(self, blocks: list[Node]) -> str:
        """The page, and its footnotes as a list."""
        made = super().document(blocks)
        notes = "".join(f"<li>{self._within(note)}</li>" for note in self._notes)  # one within another comes after it
        return f"{made}\n----\n<ol>{notes}</ol>\n" if notes else made

    def escape(self, text: str, first: bool, before: str, after: str) -> str:
        inside = self._inside[-1]
        made = _SIGNS.sub(lambda sign: reference(sign[0]), text)
        if inside:
            made = re.sub(f"[{re.escape(inside)}]", lambda sign: reference(sign[0]), made)
        if made[:1] == text[:1] and ((first and _FIRST.match(text)) or (before and before == text[0] and before in "'[]{}~_")):
            made = reference(made[0]) + made[1:]
        if before == "]" and re.match("[a-z]", made):  # it would go on with the link
            made = reference(made[0]) + made[1:]
        if made[-1:] in _EDGE and (made[-1:] == after or (after and made[-1] in "[{:")):
            made = made[:-1] + reference(made[-1])
        return made

    def linebreak(self, _content: None) -> str:
        return "<br />"

    def note(self, content: list[Node]) -> str:
        """A number; not every MediaWiki has the extension that knows `<ref>`."""
        self._notes.append(content)
        self.own[str(len(self._notes))] += 1
        return f"<sup>[{len(self._notes)}]</sup>"

    def code(self, content: list[Any]) -> str:
        return f"<code>{literal(content[1]).replace(chr(10), ' ')}</code>"

    def box(self, text: str) -> str:
        self.boxes += 1
        return self.code([None, f"{BOX} {text}"])

    def boxblock(self, text: str) -> str:
        self.boxes += 1
        self.block_boxes += 1
        return f"<pre>{literal(f'{BOX} {text}')}</pre>"

    def codeblock(self, content: list[Any]) -> str:
        language = content[0][1][0] if content[0][1] else ""
        named = f' lang="{language}"' if re.fullmatch(r"[a-zA-Z0-9+-]+", language) else ""
        return f"<pre{named}>\n{literal(content[1].removesuffix(chr(10)))}\n</pre>"

    def raw(self, format: str, text: str) -> str:
        if format == "html" and (tag := _HTML.match(text)):
            return tag[0] + (" />" if tag[0].lower() == "<br" else ">")
        return super().raw(format, text)

    def header(self, content: list[Any]) -> str:
        signs = "=" * min(content[0], 6)
        return f"{signs} {self.inlines(content[2], inside='=')} {signs}"

    def horizontalrule(self, _content: None) -> str:
        return "----"

    def blockquote(self, content: list[Node]) -> str:
        return "<blockquote>\n" + self.separator.join(self.blocks(content)) + "\n</blockquote>"

    # ------------------------------------------------------------------------------------------------ lists

    def bulletlist(self, content: list[list[Node]]) -> str:
        return self._list("*", content)

    def orderedlist(self, content: list[Any]) -> str:
        (start, _, _), items = content
        return self._list("#", items, f' start="{start}"' if start != 1 else "")

    def _list(self, sign: str, items: list[list[Node]], attributes: str = "") -> str:
        if attributes or not all(simple(item) for item in items):
            name = "ul" if sign == "*" else "ol"
            return f"<{name}{attributes}>" + "".join(f"<li>{self._within(item)}</li>" for item in items) + f"</{name}>"
        return "\n".join(self._lines(sign, items))

    def _lines(self, signs: str, items: list[list[Node]]) -> list[str]:
        lines = []
        for item in items:
            lines.append(f"{signs} {self.block(item[0]) if item else ''}".rstrip())
            for inner in item[1:]:
                ordered = inner["t"] == "OrderedList"
                lines += self._lines(signs + ("#" if ordered else "*"), inner["c"][1] if ordered else inner["c"])
        return lines

    def _within(self, blocks: list[Node]) -> str:
        if len(blocks) == 1 and blocks[0]["t"] in ("Para", "Plain"):
            return self.block(blocks[0])
        return "\n" + self.separator.join(self.blocks(blocks)) + "\n"

    def definitionlist(self, content: list[Any]) -> str:
        rows = [f"<dt>{self.inlines(term)}</dt>" + "".join(f"<dd>{self._within(blocks)}</dd>" for blocks in meanings) for term, meanings in content]
        return f"<dl>{''.join(rows)}</dl>"

    # ------------------------------------------------------------------------------------------------ tables

    def table(self, content: list[Any]) -> str:
        caption, rows = grid(content)
        lines = ['{| class="wikitable"']
        if caption:
            lines.append(f"|+ {self.inlines(caption)}")
        for row in rows:
            lines.append("|-")
            lines += [self._cell(cell) for cell in row]
        return "\n".join([*lines, "|}"])

    def _cell(self, cell: Cell) -> str:
        sign = "!" if cell.head else "|"
        spans = [f'{name}="{count}"' for name, count in (("rowspan", cell.rows), ("colspan", cell.columns)) if count > 1]
        start = f"{sign} {' '.join(spans)} |" if spans else sign
        if len(cell.blocks) == 1 and cell.blocks[0]["t"] in ("Para", "Plain"):
            return f"{start} {self.block(cell.blocks[0])}".rstrip()
        return start + ("\n" + self.separator.join(self.blocks(cell.blocks)) if cell.blocks else "")

    # ------------------------------------------------------------------------------------------------ links

    def internal(self, kind: str, name: str, anchor: str, label: list[Node]) -> str:
        target = re.sub(r"[\[\]{}|<>\n]", lambda sign: f"%{ord(sign[0]):02X}", name) + (f"#{_anchor(anchor)}" if anchor else "")
        if kind == "file":
            target = f"Media:{target}"
        elif re.match("(?:file|image|category):|/", target, re.IGNORECASE):
            target = f":{target}"
        text = self.inlines(label, inside="]")
        return f"[[{target}|{text}]]" if text.strip() else f"[[{target}]]"

    def external(self, address: str, label: list[Node]) -> str:
        text = self.inlines(label, inside="]")
        target = re.sub(r"[\s\[\]<>\"{}|']", lambda sign: f"%{ord(sign[0]):02X}", address)
        if not _PROTOCOL.match(target):
            self.demoted["link"] += 1
            return text
        return f"[{target} {text}]" if text.strip() else f"[{target}]"

    def picture(self, name: str, label: list[Node], size: dict[str, str], *, outside: bool) -> str:
        if outside and self._inside[-1]:  # no link within a link
            self.demoted["image"] += 1
            return self.inlines(label) if label else self.escape(_file(name), first=False, before="", after="")
        if outside:
            return f" {self.external(name, label or [{'t': 'Str', 'c': _file(name)}])} "
        width = re.fullmatch(r"([0-9]+)(?:px)?", size.get("width", ""))
        text = self.inlines(label, inside="]")
        return (
            "[[" + "|".join(["File:" + re.sub(r"[\[\]{}|<>\n]", "_", name), *([f"{width[1]}px"] if width else []), *([text] if text else [])]) + "]]"
        )


def _file(address: str) -> str:
    """What is shown of a picture that lies outside."""
    return address.rpartition("/")[2] or address


def _anchor(anchor: str) -> str:
    return re.sub(r"[\[\]{}|<>\n]", lambda sign: f".{ord(sign[0]):02X}", anchor)


def simple(item: list[Node]) -> bool:
    """Whether wikitext can say a list item in lines."""
    return tight(item) and all(
        all(simple(inner) for inner in (node["c"] if node["t"] == "BulletList" else node["c"][1]))
        and (node["t"] == "BulletList" or node["c"][0][0] == 1)
        for node in item[1:]
    )
