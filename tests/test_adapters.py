"""Every adapter passes the shared suite; one that is forgotten here fails."""

from __future__ import annotations

from pathlib import Path

from reversa import registry
from reversa.testing import ExporterSuite, ImporterSuite
from reversa.testing.sample import write_sample_package
from tests.paths import REAL_EXPORT


class TestSlackExporter(ExporterSuite):
    system, sources = "slack", (str(REAL_EXPORT),)


class TestSqlImporter(ImporterSuite):
    system = "sql"

    def target(self, folder: Path) -> str:
        return f"sqlite:///{folder / 'target.db'}"


class TestSqlExporter(ExporterSuite):
    system = "sql"

    def test_conformance(self, tmp_path: Path) -> None:
        from reversa.migrating import Road

        write_sample_package(tmp_path / "sample")
        road = Road(tmp_path / "run")
        road.export(f"package:{tmp_path / 'sample'}")
        road.plan(f"sqlite:///{tmp_path / 'source.db'}")
        road.import_()
        self.sources = (f"sqlite:///{tmp_path / 'source.db'}",)
        super().test_conformance(tmp_path)


def test_no_adapter_is_forgotten() -> None:
    tried = {
        (suite.__mro__[1].__name__, suite.system)
        for suite in globals().values()
        if isinstance(suite, type) and issubclass(suite, ExporterSuite | ImporterSuite) and suite not in (ExporterSuite, ImporterSuite)
    }
    known = {("ExporterSuite", name) for name in registry.names("exporters")} | {("ImporterSuite", name) for name in registry.names("importers")}
    assert tried == known
