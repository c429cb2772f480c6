"""Rows of two sides met by id, in bounded memory, and compared column by column: what is proved equal needs no record made of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute

pc: Any = pyarrow.compute  # the stubs refuse much of what its kernels take
Column = Any
WAITING = 100_000
"""Rows of a side that wait for their other half; beyond, they are given up as unmatched."""


def matched(left: Iterator[pa.RecordBatch], right: Iterator[pa.RecordBatch]) -> Iterator[tuple[pa.Table, pa.Table, bool]]:
    """Rows of both sides with the same ids in the same order, and, marked False, those that met none.

    Both sides should be in about the same order; ids are met wherever they stand within WAITING rows.
    """
    one, other = _Side(left), _Side(right)
    while True:
        grown = one.grow()
        while len(other.rows) < max(len(one.rows), 1) and other.grow():
            grown = True
        if not grown:
            break
        count = min(len(one.rows), len(other.rows))
        if count and one.rows["id"].slice(0, count).equals(other.rows["id"].slice(0, count)):  # in the same order, as they mostly are
            yield one.rows.slice(0, count), other.rows.slice(0, count), True
            one.rows, other.rows = one.rows.slice(count), other.rows.slice(count)
            continue
        met = pc.index_in(one.rows["id"], value_set=other.rows["id"])
        places = pc.drop_null(met)
        yield one.rows.filter(pc.is_valid(met)), other.rows.take(places), True
        taken = pc.is_in(pa.array(range(len(other.rows)), pa.int32()), value_set=places)
        one.rows, other.rows = one.rows.filter(pc.is_null(met)), other.rows.filter(pc.invert(taken))
        if max(len(one.rows), len(other.rows)) > WAITING:
            yield one.rows, other.rows, False
            one.rows, other.rows = one.rows.slice(0, 0), other.rows.slice(0, 0)
    yield one.rows, other.rows, False


class _Side:
    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self.rows: pa.Table = pa.table({"id": pa.array([], pa.string())})

    def grow(self) -> bool:
        batch = next(self._batches, None)
        if batch is None:
            return False
        more = pa.Table.from_batches([batch])
        self.rows = pa.concat_tables([self.rows, more]) if len(self.rows) else more
        return True


def same(left: Column, right: Column) -> Column:
    """Where two columns hold exactly the same value, absence included."""
    if left.equals(right):
        return pa.array([True] * len(left), pa.bool_())
    if pa.types.is_nested(left.type):
        return pa.array([a == b for a, b in zip(left.to_pylist(), right.to_pylist(), strict=True)], pa.bool_())
    both_absent = pc.and_(pc.is_null(left), pc.is_null(right))
    return pc.or_(pc.fill_null(pc.equal(left, right), fill_value=False), both_absent)
