"""Slack's JSON, read softly: types drift, keys go missing, files are cut. What is not taken stays, as native text."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec

from reversa.records import EPOCH

T = TypeVar("T")
_decoder = msgspec.json.Decoder(float_hook=lambda text: msgspec.Raw(text.encode()))
_encoder = msgspec.json.Encoder(order="sorted")
_TIMESTAMP = re.compile(r"(\d{1,11})(?:\.(\d{1,6}))?")
_BLANK = re.compile(r"[ \t\n\r]*")
_SURROGATE = re.compile("[\ud800-\udfff]")


def to_json(value: object) -> str:
    """JSON text with sorted keys; numbers keep their digits."""
    return _encoder.encode(value).decode()


class Array(msgspec.Struct):
    """The elements of a JSON list; `broken` says why reading stopped early.

    `escaped` are the elements that held half characters, `repeated` those with an object that names a key twice.
    """

    elements: list[Any]
    broken: str = ""
    escaped: frozenset[int] = frozenset()
    repeated: frozenset[int] = frozenset()


def read_array(data: bytes) -> Array:
    """Read a JSON list. A file that is broken half way gives the elements before the break."""
    try:
        value = _decoder.decode(data)
        careful = _may_repeat_a_key(data, value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        careful = True
    if careful:
        elements, broken, repeated = _salvage(data)
        whole: list[Any] = []
        try:
            for element in elements:
                whole.append(without_surrogates(element))  # noqa: PERF401 - those before the break are kept
        except RecursionError:
            broken = f"element {len(whole)} is nested too deeply"
        return Array(whole, broken, frozenset(n for n, element in enumerate(whole) if element != elements[n]), repeated)
    if not isinstance(value, list):
        return Array([], f"a JSON {type(value).__name__} where a list was expected")
    return Array(value)


def _may_repeat_a_key(data: bytes, value: Any) -> bool:
    """Whether an object names a key twice, of which the decoder keeps the last. May be wrong with yes, never with no.

    Every pair of a name and a value is a ``":`` in compact JSON; others inside texts are the same before and after, unless
    one of the two characters is escaped.
    """
    compact = msgspec.json.format(data, indent=-1)
    if b"\\u00" in compact and any(escape in compact for escape in (b"\\u0022", b"\\u003a", b"\\u003A")):
        return True
    return compact.count(b'":') != _encoder.encode(value).count(b'":')


def _salvage(data: bytes) -> tuple[list[Any], str, frozenset[int]]:
    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is not JSON")

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            repeated.add(len(elements))
        return made

    decoder = json.JSONDecoder(parse_float=_raw, parse_int=_raw_integer, parse_constant=refuse, object_pairs_hook=members)
    elements: list[Any] = []
    repeated: set[int] = set()
    wrong = ""
    try:
        text, wrong = _decode(data)
        position = _skip(text, 0)
        if text[position : position + 1] != "[":
            return [], "not a JSON list", frozenset()
        position = _skip(text, position + 1)
        while text[position : position + 1] != "]":
            element, position = decoder.raw_decode(text, position)
            elements.append(element)
            position = _skip(text, position)
            if text[position : position + 1] == ",":
                position = _skip(text, position + 1)
            elif text[position : position + 1] != "]":
                wrong = f"broken at character {position}"
                break
        else:
            if text[position + 1 :].strip():
                wrong = f"text after the end of the list at character {position + 1}"
    except RecursionError:
        wrong = "nested too deeply"
    except ValueError as error:
        wrong = wrong or str(error)
    return elements, wrong, frozenset(repeated - {len(elements)})


def _decode(data: bytes) -> tuple[str, str]:
    """The text of UTF-8 up to the first byte that is none, and what is wrong there."""
    try:
        return data.decode("utf-8"), ""
    except UnicodeDecodeError as error:
        return data[: error.start].decode("utf-8"), f"not UTF-8 at byte {error.start}"


def _raw(text: str) -> Any:
    return msgspec.Raw(text.encode())


def _raw_integer(text: str) -> Any:
    return int(text) if len(text) < 18 else _raw(text)


def _skip(text: str, position: int) -> int:
    blank = _BLANK.match(text, position)
    return blank.end() if blank else position


def without_surrogates(value: Any) -> Any:
    """The value with every lone surrogate, which no encoding can carry, written as its JSON escape."""
    if isinstance(value, str):
        return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", value)
    if isinstance(value, list):
        return [without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {without_surrogates(key): without_surrogates(item) for key, item in value.items()}
    return value


def take(raw: dict[str, Any], key: str, type_: type[T]) -> T | None:
    """Take a value out of ``raw`` if it is there and of this type, else leave it where it is."""
    value = raw.get(key)
    if isinstance(value, type_) and not (isinstance(value, bool) and type_ is not bool):
        del raw[key]
        return value
    return None


def take_text(raw: dict[str, Any], key: str) -> str | None:
    """Take a text that is not empty. Slack writes ``""`` for values that nobody gave: those are dropped."""
    value = take(raw, key, str)
    return value or None


def take_seconds(raw: dict[str, Any], key: str) -> datetime | None:
    """Take a time in seconds since 1970, a number or its text; 0 stands for "unknown" and stays."""
    at = parse_time(raw.get(key))
    if at is not None:
        del raw[key]
    return at


def parse_time(value: object) -> datetime | None:
    """The instant of a Slack time, ``1546300860.123456`` or 1546300860; None when it is none."""
    if not isinstance(value, str):
        if isinstance(value, msgspec.Raw):
            value = bytes(value).decode()
        elif isinstance(value, bool) or not isinstance(value, int):
            return None
        value = str(value)
    match = _TIMESTAMP.fullmatch(value)
    if match is None:
        return None
    seconds, fraction = match.groups("0")
    whole = int(seconds)
    return EPOCH + timedelta(0, whole, int(fraction.ljust(6, "0"))) if whole else None


def native(raw: dict[str, Any]) -> str | None:
    """What was not taken, as JSON text; None when all was."""
    return to_json(raw) if raw else None
