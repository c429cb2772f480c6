"""Reads CSV and TSV as tables. An empty field in quotes is an empty text, one without is NULL."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from reversa.errors import SourceError
from reversa.systems.tables.contract import BATCH, Column, Damaged, Table, text_of
from reversa.systems.tables.sqllex import AHEAD, CAP, Window
from reversa.systems.tables.texts import ENOUGH, as_text, batch_of

_BOM = b"\xef\xbb\xbf"
_QUOTED = rb'"(?:[^"]++|"")*+"(?!")'
_TEXTS = re.compile(_QUOTED)
_END = rb"(?:\r?\n|\r(?=[^\n]))"


class Delimited:
    """A file of rows whose first names the columns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("rb") as file:
            first = file.read(AHEAD)
        if first[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise SourceError(f"{path} is not UTF-8.", "Save it again as UTF-8.")
        start = len(_BOM) if first.startswith(_BOM) else 0
        self._delimiter = _delimiter(first)
        unquoted = rb"[^%b\r\n]*+" % re.escape(self._delimiter)
        field = rb'%b%b|(?!")%b' % (_QUOTED, unquoted, unquoted)
        self._any = re.compile(rb"(?:%b)(?:%b(?:%b))*+%b" % (field, re.escape(self._delimiter), field, _END))
        header = self._any.match(first + b"\n", start)
        self._start = min(header.end(), len(first)) if header else start
        names = self._read_header(text_of(first[start : self._start])[0])
        if len(set(names)) < len(names) or "" in names:
            raise SourceError(f"{path} has no header that names each column once.", "Put the names of the columns into its first line.")
        self._first_line = first.count(b"\n", 0, self._start) + 1
        field = rb'(%b|(?!")%b)' % (_QUOTED, unquoted)
        self._row = re.compile(re.escape(self._delimiter).join([field] * len(names)) + _END)
        self.table = Table(path.stem, tuple(Column(name) for name in names))

    def batches(self) -> Iterator[pa.RecordBatch | Damaged]:
        rows: list[tuple[bytes, ...]] = []
        lines: list[int] = []
        with self._path.open("rb") as file:
            file.seek(self._start)
            window = Window(file, self._start, line=self._first_line)
            begun = window.position
            ended = not self.table.columns
            while not ended or window.left:
                if found := self._row.match(window.data, window.at):
                    if found[0].strip(b"\r\n") or len(self.table.columns) == 1:
                        rows.append(found.groups())
                        lines.append(window.line)
                    window.at = found.end()
                elif found := self._any.match(window.data, window.at):
                    if found[0].strip(b"\r\n"):
                        yield Damaged(self.table.name, f"line {window.line}", f"a row without exactly {len(self.table.columns)} values")
                    window.at = found.end()
                elif window.left > CAP:
                    yield Damaged(self.table.name, f"line {window.line}", f"a row of more than {CAP >> 20} MiB")
                    self._pass_row(window)
                elif window.more():
                    continue
                elif not ended:
                    ended = True
                    window.data += b"\n" if window.left and not window.data.endswith(b"\n") else b""
                elif window.left:
                    yield Damaged(self.table.name, f"line {window.line}", "a quoted text that does not end")
                    window.at = len(window.data)
                if len(rows) == BATCH or window.position - begun > ENOUGH:
                    yield from self._given(rows, lines)
                    rows, lines, begun = [], [], window.position
        yield from self._given(rows, lines)

    def count(self) -> int:
        """As the csv module sees it."""
        csv.field_size_limit(max(csv.field_size_limit(), 1 << 40))
        with self._path.open("rb") as file:
            file.seek(self._start)
            text = io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline="")
            one = len(self.table.columns) == 1
            return sum(1 for row in csv.reader(text, delimiter=self._delimiter.decode()) if row or one) if self.table.columns else 0

    def _read_header(self, line: str) -> list[str]:
        return next(csv.reader(io.StringIO(line, newline=""), delimiter=self._delimiter.decode()), [])

    def _pass_row(self, window: Window) -> None:
        """Go behind a row, however long it is: to the first end of a line outside quotes."""
        quoted = False
        while True:
            mark = re.compile(rb'"|\n').search(window.data, window.at)
            if mark:
                window.at = mark.end()
                quoted ^= mark[0] == b'"'
                if mark[0] == b"\n" and not quoted:
                    return
            else:
                window.at = len(window.data)
                if not window.more():
                    return

    def _given(self, rows: list[tuple[bytes, ...]], lines: list[int]) -> Iterator[pa.RecordBatch | Damaged]:
        if not rows:
            return
        columns = {}
        for column, fields in zip(self.table.columns, zip(*rows, strict=True), strict=True):
            found = pa.array([_value(field) for field in fields], pa.binary())
            columns[column.name], escaped = as_text(found)
            for row in escaped:
                yield Damaged(self.table.name, f"line {lines[row]}, column {column.name}", "bytes that are not utf-8", count=0)
        yield batch_of(self.table, columns, len(rows))


def _delimiter(first: bytes) -> bytes:
    """What stands most often in the first line outside quotes."""
    line = _TEXTS.sub(b"", first).splitlines()[:1] or [b""]
    return max((b",", b";", b"\t", b"|"), key=line[0].count)


def _value(field: bytes) -> bytes | None:
    if field[:1] == b'"':
        return field[1:-1].replace(b'""', b'"')
    return field or None
