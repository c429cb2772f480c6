"""Rows of reversa's tables into records, streamed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

import sqlalchemy as sa

from reversa.adapter import Unreadable
from reversa.records import KINDS, Part, Record
from reversa.schema import Field, fields
from reversa.systems.sql.dialects import Convert, Dialect
from reversa.systems.sql.tables import Tables

Stream = Callable[[sa.Select[Any]], Iterator[Any]]


class Select:
    """Builds a SELECT column by column, and reads each value from its place in the row."""

    def __init__(self, tables: Tables, table: sa.Table) -> None:
        self._entity, self._from, self._columns = tables.entity, cast("sa.FromClause", table), list[sa.ColumnElement[Any]]()

    def column(self, column: sa.ColumnElement[Any], convert: Convert | None) -> Callable[[Any], Any]:
        """Add a column; returns what reads it."""
        place = len(self._columns)
        self._columns.append(column)
        if convert is None:
            return lambda row: row[place]
        return lambda row: None if row[place] is None else convert(row[place])

    def reference(self, column: sa.ColumnElement[Any]) -> Callable[[Any], Any]:
        """Add the kind and the id of the entity that a column points at; returns what reads the reference."""
        entity = self._entity.alias()
        self._from = self._from.outerjoin(entity, entity.c.key == column)
        place = len(self._columns)
        self._columns += [entity.c.kind, entity.c.id]
        return lambda row: None if row[place] is None else f"{row[place]}:{row[place + 1]}"

    def query(self, *order: sa.ColumnElement[Any]) -> sa.Select[Any]:
        return sa.select(*self._columns).select_from(self._from).order_by(*order)


def read_kind(tables: Tables, dialect: Dialect, kind: str, source: int, stream: Stream) -> Iterator[Record | Unreadable]:
    """The records of a kind that belong to a source."""
    table, entity = tables.kinds[kind], tables.entity
    select = Select(tables, table)
    key = select.column(table.c.entity, None)
    own = entity.alias("own")
    id = select.column(own.c.id, None)
    readers: dict[str, Callable[[Any], Any]] = {}
    lists: dict[str, Iterator[tuple[int, Any]]] = {}
    for field in fields(kind):
        if field.is_list:
            readers[field.name] = select.column(table.c[f"{field.name}_count"], None)
            lists[field.name] = _items(tables, dialect, kind, field, source, stream)
        elif field.name != "id":
            readers[field.name] = _reader(select, dialect, table, field)
    query = select.query(table.c.entity).join(own, own.c.key == table.c.entity).where(own.c.source == source)
    waiting = {name: next(items, None) for name, items in lists.items()}
    make = cast("Callable[..., Record]", KINDS[kind])
    for row in stream(query):
        values, name = {"id": id(row)}, ""
        try:
            for name, read in readers.items():
                value = read(row)
                if name in lists:
                    found, waiting[name] = _collect(key(row), waiting[name], lists[name])
                    value = _list(value, found)
                if value is not None:
                    values[name] = value
            yield make(**values)
        except (ValueError, TypeError) as error:
            yield Unreadable(kind, values["id"], f"{name}: {error}")


def _list(count: int | None, found: list[Any]) -> list[Any] | None:
    if count is None and not found:
        return None
    if count != len(found):
        raise ValueError(f"{count} items are announced, {len(found)} are there")
    return found


def _reader(select: Select, dialect: Dialect, table: sa.Table, field: Field) -> Callable[[Any], Any]:
    if field.type == "ref":
        return select.reference(table.c[field.name])
    if field.part is None:
        return select.column(table.c[field.name], dialect.decoder(field.type))
    members = {m.name: select.column(table.c[f"{field.name}_{m.name}"], dialect.decoder(m.type)) for m in field.parts}
    return _part_reader(field.part, members)


def _part_reader(part: type[Part], members: dict[str, Callable[[Any], Any]]) -> Callable[[Any], Any]:
    make = cast("Callable[..., Part]", part)

    def read(row: Any) -> Part | None:
        values = {name: value for name, member in members.items() if (value := member(row)) is not None}
        return make(**values) if values else None

    return read


def _items(tables: Tables, dialect: Dialect, kind: str, field: Field, source: int, stream: Stream) -> Iterator[tuple[int, Any]]:
    """The items of a list field with the key of their owner, in the order of owners and positions."""
    table = tables.lists[kind, field.name]
    select = Select(tables, table)
    key = select.column(table.c.entity, None)
    own = tables.entity.alias("own")
    if field.part is None:
        plain = Field("value", field.type, required=True, is_list=False, doc="", note=field.note)
        read = _reader(select, dialect, table, plain)
    else:
        read = _part_reader(field.part, {m.name: _reader(select, dialect, table, m) for m in field.parts})
    query = select.query(table.c.entity, table.c.position).join(own, own.c.key == table.c.entity).where(own.c.source == source)
    for row in stream(query):
        yield key(row), read(row)


def _collect(key: int, first: tuple[int, Any] | None, items: Iterator[tuple[int, Any]]) -> tuple[list[Any], tuple[int, Any] | None]:
    found = []
    while first is not None and first[0] <= key:
        if first[0] == key:
            found.append(first[1])
        first = next(items, None)
    return found, first
