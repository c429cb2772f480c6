"""The sections of a runbook that people act on and sign: go or no-go, cut-over, rollback, acceptance, erasure, evidence."""

from __future__ import annotations

import json
from collections.abc import Callable
from operator import attrgetter
from typing import Any, NamedTuple

from reversa.continuity.case import FIELDS
from reversa.continuity.chapters import kinds, road_length
from reversa.continuity.documents import Block, Boxes, Cell, Cited, Figure, Listing, Paragraph, Section
from reversa.continuity.drafting import Draft, cut
from reversa.continuity.drilled import last_and_next, rollback
from reversa.continuity.evidence import Known, Rows
from reversa.journal import Step
from reversa.markup import slack
from reversa.records import ref_parts
from reversa.reporting import CHECKS
from reversa.sampling import Drawn
from reversa.wording import Phrase

CUT = 120
"""Characters shown of a value of the sample."""
_DECISIONS = ("ADMISSION", "ADMISSION AVEC RÉSERVES", "AJOURNEMENT", "RÉFACTION", "REJET")
_SHARES = ("values", "identical", "converted", "lost", "wrong", "unchecked")
_ACCOUNTS = ("member", "guest", "external", "placeholder", "bot", "deactivated")


def decided_sections(d: Draft) -> list[Section]:
    parts: tuple[Callable[[Draft], list[Block]], ...] = (
        _go, _cut_over, _accounts, _rollback, _communication, _acceptance, _requests, _erasure, _evidence, _afterwards,
    )  # fmt: skip
    return [Section(number, d.t(f"s{number}.title"), tuple(make(d))) for number, make in enumerate(parts, 7)]


# --------------------------------------------------------------------------------------------------- go or no-go


class _Condition(NamedTuple):
    """What stops the cut-over: what was measured, what is asked for, whether that is met."""

    key: str
    measured: Figure
    threshold: str | Figure
    met: Known[bool]


def _go(d: Draft) -> list[Block]:
    t, f = d.t, d.folder
    report = f.report
    conditions = [
        _condition(d, "package", f.whole, t("s7.whole"), lambda _: True),
        _condition(d, "export", f.manifest.map(lambda m: sum(abs(b.unexplained) for b in m.balance)), t("s7.zero"), _none),
        _condition(d, "import", report.map(lambda r: sum(abs(b.unexplained) for b in r.import_balance)), t("s7.zero"), _none),
        _condition(d, "separation", d.said("checks", "separation"), t("s7.on-file"), lambda _: True),
        _condition(d, "mismatches", report.map(lambda r: r.headline.wrong), t("s7.zero"), _none),
        _condition(d, "rights", report.map(lambda r: r.headline.rights_widened), t("s7.zero"), _none),
        _condition(d, "verdict", report.map(lambda r: r.verdict), t("s7.verified"), lambda v: v == "verified", lambda v: t(f"verdict.{v}")),
        _condition(d, "current", f.steps.map(up_to_date), t("s7.yes"), bool),
        _window(d),
        _condition(d, "mandate", d.said("authorisations", "controller-mandate"), t("s7.on-file"), lambda _: True),
        _condition(d, "rollback", f.steps.map(undos), t("s7.once"), lambda count: count >= 1),
        _losses_accepted(d),
    ]
    results = [_result_of(d, condition) for condition in conditions]
    stops = sum(result.value != "yes" for result in results)
    rows = [(t(f"s7.{c.key}"), c.measured, c.threshold, result) for c, result in zip(conditions, results, strict=True)]
    return [
        Paragraph(t("s7.text")),
        Paragraph(t("s7.no-go", stops) if stops else t("s7.go"), warning=bool(stops)),
        d.table("s7.table", ("s7.condition", "s7.measured", "s7.threshold", "s7.result"), rows),
        d.signatures(
            "s7.decision", "role.committee", "case.people.customer-it", "case.people.business-owner", "case.people.dpo", decision=("GO", "NO-GO")
        ),
    ]


def _none(count: int) -> bool:
    return count == 0


