"""A package into SQLite and PostgreSQL and its verification, beside public tools on the same tables, in one run.

    python -m benchmarks.sql PACKAGE [--system sqlite|postgresql]

The peers run in an environment of their own, benchmarks/.work/peers: duckdb==1.5.5, duckdb-extensions, duckdb-extension-sqlite-scanner,
duckdb-extension-postgres-scanner, adbc-driver-sqlite, adbc-driver-postgresql, pgpq, psycopg[binary], psycopg2-binary, reladiff.
CPU is that of the client and of the PostgreSQL server together; wall time says little beside other jobs.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy

from reversa import Road
from tests.servers import postgresql_server

PROJECT = Path(__file__).parent.parent
WORK = PROJECT / "benchmarks" / ".work"
PEERS = WORK / "peers" / "bin" / "python"
LOADERS = {"sqlite": ("adbc", "duckdb"), "postgresql": ("adbc", "pgpq", "duckdb")}
DIFFERENCES = [
    f"UPDATE reversa_message SET body_text = body_text || '!' WHERE entity = (SELECT entity FROM reversa_message ORDER BY entity OFFSET {n * 90_000} LIMIT 1)"
    for n in range(10)
]
"""Of an export of a million messages: ten of them, far from one another."""
TABLES = ("reversa_entity=key", "reversa_message=entity", "reversa_reaction=entity", "reversa_file=entity")


def server_seconds() -> float:
    """CPU seconds of every PostgreSQL process, ended children included."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            name, _, rest = stat.read_text().partition(") ")
            if name.endswith("(postgres"):
                ticks += sum(int(value) for value in rest.split()[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def measured(name: str, *command: str | Path) -> None:
    """Run a command and print its line of the table."""
    before, start = server_seconds(), time.perf_counter()
    process = subprocess.Popen([str(part) for part in command], cwd=PROJECT, stderr=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    out = process.communicate()[0] if process.stdout is None else process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    client, server = usage.ru_utime + usage.ru_stime, server_seconds() - before
    seconds, memory = time.perf_counter() - start, usage.ru_maxrss / 1024
    done = out.strip().splitlines()[-1] if not status and out.strip() else "" if not status else "FAILED"
    print(f"| {name} | {client:.1f} | {server:.1f} | {client + server:.1f} | {seconds:.0f} | {memory:.0f} | {done} |", flush=True)


@contextlib.contextmanager
def targets(system: str) -> Iterator[Iterator[str]]:
    """The addresses of empty databases, one after the other."""
    if system == "sqlite":
        file = WORK / "sql.db"
        yield (f"sqlite:///{file}" for _ in iter(lambda: file.unlink(missing_ok=True), 0))
    else:
        with postgresql_server() as server, contextlib.ExitStack() as stack:
            yield (stack.enter_context(server()).url for _ in iter(int, 1))


def main() -> None:
    """Print the tables of docs/performance.md."""
    parser = argparse.ArgumentParser()
    parser.add_argument("package", type=Path)
    parser.add_argument("--system", choices=tuple(LOADERS), default="sqlite")
    given = parser.parse_args()
    run = WORK / "sql-run"
    shutil.rmtree(run, ignore_errors=True)
    print("| step | client CPU s | server CPU s | both | wall s | peak MiB | says |\n| --- | ---: | ---: | ---: | ---: | ---: | --- |")
    with targets(given.system) as empty:
        for loader in LOADERS[given.system]:
            measured(f"load: {loader}", PEERS, PROJECT / "benchmarks" / "peer_load.py", loader, given.package, next(empty))
        target, road = next(empty), f"from reversa import Road; road = Road({str(run)!r}); "
        Road(run).folder.mkdir(parents=True)
        Road(run).export(f"package:{given.package}")
        measured("plan: reversa", sys.executable, "-c", f"{road}road.plan({target!r})")
        measured("load: reversa", sys.executable, "-c", f"{road}road.import_()")
        if given.system == "postgresql":
            run_sql(target, "VACUUM ANALYZE")  # which the server does sooner or later, beside one of the others
        verify = f"{road}report = road.verify(); print(report.verdict, [f'{{f.kind}}:{{f.id}} {{f.field}}' for f in road.findings()])"
        measured("verify: reversa", sys.executable, "-c", verify)
        if given.system == "postgresql":
            reladiff = (PEERS, PROJECT / "benchmarks" / "peer_verify.py", "reladiff", target)
            measured("verify: reladiff", *reladiff, target, *TABLES)
            pristine = copied(target, next(empty))
            run_sql(target, *DIFFERENCES)
            measured("verify, ten differences: reversa", sys.executable, "-c", verify)
            measured("verify, ten differences: reladiff", *reladiff, pristine, *TABLES)


def run_sql(address: str, *statements: str) -> None:
    engine = sqlalchemy.create_engine(address, isolation_level="AUTOCOMMIT", poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def copied(target: str, place: str) -> str:
    """The database of ``target`` as it is, under the address of an empty one."""
    one, other = sqlalchemy.make_url(target), sqlalchemy.make_url(place)
    server = one.set(database="postgres").render_as_string(hide_password=False)
    run_sql(server, f"DROP DATABASE {other.database}", f"CREATE DATABASE {other.database} TEMPLATE {one.database}")
    return place


if __name__ == "__main__":
    main()
