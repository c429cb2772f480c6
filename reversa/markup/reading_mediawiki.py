"""MediaWiki's wikitext: what pandoc would drop or misread of it, and its titles."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from html import unescape

from reversa.markup.contract import Links
from reversa.markup.tree import HOST, Mark, Markup, Target

PROTOCOLS = "https?|ftps?|ircs?|git|svn|ssh|sftp|nntp|gopher|telnet|worldwind"
FILES = "file|image|media|datei|bild|fichier|archivo|imagen|файл|изображение|bestand|immagine|ficheiro|plik"
_RAW = "nowiki|pre|source|syntaxhighlight|math"
_BOXED = "gallery|poem|score|timeline|templatedata|imagemap|inputbox|hiero|charinsert|dpl|ask|categorytree"
_PLACE = re.compile(
    r"(?P<hidden><!--.*?(?:-->|\Z)|__(?:NO|FORCE)?TOC__|__[A-Z]{4,}__|</?(?:noinclude|includeonly|onlyinclude)\s*/?>)"
    rf"|<(?P<raw>{_RAW})\b[^<>]*(?:/>|>.*?</(?P=raw)\s*>)"
    rf"|(?P<boxed><(?P<name>{_BOXED})\b[^<>]*(?:/>|>.*?</(?P=name)\s*>))"
    r"|(?P<template>\{\{)"
    rf"|\[\[(?P<category>\s*category\s*:[^\[\]{{}}|\n<>]+(?:\|[^\[\]\n]*)?)\]\]"
    rf"|\[\[\s*(?P<file>(?:{FILES})\s*:[^\[\]{{}}|\n<>]+)(?=\||\]\])"
    rf"|\[(?P<outside>(?:{PROTOCOLS})://[^\s\[\]<>\"]+)"
    r"|\[\[(?P<link>[^\[\]{}|\n<>]+)(?=(?P<piped>\||\]\]))"
    rf"|(?<![\w\[/=])(?<!=[\"'])(?P<bare>(?:{PROTOCOLS})://[^\s\[\]<>\"|{{}}]*[^\s\[\]<>\"|{{}},;.:!?')])",
    re.DOTALL | re.IGNORECASE,
)
_OPTION = re.compile(
    r"\s*(?:thumb(?:nail)?(?:=.*)?|frame|framed|frameless|border|left|right|center|none|baseline|middle|sub|super|top|text-top|bottom|text-bottom"
    r"|upright(?:[ =].*)?|[0-9]*\s*(?:x\s*[0-9]+)?\s*px|(?:alt|link|class|lang|page)=.*)\s*",
    re.IGNORECASE | re.DOTALL,
)
_BRACES = re.compile(r"\{{2,}|\}{2,}")
_PART = re.compile(r"\[\[|\]\]|\|")
_LONG = 5_000
"""Characters of a picture's options and caption that are looked at."""


def marks(text: str) -> Iterator[Mark]:
    """The places that pandoc would drop, change or run together."""
    place = _PLACE.search(text)
    while place:
        start, end = place.span()
        if place["hidden"]:
            yield Mark(start, end, "hidden", place[0])
        elif place["template"]:
            end = _closed(text, start)
            if end == start:  # never closed: text
                end = place.end()
            else:
                yield Mark(start, end, "box", text[start:end])
        elif place["boxed"]:
            yield Mark(start, end, "box", place[0])
        elif place["category"]:
            name = place["category"].partition(":")[2].partition("|")[0].strip()
            yield Mark(start, end, "category", place[0], name)
        elif place["file"]:
            yield Mark(*place.span("file"), "name", place["file"], place["file"].strip())
            yield from _options(text, end)
        elif place["link"]:
            yield Mark(
                *place.span("link"),
                "name",
                place["link"],
                place["link"].strip(),
                place["link"].strip().removeprefix(":") if place["piped"] != "|" else None,
            )
        elif place["outside"]:
            yield Mark(*place.span("outside"), "name", place["outside"], place["outside"])
        elif place["bare"]:
            yield Mark(start, end, "link", place[0], place[0], place[0])
        place = _PLACE.search(text, end)