def _condition(
    d: Draft, key: str, known: Known[Any], threshold: str, met: Callable[[Any], bool], show: Callable[[Any], str] | None = None
) -> _Condition:
    return _Condition(key, d.measured(f"go.{key}", d.t(f"s7.{key}"), known, show), threshold, known.map(met))


def _window(d: Draft) -> _Condition:
    """The road fits into the freeze that people accept."""
    name, length, hours = d.t("s7.window"), road_length(d), d.said("thresholds", "freeze-window-hours")
    return _Condition(
        "window",
        d.measured("go.window", name, length, d.t.duration),
        d.stated("thresholds", "freeze-window-hours", lambda hours: d.t("s4.window", hours), id="go.window.threshold", label=name),
        length.and_(hours, lambda milliseconds, hours: milliseconds <= hours * 3_600_000),
    )


def _losses_accepted(d: Draft) -> _Condition:
    """Somebody accepted the plan by name, or there is nothing in it to accept."""
    t, plan = d.t, d.folder.plan
    nothing = plan.map(lambda made: not any(line.count for line in made.changes))

    def shown(who: str | None) -> str:
        return who or t("s7.nothing-to-accept" if nothing.value else "s3.nobody")

    who = plan.map(lambda made: made.accepted_by)
    return _Condition(
        "losses", d.measured("go.losses", t("s7.losses"), who, shown), t("s7.by-name"), who.and_(nothing, lambda who, nothing: bool(who) or nothing)
    )


def _result_of(d: Draft, condition: _Condition) -> Figure:
    t, name = d.t, d.t(f"s7.{condition.key}")
    result = d.measured(f"go.{condition.key}.result", name, condition.met, lambda yes: t("s7.met" if yes else "s7.unmet"))
    return d.missing(result.id, name, t("s7.not-measured")) if result.basis == "missing" else result


def up_to_date(steps: list[Step]) -> bool:
    """The last read-back that ended is later than anything that changed the target."""
    order = [
        step.step
        for step in steps
        if (step.step == "verify" and not step.failed and step.result != "sampled") or (step.step in ("import", "undo") and _wrote(step))
    ]
    return bool(order) and order[-1] == "verify"


def _wrote(step: Step) -> bool:
    """Whether it may have changed the target; what an error ended may have."""
    return step.records > 0 or step.failed


def undos(steps: list[Step]) -> int:
    return sum(step.step == "undo" and not step.failed for step in steps)


# ----------------------------------------------------------------------------------------- cut-over and afterwards


def _cut_over(d: Draft) -> list[Block]:
    t = d.t
    acts = ("ttl", "announce", "read-only", "import", "checks", "open", "watch")
    rows: list[tuple[Cell, ...]] = [(t(f"s8.{act}"), Boxes((t("s8.tick"),))) for act in acts]
    delta = d.folder.plan.map(lambda plan: plan.delta and plan.delta.total())
    predicted = d.folder.plan.map(lambda plan: plan.milliseconds)
    imports = d.folder.steps.map(lambda steps: sum([s.milliseconds for s in steps if s.step == "import"][-1:]))
    return [
        d.figures("s8.when", *(d.stated("cut-over", key) for key in FIELDS["cut-over"])),
        d.table("s8.table", ("s8.act", "s8.done"), rows),
        d.figures(
            "s8.expected",
            d.measured("cut-over.planned", t("s8.planned"), d.folder.plan.map(lambda plan: sum(plan.records.values()))),
            d.measured("cut-over.length", t("s8.length"), imports, t.duration),
            *([d.measured("cut-over.delta", t("s8.delta"), delta)] if delta.found is not None else []),
            *([d.measured("cut-over.predicted", t("s8.predicted"), predicted, t.duration)] if predicted.found is not None else []),
        ),
    ]


