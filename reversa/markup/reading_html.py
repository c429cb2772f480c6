"""HTML from outside: cleaned of what is active before anybody reads it, and its addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from html import escape, unescape
from urllib.parse import quote, unquote

import nh3

from reversa.markup.contract import Links
from reversa.markup.tree import Mark, Markup, Target
from reversa.records import Ref, ref_parts

_SCHEMES = {
    "http",
    "https",
    "mailto",
    "ftp",
    "ftps",
    "tel",
    "callto",
    "skype",
    "ref",
    "xmpp",
    "irc",
    "news",
    "sip",
    "geo",
    "git",
    "svn",
    "ssh",
    "sftp",
    "ircs",
    "nntp",
    "telnet",
    "gopher",
    "worldwind",
    "sips",
    "sms",
    "magnet",
    "bitcoin",
    "urn",
}
_ACTIVE = {"script", "style", "iframe", "object", "embed", "applet", "form", "input", "button", "select", "textarea", "svg"}
_TAGS = {
    *(
        "a",
        "abbr",
        "b",
        "blockquote",
        "br",
        "caption",
        "center",
        "cite",
        "code",
        "col",
        "colgroup",
        "dd",
        "del",
        "details",
        "dfn",
        "div",
        "dl",
        "dt",
        "em",
    ),
    *("figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "kbd", "li", "mark", "ol", "p", "pre", "q", "s", "samp"),
    *(
        "small",
        "span",
        "strike",
        "strong",
        "sub",
        "summary",
        "sup",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "tt",
        "u",
        "ul",
        "var",
        "section",
    ),
    *("article", "header", "footer", "main", "nav", "aside", "big", "font", "wbr"),
}


@cache
def _cleaner() -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=_TAGS,
        clean_content_tags={"script", "style"},
        attributes={
            "*": {"class", "id"},
            "a": {"href", "title"},
            "img": {"src", "alt", "width", "height", "title"},
            "ol": {"start"},
            "td": {"colspan", "rowspan"},
            "th": {"colspan", "rowspan"},
        },
        url_schemes=_SCHEMES,
        link_rel=None,
    )


def cleaned(text: str) -> str:
    """The same HTML without anything active."""
    return _cleaner().clean(text)


def paragraphs(text: str) -> str:
    """Text without markup as HTML: a blank line ends a paragraph, any other a line."""
    return "".join(f"<p>{escape(part, quote=False).replace(chr(10), '<br>')}</p>" for part in re.split(r"\n{2,}", text))


def active(text: str) -> int:
    """How many active elements, handlers and addresses a text holds."""
    from selectolax.lexbor import LexborHTMLParser

    found = 0
    for node in LexborHTMLParser(text).css("*"):
        found += node.tag in _ACTIVE
        for name, value in node.attributes.items():
            found += name.startswith("on") or (
                name in ("href", "src") and bool(re.match(r"\s*(?:javascript|vbscript|data)\s*:", value or "", re.IGNORECASE))
            )
    return found


def lookup(name: str, _page: str, links: Links) -> Target | None:
    """An address: ``ref:KIND:ID`` is a record, any other is asked for as a page and as a file; unknown ones stay addresses."""
    if name.startswith("ref:"):
        record = Ref(name.removeprefix("ref:"))
        return Target(*ref_parts(record), "", record)
    bare, _, anchor = name.partition("#")
    if not bare:
        return Target("page", "", anchor)
    for name_of in dict.fromkeys((bare, unquote(bare))):
        for kind in ("page", "file"):
            found = links.find(kind, name_of)
            if found:
                return Target(kind, name_of, anchor, found)
    return None


_ADDRESS = re.compile(r"""(?<=[\s"'])(?:href|src)\s*=\s*(?:"(?P<double>[^"<>]*)"|'(?P<single>[^'<>]*)')""", re.IGNORECASE)


def places(text: str) -> Iterator[Mark]:
    """The addresses of links and pictures."""
    for place in _ADDRESS.finditer(text):
        group = str(place.lastgroup)
        yield Mark(*place.span(group), "name", place[group], unescape(place[group]))


def renamed(mark: Mark, name: str, anchor: str) -> str:
    """The same place with another name."""
    del mark
    return escape(quote(name, safe="/:@!$&'()*+,;=?~-._") + (f"#{quote(anchor)}" if anchor else ""))


MARKUP = Markup("html", lambda _text: (), lookup, renamed, places, eased=cleaned)
