"""What was found, in one structure: the verdict, both laws, the changes line by line. HTML, text and JSON are made of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from typing import Literal

import msgspec

from reversa import __version__
from reversa.adapter import Change
from reversa.comparing import BAD, Comparison, Finding
from reversa.drawing import Drawn
from reversa.errors import EXIT_DIFFERENT, EXIT_INCOMPLETE, EXIT_VERIFIED
from reversa.ledger import Ledger
from reversa.linking import Followed
from reversa.package import Balance, Package
from reversa.planning import Delta, Plan
from reversa.sharding import Resumed

Verdict = Literal["verified", "sampled", "incomplete", "different"]
"""`sampled` says of the units drawn what `verified` says of all."""
EXIT_CODES: dict[Verdict, int] = {
    "verified": EXIT_VERIFIED,
    "sampled": EXIT_VERIFIED,
    "incomplete": EXIT_INCOMPLETE,
    "different": EXIT_DIFFERENT,
}
SHOWN_EVENTS = 200


class ImportBalance(msgspec.Struct, frozen=True, kw_only=True):
    """Law 1 for one kind at import: exported = written + merged + skipped + refused + blocked + conflict + kept + unexplained."""

    kind: str
    exported: int
    written: int = 0
    merged: int = 0
    skipped: int = 0
    refused: int = 0
    blocked: int = 0
    conflict: int = 0
    """Changed by people at the target, and nobody has decided."""
    kept: int = 0
    """Changed by people at the target, who keep it so."""

    @property
    def unexplained(self) -> int:
        return self.exported - self.written - self.merged - self.skipped - self.refused - self.blocked - self.conflict - self.kept


class ChangeLine(msgspec.Struct, frozen=True, kw_only=True):
    """A change as planned and as observed: the two counts must agree."""

    change: Change
    side: str
    planned: int
    observed: int
    refused: int = 0
    """Planned for records that the target refused: there is nothing to observe."""

    @property
    def agrees(self) -> bool:
        return self.planned == self.observed + self.refused


class Headline(msgspec.Struct, frozen=True, kw_only=True):
    """What a customer wants to know, in values (fields of records)."""

    values: int
    identical: int
    converted: int
    lost: int
    loss_reasons: int
    wrong: int
    unchecked: int
    rights_widened: int
    left_out: int
    """Records left out as planned."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A source item that could not be read, or a record that did not arrive."""

    what: str
    where: str
    reason: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a run."""

    reversa: str
    made_at: datetime
    verdict: Verdict
    reasons: tuple[str, ...]
    """Why the verdict is not `verified`, as keys of the message catalogue."""
    accepted_by: str | None
    source: str
    target: str
    package: str
    exported_at: datetime
    headline: Headline
    export_balance: tuple[Balance, ...]
    import_balance: tuple[ImportBalance, ...]
    changes: tuple[ChangeLine, ...]
    records: dict[str, dict[str, int]]
    fields: dict[str, dict[str, dict[str, int]]]
    findings: tuple[Finding, ...]
    unreadable: tuple[Event, ...]
    refused: tuple[Event, ...]
    not_mapped: dict[str, int]
    """Kind → records that carry source fields without a home, as `native` text."""
    native_bodies: dict[str, int]
    """Markup → bodies kept in the source's own markup."""
    volume: dict[str, dict[str, int]]
    """Kind → month → records created."""
    delta: Delta | None = None
    """Of a package that is not the first of its run: what it brought."""
    since: date | None = None
    """Only what is of that day or later was read, carried and compared."""
    drawn: Drawn | None = None
    """The sample, if no more was compared."""
    late: int = 0
    """Records that the target did not show as expected at once, and was asked for again."""
    resumed: Resumed | None = None
    """Of a verification that went on where an earlier one had been interrupted."""
    conflicts: int = 0
    """Records that people changed at the target, about which nobody has decided."""
    followed: Followed | None = None
    """Of a target whose links can be followed."""

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.verdict]


