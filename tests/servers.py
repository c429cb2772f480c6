"""Real databases for the tests: SQLite files, a PostgreSQL and a MariaDB server on sockets in a temporary folder.

The servers never run as root, listen on no port, and stop with the session.
"""

from __future__ import annotations

import contextlib
import functools
import os
import pwd
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn, Protocol

import pytest

START_SECONDS = 60


class Database(Protocol):
    """An empty database: its address, and a way in that knows nothing of reversa."""

    system: str
    url: str

    def run(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement with ``?`` for values, commit, and give the rows."""
        ...

    def dump(self) -> str:
        """All of it, as the system's own tool writes it."""
        ...

    def close(self) -> None: ...


Server = Callable[[], contextlib.AbstractContextManager[Database]]
"""Makes a database, and drops it afterwards."""


class Sqlite:
    system = "sqlite"

    def __init__(self, file: Path) -> None:
        self.file, self.url = file, f"sqlite:///{file}"

    @functools.cached_property
    def _connection(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.file, isolation_level=None)
        connection.execute("PRAGMA synchronous = OFF")
        return connection

    def run(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement, values).fetchall()

    def close(self) -> None:
        if "_connection" in self.__dict__:
            self._connection.close()

    def dump(self) -> str:
        with contextlib.closing(sqlite3.connect(self.file)) as connection:
            return "\n".join(sorted(connection.iterdump()))  # indexes are made in any order


class PostgreSQL:
    """One database of a server, as its owner."""

    system = "postgresql"

    def __init__(self, folder: Path, name: str) -> None:
        self._place = {"host": str(folder), "user": "owner", "dbname": name}
        self.url = f"postgresql://owner@/{name}?host={folder}"

    @functools.cached_property
    def _connection(self) -> Any:
        import psycopg

        return psycopg.connect(**self._place, autocommit=True)  # type: ignore[arg-type]

    def run(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        cursor = self._connection.execute(_percent(statement), values or None)
        return cursor.fetchall() if cursor.description else []

    def dump(self) -> str:
        lines = _output("pg_dump", "-h", self._place["host"], "-U", "owner", self._place["dbname"]).splitlines()
        return "\n".join(line for line in lines if not line.startswith(("\\restrict", "\\unrestrict")))  # a new word each time

    def close(self) -> None:
        if "_connection" in self.__dict__:
            self._connection.close()


class MariaDB:
    """One database of a server."""

    system = "mariadb"

    def __init__(self, folder: Path, name: str) -> None:
        self._socket, self._name = str(folder / "socket"), name
        self.url = f"mariadb://root@/{name}?unix_socket={self._socket}"

    @functools.cached_property
    def _connection(self) -> Any:
        import pymysql

        return pymysql.connect(unix_socket=self._socket, user="root", database=self._name, charset="utf8mb4", autocommit=True)

    def run(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(_percent(statement), tuple(values) or None)
            return list(cursor.fetchall())

    def dump(self) -> str:
        return _output("mariadb-dump", "--no-defaults", f"--socket={self._socket}", "--user=root", "--hex-blob", "--skip-dump-date", self._name)

    def close(self) -> None:
        if "_connection" in self.__dict__:
            self._connection.close()


def _percent(statement: str) -> str:
    return statement.replace("?", "%s")


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


# --------------------------------------------------------------------------------------------------------- servers


@contextlib.contextmanager
def postgresql_server() -> Iterator[Server]:
    """A running server."""
    programs = _folder_of("initdb", *sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True))
    user = _unprivileged("postgres")
    with _scratch(user) as folder:
        _run_as(user, [programs / "initdb", "-D", folder / "data", "-U", "owner", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"])
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(folder),
            "fsync": "off",
            "full_page_writes": "off",
            "shared_buffers": "64MB",
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        with _running(user, [programs / "postgres", "-D", folder / "data", *options], folder, signal.SIGINT) as process:
            _wait(process, folder, [programs / "pg_isready", "-h", folder])
            with contextlib.closing(PostgreSQL(folder, "postgres")) as main:
                yield lambda: _created(main, "", lambda name: PostgreSQL(folder, name))


@contextlib.contextmanager
def mariadb_server() -> Iterator[Server]:
    """A running server."""
    programs = _folder_of("mariadbd", Path("/usr/sbin"))
    installer = _folder_of("mariadb-install-db", Path("/usr/bin")) / "mariadb-install-db"
    user = _unprivileged("mysql")
    with _scratch(user) as folder:
        own = ["--no-defaults", f"--datadir={folder / 'data'}"]
        _run_as(user, [installer, *own, "--auth-root-authentication-method=normal", "--skip-test-db"])
        options = [
            "--skip-networking",
            f"--socket={folder / 'socket'}",
            f"--pid-file={folder / 'pid'}",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-buffer-pool-size=64M",
        ]
        with _running(user, [programs / "mariadbd", *own, *options], folder, signal.SIGTERM) as process:
            _wait(process, folder, ["mariadb-admin", "--no-defaults", f"--socket={folder / 'socket'}", "--user=root", "ping"])
            with contextlib.closing(MariaDB(folder, "mysql")) as main:  # our tables must not depend on the database's character set
                yield lambda: _created(main, "CHARACTER SET latin1", lambda name: MariaDB(folder, name))


def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database of the system that a fixture's parameter names; for fixtures."""
    if request.param == "sqlite":
        with contextlib.closing(Sqlite(tmp_path / "target.db")) as made:
            yield made
    else:
        with request.getfixturevalue(request.param)() as made:
            yield made


@contextlib.contextmanager
def _created(main: Database, options: str, open_: Callable[[str], Database]) -> Iterator[Database]:
    name = f"test_{uuid.uuid4().hex}"
    main.run(f"CREATE DATABASE {name} {options}")
    with contextlib.closing(open_(name)) as database:
        yield database
    main.run(f"DROP DATABASE {name}{' WITH (FORCE)' if main.system == 'postgresql' else ''}")


def cannot(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def _folder_of(program: str, *candidates: Path) -> Path:
    found = shutil.which(program)
    folders = [*candidates, *([Path(found).parent] if found else [])]
    for folder in folders:
        if (folder / program).exists():
            return folder
    cannot(f"{program} is not installed")


def _unprivileged(name: str) -> pwd.struct_passwd:
    """Who the server runs as: ``name`` or nobody when we are root, otherwise ourselves."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    for candidate in (name, "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(candidate)
    cannot(f"there is neither a user {name} nor nobody to run the server")


@contextlib.contextmanager
def _scratch(user: pwd.struct_passwd) -> Iterator[Path]:
    """A folder of that user with a short name: a socket's path has at most 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="reversa-") as folder:
        os.chown(folder, user.pw_uid, user.pw_gid)
        yield Path(folder)


def _identity(user: pwd.struct_passwd) -> dict[str, Any]:
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}


def _run_as(user: pwd.struct_passwd, command: Sequence[str | Path]) -> None:
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, **_identity(user))
    if done.returncode:
        cannot(f"{command[0]} failed: {done.stderr[-1000:]}")


@contextlib.contextmanager
def _running(user: pwd.struct_passwd, command: Sequence[str | Path], folder: Path, stop: signal.Signals) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd="/", stdout=log, stderr=log, stdin=subprocess.DEVNULL, **_identity(user))
    try:
        yield process
    finally:
        process.send_signal(stop)
        try:
            process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], folder: Path, ask: Sequence[str | Path]) -> None:
    end = time.monotonic() + START_SECONDS
    while subprocess.run(ask, capture_output=True, check=False).returncode:
        if process.poll() is not None or time.monotonic() > end:
            cannot(f"the server did not start: {(folder / 'log').read_text(errors='replace')[-1000:]}")
        time.sleep(0.1)
