"""A table of a database into a package, beside public tools that write the same table as plain Parquet, by turns in one run.

    python -m benchmarks.tables [--rows 1000000] [--rounds 3]

The peers run in an environment of their own, benchmarks/.work/tables: "dlt[postgres,parquet]", connectorx, sqlalchemy, adbc-driver-postgresql,
adbc-driver-sqlite, pyarrow, psycopg2-binary, sling==1.4.11, sling-linux-amd64. They read typed values and keep no order, no digests and no
proof. Figures are medians; CPU is that of the client and of the server together.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

from benchmarks.sql import PROJECT, WORK, server_seconds
from tests.servers import Database, postgresql_server

PEERS = WORK / "tables" / "bin" / "python"
TOOLS = ("adbc", "dlt", "sling")
COLUMNS = (
    "id uuid PRIMARY KEY", "number bigint NOT NULL", "title varchar(200) NOT NULL", "body text NOT NULL", "made_at timestamptz NOT NULL",
    "changed_at timestamp", "attributes jsonb NOT NULL", "price numeric(18,4) NOT NULL", "active boolean NOT NULL", "note text", "thumb bytea NOT NULL",
    "day date NOT NULL",
)  # fmt: skip
WORDS = "héron,Garonne,réunion,budget,décidé,ünïcode,the,through,page,日本,lent,vallée"
ROWS = """INSERT INTO item SELECT md5(i::text || 'reversa')::uuid, i, 'Réunion ' || md5(i::text),
  (SELECT string_agg(word, ' ') FROM (SELECT words[1 + ((i * 7 + k * k * 13 + i * k) %% 12)::int] word FROM generate_series(1, 28) k) drawn),
  timestamptz '2019-01-01 UTC' + i * interval '97 seconds', CASE WHEN i %% 5 > 0 THEN timestamp '2020-02-02' + i * interval '1.000123 seconds' END,
  jsonb_build_object('status', (ARRAY['open', 'closed'])[1 + i %% 2], 'n', i, 'tags', jsonb_build_array('a', 'é')), (i * 1.0037)::numeric(18, 4), i %% 3 = 0,
  CASE WHEN i %% 2 = 0 THEN E'line one\\nline two\\ttab ' || i END, decode(md5(i::text) || md5((i + 1)::text), 'hex'), date '2015-01-01' + (i %% 4000)::int
  FROM generate_series(1, ?) i, string_to_array(?, ',') words"""


def filled(database: Database, rows: int) -> str:
    """A table of as many rows; its address."""
    database.run(f"CREATE TABLE item ({', '.join(COLUMNS)})")
    database.run(ROWS, (rows, WORDS))
    database.run("VACUUM ANALYZE item")
    return database.url


def copied(database: Database, file: Path) -> str:
    """The same rows in a SQLite file; its address."""
    file.unlink(missing_ok=True)
    kinds = {"bytea": "BLOB", "bigint": "INTEGER", "boolean": "INTEGER"}
    with contextlib.closing(sqlite3.connect(file)) as target:
        columns = [f"{name} {kinds.get(of, 'TEXT')}" for name, of in (column.split()[:2] for column in COLUMNS)]
        target.execute(f"CREATE TABLE item ({', '.join(columns)}, PRIMARY KEY (id))")
        for start in range(0, database.run("SELECT count(*) FROM item")[0][0], 50_000):
            rows = database.run(
                "SELECT id::text, number, title, body, made_at::text, changed_at::text, attributes::text, price::text, active::int, note, thumb, day::text"
                " FROM item WHERE number > ? AND number <= ?", (start, start + 50_000),
            )  # fmt: skip
            target.executemany(f"INSERT INTO item VALUES ({', '.join('?' * 12)})", rows)
        target.commit()
    return f"sqlite:///{file}"


def taken(*command: str | Path) -> tuple[float, float, float]:
    """CPU seconds of client and server, wall seconds, peak MiB."""
    before, start = server_seconds(), time.perf_counter()
    process = subprocess.Popen([str(part) for part in command], cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read().decode() if process.stderr else ""
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    if status:
        raise RuntimeError(f"{command[1:4]}: {errors[-2000:]}")
    return usage.ru_utime + usage.ru_stime + server_seconds() - before, wall, usage.ru_maxrss / 1024


def compare(name: str, url: str, rounds: int) -> None:
    """Print the table of one system."""
    figures: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    out = WORK / "tables-out"
    for _ in range(rounds):
        for tool in (*TOOLS, "reversa"):
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir(parents=True)
            if tool == "reversa":
                figures[tool].append(taken(sys.executable, "-m", "reversa", "export", f"mapped:{url}", "--run", out / "run"))
            else:
                figures[tool].append(taken(PEERS, PROJECT / "benchmarks" / "peer_tables.py", tool, url, out))
    limit = statistics.median(cpu for cpu, _, _ in figures["adbc"])
    print(f"\n| {name} | CPU s | times ADBC | wall s | peak MiB |\n| --- | ---: | ---: | ---: | ---: |")
    for tool, runs in figures.items():
        cpu, wall, peak = (statistics.median(column) for column in zip(*runs, strict=True))
        print(f"| {tool} | {cpu:.1f} | {cpu / limit:.1f} | {wall:.1f} | {peak:.0f} |", flush=True)


def main() -> None:
    """Print the tables of docs/performance.md."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    with postgresql_server() as server, server() as database:
        url = filled(database, given.rows)
        file = copied(database, WORK / "item.sqlite")
        compare("PostgreSQL", url, given.rounds)
    compare("SQLite", file, given.rounds)


if __name__ == "__main__":
    main()