def make_report(
    package: Package,
    plan: Plan,
    ledger: Ledger,
    declared: Iterable[Change],
    comparison: Comparison,
    findings: tuple[Finding, ...],
    made_at: datetime,
    followed: Followed | None = None,
) -> Report:
    """Both laws and the verdict; ``declared`` are the changes that the importer may make."""
    manifest = package.manifest
    counted = ledger.counts()
    imports = tuple(ImportBalance(kind=kind, exported=manifest.tables[kind].rows, **counted.get(kind, {})) for kind in package.kinds())
    events = Counter[str]()
    unreadable: list[Event] = []
    for event in package.events():
        if event["event"] == "noted":
            events[event["code"]] += event["count"]
        elif len(unreadable) < SHOWN_EVENTS:
            unreadable.append(Event(what=event["kind"], where=event["where"], reason=event["reason"]))
    observed = {"source": events, "target": comparison.observed}
    lines = [
        ChangeLine(
            change=p.change,
            side=p.side,
            planned=p.count,
            observed=observed[p.side].get(p.change.code, 0),
            refused=comparison.refused.get(p.change.code, 0) if p.side == "target" else 0,
        )
        for p in plan.changes
    ]
    planned = {line.change.code for line in lines}
    made = Counter(ledger.changes()) | Counter(comparison.observed)
    lines += [ChangeLine(change=c, side="target", planned=0, observed=made[c.code]) for c in declared if c.code in made and c.code not in planned]
    changes = tuple(lines)
    conflicts = len(ledger.conflicts())
    reasons = _reasons(
        manifest.balance,
        imports,
        changes,
        comparison,
        unreadable=manifest.unreadable,
        conflicts=conflicts,
        part=manifest.since is not None,
        broken=followed is not None and followed.broken > 0,
    )
    volume, bodies = _volume(package)
    return Report(
        reversa=__version__,
        made_at=made_at,
        verdict=_verdict(reasons),
        reasons=tuple(reasons),
        accepted_by=plan.accepted_by,
        source=str(package.source),
        target=plan.target,
        package=manifest.digest,
        exported_at=manifest.created_at,
        headline=_headline(changes, comparison),
        export_balance=manifest.balance,
        import_balance=imports,
        changes=changes,
        records=comparison.records,
        fields=comparison.fields,
        findings=findings[:SHOWN_EVENTS],
        unreadable=tuple(unreadable),
        refused=tuple(Event(what=e.state, where=e.record, reason=e.reason) for e in ledger.refusals(SHOWN_EVENTS)),
        not_mapped=manifest.not_mapped,
        native_bodies=bodies,
        volume=volume,
        delta=plan.delta,
        since=manifest.since,
        late=comparison.late,
        conflicts=conflicts,
        followed=followed,
    )


CHECKS = (
    "values-differ", "target-unreadable", "undeclared", "ids-lost", "links-broken", "plan-disagrees",
    "export-unexplained", "import-unexplained", "source-unreadable", "refused", "conflicts", "part", "not-verified",
)  # fmt: skip
"""What keeps a run from being verified, as keys of the message catalogue."""
_DIFFERENT = frozenset({"values-differ", "plan-disagrees", "undeclared", "ids-lost", "links-broken", "target-unreadable"})


def _reasons(
    exports: tuple[Balance, ...],
    imports: tuple[ImportBalance, ...],
    changes: tuple[ChangeLine, ...],
    comparison: Comparison,
    *,
    unreadable: int,
    conflicts: int,
    part: bool,
    broken: bool,
) -> list[str]:
    checks = {
        "values-differ": any(comparison.total(status) for status in BAD) or any(n.get("-", 0) + n.get("+", 0) for n in comparison.records.values()),
        "target-unreadable": comparison.unreadable > 0,
        "undeclared": comparison.undeclared > 0,
        "ids-lost": comparison.lost_ids > 0,
        "links-broken": broken,
        "plan-disagrees": not all(line.agrees for line in changes),
        "export-unexplained": any(balance.unexplained for balance in exports),
        "import-unexplained": any(balance.unexplained for balance in imports),
        "source-unreadable": unreadable > 0,
        "refused": any(balance.refused + balance.blocked for balance in imports),
        "conflicts": conflicts > 0,
        "part": part,
        "not-verified": comparison.total("?") > 0,
    }
    return [reason for reason in CHECKS if checks[reason]]


def _verdict(reasons: list[str]) -> Verdict:
    if not reasons:
        return "verified"
    return "different" if _DIFFERENT.intersection(reasons) else "incomplete"


def _headline(changes: tuple[ChangeLine, ...], comparison: Comparison) -> Headline:
    lost_before = sum(line.planned for line in changes if line.side == "source" and line.change.effect == "lost")
    converted_before = sum(line.planned for line in changes if line.side == "source" and line.change.effect == "converted")
    total = {status: comparison.total(status) for status in ("=", "~", "L", "?", *BAD)}
    return Headline(
        values=sum(total.values()) + lost_before,
        identical=total["="] - converted_before,
        converted=total["~"] + converted_before,
        lost=total["L"] + lost_before,
        loss_reasons=sum(line.change.effect == "lost" and line.planned > 0 for line in changes),
        wrong=sum(total[status] for status in BAD),
        unchecked=total["?"],
        rights_widened=comparison.rights_widened,
        left_out=sum(line.planned for line in changes if line.change.effect == "skipped"),
    )


def _volume(package: Package) -> tuple[dict[str, dict[str, int]], dict[str, int]]:
    """Records per kind and month, and bodies per markup, from the columns alone."""
    volume: dict[str, dict[str, int]] = {}
    bodies: Counter[str] = Counter()
    for kind in package.kinds():
        months, formats = package.summary(kind)
        if months:
            volume[kind] = months
        bodies.update(formats)
    return volume, dict(bodies)
