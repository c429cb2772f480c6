"""Rows of tables set aside on disk and given back in package order, in flat memory: what `sorting` does for records."""

from __future__ import annotations

import contextlib
import itertools
import tempfile
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute

from reversa.records import Ref
from reversa.sorting import repeated
from reversa.tabular import TableRows

pc: Any = pyarrow.compute
RUN_BYTES = 32 * 2**20
BLOCK_BYTES = 2**21  # of each run, so much is in memory when runs are merged
ID = "reversa_id"
Form = tuple[Ref, tuple[str, ...]]
"""A table, and its columns."""


class TableSpool:
    """Sorts rows by id: each table in sorted runs, one table after the other."""

    def __init__(self, folder: Path) -> None:
        self._folder = tempfile.TemporaryDirectory(dir=folder, prefix="tables-")
        self._tables: dict[Form, _Runs] = {}
        self._current: _Runs | None = None
        self._hashes = array("q")

    def close(self) -> None:
        if self._current is not None:
            self._current.close()
        self._folder.cleanup()

    def add(self, rows: TableRows) -> None:
        if not len(rows):
            return
        form = rows.table, tuple(rows.cells.schema.names)
        if form not in self._tables:
            self._tables[form] = _Runs(Path(self._folder.name) / str(len(self._tables)))
        if self._current is not None and self._current is not self._tables[form]:
            self._current.close()  # of a thousand tables, one has open files
        self._current = self._tables[form]
        self._current.add(rows)
        self._hashes.extend(map(hash, rows.ids.to_pylist()))

    def clear(self) -> None:
        self._tables.clear()

    def in_order(self) -> bool:
        """Whether :meth:`sorted` gives package order: no id is there twice, and no table's ids lie among those of another."""
        spans = sorted(runs.span() for runs in self._tables.values())
        return not repeated(self._hashes) and all(before[1] < after[0] for before, after in itertools.pairwise(spans))

    def sorted(self, rows: int, size: int) -> Iterator[TableRows]:
        """The rows of each table by their ids, so many at a time, or so many bytes; the tables by their first."""
        for (table, names), runs in sorted(self._tables.items(), key=lambda item: item[1].span()):
            for batch in regrouped(runs.merged(), rows, size):
                yield TableRows(table, batch.column(0), pa.RecordBatch.from_arrays(batch.columns[1:], names=list(names)))


class _Runs:
    """The sorted runs of one table."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder, self._held, self._size = folder, list[pa.RecordBatch](), 0
        self._open: dict[int, pa.RecordBatchFileWriter] = {}
        self._last: dict[int, str] = {}
        """Run → its last id."""
        self._first: str | None = None

    def add(self, rows: TableRows) -> None:
        batch = pa.RecordBatch.from_arrays([rows.ids, *rows.cells.columns], names=[ID, *rows.cells.schema.names])
        self._held.append(batch)
        self._size += batch.nbytes
        if self._size >= RUN_BYTES:
            self._flush()

    def _flush(self) -> None:
        """Put what is held behind a run that ends before it, or into one of its own."""
        if not self._held:
            return
        rows = _sorted(self._held)
        first, last = rows.column(0)[0].as_py(), rows.column(0)[-1].as_py()
        number = max((n for n in self._open if self._last[n] <= first), key=self._last.__getitem__, default=len(self._last))
        if number not in self._open:
            self._open[number] = pa.ipc.new_file(str(self._folder / str(number)), rows.schema)
        self._last[number] = last
        self._first = first if self._first is None else min(self._first, first)
        for block in _blocks(rows, self._size):
            self._open[number].write_batch(block)
        self._held, self._size = [], 0

    def span(self) -> tuple[str, str]:
        """The first and the last id."""
        self._flush()
        return self._first or "", max(self._last.values())

    def merged(self) -> Iterator[pa.RecordBatch]:
        """Batches that go before one another: in each step everything up to the first end of a block."""
        self.close()
        runs = [_read(self._folder / str(number)) for number in range(len(self._last))]
        heads = {number: block for number, run in enumerate(runs) for block in [next(run, None)] if block is not None}
        while heads:
            end = min(block.column(0)[-1].as_py() for block in heads.values())
            ready: list[pa.RecordBatch] = []
            for number, block in list(heads.items()):
                cut = bisect_right(_Ids(block.column(0)), end)
                if cut:
                    ready.append(block.slice(0, cut))
                    rest = block.slice(cut) if cut < len(block) else next(runs[number], None)
                    if rest is None:
                        del heads[number]
                    else:
                        heads[number] = rest
            yield ready[0] if len(ready) == 1 else _sorted(ready)

    def close(self) -> None:
        """Write what is held; what comes later goes into further runs."""
        self._flush()
        for file in self._open.values():
            file.close()
        self._open.clear()


def regrouped(batches: Iterable[pa.RecordBatch], rows: int, size: int) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of so many, or of so many bytes, about."""
    held: list[pa.RecordBatch] = []
    missing, bytes_ = rows, 0
    for batch in batches:
        step = max(1, len(batch) * size // (batch.nbytes + 1))
        for piece in (batch.slice(start, step) for start in range(0, len(batch), step)):
            left = piece
            while len(left) >= missing or (len(left) and bytes_ + left.nbytes >= size):
                held.append(left.slice(0, missing))
                left = left.slice(missing)
                yield held[0] if len(held) == 1 else _together(held)
                held, missing, bytes_ = [], rows, 0
            if len(left):
                held.append(left)
                missing -= len(left)
                bytes_ += left.nbytes
    if held:
        yield _together(held)


class _Ids(Sequence[str]):
    """A column of ids, looked at here and there."""

    def __init__(self, column: pa.Array[Any]) -> None:
        self._column = column

    def __len__(self) -> int:
        return len(self._column)

    def __getitem__(self, place: Any) -> Any:
        return self._column[place].as_py()


def _together(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    return pa.Table.from_batches(batches).combine_chunks().to_batches()[0]


def _sorted(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    rows = _together(batches)
    order = pc.sort_indices(rows.column(0))
    return rows if pc.all(pc.equal(order[1:], pc.add(order[:-1], 1))).as_py() else rows.take(order)


def _blocks(rows: pa.RecordBatch, size: int) -> Iterator[pa.RecordBatch]:
    step = max(1, len(rows) * BLOCK_BYTES // (size + 1))
    return (rows.slice(start, step) for start in range(0, len(rows), step))


def _read(path: Path) -> Iterator[pa.RecordBatch]:
    with contextlib.closing(pa.OSFile(str(path), "rb")) as file:
        reader = pa.ipc.open_file(file)
        for number in range(reader.num_record_batches):
            yield reader.get_batch(number)
