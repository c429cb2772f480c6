"""Rows of reversa's tables as columns of the common schema. What a reader of single records would refuse is not given so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute
import sqlalchemy as sa

from reversa.adapter import OWN_ID, NotColumnar
from reversa.schema import Field, arrow_schema, fields
from reversa.systems.sql.dialects import Dialect
from reversa.systems.sql.tables import PREFIX, Tables

pc: Any = pyarrow.compute  # the stubs refuse much of what its kernels take
Column = Any
"""An array of Arrow, in one piece or in several."""
Stream = Callable[[sa.Select[Any], pa.Schema], Iterator[pa.RecordBatch]]


class Entities:
    """Key → reference, of everything that the target knows."""

    def __init__(self, tables: Tables, source: int, stream: Stream) -> None:
        table = tables.entity
        types: dict[str, pa.DataType] = {"key": pa.int64(), "source": pa.int64(), "kind": pa.string(), "id": pa.string()}
        schema = pa.schema(types)
        found = pa.Table.from_batches(stream(sa.select(table.c.key, table.c.source, table.c.kind, table.c.id), schema), schema)
        last = pc.max(found["key"]).as_py() or 0
        self._places = pc.index_in(pa.array(range(last + 1), pa.int64()), value_set=found["key"])
        self._own = pc.equal(found["source"], source).combine_chunks()
        self._ids = found["id"].combine_chunks()  # from one piece, rows are taken ten times as fast
        self._references = pc.binary_join_element_wise(found["kind"], found["id"], ":").combine_chunks()

    def own(self, keys: Column) -> Column:
        """Which of these rows belong to the source."""
        return pc.fill_null(pc.take(self._own, pc.take(self._places, keys)), fill_value=False)

    def ids(self, keys: Column) -> Column:
        return pc.take(self._ids, pc.take(self._places, keys))

    def references(self, keys: Column) -> Column:
        found = pc.take(self._references, pc.take(self._places, keys))
        if found.null_count != keys.null_count:
            raise NotColumnar("a reference points where nothing is")
        return found


class Reader:
    """Reads the tables of one kind after the other."""

    def __init__(self, tables: Tables, dialect: Dialect, entities: Entities, stream: Stream) -> None:
        self._tables, self._dialect, self._entities, self._stream = tables, dialect, entities, stream

    def read(self, kind: str) -> Iterator[pa.RecordBatch]:
        """The records of the source, with the system's own ids."""
        lists = {}
        for table in (self._tables.lists[kind, f.name] for f in fields(kind) if f.is_list):
            lists[table.name] = _Ahead(self._rows(table, ordered=True), self._schema(table))
        schema = arrow_schema(kind)
        schema = schema.remove(schema.get_field_index("digest")).append(pa.field(OWN_ID, pa.string()))
        for batch in self._rows(self._tables.kinds[kind], ordered=bool(lists)):
            keys = batch["entity"]
            columns = {"id": self._entities.ids(keys), OWN_ID: _joined(f"{PREFIX}{kind}/", keys.cast(pa.string()))}
            for field in fields(kind):
                if field.is_list:
                    columns[field.name] = self._items(field, keys, batch[f"{field.name}_count"], lists[self._tables.lists[kind, field.name].name])
                elif field.name != "id":
                    columns[field.name] = self._value(field, field.name, batch)
            own = pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)
            ours = self._entities.own(keys)
            yield own if pc.all(ours).as_py() else own.filter(ours)
        for rest in lists.values():
            rest.end()

    def _rows(self, table: sa.Table, *, ordered: bool) -> Iterator[pa.RecordBatch]:
        query = sa.select(*table.columns)
        yield from self._stream(query.order_by(*table.primary_key.columns) if ordered else query, self._schema(table))

    def _schema(self, table: sa.Table) -> pa.Schema:
        return pa.schema([(column.name, self._dialect.arrow_type(column.type)) for column in table.columns])

    def _value(self, field: Field, name: str, batch: pa.RecordBatch) -> Column:
        """A field that lies in a column, or in several that begin with its name."""
        if field.part is not None:
            return self._part(field, f"{name}_", batch, optional=True)
        column = batch[name]
        if field.required and column.null_count:
            raise NotColumnar(f"{name} is missing")
        return self._entities.references(column) if field.type == "ref" else self._dialect.unbulk(field.type, column)

    def _part(self, field: Field, prefix: str, batch: pa.RecordBatch, *, optional: bool) -> Column:
        members = {member.name: self._value(_free(member), f"{prefix}{member.name}", batch) for member in field.parts}
        absent = pa.array([optional] * len(batch), pa.bool_())
        for column in members.values():
            absent = pc.and_(absent, pc.is_null(column))
        for member in field.parts:
            if member.required and pc.any(pc.and_(pc.is_null(members[member.name]), pc.invert(absent))).as_py():
                raise NotColumnar(f"{prefix}{member.name} is missing")
        parts = [pa.field(member.name, members[member.name].type, nullable=not member.required) for member in field.parts]
        return pa.StructArray.from_arrays(list(members.values()), fields=parts, mask=absent)

    def _items(self, field: Field, owners: Column, counts: Column, rows: _Ahead) -> Column:
        """A list per owner; the rows of the list's table must be those of the owners, in their order."""
        sizes = pc.fill_null(counts, 0).cast(pa.int32())
        if (pc.min(sizes).as_py() or 0) < 0:
            raise NotColumnar(f"{field.name}: a count below zero")
        ends = pc.cumulative_sum(sizes)
        offsets = pa.array([0, *ends.to_pylist()], pa.int32())
        batch = rows.take(offsets[-1].as_py())
        if field.parts:
            values = self._part(field, "", batch, optional=False)
        else:
            values = self._value(Field("value", field.type, True, False, field.doc, field.note), "value", batch)
        whole = pa.ListArray.from_arrays(offsets, batch["entity"])
        if not pc.take(owners, pc.list_parent_indices(whole)).equals(batch["entity"]):
            raise NotColumnar(f"{field.name}: other items than announced")
        return pa.ListArray.from_arrays(offsets, values, mask=pc.is_null(counts))


def _free(member: Field) -> Field:
    """A member that may be missing as long as its whole part is; :meth:`Reader._part` looks at that."""
    return msgspec.structs.replace(member, required=False)


def _joined(prefix: str, texts: Column) -> Column:
    return pc.binary_join_element_wise(prefix, texts, "")


class _Ahead:
    """Rows taken some at a time."""

    def __init__(self, batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> None:
        self._batches, self._left = batches, schema.empty_table()

    def take(self, count: int) -> pa.RecordBatch:
        """The next rows. Raises NotColumnar when there are fewer."""
        while len(self._left) < count:
            batch = next(self._batches, None)
            if batch is None:
                raise NotColumnar("items are missing")
            self._left = pa.concat_tables([self._left, pa.Table.from_batches([batch])])
        taken, self._left = self._left.slice(0, count).combine_chunks(), self._left.slice(count)
        return pa.RecordBatch.from_arrays([column.combine_chunks() for column in taken.columns], schema=taken.schema)

    def end(self) -> None:
        """Raises NotColumnar when there are more."""
        if len(self._left) or next(self._batches, None) is not None:
            raise NotColumnar("items of nobody are there")
