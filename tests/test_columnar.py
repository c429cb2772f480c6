"""The road by columns against the road by units: the same target, the same ledger, the same verdict."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from adbc_driver_manager import AdbcStatusCode
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from reversa import matching
from reversa.adapter import NotColumnar, Unit
from reversa.columns import to_batch
from reversa.comparing import Comparison, Finding
from reversa.errors import TargetError
from reversa.exporters.sql import SqlExporter
from reversa.importers.sql import SqlImporter
from reversa.ledger import EVERYTHING, Ledger
from reversa.migrating import Road
from reversa.package import Package
from reversa.records import KINDS, Message, Record, Ref, Tag, kind_of, ref, ref_to
from reversa.systems.sql.bulk import Bulk
from reversa.systems.sql.dialects import DIALECTS
from reversa.systems.sql.shaping import keeps, shape
from reversa.verifying import verify
from tests.servers import Database, Sqlite, empty
from tests.strategies import carried, pack, planned, records, units
from tests.test_sql import Interrupt, key_of, read_back, refused, tables


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database of each system that has a driver for columns."""
    yield from empty(request, tmp_path)


@pytest.fixture(autouse=True)
def no_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reversa.rendering.write_html", lambda _report, _language, _path: None)


@contextlib.contextmanager
def by_units() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SqlImporter, "load", refused)
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


def rtrimmed(targets: str) -> list[str]:
    return [target.rstrip("0123456789") for target in json.loads(targets)]


def outcomes(run: Path) -> list[tuple[Any, ...]]:
    """All that the ledger says but the numbers of the keys."""
    with contextlib.closing(sqlite3.connect(run / "ledger.sqlite")) as db:
        assert db.execute("SELECT count(*) FROM intent").fetchone() == (0,)
        rows = [(*row, rtrimmed(targets)) for *row, targets in db.execute("SELECT * FROM outcome ORDER BY kind, id")]
        return [*rows, *db.execute("SELECT * FROM change ORDER BY code, id")]


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
        assert not ledger.counts()
    if then == "undo":
        assert road.undo() == (10 if where == "after the commit" else 0)
        assert tables(database.url) == set()
    else:
        road.import_()
        assert road.verify().verdict == "verified"
        assert sum(line.written for line in road.report().import_balance) == package.count()
        with contextlib.closing(Ledger(tmp_path / "run" / "ledger.sqlite")) as ledger:
            assert ledger.interrupted == frozenset()


