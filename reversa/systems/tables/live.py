"""A running database, or a SQLite file, read as texts."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from reversa.adapter import Options
from reversa.errors import SourceError
from reversa.systems.sql.dialects import answered, connect, damage
from reversa.systems.tables import pgcopy
from reversa.systems.tables.contract import BATCH, Column, Damaged, ForeignKey, Table, text_of
from reversa.systems.tables.sqllex import Window

_SYSTEM_SCHEMAS = ("information_schema", "pg_catalog", "pg_toast", "mysql", "performance_schema", "sys")
LONGEST = 2**22
"""Characters of a batch, about."""


class Live:
    """Reads through the database's own driver; nothing is written."""

    def __init__(self, address: str, options: Options) -> None:
        self._engine, self._dialect = connect(address, options, as_source=True)
        if self._dialect.name in ("mysql", "mariadb"):
            from pymysql.converters import encoders

            self._engine.dispose()
            self._engine = sa.create_engine(self._engine.url, connect_args={"conv": encoders})  # values as the server writes them
            sa.event.listen(self._engine, "connect", lambda connection, _: self._dialect.prepare(connection))
        with answered(self._engine):
            wrong = damage(self._engine) if self._dialect.name == "sqlite" else ""
            if wrong:
                raise SourceError(f"{address} is damaged: {wrong}", "Ask for the file again; sqlite3 FILE .recover may save a part of it.")
            self._tables = _reflected(self._engine)

    def tables(self) -> Sequence[Table]:
        return self._tables

    def batches(self, table: Table) -> Iterator[pa.RecordBatch | Damaged]:
        with answered(self._engine):
            if self._dialect.name == "postgresql":
                yield from self._copied(table)
            else:
                yield from self._fetched(table)

    def _copied(self, table: Table) -> Iterator[pa.RecordBatch | Damaged]:
        """The rows as COPY writes them, which is how pg_dump does."""
        quote = self._engine.dialect.identifier_preparer.quote
        names = tuple(column.name for column in table.columns)
        with self._engine.connect() as connection:
            cursor = connection.connection.cursor()
            with cursor.copy(f"COPY (SELECT {', '.join(map(quote, names))} FROM {self._place(table)}) TO STDOUT") as copy:
                yield from pgcopy.rows(Window(_Block(map(bytes, copy))), table, names, "UTF8")

    def _fetched(self, table: Table) -> Iterator[pa.RecordBatch | Damaged]:
        names = [column.name for column in table.columns]
        quote = self._engine.dialect.identifier_preparer.quote
        connection = self._engine.connect().execution_options(stream_results=True, max_row_buffer=1000)
        try:
            answer = connection.exec_driver_sql(f"SELECT {', '.join(map(quote, names))} FROM {self._place(table)}")
            rows: list[list[str | None]] = []
            size = 0
            for number, row in enumerate(answer):
                texts = []
                for name, value in zip(names, row, strict=True):
                    text, clean = _text(value)
                    if not clean:
                        yield Damaged(table.name, f"row {number}, column {name}", "not UTF-8; its other bytes are written as \\xNN", 0)
                    texts.append(text)
                    size += len(text or "")
                rows.append(texts)
                if len(rows) >= BATCH or size > LONGEST:
                    yield _batch(names, rows)
                    rows, size = [], 0
            if rows:
                yield _batch(names, rows)
        finally:
            connection.close()

    def _place(self, table: Table) -> str:
        quote = self._engine.dialect.identifier_preparer.quote
        parts = table.name.rsplit(".", 1) if self._dialect.name == "postgresql" else [table.name]  # the others have no schemas here
        return ".".join(map(quote, parts))

    def count(self, table: Table) -> int:
        with answered(self._engine), self._engine.connect() as connection:
            return int(connection.exec_driver_sql(f"SELECT count(*) FROM {self._place(table)}").scalar_one())

    def close(self) -> None:
        self._engine.dispose()


class _Block:
    """What COPY sends, ended as in a dump."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = itertools.chain(pieces, [b"\\.\n"])

    def read(self, size: int, /) -> bytes:
        """At least one piece, and as many as were asked for, about."""
        taken: list[bytes] = []
        while sum(map(len, taken)) < size and (piece := next(self._pieces, None)) is not None:
            taken.append(piece)
        return b"".join(taken)


def _text(value: Any) -> tuple[str | None, bool]:
    if value is None:
        return None, True
    if isinstance(value, str):
        return text_of(value.encode("utf-8", "surrogateescape"))
    if isinstance(value, bytes):
        return "\\x" + value.hex(), True
    return repr(value) if isinstance(value, float) else str(value), True


def _batch(names: list[str], rows: list[list[str | None]]) -> pa.RecordBatch:
    columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
    return pa.RecordBatch.from_arrays(columns, names=names)


def _reflected(engine: sa.Engine) -> list[Table]:
    inspector = sa.inspect(engine)
    main = inspector.default_schema_name
    schemas = inspector.get_schema_names() if engine.dialect.name == "postgresql" else [main]
    found: list[Table] = []
    for schema in schemas:
        if schema in _SYSTEM_SCHEMAS:
            continue
        within = None if schema == main else schema
        keys, leads = inspector.get_multi_pk_constraint(schema=within), inspector.get_multi_foreign_keys(schema=within)
        for place, columns in sorted(inspector.get_multi_columns(schema=within).items(), key=lambda item: str(item[0])):
            found.append(
                Table(
                    _name(place[0], place[1]),
                    tuple(Column(column["name"], _type(column["type"], engine)) for column in columns),
                    tuple((keys[place]["constrained_columns"] if place in keys else None) or ()),
                    tuple(key for lead in leads.get(place, ()) if (key := _foreign_key(lead, keys)) is not None),
                )
            )
    return found


def _foreign_key(lead: Any, keys: Any) -> ForeignKey | None:
    """A key that names no columns leads to the primary key; one that leads to nothing known is none."""
    place = (lead["referred_schema"], lead["referred_table"])
    to = lead["referred_columns"] or (keys[place]["constrained_columns"] if place in keys else ())
    return ForeignKey(tuple(lead["constrained_columns"]), _name(*place), tuple(to)) if len(to) == len(lead["constrained_columns"]) else None


def _name(schema: str | None, name: str) -> str:
    return f"{schema}.{name}" if schema else name


def _type(type_: sa.types.TypeEngine[Any], engine: sa.Engine) -> str:
    try:
        return type_.compile(engine.dialect).lower()
    except sa.exc.CompileError:
        return str(type_).lower()
