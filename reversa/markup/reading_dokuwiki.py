"""DokuWiki's syntax: what pandoc would drop of it, and its ids."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote

from reversa.markup import interwiki
from reversa.markup.contract import Links
from reversa.markup.tree import Mark, Markup, Target

_PLUGINS = "note|wrap|box|hidden|html|HTML|php|PHP|tabbox|WRAP|todo|graphviz|uml|latex|columns|color|sortable|abbr|faq|form|ifauth|mermaid"
_PLACE = re.compile(
    r"(?P<raw><nowiki>.*?</nowiki>|%%.*?%%|<(?P<code>code|file)\b(?P<named>[^>]*)>(?P<listing>.*?)</(?P=code)>)"
    rf"|(?P<boxed><(?P<tag>{_PLUGINS})\b[^<>\n]*>.*?</(?P=tag)>)"
    r"|(?P<macro>~~[A-Za-z][^\s~]*(?: [^~\n]*)?~~)"
    r"|\{\{(?P<media>[^{}\n]+)\}\}"
    r"|\[\[(?P<link>(?:[^\[\]]|\[[^\[\]\n]*\]){1,2000}?)\]\]"
    r"|(?P<bare>\b(?:https?|ftps?|telnet|gopher|wais|irc)://[^\s<>|^\"\[\]{}]*[^\s<>|^\"\[\]{}.,;:!?'*)(\\@])",
    re.DOTALL,
)
_SWITCHES = ("NOTOC", "NOCACHE")


def marks(text: str) -> Iterator[Mark]:
    """The places that pandoc would drop, change or run together."""
    for place in _PLACE.finditer(text):
        start, end = place.span()
        if place["code"]:
            yield Mark(start, end, "code", place[0], place["named"].strip(), place["listing"].strip("\n"))
        elif place["boxed"]:
            yield Mark(start, end, "box", place[0])
        elif place["macro"]:
            yield Mark(start, end, "hidden" if place["macro"].strip("~") in _SWITCHES else "box", place[0])
        elif place["media"]:
            name = place["media"].strip()
            yield Mark(start, end, "box", place[0]) if re.match(r"[a-z]+>", name) else _media(start, end, place["media"])
        elif place["bare"]:
            yield Mark(start, end, "link", place[0], place[0], place[0])
        elif place["link"]:
            name, bar, label = place["link"].partition("|")
            yield _link(start, end, place[0], name.strip(), label.strip() if bar else "")


def _media(start: int, end: int, inside: str) -> Mark:
    name, _, label = inside.partition("|")
    return Mark(start, end, "file", f"{{{{{inside}}}}}", re.sub(r"\?[^?:/]*$", "", name.strip()), label.strip() or None)


def _link(start: int, end: int, text: str, name: str, label: str) -> Mark:
    picture = re.fullmatch(r"\{\{([^{}]*)\}\}", label)
    said = _media(start, end, picture[1]) if picture else " ".join(label.split())
    elsewhere = interwiki.split(name)
    if elsewhere and not interwiki.expanded(*elsewhere):
        return Mark(start, end, "dangling", text, name, said)
    return Mark(start, end, "link", text, name, said or shown(name))


def shown(name: str) -> str:
    """What DokuWiki shows of a link without a label."""
    if elsewhere := interwiki.split(name):
        return elsewhere[1]
    if outside(name):
        return name
    bare, _, anchor = name.partition("#")
    return re.split("[:/;]", bare.strip(":"))[-1] or anchor


def token(mark: Mark, made: str) -> str:
    """What pandoc reads in place of a mark: a sign before a listing keeps it apart from what could be the scheme of an address."""
    return f"<{made}" if mark.kind == "code" else made


_HEADING = re.compile(r"^ ?(={2,})([^\n]+?)={2,}[ \t]*$", re.MULTILINE)
_ITEM = re.compile(r"^(?P<indent>(?: {2}|\t)[ \t]*)(?P<sign>[*-])")


def eased(text: str) -> str:
    """The text as pandoc reads it in full: headings of six signs at most, lists indented step by step, wide tables."""
    text = _HEADING.sub(lambda line: f"{line[1][:6]} {line[2].strip()} {line[1][:6]}", text)
    return "\n".join(_widened(_stepped(text.split("\n"))))


def _stepped(lines: list[str]) -> list[str]:
    """Lists whose items are indented by two more than what they stand under: pandoc takes others for listings."""
    indents: list[int] = []
    made: list[str] = []
    for written in lines:
        line = re.sub(r"^\t", "  ", written)  # a tab begins no listing to pandoc
        item = _ITEM.match(line)
        if not item:
            if line.startswith("  ") and line.strip() and made and made[-1].strip() and not made[-1].startswith("  "):
                made.append("")  # a listing ends a paragraph, which pandoc wants to be told
            indents = indents if line.startswith("  ") else []
            made.append(line)
            continue
        indent = len(item["indent"].replace("\t", "  "))
        indents = [other for other in indents if other < indent] + [indent]
        made.append("  " * len(indents) + line[item.start("sign") :])
    return made


def _widened(lines: list[str]) -> list[str]:
    """Tables whose first row is as wide as the widest: pandoc drops what is beyond it."""
    start = None
    for number, line in enumerate([*lines, ""]):
        if line.startswith(("|", "^")):
            start = number if start is None else start
        elif start is not None:
            widths = [row.count("|") + row.count("^") - 1 for row in lines[start:number]]
            missing = max(widths) - widths[0]
            if missing > 0:
                lines[start] = lines[start].rstrip() + " |" * missing
            start = None
    return lines


def outside(name: str) -> bool:
    return bool(re.match(r"(?:[a-z][a-z0-9+.-]*:)?//|mailto:|www\.|\\\\|[^@\s]+@[^@\s]+\.[a-z]+$", name, re.IGNORECASE))


def lookup(name: str, page: str, links: Links) -> Target | None:
    """An id: cleaned, relative to the namespace of its page, with start pages; None for an address."""
    if elsewhere := interwiki.split(name):
        name = unquote(interwiki.expanded(*elsewhere))
        if not name.startswith(":"):
            return Target("address", interwiki.expanded(*elsewhere))
    if outside(name):
        return None
    bare, _, anchor = name.partition("#")
    bare = bare.partition("?")[0].strip()
    if not bare:
        return Target("page", "", anchor)
    for kind, id in _candidates(bare, page):
        record = links.find(kind, id)
        if record:
            return Target(kind, id, anchor, record)
    kind, id = next(_candidates(bare, page))
    return Target(kind, id, anchor)


def _candidates(name: str, page: str) -> Iterator[tuple[str, str]]:
    space = page.rpartition(":")[0]
    absolute = ":" in name.lstrip(".") and not name.startswith(".")
    whole = name.replace("/", ":") if ":" not in name else name
    if name.startswith(".."):
        parts = space.split(":") if space else []
        while whole.startswith(".."):
            whole = whole[2:].lstrip(":")
            parts = parts[:-1]
        whole = ":".join([*parts, whole])
    elif name.startswith("."):
        whole = f"{space}:{whole[1:].lstrip(':')}"
    elif not absolute and space:
        whole = f"{space}:{whole}"
    id = clean(whole)
    kinds = ("file", "page") if re.search(r"\.[a-zA-Z0-9]{2,4}$", name) else ("page", "file")
    for kind in kinds:
        yield kind, id
    if name.endswith(":"):
        yield "page", f"{id}:start"
        yield "page", f"{id}:{id.rpartition(':')[2]}"


def clean(name: str) -> str:
    """A name as DokuWiki makes ids of it: lower case, no accents, ``_`` for what is not a letter, digit, ``-`` or ``.``."""
    decomposed = unicodedata.normalize("NFD", name.strip().lower())
    plain = "".join(char for char in decomposed if not unicodedata.combining(char))
    made = re.sub(r"[^\w.:-]+", "_", plain)
    made = re.sub(r"_+", "_", made)
    return ":".join(part.strip("_.-") for part in made.split(":") if part.strip("_.-"))


def renamed(mark: Mark, name: str, anchor: str) -> str:
    """The same place with another name."""
    del anchor
    bare = mark.name.partition("#")[0].partition("?")[0]
    return mark.text.replace(bare, f":{name.lstrip(':')}", 1)


MARKUP = Markup("dokuwiki-smart", marks, lookup, renamed, marks, token, eased, whole=True)
