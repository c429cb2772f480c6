"""Law 2: the target is read back and compared with what was expected, record by record, field by field."""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

from reversa.adapter import Exporter, Importer, Item, NotColumnar, Noted, Unreadable
from reversa.blobs import Measure
from reversa.canonical import encode
from reversa.comparing import KEPT_PER_FIELD, Comparer, Comparison, Finding
from reversa.delta import named as asked_for
from reversa.exporting import Intake, Progress
from reversa.ledger import Ledger, State
from reversa.package import Package
from reversa.proving import Remainder
from reversa.rechecking import Asked, ask_again, brought_up, pending
from reversa.records import KINDS, Grant, Record, Ref, ref_parts, ref_to
from reversa.sampling import Draw, Sample
from reversa.sharding import Parts
from reversa.sorting import Spool, identity_order

_HELD: tuple[State, ...] = ("written", "replaced", "merged")
"""States of records that the target should hold under the id in the ledger."""


def verify(
    package: Package,
    importer: Importer,
    target: Exporter,
    ledger: Ledger,
    scratch: Path,
    keep: Callable[[Finding], None],
    progress: Progress,
    edited: Callable[[Record, Record | None], bool] = lambda _expected, _found: False,
    *,
    parts: Parts | None = None,
    named: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> Comparison:
    """Compare what the target shows with what the package and the importer's shape make expected.

    ``keep`` is given every finding that is not as it should be, up to KEPT_PER_FIELD per kind, field and status; ``edited``
    says of a record that is not as expected whether people changed it since it was. The target is read whole, or in
    ``parts``, or, ``named``, of the records of the package only.
    """
    with Spool(scratch, identity_order) as expected, Spool(scratch, identity_order) as sources, Spool(scratch, identity_order) as found:
        comparer = Comparer({c.code: c for c in importer.facts.changes}, frozenset(target.facts.kinds), keep)
        refused = ledger.aside()
        comparer.expect_edits(edited, ledger.standing())
        draw = Draw(package)

        def told(_: str, done: int, whole: int | None) -> None:
            progress("verify", done, whole)

        rest = None if named else _by_columns(package, importer, target, ledger, draw, comparer, expected, found, told)
        if rest is None:
            if parts is not None:
                parts.begin()
            draw = Draw(package)
            _spool(package, importer, comparer, refused, draw, expected, sources)
            if parts is not None:
                for event in parts.finish(found, progress):
                    comparer.hear(event)
            else:
                Intake(target, found, Measure(), comparer.hear).read(told, package.count(), _named(package, target) if named else None)
        asked = _asked_again(importer, target, ledger, expected, found, sleep, scratch, progress)
        drawn = draw.drawn()
        comparer.watch(drawn)
        for kind in dict.fromkeys([*expected.kinds(), *found.kinds()]):
            comparer.compare(
                expected.sorted(kind), sources.sorted(kind), brought_up(found.sorted(kind), asked, kind) if asked else found.sorted(kind)
            )
        comparison = comparer.comparison()
    comparison.late = len(asked)
    comparison.sample = Sample(seed=draw.seed, eligible=draw.eligible, records=tuple(drawn.values()))
    comparison.lost_ids = _lost_ids(importer, ledger, keep, None if rest is None else rest.misplaced)
    return comparison


def _asked_again(
    importer: Importer,
    target: Exporter,
    ledger: Ledger,
    expected: Spool,
    found: Spool,
    sleep: Callable[[float], None],
    scratch: Path,
    progress: Progress,
) -> Asked:
    """Of a target that is late: what it shows later of the records that it does not show as expected."""
    settles = max(importer.facts.settles, target.facts.settles)
    if not settles or not hasattr(target, "named"):
        return {}
    standing = ledger.standing()
    kinds = [kind for kind in dict.fromkeys([*expected.kinds(), *found.kinds()]) if kind in target.facts.kinds]
    waiting = {record: wanted for kind in kinds for record, wanted in pending(expected.sorted(kind), found.sorted(kind)) if record not in standing}
    return ask_again(target, waiting, settles, sleep, scratch, progress)


def _named(package: Package, target: Exporter) -> Iterator[Item]:
    """What the target shows of the records of a package."""
    refs = (Ref(f"{kind}:{id}") for kind, id, _, _ in package.identities())
    while some := list(itertools.islice(refs, 1000)):
        yield from asked_for(target, some)


def _by_columns(
    package: Package,
    importer: Importer,
    target: Exporter,
    ledger: Ledger,
    draw: Draw,
    comparer: Comparer,
    expected: Spool,
    found: Spool,
    progress: Progress,
) -> Remainder | None:
    """Count what columns prove equal and set aside the rest of both sides; None, and nothing set aside, where columns do not do."""
    events: list[Noted | Unreadable] = []
    try:
        rest = Remainder(package, importer, target, ledger, expected)
        draw.offer_package(package)
        rest.watch(draw.drawn())
        Intake(rest, found, Measure(), events.append).read(progress, package.count())
    except NotColumnar:
        expected.clear()
        found.clear()
        return None
    comparer.count_equal(rest.equal, rest.present)
    for event in events:
        comparer.hear(event)
    return rest


def _spool(package: Package, importer: Importer, comparer: Comparer, refused: AbstractSet[Ref], draw: Draw, expected: Spool, sources: Spool) -> None:
    """Set aside what is expected, beside the source where that is something else."""
    for unit, digests in package.units():
        shaped = importer.shape(unit)
        comparer.expect(shaped.noted, refused)
        shown = {ref_to(record): record for record in shaped.records if ref_to(record) not in refused}
        refs = [ref_to(source) for source in unit.records]
        if unit.root in refs:
            draw.offer(unit.records[refs.index(unit.root)], ((ref, digests[ref]) for ref in refs if ref in shown))
        for reference, source in zip(refs, unit.records, strict=True):
            record = shown.get(reference)
            if record is None:
                if reference not in refused:
                    comparer.leave_out(reference)
                    if isinstance(source, Grant) and source.effect == "deny" and source.target in shown:
                        comparer.widen()  # what it closed is there, and it is not
                continue
            expected.add(record, encode(record))
            if record != source:
                sources.add(source, encode(source))


def compare_packages(a: Path, b: Path) -> list[Finding]:
    """What differs between two packages; at most KEPT_PER_FIELD findings per kind, field and status."""
    findings: list[Finding] = []
    left, right = Package(a), Package(b)
    comparer = Comparer({}, frozenset(KINDS), findings.append)
    with tempfile.TemporaryDirectory() as folder, Spool(Path(folder), identity_order) as one, Spool(Path(folder), identity_order) as other:
        for package, spool in ((left, one), (right, other)):
            for kind in package.kinds():
                for record, _ in package.records(kind):
                    spool.add(record, encode(record))
        for kind in dict.fromkeys([*one.kinds(), *other.kinds()]):
            comparer.compare(one.sorted(kind), iter(()), other.sorted(kind))
    return findings


def _lost_ids(importer: Importer, ledger: Ledger, keep: Callable[[Finding], None], only: Sequence[Ref] | None) -> int:
    """Written records, ``only`` these if given, that the target does not hold under the id in the ledger."""
    lost = 0
    batch: dict[Ref, tuple[str, ...]] = {}

    def check() -> int:
        held = importer.find(list(batch))
        wrong = [record for record, targets in batch.items() if tuple(held.get(record, ())) != targets]
        for record in wrong[:KEPT_PER_FIELD]:
            kind, _, id = record.partition(":")
            keep(
                Finding(
                    kind=kind,
                    id=id,
                    status="-",
                    field="target id",
                    expected=batch[record],
                    found=held.get(record),
                    note="not under the id in the ledger",
                )
            )
        batch.clear()
        return len(wrong)

    for record, targets in ledger.written(_HELD) if only is None else _entries(ledger, only):
        batch[record] = targets
        if len(batch) == 1000:
            lost += check()
    return lost + check()


def _entries(ledger: Ledger, records: Sequence[Ref]) -> Iterator[tuple[Ref, tuple[str, ...]]]:
    """As :meth:`Ledger.written`."""
    entries = [ledger.entry(record) for record in sorted(set(records), key=ref_parts)]
    yield from ((entry.record, entry.targets) for entry in entries if entry is not None and entry.state in _HELD)
