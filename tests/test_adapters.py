"""Every adapter passes the shared suite; one that is forgotten here fails."""

from __future__ import annotations

import contextlib
import sqlite3
from datetime import date
from pathlib import Path

import pytest

from reversa import registry
from reversa.demo.ruche import write_ruche
from reversa.importers.dokuwiki import DokuWikiImporter
from reversa.migrating import Road
from reversa.testing import ExporterSuite, ImporterSuite
from reversa.testing.sample import write_sample_package
from reversa.testing.suite import Excepted
from tests.dokuwiki_wiki import write_wiki
from tests.markdown_vault import write_vault
from tests.mediawikis import wiki
from tests.paths import PROJECT, REAL_EXPORT, shelf
from tests.successor import statements, write_mapping

_EXCEPTED = (
    Excepted(
        check="every_declared_change_happens",
        reason="the fixed packages hold few pages and plain texts only; tests of the adapter make every change happen",
        owner="reversa",
        expires=date(2027, 6, 30),
    ),
    *(
        Excepted(check=check, reason="it asks for a message, for which pages leave no place", owner="reversa", expires=date(2027, 6, 30))
        for check in ("a_refused_record_is_listed", "an_undeclared_change_is_not_verified", "secrets_stay_behind")
    ),
)


class TestSlackExporter(ExporterSuite):
    system, sources = "slack", (str(REAL_EXPORT),)


class TestDokuWikiExporter(ExporterSuite):
    system = "dokuwiki"

    def prepare(self, folder: Path) -> tuple[str, ...]:
        return (str(write_wiki(folder / "wiki")),)


@pytest.mark.long
class TestDokuWikiImporter(ImporterSuite):
    system = "dokuwiki"
    excepted = _EXCEPTED

    def target(self, folder: Path) -> str:
        return DokuWikiImporter.scratch_target(folder)


class TestMarkdownExporter(ExporterSuite):
    system = "markdown"

    def prepare(self, folder: Path) -> tuple[str, ...]:
        return (str(write_vault(folder / "vault")), written(f"markdown:{folder / 'written'}", folder).removeprefix("markdown:"))


@pytest.mark.long
class TestMarkdownImporter(ImporterSuite):
    system = "markdown"
    excepted = _EXCEPTED

    def target(self, folder: Path) -> str:
        return str(folder / "vault")


class TestSqlImporter(ImporterSuite):
    system = "sql"

    def target(self, folder: Path) -> str:
        return f"sqlite:///{folder / 'target.db'}"


class TestSqlExporter(ExporterSuite):
    system = "sql"

    def prepare(self, folder: Path) -> tuple[str, ...]:
        return (written(f"sqlite:///{folder / 'source.db'}", folder),)


class TestHtmlImporter(ImporterSuite):
    system = "html"

    def target(self, folder: Path) -> str:
        return str(folder / "archive")


class TestHtmlExporter(ExporterSuite):
    system = "html"

    def prepare(self, folder: Path) -> tuple[str, ...]:
        return (written(f"html:{folder / 'source'}", folder).removeprefix("html:"),)


class TestMappedExporter(ExporterSuite):
    system = "mapped"

    def prepare(self, folder: Path) -> tuple[str, ...]:
        write_ruche(folder)
        mapping = PROJECT / "reversa" / "demo" / "ruche" / "mapping.yaml"
        lines = mapping.read_text(encoding="utf-8").partition("\ncustomers:")[0]
        (folder / "whole.yaml").write_text(lines, encoding="utf-8")
        return (str(folder / "whole.yaml"), str(folder / "ruche.sql"))


class TestMappedImporter(ImporterSuite):
    system = "mapped"

    def target(self, folder: Path) -> str:
        with contextlib.closing(sqlite3.connect(folder / "board.db")) as database:
            for statement in statements("sqlite"):
                database.execute(statement)
        return str(write_mapping(folder, "board.db"))


class TestMediaWikiExporter(ExporterSuite):
    system = "mediawiki"

    def prepare(self, folder: Path) -> tuple[str, ...]:
        del folder
        return tuple(str(shelf(f"samples/mediawiki/{name}")) for name in ("lab-1.39-full-uploads.xml", "lab-1.39-logs.xml", "lab-edge-cases.xml"))


@pytest.mark.servers
class TestMediaWikiImporter(ImporterSuite):
    system = "mediawiki"
    test_every_declared_change_happens = None  # most are of pages with a text, of which the kit has few: test_mediawiki_wiki.py

    def target(self, folder: Path) -> str:
        return str(wiki(folder))


def written(target: str, scratch: Path) -> str:
    """A target that holds the sample package."""
    write_sample_package(scratch / "sample")
    road = Road(scratch / "run")
    road.export(f"package:{scratch / 'sample'}")
    road.plan(target)
    road.import_()
    return target


def test_no_adapter_is_forgotten() -> None:
    tried = {
        (suite.__mro__[1].__name__, suite.system)
        for suite in globals().values()
        if isinstance(suite, type) and issubclass(suite, ExporterSuite | ImporterSuite) and suite not in (ExporterSuite, ImporterSuite)
    }
    known = {("ExporterSuite", name) for name in registry.names("exporters")} | {("ImporterSuite", name) for name in registry.names("importers")}
    assert tried == known
