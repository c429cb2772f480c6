"""Two records of one id, field by field: what is as expected, what changed as planned, what differs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from typing import Any, Literal

import msgspec

from reversa.adapter import Change, Noted, Unreadable
from reversa.records import Grant, Record, Ref, kind_of, ref_parts, ref_to
from reversa.sampling import Drawn, Sample

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
    late: int = 0
    """Records that the target did not show as expected at once, and was asked for again."""
    sample: Sample | None = None

    def total(self, status: Status) -> int:
        """Values with a status, over all kinds and fields."""
        return sum(count.get(status, 0) for of_kind in self.fields.values() for count in of_kind.values())


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
        self._edited: Callable[[Record, Record | None], bool] = lambda _expected, _found: False
        self._standing: AbstractSet[Ref] = frozenset()

    def watch(self, drawn: dict[Ref, Drawn]) -> None:
        """Fill in these records of the sample when they are compared."""
        self._watched = {ref_parts(ref): record for ref, record in drawn.items()}

    def expect_edits(self, edited: Callable[[Record, Record | None], bool], standing: AbstractSet[Ref]) -> None:
        """Do not count as differences what people changed, where that stands or is to be decided."""
        self._edited, self._standing = edited, standing

    def expect(self, noted: tuple[Noted, ...], refused: AbstractSet[Ref] = frozenset()) -> None:
        """Remember the changes on the way of a unit; what is skipped is seen by its absence, what was refused not at all."""
        for change in noted:
            if change.record in refused:
                self._refused[change.code] += change.count
            else:
                self._noted.setdefault(change.record, []).append(change)

    def widen(self) -> None:
        """A right is wider in the target than in the source."""
        self._widened += 1

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
            if (met is None or met[1] != left[1]) and self._edited(left[0], None if met is None else met[0]):
                for change in self._noted.pop(ref_to(left[0]), []):
                    self._refused[change.code] += change.count
            elif met is None:
                self._missing(left[0])
            elif left[1] == met[1] and original is left[0]:
                self._same(left[0])
            else:
                self._fieldwise(original, left[0], met[0])
            if met is not None:
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
        if ref_to(record) in self._standing:
            return
        self._records[kind, "+"] += 1
        for field in _present(record):
            self._fields[kind, field, "+"] += 1
        self._noted.pop(ref_to(record), None)
        self._widened += kind in ("grant", "membership")
        self._find(Finding(kind=kind, id=record.id, status="+", found=_shown(record), note="the target shows it, the source does not"))

    def _fieldwise(self, source: Record, expected: Record, found: Record) -> None:
        kind, reference = kind_of(expected), ref_to(expected)
        changes: dict[str | None, list[Noted]] = {}
        for noted in self._noted.pop(reference, []):
            changes.setdefault(self._declared[noted.code].field, []).append(noted)
        worst: Status = "="
        for field in expected.__struct_fields__:
            before, wanted, shown = getattr(source, field), getattr(expected, field), getattr(found, field)
            if before is None and wanted is None and shown is None:
                continue
            status: Status = "=" if shown == wanted else "-" if shown is None else "+" if wanted is None else "*"
            note = ""
            if status == "=" and before != wanted:
                made = changes.get(field, [])
                if not made:
                    status, self._undeclared = "*", self._undeclared + 1
                    wanted, note = before, "changed on the way, and no change says so"
                else:
                    status = "L" if any(self._declared[noted.code].effect == "lost" for noted in made) else "~"
                    for noted in made:
                        self._observed[noted.code] += noted.count
            self._fields[kind, field, status] += 1
            if status in BAD:
                worst = "*"
                self._widened += kind in ("grant", "membership") or (kind, field, shown) == ("space", "visibility", "public")
                self._find(Finding(kind=kind, id=expected.id, status=status, field=field, expected=_shown(wanted), found=_shown(shown), note=note))
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
