"""The rows of a COPY block in its text format."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO, Any, Literal, cast

import pyarrow as pa
import pyarrow.compute
import pyarrow.csv

from reversa.systems.tables.contract import BATCH, Damaged, Table
from reversa.systems.tables.inserts import CUT
from reversa.systems.tables.sqllex import CAP, Window
from reversa.systems.tables.texts import as_text, batch_of

pc: Any = pyarrow.compute
_END = re.compile(rb"\\\.\r?\n")
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|x([0-9a-fA-F]{1,2})|(.))", re.DOTALL)
_LETTERS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


def rows(window: Window, table: Table, columns: tuple[str, ...], encoding: str) -> Iterator[pa.RecordBatch | Damaged]:
    """All rows of the block that begins at the window."""
    while True:
        ended = _end(window)
        end = ended.start() if ended else window.data.rfind(b"\n", window.at) + 1
        if end > window.at:
            yield from _rows(window.data[window.at : end], window.line, table, columns, encoding)
            window.at = end
        if ended:
            return
        if window.left > CAP:
            line = window.line
            window.until(re.compile(rb"\n"))
            yield Damaged(table.name, f"line {line}", f"a row of more than {CAP >> 20} MiB")
        elif not window.more():
            yield Damaged(table.name, f"line {window.line}", window.broken or CUT)
            return


def count(window: Window) -> int:
    """How many lines there are before the one that ends the block; where that one is missing, there was at least one more."""
    lines = 0
    while not (ended := _end(window)):
        end = window.data.rfind(b"\n", window.at) + 1 or window.at
        lines += window.data.count(b"\n", window.at, end)
        window.at = end
        if window.left > CAP:
            lines += window.until(re.compile(rb"\n"))
        elif not window.more():
            return lines + 1
    return lines + window.data.count(b"\n", window.at, ended.start())


def _end(window: Window) -> re.Match[bytes] | None:
    """The line that ends the block, if it is there; in a large window, `find` takes a tenth of the time of a pattern with ``^``."""
    at, data = window.at, window.data
    while not (found := _END.match(data, at)):
        at = data.find(b"\n\\.", at) + 1
        if not at:
            return None
    return found


def _rows(block: bytes, line: int, table: Table, columns: tuple[str, ...], encoding: str) -> Iterator[pa.RecordBatch | Damaged]:
    if b"\r" in block:  # a line of its own to the reader below
        block = block.replace(b"\r\n", b"\n").replace(b"\r", b"\\r")
    wrong: list[int] = []

    def skip(row: pyarrow.csv.InvalidRow) -> Literal["skip", "error"]:
        wrong.append(row.number or 0)
        return "skip"

    types = {str(place): pa.binary() for place in range(len(columns))}
    found = pyarrow.csv.read_csv(
        cast("IO[bytes]", pa.BufferReader(block)),
        pyarrow.csv.ReadOptions(use_threads=False, block_size=len(block) + 1, column_names=list(types)),
        pyarrow.csv.ParseOptions(delimiter="\t", quote_char=False, escape_char=False, ignore_empty_lines=False, invalid_row_handler=skip),
        pyarrow.csv.ConvertOptions(column_types=types, null_values=["\\N"], strings_can_be_null=True, check_utf8=False),
    )
    for row in wrong:
        yield Damaged(table.name, f"line {line + row - 1}", f"a row without exactly {len(columns)} values")
    right = sorted(set(range(1, found.num_rows + len(wrong) + 1)) - set(wrong)) if wrong else range(1, found.num_rows + 1)
    texts = {}
    for place, name in enumerate(columns):
        texts[name], escaped = as_text(_unescaped(found.column(place).combine_chunks()), encoding)
        for row in escaped:
            yield Damaged(table.name, f"line {line + right[row] - 1}, column {name}", f"bytes that are not {encoding}", count=0)
    batch = batch_of(table, texts, found.num_rows)
    for start in range(0, batch.num_rows, BATCH):
        yield batch.slice(start, BATCH)


def _unescaped(column: pa.Array[Any]) -> pa.Array[Any]:
    held = pc.fill_null(pc.match_substring(column, pattern="\\"), False)
    if not pc.any(held).as_py():
        return column
    written = column.filter(held)
    if pc.any(pc.match_substring(written, pattern="\0")).as_py():  # it stands for a backslash below
        return _replaced(column, held, _each_unescaped(written))
    texts = pc.replace_substring(written, pattern="\\\\", replacement="\0")
    for letter, meant in _LETTERS.items():
        texts = pc.replace_substring(texts, pattern=b"\\" + letter, replacement=meant)
    others = pc.match_substring(texts, pattern="\\")
    texts = pc.replace_substring(texts, pattern="\0", replacement="\\")
    return _replaced(column, held, _replaced(texts, others, _each_unescaped(written.filter(others))))


def _replaced(column: pa.Array[Any], where: pa.Array[Any], texts: pa.Array[Any]) -> pa.Array[Any]:
    return cast("pa.Array[Any]", pc.replace_with_mask(column, where, texts))


def _each_unescaped(texts: pa.Array[Any]) -> pa.Array[Any]:
    return pa.array([_ESCAPE.sub(_escaped, text) for text in cast("list[bytes]", texts.to_pylist())], pa.binary())


def _escaped(found: re.Match[bytes]) -> bytes:
    octal, hexadecimal, letter = found.groups()
    if letter:
        return _LETTERS.get(letter, letter)
    return bytes([int(octal, 8) & 0xFF if octal else int(hexadecimal, 16)])
