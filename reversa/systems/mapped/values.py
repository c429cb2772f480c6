"""From the text of a source to the value of a field."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from reversa.records import ANY, instant
from reversa.schema import Field

_TRUE, _FALSE = frozenset(("t", "true", "1", "y", "yes", "\\x01")), frozenset(("f", "false", "0", "n", "no", "\\x00"))
_INTEGER, _DECIMAL = re.compile(r"-?\d{1,18}"), re.compile(r"-?\d+(\.\d+)?")
_LARGEST = 2**53 - 1
_LOCAL = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:\.\d{1,6})?)")
_PACKED = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)")  # MediaWiki's timestamps
_EPOCH = re.compile(r"(\d{9,11})(?:\.(\d{1,6}))?|(\d{12,13})")  # seconds or milliseconds; shorter ones may be anything
_FINER = re.compile(r"\.\d{6}0*[1-9]")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Kept:
    """A text that its field could not take as it is: it stays beside the record, and the field gets ``value``."""

    text: str
    value: Any = None


Convert = Callable[[str], Any]
"""Gives the value behind a text, or Kept. Raises ValueError or OverflowError for a text that is none."""


def converter(of: Field, zone: ZoneInfo | None) -> Convert | None:
    """How the texts of a field are read; None: as they are."""
    if of.type == "instant":
        return lambda text: _instant(text, zone)
    if of.type == "ref":
        return lambda text: _reference(text, of)
    if of.choices:
        return lambda text: text if text in of.choices else Kept(text)
    simple: dict[str, Convert] = {
        "integer": _integer,
        "boolean": _boolean,
        "date": _date,
        "local-datetime": _local,
        "decimal": lambda text: _matching(_DECIMAL, text),
        "sha256": lambda text: _matching(_DIGEST, text),
    }
    return simple.get(of.type)


def convert(texts: Sequence[Any], of: Field, zone: ZoneInfo | None) -> Sequence[Any]:
    """The values behind a column of texts; a text that is none of its type becomes Kept."""
    read = converter(of, zone)
    if read is None:
        return texts
    known: dict[str, Any] = {}

    def value(text: str) -> Any:
        try:
            return read(text)
        except (ValueError, OverflowError):
            return Kept(text)

    for text in set(texts):
        if text is not None:
            known[text] = value(text)
    return [None if text is None else known[text] for text in texts]


def _integer(text: str) -> Any:
    number = int(_matching(_INTEGER, text))
    return number if abs(number) <= _LARGEST else Kept(text)


def _boolean(text: str) -> Any:
    lower = text.lower()
    return True if lower in _TRUE else False if lower in _FALSE else Kept(text)


def _date(text: str) -> Any:
    return date.fromisoformat(text.removesuffix(" 00:00:00"))


def _local(text: str) -> str:
    match = _LOCAL.fullmatch(text)
    if match is None:
        raise ValueError(text)
    datetime.fromisoformat(text)
    return "T".join(match.groups())


def _matching(pattern: re.Pattern[str], text: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(text)
    return text


def _reference(text: str, of: Field) -> Any:
    kind, _, id = text.partition(":")
    return text if id and (of.note.to == ANY or kind in of.note.to) else Kept(text)


def _instant(text: str, zone: ZoneInfo | None) -> Any:
    """An instant in any of the usual ways to write one. A time without a zone is one of ``zone``, and none where that is not given."""
    epoch, packed = _EPOCH.fullmatch(text), _PACKED.fullmatch(text)
    if epoch:
        seconds, fraction, milliseconds = epoch.groups()
        return instant(int(milliseconds) * 1000 if milliseconds else int(seconds) * 10**6 + int((fraction or "").ljust(6, "0")))
    if packed:
        return datetime(*map(int, packed.groups()), tzinfo=UTC)  # type: ignore[misc,arg-type] # six numbers
    at = datetime.fromisoformat(text)
    if at.tzinfo is not None:
        utc, sure = at.astimezone(UTC), True
    elif zone is None:
        return Kept(text)
    else:
        first = at.replace(tzinfo=zone)
        utc, sure = first.astimezone(UTC), first.utcoffset() == first.replace(fold=1).utcoffset()
    exact = len(text) > 10 and not _FINER.search(text)  # not a date only, and no nanoseconds
    return utc if exact and sure else Kept(text, utc)
