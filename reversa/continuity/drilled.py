"""An exit drill on paper: its page, and the figures that the runbook and the attestation take from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import Any, get_args

import msgspec

from reversa.continuity.clocks import add_months
from reversa.continuity.documents import Block, Cell, Cited, Document, Evidence, Figure, Paragraph, Section, html, markdown
from reversa.continuity.drafting import STEP_COLUMNS, Sheet, cut, step_row
from reversa.continuity.drills import Drill
from reversa.continuity.evidence import Known, Problem
from reversa.files import write_whole
from reversa.package import file_digest
from reversa.reporting import CHECKS, ChangeLine
from reversa.wording import Language, Phrase, Texts

LEVELS = ("a", "b", "c")
MONTHS = {True: 3, False: 12}
"""Months to the next drill, as proposed for a sampled one and for a whole one."""
_SHARES = ("values", "identical", "converted", "lost", "wrong", "unchecked")


def file_drill(drill: Drill, path: Path) -> None:
    """Write the JSON of a drill and its pages in every language, which cite it."""
    write_whole(path, msgspec.json.format(msgspec.json.encode(drill), indent=1) + b"\n")
    evidence = Evidence(path.name, file_digest(path))
    for language in get_args(Language):
        document = make_page(drill, evidence, language)
        write_whole(path.with_suffix(f".{language}.html"), html(document).encode())
        write_whole(path.with_suffix(f".{language}.md"), markdown(document).encode())


def make_page(drill: Drill, evidence: Evidence, language: Language) -> Document:
    """The report of a drill in one language."""
    d, known = Sheet(Texts(language)), Known(drill, (evidence,))
    parts: tuple[Callable[[Sheet, Known[Drill]], list[Block]], ...] = (_outcome, _subject, _times, _restored, _signed, _evidence)
    return Document(
        title=d.t("drill.title"),
        subtitle=drill.source or drill.package,
        language=language,
        reversa=drill.reversa,
        made_at=drill.taken_at,
        notices=(d.t(f"drill.sentence-{drill.verdict}"), *([] if drill.sample is None else [d.t("drill.sampled-only")])),
        sections=tuple(Section(number, d.t(f"drill.s{number}"), tuple(make(d, known))) for number, make in enumerate(parts, 1)),
    )


def told(drill: Drill, path: Path, language: Language) -> str:
    """What a terminal says of a drill."""
    t = Texts(language)
    lines = [t("drill.filed", verdict=t(f"drill.{drill.verdict}"))]
    if drill.error:
        lines.append(t("drill.ended-by", error=cut(drill.error, 500)))
    if drill.sample is not None:
        lines.append(t("drill.seed-told", seed=str(drill.sample.seed), extent=_extent(t, drill)))
    return "\n".join([*lines, t("drill.report-told", page=path.with_suffix(f".{language}.html"))])


# ------------------------------------------------------------------------------------- figures of other documents


def results(d: Sheet, known: Known[Drill]) -> tuple[Figure, ...]:
    """When it was, how much of the package, how it ended, how long it took."""
    return (
        d.measured("drill.at", d.t("drill.at"), known.map(lambda drill: drill.taken_at)),
        d.measured("drill.verdict", d.t("drill.verdict"), known.map(lambda drill: drill.verdict), lambda verdict: d.t(f"drill.{verdict}")),
        d.measured(
            "drill.extent", d.t("drill.extent"), known.map(lambda drill: "sample" if drill.sample else "whole"), lambda _: _extent(d.t, known.value)
        ),
        d.measured("drill.restored", d.t("drill.restored"), _reached(known, "restored")),
        d.measured("drill.length", d.t("drill.length"), known.map(lambda drill: drill.milliseconds), d.t.duration),
    )


def rollback(d: Sheet, known: Known[Drill]) -> Figure:
    """Whether what was restored was taken back, nothing left, and how long that took."""
    taken_back = _reached(known, "left_behind").map(lambda left: left == 0)

    def shown(yes: bool) -> Phrase:
        length = d.t.duration(sum(step.milliseconds for step in known.value.steps if step.step == "undo"))
        return d.t("drill.taken-back" if yes else "drill.not-taken-back", length=length)

    return d.measured("drill.rollback", d.t("drill.rollback"), taken_back, shown)


def last_and_next(d: Sheet, known: Known[Drill]) -> tuple[Figure, Figure]:
    """The date of the last drill, and the next one at the pace proposed; one that did not pass is to be taken again."""
    due = known.map(lambda drill: add_months(drill.taken_at.date(), MONTHS[drill.sample is not None]) if drill.passed else None)
    return (
        d.measured("drill.last", d.t("drill.at"), known.map(lambda drill: drill.taken_at)),
        d.measured("drill.next", d.t("drill.next"), due, lambda day: d.t("drill.again") if day is None else d.t.day(day)),
    )


def _extent(t: Texts, drill: Drill) -> Phrase:
    if drill.sample is None:
        return t("drill.whole")
    return t("drill.drawn", drill.sample.drawn, percent=drill.sample.percent, units=drill.sample.units)


def _reached(known: Known[Drill], name: str) -> Known[Any]:
    """A value of the drill, if it came that far."""
    value = known.map(attrgetter(name))
    if value.problem is None and value.found is None:
        return replace(value, evidence=(), problem=Problem("unreached", ""))
    return value


# ----------------------------------------------------------------------------------------------------- sections


def _outcome(d: Sheet, known: Known[Drill]) -> list[Block]:
    drill = known.value
    why: list[Block] = [Paragraph(d.t(f"drill.{r}" if r not in CHECKS else f"reason.{r}"), warning=True) for r in drill.reasons]
    if drill.error:
        why.append(Paragraph(d.t("drill.ended-by", error=cut(drill.error, 500)), warning=True))
    return [d.figures("drill.in-short", *results(d, known), rollback(d, known)), *why]


def _subject(d: Sheet, known: Known[Drill]) -> list[Block]:
    def fact(key: str, label: str) -> Figure:
        return d.measured(f"package.{key}", d.t(label), _reached(known, key))

    blocks: list[Block] = [
        d.figures(
            "drill.package",
            fact("package", "drill.folder"), fact("source", "s0.source"), fact("exported_at", "s0.exported-at"), fact("digest", "s0.package"),
            fact("seal", "s0.root"), fact("records", "s2.records"), fact("bytes", "drill.bytes"), fact("unreadable", "s2.unreadable-count"),
        )
    ]  # fmt: skip
    sample = known.value.sample
    if sample is not None:
        drawn = known.map(lambda _: sample)
        keys = ("percent", "units", "drawn", "chosen")
        facts = [d.measured(f"sample.{key}", d.t(f"drill.sample-{key}"), drawn.map(attrgetter(key))) for key in keys]
        facts.append(d.measured("sample.seed", d.t("drill.sample-seed"), drawn.map(lambda of: of.seed), str))  # to be typed again
        blocks += [d.figures("drill.sample", *facts), Paragraph(d.t("drill.seed-chosen" if sample.chosen else "drill.seed-derived"))]
    return blocks


def _times(d: Sheet, known: Known[Drill]) -> list[Block]:
    rows = [step_row(d, known, number, step) for number, step in enumerate(known.value.steps, 1)]
    size = d.measured("drill.scratch", d.t("drill.scratch"), _reached(known, "scratch_bytes"))
    return [d.table("drill.steps", STEP_COLUMNS, rows, {2, 3, 4}), d.figures("s6.totals", size), Paragraph(d.t("drill.times-text"))]


def _restored(d: Sheet, known: Known[Drill]) -> list[Block]:
    headline = _reached(known, "headline")
    shares = [d.measured(f"shares.{key}", d.t(f"s12.{key}"), headline.map(attrgetter(key))) for key in _SHARES]
    drill, t = known.value, d.t

    def change(line: ChangeLine) -> tuple[Cell, ...]:
        name, id = t.change(line.change), f"change.{line.side}.{line.change.code}"
        return (
            name,
            d.measured(f"{id}.planned", name, known.map(lambda _: line.planned)),
            d.measured(f"{id}.observed", name, known.map(lambda _: line.observed)),
        )

    wrong: list[tuple[Cell, ...]] = [
        (t.kind(f.kind, 1), cut(f.id, 120), t.field(f.kind, f.field) if f.field else "", t(f"status.{f.status}")) for f in drill.findings
    ]
    return [
        d.figures("s12.shares", *shares),
        d.listed(headline, d.table("s3.table", ("s3.change", "s2.planned", "s2.observed"), [change(line) for line in drill.changes], {1, 2})),
        d.listed(headline, d.table("drill.differences", ("s2.kind", "drill.id", "drill.field", "s12.result"), wrong)),
    ]


def _signed(d: Sheet, known: Known[Drill]) -> list[Block]:
    drill = known.value
    rows: list[tuple[Cell, ...]] = [tuple(d.t(f"drill.{column}-{level}") for column in ("level", "pace", "content")) for level in LEVELS]
    which = "none" if not drill.passed else "b" if drill.sample is not None else "c"
    return [
        d.table("drill.levels", ("drill.level", "drill.pace", "drill.content"), rows),
        Paragraph(d.t(f"drill.reached-{which}")),
        d.figures("s16.next", last_and_next(d, known)[1]),
        d.blanks("drill.who", "drill.who-ran", "drill.who-wrote", "drill.who-machine", "drill.who-notes"),
        d.signatures("drill.signed", "drill.role-ran", "case.people.customer-it", decision=(d.t("drill.conclusive"), d.t("s6.repeat"))),
    ]


def _evidence(d: Sheet, _known: Known[Drill]) -> list[Block]:
    return [Cited(d.t("s15.cited")), Paragraph(d.t("drill.evidence-text"))]
