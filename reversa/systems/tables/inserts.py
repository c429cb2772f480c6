"""The rows of INSERT statements that stand together in a dump."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

import pyarrow as pa

from reversa.systems.tables.contract import BATCH, Damaged, Table, text_of
from reversa.systems.tables.ddl import NAME, QUALIFIED, unquoted
from reversa.systems.tables.literals import literal_of, values
from reversa.systems.tables.sqllex import AHEAD, CAP, END_OF_ROW, Dialect, Pattern, Window, stop
from reversa.systems.tables.texts import ENOUGH, as_text, batch_of

CUT = "the dump ends in the middle of its rows"
_HEAD = re.compile(
    rb"(?:INSERT|REPLACE)\s+(?:(?:IGNORE|DELAYED|LOW_PRIORITY|OR\s+\w+)\s+)*INTO\s+(%b)\s*(?:\(((?:\s*%b\s*,?)*+)\)\s*)?(?:OVERRIDING\s+\w+\s+VALUE\s+)?VALUES\b"
    % (QUALIFIED.encode("latin-1"), NAME.encode("latin-1")),
    re.IGNORECASE,
)
_NAME = re.compile(NAME.encode("latin-1"))


def head(statement: bytes) -> tuple[str, tuple[str, ...]] | None:
    """The table of an INSERT, quoted as it is, and the columns that it names."""
    found = _HEAD.match(statement)
    return (text_of(found[1])[0], _names(found[2] or b"")) if found else None


@functools.lru_cache(64)
def _names(listed: bytes) -> tuple[str, ...]:
    return tuple(unquoted(text_of(name)[0]) for name in _NAME.findall(listed))


@functools.lru_cache(64)
def _row(value: bytes, columns: int) -> Pattern:
    return re.compile(rb"\s*+\(" + rb",".join([rb"\s*+(%b)" % value] * columns) + END_OF_ROW, re.DOTALL | re.IGNORECASE)


class Inserts:
    """Reads the statements in a window: rows by a pattern of as many values as there are columns."""

    def __init__(self, window: Window, table: Table, positions: tuple[str, ...], dialect: Dialect, encoding: str) -> None:
        self._window, self._table, self._positions, self._dialect, self._encoding = window, table, positions, dialect, encoding
        self._literals = {column.name: literal_of(dialect.name, column.type) for column in table.columns}
        self._columns: tuple[str, ...] = ()
        self._rows: list[tuple[bytes, ...]] = []
        self._lines: list[int] = []
        self._begun = window.position

    def __iter__(self) -> Iterator[pa.RecordBatch | Damaged]:
        while found := _next_head(self._window, self._dialect):
            columns = _names(found[2] or b"") or self._positions
            if columns != self._columns:
                yield from self._given()
                self._columns = columns
            self._window.at = found.end()
            yield from self._statement(_row(self._dialect.value, len(columns)))
        yield from self._given()

    def _statement(self, row: Pattern) -> Iterator[pa.RecordBatch | Damaged]:
        window = self._window
        while True:
            if found := row.match(window.data, window.at):
                self._rows.append(found.groups())
                self._lines.append(window.line)
                window.at = found.end()
                mark = found[found.re.groups]
                if len(self._rows) == BATCH or window.position - self._begun > ENOUGH:
                    yield from self._given()
            elif found := self._dialect.row.match(window.data, window.at):
                yield self._damaged(f"a row without exactly {len(self._columns)} values")
                window.at = found.end()
                mark = found[1]
            elif window.left > CAP:
                yield self._damaged(f"a row of more than {CAP >> 20} MiB")
                mark = _pass_row(window, self._dialect)
                if not mark:
                    return
            elif window.more():
                continue
            else:
                yield self._damaged(window.broken or CUT)
                window.at = len(window.data)
                return
            if mark != b",":
                if mark != b";":
                    stop(window, self._dialect.body, b";", self._dialect)
                return
            _pass_gap(window, self._dialect)  # so that the line is the row's own

    def _damaged(self, reason: str) -> Damaged:
        return Damaged(self._table.name, f"line {self._window.line}", reason)

    def _given(self) -> Iterator[pa.RecordBatch | Damaged]:
        """The rows so far."""
        rows, lines = self._rows, self._lines
        self._rows, self._lines, self._begun = [], [], self._window.position
        if not rows:
            return
        columns = {}
        for name, literals in zip(self._columns, zip(*rows, strict=True), strict=False):  # the mark after a row is the last group
            if name in self._literals:
                found = pa.array(values(literals, self._literals[name]), pa.binary())
                columns[name], escaped = as_text(found, self._encoding)
                for row in escaped:
                    yield Damaged(self._table.name, f"line {lines[row]}, column {name}", f"bytes that are not {self._encoding}", count=0)
        yield batch_of(self._table, columns, len(rows))


def count(window: Window, dialect: Dialect) -> int:
    """How many rows there are, by their parentheses alone."""
    rows = 0
    while found := _next_head(window, dialect):
        window.at = found.end()
        depth, mark = 0, b""
        while mark != b";":
            before = mark
            mark = stop(window, dialect.flat, b"();", dialect)
            if mark == b"(":
                rows += depth == 0
                depth += 1
            elif mark == b")":
                depth -= 1
            elif not mark:
                expected = depth == 0 and (before != b")" or window.data.rstrip().endswith(b","))
                return rows + expected
    return rows


def _next_head(window: Window, dialect: Dialect) -> re.Match[bytes] | None:
    window.ahead(AHEAD)
    _pass_gap(window, dialect)
    return _HEAD.match(window.data, window.at)


def _pass_gap(window: Window, dialect: Dialect) -> None:
    gap = dialect.gap.match(window.data, window.at)
    window.at = gap.end() if gap else window.at


def _pass_row(window: Window, dialect: Dialect) -> bytes:
    """Go behind a row, however long it is, and the mark after it."""
    depth = 0
    while mark := stop(window, dialect.flat, b"();", dialect):
        depth += {b"(": 1, b")": -1, b";": 0}[mark]
        if depth == 0:
            break
    window.ahead(2)
    following = window.data[window.at : window.at + 1]
    window.at += len(following)
    return following
