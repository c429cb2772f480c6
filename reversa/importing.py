"""A package into a target, unit by unit, through the ledger: nothing is sent twice, nothing is forgotten."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import BinaryIO

import msgspec

from reversa.adapter import Importer, Outcome, Shaped, Unit
from reversa.blobs import BlobReader
from reversa.canonical import digest, encode
from reversa.columnar import load
from reversa.exporting import Progress
from reversa.ledger import EVERYTHING, Entry, Ledger, State
from reversa.package import Package
from reversa.records import Record, Ref, ref_to

BATCH = 1000
"""Records that go to the importer together, at least one unit."""

Digests = dict[str, str]


class Blobs:
    """What an importer may ask for while it writes."""

    def __init__(self, reader: BlobReader) -> None:
        self._reader = reader

    def open_blob(self, sha256: str) -> BinaryIO:
        return self._reader.open(sha256)


def import_package(package: Package, importer: Importer, ledger: Ledger, progress: Progress, only: AbstractSet[Ref] | None = None) -> None:
    """Write every record of a package that has no outcome yet; of the units with these roots only, if they are given."""
    done, whole = 0, package.count()
    with contextlib.closing(package.blobs()) as reader:
        session = Blobs(reader)
        if only is not None or not load(package, importer, ledger, session, progress):
            for batch in batches(package.units(only)):
                _import_batch(batch, importer, ledger, session)
                done += sum(len(digests) for _, digests in batch)
                progress("import", done, whole)
    if only is None:  # else replacements may be under way, too
        ledger.withdraw()
    finish(importer)


def finish(importer: Importer) -> None:
    """Let the importer do what waited until everything was written."""
    last = getattr(importer, "finish", None)
    if last is not None:
        last()


def batches(units: Iterable[tuple[Unit, Digests]]) -> Iterator[list[tuple[Unit, Digests]]]:
    batch, size = [], 0
    for unit, digests in units:
        batch.append((unit, digests))
        size += len(digests)
        if size >= BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _import_batch(batch: Sequence[tuple[Unit, Digests]], importer: Importer, ledger: Ledger, session: Blobs) -> None:
    digests = {Ref(record): value for _, of_unit in batch for record, value in of_unit.items()}
    settled = ledger.settled(list(digests))
    if len(settled) == len(digests):
        return
    shaped = [importer.shape(unit) for unit, _ in batch]
    expected = {ref_to(record): record for unit in shaped for record in unit.records}
    open_records = [record for record in digests if record not in settled]
    roots = {ref_to(record): unit.root for unit, _ in batch for record in unit.records}
    entries = [Entry(record, "skipped", digests[record], root=roots[record]) for record in open_records if record not in expected]

    found = importer.find([record for record in open_records if record in expected])
    for record, targets in found.items():
        state: State = "merged" if ledger.interrupted.isdisjoint((record, EVERYTHING)) else "written"
        entries.append(Entry(record, state, digests[record], digest(encode(expected[record])), tuple(targets), root=roots[record]))
    missing = [_without(unit, settled | found.keys()) for unit in shaped]
    ledger.intend(ref_to(record) for unit in missing for record in unit.records)
    outcomes = {o.record: o for o in importer.write([unit for unit in missing if unit.records], session)}
    entries += [_entry(sent, outcomes, unit.root, digests[ref_to(sent)]) for unit in missing for sent in unit.records]
    noted = [noted for unit in shaped for noted in unit.noted if noted.record not in settled]
    ledger.settle(entries, noted)


def _without(unit: Shaped, records: Mapping[Ref, object] | set[Ref]) -> Shaped:
    return msgspec.structs.replace(unit, records=tuple(r for r in unit.records if ref_to(r) not in records))


def _entry(sent: Record, outcomes: Mapping[Ref, Outcome], root: Ref, source_digest: str) -> Entry:
    record = ref_to(sent)
    outcome = outcomes.get(record) or Outcome(record, "refused", reason="the importer gave no outcome")
    if outcome.state == "written":
        return Entry(record, "written", source_digest, digest(encode(sent)), outcome.targets, root=root)
    parent = outcomes.get(root)
    if record != root and parent is not None and parent.state == "refused":
        return Entry(record, "blocked", source_digest, reason=f"{root} was refused", root=root)
    return Entry(record, "refused", source_digest, reason=outcome.reason, root=root)
