"""The demo: a real export into a database, verified; then one row is broken by hand, and verification names it."""

from __future__ import annotations

import shutil
import sqlite3
from importlib import resources
from pathlib import Path

import click

from reversa.errors import RunError
from reversa.migrating import Road
from reversa.migrating import migrate as carry
from reversa.rendering import render_text
from reversa.terminal import progress
from reversa.wording import Language, Texts

MARK = ".reversa-demo"


def tell(folder: Path, language: Language) -> None:
    """Run the demo in ``folder``, which is made anew."""
    if folder.exists():
        if not (folder / MARK).exists():
            raise RunError(f"{folder} is there already and is not a demo.", "Give another folder: reversa demo --folder NAME")
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / MARK).touch()
    database, run = folder / "acme.db", folder / "run"
    with resources.as_file(resources.files("reversa.demo") / "slack-export.zip") as export:
        click.echo(f"$ reversa migrate {export.name} sqlite:///{database} --run {run}")
        with progress() as show:
            report = carry(str(export), f"sqlite:///{database}", run, progress=show)
    click.echo(render_text(report, language))

    t = Texts(language)
    click.echo(t("demo.break"))
    statement = (
        "UPDATE reversa_message SET created_by = (SELECT max(entity) FROM reversa_user) WHERE entity = (SELECT max(entity) FROM reversa_message)"
    )
    click.echo(f'$ sqlite3 {database} "{statement}"')
    with sqlite3.connect(database) as connection:
        connection.execute(statement)
    connection.close()
    click.echo(f"$ reversa verify {run}")
    keep = folder / "report-before.html"
    shutil.copyfile(run / f"report.{language}.html", keep)
    broken = Road(run).verify()
    click.echo(render_text(broken, language))
    click.echo(t("demo.reports", before=keep, after=run / f"report.{language}.html"))
