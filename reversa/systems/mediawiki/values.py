"""What MediaWiki's values mean: times, digests, titles, namespaces."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_SPACES = re.compile("[ _\u00a0\u1680\u180e\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")
TYPES = {"2": "user", "4": "project", "6": "file", "8": "interface", "10": "template", "12": "help", "14": "category", "828": "module"}
CANONICAL = {
    "-2": "Media", "-1": "Special", "0": "", "1": "Talk", "2": "User", "3": "User talk", "4": "Project", "5": "Project talk", "6": "File",
    "7": "File talk", "8": "MediaWiki", "9": "MediaWiki talk", "10": "Template", "11": "Template talk", "12": "Help", "13": "Help talk",
    "14": "Category", "15": "Category talk",
}  # fmt: skip
"""Namespaces that every wiki has, as they are called everywhere beside their own names."""


class Namespace(msgspec.Struct, frozen=True):
    name: str
    case: str = "first-letter"


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """What a wiki says of itself."""

    name: str = ""
    dbname: str = ""
    base: str = ""
    generator: str = ""
    case: str = "first-letter"
    namespaces: Mapping[str, Namespace] = {}

    def namespace(self, key: str) -> Namespace:
        return self.namespaces.get(key) or Namespace(CANONICAL.get(key, ""), self.case)

    def normalised(self, key: str, title: str) -> str:
        """A title as this wiki writes it: blanks, first letter, Unicode form. The prefix stays as it is."""
        prefix, colon, rest = title.partition(":") if key != "0" else ("", "", title)
        if key != "0" and not colon:
            prefix, rest = "", title
        return f"{prefix}{colon}{normalised(rest, self.namespace(key).case)}"

    def local(self, key: str, title: str) -> str:
        """A full title without its namespace."""
        return title.partition(":")[2] if key != "0" and ":" in title else title


def normalised(name: str, case: str = "first-letter") -> str:
    """A name within its namespace."""
    name = _SPACES.sub(" ", unicodedata.normalize("NFC", name)).strip()
    if case == "first-letter" and name:
        first = name[0].upper()
        return (first if len(first) == 1 else name[0]) + name[1:]
    return name


def page_type(key: str, *, redirect: bool) -> str | None:
    """What kind of page its namespace makes of a page."""
    if redirect:
        return "redirect"
    return "talk" if key.isdecimal() and int(key) % 2 else TYPES.get(key)


def instant(text: str | None) -> datetime | None:
    """A time as dumps write it; None if it is none."""
    if text is None or _TIME.fullmatch(text) is None:
        return None
    try:
        return datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)
    except ValueError:
        return None


def base36(hexadecimal: str) -> str:
    """A SHA-1 as MediaWiki writes it."""
    number, digits = int(hexadecimal, 16), ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits.rjust(31, "0")


def sha1_of(text: str) -> str:
    return base36(hashlib.sha1(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest())


def native(values: Mapping[str, Any]) -> str | None:
    """Fields without a home, as JSON text; None when there are none."""
    kept = {name: value for name, value in values.items() if value not in (None, "", [], {})}
    return json.dumps(kept, ensure_ascii=False, sort_keys=True, separators=(",", ":")) if kept else None


_HIDDEN = re.compile(r"<!--.*?(?:-->|\Z)|<(nowiki|pre|source|syntaxhighlight)\b[^>]{0,500}(?<!/)>.*?(?:</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE)
_LINK = re.compile(r"\[\[[ _]{0,9}([^\[\]|{}<>\n:]{1,255}):([^\[\]|{}<>\n]{1,500})(?:\|[^\[\]]{0,999})?\]\]")


def categories(text: str, words: frozenset[str], case: str = "first-letter") -> list[str]:
    """The categories that a wikitext names itself, in its order, once each. ``words``: what the wiki calls the namespace, folded."""
    found = (normalised(link[2], case) for link in _LINK.finditer(_HIDDEN.sub("", text)) if _SPACES.sub(" ", link[1]).strip().casefold() in words)
    return list(dict.fromkeys(name for name in found if name))


def category_words(site: Site) -> frozenset[str]:
    return frozenset({"category", site.namespace("14").name.casefold()})
