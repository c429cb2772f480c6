"""Counts in DokuWiki's syntax, by a scanner of its own: opaque things first, then lines, then the marks within them."""

from __future__ import annotations

import re

from reversa.markup.counting import Tally
from reversa.markup.interwiki import SHORTCUTS
from reversa.markup.tree import BOX

_OPAQUE = re.compile(
    r"<(?P<code>code|file)\b(?P<named>[^>]*)>(?P<listing>.*?)</(?P=code)>"
    r"|<nowiki>(?P<nowiki>.*?)</nowiki>|%%(?P<percent>.*?)%%"
    r"|(?P<box><(?P<tag>note|wrap|WRAP|box|hidden|html|HTML|php|PHP|tabbox|todo|graphviz|uml|latex|columns|color|sortable|abbr|faq|form|ifauth|mermaid)\b[^<>\n]*>.*?</(?P=tag)>)"
    r"|~~(?P<switch>NOTOC|NOCACHE)~~|(?P<macro>~~[A-Za-z][^\s~]*(?: [^~\n]*)?~~)"
    r"|\{\{(?P<media>[^{}\n]+)\}\}"
    r"|\[\[(?P<link>(?:[^\[\]]|\[[^\[\]\n]*\]){1,2000}?)\]\]"
    r"|(?P<address>\b(?:https?|ftps?|telnet|gopher|wais|irc)://[^\s<>|^\"\[\]{}]*[^\s<>|^\"\[\]{}.,;:!?'*)(\\@])"
    r"|<(?P<mail>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)>",
    re.DOTALL,
)
_PREFORMATTED = re.compile(r"(?:(?<=\n)|\A)(?: {2}|\t)(?![ \t]*[*-])[^\n]*\S[^\n]*(?:\n(?: {2}|\t)(?![ \t]*[*-])[^\n]*)*")
_HEADING = re.compile(r"[ \t]*={2,}([^\n]+?)={2,}[ \t]*")
_PAIR = re.compile(r"(\*\*|//|__|'')(?=\S)(.*?\S)??\1|</?(?:sub|sup|del)>", re.DOTALL)
_STAND_IN = re.compile("\x02([0-9]+)\x03")


def count(tally: Tally, text: str, source: bool) -> None:
    _Scan(tally, source=source).page(re.sub("[\x02\x03]", " ", text.replace("\r\n", "\n")))


class _Scan:
    def __init__(self, tally: Tally, *, source: bool) -> None:
        self.tally = tally
        self.source = source
        self.opaque: list[re.Match[str]] = []

    def page(self, text: str) -> None:
        text = _OPAQUE.sub(self._stand_in, text)
        end = 0
        for block in _PREFORMATTED.finditer(text):
            self.lines(text[end : block.start()])
            self.tally.codes += 1
            self.tally.gap()
            self.tally.text(_STAND_IN.sub(lambda found: self.opaque[int(found[1])][0], block[0]))
            self.tally.gap()
            end = block.end()
        self.lines(text[end:])

    def _stand_in(self, found: re.Match[str]) -> str:
        self.opaque.append(found)
        return f"\x02{len(self.opaque) - 1}\x03"

    def lines(self, text: str) -> None:
        for line in text.split("\n"):
            self.tally.gap()
            if heading := _HEADING.fullmatch(line):
                self.tally.headings += 1
                if self.source:  # people write links there, and pandoc reads them
                    self.inline(heading[1])
                else:  # DokuWiki shows what is there
                    self.tally.text(_STAND_IN.sub(lambda found: self.opaque[int(found[1])][0], heading[1]))
            elif line.startswith(("|", "^")):
                for cell in re.split(r"[|^]+", line):
                    if cell.strip() != ":::":
                        with self.tally.cell():
                            self.inline(cell)
            else:
                self.inline(line)

    def inline(self, text: str) -> None:
        for _ in range(4):
            text, found = _PAIR.subn(lambda pair: pair[2] or "" if pair[1] else "", text)
            if not found:
                break
        for place, piece in enumerate(_STAND_IN.split(text.replace("\\\\", "\n"))):
            if place % 2 == 0:
                self.tally.text(re.sub(r"\(\(|\)\)", "\n", piece))
            else:
                self._opaque(self.opaque[int(piece)])

    def _opaque(self, found: re.Match[str]) -> None:
        literal = next((found[name] for name in ("nowiki", "percent") if found[name] is not None), None)
        if literal is not None:
            self.tally.text(literal)
        elif found["code"]:
            self.tally.gap()
            self.tally.text(found["named"].strip().partition(" ")[2] + "\n")
            self.tally.text(found["listing"])
            self.tally.gap()
            self.tally.codes += 1
            self.tally.boxes += found["listing"].lstrip().startswith(BOX)
        elif found["box"] or found["macro"]:
            self.tally.gap()
            self.tally.text(found[0])
            self.tally.gap()
        elif found["media"]:
            self._media(found["media"])
        elif found["link"]:
            self._link(found["link"])
        elif found["address"] or found["mail"]:
            with self.tally.link(found["address"] or f"mailto:{found['mail']}"):
                self.tally.text(found["address"] or found["mail"])

    def _link(self, inside: str) -> None:
        name, _, label = inside.partition("|")
        name, label = name.strip(), label.strip() if self.source else label
        shortcut = re.match(r"([a-zA-Z0-9.]+)>", name)
        if shortcut and shortcut[1].lower() not in SHORTCUTS:  # shown, and leads nowhere
            self._label(label)
            self.tally.text(f" {name} ")
        else:
            with self.tally.link(name):
                self._label(label if label.strip() else _short(name))

    def _label(self, label: str) -> None:
        if picture := re.fullmatch(r"\{\{([^{}]+)\}\}", label):
            self._media(picture[1])
        else:
            self.tally.text(label.strip())

    def _media(self, inside: str) -> None:
        name, _, label = inside.partition("|")
        name = name.strip()
        if re.match(r"[a-z]+>", name):
            self.tally.gap()
            self.tally.text(inside)
            self.tally.gap()
            return
        bare = re.sub(r"\?[^?:/]*$", "", name)
        self.tally.gap()
        if _picture(bare):
            with self.tally.image(bare):
                self.tally.text(label)
        else:
            with self.tally.link(bare):
                self.tally.text(label.strip() or bare.rpartition(":")[2])
        self.tally.gap()


def _picture(name: str) -> bool:
    return bool(re.search(r"\.(?:png|jpe?g|gif|svg|webp|bmp|ico|tiff?)$", name, re.IGNORECASE)) or "." not in name


def _short(name: str) -> str:
    if shortcut := re.match(r"[a-zA-Z0-9.]+>", name):
        return name[shortcut.end() :]
    if re.match(r"(?:[a-z][a-z0-9+.-]*:)?//|mailto:|www\.|\\\\|[^@\s]+@[^@\s]+\.[a-z]+$", name, re.IGNORECASE):
        return name
    bare, _, anchor = name.partition("#")
    return re.split("[:/;]", bare.strip(":"))[-1] or anchor
