"""Dumps that the real tools write, read back without a server: each value is the text that the server itself gives."""

from __future__ import annotations

import contextlib
import gzip
import sqlite3
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from reversa.adapter import Options
from reversa.systems.tables.contract import Damaged, ForeignKey, Reader
from reversa.systems.tables.live import Live
from reversa.systems.tables.pgdump import PgDump
from reversa.systems.tables.sqldump import SqlDump
from tests.servers import Database, Server, Sqlite, _folder_of

TEXTS = ["", "\\N", "\\.", "a\\b", "tab\there", "line\nbreak", "\r\n", "it's \"quoted\" `so`", "NULL", '{"j": 1}', "🎈 é \u202e", "'), (9, 'x", ";\n\\.\n--", "\x01\x7f", " x ", None]  # fmt: skip


def rows_of(reader: Reader, name: str) -> list[dict[str, str | None]]:
    """All rows of a table, which must be without damage and as many as the reader counts."""
    table = next(table for table in reader.tables() if table.name == name)
    found: list[dict[str, str | None]] = []
    for batch in reader.batches(table):
        assert isinstance(batch, pa.RecordBatch), batch
        found += batch.to_pylist()
    assert reader.count(table) == len(found)
    return found


def by_id(rows: list[dict[str, str | None]]) -> dict[str | None, dict[str, str | None]]:
    return {row["id"]: row for row in rows}


# ------------------------------------------------------------------------------------------------------ PostgreSQL

PG_COLUMNS = {
    "id": "integer PRIMARY KEY", "t": "text", "v": "character varying(255)", "n": "numeric(38,10)", "big": "numeric", "f": "double precision",
    "y": "boolean", "b": "bytea", "at": "timestamp with time zone", "d": "date", "a": "text[]", "j": "jsonb", "u": "uuid", "bits": "bit(3)", "i": "interval",
}  # fmt: skip
PG_HARD = (
    "0.1", "12345678901234567890123456789012345678", "1e-300", True, b"\x00\xff'\\\n", "0044-03-15 12:00:00.123456+00 BC", "infinity",
    ["a,b", 'q"', "NULL", "\\", None], '{"a": [1.10, "\\u00e9\\n"]}', "6f9619ff-8b86-d011-b42d-00c04fc964ff", "101", "1 year 2 mons -3 days 04:05:06.789",
)  # fmt: skip


@pytest.fixture
def filled(postgresql: Server) -> Any:
    with postgresql() as database:
        database.run(
            f"CREATE TABLE hard ({', '.join(f'{name} {kind}' for name, kind in PG_COLUMNS.items())}, twice integer GENERATED ALWAYS AS (id * 2) STORED)"
        )
        marks = ", ".join("?" * len(PG_COLUMNS))
        for number, text in enumerate(TEXTS):
            database.run(f"INSERT INTO hard ({', '.join(PG_COLUMNS)}) VALUES ({marks})", (number, text, text, *PG_HARD))
        database.run(f"INSERT INTO hard ({', '.join(PG_COLUMNS)}) VALUES ({marks})", (-5, *[None] * (len(PG_COLUMNS) - 1)))
        database.run("INSERT INTO hard (id, f, y, b, big) VALUES (100, 'NaN', false, '', '-0.00')")
        database.run('CREATE SCHEMA "Other Side"')
        database.run('CREATE TABLE "Other Side"."We, ird" (key text, "a""b" integer REFERENCES hard, PRIMARY KEY (key, "a""b"))')
        database.run('INSERT INTO "Other Side"."We, ird" VALUES (?, 1)', ("k",))
        database.run("CREATE TABLE nothing (x integer)")
        database.run("CREATE TABLE single (x text)")
        for text in TEXTS:
            database.run("INSERT INTO single VALUES (?)", (text,))
        database.run(
            "CREATE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO single VALUES ('from a function;'); RETURN NEW; END $$"
        )
        database.run("CREATE FUNCTION atomic() RETURNS void LANGUAGE sql BEGIN ATOMIC INSERT INTO single VALUES ('it''s'); END")
        database.run("CREATE TRIGGER trapped AFTER INSERT ON nothing FOR EACH ROW EXECUTE FUNCTION trap()")
        yield database


