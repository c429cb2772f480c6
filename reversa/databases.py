"""The commands for a database of no known system: its mapping file, and its split into customers. Thin, no logic."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from reversa.options import json_option, tenant_option


@click.group("map")
def map_() -> None:
    """The mapping file of a database: written for a start, and looked at."""


@map_.command()
@click.argument("source")
def suggest(source: str) -> None:
    """Print a first mapping file for a database, a dump or a folder of tables, with how sure each line is."""
    from reversa.inspecting import suggest as propose

    click.echo(propose(source), nl=False)


@map_.command()
@click.argument("mapping", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--records", default=1, show_default=True, type=click.IntRange(0, 100), help="Show so many records of each entry.")
@tenant_option
@json_option
def check(mapping: Path, records: int, tenant: str | None, as_json: bool) -> None:
    """How far a mapping file goes: tables, columns and rows that are mapped, kept as rows, left out; and its first records."""
    from reversa.inspecting import check as look
    from reversa.terminal import print_coverage

    covered, items = look(mapping, records, tenant)
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode({"tables": covered, "items": items}).decode())
    else:
        print_coverage(covered, items)


@click.command()
@click.argument("source")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def split(source: str, folder: Path) -> None:
    """Write one package for each customer of a database of many, with the proof that every row is where it belongs."""
    from reversa.splitting import split as divide
    from reversa.terminal import print_split, progress

    with progress() as show:
        made = divide(source, folder, show)
    print_split(made, folder)
    sys.exit(made.exit_code)
