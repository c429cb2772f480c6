"""Rows of tables by columns: what a record of kind `row` is, for many rows at once.

A table of a million rows is a million records that differ in their values only. :meth:`TableRows.records` says which
records they are; canonical bytes and package columns made here are those of the same records, which tests hold.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any, cast

import msgspec
import pyarrow as pa
import pyarrow.compute
import stringzilla

from reversa.records import Cell, Ref, Row, ref
from reversa.schema import arrow_schema

pc: Any = pyarrow.compute  # the stubs refuse much of what its kernels take
_ESCAPED = {chr(code): f"\\u{code:04x}" for code in range(32)} | {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"'}
_TO_ESCAPE = "\\" + "".join(_ESCAPED)
_json = msgspec.json.Encoder().encode


class TableRows(msgspec.Struct, frozen=True):
    """Rows of one table: their ids, and their values as texts, a column each. A null is a cell that the record has not."""

    table: Ref
    ids: pa.Array[Any]
    cells: pa.RecordBatch

    def __len__(self) -> int:
        return len(self.ids)

    def records(self) -> Iterator[Row]:
        """The records that they are."""
        names = self.cells.schema.names
        columns = [_texts(column) for column in self.cells.columns]
        for number, id in enumerate(cast("list[str]", _texts(self.ids))):
            cells = [Cell(column=name, value=column[number]) for name, column in zip(names, columns, strict=True) if column[number] is not None]
            yield Row(id=id, root=ref("row", id), table=self.table, cells=cells)

    def like(self, records: Sequence[Row]) -> TableRows | None:
        """Records of the same table as rows in the same columns, if these hold all their cells."""
        names = self.cells.schema.names
        cells = [{cell.column: cell.value for cell in record.cells or ()} for record in records]
        if not set().union(*cells) <= set(names):
            return None
        columns = [pa.array([of.get(name) for of in cells], pa.string()) for name in names]
        return TableRows(self.table, pa.array([record.id for record in records], pa.string()), pa.RecordBatch.from_arrays(columns, names=names))

    def take(self, places: Any) -> TableRows:
        """The rows at these places."""
        return TableRows(self.table, self.ids.take(places), self.cells.take(places))

    def fit(self) -> bool:
        """Whether each is a record that may be kept: an id, and texts that are texts."""
        try:
            self.ids.validate(full=True)
            self.cells.validate(full=True)
        except pa.ArrowInvalid:
            return False
        texts = all(type_ == pa.string() for type_ in (self.ids.type, *self.cells.schema.types))
        return (
            texts
            and not self.ids.null_count
            and self.table.startswith("table:")
            and self.table != "table:"
            and not pc.any(pc.equal(self.ids, "")).as_py()
        )

    def canonical(self) -> list[bytes]:
        """The canonical bytes of each record, as :func:`reversa.canonical.encode` makes them."""
        id, table = _escaped(self.ids), _json(self.table).decode()
        parts = ['{"cells":[', *self._cells(), '],"id":"', id, '","kind":"row","root":"row:', id, f'","table":{table}}}']
        return cast("list[bytes]", _joined(parts).cast(pa.binary()).to_pylist())

    def _cells(self) -> Iterator[Any]:
        """The members of the list of cells, and what stands between them: constants and columns in turn."""
        heads = [f'{{"column":{_json(name).decode()},"value":"' for name in self.cells.schema.names]
        texts = [_escaped(column) for column in self.cells.columns]
        whole = next((number for number, column in enumerate(texts) if not column.null_count), None)
        if whole is None and texts:
            written = [pc.fill_null(_joined([f",{head}", column, '"}']), "") for head, column in zip(heads, texts, strict=True)]
            yield pc.utf8_ltrim(_joined(written), characters=",")
            return
        for number, (head, column) in enumerate(zip(heads, texts, strict=True)):  # commas on the side of one that is always there
            before, after = "," * (number > (whole or 0)), "," * (number < (whole or 0))
            parts = [before + head, column, '"}' + after]
            yield from [pc.fill_null(_joined(parts), "")] if column.null_count else parts

    def digests(self) -> list[str]:
        """The digest of each record."""
        return [hashlib.sha256(data).hexdigest() for data in self.canonical()]

    def batch(self) -> pa.RecordBatch:
        """The rows of the package's table."""
        schema = arrow_schema("row")
        columns = {
            "id": self.ids,
            "root": pc.binary_join_element_wise("row:", self.ids, ""),
            "table": pa.repeat(str(self.table), len(self)),
            "cells": self._lists(schema.field("cells").type),
            "digest": pa.array(self.digests(), pa.string()),
        }
        arrays = [
            columns[name] if name in columns else pa.nulls(len(self)).cast(type_) for name, type_ in zip(schema.names, schema.types, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=schema)

    def _lists(self, type_: pa.DataType) -> Any:
        """The cells as a column of lists."""
        rows, columns = len(self), self.cells.num_columns
        if not columns:
            return pa.array([[]] * rows, type_)
        turned, names = _turned(rows, columns)
        values = pa.concat_arrays(self.cells.columns).take(turned)
        columns_ = pa.array(self.cells.schema.names, pa.string()).take(names)
        there = values.is_valid()
        counts = functools.reduce(pc.add, (column.is_valid().cast(pa.int32()) for column in self.cells.columns))
        if values.null_count:
            values, columns_ = values.filter(there), columns_.filter(there)
        structs = pa.StructArray.from_arrays([columns_, values], fields=list(cast("pa.ListType[Any]", type_).value_type))
        offsets = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(counts)])
        return pa.ListArray.from_arrays(offsets, structs)


