"""Rows that no entry maps, as they are: a ``table`` record for each table, a ``row`` record for each row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

import msgspec
import pyarrow as pa
import pyarrow.compute

from reversa.adapter import Change, Noted
from reversa.records import Column, Table, ref
from reversa.systems.mapped.secrets import cleaned, hide_values, is_secret
from reversa.systems.mapped.staging import ROW, distinct
from reversa.systems.tables import contract
from reversa.tabular import TableRows

pc: Any = pyarrow.compute
SECRET = Change("mapped.row.cells.secret", "row", "cells", "lost", "policy", "passwords, tokens and keys are never taken along")
ESCAPED = Change("mapped.row.cells.not-utf8", "row", "cells", "converted", "source-lacks", "bytes that are no UTF-8, written as \\xNN")
_TYPES = {
    "string": ("char", "text", "uuid", "enum", "json", "xml", "name", "clob"),
    "integer": ("int", "serial"),
    "number": ("numeric", "decimal", "real", "double", "float", "money"),
    "boolean": ("bool",),
    "datetime": ("timestamp", "datetime"),
    "date": ("date",),
    "time": ("time",),
}


def ignored(table: str, reason: str) -> Change:
    """That the rows of a table are left out, and why."""
    return Change(f"mapped.row.ignored.{table}", "row", None, "skipped", "policy", reason)


def table_record(table: contract.Table) -> Table:
    """What is known of a table."""
    leads = {key.columns[0]: f"{key.table}.{key.to[0]}" for key in table.foreign_keys if len(key.columns) == 1 == len(key.to)}
    return Table(
        id=table.name,
        root=ref("table", table.name),
        name=table.name,
        columns=[
            Column(name=name, type=_type(column.type), native_type=column.type or None, refers_to=leads.get(column.name))
            for name, column in zip(distinct(c.name for c in table.columns), table.columns, strict=True)
        ],
        primary_key=list(table.primary_key) or None,
    )


def _type(native: str) -> str | None:
    lower = native.lower()
    return next((name for name, marks in _TYPES.items() if any(mark in lower for mark in marks)), None)


def table_rows(table: contract.Table, batches: Iterator[pa.RecordBatch]) -> Iterator[TableRows | Noted]:
    """The rows of a table, given with their numbers."""
    own = ref("table", table.name)
    names = list(distinct(column.name for column in table.columns))
    open_ = [name for name in names if not is_secret(name)]
    shut = [name for name in names if name not in open_]
    for batch in batches:
        hidden = sum(len(batch) - batch.column(name).null_count for name in shut)
        columns = {}
        for name in open_:
            columns[name], count = cleaned(batch.column(name))
            hidden += count
        hidden += hide_values(columns)
        yield TableRows(own, _ids(table, batch.column(ROW), columns), pa.RecordBatch.from_pydict(columns))
        if hidden:
            yield Noted(SECRET.code, own, hidden)


def _ids(table: contract.Table, numbers: pa.Array[Any], columns: Mapping[str, pa.Array[Any]]) -> pa.Array[Any]:
    """The table and the key; where there is no key, the place of the row in its table."""
    places = pc.binary_join_element_wise(f"{table.name}/#", numbers.cast(pa.string()), "")
    if not table.primary_key or not all(name in columns for name in table.primary_key):
        return cast("pa.Array[Any]", places)
    key = [columns[name] for name in table.primary_key]
    if len(key) > 1:
        rows = zip(*(column.to_pylist() for column in key), strict=True)
        key = [pa.array([None if None in row else msgspec.json.encode(row).decode() for row in rows], pa.string())]
    return cast("pa.Array[Any]", pc.coalesce(pc.binary_join_element_wise(f"{table.name}/", key[0], ""), places))
