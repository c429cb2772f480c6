"""A running database, or a SQLite file, read as texts."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from reversa.adapter import NotColumnar, Options
from reversa.errors import SourceError
from reversa.systems.sql.bulk import bulk, bulky
from reversa.systems.sql.dialects import answered, connect, damage
from reversa.systems.tables import pgcopy
from reversa.systems.tables.contract import BATCH, Column, Damaged, ForeignKey, Table
from reversa.systems.tables.sqllex import Window
from reversa.systems.tables.texts import as_text, batch_of

_SYSTEM_SCHEMAS = ("information_schema", "pg_catalog", "pg_toast", "mysql", "performance_schema", "sys")
_OUT = """SELECT a.attname::text AS name, quote_ident(n.nspname) || '.' || quote_ident(p.proname) AS function
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid JOIN pg_proc p ON p.oid = t.typoutput JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE a.attrelid = '{}'::regclass AND a.attnum > 0 AND NOT a.attisdropped"""
"""The functions that write the values of a table's columns."""
_ONLY = "ONLY "
NOT_UTF8 = "not UTF-8; its other bytes are written as \\xNN"
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
            # tables are read whole, never by an index; but a count may come of one, and would not balance
            wrong = damage(self._engine, "quick_check") if self._dialect.name == "sqlite" else ""
            if wrong:
                raise SourceError(f"{address} is damaged: {wrong}", "Ask for the file again; sqlite3 FILE .recover may save a part of it.")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", sa.exc.SAWarning)  # a type that SQLAlchemy does not know: its values are texts too
                self._places = _reflected(self._engine)

    def tables(self) -> Sequence[Table]:
        return list(self._places)

    def batches(self, table: Table) -> Iterator[pa.RecordBatch | Damaged]:
        with answered(self._engine):
            if self._dialect.name != "postgresql":
                yield from self._fetched(table)
            elif table.columns and bulky(self._engine):
                yield from self._put_out(table)
            else:
                yield from self._copied(table)

    def _put_out(self, table: Table) -> Iterator[pa.RecordBatch | Damaged]:
        """The texts that COPY writes, made by the same functions of the server and taken in bulk: in a quarter of the time."""
        place, number = self._place(table), 0
        try:
            with bulk(self._engine) as database:
                functions = {
                    row["name"]: row["function"]
                    for batch in database.read(_OUT.format(place.removeprefix(_ONLY).replace("'", "''")))
                    for row in batch.to_pylist()
                }
                texts = (f"textin({functions[column.name]}({self._dialect.quoted(column.name)}))" for column in table.columns)
                for batch in database.read(f"SELECT {', '.join(texts)} FROM {place}"):
                    yield from _told(table, number, [as_text(found.view(pa.binary())) for found in batch.columns])
                    number += len(batch)
        except NotColumnar as error:
            raise SourceError(f"The database stopped giving the rows of {table.name}: {error}", "Type the command again.") from error

    def _copied(self, table: Table) -> Iterator[pa.RecordBatch | Damaged]:
        """The rows as COPY writes them, which is how pg_dump does."""
        names = tuple(column.name for column in table.columns)
        with self._engine.connect() as connection:
            cursor = connection.connection.cursor()
            with cursor.copy(f"COPY (SELECT {', '.join(map(self._dialect.quoted, names))} FROM {self._place(table)}) TO STDOUT") as copy:
                yield from pgcopy.rows(Window(_Block(map(bytes, copy))), table, names, "utf-8")

    def _fetched(self, table: Table) -> Iterator[pa.RecordBatch | Damaged]:
        connection = self._engine.connect().execution_options(stream_results=True, max_row_buffer=1000, no_parameters=True)
        try:
            answer = connection.exec_driver_sql(
                f"SELECT {', '.join(self._dialect.quoted(column.name) for column in table.columns)} FROM {self._place(table)}"
            )
            number = 0
            for rows in _taken(answer):
                yield from _told(table, number, [_texts(values) for values in zip(*rows, strict=True)])
                number += len(rows)
        finally:
            connection.close()

    def _place(self, table: Table) -> str:
        """The table in SQL: of PostgreSQL its own rows only, for those of its partitions and heirs are tables as well."""
        only = _ONLY if self._dialect.name == "postgresql" else ""
        return only + ".".join(self._dialect.quoted(part) for part in self._places[table] if part is not None)

    def count(self, table: Table) -> int:
        with answered(self._engine), self._engine.connect() as connection:
            asked = connection.execution_options(no_parameters=True)  # else a `%` in a name is taken for one
            return int(asked.exec_driver_sql(f"SELECT count(*) FROM {self._place(table)}").scalar_one())

    def close(self) -> None:
        self._engine.dispose()


