"""Law 2: the target is read back and compared with what was expected, record by record, field by field."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, Literal

import msgspec

from reversa.adapter import Change, Exporter, Importer, NotColumnar, Noted, Unreadable
from reversa.blobs import Measure
from reversa.canonical import encode
from reversa.comparing import Remainder
from reversa.exporting import Intake, Progress
from reversa.ledger import Ledger
from reversa.package import Package
from reversa.records import KINDS, Grant, Record, Ref, kind_of, ref_parts, ref_to
from reversa.sampling import Draw, Drawn, Sample
from reversa.sorting import Spool, identity_order

Status = Literal["=", "~", "L", "*", "-", "+", "!", "?"]
STATUSES: tuple[Status, ...] = ("=", "~", "L", "*", "-", "+", "!", "?")
BAD: frozenset[Status] = frozenset({"*", "-", "+", "!"})
KEPT_PER_FIELD = 1000
SHOWN_CHARACTERS = 2000


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One field that is not as expected; `field` is None when the whole record is concerned."""

    kind: str
    id: str
    status: Status
    field: str | None = None
    expected: Any = None
    found: Any = None
    note: str = ""


class Comparison(msgspec.Struct, kw_only=True):
    """What the read-back showed."""

    fields: dict[str, dict[str, dict[str, int]]]
    """kind → field → status → values."""
    records: dict[str, dict[str, int]]
    """kind → status → records: `=` with all their fields as expected, `*`, `-`, `+`, `!`, `?`."""
    observed: dict[str, int]
    """Change code → how often the target shows it."""
    refused: dict[str, int]
    """Change code → how often it was planned for records that the target refused, where nothing can be observed."""
    undeclared: int = 0
    lost_ids: int = 0
    """Records of the ledger that the target no longer finds under the id it gave."""
    rights_widened: int = 0
    unreadable: int = 0
    sample: Sample | None = None

    def total(self, status: Status) -> int:
        """Values with a status, over all kinds and fields."""
        return sum(count.get(status, 0) for of_kind in self.fields.values() for count in of_kind.values())


def verify(
    package: Package, importer: Importer, target: Exporter, ledger: Ledger, scratch: Path, keep: Callable[[Finding], None], progress: Progress
) -> Comparison:
    """Compare what the target shows with what the package and the importer's shape make expected.

    ``keep`` is given every finding that is not as it should be, up to KEPT_PER_FIELD per kind, field and status.
    """
    with Spool(scratch, identity_order) as expected, Spool(scratch, identity_order) as sources, Spool(scratch, identity_order) as found:
        comparer = Comparer({c.code: c for c in importer.facts.changes}, frozenset(target.facts.kinds), keep)
        refused = ledger.refused()
        draw = Draw(package)

        def told(_: str, done: int, whole: int | None) -> None:
            progress("verify", done, whole)

        events: list[Noted | Unreadable] = []
        misplaced: list[Ref] | None = None
        try:
            remainder = Remainder(package, importer, target, ledger, expected)
            draw.offer_package(package)
            remainder.watch(draw.drawn())
            Intake(remainder, found, Measure(), events.append).read(told, package.count())
        except NotColumnar:
            draw = Draw(package)
            expected.clear()
            found.clear()
            _spool(package, importer, comparer, refused, draw, expected, sources)
            Intake(target, found, Measure(), comparer.hear).read(told, package.count())
        else:
            comparer.count_equal(remainder.equal, remainder.present)
            misplaced = remainder.misplaced
            for event in events:
                comparer.hear(event)
        drawn = draw.drawn()
        comparer.watch(drawn)
        for kind in dict.fromkeys([*expected.kinds(), *found.kinds()]):
            comparer.compare(expected.sorted(kind), sources.sorted(kind), found.sorted(kind))
        comparison = comparer.comparison()
    comparison.sample = Sample(seed=draw.seed, eligible=draw.eligible, records=tuple(drawn.values()))
    comparison.lost_ids = _lost_ids(importer, ledger, keep, misplaced)
    return comparison


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

    for record, targets in ledger.written(("written", "merged")) if only is None else _entries(ledger, only):
        batch[record] = targets
        if len(batch) == 1000:
            lost += check()
    return lost + check()


