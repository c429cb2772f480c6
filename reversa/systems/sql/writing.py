"""Records into rows of reversa's tables."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from operator import attrgetter
from typing import Any

import sqlalchemy as sa

from reversa.records import Record, Ref, kind_of, ref_parts, ref_to
from reversa.schema import Field, fields
from reversa.systems.sql.dialects import Dialect
from reversa.systems.sql.tables import Tables

KeyOf = Callable[[Ref], int]
Row = tuple[Any, ...]
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
        if len(self._known) > _KNOWN_KEYS:
            self._known.clear()
        self.here([reference for reference in references if reference not in self._known])
        return {reference: key for reference in references if (key := self._known[reference]) is not None}

    def here(self, records: Sequence[Ref]) -> dict[Ref, int]:
        """The keys of those records that are there, asked anew."""
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
    for field in fields(kind_of(record)):
        value = getattr(record, field.name)
        if value is None:
            continue
        if field.type == "ref":
            yield from value if field.is_list else (value,)
        elif field.type == "struct":
            inner = [m.name for m in field.parts if m.type == "ref"]
            for part in value if field.is_list else (value,):
                yield from (r for name in inner if (r := getattr(part, name)) is not None)


class RowMaker:
    """Makes the rows of one kind: of its table, and of the tables of its lists."""

    def __init__(self, tables: Tables, dialect: Dialect, kind: str) -> None:
        self._values = [_values(dialect, field) for field in fields(kind) if field.name != "id"]
        self._lists = [(tables.lists[kind, f.name], attrgetter(f.name), _item_values(dialect, f)) for f in fields(kind) if f.is_list]
        self.table = tables.kinds[kind]

    def rows(self, record: Record, key_of: KeyOf) -> Iterator[tuple[sa.Table, Row]]:
        """Each row with its table, the record's own first."""
        key = key_of(ref_to(record))
        row = [key]
        for values in self._values:
            row += values(record, key_of)
        yield self.table, tuple(row)
        for table, get, item_values in self._lists:
            for position, item in enumerate(get(record) or ()):
                yield table, (key, position, *item_values(item, key_of))


def _values(dialect: Dialect, field: Field) -> Callable[[Any, KeyOf], Sequence[Any]]:
    """What turns an owner's field into the values of its columns."""
    get = attrgetter(field.name)
    if field.is_list:
        return lambda owner, _: (None if (items := get(owner)) is None else len(items),)
    if field.type == "ref":
        return lambda owner, key_of: (None if (value := get(owner)) is None else key_of(value),)
    if field.type == "struct":
        members = [_values(dialect, member) for member in field.parts]
        absent = (None,) * len(members)
        return lambda owner, key_of: absent if (part := get(owner)) is None else [v for m in members for v in m(part, key_of)]
    encode = dialect.encoder(field.type)
    if encode is None:
        return lambda owner, _: (get(owner),)
    return lambda owner, _: (None if (value := get(owner)) is None else encode(value),)


def _item_values(dialect: Dialect, field: Field) -> Callable[[Any, KeyOf], Sequence[Any]]:
    if field.type == "struct":
        members = [_values(dialect, member) for member in field.parts]
        return lambda item, key_of: [v for m in members for v in m(item, key_of)]
    if field.type == "ref":
        return lambda item, key_of: (key_of(item),)
    encode = dialect.encoder(field.type)
    return lambda item, _: (item if encode is None else encode(item),)