class _Block:
    """What COPY sends, ended as in a dump."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = itertools.chain(pieces, [b"\\.\n"])

    def read(self, size: int, /) -> bytes:
        """At least one piece, and as many as were asked for, about."""
        taken = bytearray()
        while len(taken) < size and (piece := next(self._pieces, None)) is not None:
            taken += piece
        return bytes(taken)


def _told(table: Table, first: int, texts: list[tuple[pa.Array[Any], list[int]]]) -> Iterator[pa.RecordBatch | Damaged]:
    """Rows from the ``first``, column by column, and those in which bytes had to be escaped."""
    for column, (_, escaped) in zip(table.columns, texts, strict=True):
        for row in escaped:
            yield Damaged(table.name, f"row {first + row}, column {column.name}", NOT_UTF8, 0)
    yield batch_of(table, {column.name: found for column, (found, _) in zip(table.columns, texts, strict=True)}, len(texts[0][0]))


def _taken(answer: sa.CursorResult[Any]) -> Iterator[list[sa.Row[Any]]]:
    """Its rows, fewer at a time where they are long."""
    rows: list[sa.Row[Any]] = []
    size = 0
    for row in answer:
        rows.append(row)
        size += sum([len(value) for value in row if value.__class__ in (str, bytes)])
        if size > LONGEST or len(rows) == BATCH:
            yield rows
            rows, size = [], 0
    if rows:
        yield rows


def _texts(values: Sequence[Any]) -> tuple[pa.Array[Any], list[int]]:
    """The values of a column as texts, and the rows in which bytes had to be escaped."""
    kinds = set(map(type, values)) - {type(None)}
    written = values if kinds <= {str} else [value if value is None or isinstance(value, str) else _written(value) for value in values]
    try:
        return pa.array(written, pa.string()), []
    except UnicodeEncodeError:
        return as_text(pa.array([None if text is None else text.encode("utf-8", "surrogateescape") for text in written], pa.binary()))


def _written(value: Any) -> str:
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    return repr(value) if isinstance(value, float) else str(value)


def _reflected(engine: sa.Engine) -> dict[Table, tuple[str | None, str]]:
    """The tables, each with its schema and name."""
    inspector = sa.inspect(engine)
    main = inspector.default_schema_name
    schemas = inspector.get_schema_names() if engine.dialect.name == "postgresql" else [main]
    found: dict[Table, tuple[str | None, str]] = {}
    for schema in schemas:
        if schema in _SYSTEM_SCHEMAS:
            continue
        within = None if schema == main else schema
        keys, leads = inspector.get_multi_pk_constraint(schema=within), inspector.get_multi_foreign_keys(schema=within)
        for place, columns in sorted(inspector.get_multi_columns(schema=within).items(), key=lambda item: str(item[0])):
            table = Table(
                _name(place[0], place[1]),
                tuple(Column(column["name"], _type(column["type"], engine)) for column in columns),
                tuple((keys[place]["constrained_columns"] if place in keys else None) or ()),
                tuple(key for lead in leads.get(place, ()) if (key := _foreign_key(lead, keys)) is not None),
            )
            found[table] = (schema, place[1]) if engine.dialect.name == "postgresql" else (None, place[1])
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
