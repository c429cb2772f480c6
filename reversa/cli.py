"""The commands: thin, no logic."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reversa import __version__
from reversa.databases import map_, split
from reversa.errors import EXIT_DIFFERENT, EXIT_VERIFIED, MissingExtra
from reversa.options import (
    Commands,
    accept_option,
    json_option,
    lang_option,
    package_argument,
    percentage,
    private_option,
    run_argument,
    run_option,
    seed_of,
    seed_option,
    since_option,
    spoken,
    tenant_option,
    to_option,
)

if TYPE_CHECKING:
    from datetime import date

    from reversa.planning import Plan
    from reversa.reporting import Report
    from reversa.wording import Language


@click.group(cls=Commands)
@click.version_option(__version__, prog_name="reversa")
def main() -> None:
    """Take an organisation's data out of one system, put it into another, and prove what arrived."""


@main.command()
@click.argument("source")
@click.argument("target")
@run_option
@private_option
@tenant_option
@since_option
@accept_option
@lang_option
@json_option
def migrate(
    source: str,
    target: str,
    run: Path | None,
    private: bool,
    tenant: str | None,
    since: date | None,
    accept: Path | None,
    lang: Language,
    as_json: bool,
) -> None:
    """The whole road: export, plan, import, verify, report.

    The same command goes on where it stopped, and later carries a newer export of the same source.
    """
    from reversa.migrating import default_run
    from reversa.migrating import migrate as carry

    folder = run or default_run(source)
    with _progress(quiet=as_json) as progress:
        report = carry(source, target, folder, private=private, tenant=tenant, since=since, accepted=accept, ask=_ask, progress=progress)
    _finish(report, folder, lang, as_json)


@main.command()
@click.argument("source")
@run_option
@private_option
@tenant_option
@since_option
def export(source: str, run: Path | None, private: bool, tenant: str | None, since: date | None) -> None:
    """Read a source into a package."""
    from reversa.migrating import Road, default_run
    from reversa.wording import visible

    folder = run or default_run(source)
    with _progress() as progress:
        road = Road(folder, progress)
        with road.guarded():
            package = road.export(source, private=private, tenant=tenant, since=since)
    click.echo(visible(f"{package.count()} records of {package.source} are in {package.folder}"))
    click.echo(f"Its SHA-256, to be kept elsewhere: {package.seal()}")
    click.echo(f"Next: reversa plan {folder} TARGET")


@main.command()
@run_argument
@click.argument("target")
@lang_option
@json_option
def plan(run: Path, target: str, lang: Language, as_json: bool) -> None:
    """Count what will change on the way to a target, before anything is written to it."""
    import msgspec

    from reversa.migrating import Road
    from reversa.rendering import render_plan

    with _progress(quiet=as_json) as progress:
        road = Road(run, progress)
        with road.guarded():
            made = road.plan(target)
    if as_json:
        click.echo(msgspec.json.encode(made).decode())
        return
    click.echo(render_plan(made, lang))
    click.echo(f"Next: read {run / 'losses.csv'}, then: reversa import {run}")


@main.command()
@run_argument
@click.argument("target", required=False)
def people(run: Path, target: str | None) -> None:
    """Write people.csv: whom of a run's export the target may know already. Whoever decides fills it in, then plan obeys it."""
    from reversa.migrating import Road

    road = Road(run)
    with road.guarded():
        path = road.people(target)
    click.echo(f"Decide on each line of {path}, then: reversa plan {run} {target or 'TARGET'}")


@main.command("import")
@run_argument
@accept_option
def import_(run: Path, accept: Path | None) -> None:
    """Write the package to the target of the plan."""
    from reversa.migrating import Road

    with _progress() as progress:
        road = Road(run, progress)
        with road.guarded():
            road.accept(accept, _ask)
            road.import_()
    click.echo(f"Next: reversa verify {run}")


@main.command()
@run_argument
@click.option("--sample", "percent", callback=percentage, help="Ask for a share of the units only, as 1%: the verdict is then sampled.")
@seed_option
@lang_option
@json_option
def verify(run: Path, percent: str | None, seed: int | None, lang: Language, as_json: bool) -> None:
    """Read the target back and compare it with what the package makes expected. It goes on where it was interrupted."""
    from reversa.migrating import Road

    with _progress(quiet=as_json) as progress:
        road = Road(run, progress)
        with road.guarded():
            report = road.verify(percent, seed_of(seed, percent))
    _finish(report, run, lang, as_json)


@main.command()
@run_argument
@lang_option
@json_option
def report(run: Path, lang: Language, as_json: bool) -> None:
    """Show the last report of a run again."""
    from reversa.migrating import Road

    _finish(Road(run).report(), run, lang, as_json)


@main.command()
@run_argument
@lang_option
def runbook(run: Path, lang: Language) -> None:
    """Write the vendor-continuity runbook of a run, to be read and signed: HTML, Markdown, JSON, calendar."""
    from reversa.migrating import Road

    road = Road(run)
    with road.guarded():
        page = road.runbook(lang)
    click.echo(f"Runbook: {page}")
    click.echo(f"Next: fill in {run / 'case.toml'}, and type the same command again.")


@main.command()
@package_argument
@click.option("--sample", "percent", callback=percentage, help="Restore a share of the units only, as 1%; default: all.")
@seed_option
@to_option
@lang_option
def drill(package: Path, percent: str | None, seed: int | None, to: Path | None, lang: Language) -> None:
    """Rehearse the exit: restore a package to a scratch database, read it back, take it back, file the report."""
    import signal

    from reversa.continuity.drilled import told
    from reversa.drilling import drill as rehearse

    seed = seed_of(seed, percent)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what a scheduler stops is cleaned up like what a person stops
    with _progress() as progress:
        made, path = rehearse(package, percent, seed, to, progress)
    click.echo(told(made, path, lang))
    sys.exit(made.exit_code)