def test_a_commit_whose_answer_is_lost_is_found_to_be_ours(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package, commit = pack(tmp_path / "package", some_tags(10)), Bulk.commit
    road = planned(package, database.url, tmp_path / "run")

    class Lost:
        """A connection whose answers are lost."""

        def __init__(self, bulk: Bulk) -> None:
            self._connection, self._refusal = bulk._connection, bulk._refusal

        def commit(self) -> None:
            self._connection.commit()
            raise self._refusal("connection lost", status_code=AdbcStatusCode.IO)  # type: ignore[call-arg]

    def lost(self: Bulk) -> None:
        real, self._connection = self._connection, Lost(self)
        try:
            commit(self)
        finally:
            self._connection = real

    with monkeypatch.context() as patch:
        patch.setattr(Bulk, "commit", lost)
        with pytest.raises(TargetError, match="did not say whether it took the records"):
            road.import_()
    road.import_()
    assert road.verify().verdict == "verified"
    assert {line.kind: (line.written, line.merged) for line in road.report().import_balance} == {"tag": (10, 0)}
    road.undo()
    assert tables(database.url) == set()


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


# ------------------------------------------------------------------------------------------- verification


def verified(road: Road, *, by_records: bool) -> tuple[Comparison, list[Finding]]:
    """What the comparison says, by columns or by records."""
    findings: list[Finding] = []
    package, target = road.package(), road._plan().target
    with pytest.MonkeyPatch.context() as patch, road._importer(target, package) as (locator, importer), road._ledger() as ledger:
        if by_records:
            patch.setattr("reversa.verifying.Remainder", not_columnar)
        with contextlib.closing(road._reader(locator, package)) as exporter:
            comparison = verify(package, importer, exporter, ledger, road.folder, findings.append, lambda _step, _done, _whole: None)
    return comparison, findings


def not_columnar(*_: object) -> None:
    raise NotColumnar


def same_verdict(road: Road, *, columns: bool = True) -> tuple[Comparison, list[Finding]]:
    """The comparison, which is the same both ways; with ``columns``, that way is taken to its end."""
    with pytest.MonkeyPatch.context() as patch:
        if columns:
            patch.setattr("reversa.verifying._spool", None)
        comparison, findings = verified(road, by_records=False)
    reference = verified(road, by_records=True)
    assert findings == reference[1]
    assert comparison == reference[0]
    return comparison, findings


def set_(database: Database, table: str, column: str, value: Any, record: Ref) -> None:
    column = f'"{column}"' if database.system == "postgresql" else column
    database.run(f"UPDATE {table} SET {column} = ? WHERE entity = ?", (value, key_of(database, record)))


def test_an_equal_target_is_verified_the_same_both_ways(database: Database, package: Package, tmp_path: Path) -> None:
    for way, name in ((by_columns, "columns"), (by_units, "units")):
        with way():
            road = carried(package, database.url, tmp_path / name)
        comparison, findings = same_verdict(road)
        assert (comparison.total("="), findings) == (sum(len(encode_fields(r)) for kind in package.kinds() for r, _ in package.records(kind)), [])
        assert comparison.sample is not None
        assert comparison.sample.eligible > 0
        road.undo()


def test_a_package_too_large_for_memory_goes_by_units(package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reversa.columnar.MOST", package.count() - 1)
    monkeypatch.setattr(SqlImporter, "load", refuse)
    monkeypatch.setattr(SqlExporter, "batches", refuse)
    assert carried(package, f"sqlite:///{tmp_path / 'target.db'}", tmp_path / "run").verify().verdict == "verified"


def refuse(*_: object) -> None:
    raise AssertionError("by columns")


def encode_fields(record: Record) -> list[str]:
    return [name for name in record.__struct_fields__ if getattr(record, name) is not None]


def test_any_equal_target_is_verified_the_same_both_ways(tmp_path: Path) -> None:
    database = Sqlite(tmp_path / "any.db")

    @settings(max_examples=20, deadline=None, phases=set(Phase) - {Phase.shrink}, suppress_health_check=list(HealthCheck))
    @given(made=st.lists(units(), min_size=1, max_size=6))
    def holds(made: list[Unit]) -> None:
        found = {ref_to(record): record for unit in made for record in unit.records}
        with tempfile.TemporaryDirectory() as folder:
            road = carried(pack(Path(folder) / "package", found.values()), database.url, Path(folder) / "run")
            same_verdict(road)
            road.undo()

    holds()


def adversarial() -> list[tuple[str, Record, str, Any, list[str]]]:
    """Name, record, column, what the target is made to hold, the fields that differ."""

    def message(id: str, **values: Any) -> Message:
        return Message(id=id, root=ref("message", id), **values)

    at = datetime(2024, 2, 29, 12, 30, 59, 123_456, tzinfo=UTC)
    return [
        ("NULL against <null>", message("1", subject="<null>"), "subject", None, ["subject"]),
        ("<null> against NULL", message("2", author_name="a"), "subject", "<null>", ["subject"]),
        ("a border moved: first half", message("3", subject="x|y", author_name="z"), "subject", "x", ["subject"]),
        ("NFC against NFD", message("4", subject="\u00e9"), "subject", "e\u0301", ["subject"]),
        ("1.0 against 1", message("5", subject="1.0"), "subject", "1", ["subject"]),
        ("one microsecond", message("6", created_at=at), "created_at", at + timedelta(microseconds=1), ["created_at"]),
        ("absent against empty", message("7", subject=""), "subject", None, ["subject"]),
        ("a space at the end", message("8", subject="a"), "subject", "a ", ["subject"]),
        ("upper case", message("9", subject="a"), "subject", "A", ["subject"]),
        ("false against absent", message("10", broadcast=False), "broadcast", None, ["broadcast"]),
    ]


def test_adversarial_pairs_are_named(database: Database, tmp_path: Path) -> None:
    cases = adversarial()
    road = carried(pack(tmp_path / "package", [record for _, record, *_ in cases]), database.url, tmp_path / "run")
    for _, record, column, value, _ in cases:
        if isinstance(value, datetime) and database.system == "sqlite":
            value = value.isoformat().replace("+00:00", "Z")  # noqa: PLW2901 - as this database holds it
        set_(database, "reversa_message", column, value, ref_to(record))
    set_(database, "reversa_message", "author_name", "y|z", ref("message", "3"))
    _, findings = same_verdict(road)
    named = {(f.id, f.field) for f in findings}
    assert named == {(r.id, field) for _, r, _, _, names in cases for field in names} | {("3", "author_name")}


def test_a_damaged_target_is_judged_the_same_both_ways(database: Database, package: Package, tmp_path: Path) -> None:
    road = carried(package, database.url, tmp_path / "run")
    set_(database, "reversa_user", "display_name", "another", ref("user", "1"))
    set_(database, "reversa_space", "visibility", "public", ref("space", "1"))
    set_(database, "reversa_reaction", "target", key_of(database, ref("user", "2")), ref("reaction", "1"))
    set_(database, "reversa_task_assignees", "value", key_of(database, ref("group", "2")), ref("task", "1"))
    set_(database, "reversa_event_participants", "name", "another", ref("event", "1"))
    set_(database, "reversa_event", "start", "not a time", ref("event", "2"))
    database.run("DELETE FROM reversa_tag WHERE entity = ?", (key_of(database, ref("tag", "2")),))
    quote = '"' if database.system == "postgresql" else ""
    database.run(f"UPDATE reversa_entity SET id = 'other' WHERE {quote}key{quote} = ?", (key_of(database, ref("alias", "2")),))
    database.run("UPDATE reversa_blob SET content = ?", (b"another content",))
    comparison, findings = same_verdict(road)
    assert {(f.kind, f.id, f.status) for f in findings} >= {
        ("user", "1", "*"), ("space", "1", "*"), ("reaction", "1", "*"), ("task", "1", "*"), ("event", "1", "*"), ("event", "2", "!"),
        ("tag", "2", "-"), ("alias", "2", "-"), ("alias", "other", "+"), ("file", "1", "*"),
    }  # fmt: skip
    assert comparison.lost_ids == 2
    assert comparison.rights_widened == 1


@pytest.mark.parametrize(
    ("table", "column", "value", "record"),
    [
        ("reversa_message", "created_at", "2024-02-29T23:59:59.999999+00:00", "message:1"),
        ("reversa_message", "created_at", "yesterday", "message:1"),
        ("reversa_message", "broadcast", 2, "message:1"),
        ("reversa_message", "subject", b"bytes", "message:1"),
        ("reversa_message", "root", 999_999, "message:1"),
        ("reversa_message", "body_format", None, "message:1"),
        ("reversa_deal", "close_date", "20240229", "deal:1"),
        ("reversa_file", "size", "large", "file:1"),
        ("reversa_user", "emails_count", 7, "user:1"),
        ("reversa_user_emails", "position", 4, "user:1"),
    ],
)
def test_what_no_column_can_hold_is_judged_by_records(package: Package, tmp_path: Path, table: str, column: str, value: Any, record: str) -> None:
    with contextlib.closing(Sqlite(tmp_path / "target.db")) as database:
        road = carried(package, database.url, tmp_path / "run")
        set_(database, table, column, value, Ref(record))
        comparison, _ = same_verdict(road, columns=False)
        assert comparison.unreadable == (0 if value in ("2024-02-29T23:59:59.999999+00:00", "20240229", 4) else 1)


def test_a_side_that_is_empty_is_not_waited_for_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "WAITING", 20)
    batches = (pa.record_batch({"id": pa.array([str(n) for n in range(start, start + 10)])}) for start in range(0, 200, 10))
    found = [len(one) for one, _, met in matching.matched(batches, iter(())) if not met]
    assert sum(found) == 200
    assert max(found) <= 30


def test_ids_are_met_wherever_they_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "WAITING", 20)
    batches = [[str(n) for n in range(start, start + 10)] for start in range(0, 200, 10)]
    left = [pa.record_batch({"id": pa.array(ids)}) for ids in batches]
    right = [pa.record_batch({"id": pa.array(ids[::-1])}) for ids in [batches[1], batches[0], *batches[3:]]]
    met, alone = list[str | None](), [list[str | None](), list[str | None]()]
    for one, other, paired in matching.matched(iter(left), iter(right)):
        if paired:
            assert one["id"].equals(other["id"])
            met += one["id"].to_pylist()
        else:
            alone[0] += one["id"].to_pylist()
            alone[1] += other["id"].to_pylist()
    assert sorted(map(str, met + alone[1])) == sorted(id for ids in [*batches[:2], *batches[3:]] for id in ids)
    assert set(batches[2]) <= set(alone[0])