def pg_dump(database: Database, file: Path, *options: str) -> Path:
    place = database._place  # type: ignore[attr-defined]
    subprocess.run(["pg_dump", "-h", place["host"], "-U", "owner", "-f", file, *options, place["dbname"]], check=True, capture_output=True)
    return file


@pytest.mark.servers
@pytest.mark.parametrize(
    "options",
    [[], ["--inserts"], ["--column-inserts"], ["--inserts", "--rows-per-insert=7"], ["-Fc"], ["-Fc", "-Z0"], ["-Fc", "--inserts"]],
    ids=" ".join,
)
def test_dumps_of_postgresql_say_what_the_server_says(filled: Database, tmp_path: Path, options: list[str]) -> None:
    dump = pg_dump(filled, tmp_path / "dump.sql", *options)
    assert PgDump.recognises(dump)
    assert not SqlDump.recognises(dump)
    with contextlib.closing(PgDump(dump)) as reader:
        # what the output functions write, which is not always what a cast writes: booleans
        columns = ", ".join(f"CASE WHEN {name} IS NULL THEN NULL ELSE format('%s', {name}) END" for name in PG_COLUMNS)
        said = [dict(zip(PG_COLUMNS, row, strict=True)) for row in filled.run(f"SELECT {columns} FROM hard")]
        assert by_id(rows_of(reader, "hard")) == by_id(said)
        assert rows_of(reader, "Other Side.We, ird") == [{"key": "k", 'a"b': "1"}]
        assert rows_of(reader, "nothing") == []
        assert [row["x"] for row in rows_of(reader, "single")] == TEXTS
        tables = {table.name: table for table in reader.tables()}
        assert set(tables) == {"hard", "Other Side.We, ird", "nothing", "single"}
        types = {column.name: column.type for column in tables["hard"].columns}
        assert types == PG_COLUMNS | {"id": "integer"}
        assert tables["hard"].primary_key == ("id",)
        assert tables["Other Side.We, ird"].primary_key == ("key", 'a"b')
        assert tables["Other Side.We, ird"].foreign_keys == (ForeignKey(('a"b',), "hard", ("id",)),)


