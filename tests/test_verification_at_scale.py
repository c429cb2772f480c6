"""Verification of big and late targets: in parts, resumed, by sample, asked again."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reversa import sharding
from reversa.adapter import Item
from reversa.errors import TargetError
from reversa.exporters import sql
from reversa.exporters.sql import SqlExporter
from reversa.migrating import Road
from reversa.records import Body, Message, Record, Ref, Space, User, ref
from reversa.rendering import render_text
from reversa.reporting import Report
from reversa.sharding import FOLDER
from tests.strategies import carried, pack, planned

COUNT = 60


def people_and_messages() -> list[Record]:
    space, ana = Space(id="s", root=ref("space", "s"), name="Général"), User(id="ana", root=ref("user", "ana"))
    body = Body(format="plain", text="x")
    messages = [
        Message(id=f"m{n}", root=ref("message", f"m{n}"), space=ref("space", "s"), created_by=ref("user", "ana"), body=body) for n in range(COUNT)
    ]
    return [space, ana, *messages]


@pytest.fixture
def road(tmp_path: Path) -> Road:
    """A run whose target was verified, and then damaged in several ways."""
    road = carried(pack(tmp_path / "package", people_and_messages()), f"sqlite:///{tmp_path / 'a.db'}", tmp_path / "run")
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as db, db:
        for statement in (
            "UPDATE reversa_message SET body_text = 'y' WHERE entity % 7 = 0",
            "DELETE FROM reversa_message WHERE entity % 11 = 0",
            "UPDATE reversa_message SET created_at = 'yesterday' WHERE entity % 13 = 0",
        ):
            db.execute(statement)
    return road


def without_circumstances(report: Report) -> Report:
    return msgspec.structs.replace(report, made_at=report.exported_at, resumed=None)


def test_parts_give_what_one_reading_gives(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    one = road.verify()
    lines = (road.folder / "findings.ndjson").read_bytes()
    monkeypatch.setattr(sql, "_SHARD", 9)
    several = road.verify()
    assert without_circumstances(several) == without_circumstances(one)
    assert (road.folder / "findings.ndjson").read_bytes() == lines
    assert one.verdict == "different"
    assert {finding.status for finding in one.findings} == {"*", "-", "!"}
    assert several.resumed is None
    assert not (road.folder / FOLDER).exists()


def in_this_process(monkeypatch: pytest.MonkeyPatch, parts_before_the_end: int) -> list[str]:
    """Read parts here, and break off before one; returns the names of those read."""
    read: list[str] = []
    whole = SqlExporter.shard

    def shard(self: SqlExporter, name: str) -> Iterator[Item]:
        if len(read) == parts_before_the_end:
            raise TargetError("the line is dead", "")
        read.append(name)
        return whole(self, name)

    monkeypatch.setattr(sharding, "cores", lambda: 0)
    monkeypatch.setattr(SqlExporter, "shard", shard)
    return read


def test_an_interrupted_verification_goes_on_and_says_so(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "_SHARD", 9)
    whole = road.verify()
    with monkeypatch.context() as broken:
        in_this_process(broken, 3)
        with pytest.raises(TargetError, match="the line is dead"):
            road.verify()
    with monkeypatch.context() as going_on:
        read = in_this_process(going_on, 1000)
        report = road.verify()
    assert report.resumed is not None
    assert (report.resumed.parts, report.resumed.of, len(read)) == (3, 7, 4)
    assert "3 of 7 parts had been read before" in " ".join(render_text(report, "en").split())
    assert without_circumstances(report) == without_circumstances(whole)


def test_what_was_read_before_an_import_is_read_again(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "_SHARD", 9)
    with monkeypatch.context() as broken:
        in_this_process(broken, 3)
        with pytest.raises(TargetError):
            road.verify()
    road.import_()
    assert road.verify().resumed is None


def test_processes_read_the_parts(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object, name: str) -> Iterator[Item]:
        raise AssertionError(f"{name} was left to the parent")

    monkeypatch.setattr(sql, "_SHARD", 30)
    monkeypatch.setattr(SqlExporter, "shard", refuse)
    assert road.verify().verdict == "different"


def test_processes_leave_with_their_parent(road: Road, tmp_path: Path) -> None:
    code = f"""
