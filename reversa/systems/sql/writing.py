"""Records into rows of reversa's tables."""

from __future__ import annotations

import functools
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from reversa.records import KINDS, Record, Ref, kind_of, ref_parts, ref_to
from reversa.schema import Field, fields
from reversa.systems.sql.dialects import Dialect
from reversa.systems.sql.tables import Tables

Row = tuple[Any, ...]
Put = Callable[[Any, Mapping[Ref, int]], Sequence[Any]]
_KNOWN_KEYS = 200_000
_IN_LIST = 500


class Keys:
    """The integer keys of one source's (kind, id) in ``reversa_entity``, looked up in batches and remembered."""

    def __init__(self, connection: sa.Connection, tables: Tables, source: int, there: Container[str]) -> None:
        """``there`` holds the names of the tables that are there."""
        self.source = source
        self._connection, self._tables, self._there = connection, tables, there
        self._known: dict[Ref, int | None] = {}  # None: the table does not hold it
        self._next = (connection.execute(sa.select(sa.func.max(tables.entity.c.key))).scalar() or 0) + 1

    def held(self, references: Sequence[Ref]) -> dict[Ref, int]:
        """The keys of those references that the table holds, whether the record is there or only referred to."""
        self._make_room()
        self._ask([reference for reference in references if reference not in self._known])
        return {reference: key for reference in references if (key := self._known[reference]) is not None}

    def here(self, records: Sequence[Ref]) -> dict[Ref, int]:
        """The keys of those records that are there, asked anew."""
        self._make_room()
        return self._ask(records)

    def _make_room(self) -> None:
        if len(self._known) > _KNOWN_KEYS:
            self._known.clear()

    def _ask(self, records: Sequence[Ref]) -> dict[Ref, int]:
        self._known.update(dict.fromkeys(records))
        asked: dict[str, list[str]] = {}
        for record in records:
            kind, id = ref_parts(record)
            asked.setdefault(kind, []).append(id)
        found: dict[Ref, int] = {}
        for kind, ids in asked.items():
            query = self._query(kind)
            for start in range(0, len(ids), _IN_LIST):
                for id, key, own in self._connection.execute(query, {"ids": ids[start : start + _IN_LIST]}):
                    reference = Ref(f"{kind}:{id}")
                    self._known[reference] = key
                    if own is not None:
                        found[reference] = key
        return found

    def _query(self, kind: str) -> sa.Select[Any]:
        entity, own = self._tables.entity, self._tables.kinds[kind]
        asked = entity.c.source == self.source, entity.c.kind == kind, entity.c.id.in_(sa.bindparam("ids", expanding=True))
        if own.name not in self._there:
            return sa.select(entity.c.id, entity.c.key, sa.null()).where(*asked)
        return sa.select(entity.c.id, entity.c.key, own.c.entity).select_from(entity.outerjoin(own, own.c.entity == entity.c.key)).where(*asked)

    def give(self, reference: Ref) -> int:
        """A new key."""
        key, self._next = self._next, self._next + 1
        self._known[reference] = key
        return key


def references(record: Record) -> Iterator[Ref]:
    """Every reference that a record holds."""
    single, lists, parts = _references(kind_of(record))
    for name in single:
        if (value := getattr(record, name)) is not None:
            yield value
    for name in lists:
        yield from getattr(record, name) or ()
    for name, inner in parts:
        for part in getattr(record, name) or ():
            yield from (value for member in inner if (value := getattr(part, member)) is not None)


@functools.cache
def _references(kind: str) -> tuple[list[str], list[str], list[tuple[str, list[str]]]]:
    """Where a kind holds references: fields, lists, and members of the parts in its lists."""
    known = fields(kind)
    parts = [(f.name, [member.name for member in f.parts if member.type == "ref"]) for f in known if f.is_list]
    return (
        [f.name for f in known if f.type == "ref" and not f.is_list],
        [f.name for f in known if f.type == "ref" and f.is_list],
        [(name, inner) for name, inner in parts if inner],
    )


class RowMaker:
    """Makes the rows of one kind: of its table, and of the tables of its lists."""

    def __init__(self, tables: Tables, dialect: Dialect, kind: str) -> None:
        self._table = tables.kinds[kind]
        self._columns = _Columns(dialect, KINDS[kind].__struct_fields__, [field for field in fields(kind) if field.name != "id"])
        self._lists = [(tables.lists[kind, f.name], f.name, _item(dialect, f)) for f in fields(kind) if f.is_list]

    def rows(self, records: Sequence[Record], key_of: Mapping[Ref, int]) -> Iterator[tuple[sa.Table, list[Row]]]:
        """The rows of these records, table by table, their own first."""
        yield self._table, [(key_of[ref_to(record)], *self._columns.values(record, key_of)) for record in records]
        for table, name, values in self._lists:
            rows = [
                (key_of[ref_to(record)], position, *values(item, key_of))
                for record in records
                for position, item in enumerate(getattr(record, name) or ())
            ]
            if rows:
                yield table, rows


class _Columns:
    """Turns the fields of a record or a part into the values of their columns."""

    def __init__(self, dialect: Dialect, names: Sequence[str], members: Sequence[Field]) -> None:
        """``names`` are all fields of the owner, in its own order."""
        places = {name: place for place, name in enumerate(names)}
        self._plan = [(places[member.name], _put(dialect, member), _absent(member)) for member in members]

    def values(self, owner: msgspec.Struct, key_of: Mapping[Ref, int]) -> list[Any]:
        given, row = msgspec.structs.astuple(owner), list[Any]()
        for place, put, absent in self._plan:
            value = given[place]
            if value is None:
                row += absent
            elif put is None:
                row.append(value)
            else:
                row += put(value, key_of)
        return row


def _put(dialect: Dialect, field: Field) -> Put | None:
    """What turns a value into those of its columns; None: one column takes it as it is."""
    if field.is_list:
        return lambda items, _: (len(items),)
    if field.part is not None:
        return _Columns(dialect, [member.name for member in field.parts], field.parts).values
    if field.type == "ref":
        return lambda reference, key_of: (key_of[reference],)
    encode = dialect.encoder(field.type)
    return None if encode is None else lambda value, _: (encode(value),)


def _absent(field: Field) -> tuple[None, ...]:
    return (None,) * (1 if field.is_list else len(field.parts) or 1)


def _item(dialect: Dialect, field: Field) -> Put:
    """What turns an item of a list into the values of its row."""
    one = msgspec.structs.replace(field, is_list=False)
    return _put(dialect, one) or (lambda item, _: (item,))