def _options(text: str, start: int) -> Iterator[Mark]:
    """How a picture is to look: pandoc knows its width, and takes whatever comes last for the caption."""
    parts: list[tuple[int, int]] = []
    begin, depth = start, 0
    for sign in _PART.finditer(text, start, start + _LONG):
        depth += {"[[": 1, "]]": -1, "|": 0}[sign[0]]
        if depth < 0 or (depth == 0 and sign[0] == "|" and sign.start() > begin):
            parts.append((begin, sign.start()))
            begin = sign.start()
        if depth < 0:
            break
    captions = [part for part in parts if not _OPTION.fullmatch(text[part[0] + 1 : part[1]])]
    for begin, end in parts:
        if (begin, end) not in captions[-1:] and end > begin and not re.fullmatch(r"\|[0-9]+px", text[begin:end]):
            yield Mark(begin, end, "style", text[begin:end])


def _closed(text: str, start: int) -> int:
    """Where the braces that open here are closed; the same place if they are not."""
    opened: list[int] = []
    for braces in _BRACES.finditer(text, start):
        count = len(braces[0])
        if braces[0][0] == "{":
            opened.append(count)
            continue
        while count > 1 and opened:
            taken = 3 if min(count, opened[-1]) > 2 else 2  # a parameter goes before a template
            count -= taken
            opened[-1] -= taken
            if opened[-1] < 2:
                opened.pop()
        if not opened:
            return braces.end() - count
    return start


def token(mark: Mark, made: str) -> str:
    """What pandoc reads in place of a mark."""
    if mark.kind != "name":
        return made
    if re.match(rf"(?:{PROTOCOLS})://", mark.name, re.IGNORECASE):
        return f"http://{HOST}/{made[1:-1]}/"
    if re.match(rf"(?:{FILES})\s*:", mark.name, re.IGNORECASE):
        return f"File:{made}"
    return f"{made}|{mark.label}" if isinstance(mark.label, str) else made


def repaired(text: str) -> str:
    """Tables as pandoc reads them: measured on the pages that failed, and harmful to some that do not."""
    text = re.sub(r"^[ \t]+(?=[|!])", "", text, flags=re.MULTILINE)
    return re.sub(r"^\s*\{\|.*$", lambda line: line[0].replace(",", " "), text, flags=re.MULTILINE)


_HEADING = re.compile(r"^(=+)([^\n]*?)(=+)[ \t]*$", re.MULTILINE)
_TAG = re.compile(r"</?(?:li|p|div|center|ul|ol|dl|dt|dd|h[1-6])\b[^<>]*>", re.IGNORECASE)
_HTML_TABLE = re.compile(r"<(/?(?:table|tr|td|th|tbody|thead|tfoot|caption))\b([^<>]*)>", re.IGNORECASE)
_WIKI_TABLE = {
    "table": "\n{{| {}\n",
    "/table": "\n|}}\n",
    "tr": "\n|- {}\n",
    "td": "\n| {} | ",
    "th": "\n! {} | ",
    "caption": "\n|+ ",
    **dict.fromkeys(("/tr", "/td", "/th", "/caption", "tbody", "/tbody", "thead", "/thead", "tfoot", "/tfoot"), "\n"),
}
"""Tables in HTML, which pandoc does not read in wikitext, as wikitext."""
_LISTING = re.compile(r"(<(source|syntaxhighlight)\b[^<>]*(?<!/)>)(.*?)(?=</\2\s*>)", re.IGNORECASE | re.DOTALL)

_NO_LINK = re.compile(rf"(?<!\[)\[(?=(?:{FILES}):)|\[\[(?=[^\[\]{{}}|\n]+\[[^\[])", re.IGNORECASE)
"""Brackets that pandoc takes for links: a name is no protocol, and none has a bracket in it."""


def eased(text: str) -> str:
    """The text as pandoc reads it in full: headings apart, one rule for what is escaped in listings, wide tables."""
    text = text.replace("[[http://", "&#91;[http://")  # a link outside in brackets
    text = _HEADING.sub(_apart, text)
    text = re.sub(r"\]\](?=[^\W\d_a-z])", "]]<nowiki></nowiki>", text)  # only a-z go on with a link
    if "</so" in text or "</sy" in text:
        text = _LISTING.sub(lambda listing: listing[1] + listing[3].replace("&", "&amp;"), text)
    if "<t" in text.lower():
        text = _HTML_TABLE.sub(lambda tag: _WIKI_TABLE[tag[1].lower()].format(tag[2].strip()), text)
    text = _NO_LINK.sub(lambda brackets: brackets[0].replace("[", "&#91;"), text)
    return _widened(text) if "{|" in text else text


