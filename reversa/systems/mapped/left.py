"""Rows that no entry maps, as they are: a ``table`` record for each table, a ``row`` record for each row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

import msgspec
import pyarrow as pa

from reversa.adapter import Change, Item, Noted
from reversa.records import Cell, Column, Row, Table, ref
from reversa.systems.mapped.secrets import cleaned, hide_value, is_secret
from reversa.systems.mapped.staging import ROW, distinct
from reversa.systems.tables import contract

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


def row_records(table: contract.Table, batches: Iterator[pa.RecordBatch]) -> Iterator[Item]:
    """The rows of a table, given with their numbers."""
    names = list(distinct(column.name for column in table.columns))
    open_, shut = [name for name in names if not is_secret(name)], [name for name in names if is_secret(name)]
    for batch in batches:
        found = {name: cleaned(batch.column(name)) for name in open_}
        columns = {name: texts for name, (texts, _) in found.items()}
        hidden = sum(len(batch) - batch.column(name).null_count for name in shut) + sum(count for _, count in found.values())
        numbers = cast("list[int]", batch.column(ROW).to_pylist())
        for number, values in zip(numbers, zip(*columns.values(), strict=True) if columns else [()] * len(numbers), strict=True):
            row = dict(zip(open_, values, strict=True))
            hidden += hide_value(row)
            id = _id(table, number, row)
            cells = [Cell(column=name, value=value) for name, value in row.items() if value is not None]
            yield Row(id=id, root=ref("row", id), table=ref("table", table.name), cells=cells)
        if hidden:
            yield Noted(SECRET.code, ref("table", table.name), hidden)


def _id(table: contract.Table, number: int, row: Mapping[str, Any]) -> str:
    """The table and the key; where there is no key, the place of the row in its table."""
    key = [row.get(name) for name in table.primary_key]
    if not key or None in key:
        return f"{table.name}/#{number}"
    return f"{table.name}/{key[0] if len(key) == 1 else msgspec.json.encode(key).decode()}"
