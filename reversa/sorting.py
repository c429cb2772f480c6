"""Records set aside on disk and given back in order, in flat memory: what lets adapters work in any order."""

from __future__ import annotations

import heapq
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from reversa.canonical import decode
from reversa.records import KINDS, Record, Ref, kind_of, ref_parts

SortKey = tuple[int, str, int, str]
_RANK = {kind: rank for rank, kind in enumerate(KINDS)}
RUN_BYTES = 4 * 2**20


def package_order(record: Record) -> SortKey:
    """(root, order, id): units together, containers before what they hold."""
    kind, id = ref_parts(record.root)
    return _RANK[kind], id, record.order or 0, record.id


def root_order(root: Ref) -> tuple[int, str]:
    """The order of units, as :func:`package_order` begins."""
    kind, id = ref_parts(root)
    return _RANK[kind], id


def identity_order(record: Record) -> SortKey:
    """By id inside a kind: how two sets of records are compared."""
    return 0, record.id, 0, ""


class Spool:
    """Sorts records of every kind outside memory: sorted runs of canonical JSON lines, merged when read.

    Input that is nearly sorted, as most systems give it, makes one long run and costs no merge.
    """

    def __init__(self, folder: Path, key: Callable[[Record], SortKey]) -> None:
        self._folder = tempfile.TemporaryDirectory(dir=folder, prefix="sorting-")
        self._key = key
        self._kinds: dict[str, _Runs] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._folder.cleanup()

    def add(self, record: Record, data: bytes) -> None:
        """Set aside a record, given with its canonical bytes."""
        kind = kind_of(record)
        runs = self._kinds.get(kind)
        if runs is None:
            runs = self._kinds[kind] = _Runs(Path(self._folder.name), kind)
        runs.add(self._key(record), data)

    def clear(self) -> None:
        """Forget everything."""
        for run in Path(self._folder.name).iterdir():
            run.unlink()
        self._kinds.clear()

    def kinds(self) -> list[str]:
        return [kind for kind in KINDS if kind in self._kinds]

    def sorted(self, kind: str) -> Iterator[tuple[Record, bytes]]:
        """The records of a kind in order, with their canonical bytes; equal keys in the order of their bytes."""
        if kind not in self._kinds:
            return
        streams = [self._read(kind, path) for path in self._kinds[kind].finish()]
        for _, data, record in heapq.merge(*streams, key=lambda item: item[:2]):
            yield record, data

    def _read(self, kind: str, path: Path) -> Iterator[tuple[SortKey, bytes, Record]]:
        key = self._key
        with path.open("rb") as lines:
            for line in lines:
                data = line[:-1]
                record = decode(kind, data)
                yield key(record), data, record


class _Runs:
    """The sorted runs of one kind."""

    def __init__(self, folder: Path, kind: str) -> None:
        self._folder, self._kind = folder, kind
        self._buffer: list[tuple[SortKey, bytes]] = []
        self._size = 0
        self._runs: list[tuple[Path, tuple[SortKey, bytes]]] = []  # each with its last item

    def add(self, key: SortKey, data: bytes) -> None:
        self._buffer.append((key, data))
        self._size += len(data)
        if self._size >= RUN_BYTES:
            self._flush()

    def _flush(self) -> None:
        if not self._buffer:
            return
        self._buffer.sort()
        goes_on = self._runs and self._runs[-1][1] <= self._buffer[0]
        path = self._runs.pop()[0] if goes_on else self._folder / f"{self._kind}-{len(self._runs)}.ndjson"
        with path.open("ab") as run:
            run.writelines(data + b"\n" for _, data in self._buffer)
        self._runs.append((path, self._buffer[-1]))
        self._buffer, self._size = [], 0

    def finish(self) -> list[Path]:
        self._flush()
        return [path for path, _ in self._runs]
