"""The demo: one customer is taken out of a dead vendor's database, verified; then a page is broken by hand, and verification names it."""

from __future__ import annotations

import shutil
from importlib import resources
from pathlib import Path

import click

from reversa.demo.ruche import write_ruche
from reversa.errors import RunError
from reversa.migrating import Road
from reversa.migrating import migrate as carry
from reversa.rendering import render_text
from reversa.terminal import progress
from reversa.wording import Language, Texts

MARK = ".reversa-demo"
CUSTOMER = "cordee-solidaire"
PAGE = "page-000002"
"""A page of the archive, of which the demo changes the title."""
TITLE = '<dd itemprop="title" dir="auto">'


def tell(folder: Path, language: Language) -> None:
    """Run the demo in ``folder``, which is made anew."""
    if folder.exists():
        if not (folder / MARK).exists():
            raise RunError(f"{folder} is there already and is not a demo.", "Give another folder: reversa demo --folder NAME")
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / MARK).touch()
    t = Texts(language)
    vendor, archive, run = folder / "ruche", folder / "archive", folder / "run"
    truth = write_ruche(vendor)
    mapping = vendor / "mapping.yaml"
    mapping.write_bytes((resources.files("reversa.demo.ruche") / "mapping.yaml").read_bytes())
    click.echo(t("demo.story", dump=vendor / "ruche.sql", rows=sum(truth.rows.values()), mapping=mapping))
    click.echo(f"$ reversa migrate {mapping} html:{archive} --tenant {CUSTOMER} --run {run}")
    with progress() as show:
        report = carry(str(mapping), f"html:{archive}", run, tenant=CUSTOMER, progress=show)
    click.echo(render_text(report, language))

    click.echo(t("demo.break"))
    page = archive / "pages" / PAGE / "00001.html"
    click.echo(f"$ sed -i '0,\\|{TITLE}|s||&2 |' {page}")
    page.write_text(page.read_text(encoding="utf-8").replace(TITLE, f"{TITLE}2 ", 1), encoding="utf-8")
    click.echo(f"$ reversa verify {run}")
    keep = folder / "report-before.html"
    shutil.copyfile(run / f"report.{language}.html", keep)
    click.echo(render_text(Road(run).verify(), language))
    click.echo(t("demo.reports", before=keep, after=run / f"report.{language}.html", archive=archive / "index.html"))