@pytest.mark.servers
def test_a_server_gives_the_same_texts_as_its_dump_in_bulk_and_without_the_driver_for_it(
    filled: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled.run("ALTER TABLE hard ADD padded char(5), ADD way point, ADD steps int4range, DROP twice")
    filled.run("UPDATE hard SET padded = 'x', way = '(1,2.50)', steps = '[1,3)'")
    live = Live(filled.url, Options())
    in_bulk = {table.name: rows_of(live, table.name) for table in live.tables()}
    dumped = PgDump(pg_dump(filled, tmp_path / "dump"))
    monkeypatch.setattr("reversa.systems.tables.live.bulky", lambda _: False)
    for name, rows in in_bulk.items():
        assert rows == rows_of(live, name) == rows_of(dumped, name)
    assert {row["padded"] for row in in_bulk["hard"]} == {"x    "}
    live.close()


@pytest.mark.servers
def test_a_custom_dump_through_a_pipe_and_a_zipped_one_are_read(filled: Database, tmp_path: Path) -> None:
    place = filled._place  # type: ignore[attr-defined]
    piped = subprocess.run(["pg_dump", "-h", place["host"], "-U", "owner", "-Fc", place["dbname"]], check=True, stdout=subprocess.PIPE).stdout
    (tmp_path / "piped").write_bytes(piped)
    (tmp_path / "zipped.sql.gz").write_bytes(gzip.compress(pg_dump(filled, tmp_path / "plain").read_bytes()))
    with contextlib.closing(PgDump(tmp_path / "piped")) as one, contextlib.closing(PgDump(tmp_path / "zipped.sql.gz")) as other:
        assert [row["x"] for row in rows_of(one, "single")] == TEXTS
        assert by_id(rows_of(one, "hard")) == by_id(rows_of(other, "hard"))


@pytest.mark.servers
@pytest.mark.parametrize("options", [("-Fd",), ("-Fd", "-Z0"), ("-Fd", "-j2"), ("-Ft",)], ids="".join)
def test_a_dump_in_many_files_is_read_from_its_folder(filled: Database, tmp_path: Path, options: tuple[str, ...]) -> None:
    filled.run("SELECT lo_from_bytea(0, ?)", (b"large",))
    folder = pg_dump(filled, tmp_path / "dump", *options)
    if folder.is_file():
        with tarfile.open(folder) as tar:
            tar.extractall(folder := tmp_path / "unpacked", filter="data")
    assert PgDump.recognises(folder)
    plain = PgDump(pg_dump(filled, tmp_path / "plain"))
    reader = PgDump(folder)
    assert reader.tables() == plain.tables()
    for table in reader.tables():
        assert rows_of(reader, table.name) == rows_of(plain, table.name)


@pytest.mark.servers
def test_a_file_that_is_missing_or_leads_elsewhere_is_damage(filled: Database, tmp_path: Path) -> None:
    folder = pg_dump(filled, tmp_path / "dump", "-Fd", "-Z0")
    largest, smallest = (choose(folder.glob("*.dat"), key=lambda file: file.stat().st_size if file.name != "toc.dat" else 0) for choose in (max, min))
    largest.rename(tmp_path / "elsewhere")
    largest.symlink_to(tmp_path / "elsewhere")
    assert smallest.name == "toc.dat"
    reader = PgDump(folder)
    found = [item for table in reader.tables() for item in reader.batches(table) if isinstance(item, Damaged)]
    assert [(item.table, item.reason, item.count) for item in found] == [("hard", "the dump does not have it", 1)]
    assert sum(map(reader.count, reader.tables())) == 1 + 1 + len(TEXTS)


@pytest.mark.servers
def test_large_objects_are_passed_and_a_cut_archive_says_what_it_lost(filled: Database, tmp_path: Path) -> None:
    filled.run("SELECT lo_from_bytea(0, ?)", (b"large" * 10_000,))
    dump = pg_dump(filled, tmp_path / "dump", "-Fc", "-Z0").read_bytes()
    (tmp_path / "dump").write_bytes(dump)
    assert [row["x"] for row in rows_of(PgDump(tmp_path / "dump"), "single")] == TEXTS
    (tmp_path / "dump").write_bytes(dump[: dump.index(b"\\.") - 20])
    reader = PgDump(tmp_path / "dump")
    lost = 0
    for table in reader.tables():
        given = list(reader.batches(table))
        damaged = [item for item in given if isinstance(item, Damaged)]
        lost += len(damaged)
        assert sum(item.count if isinstance(item, Damaged) else item.num_rows for item in given) == reader.count(table)
    assert lost == 4


# --------------------------------------------------------------------------------------------------------- MariaDB

MARIADB_COLUMNS = {
    "id": "int(10) unsigned NOT NULL", "t": "longtext", "v": "varchar(255)", "n": "decimal(38,10)", "f": "double", "y": "tinyint(1)",
    "d": "date", "at": "datetime(6)", "e": "enum('a','b,)')", "j": "json", "ye": "year(4)",
}  # fmt: skip
MARIADB_BYTES = {"b": "longblob", "vb": "varbinary(20)", "bi": "bit(10)"}
BYTES = b"\x00\xff'\\\n\x1a\"%_"


@pytest.mark.servers
@pytest.mark.parametrize(
    "options",
    [[], ["--hex-blob"], ["--skip-extended-insert", "--complete-insert"], ["--compact"], ["--hex-blob", "--skip-quote-names"]],
    ids=" ".join,
)
def test_dumps_of_mariadb_say_what_the_server_says(mariadb: Server, tmp_path: Path, options: list[str]) -> None:
    with mariadb() as database:
        database.run("SET sql_mode = ''")
        definition = ", ".join(f"{name} {kind}" for name, kind in (MARIADB_COLUMNS | MARIADB_BYTES).items())
        database.run(
            f"CREATE TABLE hard ({definition}, twice int AS (id * 2) VIRTUAL, PRIMARY KEY (id), KEY (v)) CHARACTER SET utf8mb4 COMMENT 'a, (b;'"
        )
        database.run("CREATE TABLE child (x int unsigned, bin binary(3), KEY (x), CONSTRAINT f FOREIGN KEY (x) REFERENCES hard (id))")
        database.run("CREATE TABLE nothing (x int)")
        names = [*MARIADB_COLUMNS, *MARIADB_BYTES]
        for number, text in enumerate([*TEXTS, "nul\0here"]):
            values = (number, text, text, "1234567890123456789012345678.0123456789", "1e-300", 1, "0000-00-00", "9999-12-31 23:59:59.999999", "b,)", '{"a": "é\\n"}', "1999", BYTES, BYTES, b"\2\1")  # fmt: skip
            database.run(f"INSERT INTO hard ({', '.join(names)}) VALUES ({', '.join('?' * len(values))})", values)
        database.run("INSERT INTO hard (id, b, vb) VALUES (500, '', '')")
        database.run("INSERT INTO child VALUES (1, 'ab'), (NULL, NULL)")
        database.run("CREATE TRIGGER trap AFTER INSERT ON nothing FOR EACH ROW BEGIN INSERT INTO child VALUES (2, 'it''s;'); END")
        database.run("CREATE VIEW looked AS SELECT x FROM child")
        command = ["mariadb-dump", "--no-defaults", f"--socket={database._socket}", "--user=root", *options, database._name]  # type: ignore[attr-defined]
        (tmp_path / "dump.sql").write_bytes(subprocess.run(command, check=True, capture_output=True).stdout)
        texts = ", ".join([*(f"CAST({name} AS CHAR)" for name in MARIADB_COLUMNS), *(f"LOWER(CONCAT('\\\\x', HEX({name})))" for name in ("b", "vb"))])
        said = [
            dict(zip(names, row, strict=False))
            for row in database.run(f"SELECT {texts}, CASE WHEN bi IS NULL THEN NULL ELSE '\\\\x0201' END FROM hard")
        ]
    assert SqlDump.recognises(tmp_path / "dump.sql")
    assert not PgDump.recognises(tmp_path / "dump.sql")
    reader = SqlDump(tmp_path / "dump.sql")
    assert by_id(rows_of(reader, "hard")) == by_id(said)
    assert rows_of(reader, "child") == [{"x": "1", "bin": "\\x616200"}, {"x": None, "bin": None}]
    tables = {table.name: table for table in reader.tables()}
    assert set(tables) == {"hard", "child", "nothing"}
    types = {column.name: column.type for column in tables["hard"].columns}
    assert types == MARIADB_COLUMNS | MARIADB_BYTES | {"id": "int(10) unsigned", "j": "longtext"}
    assert tables["hard"].primary_key == ("id",)
    assert tables["child"].foreign_keys == (ForeignKey(("x",), "hard", ("id",)),)


# ---------------------------------------------------------------------------------------------------------- SQLite


@pytest.mark.servers
@pytest.mark.parametrize("tool", ["sqlite3", "iterdump"])
def test_dumps_of_sqlite_say_what_it_says(tmp_path: Path, tool: str) -> None:
    with contextlib.closing(Sqlite(tmp_path / "real.db")) as database:
        database.run(
            'CREATE TABLE "ha rd" (id INTEGER PRIMARY KEY AUTOINCREMENT, x, b BLOB, "q""q" TEXT REFERENCES other, g AS (id * 2)) -- a comment, ('
        )
        for text in TEXTS:
            database.run('INSERT INTO "ha rd" (x, b, "q""q") VALUES (?, ?, ?)', (text, BYTES, text))
        for value in (1, -2.5, 9_007_199_254_740_993, 1e300, b""):
            database.run('INSERT INTO "ha rd" (x, b) VALUES (?, NULL)', (value,))
        database.run("CREATE TABLE other (k TEXT PRIMARY KEY)")
        database.run("CREATE TRIGGER trap AFTER INSERT ON other BEGIN INSERT INTO other VALUES ('it''s;' || CASE WHEN 1 THEN 2 END); END")
        kinds = "CASE typeof({0}) WHEN 'blob' THEN '\\x' || lower(hex({0})) WHEN 'null' THEN NULL WHEN 'text' THEN {0} ELSE quote({0}) END"
        selected = ", ".join(kinds.format(name) for name in ("id", "x", "b", '"q""q"'))
        said = [dict(zip(("id", "x", "b", 'q"q'), row, strict=True)) for row in database.run(f'SELECT {selected} FROM "ha rd"')]
    file = tmp_path / "dump.sql"
    if tool == "sqlite3":
        _folder_of("sqlite3")  # or skips
        file.write_bytes(subprocess.run(["sqlite3", tmp_path / "real.db", ".dump"], check=True, capture_output=True).stdout)
    else:
        with contextlib.closing(sqlite3.connect(tmp_path / "real.db")) as connection:
            file.write_text("\n".join(connection.iterdump()), encoding="utf-8")
    assert SqlDump.recognises(file)
    reader = SqlDump(file)
    found = rows_of(reader, "ha rd")
    large = next(place for place, row in enumerate(said) if row["x"] == "1.0e+300")
    assert float(found[large]["x"] or "") == 1e300  # the shell writes more digits of it than SQL does
    found[large]["x"] = said[large]["x"]
    assert found == said
    assert rows_of(reader, "other") == []
    tables = {table.name: table for table in reader.tables()}
    assert set(tables) == {"ha rd", "other"}
    assert tables["ha rd"].primary_key == ("id",)
    assert tables["ha rd"].foreign_keys == (ForeignKey(('q"q',), "other", ("k",)),)


@pytest.mark.servers
@pytest.mark.parametrize("bulk", [True, False])
def test_strange_names_and_partitions_are_read_as_their_dump_has_them(
    postgresql: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, bulk: bool
) -> None:
    with postgresql() as database:
        for name in ('"lateral"', '"odd.name"', '"100%%"', '"its"', '"Große Tabelle"'):
            database.run(f'CREATE TABLE {name} (id integer, "per%%cent" text)')
            database.run(f"INSERT INTO {name} VALUES (1, '%%s')")
        database.run("CREATE TABLE parted (id integer, at date) PARTITION BY RANGE (at)")
        database.run("CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2020-01-01') TO ('2030-01-01')")
        database.run("INSERT INTO parted VALUES (1, '2024-01-01'), (2, '2025-01-01')")
        database.run("CREATE TABLE parent (id integer)")
        database.run("CREATE TABLE heir (more text) INHERITS (parent)")
        database.run("INSERT INTO heir VALUES (1, 'x')")
        if not bulk:
            monkeypatch.setattr("reversa.systems.tables.live.bulky", lambda _: False)
        with contextlib.closing(Live(database.url, Options())) as live:
            found = {table.name: rows_of(live, table.name) for table in live.tables()}
        dumped = PgDump(pg_dump(database, tmp_path / "dump"))
        assert found == {table.name: rows_of(dumped, table.name) for table in dumped.tables()}
        assert (found["parted"], len(found["parted_1"]), found["parent"]) == ([], 2, [])