@main.command()
@package_argument
@to_option
@lang_option
def attest(package: Path, to: Path | None, lang: Language) -> None:
    """Write the attestation of reversibility of a package: what it holds, what it does not, and the proof."""
    from datetime import UTC, datetime

    from reversa.continuity.attesting import write_attestation
    from reversa.wording import Texts

    click.echo(Texts(lang)("attest.told", page=write_attestation(package, lang, datetime.now(UTC), to)))


@main.command()
@run_argument
@click.argument("kind")
@click.argument("id")
def why(run: Path, kind: str, id: str) -> None:
    """One record's way: source, package, target, difference."""
    import msgspec

    from reversa.migrating import Road

    way = Road(run).why(kind, id)
    click.echo(msgspec.json.format(msgspec.json.encode(way), indent=1).decode())


@main.command()
@run_argument
@click.confirmation_option(prompt="Remove from the target what this run wrote to it?")
def undo(run: Path) -> None:
    """Take back what a run wrote to its target; all else stays as it was."""
    from reversa.migrating import Road

    road = Road(run)
    with road.guarded():
        left = road.standing()
        count = road.undo()
    click.echo(f"{count} records were taken back.")
    if left:
        click.echo(f"{left} stay at the target as people changed them.")


@main.command()
@click.argument("source")
@private_option
@tenant_option
@json_option
def inspect(source: str, private: bool, tenant: str | None, as_json: bool) -> None:
    """What is in a source: kinds, counts, dates, what cannot be read. Nothing is written."""
    from reversa.inspecting import inspect as look

    found = look(source, private=private, tenant=tenant)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    from reversa.terminal import print_inspection

    print_inspection(found)


@main.command()
@click.argument("package", type=click.Path(path_type=Path))
def validate(package: Path) -> None:
    """Check a package: every file, row and blob, and that nothing was added."""
    from reversa.package import Package
    from reversa.validating import validate as check
    from reversa.wording import visible

    problems = check(package)
    for problem in problems:
        click.echo(visible(problem))
    if problems:
        click.echo(f"{package} is not whole: {len(problems)} problem(s).")
        sys.exit(EXIT_DIFFERENT)
    click.echo(f"{package} is whole. Its SHA-256, to be compared with the one kept elsewhere: {Package(package).seal()}")


@main.command()
def verifier() -> None:
    """Print VERIFIER.html, the page that checks a package in a browser: a copy that did not come with the package."""
    from reversa.verifier import page

    click.echo(page().encode(), nl=False)


@main.command()
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
def diff(a: Path, b: Path) -> None:
    """Compare two packages, field by field."""
    from reversa.verifying import compare_packages
    from reversa.wording import visible

    findings = compare_packages(a, b)
    for finding in findings:
        click.echo(visible(f"{finding.status} {finding.kind} {finding.id} {finding.field or ''}".rstrip()))
    click.echo("No difference." if not findings else f"{len(findings)} difference(s).")
    sys.exit(EXIT_DIFFERENT if findings else EXIT_VERIFIED)


@main.command()
def adapters() -> None:
    """The systems that reversa reads and writes."""
    from reversa import registry

    for group in ("exporters", "importers"):
        click.echo(f"{group}: {', '.join(registry.names(group))}")


@main.command()
@click.argument("adapter")
@click.argument("locator", required=False)
def conformance(adapter: str, locator: str | None) -> None:
    """Run every check of the conformance kit that applies: on a source of yours, and on empty targets made for it."""
    try:
        from reversa.testing import run_suite
    except ModuleNotFoundError as error:
        raise MissingExtra(f"The conformance kit needs the Python package {error.name}.", "pip install 'reversa[testing]'") from error
    held = True
    for result in run_suite(adapter, locator):
        click.echo(f"{result.state:<14} {result.check}{result.reason and ': ' + result.reason}")
        held = held and result.passed
    sys.exit(EXIT_VERIFIED if held else EXIT_DIFFERENT)


@main.command()
@click.option("--folder", type=click.Path(path_type=Path), default=Path("reversa-demo"), show_default=True)
@lang_option
def demo(folder: Path, lang: Language) -> None:
    """The whole story on a fictional vendor's database; nothing to set up."""
    from reversa.demo.story import tell

    tell(folder, lang)


main.add_command(map_)
main.add_command(split)

# --------------------------------------------------------------------------------------------------------- shared


@contextlib.contextmanager
def _progress(*, quiet: bool = False) -> Iterator[Any]:
    from reversa.terminal import progress

    with progress(quiet=quiet) as show:
        yield show


def _ask(plan: Plan) -> str:
    """Ask a person at the terminal for a name; nobody there means no."""
    if not sys.stdin.isatty():
        return ""
    from reversa.rendering import render_plan
    from reversa.wording import Texts

    t = Texts(spoken())
    click.echo(render_plan(plan, t.language))
    return str(click.prompt(t("plan.accept"), default="", show_default=False)).strip()


def _finish(report: Report, folder: Path, lang: Language, as_json: bool) -> None:
    """Print the result and what to type next, and leave with the verdict's exit code."""
    import msgspec

    if as_json:
        click.echo(msgspec.json.encode(report).decode())
    else:
        from reversa.rendering import render_text
        from reversa.terminal import next_steps

        click.echo(render_text(report, lang))
        click.echo(next_steps(report, folder, lang))
    sys.exit(report.exit_code)
