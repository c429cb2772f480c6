"""A dump whose statements have been passed once, so that it is known where the rows of each table are."""

from __future__ import annotations

import codecs
import contextlib
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pyarrow as pa

from reversa.errors import SourceError
from reversa.systems.tables import inserts, pgcopy
from reversa.systems.tables.contract import Damaged, Table, text_of
from reversa.systems.tables.ddl import NAME, QUALIFIED, Definitions, names
from reversa.systems.tables.sqllex import SQLITE, Dialect, Statement, Window, statements
from reversa.systems.tables.streams import Input, first_bytes, opened

_COPY = re.compile(rf"COPY\s+({QUALIFIED})\s*(?:\(((?:\s*+{NAME}\s*+,?)*+)\)\s*)?FROM\s+stdin\s*$", re.IGNORECASE)
_LINE, _END_OF_COPY = re.compile(rb"\n"), re.compile(rb"(?<=\n)\\\.\r?(?:\n|$(?!\n))")
_SCHEMA = re.compile(rf"USE\s+({NAME})\s*$|SET\s+search_path\s*=\s*({NAME})", re.IGNORECASE)
_ENCODING = re.compile(rb"\bSET\s+(?:client_encoding\s*=\s*|NAMES\s+)'?([\w-]+)", re.IGNORECASE)
_ENCODINGS = {"latin1": "cp1252", "utf8mb3": "utf-8", "utf8mb4": "utf-8"}  # what MySQL calls so
_ENDS = (
    (re.compile(rb"^-- PostgreSQL database dump", re.MULTILINE), b"database dump complete"),
    (re.compile(rb"^-- (?:MySQL|MariaDB) dump", re.MULTILINE), b"-- Dump completed"),
    (re.compile(rb"\A(?:PRAGMA [^;]*;\s*)?BEGIN TRANSACTION;"), b"COMMIT;"),
)
"""How the tools begin and end what they write."""


class Part(msgspec.Struct):
    """Some rows of a table: statements that stand together, or one block of COPY with these columns."""

    start: int
    end: int | None
    line: int
    copy: tuple[str, ...] | None = None


class Dump:
    """Reads the tables of a dump. How the system quotes and names is for each kind of dump to say."""

    def __init__(self, path: Path, dialect: Dialect, main: str) -> None:
        self._path, self._dialect = path, dialect
        self._definitions = Definitions(main)
        self._parts: dict[str, list[Part]] = {}
        self._cut: Damaged | None = None
        self._encoding = "utf-8"

    def tables(self) -> list[Table]:
        return self._definitions.finished()

    def batches(self, table: Table) -> Iterator[pa.RecordBatch | Damaged]:
        for part in self._parts.get(table.name, ()):
            with self._window(part) as window:
                if part.copy is None:
                    yield from inserts.Inserts(window, table, self._positions(table), self._dialect, self._encoding)
                else:
                    yield from pgcopy.rows(window, table, part.copy, self._encoding)
        if self._cut and self._cut.table == table.name:
            yield self._cut

    def count(self, table: Table) -> int:
        total = int(self._cut is not None and self._cut.table == table.name)
        for part in self._parts.get(table.name, ()):
            with self._window(part) as window:
                total += inserts.count(window, self._dialect) if part.copy is None else pgcopy.count(window)
        return total

    def close(self) -> None:
        """Nothing stays open."""

    def _positions(self, table: Table) -> tuple[str, ...]:
        """The columns of a row that does not name them."""
        if self._dialect is SQLITE:  # it leaves out what it works out
            return tuple(column.name for column in table.columns)
        return self._definitions.positions[table.name]

    def _stream(self, part: Part) -> Input:
        stream = opened(self._path)
        stream.seek(part.start)
        return stream

    @contextlib.contextmanager
    def _window(self, part: Part) -> Iterator[Window]:
        with contextlib.closing(self._stream(part)) as stream:
            yield Window(stream, part.start, part.end, part.line)

    def _scan(self) -> None:
        """Pass all statements of a plain dump."""
        first = first_bytes(self._path)
        self._note_encoding(first)
        last, whole = "", True
        try:
            with contextlib.closing(opened(self._path)) as stream:
                window = Window(stream)
                previous: tuple[str, Part] | None = None
                for statement in statements(window, self._dialect):
                    previous = self._taken(statement, window, previous)
                    last, whole = (previous[0], statement.whole) if previous else (last, True)
        except (OSError, EOFError, zlib.error) as error:
            raise SourceError(f"{self._path} cannot be read: {error}", "Copy the dump again from where it was made.") from error
        end = window.data[-(1 << 16) :]
        last = last or next(iter(self._definitions.tables), "")
        if last and whole and (window.broken or any(begin.search(first) and mark not in end for begin, mark in _ENDS)):
            self._cut = Damaged(last, "the end", window.broken or "the dump ends too early: rows and tables may be missing after this one")

    def _note_encoding(self, text: bytes) -> None:
        if found := _ENCODING.search(text):
            self._encoding = _codec(found[1].decode(), mysql=self._dialect.name == "mysql")

    def _taken(self, statement: Statement, window: Window, previous: tuple[str, Part] | None) -> tuple[str, Part] | None:
        """Gives the table and the part, where the statement has rows."""
        if head := inserts.head(statement.text):
            name = self._definitions.name(head[0])
            if previous and previous[0] == name and previous[1].copy is None:
                previous[1].end = window.position
                return previous
            return self._filled(name, head[1], Part(statement.start, window.position, statement.line))
        if not statement.whole:
            return None
        text = text_of(statement.text)[0]
        if copy := copied(text):
            window.until(_LINE)
            part = Part(window.position, None, window.line, copy[1])
            window.at -= 1  # the end of an empty block follows the line itself
            window.until(_END_OF_COPY)
            part.end = window.position
            return self._filled(self._definitions.name(copy[0]), copy[1], part)
        if schema := _SCHEMA.match(text):
            self._definitions.schema = names(schema[1] or schema[2])[0]
            self._definitions.main = self._definitions.main or self._definitions.schema
        self._definitions.take(text)
        return None

    def _filled(self, name: str, columns: tuple[str, ...], part: Part) -> tuple[str, Part]:
        self._definitions.filled(name, columns)
        self._parts.setdefault(name, []).append(part)
        if part.copy == ():
            part.copy = tuple(column.name for column in self._definitions.tables[name].columns)
        return name, part


def copied(statement: str) -> tuple[str, tuple[str, ...]] | None:
    """The table that COPY fills, quoted as it is, and the columns that it names; nothing where the rows do not follow."""
    found = _COPY.match(statement)
    return (found[1], tuple(names(found[2] or ""))) if found else None


def _codec(name: str, *, mysql: bool) -> str:
    name = _ENCODINGS.get(name.lower(), name) if mysql else name
    try:
        return codecs.lookup(name).name
    except LookupError:
        return "utf-8"  # and what is not is escaped