def _accounts(d: Draft) -> list[Block]:
    t, redirects = d.t, d.folder.redirects
    people = d.folder.rows["user"] if "user" in d.folder.rows else d.folder.manifest.map(lambda _: Rows())

    def row(account: str) -> tuple[Cell, ...]:
        name = t(f"s9.{account}")
        return (
            name,
            d.measured(f"people.{account}.with", name, people.map(lambda r: r.people[account, True])),
            d.measured(f"people.{account}.without", name, people.map(lambda r: r.people[account, False])),
        )

    return [
        Paragraph(t("s9.text")),
        d.figures(
            "s9.redirects",
            d.measured("redirects.total", t("s9.total"), redirects.map(lambda r: r.total)),
            d.measured("redirects.dead", t("s9.dead"), redirects.map(lambda r: r.dead)),
        ),
        d.table("s9.people", ("s9.class", "s9.with", "s9.without"), [row(account) for account in _ACCOUNTS], {1, 2}),
        d.blanks("s9.revoke", "s9.keys", "s9.webhooks", "s9.accounts", "s9.certificates"),
    ]


def _rollback(d: Draft) -> list[Block]:
    t, ledger = d.t, d.folder.ledger

    def count(*states: str, kind: str | None = None) -> Known[int]:
        return ledger.map(lambda held: sum(n for (of, state), n in held.items() if state in states and kind in (None, of)))

    written: list[tuple[Cell, ...]] = [(t.kind(kind), d.measured(f"written.{kind}", t.kind(kind), count("written", kind=kind))) for kind in kinds(d)]
    return [
        Paragraph(t("s10.text")),
        d.listed(ledger, d.table("s10.written", ("s2.kind", "s10.count"), written, {1})),
        d.figures(
            "s10.totals",
            d.measured("rollback.written", t("s10.all"), count("written")),
            d.measured("rollback.refused", t("s10.refused"), count("refused", "blocked")),
            d.measured("rollback.undone", t("s10.undone"), d.folder.steps.map(undos)),
            rollback(d, d.folder.drill),
            d.missing("rollback.after", t("s10.after"), t("document.not-kept")),
        ),
        d.blanks("s10.point", "s10.when", "s10.who"),
    ]


def _communication(d: Draft) -> list[Block]:
    drafts = [Paragraph(d.t(f"s11.{key}")) for key in ("text", "users", "customers", "subjects")]
    return [*drafts, d.blanks("s11.sent", "s11.to-users", "s11.to-customers", "s11.to-subjects", "s11.to-council")]


# ---------------------------------------------------------------------------------------------------- acceptance


def _acceptance(d: Draft) -> list[Block]:
    t, report = d.t, d.folder.report

    def test(check: str) -> tuple[Cell, ...]:
        name, passed = t(f"reason.{check}"), report.map(lambda r: check not in r.reasons)
        return name, d.measured(f"test.{check}", name, passed, lambda yes: t("s12.passed" if yes else "s12.failed"))

    shares = [d.measured(f"shares.{key}", t(f"s12.{key}"), report.map(lambda r: r.headline).map(attrgetter(key))) for key in _SHARES]
    return [
        d.table("s12.tests", ("s12.test", "s12.result"), [test(check) for check in CHECKS]),
        d.figures("s12.shares", *shares),
        *_sample(d),
        d.lines("s12.reserves", tuple(t("s12.reserve", number) for number in (1, 2, 3))),
        Paragraph(t("s12.stages")),
        d.signatures(
            "s12.report", "role.controller", "case.people.business-owner", "case.people.successor", "case.people.operator", decision=_DECISIONS
        ),
    ]


def _sample(d: Draft) -> list[Block]:
    t, known = d.t, d.folder.sample
    facts: dict[str, Known[Any]] = {
        "seed": known.map(lambda s: s.seed),
        "eligible": known.map(lambda s: s.eligible),
        "drawn": known.map(lambda s: len(s.records)),
        "as-expected": known.map(lambda s: sum(record.expected == record.found for record in s.records)),
    }
    figures = [d.measured(f"sample.{key}", t(f"s12.{key}"), fact) for key, fact in facts.items()]
    rows = [row for record in (known.found.records if known.found else ()) for row in _drawn(d, record)]
    head = ("s12.field", "s12.source", "s12.target", "s12.result")
    return [d.figures("s12.sample", *figures), Paragraph(t("s12.sample-text")), d.listed(known, d.table("s12.table", head, rows))]


