"""Reads JSON Lines as tables: an object a line. Numbers keep their digits, nested values are their JSON text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import pyarrow as pa

from reversa.systems.tables.contract import Column, Damaged, Table
from reversa.systems.tables.sqllex import CAP
from reversa.systems.tables.texts import batches_of

_BLOCK = 1 << 20
_BOM = b"\xef\xbb\xbf"
_RAW = msgspec.json.Decoder(dict[str, msgspec.Raw])
_HALF = re.compile("[\ud800-\udfff]")


class JsonLines:
    """A file of objects; its columns are the keys of all of them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        keys: dict[str, None] = {}
        with path.open("rb") as file:
            for line, _ in _lines(file):
                keys |= dict.fromkeys(_keys(line))
        self.table = Table(path.stem, tuple(Column(key) for key in keys))

    def batches(self) -> Iterator[pa.RecordBatch | Damaged]:
        damaged: list[Damaged] = []
        for batch in batches_of(self.table, self._rows(damaged)):
            yield from damaged
            damaged.clear()
            yield batch
        yield from damaged

    def count(self) -> int:
        """Lines that are not blank, by blocks of bytes."""
        total, something = 0, False
        with self._path.open("rb") as file:
            file.seek(len(_BOM) if file.read(len(_BOM)) == _BOM else 0)
            while block := file.read(_BLOCK):
                *lines, rest = block.split(b"\n")
                for line in lines:
                    total += something or bool(line.strip())
                    something = False
                something = something or bool(rest.strip())
        return total + something

    def _rows(self, damaged: list[Damaged]) -> Iterator[Sequence[str | None]]:
        columns = [column.name for column in self.table.columns]
        with self._path.open("rb") as file:
            for line, number in _lines(file):
                where = f"line {number}"
                try:
                    if len(line) > CAP:
                        raise ValueError(f"a line of more than {CAP >> 20} MiB")  # noqa: TRY301 - told like what is wrong in it
                    values = _values(line)
                except RecursionError:
                    damaged.append(Damaged(self.table.name, where, "nested too deep"))
                except ValueError as error:
                    damaged.append(Damaged(self.table.name, where, str(error)))
                else:
                    row = []
                    for column in columns:
                        text, well = values.get(column, (None, True))
                        row.append(text)
                        if not well:
                            damaged.append(Damaged(self.table.name, f"{where}, column {column}", "characters that are not Unicode", count=0))
                    yield row


def _lines(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Lines that are not blank, with their numbers. Of one that is too long, a little more than the cap."""
    number = 0
    while line := file.readline(CAP + 1):
        number += 1
        part = line
        while len(part) > CAP and not part.endswith(b"\n"):
            part = file.readline(CAP + 1)
        if number == 1:
            line = line.removeprefix(_BOM)
        if line.strip():
            yield line, number


def _keys(line: bytes) -> list[str]:
    """The keys of an object whose row can be given."""
    try:
        return list(_values(line)) if len(line) <= CAP else []
    except (ValueError, RecursionError):
        return []


def _values(line: bytes) -> dict[str, tuple[str | None, bool]]:
    """Each value as text, and whether it was text. Raises ValueError, RecursionError."""
    found = _CHECKED.decode(line.decode("utf-8", "surrogateescape"))
    if not isinstance(found, dict):
        raise ValueError("a line that is no object")  # noqa: TRY004 - a line like any other that is wrong
    return {_clean(key)[0]: _text(key, value, line) for key, value in found.items()}


def _text(key: str, value: Any, line: bytes) -> tuple[str | None, bool]:
    if value is None:
        return None, True
    if isinstance(value, bool):
        return ("true" if value else "false"), True
    if isinstance(value, str):
        return _clean(value)
    try:
        return bytes(_RAW.decode(line)[key]).decode(), True  # as it stands in the line
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError):
        return json.dumps(value), False


def _clean(text: str) -> tuple[str, bool]:
    """Without halves of characters: of a byte that was no text, or of an escape without its other half."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return _HALF.sub(_named, text), False
    return text, True


def _named(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object that has a key twice")
    return found


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is no number in JSON")


_CHECKED = json.JSONDecoder(object_pairs_hook=_once, parse_int=str, parse_float=str, parse_constant=_refused)
