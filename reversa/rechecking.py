"""Late targets: what is not there yet, or not as expected yet, is asked again before it counts as missing or different."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

from reversa.adapter import Exporter
from reversa.canonical import digest, encode
from reversa.delta import Held, read_back
from reversa.exporting import Progress
from reversa.records import Record, Ref, ref_parts, ref_to

GENERATIONS = 5
"""How often a record is asked for again, each time after the target had time to settle."""
BATCH = 1000
Stream = Iterator[tuple[Record, bytes]]
Pending = dict[Ref, str | None]
"""Records that are not as expected, with the digest of what is; None: nothing is expected."""
Asked = dict[Ref, Held | None]
"""What the target showed at last of records that were not as expected at first; None: nothing."""


def pending(expected: Stream, found: Stream) -> Iterator[tuple[Ref, str | None]]:
    """The records of one kind that are not as expected, as they stand in :data:`Pending`; both streams in the order of ids."""
    left, right = next(expected, None), next(found, None)
    while left is not None or right is not None:
        if right is None or (left is not None and left[0].id < right[0].id):
            assert left is not None  # noqa: S101 - one of the two is there
            yield ref_to(left[0]), digest(left[1])
            left = next(expected, None)
        elif left is None or right[0].id < left[0].id:
            yield ref_to(right[0]), None
            right = next(found, None)
        else:
            if left[1] != right[1]:
                yield ref_to(left[0]), digest(left[1])
            left, right = next(expected, None), next(found, None)


def ask_again(target: Exporter, wanted: Pending, settles: float, sleep: Callable[[float], None], scratch: Path, progress: Progress) -> Asked:
    """Ask for records until they are as expected, up to GENERATIONS times; returns what they were at last."""
    asked: Asked = {}
    waiting = wanted
    for _ in range(GENERATIONS):
        if not waiting:
            break
        progress("pending", len(wanted) - len(waiting), len(wanted))
        sleep(settles)
        refs = iter(waiting)
        while some := list(itertools.islice(refs, BATCH)):
            shown = read_back(target, some, scratch)
            asked |= {record: shown.get(record) for record in some}
        waiting = {record: expected for record, expected in waiting.items() if digest_of(asked[record]) != expected}
    return asked


def digest_of(held: Held | None) -> str | None:
    return None if held is None else held.digest


def brought_up(found: Stream, asked: Asked, kind: str) -> Stream:
    """What the target shows of one kind, with what it showed at last of the records that were asked for again; in the order of ids."""
    later = sorted((held.record for record, held in asked.items() if held is not None and ref_parts(record)[0] == kind), key=lambda record: record.id)
    at_first = ((record, data) for record, data in found if ref_to(record) not in asked)
    return heapq.merge(at_first, ((record, encode(record)) for record in later), key=lambda pair: pair[0].id)
