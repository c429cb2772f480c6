"""What a person sees in a terminal beside the report: progress, counts, what to type next."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from reversa.reporting import Report
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
