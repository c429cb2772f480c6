"""Every adapter passes the shared suite; one that is forgotten here fails."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from reversa import registry
from reversa.demo.ruche import write_ruche
from reversa.migrating import Road
from reversa.testing import ExporterSuite, ImporterSuite
from reversa.testing.sample import write_sample_package
from tests.paths import PROJECT, REAL_EXPORT
from tests.successor import statements, write_mapping


class TestSlackExporter(ExporterSuite):
    system, sources = "slack", (str(REAL_EXPORT),)


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