def _entries(ledger: Ledger, records: Sequence[Ref]) -> Iterator[tuple[Ref, tuple[str, ...]]]:
    """As :meth:`Ledger.written`."""
    entries = [ledger.entry(record) for record in sorted(set(records), key=ref_parts)]
    yield from ((entry.record, entry.targets) for entry in entries if entry is not None)


class Comparer:
    """Counts and keeps findings; holds no more than one record of each side at a time."""

    def __init__(self, declared: dict[str, Change], readable: frozenset[str], keep: Callable[[Finding], None]) -> None:
        self._declared, self._readable, self._keep = declared, readable, keep
        self._noted: dict[Ref, list[Noted]] = {}
        self._shapes: Counter[tuple[str, tuple[str, ...]]] = Counter()
        self._fields: Counter[tuple[str, str, Status]] = Counter()
        self._records: Counter[tuple[str, Status]] = Counter()
        self._kept: Counter[tuple[str, str | None, Status]] = Counter()
        self._observed: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._undeclared = self._widened = self._unreadable = 0
        self._watched: dict[tuple[str, str], Drawn] = {}

    def watch(self, drawn: dict[Ref, Drawn]) -> None:
        """Fill in these records of the sample when they are compared."""
        self._watched = {ref_parts(ref): record for ref, record in drawn.items()}

    def expect(self, noted: tuple[Noted, ...], refused: AbstractSet[Ref] = frozenset()) -> None:
        """Remember the changes on the way of a unit; what is skipped is seen by its absence, what was refused not at all."""
        for change in noted:
            if change.record in refused:
                self._refused[change.code] += change.count
            else:
                self._noted.setdefault(change.record, []).append(change)

    def leave_out(self, record: Ref) -> None:
        """A record that the importer's shape leaves out: planned, or a loss that nobody declared."""
        if any(self._declared[noted.code].effect == "skipped" for noted in self._noted.get(record, ())):
            return
        self._undeclared += 1
        kind, id = ref_parts(record)
        self._records[kind, "-"] += 1
        self._find(Finding(kind=kind, id=id, status="-", note="left out on the way, and no change says so"))

    def hear(self, event: Noted | Unreadable) -> None:
        """The target's exporter could not read something."""
        self._unreadable += event.count
        if isinstance(event, Unreadable):
            self._records[event.kind, "!"] += event.count
            self._find(Finding(kind=event.kind, id=event.where, status="!", note=event.reason))
        else:
            kind, _, id = event.record.partition(":")
            self._find(Finding(kind=kind, id=id, status="!", field=self._field_of(event.code), note=event.detail or event.code))

    def _field_of(self, code: str) -> str | None:
        return self._declared[code].field if code in self._declared else code.split(".")[1]

    def _find(self, finding: Finding) -> None:
        place = finding.kind, finding.field, finding.status
        self._kept[place] += 1
        if self._kept[place] <= KEPT_PER_FIELD:
            self._keep(finding)

    def count_equal(self, records: Counter[str], values: Counter[tuple[str, str]]) -> None:
        """Records, by kind, and their values, by kind and field, that were proved equal already."""
        for kind, count in records.items():
            self._records[kind, "="] += count
        for (kind, field), count in values.items():
            self._fields[kind, field, "="] += count

    def compare(
        self,
        expected: Iterator[tuple[Record, bytes]],
        sources: Iterator[tuple[Record, bytes]],
        found: Iterator[tuple[Record, bytes]],
    ) -> None:
        """Walk both sides of one kind in the order of ids."""
        left, right, source = next(expected, None), next(found, None), next(sources, None)
        while left is not None or right is not None:
            if left is None or (right is not None and right[0].id < left[0].id):
                assert right is not None  # noqa: S101 - one of the two is there
                self._extra(right[0])
                right = next(found, None)
                continue
            while source is not None and source[0].id < left[0].id:
                source = next(sources, None)
            original = source[0] if source is not None and source[0].id == left[0].id else left[0]
            met = right if right is not None and right[0].id == left[0].id else None
            self._keep_drawn(original, left[0], None if met is None else met[0])
            if met is None:
                self._missing(left[0])
            else:
                if left[1] == met[1] and original is left[0]:
                    self._same(left[0])
                else:
                    self._fieldwise(original, left[0], met[0])
                right = next(found, None)
            left = next(expected, None)

    def _keep_drawn(self, source: Record, expected: Record, found: Record | None) -> None:
        drawn = self._watched.get((kind_of(expected), expected.id)) if self._watched else None
        if drawn is not None:
            drawn.source, drawn.expected = _shown(source), _shown(expected)
            drawn.found = None if found is None else _shown(found)

    def _same(self, record: Record) -> None:
        kind = kind_of(record)
        self._records[kind, "="] += 1
        self._shapes[kind, tuple(_present(record))] += 1

    def _missing(self, record: Record) -> None:
        kind = kind_of(record)
        status: Status = "-" if kind in self._readable else "?"
        self._records[kind, status] += 1
        for field in _present(record):
            self._fields[kind, field, status] += 1
        self._widened += isinstance(record, Grant) and record.effect == "deny"
        self._find(
            Finding(kind=kind, id=record.id, status=status, note="the target does not show it" if status == "-" else "the target cannot be asked")
        )

    def _extra(self, record: Record) -> None:
        kind = kind_of(record)
        self._records[kind, "+"] += 1
        for field in _present(record):
            self._fields[kind, field, "+"] += 1
        self._noted.pop(ref_to(record), None)
        self._widened += kind in ("grant", "membership")
        self._find(Finding(kind=kind, id=record.id, status="+", found=_shown(record), note="the target shows it, the source does not"))

    def _fieldwise(self, source: Record, expected: Record, found: Record) -> None:
        kind, reference = kind_of(expected), ref_to(expected)
        changes = {self._declared[n.code].field: n for n in self._noted.pop(reference, [])}
        worst: Status = "="
        for field in expected.__struct_fields__:
            before, wanted, shown = getattr(source, field), getattr(expected, field), getattr(found, field)
            if before is None and wanted is None and shown is None:
                continue
            status: Status = "=" if shown == wanted else "-" if shown is None else "+" if wanted is None else "*"
            if status == "=" and before != wanted:
                noted = changes.get(field)
                if noted is None:
                    status, self._undeclared = "*", self._undeclared + 1
                else:
                    status = "L" if self._declared[noted.code].effect == "lost" else "~"
                    self._observed[noted.code] += noted.count
            self._fields[kind, field, status] += 1
            if status in BAD:
                worst = "*"
                self._widened += kind in ("grant", "membership") or (kind, field, shown) == ("space", "visibility", "public")
                self._find(Finding(kind=kind, id=expected.id, status=status, field=field, expected=_shown(wanted), found=_shown(shown)))
        self._records[kind, worst] += 1

    def comparison(self) -> Comparison:
        """The counts; changes of records that were to be left out are observed when nothing came of them."""
        for noted in (n for of_record in self._noted.values() for n in of_record):
            if self._declared[noted.code].effect == "skipped":
                self._observed[noted.code] += noted.count
        fields: dict[str, dict[str, dict[str, int]]] = {}
        for (kind, names), count in self._shapes.items():
            for name in names:
                self._fields[kind, name, "="] += count
        for (kind, name, status), count in self._fields.items():
            fields.setdefault(kind, {}).setdefault(name, {})[status] = count
        records: dict[str, dict[str, int]] = {}
        for (kind, status), count in self._records.items():
            records.setdefault(kind, {})[status] = count
        return Comparison(
            fields=fields,
            records=records,
            observed=dict(self._observed),
            refused=dict(self._refused),
            undeclared=self._undeclared,
            rights_widened=self._widened,
            unreadable=self._unreadable,
        )


def _present(record: Record) -> list[str]:
    return [field for field in record.__struct_fields__ if getattr(record, field) is not None]


def _shown(value: Any) -> Any:
    """A value as it is kept in a finding: plain JSON, cut when long."""
    if isinstance(value, str):
        return value if len(value) <= SHOWN_CHARACTERS else value[:SHOWN_CHARACTERS] + " …"
    plain = msgspec.to_builtins(value)
    return {name: _shown(part) for name, part in plain.items()} if isinstance(plain, dict) else plain
