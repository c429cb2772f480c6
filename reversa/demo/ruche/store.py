"""Rows in memory, before they are written: of which table, of which customer, with which values."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from reversa.demo.ruche.schema import TABLES

Value = None | bool | int | str | datetime | dict[str, Any]


def dice(*seed: object) -> random.Random:
    """Chances that are the same for the same seed."""
    return random.Random(":".join(map(str, seed)))  # noqa: S311 - nothing here is secret, and it must be repeatable


@dataclass
class Row:
    """One row. ``owner`` is the organisation it truly belongs to; None: all of them (accounts, plans) or none (orphans)."""

    table: str
    owner: int | None
    values: dict[str, Value]

    @property
    def id(self) -> int:
        id = self.values["id"]
        return id if isinstance(id, int) else 0

    @property
    def place(self) -> str:
        return f"{self.table}:{self.id}"

    def text(self, column: str) -> str:
        return str(self.values[column])

    def instant(self, column: str) -> datetime:
        value = self.values[column]
        if not isinstance(value, datetime):
            raise TypeError(f"{self.place}.{column} is not an instant")
        return value


@dataclass
class Store:
    """All rows, in the order in which they were written, and the files on the vendor's disk by their path."""

    rows: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    files: dict[str, bytes] = field(default_factory=dict)

    def add(self, table: str, owner: int | None, **values: Value) -> Row:
        """A new row, with the next id of its table."""
        key: dict[str, Value] = {"id": len(self.rows[table]) + 1} if TABLES[table].serial else {}
        row = Row(table, owner, key | values)
        unknown = row.values.keys() - {column.name for column in TABLES[table].columns}
        if unknown:
            raise KeyError(f"{table} has no column {', '.join(sorted(unknown))}")
        self.rows[table].append(row)
        return row

    def of(self, owner: int | None, table: str) -> list[Row]:
        return [row for row in self.rows[table] if row.owner == owner]
