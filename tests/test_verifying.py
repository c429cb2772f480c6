"""The comparison: each status for its own case, and changes that nobody declared."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from reversa.adapter import Change, Noted, Unreadable
from reversa.canonical import encode
from reversa.comparing import Comparer, Comparison, Finding
from reversa.exporters.sql import SqlExporter
from reversa.migrating import Road
from reversa.records import KINDS, Grant, Membership, Record, Space, Tag, ref, ref_to
from reversa.verifying import compare_packages
from tests.strategies import pack

CONVERTED = Change("t.tag.label", "tag", "label", "converted", "target-cannot", "")
LOST = Change("t.tag.scheme", "tag", "scheme", "lost", "target-cannot", "")
SKIPPED = Change("t.tag.id", "tag", "id", "skipped", "target-cannot", "")
CHANGES = {change.code: change for change in (CONVERTED, LOST, SKIPPED)}


def tag(id: str, label: str = "l", scheme: str | None = "s") -> Tag:
    return Tag(id=id, root=ref("tag", id), target=ref("page", "p"), label=label, scheme=scheme)


def stream(records: list[Record]) -> Iterator[tuple[Record, bytes]]:
    return iter([(record, encode(record)) for record in sorted(records, key=lambda r: r.id)])


def compare(
    expected: list[Record],
    found: list[Record],
    sources: list[Record] | None = None,
    noted: tuple[Noted, ...] = (),
    readable: frozenset[str] = frozenset(KINDS),
) -> tuple[Comparison, list[Finding]]:
    findings: list[Finding] = []
    comparer = Comparer(CHANGES, readable, findings.append)
    comparer.expect(noted)
    comparer.compare(stream(expected), stream(sources or []), stream(found))
    return comparer.comparison(), findings


def statuses(comparison: Comparison) -> dict[str, int]:
    return {status: count for status in "=~L*-+!?" if (count := comparison.total(status))}  # type: ignore[arg-type]


def test_identical() -> None:
    comparison, findings = compare([tag("1"), tag("2")], [tag("1"), tag("2")])
    assert statuses(comparison) == {"=": 10}
    assert findings == []


def test_a_value_differs_is_missing_or_is_extra() -> None:
    expected: list[Record] = [tag("1"), tag("2"), tag("3", scheme=None)]
    comparison, findings = compare(expected, [tag("1", "other"), tag("2", scheme=None), tag("3", scheme="new")])
    assert statuses(comparison) == {"=": 12, "*": 1, "-": 1, "+": 1}
    assert [(f.id, f.field, f.status, f.expected, f.found) for f in findings] == [
        ("1", "label", "*", "l", "other"),
        ("2", "scheme", "-", "s", None),
        ("3", "scheme", "+", None, "new"),
    ]


def test_a_record_is_missing_is_extra_or_cannot_be_asked_for() -> None:
    comparison, findings = compare([tag("1")], [tag("2")])
    assert comparison.records == {"tag": {"-": 1, "+": 1}}
    assert [(f.id, f.field, f.status) for f in findings] == [("1", None, "-"), ("2", None, "+")]
    comparison, findings = compare([tag("1")], [], readable=frozenset())
    assert statuses(comparison) == {"?": 5}
    assert [f.status for f in findings] == ["?"]


def test_a_change_as_planned_is_converted_or_lost() -> None:
    noted = (Noted(CONVERTED.code, ref("tag", "1")), Noted(LOST.code, ref("tag", "1")))
    comparison, findings = compare([tag("1", "L", None)], [tag("1", "L", None)], [tag("1")], noted)
    assert statuses(comparison) == {"=": 3, "~": 1, "L": 1}
    assert comparison.observed == {CONVERTED.code: 1, LOST.code: 1}
    assert findings == []


def test_a_planned_change_that_did_not_happen_is_not_observed() -> None:
    noted = (Noted(CONVERTED.code, ref("tag", "1")),)
    comparison, findings = compare([tag("1", "L")], [tag("1", "l")], [tag("1", "l")], noted)
    assert comparison.observed == {}
    assert [(f.field, f.status) for f in findings] == [("label", "*")]


def test_a_change_that_nobody_declared_is_a_difference_even_when_the_target_agrees() -> None:
    comparison, findings = compare([tag("1", "L")], [tag("1", "L")], [tag("1", "l")])
    assert comparison.undeclared == 1
    assert [(f.field, f.status) for f in findings] == [("label", "*")]


@pytest.mark.parametrize(("found", "observed"), [([], {SKIPPED.code: 1}), ([tag("1")], {})])
def test_a_record_left_out_as_planned_is_observed_by_its_absence(found: list[Record], observed: dict[str, int]) -> None:
    comparison, findings = compare([], found, noted=(Noted(SKIPPED.code, ref("tag", "1")),))
    assert comparison.observed == observed
    assert [f.status for f in findings] == ["+"] * len(found)


def test_rights_widened_are_counted_apart() -> None:
    space = Space(id="s", root=ref("space", "s"), visibility="private")
    opened = Space(id="s", root=ref("space", "s"), visibility="public")
    assert compare([space], [opened])[0].rights_widened == 1
    member = Membership(id="m", root=ref_to(space), group=ref_to(space), member=ref("user", "u"))
    assert compare([], [member])[0].rights_widened == 1
    assert compare([member], [])[0].rights_widened == 0
    assert compare([opened], [space])[0].rights_widened == 0
    deny = Grant(id="g", root=ref_to(space), target=ref_to(space), principal=ref("user", "u"), right="view", effect="deny")
    assert compare([deny], [])[0].rights_widened == 1


def test_what_the_target_cannot_give_is_unreadable() -> None:
    findings: list[Finding] = []
    comparer = Comparer(CHANGES, frozenset(KINDS), findings.append)
    comparer.hear(Unreadable("tag", "1", "created_at: no date"))
    assert comparer.comparison().unreadable == 1
    assert [(f.id, f.status, f.note) for f in findings] == [("1", "!", "created_at: no date")]


# ------------------------------------------------------------------------------------------------ a whole target


def migrated(folder: Path, records: list[Record]) -> Road:
    """A run that has written these records into a database."""
    road = Road(folder / "run")
    road.export(f"package:{pack(folder / 'package', records).folder}")
    road.plan(f"sqlite:///{folder / 'target.db'}")
    road.import_()
    return road


def edited(folder: Path, statement: str, *values: object) -> None:
    with contextlib.closing(sqlite3.connect(folder / "target.db")) as db, db:
        db.execute("PRAGMA foreign_keys = OFF")
        db.execute(statement, values)


@pytest.fixture(params=["columns", "units"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compared by columns first, or by records only."""
    if request.param == "units":
        monkeypatch.delattr(SqlExporter, "batches")


