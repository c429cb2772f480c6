"""The sections of a runbook that say what is known: identity, authorisations, inventory, losses, calendar, people, rehearsal."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any

from reversa.adapter import Change
from reversa.continuity import clocks
from reversa.continuity.case import FIELDS
from reversa.continuity.clocks import Clock, clock_file
from reversa.continuity.documents import Block, Boxes, Cell, Figure, Paragraph, Section
from reversa.continuity.drafting import STEP_COLUMNS, Draft, cut, personal_classes, step_row
from reversa.continuity.drilled import results
from reversa.continuity.evidence import Known, Problem, Rows, joined
from reversa.journal import Step
from reversa.package import Manifest
from reversa.records import KINDS
from reversa.reporting import Report
from reversa.wording import Phrase

STEPS_SHOWN = 20
NAMED = 50
"""Unreadable items named one by one."""
_LETTERS = {"customer-it": "A", "business-owner": "C", "successor": "R", "operator": "R", "administrator": "A"}


def known_sections(d: Draft) -> list[Section]:
    parts: tuple[Callable[[Draft], list[Block]], ...] = (_identity, _authorisations, _inventory, _losses, _calendar, _raci, _rehearsal)
    return [Section(number, d.t(f"s{number}.title"), tuple(make(d))) for number, make in enumerate(parts)]


def _identity(d: Draft) -> list[Block]:
    f = d.folder
    facts: dict[str, Known[Any]] = {
        "source": f.manifest.map(lambda m: str(m.source)),
        "address": f.source.map(lambda said: str(said.get("source"))),
        "target": f.plan.map(lambda plan: plan.target),
        "private": f.source.map(lambda said: bool(said.get("private"))),
        "exported-at": f.manifest.map(lambda m: m.created_at),
        "compared-at": f.report.map(lambda r: r.made_at),
        "package": f.manifest.map(lambda m: m.digest),
        "root": f.whole,
        "schema": f.manifest.map(lambda m: f"{m.format}, {m.schema_version}"),
        "version": f.report.map(lambda r: r.reversa),
    }
    measured = [d.measured(f"identity.{key}", d.t(f"s0.{key}"), known) for key, known in facts.items()]
    stated = [d.stated(table, key) for table in ("parties", "procedure") for key in FIELDS[table]]
    return [d.figures("s0.measured", *measured), d.figures("s0.stated", *stated)]


def _authorisations(d: Draft) -> list[Block]:
    figures = [d.stated("authorisations", key) for key in FIELDS["authorisations"]]
    return [
        Paragraph(d.t("s1.text")),
        d.figures("s1.table", *figures),
        d.signatures("s1.signed", "role.controller", "case.people.dpo", "case.people.legal"),
    ]


# ----------------------------------------------------------------------------------------------------- inventory


def kinds(d: Draft) -> list[str]:
    """The kinds that any evidence speaks of."""
    found = set(d.folder.manifest.found.tables if d.folder.manifest.found else ())
    if d.folder.report.found:
        found |= {line.kind for line in d.folder.report.found.import_balance} | d.folder.report.found.records.keys()
    if d.folder.plan.found:
        found |= d.folder.plan.found.records.keys()
    return [kind for kind in KINDS if kind in found]


def _rows_of(d: Draft, kind: str) -> Known[Rows]:
    """The columns of a kind; without the manifest nothing is known of them."""
    if kind in d.folder.rows:
        return d.folder.rows[kind]
    return d.folder.manifest.map(lambda _: Rows())


def _inventory(d: Draft) -> list[Block]:
    f, t = d.folder, d.t
    every = joined(f.manifest, f.rows.values())
    totals: dict[str, Known[Any]] = {
        "records": f.manifest.map(lambda m: m.records),
        "blobs": f.manifest.map(lambda m: m.blobs),
        "bytes": f.manifest.map(lambda m: m.blob_bytes),
        "authors": every.map(lambda rows: len(frozenset().union(*(row.authors for row in rows)))),
        "opaque": f.manifest.map(lambda m: _rows_in(m, "opaque")),
        "native": f.report.map(lambda r: sum(r.native_bodies.values())),
        "not-mapped": f.manifest.map(lambda m: sum(m.not_mapped.values())),
        "ignored": f.manifest.map(lambda m: sum(balance.ignored for balance in m.balance)),
    }
    ported = [_ported(d, kind) for kind in kinds(d) if kind != "opaque"]
    head = ("s2.kind", "s2.exported", "s2.arrived", "s2.first", "s2.last", "s2.by")
    counts = ("s2.reason", "s2.planned", "s2.observed")
    unreadable = f.unreadable.found or []
    named = [(t.kind(e["kind"], 1), cut(e["where"], 200), cut(e["reason"], 200)) for e in unreadable[:NAMED]]
    return [
        d.figures("s2.totals", *(d.measured(f"inventory.{key}", t(f"s2.{key}"), known) for key, known in totals.items())),
        d.listed(f.manifest, d.table("s2.ported", head, ported, {1, 2, 5})),
        d.listed(f.plan, d.table("s2.exempted", counts, [_change(d, c, "exempted") for c in changes(d, "skipped")], {1, 2})),
        d.figures(
            "s2.unreadable",
            d.measured("unreadable.items", t("s2.unreadable-count"), f.manifest.map(lambda m: m.unreadable)),
            d.measured("unreadable.named", t("s2.unreadable-named"), f.unreadable.map(lambda events: sum(e.get("count", 1) for e in events))),
        ),
        *([d.table("s2.unreadable", ("s2.kind", "s2.where", "s2.reason"), named)] if named else []),
        d.listed(f.plan, d.table("s2.lost", counts, [_change(d, c, "lost") for c in changes(d, "lost")], {1, 2})),
        personal_classes(d, every),
        d.blanks("s2.legal", "s2.legal-who", "s2.legal-says"),
    ]


def _rows_in(manifest: Manifest, kind: str) -> int:
    return manifest.tables[kind].rows if kind in manifest.tables else 0


def _ported(d: Draft, kind: str) -> tuple[Cell, ...]:
    name, rows = d.t.kind(kind), _rows_of(d, kind)
    facts: dict[str, Known[Any]] = {
        "exported": d.folder.manifest.map(lambda m: _rows_in(m, kind)),
        "arrived": d.folder.report.map(lambda r: r.records.get(kind, {}).get("=", 0)),
        "first": rows.map(lambda r: r.first and r.first.date()),
        "last": rows.map(lambda r: r.last and r.last.date()),
        "by": rows.map(lambda r: len(r.authors)),
    }
    show = {"first": d.short_day, "last": d.short_day}
    return name, *(d.measured(f"ported.{kind}.{key}", Phrase(f"{name}: {d.t(f's2.{key}')}"), known, show.get(key)) for key, known in facts.items())


# -------------------------------------------------------------------------------------------------------- losses


def changes(d: Draft, *effects: str) -> list[tuple[str, Change]]:
    """Side and change of every line that any evidence announces or counts, those that happen first."""
    found: dict[tuple[str, str], tuple[str, Change, int]] = {}

    def add(side: str, change: Change, count: int) -> None:
        if change.effect in effects:
            held = found.get((side, change.code))
            found[side, change.code] = (side, change, max(count, held[2] if held else 0))

    if d.folder.plan.found:
        for line in d.folder.plan.found.changes:
            add(line.side, line.change, line.count)
    if d.folder.report.found:
        for counted in d.folder.report.found.changes:
            add(counted.side, counted.change, max(counted.planned, counted.observed))
    if d.folder.manifest.found:
        for happened in d.folder.manifest.found.changes:
            add("source", happened.change, happened.count)
    return [(side, change) for (side, _), (_, change, _) in sorted(found.items())]


def _counted(d: Draft, side: str, change: Change, where: str) -> tuple[Figure, Figure]:
    def observed(report: Report) -> int:
        return sum(line.observed for line in report.changes if (line.side, line.change.code) == (side, change.code))

    planned = d.folder.plan.map(lambda plan: sum(line.count for line in plan.changes if (line.side, line.change.code) == (side, change.code)))
    text = d.t.change(change)
    return (
        d.measured(f"{where}.{side}.{change.code}.planned", text, planned),
        d.measured(f"{where}.{side}.{change.code}.observed", text, d.folder.report.map(observed)),
    )


def _change(d: Draft, line: tuple[str, Change], where: str) -> tuple[Cell, ...]:
    return d.t.change(line[1]), *_counted(d, *line, where)


def _losses(d: Draft) -> list[Block]:
    t = d.t
    decide = Boxes((t("s3.accept"), t("s3.refuse")))
    rows: list[tuple[Cell, ...]] = [
        (t.change(change), change.code, *_counted(d, side, change, "losses"), decide) for side, change in changes(d, "lost", "skipped", "converted")
    ]
    accepted = d.measured(
        "losses.accepted-by", t("s3.accepted-by"), d.folder.plan.map(lambda plan: plan.accepted_by), lambda who: who or t("s3.nobody")
    )
    return [
        Paragraph(t("s3.text")),
        d.listed(d.folder.plan, d.table("s3.table", ("s3.change", "s3.code", "s2.planned", "s2.observed", "s3.decision"), rows, {2, 3})),
        d.figures("s3.accepted", accepted),
        d.signatures("s3.signed", "case.people.business-owner", "case.people.customer-it"),
    ]


# ------------------------------------------------------------------------------------------------------ calendar


def _calendar(d: Draft) -> list[Block]:
    t, file = d.t, clock_file()
    rows = [_clock(d, id, clock) for id, clock in file.clocks.items()]
    duration = d.measured("calendar.duration", t("s4.duration"), road_length(d), t.duration)
    window = d.stated("thresholds", "freeze-window-hours", lambda hours: t("s4.window", hours))
    return [
        Paragraph(t("s4.text")),
        Paragraph(t("s4.file", checked=t.short_day(file.checked), digest=hashlib.sha256(clocks.shipped()).hexdigest())),
        d.table("s4.table", ("s4.clock", "s4.event", "s4.start", "s4.length", "s4.due", "s4.status"), rows),
        d.figures("s4.durations", duration, window),
    ]


def due_dates(d: Draft) -> Iterable[tuple[str, Clock, date | datetime]]:
    """The clocks that run, with their dates."""
    for id, clock in clock_file().clocks.items():
        start = d.said("dates", clock.start)
        at = None if start.problem else clock.due(start.value)
        if at is not None:
            yield id, clock, at


def length_of(d: Draft, clock: Clock) -> Phrase:
    """How long a clock runs; once it runs, with the rule it is counted by."""
    if clock.length is None or clock.unit is None:
        return d.t("s4.no-length")
    length = d.t(f"s4.{clock.bound}", length=d.t(f"unit.{clock.unit}", clock.length))
    length = d.t("s4.backwards", length=length) if clock.before else length
    if d.said("dates", clock.start).problem:
        return length
    return d.t("s4.counted", length=length, rule=Phrase(clock_file().rules[clock.unit][d.t.language]))


def status_of(d: Draft, clock: Clock) -> Phrase:
    return d.t(f"s4.status-{clock.status}", **({"source": Phrase(clock.source[d.t.language])} if clock.source else {}))


def _clock(d: Draft, id: str, clock: Clock) -> tuple[Cell, ...]:
    t, language = d.t, d.t.language
    name = Phrase(f"{clock.words[language]} ({clock.basis})")
    start = d.stated("dates", clock.start, id=f"clock.{id}.start", label=name)
    due: Cell = t("s4.no-length")
    if clock.length is not None:
        made = d.measured(f"clock.{id}.due", name, d.said("dates", clock.start).map(clock.due), lambda at: _date(d, at))
        due = d.missing(made.id, name, t("s4.no-start")) if made.basis == "missing" else made
    event = Phrase(clock_file().starts[clock.start][language])
    return name, event, start, length_of(d, clock), due, status_of(d, clock)


def _date(d: Draft, at: date | datetime) -> Phrase:
    shown = d.t.moment(at) if isinstance(at, datetime) else d.t.day(at)
    return d.t("s4.weekend", day=shown) if at.weekday() >= 5 else shown


def road_length(d: Draft) -> Known[Any]:
    """Milliseconds of the last export, plan and read-back, and of all imports since the last undo. Unknown as long as one is missing."""

    def length(steps: list[Step]) -> int:
        since = max((n for n, step in enumerate(steps) if step.step == "undo" and not step.failed), default=-1)
        whole = sum(step.milliseconds for step in steps[since + 1 :] if step.step == "import")
        for name in ("export", "plan", "verify"):
            whole += sum([step.milliseconds for step in steps if step.step == name][-1:])  # a package given as a source was not exported here
        return whole

    def complete(steps: list[Step]) -> bool:
        return {"plan", "import", "verify"} <= {step.step for step in steps}

    known = d.folder.steps
    if known.problem is None and not complete(known.value):
        return Known(None, known.evidence, Problem("incomplete", "steps.ndjson"))
    return known.map(length)


# ------------------------------------------------------------------------------------------------- RACI, rehearsal


def _raci(d: Draft) -> list[Block]:
    rows: list[tuple[Cell, ...]] = [
        (
            d.t(f"case.people.{role}"),
            d.t(f"s5.{role}"),
            Phrase(_LETTERS[role]) if role in _LETTERS else Boxes(("R", "A", "C", "I")),
            d.stated("people", role),
        )
        for role in FIELDS["people"]
    ]
    return [Paragraph(d.t("s5.text")), d.table("s5.table", ("s5.role", "s5.task", "s5.letter", "document.name"), rows)]


def _rehearsal(d: Draft) -> list[Block]:
    t, known = d.t, d.folder.steps
    steps = known.found or []
    shown = list(enumerate(steps, 1))[-STEPS_SHOWN:]
    rows = [step_row(d, known, number, step) for number, step in shown]
    totals = (
        d.measured("rehearsal.steps", t("s6.attempts"), known.map(len)),
        d.measured("rehearsal.failures", t("s6.failures"), known.map(lambda all_: sum(step.failed for step in all_))),
        d.measured("rehearsal.duration", t("s4.duration"), road_length(d), t.duration),
        d.measured("rehearsal.findings", t("s6.wrong"), d.folder.findings),
    )
    table = d.table("s6.table", STEP_COLUMNS, rows, {2, 3, 4}, n=len(rows) or STEPS_SHOWN)
    return [
        Paragraph(t("s6.text")),
        d.listed(known, table),
        d.figures("s6.totals", *totals),
        d.figures("s6.drill", *results(d, d.folder.drill)),
        d.signatures("s6.verdict", "case.people.customer-it", "case.people.operator", decision=(t("s6.conclusive"), t("s6.repeat"))),
    ]
