"""Rows of reversa's tables into records, streamed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import sqlalchemy as sa

from reversa.adapter import Unreadable
from reversa.records import KINDS, Record
from reversa.schema import Field, fields
from reversa.systems.sql.dialects import Convert, Dialect
from reversa.systems.sql.tables import Tables

Stream = Callable[[sa.Select[Any]], Iterator[Any]]
Read = Callable[[Any], Any]


class Select:
    """A SELECT over one table, built column by column; the key of the owning entity comes first, and orders the rows."""

    def __init__(self, tables: Tables, dialect: Dialect, table: sa.Table) -> None:
        self.table, self._entity, self._dialect = table, tables.entity, dialect
        self._own = tables.entity.alias("own")
        self._from: sa.FromClause = sa.join(table, self._own, self._own.c.key == table.c.entity)
        self._columns: list[sa.ColumnElement[Any]] = [table.c.entity]
        self.id = self.column(self._own.c.id)

    def column(self, column: sa.ColumnElement[Any]) -> int:
        """Add a column; returns its place in the row."""
        self._columns.append(column)
        return len(self._columns) - 1

    def reference(self, column: sa.ColumnElement[Any]) -> int:
        """Add a reference: at the place, the key; after it, the kind and the id of the entity that has it."""
        entity = self._entity.alias()
        self._from = self._from.outerjoin(entity, entity.c.key == column)
        self._columns += [column, entity.c.kind, entity.c.id]
        return len(self._columns) - 3

    def decoder(self, field: Field) -> Convert | None:
        return self._dialect.decoder(field.type)

    def query(self, source: int, keys: Sequence[int] | None) -> sa.Select[Any]:
        """The rows of a source; of the entities with these keys only, or in this range of keys, if they are given."""
        order = [column for column in self.table.primary_key.columns if column.name != "entity"]
        query = sa.select(*self._columns).select_from(self._from).order_by(self.table.c.entity, *order)
        if keys is None:
            return query.where(self._own.c.source == source)
        query = query.where(self._own.c.source + 0 == source)  # else SQLite goes by the index of the source, through all that it has
        own = self.table.c.entity
        return query.where((own >= keys.start) & (own < keys.stop) if isinstance(keys, range) else own.in_(keys))


class Values:
    """Reads the values of some fields from their places in a row."""

    def __init__(self) -> None:
        self._columns: list[tuple[str, int, Convert | None]] = []
        self._references: list[tuple[str, int]] = []
        self._others: list[tuple[str, Read]] = []

    def add(self, select: Select, field: Field, column: str) -> None:
        """Add a field that lies in ``column``, or in several that begin with it."""
        if field.part is not None:
            members = Values()
            for member in field.parts:
                members.add(select, member, f"{column}_{member.name}")
            make = cast("Callable[..., Any]", field.part)
            self.add_other(field.name, lambda row: make(**given) if (given := members.read(row)) else None)
        elif field.type == "ref":
            self._references.append((field.name, select.reference(select.table.c[column])))
        else:
            self._columns.append((field.name, select.column(select.table.c[column]), select.decoder(field)))

    def add_other(self, name: str, read: Read) -> None:
        self._others.append((name, read))

    def read(self, row: Any) -> dict[str, Any]:
        """The values that are there. Raises ValueError, naming the field, for one that cannot be."""
        values, name = {}, ""
        try:
            for name, place, convert in self._columns:
                value = row[place]
                if value is not None:
                    values[name] = value if convert is None else convert(value)
            for name, place in self._references:
                if row[place] is not None:
                    values[name] = _reference(*row[place : place + 3])
            for name, read in self._others:
                value = read(row)
                if value is not None:
                    values[name] = value
        except (ValueError, TypeError) as error:
            raise ValueError(f"{name}: {error}") from error
        return values


def _reference(key: int, kind: str | None, id: str | None) -> str:
    if kind is None:
        raise ValueError(f"points at {key}, where nothing is")
    return f"{kind}:{id}"


class Items:
    """The items of a list field, taken owner by owner."""

    def __init__(self, select: Select, field: Field, rows: Callable[[Select], Iterator[Any]]) -> None:
        self._values = Values()
        members = field.parts or (Field("value", field.type, True, False, field.doc, field.note),)
        for member in members:
            self._values.add(select, member, member.name)
        self._make = cast("Callable[..., Any]", field.part or _only)
        self._rows = rows(select)
        self._next = next(self._rows, None)

    def of(self, owner: int, count: int | None) -> list[Any] | None:
        """The items of an owner, later in the order of keys than the one asked before; ``count`` is how many there should be."""
        found = []
        while self._next is not None and self._next[0] <= owner:
            if self._next[0] == owner:
                found.append(self._next)
            self._next = next(self._rows, None)
        if count is None and not found:
            return None
        if count != len(found):
            raise ValueError(f"{count} items are announced, {len(found)} are there")
        return [self._make(**self._values.read(row)) for row in found]


def _only(value: Any) -> Any:
    return value


def read_kind(
    tables: Tables, dialect: Dialect, kind: str, source: int, stream: Stream, keys: Sequence[int] | None = None
) -> Iterator[Record | Unreadable]:
    """The records of a kind that belong to a source; those with these keys only, or in this range of keys, if they are given."""
    select, values = Select(tables, dialect, tables.kinds[kind]), Values()
    for field in fields(kind):
        if field.is_list:
            values.add_other(field.name, _list(tables, dialect, kind, field, select, lambda inner: stream(inner.query(source, keys))))
        elif field.name != "id":
            values.add(select, field, field.name)
    make = cast("Callable[..., Record]", KINDS[kind])
    for row in stream(select.query(source, keys)):
        try:
            record = make(id=row[select.id], **values.read(row))
        except (ValueError, TypeError) as error:
            yield Unreadable(kind, str(row[select.id]), str(error))
        else:
            yield record


def _list(tables: Tables, dialect: Dialect, kind: str, field: Field, select: Select, rows: Callable[[Select], Iterator[Any]]) -> Read:
    items = Items(Select(tables, dialect, tables.lists[kind, field.name]), field, rows)
    count = select.column(select.table.c[f"{field.name}_count"])
    return lambda row: items.of(row[0], row[count])
