"""The tables that compare a CSV with reversa say what a run says, and a loss shows in them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from benchmarks import csv_copy, csv_loss
from benchmarks.rebuilding import rebuild, rows_of_database, rows_of_pages
from benchmarks.slack_json import Export, facts, read_zip
from tests.paths import REAL_EXPORT, shelf

PAGE = csv_loss.PAGE.read_text(encoding="utf-8")


class Demo(NamedTuple):
    """The demo's export in both targets, and what was counted."""

    folder: Path
    survival: dict[str, csv_loss.Survival]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp("csv-loss")
    return Demo(folder, csv_loss.measure(REAL_EXPORT, folder))


def test_the_table_of_the_page_is_that_of_a_run(demo: Demo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["csv_loss", "EXPORT.zip"])
    monkeypatch.setattr(csv_loss, "measured", {Path("EXPORT.zip"): demo.survival}.__getitem__)
    csv_loss.main()
    assert capsys.readouterr().out == csv_loss.between(PAGE, "csv_loss demo")


def test_the_tables_of_the_generated_export_and_of_the_readme_are_those_of_a_run(demo: Demo, tmp_path: Path) -> None:
    generator = shelf("tools/make_slack_export.py")
    source = tmp_path / "generated.zip"
    subprocess.run([sys.executable, generator, source, *csv_loss.GENERATED], check=True, capture_output=True)
    generated = csv_loss.measured(source)
    assert csv_loss.table(generated) + "\n" == csv_loss.between(PAGE, "csv_loss generated")
    assert csv_loss.summary(demo.survival, generated) + "\n" == csv_loss.between(csv_loss.README.read_text(encoding="utf-8"), "csv_loss")

    truth = json.loads((tmp_path / "generated.zip.truth.json").read_text(encoding="utf-8"))
    counts = truth["counts"]
    assert {fact: generated[fact].whole for fact in ("words", "reaction", "edit", "reply", "deletion", "person")} == {
        "words": counts["messages"],
        "reaction": counts["reactions"],
        "edit": counts["edited"],
        "reply": counts["replies"] - counts["replies whose root is not in the export"],
        "deletion": counts["subtype tombstone"],
        "person": sum(truth["users"].values()),
    }


def test_a_loss_in_a_target_is_counted(demo: Demo) -> None:
    whole = facts(read_zip(REAL_EXPORT))
    rows = rows_of_database(demo.folder / "target.db")
    assert not whole - facts(rebuild(rows, native=True))
    for kind, fact in (("membership", "member"), ("reaction", "reaction"), ("file", "file name")):
        less = rows | {kind: rows[kind][1:]}
        assert fact in {name for name, *_ in whole - facts(rebuild(less, native=True))}
    edited = next(row for row in rows["message"] if "updated_at" in row)
    edited["updated_at"] = "2020-01-01T00:00:00.000000+00:00"
    assert sorted(name for name, *_ in whole - facts(rebuild(rows, native=True))) == ["edit", "field"]


def test_the_pages_and_the_database_tell_the_same(demo: Demo) -> None:
    told = [rebuild(rows, native=True) for rows in (rows_of_database(demo.folder / "target.db"), rows_of_pages(demo.folder / "archive"))]
    assert facts(told[0]) == facts(told[1])


def test_the_csv_is_read_back_whole(tmp_path: Path) -> None:
    text = 'a "b", c;\r\nd\n\te\u2028 = 1 <@U1> é'
    file = {"url_private": "https://example.org/a,b?c=d", "name": "naïve, #1.txt"}
    message = {
        "type": "message",
        "ts": "1546300860.000001",
        "user": "U1",
        "text": text,
        "files": [file, file],
        "reactions": [{"name": "a-b", "count": 3}],
    }
    source = Export(
        users={"U1": {"id": "U1", "name": "ann", "real_name": "Ann, A.", "deleted": False, "is_admin": True}},
        spaces={"C1": {"id": "C1", "name": "a [b]"}},
        messages={"C1": [message]},
    )
    csv_copy.write(source, tmp_path / "csv")
    assert not facts(source) - facts(csv_copy.read(tmp_path / "csv"))