@functools.lru_cache(4)
def _turned(rows: int, columns: int) -> tuple[pa.Array[Any], pa.Array[Any]]:
    """Where the values of a row after the other lie when columns follow one another, and of which column each is."""
    places = (place for row in range(rows) for place in range(row, rows * columns, rows))
    return pa.array(places, pa.int32()), pa.array(itertools.chain.from_iterable([range(columns)] * rows), pa.int32())


def _texts(column: pa.Array[Any]) -> list[Any]:
    """Its values; what is no text becomes one that no record may hold."""
    try:
        return column.to_pylist()
    except UnicodeDecodeError:
        return [
            None if text is None else text.decode("utf-8", "surrogateescape") for text in cast("list[bytes]", column.view(pa.binary()).to_pylist())
        ]


def _joined(parts: Sequence[Any]) -> Any:
    return pc.binary_join_element_wise(*parts, "")


def _escaped(column: pa.Array[Any]) -> pa.Array[Any]:
    """Texts as they stand between the quotes of canonical JSON."""
    _, text = _bytes(column)
    if stringzilla.find_first_of(text, _TO_ESCAPE) < 0:
        return column
    for sign, written in {"\\": "\\\\", **_ESCAPED}.items():
        if stringzilla.find(text, sign.encode()) >= 0:
            column = pc.replace_substring(column, pattern=sign, replacement=written)
    return column


def places_of(column: pa.Array[Any], hints: Sequence[bytes]) -> set[int]:
    """The rows whose text holds one of these byte strings; a column is searched as one text."""
    ends, text = _bytes(column)
    found: set[int] = set()
    for hint in hints:
        at: int = stringzilla.find(text, hint)
        while at >= 0:
            row = bisect_right(ends, ends[0] + at) - 1
            if ends[0] + at + len(hint) <= ends[row + 1]:
                found.add(row)
                at = stringzilla.find(text, hint, ends[row + 1] - ends[0])
            else:
                at = stringzilla.find(text, hint, at + 1)
    return found


def _bytes(column: pa.Array[Any]) -> tuple[memoryview, memoryview]:
    """Of a column of texts where each begins and ends, and the bytes of all."""
    _, offsets, data = column.buffers()
    ends = memoryview(cast("pa.Buffer", offsets)).cast("i")[column.offset : column.offset + len(column) + 1]
    return ends, memoryview(data or b"")[ends[0] : ends[-1]]
