"""Records to Arrow batches and back. Arrow changes values in silence (models.md §4), so only checked records come here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, cast

import pyarrow as pa

from reversa.records import KINDS, Part, Record, instant
from reversa.schema import Field, arrow_schema, fields


def to_batch(kind: str, records: Sequence[Record], digests: Sequence[str]) -> pa.RecordBatch:
    """The rows of checked records of one kind."""
    schema = arrow_schema(kind)
    arrays = [_array(field, list(map(attrgetter(field.name), records)), schema.field(field.name).type) for field in fields(kind)]
    return pa.RecordBatch.from_arrays([*arrays, pa.array(digests, type=pa.string())], schema=schema)


def _array(field: Field, values: list[Any], type_: pa.DataType) -> pa.Array[Any]:
    if field.type != "struct":
        return pa.array(values, type=type_)
    if field.is_list:
        return pa.array([None if parts is None else [_members(field, part) for part in parts] for parts in values], type=type_)
    if None in values:
        return pa.array([None if part is None else _members(field, part) for part in values], type=type_)
    struct = cast("pa.StructType", type_)  # member by member: a dictionary per row costs three times as much
    members = [_array(member, list(map(attrgetter(member.name), values)), struct.field(member.name).type) for member in field.parts]
    return pa.StructArray.from_arrays(members, fields=list(struct))


def _members(field: Field, part: Part) -> dict[str, Any]:
    return {member.name: getattr(part, member.name) for member in field.parts}


def from_batch(kind: str, batch: pa.RecordBatch) -> list[tuple[Record, str]]:
    """The records of a batch, each with its stored digest."""
    record = cast("Callable[..., Record]", KINDS[kind])
    columns: dict[str, list[Any]] = {}
    for field in fields(kind):
        column = batch.column(field.name)
        if column.null_count < len(column):
            columns[field.name] = _values(field, column)
    names = list(columns)
    digests = cast("list[str]", batch.column("digest").to_pylist())
    rows = zip(zip(*columns.values(), strict=True), digests, strict=True)
    return [(record(**{n: v for n, v in zip(names, row, strict=True) if v is not None}), digest) for row, digest in rows]


def _values(field: Field, column: pa.Array[Any]) -> list[Any]:
    if field.type == "instant" and not field.is_list:
        return [_instant(value) for value in column.cast(pa.int64()).to_pylist()]
    values = column.to_pylist()
    part = field.part
    if part is None:
        return values
    if field.is_list:
        return [None if parts is None else [part(**value) for value in parts] for parts in values]
    return [None if value is None else part(**value) for value in values]


def _instant(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else instant(microseconds)
