"""The SQL target on real databases: every field arrives, every change to a column is seen, failures leave no half."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reversa import importing, registry
from reversa.adapter import Locator, NotColumnar, Options, Outcome, Rows, Session, Shaped, Unit
from reversa.canonical import digest, encode
from reversa.comparing import Finding
from reversa.errors import LocatorError, ReversaError, SourceError, TargetError
from reversa.importers.sql import SqlImporter
from reversa.ledger import Ledger
from reversa.migrating import Road, migrate
from reversa.package import Package
from reversa.records import KINDS, Body, File, Membership, Message, Reaction, Record, Ref, Space, Tag, User, kind_of, ref, ref_to
from reversa.schema import Field, fields
from tests.paths import shelf
from tests.servers import Database, Server, Sqlite
from tests.strategies import carried, ids, pack, planned, units

AT = datetime(2024, 2, 29, 12, 30, 59, 123_456, tzinfo=UTC)


def message(id: str, text: str = "hello", **values: Any) -> Message:
    return Message(id=id, root=ref("message", id), created_at=AT, body=Body(format="plain", text=text), **values)


def tag(id: str, **values: Any) -> Tag:
    return Tag(**{"id": id, "root": ref("tag", id), "target": ref("page", "somewhere"), "label": "a label"} | values)


@pytest.fixture(autouse=True)
def no_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The report as HTML is tested elsewhere, and takes longer than the rest of a small run."""
    monkeypatch.setattr("reversa.rendering.write_html", lambda _report, _language, _path: None)


def refused(_self: SqlImporter, _rows: Rows, _session: Session) -> None:
    raise NotColumnar


