"""The ledger on a failing disk, imports that stop anywhere, processes that are killed: no record twice, none missing."""

from __future__ import annotations

import contextlib
import multiprocessing
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from reversa import importing
from reversa.adapter import Locator, Options
from reversa.importers.sql import SqlImporter
from reversa.ledger import Ledger
from reversa.package import Package
from reversa.records import Body, Message, Reaction, Record, User, ref, ref_to
from tests.faulty_sqlite import MODES, Connection, FaultyFiles, Mode
from tests.servers import Database, Server, Sqlite
from tests.strategies import pack, planned, units
from tests.test_crash import memory
from tests.test_sql import expected, no_pages, read_back, tables

__all__ = ["memory", "no_pages"]
pytestmark = pytest.mark.timeout(600)


def conversation(messages: int) -> list[Record]:
    """People who write, and react to each other."""
    made: list[Record] = [User(id=f"u{n}", root=ref("user", f"u{n}")) for n in range(3)]
    for n in range(messages):
        me, author = ref("message", f"m{n:03d}"), ref("user", f"u{n % 3}")
        made.append(Message(id=f"m{n:03d}", root=me, created_by=author, body=Body(format="plain", text=f"text {n}")))
        made.append(Reaction(id=f"m{n:03d}/+1", root=me, target=me, key="+1", created_by=author))
    return made


# ------------------------------------------------------------------------------------------- a failing disk under the ledger