def _apart(line: re.Match[str]) -> str:
    """A heading with a line of its own, and without signs that pandoc would take for its end."""
    level = min(len(line[1]), len(line[3]), 6)
    title = line[1][level:] + line[2] + line[3][level:]
    if not title.strip():
        return line[0]
    title = _TAG.sub(" ", title).strip().replace("=", "<nowiki>=</nowiki>")
    return f"\n{line[1][:level]} {title} {line[1][:level]}\n"


def _widened(text: str) -> str:
    """Tables whose first row is as wide as the widest: pandoc drops what is beyond it."""
    lines = text.split("\n")
    open_tables: list[_Table] = []
    for number, line in enumerate(lines):
        bare = line.strip()
        if bare.startswith("{|"):
            open_tables.append(_Table())
        elif not open_tables:
            continue
        elif bare.startswith("|}"):
            table = open_tables.pop()
            missing = max(table.widths) - table.widths[0]
            if missing > 0:
                lines[table.first_end] += "\n|" * missing
        elif bare.startswith("|-"):
            if open_tables[-1].widths[-1]:
                open_tables[-1].widths.append(0)
        elif bare.startswith(("|", "!")) and not bare.startswith("|+"):
            open_tables[-1].row(bare)
        if open_tables and len(open_tables[-1].widths) == 1 and not bare.startswith("|-"):
            open_tables[-1].first_end = number
    return "\n".join(lines)


_SPAN = re.compile(r"colspan\s*=\s*[\"']?\s*([0-9]{1,3})", re.IGNORECASE)


class _Table:
    """How many columns each row of a table covers, and the line that ends its first row."""

    def __init__(self) -> None:
        self.widths = [0]
        self.first_end = 0

    def row(self, line: str) -> None:
        cells = re.split(r"\|\||!!", line[1:]) if line.startswith("!") else line[1:].split("||")
        for cell in cells:
            span = _SPAN.search(cell.partition("|")[0]) if "|" in cell else None
            self.widths[-1] += int(span[1]) if span else 1


def code(text: str) -> str:
    """What a listing shows: pandoc leaves character references and `<nowiki>` in it as they are."""
    return re.sub(r"&#?\w+;", lambda found: unescape(found[0]), re.sub(r"</?nowiki\s*/?>", "", text))


def lookup(name: str, page: str, links: Links) -> Target | None:
    """A title: namespace, first letter, ``_``, anchor, subpage. None for a web address."""
    if re.match(rf"(?:(?:{PROTOCOLS}):)?//|(?:mailto|news|tel|sips?|sms|xmpp|geo|magnet|urn|bitcoin):", name, re.IGNORECASE):
        return None
    title, _, anchor = name.strip().removeprefix(":").partition("#")
    anchor = anchor.replace("_", " ").strip()
    title = " ".join(title.replace("_", " ").split())
    if title.startswith(("/", "../")):
        title = posixpath.normpath(posixpath.join(page, title.strip("/"))) if page else title.strip("/")
    space, colon, rest = title.partition(":")
    rest = rest.strip()
    if colon and re.fullmatch(FILES, space.strip(), re.IGNORECASE):
        bare = rest[:1].upper() + rest[1:]
        return Target("file", bare, anchor, links.find("file", bare))
    title = f"{space[:1].upper()}{space[1:].strip()}:{rest[:1].upper()}{rest[1:]}" if colon else title[:1].upper() + title[1:]
    record = links.find("page", title) if title else None
    if record is None and space.strip().lower() in ("user", "benutzer", "utilisateur") and rest:
        record = links.find("user", rest[:1].upper() + rest[1:])
    return Target("page", title, anchor, record)


def renamed(mark: Mark, name: str, anchor: str) -> str:
    """The same place with another name; what it showed is still shown."""
    if re.match(rf"(?:{FILES})\s*:", mark.name, re.IGNORECASE):
        return f"{mark.text.partition(':')[0]}:{name}"
    return name + (f"#{anchor}" if anchor else "") + (f"|{mark.label}" if isinstance(mark.label, str) else "")


MARKUP = Markup("mediawiki", marks, lookup, renamed, marks, token, eased, repaired, code, whole=True)
