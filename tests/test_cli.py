"""The commands as a person types them: what they print, the exit code, what to type next. Never a traceback."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from reversa import errors
from reversa.ledger import Ledger
from tests.paths import PROJECT, REAL_EXPORT

Run = subprocess.CompletedProcess[str]


@pytest.fixture
def reversa(tmp_path: Path) -> Callable[..., Run]:
    """Runs the command in a folder of its own, as a process of its own."""

    def run(*arguments: str | Path, **environment: str) -> Run:
        env = {k: v for k, v in os.environ.items() if not k.startswith(("REVERSA", "LANG", "LC_"))} | environment
        return subprocess.run(
            [sys.executable, "-m", "reversa", *map(str, arguments)],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    return run


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """A small Slack export of one channel."""
    return _export(tmp_path / "export.zip", {"general/2019-01-01.json": [{"ts": "1.000001", "user": "U1", "text": "bonjour"}]})


def _export(path: Path, files: dict[str, object]) -> Path:
    base: dict[str, object] = {"users.json": [{"id": "U1", "team_id": "T1", "name": "ann"}], "channels.json": [{"id": "C1", "name": "general"}]}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (base | files).items():
            if content is not None:
                archive.writestr(name, content if isinstance(content, str) else json.dumps(content))
    return path


def failed(run: Run, code: int, said: str, hint: str) -> None:
    assert run.returncode == code, run.stdout + run.stderr
    assert "Traceback" not in run.stdout + run.stderr
    assert re.search(said, run.stderr), run.stderr
    assert re.search(f"-> .*{hint}", run.stderr), run.stderr


# ------------------------------------------------------------------------------------------- the main road


def test_migrate_ends_verified_and_says_what_to_type_next(reversa: Callable[..., Run], tmp_path: Path) -> None:
    run = reversa("migrate", REAL_EXPORT, "sqlite:///acme.db", "--run", "r")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "1382" in run.stdout.replace(",", "")
    assert "Next:" in run.stdout
    assert (tmp_path / "r" / "report.en.html").exists()
    assert sqlite3.connect(tmp_path / "acme.db").execute("SELECT count(*) FROM reversa_message").fetchone() == (1382,)
    assert sqlite3.connect(tmp_path / "acme.db").execute("SELECT count(*) FROM reversa_v_message WHERE author IS NOT NULL").fetchone()[0] > 1300
    again = reversa("migrate", REAL_EXPORT, "sqlite:///acme.db", "--run", "r", "--json")
    assert again.returncode == 0
    assert json.loads(again.stdout)["verdict"] == "verified"
    with (tmp_path / "r" / "redirects.csv").open() as lines:
        assert len(lines.readlines()) == 1 + 67


def test_each_step_alone(reversa: Callable[..., Run], export: Path, tmp_path: Path) -> None:
    assert "reversa plan" in reversa("export", export, "--run", "r").stdout
    plan = reversa("plan", "r", "sqlite:///acme.db")
    assert plan.returncode == 0, plan.stderr
    assert "reversa import" in plan.stdout
    assert not (tmp_path / "acme.db").exists(), "a plan wrote to the target"
    assert "reversa verify" in reversa("import", "r").stdout
    assert reversa("verify", "r").returncode == 0
    assert reversa("report", "r", "--lang", "fr").returncode == 0
    way = json.loads(reversa("why", "r", "message", "C1/1.000001").stdout)
    assert way["record"]["created_by"] == "user:U1"
    assert way["outcome"]["state"] == "written"
    assert way["outcome"]["targets"] == ["reversa_message/3"]
    assert way["findings"] == []
    assert reversa("validate", "r/package").returncode == 0
    assert reversa("undo", "r", "--yes").returncode == 0
    assert sqlite3.connect(tmp_path / "acme.db").execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


def test_a_row_broken_by_hand_is_named(reversa: Callable[..., Run], export: Path, tmp_path: Path) -> None:
    assert reversa("migrate", export, "sqlite:///acme.db", "--run", "r").returncode == 0
    with sqlite3.connect(tmp_path / "acme.db") as db:
        db.execute("UPDATE reversa_message SET body_text = 'forged'")
    db.close()
    run = reversa("verify", "r", LANG="fr_FR.UTF-8")
    assert run.returncode == errors.EXIT_DIFFERENT
    assert "C1/1.000001" in run.stdout
    assert "body" in run.stdout
    assert json.loads(reversa("why", "r", "message", "C1/1.000001").stdout)["findings"][0]["field"] == "body"


def test_inspect_counts_without_writing(reversa: Callable[..., Run], export: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    run = reversa("inspect", export, "--json")
    assert json.loads(run.stdout)["kinds"] == {"user": 1, "space": 1, "message": 1}
    assert sorted(tmp_path.iterdir()) == before


def test_diff_names_what_differs(reversa: Callable[..., Run], export: Path, tmp_path: Path) -> None:
    other = _export(tmp_path / "other.zip", {"general/2019-01-01.json": [{"ts": "1.000001", "user": "U1", "text": "bonsoir"}]})
    assert reversa("export", export, "--run", "a").returncode == 0
    assert reversa("export", other, "--run", "b").returncode == 0
    assert reversa("diff", "a/package", "a/package").returncode == 0
    run = reversa("diff", "a/package", "b/package")
    assert run.returncode == errors.EXIT_DIFFERENT
    assert "* message C1/1.000001 body" in run.stdout


def test_the_demo_tells_the_whole_story(reversa: Callable[..., Run], tmp_path: Path) -> None:
    run = reversa("demo", "--lang", "fr")
    assert run.returncode == 0, run.stdout + run.stderr
    assert re.search(r"VÉRIFIÉ.*DIFFÉRENT.*title", run.stdout, re.DOTALL), run.stdout
    page = re.search(r"(\S+report-before\.html)", run.stdout)
    assert page is not None
    assert (tmp_path / page[1]).exists()
    assert reversa("demo").returncode == 0, "the demo can be told again"
    (tmp_path / "mine").mkdir()
    failed(reversa("demo", "--folder", "mine"), errors.RunError.exit_code, "not a demo", "--folder")


def test_control_characters_never_reach_the_terminal(reversa: Callable[..., Run], tmp_path: Path) -> None:
    evil = _export(tmp_path / "evil.zip", {"channels.json": [{"id": "C1", "name": "general"}], "\x1b[31mred.json": "{"})
    for run in (reversa("inspect", evil), reversa("migrate", evil, "sqlite:///a.db")):
        assert "\x1b" not in run.stdout + run.stderr


# ------------------------------------------------------------------------------------------- bad input


def test_an_archive_cut_short(reversa: Callable[..., Run], tmp_path: Path) -> None:
    (tmp_path / "cut.zip").write_bytes(REAL_EXPORT.read_bytes()[:100_000])
    failed(reversa("migrate", "cut.zip", "sqlite:///a.db"), errors.LocatorError.exit_code, "not a whole zip", "SYSTEM:cut.zip")
    failed(reversa("migrate", "slack:cut.zip", "sqlite:///a.db"), errors.SourceError.exit_code, "not a whole zip", "compare its size")


def test_nothing_there_and_nothing_known(reversa: Callable[..., Run], tmp_path: Path) -> None:
    failed(reversa("inspect", "nowhere.zip"), errors.LocatorError.exit_code, "nothing at nowhere.zip", "path of an export")
    (tmp_path / "notes.txt").write_text("hello")
    failed(reversa("inspect", "notes.txt"), errors.LocatorError.exit_code, "not an export", "slack")
    (tmp_path / "empty").mkdir()
    failed(reversa("inspect", "slack:empty"), errors.SourceError.exit_code, "no Slack conversations", "channels.json")


def test_an_unknown_target(reversa: Callable[..., Run], export: Path) -> None:
    failed(reversa("migrate", export, "sharepoint:x"), errors.LocatorError.exit_code, "no importer named 'sharepoint'", "reversa adapters")
    failed(reversa("migrate", export, "oracle://x/y"), errors.LocatorError.exit_code, "no importer named 'oracle'", "reversa adapters")


def test_a_password_in_an_address_is_refused_and_not_repeated(reversa: Callable[..., Run], export: Path, tmp_path: Path) -> None:
    run = reversa("migrate", export, "postgresql://u:hunter2@127.0.0.1/x")
    failed(run, errors.LocatorError.exit_code, "holds a password", "REVERSA_PASSWORD")
    assert "hunter2" not in run.stderr
    assert not any("hunter2" in p.read_text(errors="replace") for p in tmp_path.rglob("*") if p.is_file())


def test_a_database_that_does_not_answer(reversa: Callable[..., Run], export: Path) -> None:
    failed(reversa("migrate", export, "postgresql://u@127.0.0.1:1/x"), errors.TargetError.exit_code, "failed", "same command again")


def test_a_broken_day_file_is_said_and_the_verdict_is_incomplete(reversa: Callable[..., Run], tmp_path: Path) -> None:
    export = _export(tmp_path / "x.zip", {"general/2019-01-01.json": '[{"ts": "1.000001", "text": "ok"}, {"ts": '})
    run = reversa("migrate", export, "sqlite:///a.db", "--run", "r")
    assert run.returncode == errors.EXIT_INCOMPLETE, run.stdout + run.stderr
    assert "general/2019-01-01.json" in run.stdout
    assert sqlite3.connect(tmp_path / "a.db").execute("SELECT count(*) FROM reversa_message").fetchone() == (1,)


def test_a_missing_users_json_is_a_declared_loss(reversa: Callable[..., Run], tmp_path: Path) -> None:
    export = _export(tmp_path / "x.zip", {"users.json": None, "general/2019-01-01.json": [{"ts": "1.000001", "user": "U1"}]})
    run = reversa("migrate", export, "sqlite:///a.db", "--run", "r", "--json")
    assert run.returncode == 0
    assert "slack.user.list-missing" in [line["change"]["code"] for line in json.loads(run.stdout)["changes"]]


def test_a_run_folder_of_something_else(reversa: Callable[..., Run], export: Path, tmp_path: Path) -> None:
    assert reversa("migrate", export, "sqlite:///a.db", "--run", "r").returncode == 0
    other = _export(tmp_path / "other.zip", {"users.json": [{"id": "U1", "team_id": "T2", "name": "ann"}]})
    failed(reversa("migrate", other, "sqlite:///a.db", "--run", "r"), errors.RunError.exit_code, "another source", "--run")
    failed(reversa("migrate", export, "sqlite:///a.db", "--run", "r", "--private"), errors.RunError.exit_code, "other options", "--run")
    failed(reversa("migrate", export, "sqlite:///b.db", "--run", "r"), errors.RunError.exit_code, "another target", "--run")
    failed(reversa("plan", "r", "sqlite:///b.db"), errors.RunError.exit_code, "another target", "--run")


def test_steps_before_their_turn(reversa: Callable[..., Run], tmp_path: Path) -> None:
    (tmp_path / "r").mkdir()
    failed(reversa("plan", "r", "sqlite:///a.db"), errors.RunError.exit_code, "no package", "reversa export")
    failed(reversa("import", "r"), errors.RunError.exit_code, "no plan", "reversa plan")
    failed(reversa("verify", "r"), errors.RunError.exit_code, "no package", "reversa export")
    failed(reversa("report", "r"), errors.RunError.exit_code, "not been verified", "reversa verify")


def test_a_live_target_wants_an_accepted_plan(reversa: Callable[..., Run], tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "live.db") as db:
        db.execute("CREATE TABLE theirs (id INTEGER)")
    db.close()
    message = {"ts": "1.000001", "user": "U1", "files": [{"id": "F1", "mode": "hosted", "name": "a"}]}
    export = _export(tmp_path / "x.zip", {"general/2019-01-01.json": [message]})
    failed(
        reversa("migrate", export, "sqlite:///live.db", "--run", "r"), errors.NotAccepted.exit_code, "nobody has accepted", "--accept r/losses.csv"
    )
    assert sqlite3.connect(tmp_path / "live.db").execute("SELECT count(*) FROM sqlite_master").fetchone() == (1,)
    losses = tmp_path / "r" / "losses.csv"
    failed(
        reversa("migrate", export, "sqlite:///live.db", "--run", "r", "--accept", losses),
        errors.NotAccepted.exit_code,
        r"body-not-in-export \(1\)",
        "yes",
    )
    head, line = losses.read_text().splitlines()
    losses.write_text(f"{head}\n{line[:-1]}yes,Ann\n")
    run = reversa("migrate", export, "sqlite:///live.db", "--run", "r", "--accept", losses, "--json")
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["accepted_by"] == "Ann"


def test_a_damaged_package_is_not_migrated(reversa: Callable[..., Run], export: Path, tmp_path: Path) -> None:
    assert reversa("export", export, "--run", "r").returncode == 0
    shutil.copytree(tmp_path / "r" / "package", tmp_path / "p")
    assert reversa("migrate", "p", "sqlite:///good.db", "--run", "g").returncode == 0
    (tmp_path / "p" / "README.txt").write_text("changed")
    failed(reversa("migrate", "p", "sqlite:///a.db", "--run", "q"), errors.PackageError.exit_code, "README.txt", "reversa validate")
    run = reversa("validate", "p")
    assert run.returncode == errors.EXIT_DIFFERENT
    assert "README.txt is not what tagmanifest-sha256.txt says" in run.stdout


def test_a_full_disk_under_the_run_folder(reversa: Callable[..., Run], export: Path, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24k", "tmpfs", small], capture_output=True, check=False).returncode:
        pytest.skip("a small disk needs root")
    try:
        failed(reversa("export", export, "--run", small / "r"), errors.DiskError.exit_code, "No space left", "same command again")
        assert not (small / "r" / "package").exists()
    finally:
        subprocess.run(["umount", small], check=True)


# ------------------------------------------------------------------------------------------- the documented codes


def test_exit_codes_are_those_of_the_documentation() -> None:
    page = (PROJECT / "docs" / "command-line.md").read_text(encoding="utf-8")
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}
    classes = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.ReversaError)]
    constants = [value for name, value in vars(errors).items() if name.startswith("EXIT_")]
    assert documented == {c.exit_code for c in classes} | set(constants)


def test_every_command_is_documented() -> None:
    from reversa.cli import main

    page = (PROJECT / "docs" / "command-line.md").read_text(encoding="utf-8")
    assert [name for name in main.commands if f"reversa {name}" not in page] == []


def test_help_and_import_load_nothing_heavy() -> None:
    script = (
        "import sys, reversa, reversa.cli; print([m for m in ('pyarrow', 'sqlalchemy', 'jinja2', 'rich', 'babel', 'msgspec') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_damaged_files_of_a_run_are_named(reversa: Callable[..., Run], export: Path, tmp_path: Path) -> None:
    (tmp_path / "r").mkdir()
    Ledger(tmp_path / "r" / "ledger.sqlite").close()
    (tmp_path / "r" / "plan.json").write_text("{}")
    assert reversa("export", export, "--run", "r").returncode == 0
    failed(reversa("import", "r"), errors.RunError.exit_code, "plan.json is damaged", "Remove r/plan.json")
    (tmp_path / "r" / "ledger.sqlite").write_text("not a database" * 100)
    (tmp_path / "r" / "plan.json").unlink()
    failed(reversa("plan", "r", "sqlite:///a.db"), errors.RunError.exit_code, "ledger.sqlite is damaged", "new run")


def test_a_defect_is_kept_in_a_file_and_not_thrown_at_the_person(reversa: Callable[..., Run], tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import reversa.inspecting\nreversa.inspecting.inspect = lambda *a, **k: 1 / 0\n")
    failed(reversa("inspect", "x", PYTHONPATH=str(tmp_path)), errors.EXIT_BUG, "defect of reversa", "kept of it")


def test_two_at_once_in_one_run_folder(reversa: Callable[..., Run], export: Path, tmp_path: Path) -> None:
    (tmp_path / "r").mkdir()
    with (tmp_path / "r" / "run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        failed(reversa("export", export, "--run", "r"), errors.RunError.exit_code, "Another reversa works", "Wait")
    assert reversa("export", export, "--run", "r").returncode == 0
