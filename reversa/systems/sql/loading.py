"""A whole package into empty tables, by columns: keys first, then the rows, then the indexes and constraints over them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute
import sqlalchemy as sa

from reversa.adapter import Rows, Session, Source
from reversa.blobs import CHUNK
from reversa.records import Ref, ref_parts
from reversa.schema import Field, fields
from reversa.systems.sql.bulk import Bulk
from reversa.systems.sql.dialects import Dialect
from reversa.systems.sql.tables import Tables

pc: Any = pyarrow.compute  # the stubs refuse much of what its kernels take
Column = Any
"""An array of Arrow, in one piece or in several."""
Columns = dict[str, Column]
SOURCE = 1
"""The key of the source: the tables hold no other."""


class Keys:
    """The integer keys of a package: of its records, kind by kind in package order from 1, then of what they refer to besides."""

    def __init__(self, rows: Rows) -> None:
        self.ids = {kind: _column(rows, kind, "id") for kind in rows.kinds()}
        self.first: dict[str, int] = {}
        count = 0
        for kind, ids in self.ids.items():
            self.first[kind] = count + 1
            count += len(ids)
        self._next = count + 1
        self.others: dict[str, int] = {}
        """Reference → key of what the package does not hold."""

    def of_kind(self, kind: str) -> range:
        return range(self.first[kind], self.first[kind] + len(self.ids[kind]))

    def of(self, references: Column) -> Column:
        """The key of each reference."""
        keys = pa.chunked_array([pa.nulls(len(chunk), pa.int64()) for chunk in references.chunks], pa.int64())
        for kind, ids in self.ids.items():
            if keys.null_count == references.null_count:
                return keys
            named = pc.starts_with(references, f"{kind}:")
            if pc.any(named).as_py():
                wanted = pc.if_else(named, pc.utf8_slice_codeunits(references, len(kind) + 1), pa.scalar(None, pa.string()))
                found = pc.index_in(wanted, value_set=ids, skip_nulls=True)
                keys = pc.coalesce(keys, pc.add(found.cast(pa.int64()), self.first[kind]))
        if keys.null_count > references.null_count:
            keys = pc.coalesce(keys, self._of_others(pc.if_else(pc.is_null(keys), references, pa.scalar(None, pa.string()))))
        return keys

    def _of_others(self, references: Column) -> Column:
        names = pc.unique(references.drop_null())
        for name in names.to_pylist():
            if name not in self.others:
                self.others[name] = self._next
                self._next += 1
        keys = pa.array([self.others[name] for name in names.to_pylist()], pa.int64())
        return pc.take(keys, pc.index_in(references, value_set=names, skip_nulls=True))


def _column(rows: Rows, kind: str, name: str) -> Column:
    return pa.chunked_array([batch.column(0) for batch in rows.batches(kind, [name])], pa.string())


class Loader:
    """Writes a package into tables that it makes."""

    def __init__(self, database: Bulk, dialect: Dialect, tables: Tables, sql: sa.Dialect, rows: Rows) -> None:
        self._database, self._dialect, self._tables, self._sql, self._rows = database, dialect, tables, sql, rows
        self.keys = Keys(rows)

    def load(self, source: Source, session: Session, views: Iterable[str]) -> None:
        """Everything in one transaction."""
        kinds = self._rows.kinds()
        tables = [*self._tables.shared(), *(table for kind in kinds for table in self._tables.of_kind(kind))]
        for setting in self._dialect.bulk_settings:
            self._database.run(setting)
        for table in tables:
            self._run(self._dialect.bare(table))
        whose = {"key": pa.array([SOURCE]), "system": pa.array([source.system]), "tenant": pa.array([source.tenant])}
        self._add(self._tables.source, iter([whose]))
        for kind in kinds:
            self._add(self._tables.kinds[kind], self._records(kind))
            for field in fields(kind):
                if field.is_list:
                    self._add(self._tables.lists[kind, field.name], self._items(kind, field))
        self._add(self._tables.entity, self._entities())
        self._add(self._tables.blob, self._contents(session))
        for statement in self._dialect.completed(tables):
            self._run(statement)
        for view in views:
            self._database.run(view)
        self._database.commit()

    def _run(self, statement: sa.schema.DDLElement) -> None:
        self._database.run(str(statement.compile(dialect=self._sql)))

    def _add(self, table: sa.Table, parts: Iterator[Columns]) -> None:
        self._database.append(table.name, (self._typed(table, columns) for columns in parts))

    def _typed(self, table: sa.Table, columns: Columns) -> pa.RecordBatch:
        """Integers as wide as their columns: binary COPY takes no others."""
        for name, column in columns.items():
            if pa.types.is_integer(column.type):
                columns[name] = column.cast(pa.int64() if isinstance(table.c[name].type, sa.BigInteger) else pa.int32())
        return pa.RecordBatch.from_pydict(columns)

    def _records(self, kind: str) -> Iterator[Columns]:
        """The rows of a kind's own table."""
        members = fields(kind)
        references = self._references(kind)
        own, done = self.keys.of_kind(kind), 0
        for batch in self._rows.batches(kind, [f.name for f in members if f.name != "id" and f.name not in references]):
            columns: Columns = {"entity": _numbers(own[done], own[done] + len(batch))}
            for field in members:
                if field.name in references:
                    columns[field.name] = references[field.name].slice(done, len(batch)).combine_chunks()
                elif field.name != "id":
                    columns |= self._columns(field, batch.column(field.name))
            yield columns
            done += len(batch)

    def _references(self, kind: str) -> dict[str, Column]:
        """Field → keys. A record is often its own root, and its target its root; only what is new is looked up."""
        own = self.keys.of_kind(kind)
        asked = pc.binary_join_element_wise(kind, self.keys.ids[kind], ":")
        keys, found = pa.chunked_array([_numbers(own.start, own.stop)]), {}
        for field in fields(kind):
            if field.type == "ref" and not field.is_list:
                column = _column(self._rows, kind, field.name)
                if not column.equals(asked):
                    asked, keys = column, self.keys.of(column)
                found[field.name] = keys
        return found

    def _columns(self, field: Field, column: Column) -> Columns:
        if field.is_list:
            return {f"{field.name}_count": pc.list_value_length(column)}
        if field.type == "struct":
            return {f"{field.name}_{member.name}": self._value(member, pc.struct_field(column, member.name)) for member in field.parts}
        return {field.name: self._value(field, column)}

    def _value(self, field: Field, column: Column) -> Column:
        return self.keys.of(pa.chunked_array([column])).combine_chunks() if field.type == "ref" else self._dialect.bulk(field.type, column)

    def _items(self, kind: str, field: Field) -> Iterator[Columns]:
        """The rows of a list's table."""
        own = self.keys.of_kind(kind)[0] if len(self.keys.of_kind(kind)) else 0
        lists = pa.chunked_array([batch.column(0) for batch in self._rows.batches(kind, [field.name])]).combine_chunks()
        items = pc.list_flatten(lists)
        if len(items) == 0:
            return
        owners = pc.list_parent_indices(lists)
        ends = pc.cumulative_sum(pc.fill_null(pc.list_value_length(lists), 0).cast(pa.int64()))
        starts = pc.subtract(ends, pc.fill_null(pc.list_value_length(lists), 0))
        columns: Columns = {"entity": pc.add(owners, own), "position": pc.subtract(_numbers(0, len(items)), pc.take(starts, owners))}
        for member in field.parts or (Field("value", field.type, True, False, field.doc, field.note),):
            columns[member.name] = self._value(member, pc.struct_field(items, member.name) if field.parts else items)
        yield columns

    def _entities(self) -> Iterator[Columns]:
        for kind, ids in self.keys.ids.items():
            done = self.keys.first[kind]
            for chunk in ids.chunks:
                yield self._entity(_numbers(done, done + len(chunk)), pa.repeat(kind, len(chunk)), chunk)
                done += len(chunk)
        others = [ref_parts(Ref(reference)) for reference in self.keys.others]
        if others:
            kinds, names = zip(*others, strict=True)
            yield self._entity(pa.array(self.keys.others.values(), pa.int64()), pa.array(kinds), pa.array(names))

    def _entity(self, keys: Column, kinds: Column, ids: Column) -> Columns:
        return {"key": keys, "source": pa.repeat(SOURCE, len(keys)), "kind": kinds, "id": ids}

    def _contents(self, session: Session) -> Iterator[Columns]:
        digests: set[str] = set()
        for kind in {"file", "opaque"} & self.keys.ids.keys():
            digests |= {str(digest) for digest in pc.unique(_column(self._rows, kind, "sha256").drop_null()).to_pylist()}
        for digest in sorted(digests):
            with session.open_blob(digest) as content:
                position = 0
                while (chunk := content.read(CHUNK)) or position == 0:
                    yield {"sha256": pa.array([digest]), "position": pa.array([position]), "content": pa.array([chunk], pa.binary())}
                    position += 1


def _numbers(start: int, stop: int) -> Column:
    return pa.array(range(start, stop), pa.int64())
