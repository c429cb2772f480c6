"""What will change, counted before anything is written: the package met with the facts of the target."""

from __future__ import annotations

import codecs
import contextlib
import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from pathlib import Path

import msgspec

from reversa.adapter import Change, Importer, Noted
from reversa.columnar import unchanged
from reversa.errors import NotAccepted, RunError
from reversa.exporting import Progress
from reversa.files import read_rows, whole
from reversa.package import Package
from reversa.records import Ref, ref_to

RENAMES = "renames.csv"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_COLUMNS = ("code", "kind", "field", "effect", "why", "count", "note", "accepted", "by")


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a plan: a change, how often, and on which side of the package it happens."""

    change: Change
    side: str
    count: int


class Delta(msgspec.Struct, frozen=True, kw_only=True):
    """What a newer package brings against what the target was given before: kind → records."""

    new: dict[str, int]
    changed: dict[str, int]
    deleted: dict[str, int]
    since: date | None = None
    """Only what is of that day or later was read: what was deleted is not known."""

    def total(self) -> int:
        """Records to write, to replace and to remove."""
        return sum(sum(of.values()) for of in (self.new, self.changed, self.deleted))


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is expected of an import."""

    package: str
    target: str
    live: bool
    records: dict[str, int]
    """Records that the target should hold afterwards, per kind."""
    changes: tuple[Planned, ...]
    accepted_by: str | None = None
    people: dict[Ref, str] = {}
    """Who is met in an account that exists, as decided in the people map; empty: gets no account."""
    delta: Delta | None = None
    """Of a package that is not the first of its run."""
    milliseconds: int | None = None
    """How long import and verification should take together, at the speed that this run has shown."""


def plan(package: Package, importer: Importer, target: str, progress: Progress, renamed: Callable[[Noted], None] = lambda _: None) -> Plan:
    """Shape every unit without writing any; ``renamed`` is told of each name that changes."""
    declared = {change.code: change for change in importer.facts.changes}
    records: Counter[str] = Counter()
    changes: Counter[str] = Counter()
    as_it_is = unchanged(package, importer)
    if as_it_is:
        records.update({kind: package.manifest.tables[kind].rows for kind in package.kinds()})
    for number, (unit, _) in enumerate(() if as_it_is else package.units()):
        shaped = importer.shape(unit)
        records.update(ref_to(record).partition(":")[0] for record in shaped.records)
        for noted in shaped.noted:
            changes[noted.code] += noted.count
            if noted.code.endswith(".renamed"):
                renamed(noted)
        if number % 1000 == 0:
            progress("plan", records.total(), package.count())
    progress("plan", package.count(), package.count())
    undeclared = changes.keys() - declared
    if undeclared:
        raise AssertionError(f"{importer.facts.system} makes changes that it does not declare: {', '.join(sorted(undeclared))}")
    source_side = [Planned(change=h.change, side="source", count=h.count) for h in package.manifest.changes]
    target_side = [Planned(change=declared[code], side="target", count=count) for code, count in sorted(changes.items())]
    return Plan(package=package.manifest.digest, target=target, live=importer.facts.live, records=dict(records), changes=(*source_side, *target_side))


def write_losses(plan_: Plan, path: Path) -> None:
    """The list that a person accepts line by line: `accepted` is filled in with yes, `by` with a name."""
    with whole(path) as file:
        writer = csv.writer(codecs.getwriter("utf-8")(file))
        writer.writerow(_COLUMNS)
        for line in plan_.changes:
            change = line.change
            texts = [change.code, change.kind, change.field or "", change.effect, change.why, str(line.count), change.note, "", ""]
            writer.writerow([_harmless(text) for text in texts])  # a package may come from anywhere


@contextlib.contextmanager
def listed(path: Path) -> Iterator[Callable[[Noted], None]]:
    """The list of names that change: takes each as it is planned. Raises OSError."""
    with whole(path) as file:
        writer = csv.writer(codecs.getwriter("utf-8")(file))
        writer.writerow(["record", "field", "change"])
        yield lambda noted: writer.writerow([noted.record, noted.code.split(".")[2], _harmless(noted.detail)])


def _harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def accept(plan_: Plan, path: Path) -> Plan:
    """The plan with the names of those who accepted it. Raises NotAccepted when a line is missing or was not accepted."""
    try:
        rows = read_rows(path)
    except (OSError, ValueError, csv.Error) as error:
        raise RunError(f"{path} cannot be read: {error}", "Write it with: reversa plan") from error
    accepted = {
        ((row.get("code") or "").removeprefix("'"), row.get("count")): row
        for row in rows
        if (row.get("accepted") or "").strip().lower() in ("yes", "oui")
    }
    open_lines = [line for line in plan_.changes if (line.change.code, str(line.count)) not in accepted]
    if open_lines:
        names = ", ".join(f"{line.change.code} ({line.count})" for line in open_lines)
        raise NotAccepted(f"{path.name} does not accept: {names}", "Fill the column `accepted` with yes (or oui) and `by` with a name on every line.")
    people = sorted({name for row in accepted.values() if (name := (row.get("by") or "").strip())})
    return msgspec.structs.replace(plan_, accepted_by=", ".join(people) or "unnamed")


def losses(changes: Iterable[Planned]) -> int:
    """How many values or records are lost or left out."""
    return sum(line.count for line in changes if line.change.effect != "converted")
