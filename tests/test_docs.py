"""What the documentation says to type is typed; what it shows is true."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from reversa.testing import ExporterSuite
from tests.paths import PROJECT, REAL_EXPORT

PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md"))]


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (PROJECT / page).read_text(encoding="utf-8"), re.DOTALL)


def run(command: list[str], folder: Path, **environment: str) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(command, cwd=folder, env=os.environ | {"PATH": path} | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(PROJECT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert link.startswith("https://") or (page.parent / link).exists(), link


def test_the_set_up_commands_of_the_readme_are_those_of_the_makefile_and_ci() -> None:
    commands = re.findall(r"^make (\w+)", blocks("README.md", "sh")[0], re.MULTILINE)
    assert commands == ["demo", "test"]
    targets = re.findall(r"^(\w+):", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    assert set(commands) <= set(targets)
    assert "\nmake test\n" in (PROJECT / ".ci" / "run").read_text()


def test_the_commands_of_the_readme_do_what_it_says(tmp_path: Path) -> None:
    shutil.copyfile(REAL_EXPORT, tmp_path / "export.zip")
    for line in blocks("README.md", "sh")[1].splitlines():
        command = line.partition("#")[0].split()
        run([*command, *(["--yes"] if "undo" in command else [])], tmp_path)


def test_the_commands_of_the_drill_page_do_what_it_says(tmp_path: Path) -> None:
    run(["reversa", "export", str(REAL_EXPORT), "--run", "acme.reversa"], tmp_path)
    lines = blocks("docs/drill-and-attestation.md", "sh")[0].splitlines()
    for line in lines:
        run(line.partition("#")[0].split(), tmp_path)
    assert [len(list((tmp_path / "acme.reversa" / name).glob("*.json"))) for name in ("drills", "attestations")] == [2, 1]
    assert '"sampled"' in max((tmp_path / "acme.reversa" / "drills").glob("*.json")).read_text()


def test_the_python_of_the_readme_runs(tmp_path: Path) -> None:
    shutil.copyfile(REAL_EXPORT, tmp_path / "export.zip")
    (code,) = blocks("README.md", "python")
    out = run([sys.executable, "-c", code], tmp_path)
    assert out.startswith("verified\n")
    assert "slack.file.body-not-in-export 60 60" in out


def test_the_queries_of_the_package_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(["reversa", "export", str(REAL_EXPORT), "--run", "r"], tmp_path)
    monkeypatch.chdir(tmp_path / "r" / "package")
    months, people = (duckdb.connect().execute(query).fetchall() for query in blocks("docs/package-format.md", "sql")[0].split(";")[:2])
    assert sum(count for _, count in months) == 1382
    assert len(people) == 5
    (pandas,) = blocks("docs/package-format.md", "python")
    assert "system" in run([sys.executable, "-c", pandas], Path.cwd())


def test_the_queries_of_the_sql_page_run(tmp_path: Path) -> None:
    run(["reversa", "migrate", str(REAL_EXPORT), "sqlite:///acme.db"], tmp_path)
    with sqlite3.connect(tmp_path / "acme.db") as db:
        found = [db.execute(query).fetchall() for query in blocks("docs/adapters/sql.md", "sql")[0].split(";") if query.strip()]
    db.close()
    assert [len(rows) for rows in found] == [1382, 201, 0]


def test_the_adapter_of_the_guide_passes_the_suite(tmp_path: Path) -> None:
    adapter, suite, _ = blocks("docs/write-an-adapter.md", "python")
    (entry_points,) = blocks("docs/write-an-adapter.md", "toml")
    group = re.findall(r'entry-points\."([^"]+)"', entry_points)[0]
    (tmp_path / "guide.py").write_text(adapter)
    (tmp_path / "guide-1.dist-info").mkdir()
    (tmp_path / "guide-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: guide\nVersion: 1\n")
    (tmp_path / "guide-1.dist-info" / "entry_points.txt").write_text(f"[{group}]\nnotes = guide:ADAPTER\n")
    board = '{"board": "b", "notes": [{"id": "1", "who": "Ann", "when": "2024-01-01T10:00:00+00:00", "text": "hi"}, {"who": "Bea"}]}'
    (tmp_path / "board.json").write_text(board)
    out = run(["reversa", "conformance", "notes", "board.json"], tmp_path, PYTHONPATH=str(tmp_path))
    assert (out.count("ok  "), out.count("FAIL")) == (7, 0)
    assert "FAIL" not in out
    broken = adapter.replace("enumerate(self._notes):", "enumerate(self._notes[:1]):")
    assert broken != adapter
    (tmp_path / "guide.py").write_text(broken)
    with pytest.raises(AssertionError, match="1 of them are unexplained"):
        run(["reversa", "conformance", "notes", "board.json"], tmp_path, PYTHONPATH=str(tmp_path))
    assert "ExporterSuite" in suite
    assert f"from reversa.testing import {ExporterSuite.__name__}" in suite


def test_the_faulty_network_of_the_guide_is_as_it_says(tmp_path: Path) -> None:
    *_, weather = blocks("docs/write-an-adapter.md", "python")
    said = run([sys.executable, "-c", weather], tmp_path).splitlines()
    assert said[1:] == ["429", "201", "['POST /token']"]
    named = re.findall(r"FAULTS\)  # (.*)", weather)[0].split(", ")
    assert said[0] == repr(tuple(named))
