"""Undo: what a run wrote is gone, and nothing else has moved, as the database's own dump tells."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from reversa import importing
from reversa.adapter import Outcome, Session, Shaped
from reversa.importers.sql import SqlImporter
from reversa.records import File, Poll, Reaction, Record, Space, Tag, User, ref
from tests.servers import Database
from tests.strategies import carried, pack, planned
from tests.test_sql import Interrupt, count, key_of, message, no_pages, tables

__all__ = ["no_pages"]

CONTENTS = {hashlib.sha256(content).hexdigest(): content for content in (b"shared", b"of the first", b"of the second", b"x" * (2**20 + 1))}
SHARED, FIRST, SECOND, LARGE = CONTENTS


def user(id: str) -> User:
    return User(id=id, root=ref("user", id), emails=[f"{id}@example.org"])


def file(id: str, owner: str, sha256: str) -> File:
    return File(id=id, root=ref("message", owner), target=ref("message", owner), sha256=sha256, size=0)


def earlier() -> list[Record]:
    """Messages that refer to people and to a space that the later package brings."""
    return [
        user("U1"),
        message("m1", created_by=ref("user", "U1"), space=ref("space", "C1")),
        message("m2", created_by=ref("user", "U2"), space=ref("space", "C2")),
        file("f1", "m1", SHARED),
        file("f2", "m2", FIRST),
    ]


def later() -> list[Record]:
    """All of the earlier ones, and more: new kinds, new tables, a shared content."""
    return [
        *earlier(),
        user("U2"),
        user("U3"),
        Space(id="C1", root=ref("space", "C1"), name="general", parent=ref("space", "C0")),
        message("m3", created_by=ref("user", "U2"), reply_to=ref("message", "m1")),
        Reaction(id="r1", root=ref("message", "m1"), target=ref("message", "m1"), key="+1", created_by=ref("user", "U9")),
        file("f3", "m3", SHARED),
        file("f4", "m3", SECOND),
        file("f5", "m3", LARGE),
        Poll(id="p1", root=ref("poll", "p1"), question="Which?", target=ref("message", "m3")),
        Tag(id="t1", root=ref("message", "m2"), target=ref("message", "m2"), label="kept"),
    ]


def strangers(database: Database) -> None:
    """Tables of somebody else, one of them with a name like ours."""
    database.run("CREATE TABLE customer (id INTEGER PRIMARY KEY, name VARCHAR(50))")
    database.run("CREATE TABLE message (id INTEGER PRIMARY KEY, text VARCHAR(50))")
    for table in ("customer", "message"):
        for n in range(3):
            database.run(f"INSERT INTO {table} VALUES (?, ?)", (n, f"é {n}"))


def test_undo_leaves_everybody_elses_rows_as_they_were(database: Database, tmp_path: Path) -> None:
    strangers(database)
    carried(pack(tmp_path / "other", later(), "other", CONTENTS), database.url, tmp_path / "run of another source")
    carried(pack(tmp_path / "earlier", earlier(), contents=CONTENTS), database.url, tmp_path / "first")
    before, written = database.dump(), count(database, "reversa_message")

    road = carried(pack(tmp_path / "later", later(), contents=CONTENTS), database.url, tmp_path / "second")
    assert road.report().verdict == "verified"
    assert count(database, "reversa_message") == written + 1
    assert database.dump() != before
    assert road.undo() == len(later()) - len(earlier())
    assert database.dump() == before


def test_undo_takes_back_the_tables_and_views_that_a_run_made(database: Database, tmp_path: Path) -> None:
    carried(pack(tmp_path / "earlier", earlier(), contents=CONTENTS), database.url, tmp_path / "first")
    before, there = database.dump(), tables(database.url)
    assert "reversa_poll" not in there
    assert "reversa_v_message" not in there
    road = carried(pack(tmp_path / "later", later(), contents=CONTENTS), database.url, tmp_path / "second")
    assert {"reversa_poll", "reversa_poll_choices", "reversa_v_message"} <= tables(database.url)
    road.undo()
    assert tables(database.url) == there
    assert database.dump() == before


def test_undo_on_what_was_empty_leaves_nothing(database: Database, tmp_path: Path) -> None:
    strangers(database)
    before = database.dump()
    package = pack(tmp_path / "package", later(), contents=CONTENTS)
    road = carried(package, database.url, tmp_path / "run")
    assert road.undo() == package.count()
    assert database.dump() == before
    assert road.undo() == 0
    assert database.dump() == before


def test_what_was_undone_can_be_written_again(database: Database, tmp_path: Path) -> None:
    road = carried(pack(tmp_path / "package", later(), contents=CONTENTS), database.url, tmp_path / "run")
    once = database.dump()
    road.undo()
    road.import_()
    assert road.verify().verdict == "verified"
    assert database.dump() == once


def test_undo_before_any_import_does_nothing(database: Database, tmp_path: Path) -> None:
    road = planned(pack(tmp_path / "package", later(), contents=CONTENTS), database.url, tmp_path / "run")
    assert road.undo() == 0
    assert tables(database.url) == set()


@pytest.mark.parametrize("where", ["before", "after"])
@pytest.mark.parametrize("call", [1, 2])
def test_undo_of_an_interrupted_run(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, call: int) -> None:
    """The power fails before or after the database has committed a batch, and the ledger knows nothing of it."""
    monkeypatch.setattr(importing, "BATCH", 4)
    carried(pack(tmp_path / "earlier", earlier(), contents=CONTENTS), database.url, tmp_path / "first")
    before = database.dump()
    road = planned(pack(tmp_path / "later", later(), contents=CONTENTS), database.url, tmp_path / "second")
    write, calls = SqlImporter.write, 0

    def interrupted(self: SqlImporter, units: Sequence[Shaped], session: Session) -> list[Outcome]:
        nonlocal calls
        calls += 1
        outcomes = [] if calls == call and where == "before" else list(write(self, units, session))
        if calls == call:
            raise Interrupt
        return outcomes

    with monkeypatch.context() as patched:
        patched.setattr(SqlImporter, "write", interrupted)
        with pytest.raises(Interrupt):
            road.import_()
    road.undo()
    assert database.dump() == before


def test_undo_after_an_interruption_and_a_second_try_keeps_what_was_there(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that is interrupted and goes on must not take the records of an earlier run for its own."""
    carried(pack(tmp_path / "earlier", earlier(), contents=CONTENTS), database.url, tmp_path / "first")
    before = database.dump()
    road = planned(pack(tmp_path / "later", later(), contents=CONTENTS), database.url, tmp_path / "second")

    def never(*_: object) -> list[Outcome]:
        raise Interrupt

    with monkeypatch.context() as patched:
        patched.setattr(SqlImporter, "write", never)
        with pytest.raises(Interrupt):
            road.import_()
    road.import_()
    report = road.verify()
    assert sum(line.merged for line in report.import_balance) == len(earlier())
    road.undo()
    assert database.dump() == before


def test_undo_leaves_what_a_later_run_wrote_under_the_same_keys(database: Database, tmp_path: Path) -> None:
    """The run's ledger is older than the target: its rows were taken away, and their keys given to others."""
    first = carried(pack(tmp_path / "first", [message("m1"), message("m2")]), database.url, tmp_path / "run 1")
    ledger = (tmp_path / "run 1" / "ledger.sqlite").read_bytes()
    first.undo()
    carried(pack(tmp_path / "second", [message("m3"), message("m2")]), database.url, tmp_path / "run 2")
    before = database.dump()
    assert key_of(database, ref("message", "m2")) == 1
    (tmp_path / "run 1" / "ledger.sqlite").write_bytes(ledger)
    first.undo()
    assert database.dump() == before
