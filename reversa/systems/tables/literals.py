"""Values in SQL as the texts that the system itself would write. Nothing is computed but the few functions that tools write for texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

Literal = Callable[[bytes], bytes | None]

_OF_BYTES = re.compile(
    r"(?:tiny|medium|long)?blob|(?:var)?binary|bit|geometry|(?:multi)?(?:point|linestring|polygon)|geometrycollection", re.IGNORECASE
)
_QUOTE = ord("'")
_ESCAPED = re.compile(rb"\\(.)|''", re.DOTALL)
_MYSQL_ESCAPES = {b"0": b"\0", b"b": b"\b", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"Z": b"\x1a", b"%": b"\\%", b"_": b"\\_"}
_C_ESCAPES = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}
_PREFIXED = re.compile(rb"(\w+)\s*'(.*)'", re.DOTALL)
_REPLACE = re.compile(rb"replace\s*\((.*),\s*'((?:[^']|'')*+)'\s*,\s*char\(\s*(\d+)\s*\)\s*\)", re.DOTALL | re.IGNORECASE)
_UNISTR = re.compile(rb"unistr\s*\(\s*'(.*)'\s*\)", re.DOTALL | re.IGNORECASE)
_UNICODE = re.compile(rb"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|\+([0-9a-fA-F]{6})|([0-9a-fA-F]{4})|\\)|''")


def values(literals: Sequence[bytes], literal: Literal) -> list[bytes | None]:
    """A column of literals. What needs no second look, which is most, is not given one."""
    if literal is mysql_bytes:
        return [literal(value.strip()) for value in literals]
    return [
        value[1:-1]
        if value[0] == _QUOTE and value.find(b"'", 1) == len(value) - 1 and b"\\" not in value
        else value
        if value.isdigit()
        else None
        if value == b"NULL"
        else literal(value.strip())
        for value in literals
    ]


def literal_of(system: str, type: str) -> Literal:
    """How a column of this type is read."""
    if system == "mysql":
        return mysql_bytes if _OF_BYTES.match(type) else mysql
    return sqlite if system == "sqlite" else postgresql


def postgresql(value: bytes) -> bytes | None:
    """DEFAULT stands for a value that PostgreSQL works out itself; a boolean is written as COPY writes it."""
    if value[:1] == b"'":
        return value[1:-1].replace(b"''", b"'")
    keyword = value.upper()
    if keyword in (b"NULL", b"DEFAULT"):
        return None
    if keyword in (b"TRUE", b"FALSE"):
        return keyword[:1].lower()
    if prefixed := _PREFIXED.fullmatch(value):
        kind, text = prefixed[1].upper(), prefixed[2]
        return _ESCAPED.sub(_c_escape, text) if kind == b"E" else text if kind in (b"B", b"X") else value
    return value


def mysql(value: bytes) -> bytes | None:
    if value[:1] in (b"'", b'"'):
        return _ESCAPED.sub(_mysql_escape, value[1:-1])
    keyword = value.upper()
    if keyword in (b"NULL", b"DEFAULT"):
        return None
    if keyword.startswith(b"0X"):
        return b"\\x" + value[2:].lower()
    if prefixed := _PREFIXED.fullmatch(value):
        kind, text = prefixed[1].lower(), prefixed[2]
        if kind == b"x":
            return b"\\x" + text.lower()
        if kind == b"b":
            return _hex(int(text or b"0", 2).to_bytes((len(text) + 7) // 8))
        text = _ESCAPED.sub(_mysql_escape, text)
        return _hex(text) if kind == b"_binary" else text  # the others name a character set
    return value


def mysql_bytes(value: bytes) -> bytes | None:
    """Of a column of bytes, where a quoted text is bytes too."""
    given = mysql(value)
    return _hex(given) if given is not None and value[:1] in (b"'", b'"') else given


def sqlite(value: bytes) -> bytes | None:
    if value[:1] == b"'":
        return value[1:-1].replace(b"''", b"'")
    if value.upper() == b"NULL":
        return None
    if value[:2] in (b"X'", b"x'"):
        return b"\\x" + value[2:-1].lower()
    if found := _REPLACE.fullmatch(value):
        text = sqlite(found[1].strip())
        code = int(found[3])
        return text if text is None or code > 0x10FFFF else text.replace(found[2].replace(b"''", b"'"), chr(code).encode("utf-8", "surrogatepass"))
    if found := _UNISTR.fullmatch(value):
        return _UNICODE.sub(_character, found[1])
    return value


def _hex(value: bytes) -> bytes:
    return b"\\x" + value.hex().encode()


def _mysql_escape(found: re.Match[bytes]) -> bytes:
    return _MYSQL_ESCAPES.get(found[1], found[1]) if found[1] else b"'"


def _c_escape(found: re.Match[bytes]) -> bytes:
    return _C_ESCAPES.get(found[1], found[1]) if found[1] else b"'"


def _character(found: re.Match[bytes]) -> bytes:
    code = found[1] or found[2] or found[3] or found[4]
    if not code:
        return found[0][:1]
    return chr(int(code, 16)).encode("utf-8", "surrogatepass") if int(code, 16) <= 0x10FFFF else found[0]