@pytest.mark.filterwarnings("ignore:Exception ignored in. None")  # errors that SQLite takes note of and goes on
@pytest.mark.parametrize("mode", MODES)
def test_the_ledger_outlives_any_failed_write(mode: Mode, memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH", 1)
    package = pack(memory / "package", conversation(1)[2:])
    whole = {kind: table.rows for kind, table in package.manifest.tables.items()}
    real = sqlite3.connect

    def imported(place: Path) -> None:
        with (
            contextlib.closing(SqlImporter.open(Locator("sql", f"sqlite:///{place / 'target.db'}"), Options(source=package.source))) as importer,
            contextlib.closing(Ledger(place / "ledger.sqlite")) as ledger,
        ):
            importing.import_package(package, importer, ledger, lambda *_: None)

    for number in range(1, 1000):
        place = memory / str(number)
        place.mkdir()
        files = FaultyFiles(f"faulty-{number}", number, mode)
        with monkeypatch.context() as faulty:
            faulty.setattr("reversa.ledger.sqlite3.connect", lambda path, files=files, **_: Connection(path, files))
            with contextlib.suppress(sqlite3.OperationalError):
                imported(place)
        files.unregister()
        assert sqlite3.connect is real
        imported(place)
        with contextlib.closing(Ledger(place / "ledger.sqlite")) as ledger, contextlib.closing(real(place / "target.db")) as target:
            assert ledger.counts() == {kind: {"written": rows} for kind, rows in whole.items()}
            assert ledger.size() == package.count() == len(dict(ledger.written()))
            assert {kind: target.execute(f"SELECT count(*) FROM reversa_{kind}").fetchone()[0] for kind in whole} == whole
        if not files.struck:
            assert number > 30
            return
    raise AssertionError


# ------------------------------------------------------------------------------------------- stopping anywhere


class Stop(BaseException):
    """The process is gone."""


@contextlib.contextmanager
def stopping(at: int) -> Iterator[None]:
    """Stop at the n-th of the moments before and after each intent, each write and each outcome."""
    moments = iter(range(1, 10**9))

    def watched(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            if next(moments) == at:
                raise Stop
            result = real(*arguments)
            if next(moments) == at:
                raise Stop
            return result

        return call

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in ((Ledger, "intend"), (Ledger, "settle"), (SqlImporter, "_insert"), (SqlImporter, "write")):
            patch.setattr(owner, name, watched(getattr(owner, name)))
        yield


class Run(RuleBasedStateMachine):
    """Imports that stop anywhere, go on, are undone and done again, beside a second run of the same package."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)  # noqa: S108
        self._patch = pytest.MonkeyPatch()
        self._patch.setattr(importing, "BATCH", 2)
        self._patch.setattr("reversa.rendering.write_html", lambda _report, _language, _path: None)
        self._patch.setattr("importlib.metadata.entry_points", lambda **_: ())

    @initialize(made=st.lists(units(), min_size=1, max_size=4))
    def begin(self, made: list[Any]) -> None:
        folder = Path(self._folder.name)
        records = {ref_to(record): record for unit in made for record in unit.records}.values()
        self._package: Package = pack(folder / "package", records)
        self._url = f"sqlite:///{folder / 'target.db'}"
        self._roads = [planned(self._package, self._url, folder / name) for name in ("first", "second")]
        self._wrote = [False, False]
        self._whole = False

    @rule(run=st.integers(0, 1), at=st.integers(1, 40))
    def stop(self, run: int, at: int) -> None:
        self._wrote[run] = True
        with contextlib.suppress(Stop), stopping(at):
            self._roads[run].import_()
            self._whole = True

    @rule(run=st.integers(0, 1))
    def go_on(self, run: int) -> None:
        self._wrote[run] = True
        self._roads[run].import_()
        self._whole = True
        assert self._roads[run].verify().verdict == "verified"
        assert read_back(self._package, self._url) == expected(self._package, self._url)

    @precondition(lambda self: any(self._wrote))
    @rule()
    def undo_all(self) -> None:
        for road in self._roads:
            road.undo()
        self._wrote, self._whole = [False, False], False
        assert tables(self._url) == set()

    @precondition(lambda self: not self._whole and any(self._wrote))
    @rule()
    def what_is_there_is_of_the_package(self) -> None:
        found = read_back(self._package, self._url)
        whole = expected(self._package, self._url)
        assert found.items() <= whole.items() if not found else all(whole[record] == value for record, value in found.items())

    def teardown(self) -> None:
        self._patch.undo()
        self._folder.cleanup()


TestRun = Run.TestCase
TestRun.settings = settings(max_examples=5, stateful_step_count=6, deadline=None, suppress_health_check=list(HealthCheck))


# ------------------------------------------------------------------------------------------- killed


def _migrate(package: str, url: str, run: str) -> None:
    """The command, in a process of its own."""
    import sys

    from reversa.cli import main

    importing.BATCH = 5
    sys.stdout = sys.stderr = open("/dev/null", "w")  # noqa: PTH123, SIM115
    main(["migrate", package, url, "--run", run])


def killed(package: Package, databases: Callable[[int], contextlib.AbstractContextManager[Database]], folder: Path, times: int) -> int:
    """Kill a migration at a random moment and type the command again, ``times`` times; returns how often it had not ended before."""
    context = multiprocessing.get_context("forkserver")  # the modules are loaded once, and not by each process
    context.set_forkserver_preload(["reversa.cli", "reversa.rendering", "reversa.importers.sql", "reversa.exporters.sql", __name__])
    chance, usual, hits = random.Random(5), 60.0, 0
    for number in range(-2, times):  # the first one starts the server of processes, the second one is measured
        with databases(number) as database:
            arguments = (f"package:{package.folder}", database.url, str(folder / f"run-{number}"))
            for kill in (number >= 0, False):
                start = time.monotonic()
                process = context.Process(target=_migrate, args=arguments)
                process.start()
                process.join(chance.uniform(0, usual) if kill else None)
                hits += process.is_alive()
                process.kill() if kill else None
                process.join()
                usual = time.monotonic() - start if number == -1 and usual == 60 else usual
            assert process.exitcode == 0, "the same command ends verified"
            assert read_back(package, database.url) == expected(package, database.url)
    return hits


def test_a_killed_migration_goes_on(memory: Path) -> None:
    package = pack(memory / "package", conversation(12))

    @contextlib.contextmanager
    def databases(number: int) -> Iterator[Database]:
        with contextlib.closing(Sqlite(memory / f"{number}.db")) as made:
            yield made

    assert killed(package, databases, memory, 5) >= 2


@pytest.mark.servers
@pytest.mark.timeout(600)
@pytest.mark.parametrize("system", ["sqlite", "postgresql"])
def test_a_migration_killed_fifty_times_goes_on(system: str, request: pytest.FixtureRequest, memory: Path) -> None:
    package = pack(memory / "package", conversation(12))
    server: Server | None = request.getfixturevalue("postgresql") if system == "postgresql" else None

    @contextlib.contextmanager
    def databases(number: int) -> Iterator[Database]:
        if server is not None:
            with server() as made:
                yield made
        else:
            with contextlib.closing(Sqlite(memory / f"{number}.db")) as sqlite:
                yield sqlite

    assert killed(package, databases, memory, 50) >= 30
