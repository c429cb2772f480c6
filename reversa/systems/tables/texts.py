"""Bytes of a source as columns of text, and what was not text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from reversa.systems.tables.contract import BATCH, Table, text_of

ENOUGH = 16 << 20
"""Bytes of values after which a batch ends, however few its rows are."""


def as_text(column: pa.Array[Any], encoding: str = "utf-8") -> tuple[pa.Array[Any], list[int]]:
    """A column of bytes as text, and the rows in which bytes had to be escaped."""
    if encoding == "utf-8":
        try:
            return column.cast(pa.string()), []
        except pa.ArrowInvalid:
            pass
    texts: list[str | None] = []
    escaped = []
    for row, value in enumerate(column.to_pylist()):
        text, well = (None, True) if value is None else _decoded(value, encoding)
        texts.append(text)
        if not well:
            escaped.append(row)
    return pa.array(texts, pa.string()), escaped


def _decoded(value: bytes, encoding: str) -> tuple[str, bool]:
    if encoding == "utf-8":
        return text_of(value)
    try:
        return value.decode(encoding), True
    except UnicodeDecodeError:
        return value.decode(encoding, "backslashreplace"), False


def batch_of(table: Table, columns: dict[str, pa.Array[Any]], rows: int) -> pa.RecordBatch:
    """A batch in the columns of the table; what the source does not give is null."""
    arrays = [columns.get(column.name, pa.nulls(rows, pa.string())) for column in table.columns]
    return pa.RecordBatch.from_arrays(arrays, schema=schema_of(table))


def schema_of(table: Table) -> pa.Schema:
    return pa.schema([pa.field(column.name, pa.string()) for column in table.columns])


def batches_of(table: Table, rows: Iterator[Sequence[str | None]]) -> Iterator[pa.RecordBatch]:
    """Rows of texts as batches."""
    held: list[Sequence[str | None]] = []
    size = 0
    for row in rows:
        held.append(row)
        size += sum(len(value) for value in row if value)
        if len(held) == BATCH or size > ENOUGH:
            yield _transposed(table, held)
            held, size = [], 0
    if held:
        yield _transposed(table, held)


def _transposed(table: Table, rows: list[Sequence[str | None]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array(values, pa.string()) for values in zip(*rows, strict=True)], schema=schema_of(table))
