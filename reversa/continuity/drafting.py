"""Figures of a document in one language: what evidence proves, what people stated, what is not established."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, get_args

from reversa.continuity import case as cases
from reversa.continuity.case import Case
from reversa.continuity.documents import Basis, Blanks, Boxes, Cell, Figure, Figures, Paragraph, Signatures, Table
from reversa.continuity.evidence import Folder, Known, Problem, Rows
from reversa.journal import Step
from reversa.records import Personal
from reversa.wording import Phrase, Texts, visible

Show = Callable[[Any], str]


@dataclass(frozen=True)
class Sheet:
    """Figures and blocks in one language."""

    t: Texts

    def measured(self, id: str, label: str, known: Known[Any], show: Show | None = None) -> Figure:
        """A figure with its evidence, or the reason why there is none."""
        if known.problem is not None:
            return self.missing(id, label, self.reason(known.problem))
        shown = (show or self.shown)(known.value)
        return Figure(id=id, label=label, value=plain(known.value), shown=shown, basis=self.basis(known), evidence=known.evidence)

    def basis(self, _known: Known[Any]) -> Basis:
        return "measured"

    def missing(self, id: str, label: str, reason: str) -> Figure:
        return Figure(id=id, label=label, value=None, shown=self.t("document.missing"), basis="missing", reason=reason)

    def reason(self, problem: Problem) -> Phrase:
        """Why something is not established."""
        if problem.how == "not-stated":
            return self.t("document.not-stated", table=problem.path, key=problem.detail)
        return self.t(f"document.{problem.how}-file", path=problem.path, **({"detail": problem.detail} if problem.detail else {}))

    def shown(self, value: object) -> str:
        """A value as people read it."""
        if value is None:
            return self.t("document.nothing")
        if isinstance(value, bool):
            return self.t("document.yes" if value else "document.no")
        if isinstance(value, datetime):
            return self.t.moment(value)
        if isinstance(value, date):
            return self.t.day(value)
        return self.t.number(value) if isinstance(value, int) else str(value)

    def short_day(self, at: date | None) -> str:
        return self.shown(None) if at is None else self.t.short_day(at)

    # ------------------------------------------------------------------------------------------- blocks

    def figures(self, key: str, *figures: Figure) -> Figures:
        return Figures(self.t(key), figures)

    def table(
        self, key: str, columns: Sequence[str], rows: Sequence[tuple[Cell, ...]], numbers: set[int] | None = None, *, n: int | None = None
    ) -> Table:
        """A table; ``n`` is the number that its caption says."""
        return Table(self.t(key, n), tuple(self.t(column) for column in columns), tuple(rows), frozenset(numbers or ()))

    def listed(self, known: Known[Any], table: Table) -> Table | Paragraph:
        """A list whose lines this evidence gives: without it, an empty list does not say that there is nothing."""
        if table.rows or known.problem is None:
            return table
        return Paragraph(self.t("document.unknown-list", list=table.caption, reason=self.reason(known.problem)), warning=True)

    def blanks(self, key: str, *labels: str) -> Blanks:
        return Blanks(self.t(key), tuple(self.t(label) for label in labels))

    def lines(self, key: str, labels: Sequence[str]) -> Blanks:
        return Blanks(self.t(key), tuple(labels))

    def signatures(self, key: str, *roles: str, decision: Sequence[str] = ()) -> Signatures:
        return Signatures(self.t(key), tuple(self.t(role) for role in roles), Boxes(tuple(decision)) if decision else None)


@dataclass(frozen=True)
class Draft(Sheet):
    """What the sections of a runbook are written from."""

    folder: Folder
    case: Known[Case]
    now: datetime

    def basis(self, known: Known[Any]) -> Basis:
        """What comes from ``case.toml`` alone was stated by people."""
        return "stated" if known.evidence == self.case.evidence else "measured"

    def stated(self, table: str, key: str, show: Show | None = None, *, id: str | None = None, label: str | None = None) -> Figure:
        """What ``case.toml`` says, under the name of its key unless told."""
        return self.measured(id or f"{table}.{key}", label or cases.label(table, key, self.t), self.said(table, key), show)

    def said(self, table: str, key: str) -> Known[Any]:
        """One value of ``case.toml``."""
        if self.case.problem is None and (table, key) not in self.case.value:
            return Known(None, (), Problem("not-stated", table, key))
        return self.case.map(lambda case: case[table, key])


def step_row(d: Sheet, known: Known[Any], number: int, step: Step) -> tuple[Cell, ...]:
    """A step taken, with its time; the columns are those of ``STEP_COLUMNS``."""

    def fact(key: str, value: object, show: Show | None = None) -> Figure:
        label = Phrase(f"{d.t(f'step.{step.step}')} {number}, {d.t(f's6.{key}')}")
        return d.measured(f"step.{number}.{key}", label, known.map(lambda _: value), show)

    def said(result: str) -> str:
        if result == "done":
            return d.t("s6.done")
        return result if step.failed else d.t(f"verdict.{result}")

    rate = step.records * 1000 // step.milliseconds if step.milliseconds else None
    return (
        d.t(f"step.{step.step}"),
        fact("began", step.started_at),
        fact("lasted", step.milliseconds, d.t.duration),
        fact("records", step.records),
        fact("rate", rate),
        fact("result", step.result, said),
    )


def personal_classes(d: Sheet, every: Known[list[Rows]]) -> Table:
    """How many values there are of each class of personal data."""

    def row(name: str) -> tuple[Cell, ...]:
        text = d.t(f"s2.{name}")
        return text, d.measured(f"personal.{name}", text, every.map(lambda rows: sum(of.personal[name] for of in rows)))

    return d.table("s2.personal", ("s2.class", "s2.values"), [row(name) for name in get_args(Personal)], {1})


STEP_COLUMNS = tuple(f"s6.{column}" for column in ("step", "began", "lasted", "records", "rate", "result"))


def plain(value: object) -> str | int | None:
    """A value as a machine reads it: a count, a text, an ISO date."""
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value.isoformat() if isinstance(value, date) else str(value)


def cut(value: object, size: int) -> str:
    """Data short enough for a cell."""
    text = str(visible(str(value)))
    return text if len(text) <= size else text[: size - 2] + " …"
