"""Crashes, full and failing disks: nothing broken stands under a final name, and the same command afterwards ends well."""

from __future__ import annotations

import itertools
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from reversa.comparing import Finding
from reversa.errors import ReversaError
from reversa.files import write_whole
from reversa.journal import Step, recorded
from reversa.migrating import Road
from reversa.package import Package
from reversa.planning import Plan
from reversa.records import Body, File, Message, Record, User, ref
from reversa.reporting import Report
from reversa.validating import validate
from tests.faulty_disk import MODES, Crash, FaultyDisk, Mode
from tests.paths import PROJECT
from tests.strategies import CONTENTS, pack

pytestmark = pytest.mark.timeout(600)
MANY = 400
"""More operations than any of the acts takes."""
RECORDS: list[Record] = [
    User(id="u", root=ref("user", "u")),
    Message(id="m", root=ref("message", "m"), created_by=ref("user", "u"), body=Body(format="plain", text="hi"), url="https://old.example/m"),
    *(File(id=digest[:3], root=ref("message", "m"), target=ref("message", "m"), sha256=digest, size=len(c)) for digest, c in CONTENTS.items()),
]


def sweep(folder: Path, mode: Mode, act: Callable[[Path], object], check: Callable[[Path], object]) -> int:
    """Let the n-th operation of an act fail, for every n until none does; returns how many there were.

    ``check`` sees what was left; the same act, done again, must come to its end.
    """
    for number in itertools.count(1):
        place = folder / str(number)
        place.mkdir(parents=True)
        disk = FaultyDisk(place, number, mode)
        ended = False
        try:
            with disk:
                act(place)
                ended = True
        except (Crash, OSError, ReversaError):
            assert disk.struck
        check(place)
        if not ended:
            act(place)
        if not disk.struck:
            assert 5 < number < MANY
            return number
    raise AssertionError


# ------------------------------------------------------------------------------------------- the package


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in memory, where there is one: the flushes of a thousand runs take a minute on a disk."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:  # noqa: S108
        yield Path(folder)


@pytest.mark.filterwarnings("ignore:Exception ignored in. <function ZipFile")  # a pack that cannot be ended on a full disk
@pytest.mark.parametrize("mode", MODES)
def test_a_package_is_whole_or_absent_whatever_fails(mode: Mode, memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reversa.packing.schema_files", lambda: {"user.json": "{}\n"})
    monkeypatch.setattr("reversa.blobs.PACKED_BELOW", 1000)
    digest = pack(memory / "sound", RECORDS).manifest.digest

    def act(place: Path) -> None:
        if not (place / "package").exists():
            assert pack(place / "package", RECORDS).manifest.digest == digest

    def check(place: Path) -> None:
        if (place / "package").exists():
            assert validate(place / "package") == []
            assert Package(place / "package").manifest.digest == digest

    sweep(memory, mode, act, check)


def test_the_sweep_sees_a_writer_that_does_not_flush(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reversa.packing.flush", lambda _: None)
    disk = FaultyDisk(tmp_path, 10**9, "power cut")
    with disk:
        pack(tmp_path / "package", RECORDS)
    assert validate(tmp_path / "package")


def test_the_sweep_sees_a_file_written_in_place(tmp_path: Path) -> None:
    def broken(place: Path) -> None:
        (place / "plan.json").write_bytes(b"x" * 100)

    left = set()
    for number in range(1, 3):
        try:
            with FaultyDisk(tmp_path, number, "crash"):
                broken(tmp_path)
        except Crash:
            left.add((tmp_path / "plan.json").exists() and (tmp_path / "plan.json").stat().st_size)
    assert left == {False, 50}


# ------------------------------------------------------------------------------------------- the run folder

FINAL = {"plan.json": Plan, "report.json": Report, "source.json": dict[str, object], "package.json": dict[str, str], "sample.json": dict[str, object]}


def check_run(folder: Path) -> None:
    """Every file under its final name is whole."""
    for name, type_ in FINAL.items():
        if (folder / name).exists():
            msgspec.json.decode((folder / name).read_bytes(), type=type_)
    if (folder / "findings.ndjson").exists():
        [msgspec.json.decode(line, type=Finding) for line in (folder / "findings.ndjson").read_bytes().splitlines()]
    for name in ("losses.csv", "redirects.csv"):
        if (folder / name).exists():
            lines = (folder / name).read_bytes().splitlines(keepends=True)
            assert len(lines) == {"losses.csv": 1, "redirects.csv": 2}[name]
            assert lines[-1].endswith(b"\r\n")
    if (folder / "report.fr.html").exists():
        assert (folder / "report.fr.html").read_bytes() == b"<html>" * 3000
    steps = (folder / "steps.ndjson").read_bytes().splitlines() if (folder / "steps.ndjson").exists() else []
    torn = [line for line in steps if not line.endswith(b"}")]
    [msgspec.json.decode(line, type=Step) for line in steps if line not in torn]
    assert len(torn) <= 1, "only the line that was being written is cut short"


def test_every_file_of_a_run_is_whole_after_a_power_cut(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole road but the export, whose package is swept above; the same command afterwards ends verified."""
    monkeypatch.setattr("reversa.rendering.write_html", lambda _report, _language, path: write_whole(path, b"<html>" * 3000))
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: ())  # looking for adapters of others takes a third of the time
    package = pack(memory / "package", RECORDS[:2])

    def act(place: Path) -> None:
        road = Road(place)
        with road.guarded():
            road.export(f"package:{package.folder}")
            road.plan(f"sqlite:///{place / 'target.db'}")
            road.accept(None, lambda _: "a test")
            road.import_()
            assert road.verify().verdict == "verified"

    sweep(memory / "runs", "power cut", act, check_run)


@pytest.mark.parametrize("mode", MODES)
def test_a_file_is_as_it_was_or_as_it_should_be_whatever_fails(mode: Mode, memory: Path) -> None:
    """The way in which every file of a run folder is written, as the next test holds."""
    old, new = b"old" * 10_000, b"new" * 10_000
    found = set()

    def act(place: Path) -> None:
        if not (place / "file").exists():
            write_whole(place / "file", old)
        write_whole(place / "file", new)

    def check(place: Path) -> None:
        found.add((place / "file").read_bytes() if (place / "file").exists() else b"")

    sweep(memory, mode, act, check)
    assert found == {b"", old, new} - ({b"", old} if mode == "short write" else set())


@pytest.mark.parametrize("mode", MODES)
def test_a_journal_loses_at_most_the_line_that_was_being_written(mode: Mode, memory: Path) -> None:
    def act(place: Path) -> None:
        for _ in range(2):
            with recorded(place / "steps.ndjson", "plan"):
                pass

    def check(place: Path) -> None:
        check_run(place)

    sweep(memory, mode, act, check)


WRITES_ITS_OWN_WAY = {
    "files.py", "journal.py", "packing.py", "blobs.py", "sorting.py", "schema.py",  # a package stands under another name until it is whole
    "disk.py",  # files of other systems, by the same rules
    "html.py", "site.py", "search.py",  # an archive is built in `.unfinished`, and finished by the same command
}  # fmt: skip


def test_nothing_else_writes_files() -> None:
    for path in (PROJECT / "reversa").rglob("*.py"):
        found = re.findall(r"write_text|write_bytes|\bopen\(\"[wax]b?\"|ParquetWriter", path.read_text(encoding="utf-8"))
        if path.name == "runfolder.py":
            found.remove('open("w"')  # the lock
        assert not found or path.name in WRITES_ITS_OWN_WAY or path.parent.name in ("demo", "ruche", "testing"), path
