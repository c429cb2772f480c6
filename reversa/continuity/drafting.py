"""Figures of a document in one language: what a run folder proves, what people stated, what is not established."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from reversa.continuity.case import Case, label
from reversa.continuity.documents import Basis, Blanks, Boxes, Cell, Figure, Figures, Paragraph, Signatures, Table
from reversa.continuity.evidence import Folder, Known, Problem
from reversa.wording import Phrase, Texts, visible

Show = Callable[[Any], str]


@dataclass(frozen=True)
class Draft:
    """What the sections of a document are written from."""

    folder: Folder
    case: Known[Case]
    t: Texts
    now: datetime

    def measured(self, id: str, label: str, known: Known[Any], show: Show | None = None) -> Figure:
        """A figure with its evidence, or the reason why there is none. What comes from ``case.toml`` alone was stated by people."""
        if known.problem is not None:
            return self.missing(id, label, self.reason(known.problem))
        basis: Basis = "stated" if known.evidence == self.case.evidence else "measured"
        shown = (show or self.shown)(known.value)
        return Figure(id=id, label=label, value=plain(known.value), shown=shown, basis=basis, evidence=known.evidence)

    def stated(self, table: str, key: str, show: Show | None = None) -> Figure:
        """What ``case.toml`` says."""
        return self.measured(f"{table}.{key}", label(table, key, self.t), self.said(table, key), show)

    def said(self, table: str, key: str) -> Known[Any]:
        """One value of ``case.toml``."""
        if self.case.problem is None and (table, key) not in self.case.value:
            return Known(None, (), Problem("not-stated", table, key))
        return self.case.map(lambda case: case[table, key])

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

    def table(self, key: str, columns: Sequence[str], rows: Sequence[tuple[Cell, ...]], numbers: set[int] | None = None) -> Table:
        return Table(self.t(key), tuple(self.t(column) for column in columns), tuple(rows), frozenset(numbers or ()))

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
