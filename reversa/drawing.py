"""A sample of a package: whole units, drawn by a seed that anybody can draw by again."""

from __future__ import annotations

import contextlib
import hashlib
import heapq
import itertools
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction
from pathlib import Path

import msgspec

from reversa.package import Balance, Package
from reversa.packing import PackageWriter
from reversa.records import File, Opaque, Record, Ref
from reversa.sorting import root_order


class Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """The sample: its share as asked for, its seed and whether somebody chose it, the units there are and those drawn."""

    percent: str
    seed: int
    chosen: bool
    units: int
    drawn: int


def daily_seed(package: Package, day: datetime) -> int:
    """The seed when nobody gives one: of this very package on this day, the same for whoever draws, and another tomorrow."""
    return int(hashlib.sha256(f"{package.seal()} {day:%Y-%m-%d}".encode()).hexdigest()[:13], 16)  # what a JSON number holds exactly


def key_of(seed: int, root: Ref) -> int:
    """Where a unit stands in the draw: the first 64 bits of SHA-256 of seed and root."""
    return int.from_bytes(hashlib.sha256(f"{seed} {root}".encode()).digest()[:8])


def roots(package: Package) -> Iterator[Ref]:
    """The root of every unit once, in order, read from that column alone."""

    def of(kind: str) -> Iterator[Ref]:
        for batch in package.batches(kind, ["root"]):
            yield from (Ref(str(root)) for root in batch["root"].to_pylist())

    merged = heapq.merge(*map(of, package.kinds()), key=root_order)
    return (root for root, _ in itertools.groupby(merged))


def draw(package: Package, percent: str, seed: int, *, chosen: bool) -> tuple[Drawn, int]:
    """Count the units whose key is below the share of all keys; returns that limit too.

    Where no unit is below it, the limit is raised to draw the one with the smallest key: a sample is never empty.
    """
    limit, smallest, units, drawn = int(Fraction(percent) / 100 * 2**64), 2**64, 0, 0
    for root in roots(package):
        key = key_of(seed, root)
        smallest, units, drawn = min(smallest, key), units + 1, drawn + (key < limit)
    return Drawn(percent=percent, seed=seed, chosen=chosen, units=units, drawn=drawn or min(units, 1)), max(limit, smallest + 1)


def write_sample(package: Package, seed: int, limit: int, folder: Path) -> Package:
    """A package of the units drawn, whole ones, with a balance of its own. Only the batch at hand is in memory."""
    writer = PackageWriter(folder)
    counts, not_mapped = Counter[str](), Counter[str]()
    try:
        with contextlib.closing(package.blobs()) as blobs:

            def drawn(kind: str) -> Iterator[tuple[Record, str]]:
                for record, digest in package.records(kind):
                    if key_of(seed, record.root) >= limit:
                        continue
                    counts[kind] += 1
                    not_mapped[kind] += record.native is not None
                    if isinstance(record, File | Opaque) and record.sha256 is not None:
                        with blobs.open(record.sha256) as content:
                            writer.blobs.add(content)
                    yield record, digest

            for kind in package.kinds():
                writer.write_table(kind, drawn(kind))
        return writer.close(
            source=package.source,
            created_at=package.manifest.created_at,
            balance=[Balance(kind=kind, seen=count, records=count) for kind, count in counts.items()],
            changes=(),
            unreadable=0,
            not_mapped={kind: count for kind, count in not_mapped.items() if count},
            since=package.manifest.since,
        )
    except BaseException:
        writer.abandon()
        raise