import reversa.exporters.sql as sql
from reversa.migrating import Road
sql._SHARD = 9
Road({str(road.folder)!r}, progress=lambda step, done, whole: print(step, done, flush=True)).verify()
"""
    script = tmp_path / "verify.py"
    script.write_text(code)
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("read"):
                os.kill(process.pid, signal.SIGKILL)
                break
        process.stdout.read()  # ends when nobody holds it any more: not the parent, and no process of its own
    assert process.returncode in (-signal.SIGKILL, 0)
    assert road.verify().verdict == "different"


# ------------------------------------------------------------------------------------------------------- sample


def test_a_sample_is_called_one_and_asks_for_no_more(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Ref] = []
    named = SqlExporter.named

    def noting(self: SqlExporter, records: Sequence[Ref]) -> Iterator[Item]:
        asked.extend(records)
        return named(self, records)

    def refuse(_: object) -> Iterator[Item]:
        raise AssertionError("all of it is read")

    monkeypatch.setattr(SqlExporter, "named", noting)
    monkeypatch.setattr(SqlExporter, "items", refuse)
    seeds = {seed: road.verify("10", seed) for seed in range(12)}
    verdicts = {report.verdict for report in seeds.values()}
    assert verdicts == {"sampled", "different"}, "some samples meet the damage, some do not, and none says verified"
    assert len(asked) < 12 * COUNT / 2
    for report in seeds.values():
        assert report.drawn is not None
        assert all(line.agrees for line in report.changes)
        assert sum(balance.exported for balance in report.import_balance) == sum(
            n for counts in report.records.values() for status, n in counts.items() if status != "!"
        )
        assert f"with the seed {report.drawn.seed}" in " ".join(render_text(report, "en").split())
    assert road.report().verdict == "verified", "the report of the run is that of a whole verification"


# ------------------------------------------------------------------------------------------------------- late targets


class Late:
    """A target that shows some messages only after it was asked so often, or given so much time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, late: Callable[[str], float]) -> None:
        self.now, self._late = 0.0, late
        items, named, made = SqlExporter.items, SqlExporter.named, SqlExporter.__init__

        def settling(exporter: SqlExporter, *arguments: Any) -> None:
            made(exporter, *arguments)
            exporter.facts = msgspec.structs.replace(exporter.facts, settles=10)

        monkeypatch.setattr(SqlExporter, "__init__", settling)
        monkeypatch.setattr(SqlExporter, "items", lambda exporter: self._shown(items(exporter)))
        monkeypatch.setattr(SqlExporter, "named", lambda exporter, records: self._shown(named(exporter, records)))

    def _shown(self, items: Iterator[Item]) -> Iterator[Item]:
        return (item for item in items if not isinstance(item, Message) or self._late(item.id) <= self.now)

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_what_comes_late_is_pending_and_not_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    road = planned(pack(tmp_path / "package", people_and_messages()), f"sqlite:///{tmp_path / 'a.db'}", tmp_path / "run")
    road.import_()
    monkeypatch.delattr(SqlExporter, "batches")  # what comes late is played by items
    times = {"m1": 5.0, "m2": 25.0, "m3": 50.0}
    late = Late(monkeypatch, lambda message: times.get(message, 0))
    said: list[tuple[str, int, int | None]] = []
    report = Road(road.folder, lambda *step: said.append(step), late.sleep).verify()
    assert (report.verdict, report.late, late.now) == ("verified", 3, 50)
    assert [step for step in said if step[0] == "pending"] == [
        ("pending", 0, 3),
        ("pending", 1, 3),
        ("pending", 1, 3),
        ("pending", 2, 3),
        ("pending", 2, 3),
    ]

    times["m3"] = 1000
    late.now = 0
    report = Road(road.folder, sleep=late.sleep).verify()
    assert (report.verdict, report.late, late.now) == ("different", 3, 50)
    assert [(finding.id, finding.status) for finding in report.findings] == [("m3", "-")]


def test_a_target_that_is_never_late_is_not_waited_for(road: Road) -> None:
    def refuse(_: float) -> None:
        raise AssertionError("it waits")

    start = time.monotonic()
    assert Road(road.folder, sleep=refuse).verify().late == 0
    assert time.monotonic() - start < 60
