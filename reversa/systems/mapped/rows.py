"""Rows of an application's own tables: added, changed and removed by their keys, every value a text."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from reversa.systems.mapped.known import chunks
from reversa.systems.sql.dialects import Dialect

Place = tuple[str | None, str]
"""The schema and the name of a table."""
Texts = Mapping[str, str | None]
NONE: Texts = {}
SPACE = uuid.UUID("8f0e9d3e-5a4c-5b52-9d0c-0d6d1f0c7a11")
"""Of the UUIDs that are made from the ids of a source."""


class Rows:
    """What is said to the database. Values go past SQLAlchemy, which would give them types of its own."""

    def __init__(self, engine: sa.Engine, dialect: Dialect) -> None:
        self._quote, self._mark = engine.dialect.identifier_preparer.quote, "?" if dialect.name == "sqlite" else "%s"
        self._has_sequences = dialect.name == "postgresql"
        self._on: set[Place] = set()
        """Tables whose sequence is known to be past their keys."""

    def add(self, connection: sa.Connection, place: Place, rows: Sequence[Texts]) -> None:
        """Add rows that name the same columns."""
        if not rows:
            return
        names = list(rows[0])
        statement = f"INSERT INTO {self._place(place)} ({', '.join(map(self._name, names))}) VALUES ({', '.join([self._mark] * len(names))})"
        connection.exec_driver_sql(statement, [tuple(row[name] for name in names) for row in rows])

    def change(self, connection: sa.Connection, place: Place, key: str, rows: Sequence[tuple[str, Texts]]) -> None:
        """Change columns, the same ones, of the rows with these keys."""
        if not rows:
            return
        names = list(rows[0][1])
        sets = ", ".join(f"{self._name(name)} = {self._mark}" for name in names)
        statement = f"UPDATE {self._place(place)} SET {sets} WHERE {self._name(key)} = {self._mark}"
        connection.exec_driver_sql(statement, [(*(texts[name] for name in names), at) for at, texts in rows])

    def remove(self, connection: sa.Connection, place: Place, key: str, keys: Sequence[str]) -> None:
        for some in chunks(keys):
            connection.exec_driver_sql(f"DELETE FROM {self._place(place)} WHERE {self._name(key)} IN ({self._marks(some)})", tuple(some))

    def remove_one(self, connection: sa.Connection, place: Place, columns: Texts) -> None:
        """Remove the row with these values in these columns."""
        tests = " AND ".join(f"{self._name(name)} {'IS NULL' if text is None else f'= {self._mark}'}" for name, text in columns.items())
        connection.exec_driver_sql(f"DELETE FROM {self._place(place)} WHERE {tests}", tuple(text for text in columns.values() if text is not None))

    def there(self, connection: sa.Connection, place: Place, key: str, keys: Sequence[str]) -> set[str]:
        """Those of the keys that there are rows of."""
        return {found for found, _ in self.leading(connection, place, key, key, keys)}

    def leading(
        self, connection: sa.Connection, place: Place, key: str, column: str, keys: Sequence[str], where: Texts = NONE
    ) -> Iterator[tuple[str, str]]:
        """The keys of the rows whose column holds one of ``keys``, and what it holds."""
        tests = "".join(f" AND {self._name(name)} = {self._mark}" for name in where)
        for some in chunks(keys):
            query = (
                f"SELECT {self._name(key)}, {self._name(column)} FROM {self._place(place)} WHERE {self._name(column)} IN ({self._marks(some)}){tests}"
            )
            yield from ((str(found), str(value)) for found, value in connection.exec_driver_sql(query, (*some, *where.values())).all())

    # ------------------------------------------------------------------------------------------------ keys

    def new_numbers(self, connection: sa.Connection, place: Place, key: str, count: int) -> list[str]:
        """Numbers for new rows: from the table's sequence, so that the application goes on after them; else after the highest."""
        highest = connection.exec_driver_sql(f"SELECT max({self._name(key)}) FROM {self._place(place)}").scalar() or 0
        sequence = self._sequence(connection, place, key) if self._has_sequences else None
        if sequence is None:
            return [str(highest + number) for number in range(1, count + 1)]
        if place not in self._on:  # a database that was restored may have left it behind
            self._on.add(place)
            if connection.exec_driver_sql("SELECT nextval(%s)", (sequence,)).scalar_one() <= highest:
                connection.exec_driver_sql("SELECT setval(%s, %s)", (sequence, highest))
        return [str(number) for (number,) in connection.exec_driver_sql("SELECT nextval(%s) FROM generate_series(1, %s)", (sequence, count))]

    def _sequence(self, connection: sa.Connection, place: Place, key: str) -> str | None:
        found: str | None = connection.exec_driver_sql("SELECT pg_get_serial_sequence(%s, %s)", (self._place(place), key)).scalar()
        return found

    def _place(self, place: Place) -> str:
        return ".".join(self._name(part) for part in place if part is not None)

    def _name(self, name: str) -> str:
        return self._quote(name) if self._mark == "?" else self._quote(name).replace("%", "%%")

    def _marks(self, values: Sequence[Any]) -> str:
        return ", ".join([self._mark] * len(values))


def numbered(type_: sa.types.TypeEngine[Any]) -> bool:
    """Whether keys of a type are numbers."""
    return isinstance(type_, sa.Integer)


def named_key(type_: sa.types.TypeEngine[Any], urn: str, id: str) -> str:
    """The key of a row whose keys are no numbers: a UUID made of the record's whole name, or its id in the source."""
    made = uuid.uuid5(SPACE, urn)
    length = getattr(type_, "length", None)
    if isinstance(type_, sa.Uuid) or "UUID" in type(type_).__name__.upper() or (isinstance(type_, sa.CHAR) and length == 36):
        return str(made)
    return made.hex if isinstance(type_, sa.CHAR) and length == 32 else id
