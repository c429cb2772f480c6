"""Names of pages and media: as ids, and as the names of files that stand for them."""

from __future__ import annotations

import string
from typing import Literal
from urllib.parse import quote_plus, unquote_to_bytes

Encoding = Literal["url", "safe", "utf-8"]
"""DokuWiki's ``fnencode``: how letters outside ASCII are written in file names."""
_AS_IT_IS = frozenset(string.ascii_letters + string.digits + "/_-.%")
_SAFE = frozenset("-./[_" + string.digits + string.ascii_lowercase + "]")
_BASE36 = string.digits + string.ascii_lowercase


def encoded(name: str, encoding: Encoding) -> str:
    """The name of the file that stands for an id with slashes."""
    if encoding == "utf-8" or _AS_IT_IS.issuperset(name):
        return name
    return _to_safe(name) if encoding == "safe" else quote_plus(name, safe="/").replace("~", "%7E")


def decoded(name: str, encoding: Encoding) -> str:
    """The id, with colons, of a file name; bytes that are no UTF-8 as their escapes."""
    if encoding == "url":
        name = unquote_to_bytes(name.replace("+", " ")).decode("utf-8", "backslashreplace")
    elif encoding == "safe":
        name = _from_safe(name)
    return name.replace("/", ":")


def not_utf_8(id: str) -> bool:
    """Whether an id stands for a file name that is no UTF-8. Ids of DokuWiki hold no backslash."""
    return "\\" in id


def namespace(id: str) -> str:
    """The namespace of a page, a medium or a namespace; ``""`` is the whole wiki."""
    return id.rpartition(":")[0]


def namespaces(id: str) -> list[str]:
    """All namespaces that an id lies in, the innermost first, without the whole wiki."""
    found = []
    while id := namespace(id):
        found.append(id)
    return found


def _to_safe(name: str) -> str:
    made, converted = "", False
    for letter in name:
        if letter in _SAFE:
            made += "]" * converted + letter
            converted = False
        else:
            made += "%" if letter == "%" else f"%{_base36(ord(letter) - 32)}"
            converted = True
    return made + "]" * converted


def _from_safe(name: str) -> str:
    made, rest = "", name.lower()
    while rest:
        plain, percent, rest = rest.partition("%")
        made += plain
        if not percent:
            break
        digits = ""
        while rest and rest[0] in _BASE36 and len(digits) < 5:  # a letter of the name never follows at once
            digits, rest = digits + rest[0], rest[1:]
        try:
            made += chr(32 + int(digits, 36)) if digits else "%"
        except (ValueError, OverflowError):
            made += f"\\x{digits}"
        rest = rest.removeprefix("]")
    return made


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _BASE36[digit] + digits
    return digits or "0"
