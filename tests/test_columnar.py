"""The road by columns against the road by units: the same target, the same ledger, the same verdict."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from reversa.adapter import Unit
from reversa.columns import to_batch
from reversa.importers.sql import SqlImporter
from reversa.ledger import EVERYTHING, Ledger
from reversa.package import Package
from reversa.records import KINDS, Record, Ref, Tag, kind_of, ref, ref_to
from reversa.systems.sql.bulk import Bulk
from reversa.systems.sql.dialects import DIALECTS
from reversa.systems.sql.shaping import keeps, shape
from tests.servers import Database, Sqlite
from tests.strategies import carried, pack, planned, records, units
from tests.test_sql import Interrupt, read_back, tables


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database of each system that has a driver for columns."""
    if request.param == "sqlite":
        with contextlib.closing(Sqlite(tmp_path / "target.db")) as made:
            yield made
    else:
        with request.getfixturevalue(request.param)() as made:
            yield made


@pytest.fixture(autouse=True)
def no_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reversa.rendering.write_html", lambda _report, _language, _path: None)


@contextlib.contextmanager
def by_units() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SqlImporter, "load", lambda _self, _rows, _session: None)
        yield


@contextlib.contextmanager
def by_columns() -> Iterator[None]:
    """Fails where a record would be written by its unit."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(SqlImporter, "write")
        patch.setattr(SqlImporter, "write", None, raising=False)
        yield


def structure(database: Database) -> list[str]:
    """Tables, constraints, indexes and views, without their rows."""
    if database.system == "sqlite":
        return sorted(str(sql) for (sql,) in database.run("SELECT sql FROM sqlite_master"))
    lines, inside = list[str](), False
    for line in database.dump().split("\n"):
        inside = line.startswith("COPY ") or (inside and line != "\\.")
        if not inside and line != "\\.":
            lines.append(line)
    return lines


def outcomes(run: Path) -> list[tuple[Any, ...]]:
    """All that the ledger says but the numbers of the keys."""
    with contextlib.closing(sqlite3.connect(run / "ledger.sqlite")) as db:
        assert db.execute("SELECT count(*) FROM intent").fetchone() == (0,)
        rows = db.execute("SELECT * FROM outcome ORDER BY kind, id").fetchall()
        targets = db.execute("SELECT kind, id, n, rtrim(target, '0123456789') FROM target ORDER BY kind, id, n").fetchall()
        return [*rows, *targets, *db.execute("SELECT * FROM change ORDER BY code, id")]


def state(database: Database, package: Package, run: Path) -> dict[str, Any]:
    """What an import left."""
    quote = '"' if database.system == "postgresql" else ""
    return {
        "structure": structure(database),
        "records": read_back(package, database.url),
        "entities": sorted(database.run("SELECT source, kind, id FROM reversa_entity")),
        "sources": database.run(f"SELECT {quote}key{quote}, system, tenant FROM reversa_source"),
        "contents": sorted(database.run("SELECT sha256, position, content FROM reversa_blob")),
        "ledger": outcomes(run),
    }


def same_both_ways(database: Database, package: Package, folder: Path) -> None:
    states = []
    for name, way in (("columns", by_columns), ("units", by_units)):
        with way():
            road = carried(package, database.url, folder / name)
        assert road.report().verdict == "verified", (road.report().reasons, road.findings())
        states.append(state(database, package, folder / name))
        road.undo()
        assert tables(database.url) == set()
    for key, value in states[0].items():
        assert value == states[1][key], key


def test_the_sample_package_is_the_same_both_ways(database: Database, package: Package, tmp_path: Path) -> None:
    same_both_ways(database, package, tmp_path)


def test_any_records_are_the_same_both_ways(database: Database) -> None:
    @settings(
        max_examples=20 if database.system == "sqlite" else 8,
        deadline=None,
        phases=set(Phase) - {Phase.shrink},
        suppress_health_check=list(HealthCheck),
    )
    @given(made=st.lists(units(), min_size=1, max_size=6))
    def holds(made: list[Unit]) -> None:
        found = {ref_to(record): record for unit in made for record in unit.records}
        dialect = DIALECTS[database.system]()
        kept = [record for record in found.values() if shape(dialect, Unit(record.root, (record,))).records == (record,)]
        if kept:
            with tempfile.TemporaryDirectory() as folder:
                same_both_ways(database, pack(Path(folder) / "package", kept), Path(folder))

    holds()


@settings(max_examples=300, deadline=None)
@given(record=st.sampled_from(tuple(KINDS)).flatmap(records), system=st.sampled_from(["sqlite", "postgresql", "mariadb"]))
def test_what_is_kept_is_not_shaped(record: Record, system: str) -> None:
    dialect = DIALECTS[system]()
    batch = to_batch(kind_of(record), [record], ["0" * 64])
    unchanged = shape(dialect, Unit(record.root, (record,))).records == (record,)
    if system == "mariadb":
        assert not keeps(dialect, kind_of(record), batch)
    elif keeps(dialect, kind_of(record), batch):
        assert unchanged
    else:
        assert not unchanged or any(len(text.encode()) > 1990 for text in (record.id, record.root))


def some_tags(count: int) -> list[Record]:
    return [Tag(id=str(n), root=ref("tag", str(n)), target=ref("page", "nowhere" if n % 2 else str(n)), label="l") for n in range(count)]


@pytest.mark.parametrize("where", ["before the commit", "after the commit"])
@pytest.mark.parametrize("then", ["import", "undo"])
def test_an_interrupted_load_is_whole_or_absent(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, then: str) -> None:
    package = pack(tmp_path / "package", some_tags(10))
    commit = Bulk.commit

    def interrupted(self: Bulk) -> None:
        if where == "after the commit":
            commit(self)
        raise Interrupt

    road = planned(package, database.url, tmp_path / "run")
    with monkeypatch.context() as patch:
        patch.setattr(Bulk, "commit", interrupted)
        with pytest.raises(Interrupt):
            road.import_()
    assert bool(tables(database.url)) == (where == "after the commit")
    with contextlib.closing(Ledger(tmp_path / "run" / "ledger.sqlite")) as ledger:
        assert ledger.interrupted == {EVERYTHING}
        assert ledger.size() == 0
    if then == "undo":
        assert road.undo() == (10 if where == "after the commit" else 0)
        assert tables(database.url) == set()
    else:
        road.import_()
        assert road.verify().verdict == "verified"
        assert sum(line.written for line in road.report().import_balance) == package.count()
        with contextlib.closing(Ledger(tmp_path / "run" / "ledger.sqlite")) as ledger:
            assert ledger.interrupted == frozenset()


def test_what_the_database_refuses_goes_by_units(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Bulk.run
    monkeypatch.setattr(Bulk, "run", lambda self, statement: run(self, statement.replace("CREATE INDEX", "CREATE NO INDEX")))
    package = pack(tmp_path / "package", some_tags(3))
    road = carried(package, database.url, tmp_path / "run")
    assert road.report().verdict == "verified"
    assert read_back(package, database.url).keys() == {Ref(f"tag:{n}") for n in range(3)}


@pytest.mark.servers
def test_what_the_target_changes_goes_by_units(postgresql: Any, tmp_path: Path) -> None:
    with postgresql() as database:
        tag = Tag(id="1", root=ref("tag", "1"), target=ref("page", "p"), label="a\0b")
        road = carried(pack(tmp_path / "package", [tag]), database.url, tmp_path / "run")
        assert road.report().verdict == "verified"
        assert database.run("SELECT label FROM reversa_tag") == [("a\u2400b",)]


def test_arrow_keeps_every_instant(tmp_path: Path) -> None:
    del tmp_path
    edge = pa.array([None, -62_135_596_800_000_000, -1, 0, 253_402_300_799_999_999], pa.timestamp("us", "UTC"))
    wanted = [None, "0001-01-01T00:00:00.000000Z", "1969-12-31T23:59:59.999999Z", "1970-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z"]
    assert DIALECTS["sqlite"]().bulk("instant", edge).to_pylist() == wanted
