"""What a person sees on a page: its words and its links, as two wikis serve them."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

AROUND = {
    "mediawiki": ".mw-editsection, .toc, #toc, .mw-cite-backlink, .catlinks, script, style",
    "dokuwiki": ".secedit, #dw__toc, .tags, script, style",
}
"""What a wiki puts around a text that nobody wrote: tables of contents, links to edit."""
_WORD = re.compile(r"\w+")


class Seen(NamedTuple):
    """The words of a page, the addresses outside that it leads to, the labels of links to pages of its own wiki."""

    words: Counter[str]
    outside: Counter[str]
    inside: Counter[str]


def seen(html: str, system: str) -> Seen:
    """What is seen of the content of a page as it is served."""
    tree = LexborHTMLParser(html)
    for node in tree.css(AROUND[system]):
        node.decompose()
    body = tree.body
    words = Counter(_words(body.text(separator=" "))) if body is not None else Counter()
    outside: Counter[str] = Counter()
    inside: Counter[str] = Counter()
    for link in tree.css("a[href]"):
        address = link.attributes["href"] or ""
        if address.startswith("#") or "fn" in (link.attributes.get("class") or ""):
            continue
        if _is_outside(address):
            outside[unquote(address.rstrip("/"))] += 1
        elif not _is_media(link):
            inside[" ".join(_words(link.text()))] += 1
    return Seen(words, outside, inside)


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFC", text).casefold().replace("_", " "))


def _is_outside(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme in ("http", "https", "mailto", "ftp") and parts.hostname != "127.0.0.1"


def _is_media(link: LexborNode) -> bool:
    """A link around an image, or to a file."""
    address = urlsplit(link.attributes["href"] or "")
    named = parse_qs(address.query)
    return link.css_first("img") is not None or "media" in named or "/fetch.php" in address.path or "/detail.php" in address.path
