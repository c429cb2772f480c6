"""Rows of an application's own tables: added, changed and removed by their keys, every value a text."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from reversa.systems.mapped.holding import is_binary
from reversa.systems.mapped.known import chunks
from reversa.systems.sql.dialects import Dialect

Texts = Mapping[str, str | None]
NONE: Texts = {}
SPACE = uuid.UUID("8f0e9d3e-5a4c-5b52-9d0c-0d6d1f0c7a11")
"""Of the UUIDs that are made from the ids of a source."""


class Rows:
    """What is said to the database. Values go past SQLAlchemy, which would give them types of its own."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect, self._mark = dialect, "?" if dialect.name == "sqlite" else "%s"
        self._has_sequences = dialect.name == "postgresql"

    def add(self, connection: sa.Connection, table: sa.Table, rows: Sequence[Texts]) -> None:
        """Add rows that name the same columns."""
        if not rows:
            return
        names = list(rows[0])
        binary = {name for name in names if is_binary(table.c[name])}
        insert = "INSERT OR ABORT" if self._mark == "?" else "INSERT"  # else a key of SQLite may say that a row of somebody makes room
        statement = f"{insert} INTO {self._named(table)} ({', '.join(map(self._name, names))}) VALUES ({', '.join([self._mark] * len(names))})"
        values = [tuple(text.encode() if name in binary and text is not None else text for name, text in row.items()) for row in rows]
        connection.exec_driver_sql(statement, values)

    def change(self, connection: sa.Connection, table: sa.Table, key: str, at: str, texts: Texts) -> None:
        """Change columns of the row with this key."""
        sets = ", ".join(f"{self._name(name)} = {self._mark}" for name in texts)
        connection.exec_driver_sql(f"UPDATE {self._named(table)} SET {sets} WHERE {self._name(key)} = {self._mark}", (*texts.values(), at))

    def remove(self, connection: sa.Connection, table: sa.Table, columns: Texts) -> None:
        """Remove the row with these values in these columns."""
        tests = " AND ".join(f"{self._name(name)} {'IS NULL' if text is None else f'= {self._mark}'}" for name, text in columns.items())
        connection.exec_driver_sql(f"DELETE FROM {self._named(table)} WHERE {tests}", tuple(text for text in columns.values() if text is not None))

    def there(self, connection: sa.Connection, table: sa.Table, key: str, keys: Sequence[str]) -> set[str]:
        """Those of the keys that there are rows of."""
        return {found for found, _ in self.leading(connection, table, key, key, keys)}

    def leading(
        self, connection: sa.Connection, table: sa.Table, key: str, column: str, keys: Sequence[str], where: Texts = NONE
    ) -> Iterator[tuple[str, str]]:
        """The keys of the rows whose column holds one of ``keys``, and what it holds."""
        tests = "".join(f" AND {self._name(name)} = {self._mark}" for name in where)
        for some in chunks(keys):
            marks = ", ".join([self._mark] * len(some))
            query = f"SELECT {self._name(key)}, {self._name(column)} FROM {self._named(table)} WHERE {self._name(column)} IN ({marks}){tests}"
            yield from ((str(found), str(value)) for found, value in connection.exec_driver_sql(query, (*some, *where.values())).all())

    # ------------------------------------------------------------------------------------------------ keys

    def new_numbers(self, connection: sa.Connection, tables: Mapping[sa.Table, str], count: int) -> list[str]:
        """Keys for new rows of the first of these tables, free in all: after the highest there is, and taken from the sequence where it has one."""
        highest = max(
            _number(connection.exec_driver_sql(f"SELECT max({self._name(key)}) FROM {self._named(table)}").scalar()) for table, key in tables.items()
        )
        table, key = next(iter(tables.items()))
        sequence = self._sequence(connection, table, key)
        if sequence is None:
            return [str(highest + number) for number in range(1, count + 1)]
        numbers = self._next(connection, sequence, count)
        if numbers[0] <= highest:  # a database that was restored may have left its sequence behind
            connection.exec_driver_sql("SELECT setval(%s, %s)", (sequence, highest))
            numbers = self._next(connection, sequence, count)
        return list(map(str, numbers))

    def pass_over(self, connection: sa.Connection, table: sa.Table, key: str) -> None:
        """Keys were given that are not of the table's sequence: the application goes on after them."""
        sequence = self._sequence(connection, table, key)
        if sequence is not None:
            highest = f"SELECT max({self._name(key)}) FROM {self._named(table)}"
            connection.exec_driver_sql(f"SELECT setval(%s, greatest(({highest}), (SELECT last_value FROM {sequence})))", (sequence,))

    def _next(self, connection: sa.Connection, sequence: str, count: int) -> list[int]:
        return [number for (number,) in connection.exec_driver_sql("SELECT nextval(%s) FROM generate_series(1, %s)", (sequence, count))]

    def _sequence(self, connection: sa.Connection, table: sa.Table, key: str) -> str | None:
        """The sequence that a column takes its numbers from, as SQL names it."""
        if not self._has_sequences:
            return None
        query = "SELECT pg_get_serial_sequence(%s, %s)"
        found: str | None = connection.exec_driver_sql(query, (self._place(table), key)).scalar()
        return found

    def _named(self, table: sa.Table) -> str:
        return self._escaped(self._place(table))

    def _place(self, table: sa.Table) -> str:
        return ".".join(map(self._dialect.quoted, filter(None, (table.schema, table.name))))

    def _name(self, name: str) -> str:
        return self._escaped(self._dialect.quoted(name))

    def _escaped(self, name: str) -> str:
        return name if self._mark == "?" else name.replace("%", "%%")


def _number(value: Any) -> int:
    """A key that is there, or 0 where there is none; SQLite may have texts among its numbers."""
    try:
        return int(value or 0)
    except ValueError:
        return 0


def numbered(type_: sa.types.TypeEngine[Any]) -> bool:
    """Whether keys of a type are numbers."""
    return isinstance(type_, sa.Integer) or (isinstance(type_, sa.Numeric) and not isinstance(type_, sa.Float) and not type_.scale)


def named_key(type_: sa.types.TypeEngine[Any], urn: str, id: str) -> str:
    """The key of a row whose keys are no numbers: a UUID made of the record's whole name, or its id in the source."""
    made = uuid.uuid5(SPACE, urn)
    length = getattr(type_, "length", None)
    if isinstance(type_, sa.Uuid) or "UUID" in type(type_).__name__.upper() or (isinstance(type_, sa.CHAR) and length == 36):
        return str(made)
    return made.hex if isinstance(type_, sa.CHAR) and length == 32 else id
