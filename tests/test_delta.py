"""A newer export of a source into the target of the earlier one: what is new, changed and deleted, and what people wrote there meanwhile."""

from __future__ import annotations

import contextlib
import csv
import errno
import io
import json
import shutil
import sqlite3
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reversa import registry
from reversa.adapter import Locator, Options, Shaped, Source
from reversa.cli import main
from reversa.delta import read_back
from reversa.errors import DiskError, RunError, SourceError
from reversa.exporters import sql
from reversa.importers.sql import SqlImporter
from reversa.journal import Step, StepName, predicted
from reversa.ledger import Ledger
from reversa.migrating import Road, migrate
from reversa.planning import Plan
from reversa.records import Body, File, Message, Reaction, Record, Ref, Space, User, kind_of, ref, ref_to
from reversa.rendering import render_plan, render_text
from reversa.reporting import Report
from reversa.terminal import next_steps
from tests.servers import Database
from tests.strategies import CONTENTS, pack, units
from tests.strategies import records as any_records

SPACE, ANA = Space(id="s", root=ref("space", "s"), name="Général"), User(id="ana", root=ref("user", "ana"), full_name="Ana")


def message(id: str, text: str) -> Message:
    return Message(id=id, root=ref("message", id), space=ref("space", "s"), created_by=ref("user", "ana"), body=Body(format="plain", text=text))


