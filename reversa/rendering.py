"""A report for people, in French and English: one HTML page that stands alone, and one text for a terminal.

What both show is worked out here once; the page is laid out in ``templates/report.html.j2``, the words come from
:mod:`reversa.wording`, the plots from :mod:`reversa.plots`.
"""

from __future__ import annotations

import functools
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup
from rich.cells import cell_len

from reversa.comparing import STATUSES
from reversa.differences import Difference, Side, difference
from reversa.files import write_whole
from reversa.planning import Delta, Plan
from reversa.plots import Lane, bars, volume
from reversa.reporting import ChangeLine, Event, Report
from reversa.wording import Language, Phrase, Texts, templates, visible

__all__ = ["Language", "render_plan", "render_text", "write_html"]

SHOWN_IN_TEXT = 10
ON_PAGE, IN_TEXT = 1200, 88
"""Characters shown of a value."""
_WIDTH = 100

_ARRIVALS = ("exported", "=", "*", "-", "+", "!", "?", "skipped")
_EXPORT = ("seen", "placeholders", "records", "merged", "ignored", "unreadable", "unexplained")
_IMPORT = ("exported", "written", "merged", "skipped", "refused", "blocked", "conflict", "kept", "unexplained")
_ALWAYS = frozenset({"exported", "=", "seen", "records", "written", "unexplained"})
_AMISS = frozenset({"*", "-", "+", "!", "?", "unreadable", "refused", "blocked", "conflict", "unexplained"})


class Figure(NamedTuple):
    """One figure of the headline: `0.3%`, `lost`, `412, 3 reasons`."""

    figure: Phrase
    word: Phrase
    detail: Phrase | None = None


class Grid(NamedTuple):
    """Counts on lines: per kind, or per field of a kind. Columns that are zero on every line are left out, but for those that must be seen."""

    name: str
    columns: list[str]
    rows: list[tuple[str, list[int]]]


class Apart(NamedTuple):
    """Something kept that does not count as migrated: how many, the key of its text, in which markup or of which kind."""

    number: int
    key: str
    which: str


def write_html(report: Report, language: str, path: Path) -> None:
    """Write the report as one HTML file that loads nothing.

    Raises ValueError for a language without texts, OSError when the file cannot be written.
    """
    t = Texts(language)
    page = (
        templates(t.language)
        .get_template("report.html.j2")
        .render(
            t=t,
            report=report,
            balanced=not any(b.unexplained for b in report.export_balance) and not any(b.unexplained for b in report.import_balance),
            headline=_headline(report, t),
            apart=_apart(report, t),
            apart_sentence=_apart_sentence(report, t),
            accepted=_accepted(report, t),
            looked=_looked(report, t),
            arrivals=_arrivals(report),
            exported=sum(row.exported for row in report.import_balance if row.kind != "opaque"),
            arrived=sum(counts.get("=", 0) for kind, counts in report.records.items() if kind != "opaque"),
            balances=_balances(report),
            agreement=_agreement,
            amiss=_AMISS,
            differences=[difference(finding, ON_PAGE, t) for finding in report.findings],
            text_of=lambda piece: visible(piece, keep=" \n"),
            kinds_plot=_kinds_plot(report, t),
            volume=volume(report, t),
            field_grids=[_grid(kind, STATUSES, counts) for kind, counts in report.fields.items()],
        )
    )
    write_whole(path, page.encode())