@pytest.fixture
def by_units(monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole package is not loaded by columns, where a test is about the writing of units."""
    monkeypatch.setattr(SqlImporter, "load", refused)


@contextlib.contextmanager
def opened(url: str, package: Package) -> Iterator[SqlImporter]:
    """The importer, open on a target."""
    with contextlib.closing(SqlImporter.open(Locator("sql", url), Options(source=package.source))) as importer:
        yield importer


def expected(package: Package, url: str) -> dict[Ref, Record]:
    """What the target should show."""
    with opened(url, package) as importer:
        return {ref_to(record): record for unit, _ in package.units() for record in importer.shape(unit).records}


def read_back(package: Package, url: str) -> dict[Ref, Record]:
    """What the exporter finds in the target, contents checked."""
    found = {}
    exporter = registry.exporter("sql").open(Locator("sql", url), Options(source=package.source))
    with contextlib.closing(exporter):
        for item in exporter.items():
            record = getattr(item, "record", item)
            assert isinstance(record, Record), item
            if hasattr(item, "blob"):
                with exporter.open_blob(item.blob) as content:
                    assert hashlib.sha256(content.read()).hexdigest() == record.sha256  # type: ignore[attr-defined]
            found[ref_to(record)] = record
        assert exporter.census() == Counter(kind_of(record) for record in found.values() if not getattr(record, "placeholder", None))
    return found


def tables(url: str) -> set[str]:
    """Names of all tables and views."""
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:").replace("mariadb:", "mariadb+pymysql:"))
    inspector = sa.inspect(engine)
    try:
        return {*inspector.get_table_names(), *inspector.get_view_names()}
    finally:
        engine.dispose()


def columns(url: str, table: str) -> set[str]:
    """Names of a table's columns."""
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:").replace("mariadb:", "mariadb+pymysql:"))
    try:
        return {column["name"] for column in sa.inspect(engine).get_columns(table)}
    finally:
        engine.dispose()


def quoted(database: Database, name: str) -> str:
    return f"`{name}`" if database.system == "mariadb" else f'"{name}"'


def count(database: Database, table: str) -> int:
    return int(database.run(f"SELECT count(*) FROM {table}")[0][0])


def key_of(database: Database, record: Ref) -> int:
    """The key of a record in the entity table."""
    kind, _, id = record.partition(":")
    [(key,)] = database.run(f"SELECT {quoted(database, 'key')} FROM reversa_entity WHERE kind = ? AND id = ?", (kind, id))
    return int(key)


# ------------------------------------------------------------------------------------------- everything arrives


def test_any_records_arrive_come_back_and_can_be_undone(database: Database) -> None:
    @settings(
        max_examples=15 if database.system == "sqlite" else 6, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
    )
    @given(made=st.lists(units(), max_size=6))
    def holds(made: list[Unit]) -> None:
        records = {ref_to(record): record for unit in made for record in unit.records}.values()
        with tempfile.TemporaryDirectory() as folder:
            package = pack(Path(folder) / "package", records)
            road = carried(package, database.url, Path(folder) / "run")
            try:
                assert road.report().verdict == "verified", (road.report().reasons, road.findings())
                assert read_back(package, database.url) == expected(package, database.url)
            finally:  # what one example leaves would fail every example after it
                road.undo()
            assert tables(database.url) == set()

    holds()


@pytest.mark.parametrize("name", ["slack-export-houstondatavis-2016-scrubbed.zip", "slack-export-viewer-testarchive.zip", "generated/small.zip"])
def test_slack_exports_arrive(database: Database, tmp_path: Path, name: str) -> None:
    report = migrate(str(shelf(f"samples/{name}")), database.url, tmp_path / "run", private=True)
    assert report.verdict == "verified", report.findings
    assert report.headline.values > 0
    assert report.headline.wrong == report.headline.unchecked == 0


def test_the_view_of_messages_shows_names_and_texts(database: Database, tmp_path: Path) -> None:
    texts = ["plain", "a \0 in JSON", 'said "\\u0000" and \\\\', "é😀\u2028", "x" * 70_000, ""]
    records: list[Record] = [
        User(id="U1", root=ref("user", "U1"), display_name="Ada"),
        Space(id="C1", root=ref("space", "C1"), name="general"),
        Membership(id="1", root=ref("space", "C1"), group=ref("space", "C1"), member=ref("user", "U1"), role="guest"),
        *(
            Message(
                id=str(number), root=ref("message", str(number)), created_by=ref("user", "U1" if number else "U2"), space=ref("space", "C1"),
                body=Body(format="slack-message", text=json.dumps({"text": text}, ensure_ascii=False)),
            )
            for number, text in enumerate(texts)
        ),
        message("in another markup", "{not JSON"),
    ]  # fmt: skip
    road = carried(pack(tmp_path / "package", records), database.url, tmp_path / "run")
    assert road.report().verdict == "verified"
    shown = {
        message: (space, author, text) for message, space, author, text in database.run("SELECT message, space, author, text FROM reversa_v_message")
    }
    nul = "\0" if database.system == "mariadb" else "\u2400"
    wanted = {str(number): ("general", "Ada" if number else "U2", text.replace("\0", nul)) for number, text in enumerate(texts)}
    assert shown == wanted | {"in another markup": (None, None, "{not JSON")}


# ------------------------------------------------------------------------------------------- every column is compared


class Spot(NamedTuple):
    """A column of the target, and the field whose value it holds."""

    table: str
    column: str
    field: Field
    holds: Field | None
    """None: the number of items of a list."""


def spots(kind: str) -> list[Spot]:
    """Every column of a kind, except the keys of its tables."""
    found = []
    for field in fields(kind):
        table = f"reversa_{kind}"
        if field.is_list:
            found.append(Spot(table, f"{field.name}_count", field, None))
            members = {member.name: member for member in field.parts} or {"value": field}
            found += [Spot(f"{table}_{field.name}", name, field, member) for name, member in members.items()]
        elif field.part is not None:
            found += [Spot(table, f"{field.name}_{member.name}", field, member) for member in field.parts]
        elif field.name != "id":
            found.append(Spot(table, field.name, field, field))
    return found


def filled(kind: str, number: int, contents: dict[str, bytes]) -> Record:
    """A record with a value, or three, in every field."""
    content = f"content of {kind} {number:03d}".encode()
    sha256 = hashlib.sha256(content).hexdigest()

    def value(field: Field, n: int) -> Any:
        if field.part is not None:
            return field.part(**{member.name: value(member, n) for member in field.parts})
        if field.type == "ref":
            kinds = tuple(KINDS) if field.note.to == ("*",) else field.note.to
            return ref(kinds[n % len(kinds)], f"{n // len(kinds)}")
        return {
            "string": field.choices[n % len(field.choices)] if field.choices else f"text {n}",
            "integer": 2**53 - 1 - n,
            "boolean": bool(n % 2),
            "instant": AT + timedelta(microseconds=n),
            "date": date(2024, 2, 29) + timedelta(days=n),
            "local-datetime": f"2024-02-29T12:30:59.{n}",
            "decimal": f"-{n}.50",
            "sha256": sha256,
        }[field.type]

    values: dict[str, Any] = {f.name: value(f, number) for f in fields(kind) if not f.is_list}
    for field in (f for f in fields(kind) if f.is_list):
        items = [value(field, n) for n in range(3)]
        values[field.name] = sorted(items) if field.unordered else items
    if "sha256" in values:
        contents[sha256] = content
        values["size"] = len(content)
    return KINDS[kind](**values | {"id": str(number), "root": ref(kind, str(number))})


class Changed(NamedTuple):
    spot: Spot
    where: tuple[int, ...]
    before: Any
    record: Ref


class Filled:
    """A target that holds, per kind, one full record for each of its columns."""

    def __init__(self, database: Database, folder: Path) -> None:
        contents: dict[str, bytes] = {}
        records = [filled(kind, number, contents) for kind in KINDS for number in range(len(spots(kind)) + 1)]
        self.database = database
        self.road = carried(pack(folder / "package", records, contents=contents), database.url, folder / "run")
        assert self.road.report().verdict == "verified", self.road.findings()

    def change(self, kind: str, number: int, spot: Spot, other: Callable[[Spot, Any, Ref], Any]) -> Changed | None:
        """Put another value in one column of one record, if ``other`` has one."""
        record = ref(kind, str(number))
        where = (key_of(self.database, record), *((1,) if spot.table != f"reversa_{kind}" else ()))
        column = quoted(self.database, spot.column)
        [(before,)] = self.database.run(f"SELECT {column} FROM {spot.table} WHERE {self._condition(where)}", where)
        after = other(spot, before, record)
        if after is UNCHANGED:
            return None
        changed = Changed(spot, where, before, record)
        self._set(changed, after)
        return changed

    def restore(self, changed: Changed) -> None:
        self._set(changed, changed.before)

    def _condition(self, where: tuple[int, ...]) -> str:
        return "entity = ?" + (" AND position = ?" if len(where) > 1 else "")

    def _set(self, changed: Changed, value: Any) -> None:
        spot = changed.spot
        self.database.run(
            f"UPDATE {spot.table} SET {quoted(self.database, spot.column)} = ? WHERE {self._condition(changed.where)}", (value, *changed.where)
        )

    def every_column(self, other: Callable[[Spot, Any, Ref], Any]) -> tuple[list[Changed], list[Finding]]:
        """Change each column in a record of its own, verify, and put all back."""
        changes = [self.change(kind, number, spot, other) for kind in KINDS for number, spot in enumerate(spots(kind))]
        made = [changed for changed in changes if changed is not None]
        report = self.road.verify()
        assert report.verdict == "different"
        findings = self.road.findings()
        for changed in made:
            self.restore(changed)
        assert self.road.verify().verdict == "verified"
        return made, findings


UNCHANGED = object()


def blamed(findings: Sequence[Finding]) -> dict[Ref, set[str]]:
    """Record → the fields that its findings name."""
    found: dict[Ref, set[str]] = {}
    for finding in findings:
        named = {finding.field} if finding.field is not None else set()
        if finding.status == "!" and finding.field is None:
            names = {field.name for field in fields(finding.kind)}
            named = {name for name in names if finding.note.startswith(f"{name}:") or f"$.{name}`" in finding.note or f"$.{name}[" in finding.note}
        found.setdefault(ref(finding.kind, finding.id), set()).update(name for name in named if name is not None)
    return found


def assert_blamed_exactly(made: Sequence[Changed], findings: Sequence[Finding]) -> None:
    found = blamed(findings)
    wanted = {changed.record: {changed.spot.field.name} for changed in made}
    assert {record: found.get(record) for record in wanted} == wanted
    assert found.keys() == wanted.keys()


def test_the_spots_are_all_columns_of_the_target(database: Database, tmp_path: Path) -> None:
    Filled(database, tmp_path)
    wanted: dict[str, set[str]] = {}
    for spot in (spot for kind in KINDS for spot in spots(kind)):
        keys = {"entity"} if spot.table in {f"reversa_{kind}" for kind in KINDS} else {"entity", "position"}
        wanted.setdefault(spot.table, keys).add(spot.column)
    shared = {
        "reversa_source": {"key", "system", "tenant"},
        "reversa_entity": {"key", "source", "kind", "id"},
        "reversa_blob": {"sha256", "position", "content"},
    }
    present = {name for name in tables(database.url) if "_v_" not in name}
    assert {name: columns(database.url, name) for name in present} == wanted | shared


def test_another_value_in_any_column_is_found(database: Database, tmp_path: Path) -> None:
    target = Filled(database, tmp_path)

    def other(spot: Spot, value: Any, record: Ref) -> Any:
        field = spot.holds
        if field is None:
            return value + 1
        if field.type == "ref":
            kind, id = database.run(f"SELECT kind, id FROM reversa_entity WHERE {quoted(database, 'key')} = ?", (value,))[0]
            (key,) = database.run(f"SELECT max({quoted(database, 'key')}) FROM reversa_entity WHERE kind = ? AND id <> ?", (kind, id))[0]
            return key
        if field.choices:
            return next(choice for choice in field.choices if choice != value)
        if isinstance(value, datetime):
            return value + timedelta(microseconds=1)
        if isinstance(value, date):
            return value + timedelta(days=1)
        if field.type == "boolean":
            return not value
        if field.type == "integer":
            return value - 1
        if field.type == "sha256":
            kind, _, number = record.partition(":")
            return hashlib.sha256(f"content of {kind} {int(number) + 1:03d}".encode()).hexdigest()
        if field.type == "instant":
            return value.replace("T12", "T11")
        return {"decimal": f"{value}0", "local-datetime": value.replace("T12", "T11"), "date": value.replace("2024", "2020"), "string": f"{value} "}[
            field.type
        ]

    made, findings = target.every_column(other)
    assert len(made) == sum(len(spots(kind)) for kind in KINDS)
    assert_blamed_exactly(made, findings)


def test_no_value_in_any_column_is_found(database: Database, tmp_path: Path) -> None:
    target = Filled(database, tmp_path)

    def other(spot: Spot, _: Any, __: Ref) -> Any:
        required = spot.holds is not None and spot.holds.required and spot.field.part is None and not spot.field.is_list
        in_list = spot.holds is not None and spot.field.is_list and (spot.field.part is None or spot.holds.required)
        return UNCHANGED if required or in_list else None

    made, findings = target.every_column(other)
    assert len(made) > 300
    assert_blamed_exactly(made, findings)


def test_an_impossible_value_in_any_column_is_found(database: Database, tmp_path: Path) -> None:
    target = Filled(database, tmp_path)
    strict = database.system != "sqlite"

    def other(spot: Spot, _: Any, __: Ref) -> Any:
        field = spot.holds
        if field is None:
            return -1
        if field.choices or field.type in ("decimal", "sha256", "local-datetime"):
            return "zzz"
        if field.type in ("instant", "date"):
            return {"sqlite": "yesterday", "postgresql": "infinity", "mariadb": "0000-00-00"}[database.system]
        if field.type == "boolean":
            return UNCHANGED if database.system == "postgresql" else 7
        if field.type == "integer":
            return 2**60 if strict else "many"
        if field.type == "ref":
            return UNCHANGED if strict else 10**9
        return UNCHANGED if strict else b"\x00\xff"

    made, findings = target.every_column(other)
    assert len(made) > (150 if strict else 400)
    assert_blamed_exactly(made, findings)


def test_text_that_is_not_utf8_is_found(tmp_path: Path) -> None:
    database = Sqlite(tmp_path / "target.db")
    road = carried(pack(tmp_path / "package", [message("1"), message("2")]), database.url, tmp_path / "run")
    database.run("UPDATE reversa_message SET body_text = CAST(x'ff61' AS TEXT) WHERE entity = ?", (key_of(database, ref("message", "1")),))
    assert road.verify().verdict == "different"
    assert blamed(road.findings()).keys() == {"message:1"}


# ------------------------------------------------------------------------------------------- rows and contents too


def test_rows_deleted_added_and_swapped_are_found(database: Database, tmp_path: Path) -> None:
    people = [User(id=str(n), root=ref("user", str(n)), emails=[f"{n}@a", f"{n}@b", f"{n}@c"]) for n in range(5)]
    road = carried(pack(tmp_path / "package", [*people, tag("here"), tag("gone")]), database.url, tmp_path / "run")
    assert road.report().verdict == "verified"

    def user(number: int) -> int:
        return key_of(database, ref("user", str(number)))

    database.run("DELETE FROM reversa_tag WHERE entity = ?", (key_of(database, ref("tag", "gone")),))
    database.run("DELETE FROM reversa_user_emails WHERE entity = ? AND position = 2", (user(1),))
    database.run("INSERT INTO reversa_user_emails VALUES (?, 3, 'fourth')", (user(2),))
    for old, new in ((0, 9), (1, 0), (9, 1)):
        database.run("UPDATE reversa_user_emails SET position = ? WHERE entity = ? AND position = ?", (new, user(3), old))
    [(source,)] = database.run("SELECT source FROM reversa_entity WHERE kind = 'tag' AND id = 'here'")
    database.run("INSERT INTO reversa_entity VALUES (10000, ?, 'tag', 'strange')", (source,))
    target, label = (quoted(database, name) for name in ("target", "label"))
    database.run(f"INSERT INTO reversa_tag (entity, root, {target}, {label}) VALUES (10000, 10000, 10000, 'x')")

    assert road.verify().verdict == "different"
    statuses: dict[Ref, set[str]] = {}
    for finding in road.findings():
        statuses.setdefault(ref(finding.kind, finding.id), set()).add(finding.status)
    assert statuses["tag:gone"] == {"-"}  # type: ignore[index]
    assert statuses["tag:strange"] == {"+"}  # type: ignore[index]
    assert statuses["user:3"] == {"*"}  # type: ignore[index]
    assert statuses.keys() == {"tag:gone", "tag:strange", "user:1", "user:2", "user:3"}
    named = blamed(road.findings())
    assert all(named[ref("user", str(n))] == {"emails"} for n in (1, 2, 3))


def test_changed_cut_and_lost_contents_are_found(database: Database, tmp_path: Path) -> None:
    contents = {}
    records: list[Record] = []
    for name in ("whole", "changed", "cut", "grown", "hole", "lost"):
        content = name.encode() * 500_000
        sha256 = hashlib.sha256(content).hexdigest()
        contents[sha256] = content
        records.append(File(id=name, root=ref("file", name), target=ref("message", "1"), sha256=sha256, size=len(content)))
    road = carried(pack(tmp_path / "package", records, contents=contents), database.url, tmp_path / "run")
    assert road.report().verdict == "verified"
    digests = {record.id: record.sha256 for record in records}  # type: ignore[attr-defined]

    [(chunk,)] = database.run("SELECT content FROM reversa_blob WHERE sha256 = ? AND position = 1", (digests["changed"],))
    database.run("UPDATE reversa_blob SET content = ? WHERE sha256 = ? AND position = 1", (chunk[:-1] + b"!", digests["changed"]))
    database.run("DELETE FROM reversa_blob WHERE sha256 = ? AND position = 1", (digests["cut"],))
    database.run("INSERT INTO reversa_blob VALUES (?, 9, ?)", (digests["grown"], b"more"))
    database.run("DELETE FROM reversa_blob WHERE sha256 = ? AND position = 0", (digests["hole"],))
    database.run("DELETE FROM reversa_blob WHERE sha256 = ?", (digests["lost"],))
    assert road.verify().verdict == "different"
    named = blamed(road.findings())
    assert named.keys() == {"file:changed", "file:cut", "file:grown", "file:hole", "file:lost"}
    assert all("sha256" in of_record for of_record in named.values())


def test_nothing_is_stored_twice(database: Database, tmp_path: Path) -> None:
    target = Filled(database, tmp_path)
    values = [str(value) for table in tables(database.url) for row in database.run(f"SELECT * FROM {table}") for value in row]
    assert len(values) > 10_000
    everything = "\n".join(values)
    for unit, _ in target.road.package().units():
        for record in unit.records:
            assert digest(encode(record)) not in everything
            assert encode(record).decode() not in everything
            assert f'"{record.id}"' not in everything, "something is kept as JSON"


# ------------------------------------------------------------------------------------------- nothing is written twice


SOME_CONTENTS = {hashlib.sha256(content).hexdigest(): content for content in (f"content {n}".encode() for n in range(300))}


def some_records(count: int) -> list[Record]:
    """Users, and messages with reactions and contents."""
    digests = list(SOME_CONTENTS)
    people = [User(id=f"U{n}", root=ref("user", f"U{n}"), emails=[f"{n}@example.org"] * (n % 3)) for n in range(count // 4)]
    spoken = [message(f"{n:04d}", f"text {n} " * 100, created_by=ref("user", f"U{n % (count // 3)}")) for n in range(count)]
    reactions = [Reaction(id=f"r{n}", root=m.root, target=m.root, key="+1") for n, m in enumerate(spoken)]
    files = [File(id=f"f{n}", root=m.root, target=m.root, sha256=digests[n], size=0) for n, m in enumerate(spoken) if n % 7 == 0]
    return [*people, *spoken, *reactions, *files]


def test_a_second_import_writes_nothing_and_find_tells_where(database: Database, tmp_path: Path) -> None:
    package = pack(tmp_path / "package", some_records(60), contents=SOME_CONTENTS)
    carried(package, database.url, tmp_path / "first")
    before = database.dump()
    second = carried(package, database.url, tmp_path / "second")
    report = second.report()
    assert report.verdict == "verified"
    assert sum(balance.written for balance in report.import_balance) == 0
    assert sum(balance.merged for balance in report.import_balance) == package.count()
    assert database.dump() == before

    with opened(database.url, package) as importer:
        records = [ref_to(record) for unit, _ in package.units() for record in unit.records]
        found = importer.find([*records, ref("user", "U19"), ref("user", "nobody"), ref("poll", "none")])
        assert found == {record: (f"reversa_{record.partition(':')[0]}/{key_of(database, record)}",) for record in records}
    assert key_of(database, ref("user", "U19"))  # referred to, but not there


def test_two_sources_with_the_same_ids_do_not_meet(database: Database, tmp_path: Path) -> None:
    for tenant in ("acme", "Acme", "acme "):
        package = pack(tmp_path / tenant, [message("1", f"of {tenant}")], tenant)
        assert carried(package, database.url, tmp_path / f"run of {tenant}").report().verdict == "verified"
    assert count(database, "reversa_message") == 3


class Interrupt(Exception):
    """Power cut."""


@pytest.mark.usefixtures("by_units")
@pytest.mark.parametrize("where", ["before", "inside", "after"])
@pytest.mark.parametrize("call", [1, 3])
def test_an_interrupted_import_goes_on_and_ends_the_same(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, call: int
) -> None:
    monkeypatch.setattr(importing, "BATCH", 30)
    package = pack(tmp_path / "package", some_records(60), contents=SOME_CONTENTS)
    whole = carried(package, database.url, tmp_path / "whole")
    wanted = database.dump()
    whole.undo()
    assert tables(database.url) == set()

    write, calls, sent = SqlImporter.write, 0, list[Ref]()

    def interrupted(self: SqlImporter, units: Sequence[Shaped], session: Session) -> list[Outcome]:
        nonlocal calls
        calls += 1
        sent.extend(ref_to(record) for unit in units for record in unit.records)
        if calls != call:
            return list(write(self, units, session))
        if where == "before":
            raise Interrupt
        list(write(self, units, Cut() if where == "inside" else session))
        assert where == "after"
        raise Interrupt

    class Cut:
        def open_blob(self, sha256: str) -> Any:
            raise Interrupt(sha256)

    monkeypatch.setattr(SqlImporter, "write", interrupted)
    road = planned(package, database.url, tmp_path / "run")
    with pytest.raises(Interrupt):
        road.import_()
    with contextlib.closing(Ledger(tmp_path / "run" / "ledger.sqlite")) as ledger:
        confirmed = {record for record, _ in ledger.written()}
    assert len(confirmed) < len(set(sent)) or where == "before"
    sent.clear()
    road.import_()
    assert not confirmed & set(sent)
    assert road.verify().verdict == "verified"
    balance = road.report().import_balance
    assert sum(line.written for line in balance) == package.count()
    assert database.dump() == wanted


# ------------------------------------------------------------------------------------------- limits


def test_ids_that_look_alike_stay_apart(database: Database, tmp_path: Path) -> None:
    alike = [
        "a",
        "A",
        "a ",
        " a",
        "a\u00a0",
        "é",
        "e\u0301",
        "É",
        "ß",
        "ss",
        "SS",
        "ı",
        "i",
        "I",
        "İ",
        "ﬁ",
        "fi",
        "1",
        "01",
        "１",
        "a\t",
        "日",
        "😀",
        "😁",
        "\u200b",
        "\u200c",
    ]
    package = pack(tmp_path / "package", [message(id, f"text of {id}", space=ref("space", id)) for id in alike])
    assert carried(package, database.url, tmp_path / "run").report().verdict == "verified"
    assert {record.id: record.body.text for record in read_back(package, database.url).values()} == {id: f"text of {id}" for id in alike}  # type: ignore[attr-defined]


def test_what_a_text_may_hold_is_as_stated(database: Database, tmp_path: Path) -> None:
    package = pack(
        tmp_path / "package",
        [message("1", "a\0b"), message("2", "plain"), message("x\0y", "its id"), message("refers", "to", space=ref("space", "c\0d"))],
    )
    road = carried(package, database.url, tmp_path / "run")
    report = road.report()
    assert report.verdict == "verified"
    shown = {record.id: record.body.text for record in read_back(package, database.url).values()}  # type: ignore[attr-defined]
    planned_changes = {line.change.code: line.observed for line in report.changes}
    if database.system == "postgresql":
        assert shown == {"1": "a\u2400b", "2": "plain"}
        assert planned_changes == {"sql.message.body.nul": 1, "sql.message.id.nul": 2}
        assert report.headline.converted == 1
        assert report.headline.left_out == 2
    else:
        assert shown == {"1": "a\0b", "2": "plain", "x\0y": "its id", "refers": "to"}
        assert planned_changes == {}


def test_how_long_an_id_may_be_is_as_stated(database: Database, tmp_path: Path) -> None:
    records: list[Record] = [message("1")]
    for character in "ié😀":
        longest = {"sqlite": 100_000, "postgresql": 2_000 // len(character.encode()), "mariadb": 512}[database.system]
        fits, too_long = character * longest, character * (longest + 1)
        records += [message(fits), message(too_long), message(f"refers to {character}", space=ref("space", too_long))]
    package = pack(tmp_path / "package", records)
    report = carried(package, database.url, tmp_path / "run").report()
    assert report.verdict == "verified", report.reasons
    left_out = {} if database.system == "sqlite" else {"sql.message.id.long": 6}
    assert {line.change.code: line.observed for line in report.changes} == left_out
    assert {line.kind: line.skipped for line in report.import_balance} == {"message": sum(left_out.values())}
    stated = {"postgresql": "2,000 bytes", "mariadb": "512 characters"}
    with opened(database.url, package) as importer:
        assert importer.facts.limits.get("id", "").startswith(stated.get(database.system, ""))


def test_how_large_a_record_may_be_is_as_stated(database: Database, tmp_path: Path) -> None:
    """MariaDB takes no statement over its max_allowed_packet; the others take far more than a message holds."""
    quotes = "'" * (8 * 2**20 - 2000)  # each is written twice in a statement
    package = pack(tmp_path / "package", [message("1"), message("fits", quotes), message("too large", "x" * (8 * 2**20))])
    road = carried(package, database.url, tmp_path / "run")
    assert road.report().verdict == "verified", road.report().refused
    left_out = {"sql.message.large": 1} if database.system == "mariadb" else {}
    assert {line.change.code: line.observed for line in road.report().changes} == left_out
    with opened(database.url, package) as importer:
        assert ("8,388,608 bytes" in str(importer.facts.limits)) == (database.system == "mariadb")


def test_contents_of_any_bytes_and_size_arrive(database: Database, tmp_path: Path) -> None:
    given_contents = [b"", b"\0", bytes(range(256)) * 8192, b"'\\" * 2**20, b"x" * (2**20), b"x" * (2**20 + 1)]
    contents = {hashlib.sha256(content).hexdigest(): content for content in given_contents}
    records = [File(id=sha256, root=ref("file", sha256), target=ref("page", "1"), sha256=sha256, size=0) for sha256 in contents]
    package = pack(tmp_path / "package", records, contents=contents)
    assert carried(package, database.url, tmp_path / "run").report().verdict == "verified"
    assert len(read_back(package, database.url)) == len(contents)


def test_a_set_stays_a_set_when_its_texts_are_converted(database: Database, tmp_path: Path) -> None:
    roles = ["\0z", "a", "b", "\u2400z"]
    package = pack(tmp_path / "package", [User(id="1", root=ref("user", "1"), roles=roles)])
    assert carried(package, database.url, tmp_path / "run").report().verdict == "verified"
    [user] = read_back(package, database.url).values()
    assert user.roles == (["a", "b", "\u2400z"] if database.system == "postgresql" else roles)  # type: ignore[attr-defined]


@settings(max_examples=200, deadline=None)
@given(id=ids, text=st.text(st.characters(exclude_categories=["Cs"]), max_size=5))
def test_shape_of_postgresql_leaves_no_nul_and_counts_each(id: str, text: str) -> None:
    from reversa.systems.sql.dialects import PostgreSQL
    from reversa.systems.sql.shaping import shape

    record = message(id, text, subject=text)
    shaped = shape(PostgreSQL(), Unit(record.root, (record,)))
    if "\0" in id:
        assert shaped.records == ()
        assert [noted.code for noted in shaped.noted] == ["sql.message.id.nul"]
    else:
        assert "\0" not in msgspec.json.decode(encode(shaped.records[0]), type=dict[str, Any])["body"]["text"]
        assert [noted.code for noted in shaped.noted] == ["sql.message.subject.nul", "sql.message.body.nul"] * ("\0" in text)


# ------------------------------------------------------------------------------------------- what a database refuses


def forbid(database: Database, table: str, column: str) -> None:
    """Make the database refuse rows with `bad` in a column, by a trigger."""
    bad = f"NEW.{column} = 'bad'"
    if database.system == "postgresql":
        database.run("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'we do not want this'; END $$")
        database.run(f"CREATE TRIGGER t BEFORE INSERT ON {table} FOR EACH ROW WHEN ({bad}) EXECUTE FUNCTION refuse()")
    elif database.system == "mariadb":
        signal = "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'we do not want this'"
        database.run(f"CREATE TRIGGER t BEFORE INSERT ON {table} FOR EACH ROW IF {bad} THEN {signal}; END IF")
    else:
        database.run(f"CREATE TRIGGER t BEFORE INSERT ON {table} WHEN {bad} BEGIN SELECT RAISE(ABORT, 'we do not want this'); END")


def constrain(database: Database, table: str, column: str) -> None:
    """The same by a CHECK."""
    if database.system == "sqlite":
        pytest.skip("SQLite adds no CHECK to a table that is there")
    database.run(f"ALTER TABLE {table} ADD CONSTRAINT we_do_not_want_this CHECK ({column} <> 'bad')")


@pytest.mark.parametrize("how", [forbid, constrain])
@pytest.mark.parametrize(("table", "column"), [("message", "subject"), ("reaction", "key")])
def test_a_refused_row_refuses_its_unit_and_no_other(
    database: Database, tmp_path: Path, how: Callable[[Database, str, str], None], table: str, column: str
) -> None:
    carried(pack(tmp_path / "other", some_records(8), "other", SOME_CONTENTS), database.url, tmp_path / "first")
    how(database, f"reversa_{table}", quoted(database, column))

    fine = [message(str(n)) for n in range(50)]
    bad = message("bad", subject="bad" if table == "message" else "good", author_name="a\0b")  # PostgreSQL would convert it
    children = [Reaction(id=f"on {m.id}", root=m.root, target=m.root, key="bad" if m is bad and table == "reaction" else "+1") for m in [*fine, bad]]
    package = pack(tmp_path / "package", [*fine, bad, *children])
    road = carried(package, database.url, tmp_path / "run")
    report = road.report()
    assert (report.verdict, report.reasons) == ("incomplete", ("refused",))
    assert road.findings() == []
    balance = {line.kind: (line.written, line.refused, line.blocked, line.unexplained) for line in report.import_balance}
    assert balance == {"message": (50, 1, 0, 0), "reaction": (50, 0, 1, 0)}
    assert [(line.planned, line.observed, line.refused) for line in report.changes] == [(1, 0, 1)] * (database.system == "postgresql")
    reasons = {event.where: event.reason for event in report.refused}
    assert re.search("do.not.want.this", reasons["message:bad"])
    assert "hello" not in reasons["message:bad"]  # nobody's words
    assert "message:bad" in reasons["reaction:on bad"]
    assert read_back(package, database.url).keys() == {ref_to(record) for record in [*fine, *children[:-1]]}


# ------------------------------------------------------------------------------------------- when the database fails


def assert_whole_batches(database: Database, run: Path) -> None:
    """The target holds exactly what the ledger says was written."""
    with contextlib.closing(Ledger(run / "ledger.sqlite")) as ledger:
        written = [record for record, _ in ledger.written()]
    there = tables(database.url)
    held = sum(count(database, f"reversa_{kind}") for kind in KINDS if f"reversa_{kind}" in there)
    assert held == len(written)


@pytest.mark.usefixtures("by_units")
def test_a_full_disk_stops_with_an_answer_and_the_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH", 50)
    database = Sqlite(tmp_path / "target.db")
    package = pack(tmp_path / "package", some_records(300), contents=SOME_CONTENTS)
    road = planned(package, database.url, tmp_path / "run")

    def limit(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA max_page_count = 80")

    sa.event.listen(sa.pool.Pool, "connect", limit)
    try:
        with pytest.raises(TargetError, match="full"):
            road.import_()
    finally:
        sa.event.remove(sa.pool.Pool, "connect", limit)
    assert_whole_batches(database, tmp_path / "run")
    assert count(database, "reversa_message") > 0
    road.import_()
    assert road.verify().verdict == "verified"


@contextlib.contextmanager
def read_only(file: Path) -> Iterator[None]:
    """The file system of a file refuses writing."""
    if os.geteuid() != 0:
        file.chmod(0o444)
        file.parent.chmod(0o555)
        yield
        file.parent.chmod(0o755)
        file.chmod(0o644)
        return
    for command in (["mount", "--bind", str(file.parent), str(file.parent)], ["mount", "-o", "remount,bind,ro", str(file.parent)]):
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("this machine lets nobody mount")
    try:
        yield
    finally:
        subprocess.run(["umount", str(file.parent)], check=True)


@pytest.mark.usefixtures("by_units")
def test_a_read_only_database_stops_with_an_answer_and_the_run_goes_on(tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    database = Sqlite(tmp_path / "place" / "target.db")
    carried(pack(tmp_path / "other", some_records(8), "other", contents=SOME_CONTENTS), database.url, tmp_path / "first")
    before = database.dump()
    road = planned(pack(tmp_path / "package", some_records(20), contents=SOME_CONTENTS), database.url, tmp_path / "run")
    with read_only(database.file):
        with pytest.raises(TargetError, match=r"read.?only"):
            road.import_()
        assert database.dump() == before
    road.import_()
    assert road.verify().verdict == "verified"


@pytest.mark.servers
@pytest.mark.filterwarnings("ignore:Exception ignored in. <function ServerCursorMixin")  # psycopg cannot close a cursor whose server is gone
@pytest.mark.usefixtures("by_units")
@pytest.mark.parametrize("where", ["in a transaction", "between two", "while reading back"])
def test_a_dropped_connection_stops_with_an_answer_and_the_run_goes_on(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    if database.system == "sqlite":
        pytest.skip("SQLite has no connection to drop")
    monkeypatch.setattr(importing, "BATCH", 40)
    road = planned(pack(tmp_path / "package", some_records(60), contents=SOME_CONTENTS), database.url, tmp_path / "run")
    write, calls = SqlImporter.write, 0

    def drop_all() -> None:
        if database.system == "postgresql":
            database.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
        else:
            for (process,) in database.run("SELECT id FROM information_schema.processlist WHERE db = database() AND id <> connection_id()"):
                database.run(f"KILL {int(process)}")

    class Dropping:
        def __init__(self, session: Session) -> None:
            self._session = session

        def open_blob(self, sha256: str) -> Any:
            drop_all()
            return self._session.open_blob(sha256)

    def cut(self: SqlImporter, units: Sequence[Shaped], session: Session) -> Any:
        nonlocal calls
        calls += 1
        if calls == 2 and where == "between two":
            drop_all()
        return write(self, units, Dropping(session) if calls > 1 and where == "in a transaction" else session)

    if where == "while reading back":
        road.import_()
        verify_with_a_cut(road, drop_all)
    else:
        with monkeypatch.context() as patched:
            patched.setattr(SqlImporter, "write", cut)
            with pytest.raises(TargetError):
                road.import_()
        assert_whole_batches(database, tmp_path / "run")
        road.import_()
    assert road.verify().verdict == "verified"


def verify_with_a_cut(road: Road, drop_all: Callable[[], None]) -> None:
    """Verify while the connection is dropped as the first content is read."""
    exporter = registry.exporter("sql")
    with pytest.MonkeyPatch.context() as patched:
        open_blob = exporter.open_blob

        def cut(self: Any, blob: Any) -> Any:
            drop_all()
            return open_blob(self, blob)

        patched.setattr(exporter, "open_blob", cut)
        with pytest.raises(TargetError):
            road.verify()


def test_looking_makes_and_changes_nothing(tmp_path: Path) -> None:
    database = Sqlite(tmp_path / "target.db")
    package = pack(tmp_path / "package", [message("1")])
    with opened(database.url, package) as importer:
        assert importer.find([ref("message", "1")]) == {}
        assert not database.file.exists()
    with pytest.raises(SourceError, match="reversa"):
        registry.exporter("sql").open(Locator("sql", database.url), Options())
    assert read_back(package, database.url) == {}
    assert not database.file.exists()
    database.run("CREATE TABLE theirs (a TEXT)")
    before = database.dump()
    with opened(database.url, package) as importer:
        assert importer.facts.live
        assert importer.find([ref("message", "1")]) == {}
    assert database.dump() == before


def test_what_is_referred_to_and_never_came_is_marked_missing(database: Database, tmp_path: Path) -> None:
    package = pack(tmp_path / "package", [message("1", created_by=ref("user", "gone"))])
    carried(package, database.url, tmp_path / "run")
    assert database.run("SELECT kind, id FROM reversa_v_missing") == [("user", "gone")]


@pytest.mark.servers
def test_the_other_name_of_mariadb_works_too(mariadb: Server, tmp_path: Path) -> None:
    with mariadb() as database:
        url = database.url.replace("mariadb:", "mysql:")
        package = pack(tmp_path / "package", [message("a"), message("A "), message("é\0", "text")])
        assert carried(package, url, tmp_path / "run").report().verdict == "verified"
        assert len(read_back(package, url)) == 3


@pytest.mark.parametrize(
    ("address", "error", "says"),
    [
        ("postgresql://me:secret@host/db", LocatorError, "REVERSA_PASSWORD"),
        ("oracle://host/db", LocatorError, "Known"),
        ("not a url", LocatorError, "sqlite:///"),
        ("sqlite:////nowhere/at/all/x.db", TargetError, "Mend"),
        ("postgresql://me@/db?host=/nowhere", TargetError, "Mend"),
        pytest.param("mariadb://me@127.0.0.1:1/db", TargetError, "Mend", marks=pytest.mark.loopback),
    ],
)
def test_what_cannot_be_opened_is_answered(address: str, error: type[ReversaError], says: str, tmp_path: Path) -> None:
    package = pack(tmp_path / "package", [message("1")])
    with pytest.raises(error) as raised:
        planned(package, address, tmp_path / "run").import_()
    assert says in raised.value.hint
    assert "secret" not in raised.value.message + raised.value.hint