class Run:
    """A run whose source is a package that changes."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.database, self.run = folder, folder / "target.db", folder / "run"
        self._packages = 0

    def carry(self, records: Iterable[Record]) -> Report:
        """Migrate these records as the newest export of the source."""
        self._packages += 1
        package = pack(self.folder / f"package-{self._packages}", records)
        return self.again(package.folder)

    def again(self, package: Path | None = None) -> Report:
        """The same command again."""
        return migrate(f"package:{package or self.folder / f'package-{self._packages}'}", f"sqlite:///{self.database}", self.run)

    def edit(self, statement: str, *values: Any) -> None:
        """Somebody works in the target."""
        with contextlib.closing(sqlite3.connect(self.database)) as db, db:
            db.execute(statement, values)

    def text(self, id: str, text: str) -> None:
        self.edit(
            "UPDATE reversa_message SET body_text = ? WHERE entity = (SELECT key FROM reversa_entity WHERE kind = 'message' AND id = ?)", text, id
        )

    def shown(self, *records: Ref) -> dict[Ref, Record]:
        """What the target shows of these records."""
        exporter = registry.exporter("sql").open(Locator("sql", f"sqlite:///{self.database}"), Options(source=Source("given", "acme")))
        with contextlib.closing(exporter):
            return {reference: held.record for reference, held in read_back(exporter, records, self.folder).items()}

    def conflicts(self) -> list[dict[str, str]]:
        path = self.run / "conflicts.csv"
        if not path.exists():
            return []
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def shown_all(self) -> dict[Ref, Record]:
        """What the target shows."""
        with contextlib.closing(sqlite3.connect(self.database)) as db:
            known = [ref(kind, id) for kind, id in db.execute("SELECT kind, id FROM reversa_entity")]
        return self.shown(*known)

    def decide(self, decision: Callable[[Ref], str]) -> None:
        """Fill in the list of conflicts."""
        rows = self.conflicts()
        if not rows:
            return
        with (self.run / "conflicts.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(row | {"decision": decision(Ref(row["record"]))} for row in rows)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def test_what_is_new_changed_and_deleted_is_carried(run: Run) -> None:
    assert run.carry([SPACE, ANA, message("1", "one"), message("2", "two"), message("3", "three")]).verdict == "verified"
    report = run.carry([SPACE, ANA, message("1", "one"), message("2", "deux"), message("4", "four")])
    assert report.verdict == "verified"
    assert report.delta is not None
    assert (report.delta.new, report.delta.changed, report.delta.deleted) == ({"message": 1}, {"message": 1}, {"message": 1})
    shown = run.shown(*(ref("message", id) for id in "1234"))
    assert {r.id: r.body.text for r in shown.values() if isinstance(r, Message) and r.body} == {"1": "one", "2": "deux", "4": "four"}
    assert (run.run / "earlier" / "001" / "package.json").exists()
    assert [b.unexplained for b in report.import_balance] == [0, 0, 0]
    assert "Since the export before: 1 new, 1 changed, 1 deleted." in render_text(report, "en")
    plan = msgspec.json.decode((run.run / "plan.json").read_bytes(), type=Plan)
    assert "1 nouveaux, 1 modifiés, 1 supprimés" in (shown_plan := render_plan(plan, "fr")) and "prennent environ" in shown_plan  # noqa: PT018
    assert "Records to write, replace and remove" in Road(run.run).runbook("en").read_text()


def test_undo_takes_back_what_every_generation_wrote(run: Run) -> None:
    run.carry([SPACE, ANA, message("1", "one"), message("2", "two")])
    run.carry([SPACE, ANA, message("2", "deux"), message("3", "three")])
    Road(run.run).undo()
    with contextlib.closing(sqlite3.connect(run.database)) as db:
        assert db.execute("SELECT name FROM sqlite_master").fetchall() == []
    assert run.again().verdict == "verified"


def test_what_only_a_removed_record_needed_is_removed_too(run: Run) -> None:
    run.carry([SPACE, ANA, message("1", "one")])
    run.carry([ANA])
    with contextlib.closing(sqlite3.connect(run.database)) as db:
        assert db.execute("SELECT kind, id FROM reversa_entity").fetchall() == [("user", "ana")]


def refuse(*_: object) -> None:
    raise AssertionError("a write at the target")


def test_an_unchanged_export_writes_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [SPACE, ANA, message("1", "one")]
    run.carry(records)
    before = run.database.read_bytes()
    for name in ("_insert", "_delete", "_create"):
        monkeypatch.setattr(SqlImporter, name, refuse)
    report = run.carry(records)
    assert report.verdict == "verified"
    assert report.delta is None
    assert run.database.read_bytes() == before
    assert not (run.run / "earlier").exists()


def test_what_changed_is_all_that_is_written(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run.carry([SPACE, ANA, *(message(str(n), "x") for n in range(50))])
    written: list[str] = []
    insert = SqlImporter._insert

    def noting(self: SqlImporter, records: Sequence[Record], session: Any) -> dict[Ref, int]:
        written.extend(record.id for record in records)
        return insert(self, records, session)

    monkeypatch.setattr(SqlImporter, "_insert", noting)
    assert run.carry([SPACE, ANA, *(message(str(n), "y" if n == 7 else "x") for n in range(51))]).verdict == "verified"
    assert sorted(written) == ["50", "7"]


def test_what_people_changed_is_a_conflict_until_they_decide(run: Run) -> None:
    run.carry([SPACE, ANA, *(message(id, "old") for id in ("keep", "over", "gone", "same"))])
    for id in ("keep", "over", "gone", "same"):
        run.text(id, f"theirs {id}")
    newer = [SPACE, ANA, message("keep", "new"), message("over", "new"), message("same", "old")]
    report = run.carry(newer)
    assert (report.verdict, report.reasons, report.conflicts) == ("incomplete", ("conflicts",), 4)
    assert {row["record"]: (row["field"], row["ours"], row["theirs"]) for row in run.conflicts() if row["record"] != "message:gone"} == {
        f"message:{id}": ("body", f'{{"format":"plain","text":"{ours}"}}', f'{{"format":"plain","text":"theirs {id}"}}')
        for id, ours in (("keep", "new"), ("over", "new"), ("same", "old"))
    }
    assert {b.kind: b.conflict for b in report.import_balance}["message"] == 3, "the fourth is not in the export any more"

    run.decide({"message:keep": "keep", "message:over": "overwrite", "message:gone": "overwrite", "message:same": ""}.__getitem__)
    report = run.again()
    assert (report.verdict, report.conflicts) == ("incomplete", 1)
    assert [row["record"] for row in run.conflicts()] == ["message:same"]
    run.decide(lambda _: "keep")
    report = run.again()
    assert report.verdict == "verified"
    assert {b.kind: (b.kept, b.unexplained) for b in report.import_balance}["message"] == (2, 0)
    assert not run.conflicts()
    texts = {
        r.id: r.body.text
        for r in run.shown(*(ref("message", id) for id in ("keep", "over", "gone", "same"))).values()
        if isinstance(r, Message) and r.body
    }
    assert texts == {"keep": "theirs keep", "over": "new", "same": "theirs same"}

    assert run.carry([SPACE, ANA, message("keep", "newer"), message("over", "newer"), message("same", "old")]).conflicts == 1, (
        "what was kept, and changed again"
    )


def test_a_decision_is_about_what_was_seen(run: Run) -> None:
    run.carry([SPACE, ANA, message("1", "old")])
    run.text("1", "theirs")
    run.carry([SPACE, ANA, message("1", "new")])
    run.decide(lambda _: "overwrite")
    run.text("1", "theirs again")
    assert run.again().conflicts == 1
    assert "theirs again" in run.conflicts()[0]["theirs"]
    run.decide(lambda _: "perhaps")
    with pytest.raises(RunError, match="does not decide clearly"):
        run.again()


def test_what_was_removed_at_the_target_is_a_conflict_too(run: Run) -> None:
    run.carry([SPACE, ANA, message("1", "old"), message("2", "old")])
    run.edit("DELETE FROM reversa_message")
    report = run.carry([SPACE, ANA, message("1", "new"), message("2", "old")])
    assert (report.conflicts, report.verdict) == (2, "incomplete")
    assert {row["theirs"] for row in run.conflicts()} == {""}
    run.decide(lambda record: "overwrite" if record == "message:1" else "keep")
    assert run.again().verdict == "verified"
    assert list(run.shown(ref("message", "1"), ref("message", "2"))) == ["message:1"]


def test_what_people_removed_and_no_newer_export_changed_is_a_conflict_and_not_lost(run: Run) -> None:
    run.carry([SPACE, ANA, message("1", "stays"), message("2", "goes")])
    people_write(run, [], [ref("message", "1")])
    report = run.carry([SPACE, ANA, message("1", "stays")])
    assert (report.verdict, report.reasons, report.conflicts) == ("incomplete", ("conflicts",), 1), report.findings


def test_a_decision_outlives_the_newer_export_that_comes_meanwhile(run: Run) -> None:
    run.carry([SPACE, ANA, message("1", "old")])
    run.text("1", "theirs")
    run.carry([SPACE, ANA, message("1", "new")])
    run.decide(lambda _: "overwrite")
    assert run.carry([SPACE, ANA, message("1", "new"), message("2", "meanwhile")]).verdict == "verified"
    [shown] = run.shown(ref("message", "1")).values()
    assert isinstance(shown, Message)
    assert shown.body == Body(format="plain", text="new")


def test_an_export_that_ends_in_a_full_disk_still_says_whose_it_is(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = pack(run.folder / "one", [ANA]), pack(run.folder / "other", [ANA, SPACE], tenant="globex")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    export = slack(run.folder / "export.zip", {"2024-01-01": [("1704100000.000001", "hi")]})
    with monkeypatch.context() as patch:
        patch.setattr("reversa.journal._append", full)
        with pytest.raises(DiskError):
            migrate(str(export), f"sqlite:///{run.database}", run.run)
    for package in (one, other):
        with pytest.raises(RunError, match="belongs to another source"):
            run.again(package.folder)
    assert migrate(str(export), f"sqlite:///{run.database}", run.run).verdict == "verified"


def test_what_cannot_be_read_at_the_target_is_not_taken_to_be_gone(run: Run) -> None:
    run.carry([SPACE, ANA, message("1", "one"), message("2", "two")])
    run.edit("UPDATE reversa_message SET body_text = NULL WHERE body_text = 'two'")
    report = run.carry([SPACE, ANA, message("1", "one")])
    assert report.verdict == "different", "a row that cannot be read stands there"
    assert [row["record"] for row in run.conflicts()] == ["message:2"]
    run.text("2", "two")
    assert run.again().conflicts == 1
    run.decide(lambda _: "overwrite")
    assert run.again().verdict == "verified"
    assert run.shown(ref("message", "2")) == {}


def test_a_list_of_conflicts_in_another_form_is_not_ignored(run: Run) -> None:
    run.carry([SPACE, ANA, message("1", "old")])
    run.text("1", "theirs")
    run.carry([SPACE, ANA, message("1", "new")])
    path = run.run / "conflicts.csv"
    text = path.read_text(encoding="utf-8")
    for other in (text.replace(",", "\t"), text.replace("decision", "Decision")):
        path.write_text(other, encoding="utf-8")
        with pytest.raises(RunError, match="does not have the columns"):
            run.again()
    path.write_text(text, encoding="utf-8")
    run.decide(lambda _: "overwrite")
    assert run.again().verdict == "verified"


def test_a_source_that_changed_under_an_unfinished_run_is_told(run: Run) -> None:
    export = slack(run.folder / "export.zip", {"2024-01-01": [("1704100000.000001", "hi")]})
    migrate(str(export), f"sqlite:///{run.database}", run.run)
    (run.run / "report.json").unlink()
    slack(run.folder / "export.zip", {"2024-01-01": [("1704100000.000001", "hi"), ("1704100001.000001", "more")]})
    with pytest.raises(RunError, match=r"has changed since .* has not come to its end"):
        migrate(str(export), f"sqlite:///{run.database}", run.run)
    Road(run.run).verify()
    assert migrate(str(export), f"sqlite:///{run.database}", run.run).verdict == "verified"
    assert len(messages(run.database)) == 2


def test_after_undo_no_report_says_that_all_is_there(run: Run) -> None:
    run.carry([ANA])
    Road(run.run).undo()
    with pytest.raises(RunError, match="was taken back"):
        Road(run.run).report()


def test_undo_says_what_stays(run: Run) -> None:
    run.carry([ANA, message("1", "old"), message("2", "old")])
    run.text("1", "theirs")
    run.carry([ANA, message("1", "new"), message("2", "new")])
    result = CliRunner().invoke(main, ["undo", str(run.run), "--yes"])
    assert result.output.splitlines() == ["2 records were taken back.", "1 stay at the target as people changed them."]
    [held] = run.shown(ref("message", "1")).values()
    assert isinstance(held, Message)
    assert held.body == Body(format="plain", text="theirs")


def test_a_newer_export_in_a_run_of_its_own_is_told_where_it_belongs(run: Run, tmp_path: Path) -> None:
    run.carry([ANA, message("1", "old")])
    newer = pack(run.folder / "newer", [ANA, message("1", "new")])
    report = migrate(f"package:{newer.folder}", f"sqlite:///{run.database}", tmp_path / "another")
    assert report.verdict == "different"
    assert "there before this run: 2" in next_steps(report, tmp_path / "another", "en")


def test_a_damaged_journal_costs_no_more_than_the_estimate(run: Run) -> None:
    run.carry([ANA])
    (run.run / "steps.ndjson").write_bytes(b"\xff garbage\n")
    assert run.carry([ANA, SPACE]).verdict == "verified"
    assert msgspec.json.decode((run.run / "plan.json").read_bytes(), type=Plan).milliseconds is None


def test_a_part_is_not_carried_where_nobody_could_verify_it(tmp_path: Path) -> None:
    export = slack(tmp_path / "export.zip", {"2024-01-01": [("1704100000.000001", "hi")]})
    with pytest.raises(RunError, match="html cannot be asked for the records of a part"):
        migrate(str(export), f"html:{tmp_path / 'archive'}", tmp_path / "run", since=date(2024, 1, 1))
    assert not (tmp_path / "archive").exists()


def test_a_package_gives_no_part(run: Run) -> None:
    package = pack(run.folder / "one", [ANA])
    with pytest.raises(SourceError, match="cannot be asked for a part"):
        migrate(f"package:{package.folder}", f"sqlite:///{run.database}", run.run, since=date(2024, 1, 1))


def test_a_target_that_cannot_replace_says_so_and_stays_as_it_is(tmp_path: Path) -> None:
    one, two = pack(tmp_path / "one", [ANA]), pack(tmp_path / "two", [SPACE])
    migrate(f"package:{one.folder}", f"html:{tmp_path / 'archive'}", tmp_path / "run")
    with pytest.raises(RunError, match="cannot be brought up to date"):
        migrate(f"package:{two.folder}", f"html:{tmp_path / 'archive'}", tmp_path / "run")
    assert migrate(f"package:{one.folder}", f"html:{tmp_path / 'archive'}", tmp_path / "run").verdict == "verified"


def test_another_tenant_is_no_newer_export(run: Run) -> None:
    run.carry([ANA])
    other = pack(run.folder / "other", [ANA], tenant="globex")
    with pytest.raises(RunError, match="another source"):
        run.again(other.folder)
    assert run.again().verdict == "verified"


def test_every_database_takes_a_newer_export_is_sampled_and_read_in_parts(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "_SHARD", 3)
    sha256, content = next(iter(CONTENTS.items()))
    file = File(id="f", root=ref("message", "2"), target=ref("message", "2"), name="a.txt", sha256=sha256, size=len(content))
    first = pack(tmp_path / "one", [SPACE, ANA, *(message(id, "old") for id in "123"), file])
    second = pack(
        tmp_path / "two", [SPACE, message("1", "old"), message("2", "new"), message("4", "new"), msgspec.structs.replace(ANA, full_name="Anna")]
    )
    road = Road(tmp_path / "run")
    for package in (first, second):
        report = migrate(f"package:{package.folder}", database.url, road.folder)
        assert report.verdict == "verified", report.findings
    assert report.delta is not None
    assert (report.delta.new, report.delta.changed) == ({"message": 1}, {"user": 1, "message": 1})
    assert report.delta.deleted == {"message": 1, "file": 1}
    assert database.run("SELECT count(*) FROM reversa_blob")[0][0] == 0
    assert road.verify("50", 1).verdict == "sampled"
    undone = road.undo()
    assert undone == 5


# ------------------------------------------------------------------------------------------------------- any records


class Contents:
    """What the importer may ask for while people write."""

    def open_blob(self, sha256: str) -> BinaryIO:
        return io.BytesIO(CONTENTS[sha256])


def people_write(run: Run, records: Sequence[Record], gone: Sequence[Ref]) -> None:
    """Bring records of the target to another state, past the run."""
    importer = SqlImporter.open(Locator("sql", f"sqlite:///{run.database}"), Options(source=Source("given", "acme")))
    with contextlib.closing(importer):
        outcomes = importer.replace([Shaped(record.root, (record,)) for record in records], Contents())
        assert {outcome.state for outcome in outcomes} <= {"written"}
        importer.remove(dict.fromkeys(gone, ()))


@st.composite
def packages(draw: st.DrawFn) -> dict[Ref, Record]:
    """Records of some units, each id once."""
    return {ref_to(record): record for unit in draw(st.lists(units(), min_size=1, max_size=4)) for record in unit.records if "~" not in record.id}


@st.composite
def changed(draw: st.DrawFn, records: dict[Ref, Record]) -> dict[Ref, Record]:
    """The same records after some were changed and some deleted."""
    after = {}
    for reference, record in records.items():
        what = draw(st.sampled_from(["stays", "stays", "changes", "goes"]))
        if what == "changes":
            other = draw(any_records(kind_of(record)))
            after[reference] = msgspec.structs.replace(other, id=record.id, root=record.root, order=record.order)
        elif what == "stays":
            after[reference] = record
    return after


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_the_target_equals_the_newer_export_but_for_what_people_wrote(data: st.DataObject) -> None:
    before = data.draw(packages())
    after = data.draw(packages()) | data.draw(changed(before))
    written = data.draw(changed(before))
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder))
        assert run.carry(before.values()).verdict == "verified"
        edits = {reference: written.get(reference) for reference in before if written.get(reference) != before[reference]}
        people_write(
            run, [record for record in edits.values() if record is not None], [reference for reference, record in edits.items() if record is None]
        )
        disputed = {reference for reference, record in edits.items() if record != after.get(reference)}

        report = run.carry(after.values())
        if after == before:
            assert report.verdict == ("different" if edits else "verified"), "nothing is newer, so nothing is to be decided"
            return
        assert report.verdict == ("incomplete" if disputed else "verified"), report.findings
        assert {Ref(row["record"]) for row in run.conflicts()} == disputed
        expected = {
            reference: record for reference in before | after if (record := edits[reference] if reference in disputed else after.get(reference))
        }
        assert run.shown(*before, *after) == expected

        kept = {reference for reference in disputed if data.draw(st.booleans())}
        run.decide(lambda record: "keep" if record in kept else "overwrite")
        assert run.again().verdict == "verified"
        expected = {reference: record for reference in before | after if (record := edits[reference] if reference in kept else after.get(reference))}
        assert run.shown(*before, *after) == expected
        assert run.shown_all() == expected


# ------------------------------------------------------------------------------------------------------- crashes


class CrashError(BaseException):
    """The process ends here."""


def crash_at(monkeypatch: pytest.MonkeyPatch, moment: int) -> Callable[[], int]:
    """End the process before the n-th thing that would be committed; returns what tells how many there were."""
    count = 0

    def tick() -> None:
        nonlocal count
        count += 1
        if count == moment:
            raise CrashError

    def watched(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            tick()
            return function(*arguments, **named)

        return call

    for owner, names in (
        (Ledger, ("advance", "intend", "settle", "reopen")),
        (SqlImporter, ("write", "replace", "remove")),
        (Path, ("rename", "replace")),
    ):
        for name in names:
            monkeypatch.setattr(owner, name, watched(getattr(owner, name)))
    return lambda: count


def test_a_crash_at_any_moment_changes_nothing_about_the_end(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reversa.rendering.write_html", lambda *_: None)
    run.carry([SPACE, ANA, *(message(id, "old") for id in ("same", "changed", "gone", "theirs"))])
    run.text("theirs", "by people")
    newer = pack(run.folder / "newer", [SPACE, ANA, *(message(id, "new") for id in ("changed", "theirs", "added")), message("same", "old")])
    kept = run.folder.parent / f"{run.folder.name}-kept"
    shutil.copytree(run.folder, kept)
    ends, moment, moments = [], 0, 1
    while moment <= moments:  # 0 is no crash at all
        shutil.rmtree(run.folder)
        shutil.copytree(kept, run.folder)
        with monkeypatch.context() as patch:
            counted = crash_at(patch, moment)
            with contextlib.suppress(CrashError):
                run.again(newer.folder)
            moments = counted() if moment == 0 else moments
        report = run.again(newer.folder)
        ends.append((report.verdict, report.reasons, report.delta, [row["record"] for row in run.conflicts()], run.shown_all(), entities(run)))
        assert ends[-1] == ends[0], f"after a crash at moment {moment}"
        moment += 1
    assert moments > 15
    assert ends[0][:2] == ("incomplete", ("conflicts",))


def entities(run: Run) -> list[Any]:
    with contextlib.closing(sqlite3.connect(run.database)) as db:
        return db.execute("SELECT kind, id FROM reversa_entity ORDER BY 1, 2").fetchall()


# ------------------------------------------------------------------------------------------------------- a part of the source


def slack(path: Path, days: dict[str, list[tuple[str, str]]], **others: object) -> Path:
    """A Slack export: day → (ts, text) of its messages."""
    files: dict[str, object] = {
        "users.json": [{"id": "U1", "team_id": "T1", "name": "ana"}],
        "channels.json": [
            {"id": "C1", "name": "general", "members": ["U1"], "pins": [{"id": "1577836800.000001", "created": 1577836801, "user": "U1"}]}
        ],
        **others,
        **{f"general/{day}.json": [{"ts": ts, "user": "U1", "text": text} for ts, text in messages] for day, messages in days.items()},
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, json.dumps(content))
    return path


OLD, NEW = ("1577836800.000001", "old"), ("1577923200.000001", "new")


def test_a_part_of_a_slack_export_carries_what_is_new_and_says_what_it_cannot_know(tmp_path: Path) -> None:
    target, run = f"sqlite:///{tmp_path / 'a.db'}", tmp_path / "run"
    first = slack(tmp_path / "first.zip", {"2020-01-01": [OLD]})
    assert migrate(str(first), target, run).verdict == "verified"
    with zipfile.ZipFile(
        slack(tmp_path / "second.zip", {"2020-01-01": [("1577836800.000001", "changed since")], "2020-01-02": [NEW]}), "a"
    ) as archive:
        archive.writestr("general/2019-12-31.json", "{ this is not read")
    report = migrate(str(tmp_path / "second.zip"), target, run, since=date(2020, 1, 2))
    assert (report.verdict, report.reasons, report.since) == ("incomplete", ("part",), date(2020, 1, 2))
    assert report.delta is not None
    assert (report.delta.new, report.delta.changed, report.delta.deleted) == ({"message": 1}, {}, {})
    assert {b.kind: (b.exported, b.written, b.unexplained) for b in report.import_balance} == {
        "user": (1, 1, 0), "space": (1, 1, 0), "membership": (1, 1, 0), "message": (1, 1, 0),
    }  # fmt: skip
    assert [b.unexplained for b in report.export_balance] == [0] * len(report.export_balance)
    assert messages(tmp_path / "a.db") == ["new", "old"], "what is older stays as it was"
    assert "2\u202fJan\u202f2020" in (text := render_text(report, "en")) or "2 Jan 2020" in text
    plan = json.loads((run / "plan.json").read_bytes())
    assert plan["delta"]["since"] == "2020-01-02"
    assert plan["milliseconds"] > 0

    whole = migrate(str(slack(tmp_path / "third.zip", {"2020-01-02": [NEW]})), target, run)
    assert (whole.verdict, whole.delta and whole.delta.deleted) == ("verified", {"message": 1}), "an export of everything tells what was deleted"
    assert messages(tmp_path / "a.db") == ["new"]


def messages(database: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(database)) as db:
        return sorted(text for (text,) in db.execute("SELECT json_extract(body_text, '$.text') FROM reversa_message"))


def test_files_of_earlier_messages_are_not_taken_for_strangers(tmp_path: Path) -> None:
    export = slack(tmp_path / "a.zip", {"2020-01-02": [NEW]}, **{"__uploads/F123ABC/a.txt": "content"})
    report = migrate(str(export), f"sqlite:///{tmp_path / 'a.db'}", tmp_path / "run", since=date(2020, 1, 2))
    assert "opaque" not in {balance.kind for balance in report.export_balance if balance.records}


def test_a_database_gives_the_units_that_changed_since(tmp_path: Path) -> None:
    def dated(id: str, day: int, updated: int | None = None) -> Message:
        at, later = (None if n is None else datetime(2020, 1, n, tzinfo=UTC) for n in (day, updated))
        return msgspec.structs.replace(message(id, id), created_at=at, updated_at=later)

    reaction = Reaction(id="r", root=ref("message", "3"), target=ref("message", "3"), created_at=datetime(2020, 1, 9, tzinfo=UTC), key="x")
    package = pack(tmp_path / "p", [SPACE, ANA, dated("1", 1), dated("2", 1, updated=5), dated("3", 2), dated("4", 5), reaction])
    source = f"sqlite:///{tmp_path / 'source.db'}"
    migrate(f"package:{package.folder}", source, tmp_path / "run-1")
    report = migrate(source, f"sqlite:///{tmp_path / 'b.db'}", tmp_path / "run-2", since=date(2020, 1, 5))
    assert {b.kind: (b.seen, b.records) for b in report.export_balance} == {"message": (3, 3), "reaction": (1, 1)}
    assert report.reasons == ("part",)


def test_a_source_that_gives_no_part_says_so(tmp_path: Path) -> None:
    migrate(f"package:{pack(tmp_path / 'p', [ANA]).folder}", f"html:{tmp_path / 'archive'}", tmp_path / "run")
    with pytest.raises(SourceError, match="cannot be asked for a part"):
        migrate(f"html:{tmp_path / 'archive'}", f"sqlite:///{tmp_path / 'b.db'}", tmp_path / "other", since=date(2020, 1, 5))


def test_the_time_of_a_step_is_predicted_from_those_before() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)

    def step(name: StepName, seconds: int, records: int) -> Step:
        return Step(step=name, started_at=at, ended_at=at + timedelta(seconds=seconds), records=records)

    assert predicted([], "import", 10) is None
    assert predicted([step("import", 1, 0)], "import", 10) is None
    assert predicted([step("import", 100, 1000), step("verify", 7, 1)], "import", 10) == 1000
    assert predicted([step("import", 100, 1000), step("import", 4, 20), step("import", 4, 20)], "import", 10) == 3000, "two seconds whatever there is"
