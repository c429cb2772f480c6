"""A document tree as HTML. All of it is made here and cleaned once more at the end: nothing in it can act."""

from __future__ import annotations

import re
from html import escape
from typing import Any, ClassVar
from urllib.parse import quote

from reversa.markup.reading_html import cleaned
from reversa.markup.tree import BOX, Node
from reversa.markup.writing import Writer, grid, words

_TAG = re.compile(r"</?(?:u|s|sub|sup|kbd|ins|del|b|i|em|strong|mark|small|big|center|br|abbr|cite|q|samp|var|dfn|tt|strike)\b", re.IGNORECASE)
_ALIGN = {"AlignLeft": "left", "AlignRight": "right", "AlignCenter": "center"}


class Html(Writer):
    separator = "\n"
    marks: ClassVar = {
        kind: (f"<{tag}>", f"</{tag}>")
        for kind, tag in {"Strong": "strong", "Emph": "em", "Underline": "u", "Strikeout": "s", "Superscript": "sup", "Subscript": "sub"}.items()
    }

    def __init__(self, links: Any) -> None:
        super().__init__(links)
        self._notes: list[str] = []

    def document(self, blocks: list[Node]) -> str:
        made = self.blocks(blocks)
        if self._notes:
            made.append("<hr><ol>" + "".join(f"<li>{text}</li>" for text in self._notes) + "</ol>")
        return cleaned("\n".join(made)) + ("\n" if made else "")

    def escape(self, text: str, first: bool, before: str, after: str) -> str:
        del first, before, after
        return escape(text, quote=False)

    def between(self, signs: tuple[str, str], content: list[Node]) -> str:
        return signs[0] + self.inlines(content) + signs[1]

    def para(self, content: list[Node]) -> str:
        text = self.inlines(content)
        return f"<p>{text}</p>" if text.strip() else ""

    def plain(self, content: list[Node]) -> str:
        return self.inlines(content)

    def linebreak(self, _content: None) -> str:
        return "<br>"

    def note(self, content: list[Node]) -> str:
        place = len(self._notes)
        self._notes.append("")
        self._notes[place] = "\n".join(self.blocks(content))
        return f'<sup class="reversa-note">[{place + 1}]</sup>'

    def code(self, content: list[Any]) -> str:
        return f"<code>{escape(content[1], quote=False)}</code>"

    def box(self, text: str) -> str:
        self.boxes += 1
        return self.code([None, f"{BOX} {text}"])

    def boxblock(self, text: str) -> str:
        self.boxes += 1
        self.block_boxes += 1
        return f"<pre>{escape(f'{BOX} {text}', quote=False)}</pre>"

    def codeblock(self, content: list[Any]) -> str:
        classes = content[0][1]
        named = f' class="language-{escape(classes[0])}"' if classes else ""
        text = escape(content[1].removesuffix("\n"), quote=False)
        return f"<pre><code{named}>{text}</code></pre>"

    def raw(self, format: str, text: str) -> str:
        if format == "html" and (tag := _TAG.match(text)):
            return tag[0] + ">"
        return super().raw(format, text)

    def header(self, content: list[Any]) -> str:
        level = min(content[0], 6)
        return f"<h{level}>{self.inlines(content[2])}</h{level}>"

    def horizontalrule(self, _content: None) -> str:
        return "<hr>"

    def blockquote(self, content: list[Node]) -> str:
        return "<blockquote>" + "\n".join(self.blocks(content)) + "</blockquote>"

    def bulletlist(self, content: list[list[Node]]) -> str:
        return f"<ul>{self._items(content)}</ul>"

    def orderedlist(self, content: list[Any]) -> str:
        (start, _, _), items = content
        number = f' start="{start}"' if start != 1 else ""
        return f"<ol{number}>{self._items(items)}</ol>"

    def _items(self, items: list[list[Node]]) -> str:
        return "".join("<li>" + "\n".join(self.blocks(item)) + "</li>" for item in items)

    def definitionlist(self, content: list[Any]) -> str:
        rows = [
            f"<dt>{self.inlines(term)}</dt>" + "".join("<dd>" + "\n".join(self.blocks(blocks)) + "</dd>" for blocks in meanings)
            for term, meanings in content
        ]
        return f"<dl>{''.join(rows)}</dl>"

    def table(self, content: list[Any]) -> str:
        caption, rows = grid(content)
        lines = [f"<caption>{self.inlines(caption)}</caption>"] if caption else []
        for row in rows:
            cells = []
            for cell in row:
                tag = "th" if cell.head else "td"
                spans = "".join(f' {name}="{count}"' for name, count in (("rowspan", cell.rows), ("colspan", cell.columns)) if count > 1)
                cells.append(f"<{tag}{spans}>" + "\n".join(self._cell_block(node) for node in cell.blocks) + f"</{tag}>")
            lines.append(f"<tr>{''.join(cells)}</tr>")
        return "<table>" + "\n".join(lines) + "</table>"

    def _cell_block(self, node: Node) -> str:
        return self.block(node)

    def internal(self, kind: str, name: str, anchor: str, label: list[Node]) -> str:
        del kind
        target = quote(name, safe="/:@!$&'()*+,;=?%~-._ ") + (f"#{quote(anchor)}" if anchor else "")
        if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:(?!//)", target):
            target = f"./{target}"  # a namespace is not a scheme
        return f'<a href="{escape(target)}">{self.inlines(label) or escape(name)}</a>'

    def external(self, address: str, label: list[Node]) -> str:
        return f'<a href="{escape(address)}">{self.inlines(label) or escape(address)}</a>'

    def picture(self, name: str, label: list[Node], size: dict[str, str], *, outside: bool) -> str:
        target = name if outside else quote(name, safe="/:@!$&'()*+,;=?%~-._ ")
        if not outside and re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:(?!//)", target):
            target = f"./{target}"
        self.plainer(label)
        sizes = "".join(f' {name}="{escape(value)}"' for name, value in size.items())
        return f'<img src="{escape(target)}" alt="{escape(words(label))}"{sizes}>'