def render_text(report: Report, language: str) -> str:
    """The report for a terminal. Raises ValueError for a language without texts."""
    t = Texts(language)
    shown = report.findings[:SHOWN_IN_TEXT]
    blocks = [
        [t(f"verdict.{report.verdict}").upper(), *_wrapped(t(f"sentence.{report.verdict}"))],
        [line for reason in report.reasons for line in _wrapped(t(f"reason.{reason}"), "- ")],
        [f"{visible(report.source)} → {visible(report.target)}", t("page.compared", moment=t.moment(report.made_at))],
        [
            line
            for text in (_headline_text(report, t), _apart_sentence(report, t), *_looked(report, t), _accepted(report, t))
            for line in _wrapped(text)
        ],
        [t("changes.title"), *_change_lines(report.changes, t)],
        [t("findings.title"), *(line for finding in shown for line in _finding_lines(difference(finding, IN_TEXT, t), t))] if shown else [],
        _wrapped(t("findings.shown", len(shown))) if len(shown) < len(report.findings) else [],
        [t("unreadable.caption"), *_event_lines(report.unreadable, {e.what: t.kind(e.what, 1) for e in report.unreadable})]
        if report.unreadable
        else [],
        [t("refused.caption"), *_event_lines(report.refused, {e.what: t(f"state.{e.what}") for e in report.refused})] if report.refused else [],
        *([t(f"{grid.name}.caption"), *_grid_lines(grid, t)] for grid in _balances(report)),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def render_plan(plan: Plan, language: str) -> str:
    """What an import will do, for the person who accepts it. Raises ValueError for a language without texts."""
    t = Texts(language)
    effects = [f"effect.{line.change.effect}" if line.count else "changes.not-applicable" for line in plan.changes]
    rows = [[t.number(line.count), t(effect), visible(line.change.code)] for line, effect in zip(plan.changes, effects, strict=True)]
    blocks = [
        [*_wrapped(t("plan.title", target=plan.target)), *_wrapped(t("plan.records", sum(plan.records.values())))],
        [
            *_wrapped(_delta_sentence(plan.delta, t)),
            *(_wrapped(t("plan.time", duration=t.duration(plan.milliseconds))) if plan.milliseconds is not None else []),
        ],
        [t("changes.title"), *_with_details(_aligned(rows, right={0}), [t.change(line.change) for line in plan.changes])]
        if rows
        else [t("changes.none")],
        _wrapped(t("plan.live")) if plan.live and plan.accepted_by is None else [],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


# ------------------------------------------------------------------------------------------------- what is shown


def _headline(report: Report, t: Texts) -> list[Figure]:
    counts = report.headline
    figures: list[Figure] = []
    rows = sum(b.records for b in report.export_balance if b.kind == "row")
    items = sum(b.records for b in report.export_balance if b.kind != "table")
    if rows:
        figures = [Figure(t.percent(items - rows, whole=items), t("headline.mapped"), t("headline.rows", rows))]
    if counts.values:
        share = functools.partial(t.percent, whole=counts.values)
        reasons = t("headline.lost-detail", counts.loss_reasons, count=counts.lost)
        figures += [
            Figure(share(counts.identical), t("headline.identical")),
            Figure(share(counts.converted), t("headline.converted")),
            Figure(share(counts.lost), t("headline.lost"), reasons if counts.lost else None),
        ]
        figures += [
            Figure(share(n), t(f"headline.{key}"), t("headline.values", n))
            for key, n in (("wrong", counts.wrong), ("unchecked", counts.unchecked))
            if n
        ]
    figures.append(Figure(t.number(counts.rights_widened), t("headline.rights", counts.rights_widened)))
    if counts.left_out:
        figures.append(Figure(t.number(counts.left_out), t("headline.left-out", counts.left_out)))
    return figures


def _accepted(report: Report, t: Texts) -> Phrase:
    if report.accepted_by is not None:
        return t("accepted.by", people=report.accepted_by)
    return t("accepted.nobody") if any(line.planned for line in report.changes) else t("accepted.nothing")


def _looked(report: Report, t: Texts) -> list[Phrase]:
    """What was looked at, where that is not simply everything at once."""
    drawn, resumed, followed = report.drawn, report.resumed, report.followed
    return [
        *([_delta_sentence(report.delta, t)] if report.delta else []),
        *([t("looked.drawn", drawn.units, drawn=drawn.drawn, percent=drawn.percent, seed=str(drawn.seed))] if drawn else []),
        *([t("looked.late", report.late)] if report.late else []),
        *([t("looked.followed", followed.links, dead=followed.dead, broken=followed.broken)] if followed and followed.links else []),
        *([t("looked.resumed", parts=resumed.parts, of=resumed.of, moment=t.moment(resumed.begun_at))] if resumed else []),
    ]


def _delta_sentence(delta: Delta | None, t: Texts) -> Phrase:
    """What a newer package brings, and what it cannot tell."""
    if delta is None:
        return Phrase()
    new, changed, deleted = (sum(of.values()) for of in (delta.new, delta.changed, delta.deleted))
    if delta.since is None:
        return t("delta.whole", new=new, changed=changed, deleted=deleted)
    return t("delta.part", new=new, changed=changed, day=t.short_day(delta.since))


def _apart(report: Report, t: Texts) -> list[Apart]:
    opaque = sum(balance.records for balance in report.export_balance if balance.kind == "opaque")
    return [
        *(Apart(count, "apart.body", markup) for markup, count in report.native_bodies.items()),
        *([Apart(opaque, "apart.opaque", "")] if opaque else []),
        *(Apart(count, "apart.native", t.kind(kind)) for kind, count in report.not_mapped.items() if kind != "opaque"),
    ]


def _apart_sentence(report: Report, t: Texts) -> Phrase:
    counts: Counter[str] = Counter()
    for row in _apart(report, t):
        counts[row.key] += row.number
    what = Phrase(t("separator").join(f"{t.number(count)}\u00a0{t(key, count)}" for key, count in counts.items()))
    return t("headline.apart", what=what) if counts else Phrase()


def _arrivals(report: Report) -> Grid:
    """Opaque records are no arrivals: they are counted apart."""
    rows: dict[str, dict[str, int]] = {b.kind: {"exported": b.exported, "skipped": b.skipped} for b in report.import_balance}
    for kind, statuses in report.records.items():
        rows.setdefault(kind, {}).update(statuses)
    return _grid("arrivals", _ARRIVALS, {kind: counts for kind, counts in rows.items() if kind != "opaque"})


def _balances(report: Report) -> list[Grid]:
    return [
        _grid("export", _EXPORT, {b.kind: {column: getattr(b, column) for column in _EXPORT} for b in report.export_balance}),
        _grid("import", _IMPORT, {b.kind: {column: getattr(b, column) for column in _IMPORT} for b in report.import_balance}),
    ]


def _grid(name: str, columns: Iterable[str], rows: Mapping[str, Mapping[str, int]]) -> Grid:
    kept = [column for column in columns if column in _ALWAYS or any(counts.get(column) for counts in rows.values())]
    return Grid(name, kept, [(kind, [counts.get(column, 0) for column in kept]) for kind, counts in rows.items()])


def _agreement(line: ChangeLine) -> str:
    """Key of what is to be said of a change that was planned and looked for."""
    if not line.agrees:
        return "changes.disagree"
    return "changes.agree" if line.planned else "changes.not-applicable"


def _kinds_plot(report: Report, t: Texts) -> Markup:
    lanes = [Lane(t.kind(kind), t.number(counts[1]), {kind: counts[1]}) for kind, counts in _arrivals(report).rows]
    return bars(t("plot.kinds"), t("plot.kinds-text"), lanes)


# --------------------------------------------------------------------------------------------------- for a terminal


def _headline_text(report: Report, t: Texts) -> str:
    if not report.headline.values:
        return t("headline.nothing")
    return " · ".join(f"{f.figure} {f.word}" + (f" ({f.detail})" if f.detail else "") for f in _headline(report, t))


def _change_lines(changes: Sequence[ChangeLine], t: Texts) -> list[str]:
    if not changes:
        return _wrapped(t("changes.none"), "  ")
    header = [t(f"changes.{column}") for column in ("planned", "observed", "agreement", "change")]
    rows = [[t.number(line.planned), t.number(line.observed), t(_agreement(line)), visible(line.change.code)] for line in changes]
    head, *lines = _aligned([header, *rows], right={0, 1})
    because = [t("changes.because", effect=t(f"effect.{line.change.effect}"), why=t(f"why.{line.change.why}")) for line in changes]
    return [head, *_with_details(lines, [f"{t.change(line.change)} ({why})" for line, why in zip(changes, because, strict=True)])]


def _finding_lines(difference: Difference, t: Texts) -> list[str]:
    finding = difference.finding
    field = f" {visible(finding.field)} ({t.field(finding.kind, finding.field)})" if finding.field else ""
    place = f"{visible(finding.kind)} {visible(finding.id)}{field}"  # as `reversa why` asks for it
    sides = [[t("findings.expected"), _said(difference.expected)], [t("findings.found"), _said(difference.found)]]
    beyond = [f"      {t('findings.beyond')}"] if difference.beyond else []
    return [f"  {finding.status} {t(f'status.{finding.status}')}  {place}", *(f"    {line}" for line in _aligned(sides, right=set())), *beyond]


def _event_lines(events: Sequence[Event], names: Mapping[str, Phrase]) -> list[str]:
    return _aligned([[names[event.what], visible(event.where), visible(event.reason)] for event in events[:SHOWN_IN_TEXT]], right=set())


def _said(side: Side) -> str:
    return side if isinstance(side, str) else visible("".join(piece for _, piece in side))


def _grid_lines(grid: Grid, t: Texts) -> list[str]:
    header = ["", *(t(f"{grid.name}.{column}") for column in grid.columns)]
    return _aligned([header, *([t.kind(kind), *map(t.number, counts)] for kind, counts in grid.rows)], right=set(range(1, len(header))))


def _aligned(rows: Sequence[Sequence[str]], right: set[int]) -> list[str]:
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    padded = ([" " * (widths[n] - cell_len(cell)) for n, cell in enumerate(row)] for row in rows)
    lines = (
        "  ".join(gap + cell if n in right else cell + gap for n, (cell, gap) in enumerate(zip(row, gaps, strict=True)))
        for row, gaps in zip(rows, padded, strict=True)
    )
    return ["  " + line.rstrip() for line in lines]


def _with_details(lines: Sequence[str], details: Sequence[str]) -> list[str]:
    return [text for line, detail in zip(lines, details, strict=True) for text in (line, *_wrapped(detail, "      "))]


def _wrapped(text: str, before: str = "") -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=before, subsequent_indent=" " * len(before), break_long_words=False, break_on_hyphens=False)