def _drawn(d: Draft, record: Drawn) -> list[tuple[Cell, ...]]:
    """A record of the sample, field by field; its id and native remainder go without saying."""
    kind, id = ref_parts(record.ref)
    found = record.found or {}
    names = [name for name in dict.fromkeys([*record.source, *record.expected, *found]) if name not in ("kind", "id", "root", "native")]
    first = Phrase(f"{d.t.kind(kind, 1)}")
    rows: list[tuple[Cell, ...]] = [
        (cut(f"{first} {id}", CUT), "", "" if record.found is not None else d.t("findings.nothing"), _result(d, record, None))
    ]
    for name in names:
        before, after = record.source.get(name), found.get(name)
        if before is not None or after is not None:
            rows.append((Phrase(f"– {d.t.field(kind, name)}"), _value(before), _value(after), _result(d, record, name)))
    return rows


def _result(d: Draft, record: Drawn, field: str | None) -> Phrase:
    if record.found is None:
        return d.t("s12.differs")
    sides = (record.source, record.expected, record.found)
    source, expected, found = sides if field is None else tuple(side.get(field) for side in sides)
    if expected != found:
        return d.t("s12.differs")
    return d.t("s12.same" if source == found else "s12.changed")


def _value(value: object) -> str:
    """A value in a cell: of a body its words."""
    if isinstance(value, dict) and "text" in value:
        text = str(value["text"])
        value = slack.text_of_message(text) if value.get("format") == "slack-message" else text
    if value is None:
        return ""
    return cut(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), CUT)


# ------------------------------------------------------------------------------------- requests, erasure, evidence


def _requests(d: Draft) -> list[Block]:
    lines = tuple(d.t("s13.line", number) for number in (1, 2, 3))
    return [
        Paragraph(d.t("s13.text")),
        d.figures("s13.known", d.missing("requests.replayed", d.t("s13.replayed"), d.t("document.not-kept"))),
        d.lines("s13.list", lines),
    ]


def _erasure(d: Draft) -> list[Block]:
    t, f = d.t, d.folder
    copies = (
        d.measured("erasure.package", t("s14.package"), f.manifest.map(lambda m: m.records)),
        d.measured("erasure.source", t("s14.source"), f.source.map(lambda said: str(said.get("source")))),
        d.measured("erasure.target", t("s14.target"), f.plan.map(lambda plan: plan.target)),
        d.measured("erasure.sample", t("s14.sample"), f.sample.and_(f.findings, lambda s, findings: len(s.records) + findings)),
    )
    certificate = ("operator", "customer", "media", "categories", "method", "key-ids", "verification", "dates", "destination")
    return [
        Paragraph(t("s14.text"), warning=True),
        d.figures("s14.copies", *copies),
        d.blanks("s14.others", "s14.scratch", "s14.tests", "s14.backups", "s14.processors"),
        d.blanks("s14.certificate", *(f"s14.{key}" for key in certificate)),
        d.signatures("s14.signed", "role.eraser", "role.controller"),
    ]


def _evidence(d: Draft) -> list[Block]:
    t = d.t
    lines = tuple(f"{digest}  {path}" for path, digest in sorted(d.folder.files.items()))
    return [
        d.figures("s15.decisions", d.stated("next", "evidence-until"), d.stated("next", "time-stamp-renewal")),
        d.blanks("s15.erased", "s15.when", "s15.who"),
        Cited(t("s15.cited")),
        Paragraph(t("s15.text")),
        Listing(t("s15.listing"), lines),
    ]


def _afterwards(d: Draft) -> list[Block]:
    return [
        d.figures("s16.next", d.stated("next", "drill"), *last_and_next(d, d.folder.drill)),
        d.blanks("s16.lessons", "s16.worked", "s16.failed", "s16.change"),
        d.signatures("s16.signed", "case.people.customer-it", "case.people.operator"),
    ]
