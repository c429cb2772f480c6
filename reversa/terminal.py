"""What a person sees in a terminal beside the report: progress, counts, what to type next."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from reversa.adapter import Attached, Item, Noted, Unreadable
from reversa.canonical import encode
from reversa.relational import Covered
from reversa.reporting import Report
from reversa.splitting import Split
from reversa.wording import Language, Texts, visible

Show = Callable[[str, int, int | None], None]


@contextlib.contextmanager
def progress(*, quiet: bool = False) -> Iterator[Show]:
    """A bar per step on a terminal, a line per step elsewhere, on standard error."""
    if quiet:
        yield lambda _step, _done, _whole: None
    elif sys.stderr.isatty():
        with _bars() as show:
            yield show
    else:
        yield _lines()


@contextlib.contextmanager
def _bars() -> Iterator[Show]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description:8}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, Any] = {}

        def show(step: str, done: int, whole: int | None) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step, total=whole)
            bars.update(tasks[step], completed=done, total=whole)

        yield show


def _lines() -> Show:
    said: dict[str, int] = {}

    def show(step: str, done: int, whole: int | None) -> None:
        tenth = done * 10 // whole if whole else 0
        if said.get(step) != tenth and (step not in said or tenth in (5, 10)):
            click.echo(f"{step}: {done} of {whole if whole is not None else 'unknown'}", err=True)
        said[step] = tenth

    return show


def keep_defect(error: Exception) -> str:
    """Keep what is known of a defect of ours in a file; returns its path."""
    import tempfile
    import traceback

    from reversa import __version__

    with tempfile.NamedTemporaryFile("w", prefix="reversa-defect-", suffix=".txt", delete=False, encoding="utf-8", errors="replace") as file:
        file.write(f"reversa {__version__}\n" + "".join(traceback.format_exception(error)))
    return file.name


def print_inspection(found: dict[str, Any]) -> None:
    """The result of an inspection, as lines."""
    click.echo(f"{found['system']} · {visible(found['source'])}")
    for kind, count in found["kinds"].items():
        dates = found["dates"].get(kind)
        click.echo(f"  {kind:12} {count:>9}" + (f"   {dates[0][:10]} to {dates[1][:10]}" if dates else ""))
    for code, count in found["changes"].items():
        click.echo(f"  {code}: {count}")
    for item in found["unreadable"]:
        click.echo(visible(f"  unreadable: {item['kind']} {item['where']}: {item['reason']}"))


def next_steps(report: Report, folder: Path, language: Language) -> str:
    """Where the report lies and what to type next."""
    t = Texts(language)
    page = folder / ("sampled.json" if report.drawn else f"report.{language}.html")
    lines = [t("next.report", page=page)]
    merged = sum(balance.merged for balance in report.import_balance)
    if report.verdict == "different" and merged:
        lines.append(t("next.merged", merged=merged))
    lines.append(t("next.part") if report.reasons == ("part",) else t(f"next.{report.verdict}", run=folder))
    return "\n".join(lines)


def print_split(made: Split, folder: Path) -> None:
    """What a split made, customer by customer, and whether its proof holds."""
    for part in made.parts:
        found = f", {part.canaries} of {part.looked_for} of its canaries found" if part.looked_for else ""
        click.echo(visible(f"{part.customer}: {part.records} records in {folder / part.folder}{found}"))
        for record in part.foreign[:5]:
            click.echo(visible(f"  a text of another customer is in {record}"))
    columns = ("rows", "one customer's", "several's", "all's", "nobody's", "left out", "damaged", "unexplained")
    sums = [
        sum(figures)
        for figures in zip(
            *((t.rows, sum(t.customers.values()), t.several, t.shared, t.unclaimed, t.ignored, t.damaged, t.unexplained) for t in made.tables),
            strict=True,
        )
    ]
    click.echo(" · ".join(f"{name}: {figure}" for name, figure in zip(columns, sums, strict=True)))
    if made.crossings:
        click.echo(f"{made.crossings} rows refer to a row of another customer: read {folder / 'crossings.csv'}")
    if made.unclaimed:
        click.echo(f"{made.unclaimed} rows lead to no customer: read {folder / 'unclaimed.csv'}")
    click.echo("Every row is accounted for, and no package holds what is known to be another's." if made.holds else "The proof does not hold.")


def print_coverage(covered: Sequence[Covered], items: Sequence[Item]) -> None:
    """How far a mapping goes: what it leaves as rows first, for that is what there is to do."""
    for table in sorted(covered, key=lambda table: (-table.kept, table.table)):
        mapped = [f"{count} {kind}" for kind, count in table.mapped.items()]
        parts = [*mapped, *([f"{table.within} within records"] if table.within else []), *([f"{table.kept} kept as rows"] if table.kept else [])]
        said = ", ".join(parts) if parts or not table.ignored else f"left out: {table.ignored}"
        click.echo(visible(f"{table.table}: {table.rows} rows" + (f" -> {said}" if said else "")))
        if mapped and table.beside:
            click.echo(visible(f"    kept beside the records: {', '.join(table.beside)}"))
        if table.secret:
            click.echo(visible(f"    never taken along: {', '.join(table.secret)}"))
    rows, left = sum(table.rows for table in covered), sum(table.kept for table in covered)
    columns = sum(len(table.columns) + len(table.beside) for table in covered)
    click.echo(f"{rows} rows: {rows - left} mapped, within records or left out with a reason, {left} kept as rows.")
    click.echo(f"Of {columns} columns of mapped tables, {sum(len(table.columns) for table in covered)} have a field of their own.")
    for item in items:
        click.echo(visible(_shown(item)))


def _shown(item: Item) -> str:
    """An item in one line."""
    if isinstance(item, Noted):
        return f"  {item.code} {item.record}: {item.detail}"
    if isinstance(item, Unreadable):
        return f"  unreadable: {item.kind} {item.where}: {item.reason}"
    record = item.record if isinstance(item, Attached) else item
    return f"  {encode(record).decode()}"