@pytest.mark.usefixtures("way")
def test_every_record_that_is_not_under_its_id_is_counted_and_named(tmp_path: Path) -> None:
    road = migrated(tmp_path, [tag(str(number)) for number in range(1, 6)])
    assert road.verify().verdict == "verified"
    edited(tmp_path, "UPDATE reversa_entity SET id = 'x' || id WHERE id IN ('2', '4')")
    report = road.verify()
    assert (report.verdict, report.reasons) == ("different", ("values-differ", "ids-lost"))
    lost = [finding for finding in road.findings() if finding.field == "target id"]
    assert [(f.kind, f.id, f.status, f.found) for f in lost] == [("tag", "2", "-", None), ("tag", "4", "-", None)]
    assert lost[0].expected == ["reversa_tag/2"]
    assert lost[0].note == "not under the id in the ledger"
    assert {(f.id, f.status) for f in road.findings() if f.field is None} == {("2", "-"), ("4", "-"), ("x2", "+"), ("x4", "+")}


@pytest.mark.usefixtures("way")
def test_what_is_compared_is_counted(tmp_path: Path) -> None:
    road = migrated(tmp_path, [tag("1"), tag("2", scheme=None)])
    edited(tmp_path, "UPDATE reversa_tag SET label = 'other' WHERE scheme IS NULL")
    report = road.verify()
    assert report.records == {"tag": {"=": 1, "*": 1}}
    assert report.fields["tag"]["label"] == {"=": 1, "*": 1}
    assert report.fields["tag"]["scheme"] == {"=": 1}
    assert report.headline.values == 9
    assert report.headline.wrong == 1
    assert [(f.id, f.field, f.expected, f.found) for f in report.findings] == [("2", "label", "l", "other")]


def test_two_packages_are_compared(tmp_path: Path) -> None:
    one = pack(tmp_path / "one", [tag("1"), tag("2"), tag("3", "a")])
    other = pack(tmp_path / "other", [tag("1"), tag("3", "b"), tag("4"), Space(id="s", root=ref("space", "s"))])
    assert compare_packages(one.folder, one.folder) == []
    found = compare_packages(one.folder, other.folder)
    assert [(f.kind, f.id, f.field, f.status) for f in found] == [
        ("tag", "2", None, "-"), ("tag", "3", "label", "*"), ("tag", "4", None, "+"), ("space", "s", None, "+"),
    ]  # fmt: skip
    assert [(f.kind, f.id, f.field, f.status) for f in compare_packages(other.folder, one.folder)] == [
        ("space", "s", None, "-"), ("tag", "2", None, "+"), ("tag", "3", "label", "*"), ("tag", "4", None, "-"),
    ]  # fmt: skip
