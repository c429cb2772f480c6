"""Records set aside on disk and given back in order, in flat memory: what lets adapters work in any order."""

from __future__ import annotations

import tempfile
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from reversa.canonical import decode_all
from reversa.records import KINDS, Record, Ref, kind_of, ref_parts

SortKey = tuple[int, str, int, str]
Block = list[tuple[SortKey, bytes]]
_RANK = {kind: rank for rank, kind in enumerate(KINDS)}
RUN_BYTES = 4 * 2**20
BLOCK_BYTES = 2**18  # of each run, so much is in memory when runs are merged
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Block).decode


def package_order(record: Record) -> SortKey:
    """(root, order, id): units together, containers before what they hold."""
    kind, _, id = record.root.partition(":")
    return _RANK[kind], id, record.order or 0, record.id


def root_order(root: Ref) -> tuple[int, str]:
    """The order of units, as :func:`package_order` begins."""
    kind, id = ref_parts(root)
    return _RANK[kind], id


def identity_order(record: Record) -> SortKey:
    """By id inside a kind: how two sets of records are compared."""
    return 0, record.id, 0, ""


class Spool:
    """Sorts records of every kind outside memory: sorted runs of canonical bytes with their keys, merged when read.

    Input that is nearly sorted, as most systems give it, makes few long runs.
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
        runs = self._runs_of(kind_of(record))
        runs.add(self._key(record), data)
        runs.hashes.append(hash(record.id))

    def clear(self) -> None:
        """Forget everything."""
        for run in Path(self._folder.name).iterdir():
            run.unlink()
        self._kinds.clear()

    def kinds(self) -> list[str]:
        return [kind for kind in KINDS if kind in self._kinds]

    def keep(self, folder: Path) -> None:
        """Move the sorted runs to a folder that stays, for :meth:`take`."""
        for kind, runs in self._kinds.items():
            for number, path in enumerate(runs.finish()):
                path.rename(folder / f"{kind}-{number:05d}")

    def take(self, folder: Path) -> None:
        """Read the runs that were kept in a folder, too."""
        for path in sorted(folder.glob("*-?????")):
            self._runs_of(path.name.rpartition("-")[0]).kept.append(path)

    def _runs_of(self, kind: str) -> _Runs:
        runs = self._kinds.get(kind)
        if runs is None:
            runs = self._kinds[kind] = _Runs(Path(self._folder.name), kind)
        return runs

    def repeated(self, kind: str) -> frozenset[int]:
        """Hashes (of this process) that the ids of several records of a kind have: eight bytes a record are kept for it."""
        return repeated(self._kinds[kind].hashes)

    def sorted(self, kind: str) -> Iterator[tuple[Record, bytes]]:
        """The records of a kind in order, with their canonical bytes; equal keys in the order of their bytes."""
        if kind in self._kinds:
            for block in _merged([_blocks(path) for path in self._kinds[kind].finish()]):
                lines = [data for _, data in block]
                yield from zip(decode_all(kind, lines), lines, strict=True)


def repeated(hashes: array[int]) -> frozenset[int]:
    """Those that are there more than once."""
    numbers = pa.Array.from_buffers(pa.int64(), len(hashes), [None, pa.py_buffer(hashes)])
    numbers = numbers.take(pc.sort_indices(numbers))
    again = numbers[1:].filter(pc.equal(numbers[1:], numbers[:-1]))
    return frozenset(number for number in again.to_pylist() if number is not None)


class _Runs:
    """The sorted runs of one kind, each a file of blocks that go before one another."""

    def __init__(self, folder: Path, kind: str) -> None:
        self._folder, self._kind = folder, kind
        self.hashes = array("q")
        self._buffer: Block = []
        self._size = 0
        self.kept: list[Path] = []
        self._last: list[tuple[SortKey, bytes]] = []  # of each run, its last item

    def add(self, key: SortKey, data: bytes) -> None:
        self._buffer.append((key, data))
        self._size += len(data)
        if self._size >= RUN_BYTES:
            self._flush()

    def _flush(self) -> None:
        if not self._buffer:
            return
        self._buffer.sort()
        number = max((n for n, last in enumerate(self._last) if last <= self._buffer[0]), key=self._last.__getitem__, default=len(self._last))
        self._last[number : number + 1] = [self._buffer[-1]]
        step = max(1, len(self._buffer) * BLOCK_BYTES // self._size)
        with self._path(number).open("ab") as run:
            for start in range(0, len(self._buffer), step):
                block = _pack(self._buffer[start : start + step])
                run.write(len(block).to_bytes(8, "big") + block)
        self._buffer, self._size = [], 0

    def _path(self, number: int) -> Path:
        return self._folder / f"{self._kind}-{number}.run"

    def finish(self) -> list[Path]:
        self._flush()
        return [*(self._path(number) for number in range(len(self._last))), *self.kept]


def _blocks(path: Path) -> Iterator[Block]:
    with path.open("rb") as run:
        while size := run.read(8):
            yield _unpack(run.read(int.from_bytes(size, "big")))


def _merged(runs: list[Iterator[Block]]) -> Iterator[Block]:
    """Blocks that go before one another, out of sorted runs: in each step everything up to the first end of a block."""
    heads = {number: block for number, run in enumerate(runs) for block in [next(run, None)] if block}
    while heads:
        end = min(block[-1] for block in heads.values())
        ready: Block = []
        for number, block in list(heads.items()):
            if cut := bisect_right(block, end):
                ready += block[:cut]
                heads[number] = block[cut:] or next(runs[number], [])
                if not heads[number]:
                    del heads[number]
        ready.sort()
        yield ready
