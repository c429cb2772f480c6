"""Reads a folder of CSV, JSON Lines, XLSX and Parquet files, or one such file: a table by each file's name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from reversa.errors import SourceError
from reversa.systems.tables.contract import Damaged, Table
from reversa.systems.tables.streams import first_bytes

_TEXTS = (".csv", ".tsv", ".jsonl", ".ndjson")
_MAGIC = {".xlsx": b"PK", ".parquet": b"PAR1"}


class _Source(NamedTuple):
    """A table, and how its file is read."""

    table: Table
    batches: Callable[[], Iterator[pa.RecordBatch | Damaged]]
    rows: Callable[[], int]


class Folder:
    """The tables of the files that lie in a folder, not in folders below it."""

    def __init__(self, path: Path) -> None:
        self._sources: dict[str, _Source] = {}
        self._close: list[Callable[[], None]] = []
        for file in sorted(path.iterdir()) if path.is_dir() else [path]:
            if not _recognised(file):
                continue
            for source in self._read(file):
                if source.table.name in self._sources:
                    raise SourceError(f"{path} has two tables called {source.table.name}.", "Give one of the files another name.")
                self._sources[source.table.name] = source

    @staticmethod
    def recognises(path: Path) -> bool:
        try:
            return any(_recognised(file) for file in path.iterdir()) if path.is_dir() else _recognised(path)
        except OSError:
            return False

    def tables(self) -> list[Table]:
        return [source.table for source in self._sources.values()]

    def batches(self, table: Table) -> Iterator[pa.RecordBatch | Damaged]:
        return self._sources[table.name].batches()

    def count(self, table: Table) -> int:
        return self._sources[table.name].rows()

    def close(self) -> None:
        for close in self._close:
            close()

    def _read(self, file: Path) -> Iterator[_Source]:
        """Libraries are loaded for the files that need them."""
        suffix = file.suffix.lower()
        if suffix == ".xlsx":
            from reversa.systems.tables.workbook import Workbook

            book = Workbook(file)
            self._close.append(book.close)
            for table in book.tables:
                yield _Source(table, partial(book.batches, table), partial(book.count, table))
        elif suffix == ".parquet":
            from reversa.systems.tables.parquet import Parquet

            columns = Parquet(file)
            self._close.append(columns.close)
            yield _Source(columns.table, columns.batches, columns.count)
        elif suffix in (".jsonl", ".ndjson"):
            from reversa.systems.tables.jsonlines import JsonLines

            lines = JsonLines(file)
            yield _Source(lines.table, lines.batches, lines.count)
        else:
            from reversa.systems.tables.delimited import Delimited

            fields = Delimited(file)
            yield _Source(fields.table, fields.batches, fields.count)


def _recognised(file: Path) -> bool:
    """By its name and its first bytes. A link could lead anywhere, and is no file of the folder."""
    suffix = file.suffix.lower()
    if file.is_symlink() or not file.is_file():
        return False
    if suffix in _MAGIC:
        return first_bytes(file, 4).startswith(_MAGIC[suffix])
    return suffix in _TEXTS
