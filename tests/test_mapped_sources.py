"""Sources of tables without a server: what a tool writes is read back exactly, and what is broken is counted and named."""

from __future__ import annotations

import contextlib
import gzip
import json
import sqlite3
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reversa.adapter import Options
from reversa.errors import SourceError
from reversa.systems.tables import delimited, jsonlines, pgcopy, sqllex
from reversa.systems.tables import inserts as inserting
from reversa.systems.tables.contract import Column, Damaged, ForeignKey, Reader
from reversa.systems.tables.folder import Folder
from reversa.systems.tables.live import Live
from reversa.systems.tables.pgdump import PgDump
from reversa.systems.tables.siard import Siard
from reversa.systems.tables.sqldump import SqlDump

Row = list[str | None]
PG = "-- PostgreSQL database dump\n\nCREATE TABLE public.t (\n    a text,\n    b text\n);\n\n{}\n-- PostgreSQL database dump complete\n"
MYSQL = "-- MariaDB dump 10\n/*!40101 SET NAMES utf8mb4 */;\nCREATE TABLE `t` (\n  `a` text,\n  `b` text\n) ENGINE=InnoDB;\n{}\n-- Dump completed\n"
SQLITE = "BEGIN TRANSACTION;\nCREATE TABLE t (a, b);\n{}\nCOMMIT;\n"
hard = st.text(st.characters(codec="utf-8") | st.sampled_from("'\"\\\n\r\t;(),-/*`$N\0"), max_size=12)
anything = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
tables_of = st.lists(st.tuples(*[st.none() | hard] * 2).map(list), max_size=8)
without_nul = tables_of.filter(lambda rows: not any(value and "\0" in value for row in rows for value in row))


def everything(reader: Reader, name: str = "t") -> tuple[list[Row], list[Damaged]]:
    """The rows and the damage, which together must be as many as the reader counts."""
    table = next(table for table in reader.tables() if table.name == name)
    rows: list[Row] = []
    damaged = []
    for item in reader.batches(table):
        if isinstance(item, Damaged):
            damaged.append(item)
        else:
            assert item.schema == pa.schema([(column.name, pa.string()) for column in table.columns])
            rows += [list(row.values()) for row in item.to_pylist()]
    assert reader.count(table) == len(rows) + sum(item.count for item in damaged)
    return rows, damaged


def dump(tmp_path: Path, text: str | bytes, name: str = "dump.sql") -> Path:
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return tmp_path / name


# ----------------------------------------------------------------------------------------------------- round trips


def copied(rows: list[Row]) -> str:
    names = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f", "\v": "\\v"}
    lines = ["\t".join("\\N" if value is None else "".join(names.get(letter, letter) for letter in value) for value in row) for row in rows]
    return "COPY public.t (a, b) FROM stdin;\n" + "".join(line + "\n" for line in lines) + "\\.\n"


def quoted(value: str | None) -> str:
    return "NULL" if value is None else "'" + value.replace("'", "''") + "'"


def escaped(value: str | None) -> str:
    names = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "'": "\\'", '"': '\\"', "\0": "\\0", "\x1a": "\\Z"}
    return "NULL" if value is None else "'" + "".join(names.get(letter, letter) for letter in value) + "'"


def from_shell(value: str | None) -> str:
    """As the shell of SQLite writes texts with line ends, whose stand-ins must not be in the text."""
    found = quoted(value)
    for letter, code in (("\n", 10), ("\r", 13)):
        if letter in found:
            mark = next(mark for mark in ("\\n", "\\012", *(f"(\\n{number})" for number in range(99))) if mark not in found)
            found = f"replace({found.replace(letter, mark)},'{mark}',char({code}))"
    return found


def singly(rows: list[Row], literal: Callable[[str | None], str]) -> str:
    return "".join(f"INSERT INTO t VALUES ({', '.join(map(literal, row))});\n" for row in rows)


def together(rows: list[Row], literal: Callable[[str | None], str]) -> str:
    return f"INSERT INTO `t` VALUES {','.join('(' + ','.join(map(literal, row)) + ')' for row in rows)};\n" if rows else ""


@anything
@given(without_nul)
def test_copy_round_trip(tmp_path: Path, rows: list[Row]) -> None:
    assert everything(PgDump(dump(tmp_path, PG.format("{}").replace("{}", copied(rows))))) == (rows, [])


@given(
    st.lists(st.lists(st.sampled_from([b"\\", b"n", b"t", b"x4", b"101", b"0", b"\0", b"z", b"N"]), max_size=8).map(b"".join) | st.none(), max_size=6)
)
def test_texts_of_a_column_are_unescaped_together_as_one_by_one(texts: list[bytes | None]) -> None:
    column = pa.array(texts, pa.binary())
    assert pgcopy._unescaped(column).to_pylist() == [pgcopy._ESCAPE.sub(pgcopy._escaped, text) if text is not None else None for text in texts]


@anything
@given(without_nul)
def test_inserts_of_postgresql_round_trip(tmp_path: Path, rows: list[Row]) -> None:
    assert everything(PgDump(dump(tmp_path, PG.replace("{}", singly(rows, quoted))))) == (rows, [])


@anything
@given(tables_of, st.sampled_from([singly, together]))
def test_mysql_round_trip(tmp_path: Path, rows: list[Row], written: Callable[[list[Row], Callable[[str | None], str]], str]) -> None:
    assert everything(SqlDump(dump(tmp_path, MYSQL.replace("{}", written(rows, escaped))))) == (rows, [])


@anything
@given(without_nul, st.sampled_from([quoted, from_shell]))
def test_sqlite_round_trip(tmp_path: Path, rows: list[Row], literal: Callable[[str | None], str]) -> None:
    assert everything(SqlDump(dump(tmp_path, SQLITE.replace("{}", singly(rows, literal))))) == (rows, [])


@anything
@given(without_nul)
def test_sqlite_itself_agrees_about_the_dump(tmp_path: Path, rows: list[Row]) -> None:
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE t (a, b)")
        connection.executemany("INSERT INTO t VALUES (?, ?)", rows)
        assert everything(SqlDump(dump(tmp_path, "\n".join(connection.iterdump())))) == (rows, [])


@anything
@given(tables_of, st.sampled_from(",;\t|"), st.booleans())
def test_csv_round_trip(tmp_path: Path, rows: list[Row], delimiter: str, bom: bool) -> None:
    header: Row = ["a", "b"]
    fields = [["" if value is None else '"' + value.replace('"', '""') + '"' for value in row] for row in [header, *rows]]
    text = "\r\n".join(delimiter.join(row) for row in fields)
    assert everything(Folder(dump(tmp_path, "\ufeff" * bom + text, "t.csv"))) == (rows, [])


@anything
@given(tables_of)
def test_json_lines_round_trip(tmp_path: Path, rows: list[Row]) -> None:
    blank: Row = [None, None]
    text = "\n".join(json.dumps(dict(zip("ab", row, strict=True)), ensure_ascii=False) for row in [blank, *rows])
    assert everything(Folder(dump(tmp_path, text, "t.jsonl"))) == ([[None, None], *rows], [])


# ----------------------------------------------------------------------------------------------------------- dumps


def test_nothing_in_a_dump_is_run_or_taken_for_rows(tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    trap = (
        f"\\! touch {witness}\n\\copy t from program 'touch {witness}'\nCOPY public.t FROM PROGRAM 'touch {witness}';\n"
        "CREATE FUNCTION f() RETURNS void AS $x$ INSERT INTO t VALUES ('a', ';'); $x$ LANGUAGE sql;\n"
        "/* INSERT INTO t VALUES ('c', 'd'); */ -- INSERT INTO t VALUES ('e', 'f');\n"
    )
    assert everything(PgDump(dump(tmp_path, PG.replace("{}", trap + copied([["1", "2"]]))))) == ([["1", "2"]], [])
    assert not witness.exists()


@pytest.mark.parametrize("trigger", ["CREATE TRIGGER x AFTER INSERT ON t BEGIN INSERT INTO t VALUES (1, ';'); INSERT INTO t VALUES (2, 3); END;\n"])
def test_bodies_of_triggers_are_no_rows(tmp_path: Path, trigger: str) -> None:
    assert everything(SqlDump(dump(tmp_path, SQLITE.replace("{}", trigger + singly([["1", "2"]], quoted))))) == ([["1", "2"]], [])
    delimited = "DELIMITER ;;\n" + trigger.replace("END;", "END ;;") + "DELIMITER ;\n"
    assert everything(SqlDump(dump(tmp_path, MYSQL.replace("{}", delimited + singly([["1", "2"]], quoted))))) == ([["1", "2"]], [])


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (PgDump, PG.replace("{}", copied([["1", "x"], ["2", "y"], ["3", "zzz"]]))),
        (PgDump, PG.replace("{}", singly([["1", "x"], ["2", "y"], ["3", "zzz"]], quoted))),
        (SqlDump, MYSQL.replace("{}", together([["1", "x"], ["2", "y"], ["3", "zzz"]], quoted))),
        (SqlDump, SQLITE.replace("{}", singly([["1", "x"], ["2", "y"], ["3", "zzz"]], quoted))),
    ],
)
def test_a_dump_that_is_cut_gives_what_was_before(tmp_path: Path, kind: type[PgDump | SqlDump], text: str) -> None:
    rows, damaged = everything(kind(dump(tmp_path, text[: text.index("zz") + 1])))
    assert rows == [["1", "x"], ["2", "y"]]
    assert {item.table for item in damaged} == {"t"}
    whole = text.index("zzz") + 3
    rows, damaged = everything(kind(dump(tmp_path, text[: text.index("\n", whole) + 1])))
    assert rows[:2] == [["1", "x"], ["2", "y"]]
    assert damaged


def test_a_dump_that_ends_between_two_tables_is_not_whole(tmp_path: Path) -> None:
    whole = PG.replace("{}", copied([["1", "x"]]))
    assert everything(PgDump(dump(tmp_path, whole))) == ([["1", "x"]], [])
    for end in (whole.index("\\.\n") + 3, whole.index("COPY")):
        _, (damaged,) = everything(PgDump(dump(tmp_path, whole[:end])))
        assert (damaged.where, damaged.count) == ("the end", 1)


def test_a_compressed_dump_that_is_cut_gives_what_was_before(tmp_path: Path) -> None:
    rows: list[Row] = [[str(number), f"text {number * 7919}"] for number in range(5000)]
    zipped = gzip.compress(PG.replace("{}", copied(rows)).encode())
    assert everything(PgDump(dump(tmp_path, zipped, "whole.sql.gz"))) == (rows, [])
    found, damaged = everything(PgDump(dump(tmp_path, zipped[: len(zipped) // 2], "cut.sql.gz")))
    assert 1000 < len(found) < 4000
    assert found == rows[: len(found)]
    assert damaged


def test_a_wrong_row_and_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    body = b"COPY public.t (a, b) FROM stdin;\n1\tx\n2\n3\ty\tz\n4\t\xff\n5\tw\n\\.\n"
    rows, damaged = everything(PgDump(dump(tmp_path, PG.encode().replace(b"{}", body))))
    assert rows == [["1", "x"], ["4", "\\xff"], ["5", "w"]]
    assert sorted((item.where, item.count) for item in damaged) == [("line 10", 1), ("line 11", 1), ("line 12, column b", 0)]
    body = b"INSERT INTO t VALUES (1,'x'),\n(2),\n(3,'y','z'),\n(4,'\xff'),\n(5,'w');"
    rows, damaged = everything(SqlDump(dump(tmp_path, MYSQL.encode().replace(b"{}", body))))
    assert rows == [["1", "x"], ["4", "\\xff"], ["5", "w"]]
    assert sorted((item.where, item.count) for item in damaged) == [("line 10, column b", 0), ("line 8", 1), ("line 9", 1)]


@pytest.mark.parametrize("written", [copied, lambda rows: singly(rows, quoted)])
def test_a_value_over_the_cap_is_passed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: Callable[[list[Row]], str]) -> None:
    for module in (sqllex, inserting, pgcopy):
        monkeypatch.setattr(module, "CAP", 1 << 20)
    rows, damaged = everything(PgDump(dump(tmp_path, PG.replace("{}", written([["1", "x"], ["2", "(y;" * (3 << 20)], ["3", "z"]])))))
    assert rows == [["1", "x"], ["3", "z"]]
    assert [(item.count, item.reason) for item in damaged] == [(1, "a row of more than 1 MiB")]


def test_tables_filled_in_two_places_or_not_at_all_or_never_defined(tmp_path: Path) -> None:
    body = (
        copied([["1", "x"]])
        + 'CREATE TABLE other.empty (x integer);\nCOPY other.undefined (k, "l m") FROM stdin;\n1\t2\n\\.\n'
        + copied([["2", "y"]])
    )
    reader = PgDump(dump(tmp_path, PG.replace("{}", body + "INSERT INTO public.t (b) VALUES ('z');\n")))
    assert everything(reader) == ([["1", "x"], ["2", "y"], [None, "z"]], [])
    assert everything(reader, "other.empty") == ([], [])
    assert everything(reader, "other.undefined") == ([["1", "2"]], [])
    assert next(table.columns for table in reader.tables() if table.name == "other.undefined") == (Column("k"), Column("l m"))


def test_literals_of_the_systems(tmp_path: Path) -> None:
    body = "INSERT INTO t VALUES (0xABCD,_binary 'a\\0\\\\'),(b'101',-1.50),(x'0f',_utf8mb4'it\\'s'),(1e5,'\\%\\_\\q');"
    assert everything(SqlDump(dump(tmp_path, MYSQL.replace("{}", body))))[0] == [
        ["\\xabcd", "\\x61005c"], ["\\x05", "-1.50"], ["\\x0f", "it's"], ["1e5", "\\%\\_q"],
    ]  # fmt: skip
    body = "INSERT INTO t VALUES(X'0AfF',unistr('a\\u000a\\\\''\\+01f600'));INSERT INTO t VALUES(-1e999,NULL);"
    assert everything(SqlDump(dump(tmp_path, SQLITE.replace("{}", body))))[0] == [["\\x0aff", "a\n\\'😀"], ["-1e999", None]]
    body = "INSERT INTO t VALUES (true, E'it\\'s\\n'), (false, B'101'), (DEFAULT, 'NULL');"
    assert everything(PgDump(dump(tmp_path, PG.replace("{}", body))))[0] == [["t", "it's\n"], ["f", "101"], [None, "NULL"]]


def test_other_encodings_and_keys_added_later(tmp_path: Path) -> None:
    text = "-- phpMyAdmin SQL Dump\n/*!40101 SET NAMES latin1 */;\nCREATE TABLE `t` (`a` int(11) NOT NULL, `b` varchar(9) DEFAULT 'é,(' COMMENT 'PRIMARY KEY (b)');\n"
    text += "INSERT INTO `t` (`b`, `a`) VALUES\n('é€', 1);\nALTER TABLE `t`\n  ADD PRIMARY KEY (`a`),\n  ADD KEY `k` (`b`);\n"
    text += "ALTER TABLE `t`\n  ADD CONSTRAINT `f` FOREIGN KEY (`b`) REFERENCES `other` (`x`) ON DELETE CASCADE;\n"
    reader = SqlDump(dump(tmp_path, text.encode("cp1252")))
    assert everything(reader) == ([["1", "é€"]], [])
    (table,) = reader.tables()
    assert table.columns == (Column("a", "int(11)"), Column("b", "varchar(9)"))
    assert (table.primary_key, table.foreign_keys) == (("a",), (ForeignKey(("b",), "other", ("x",)),))


def number(value: int) -> bytes:
    return bytes([value < 0]) + abs(value).to_bytes(4, "little")


def archive(minor: int, compression: int, data: bytes) -> bytes:
    """A dump of one table in the custom format 1.``minor``, as ``WriteHead`` and ``WriteToc`` of PostgreSQL lay it out."""

    def string(value: str | None) -> bytes:
        return number(-1) if value is None else number(len(value)) + value.encode()

    def entry(place: int, kind: str, definition: str, copy: str | None) -> bytes:
        found = number(place) + number(kind == "TABLE DATA") + string("0") * 2 + string("t") + string(kind) + number(3)
        found += b"".join(map(string, (definition, "", copy, "public", "")))
        found += (string("") if minor >= 14 else b"") + (number(114) if minor >= 16 else b"")
        return found + b"".join(map(string, ("owner", "false", "1", None))) + b"\x01" + bytes(8)

    head = b"PGDMP\x01" + bytes([minor, 0, 4, 8, 1]) + (bytes([compression]) if minor >= 15 else number(-compression))
    head += number(0) * 7 + string("name") + string("17") * 2
    contents = entry(1, "TABLE", "CREATE TABLE public.t (\n    a text,\n    b text\n);\n", None) + entry(
        2, "TABLE DATA", "", "COPY public.t (a, b) FROM stdin;\n"
    )
    chunks = b"".join(number(len(data[at : at + 1000])) + data[at : at + 1000] for at in range(0, len(data), 1000))
    return head + number(2) + contents + b"\x01" + number(2) + chunks + number(0)


@pytest.mark.parametrize(
    ("minor", "compression", "codec"), [(13, 0, ""), (14, 1, "gzip"), (15, 1, "gzip"), (16, 0, ""), (16, 2, "lz4"), (16, 3, "zstd")]
)
def test_archives_of_all_versions(tmp_path: Path, minor: int, compression: int, codec: Any) -> None:
    rows: list[Row] = [[str(at), f"text {at * 7919}"] for at in range(5000)]
    data = copied(rows).partition("\n")[2].encode() + b"\n\n"
    if codec == "gzip":
        data = zlib.compress(data)
    elif codec:
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, codec) as stream:
            stream.write(data)
        data = sink.getvalue().to_pybytes()
    whole = archive(minor, compression, data)
    assert everything(PgDump(dump(tmp_path, whole))) == (rows, [])
    found, damaged = everything(PgDump(dump(tmp_path, whole[: -len(data) // 2])))
    assert found == rows[: len(found)]
    assert [item.count for item in damaged] == [1]
    if codec in ("", "gzip"):  # the other two give nothing of the block of bytes that is cut
        assert 1000 < len(found) < 4000


def test_an_archive_without_its_contents_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="table of contents"):
        PgDump(dump(tmp_path, b"PGDMP\x01\x0e\x00\x04\x08\x01\x00\x05"))
    with pytest.raises(SourceError, match="format 9"):
        PgDump(dump(tmp_path, b"PGDMP\x09\x0e\x00\x04\x08\x01\x00\x05"))


# ----------------------------------------------------------------------------------------------------------- files


def test_csv_with_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "CAP", 1 << 20)
    text = b'a;b\n1;"x\n;y"\n2\n\n3;\xff\n=cmd;"q""q"\n4;' + b"z" * (3 << 20) + b'\n;""\n5;"open'
    rows, damaged = everything(Folder(dump(tmp_path, text, "t.csv")))
    assert rows == [["1", "x\n;y"], ["3", "\\xff"], ["=cmd", 'q"q'], [None, ""]]
    assert sorted((item.where, item.count) for item in damaged) == [("line 10", 1), ("line 4", 1), ("line 6, column b", 0), ("line 8", 1)]
    for broken in ("a,a\n1,2\n", "a,\n1,2\n", "\ufeffa,b\n".encode("utf-16")):
        with pytest.raises(SourceError):
            Folder(dump(tmp_path, broken, "t.csv"))
    assert everything(Folder(dump(tmp_path, "", "t.csv"))) == ([], [])


def test_json_lines_with_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonlines, "CAP", 1 << 20)
    lines = [
        b'{"a": 0.1000000000000000055511151231257827, "b": {"n": [1.10, "\\u00e9"]}}', b"[1]", b'{"a": NaN}', b'{"a": 1, "a": 2}', b"", b'{"a": ' + b"9" * 10_000 + b"}",
        b'{"b": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", b'{"a": "\\ud800", "b": "\xff"}', b'{"a": true, "b": null}', b'{"a": "' + b"x" * (3 << 20) + b'"}', b'{"a": "x',
    ]  # fmt: skip
    rows, damaged = everything(Folder(dump(tmp_path, b"\n".join(lines), "t.ndjson")))
    assert rows == [["0.1000000000000000055511151231257827", '{"n": [1.10, "\\u00e9"]}'], ["9" * 10_000, None], ["\\ud800", "\\xff"], ["true", None]]
    assert [(item.where, item.count) for item in damaged if item.count] == [(f"line {number}", 1) for number in (2, 3, 4, 7, 10, 11)]
    assert [item.where for item in damaged if not item.count] == ["line 8, column a", "line 8, column b"]


def test_parquet_is_exact_and_damage_is_counted(tmp_path: Path) -> None:
    import datetime as dt
    from decimal import Decimal

    moment = dt.datetime(2024, 2, 29, 12, 30, 59, 123456)  # noqa: DTZ001
    columns: dict[str, Any] = {
        "i": pa.array([2**63 - 1, None]), "n": pa.array([Decimal("1234567890123456789012345678.0123456789"), None]), "y": pa.array([True, None]),
        "b": pa.array([b"\x00\xff", None]), "at": pa.array([moment, None], pa.timestamp("us")), "z": pa.array([moment, None], pa.timestamp("us", "Europe/Paris")),
        "l": pa.array([[{"x": 1, "é": None}], None]), "s": pa.array(["a\0", ""]).dictionary_encode(), "f": pa.array([0.1, float("nan")]),
    }  # fmt: skip
    pyarrow.parquet.write_table(pa.table(columns), tmp_path / "t.parquet", write_page_checksum=True)
    exact = ["9223372036854775807", "1234567890123456789012345678.0123456789", "true", "\\x00ff", "2024-02-29T12:30:59.123456", "2024-02-29T12:30:59.123456Z", '[{"x": 1, "é": null}]', "a\0", "0.1"]  # fmt: skip
    reader = Folder(tmp_path)
    assert everything(reader) == ([exact, [None] * 7 + ["", "nan"]], [])
    reader.close()
    numbers = pa.table({"a": pa.array(range(1000), pa.int64())})
    pyarrow.parquet.write_table(
        numbers, tmp_path / "t.parquet", row_group_size=100, compression="none", use_dictionary=False, write_page_checksum=True
    )
    whole = (tmp_path / "t.parquet").read_bytes()
    place = whole.index((550).to_bytes(8, "little") + (551).to_bytes(8, "little"))
    reader = Folder(dump(tmp_path, whole[:place] + b"\xff" + whole[place + 1 :], "t.parquet"))
    rows, damaged = everything(reader)
    assert rows == [[str(number)] for number in range(1000) if not 500 <= number < 600]
    assert [item.count for item in damaged] == [100]
    with pytest.raises(SourceError):
        Folder(dump(tmp_path, whole[:-100], "t.parquet"))


SHEET = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'


def workbook(path: Path, sheets: dict[str, list[list[str]]]) -> Path:
    kinds = "".join(f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>' for n in range(len(sheets)))  # fmt: skip
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("[Content_Types].xml", f'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">{kinds}</Types>')
        main = f'<Relationship Id="r" Type="{office}/officeDocument" Target="xl/workbook.xml"/>'
        file.writestr("_rels/.rels", f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{main}</Relationships>')
        related = "".join(f'<Relationship Id="r{n}" Type="{office}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in range(len(sheets)))
        file.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{related}</Relationships>',
        )
        listed = "".join(f'<sheet name="{name}" sheetId="{n + 1}" r:id="r{n}"/>' for n, name in enumerate(sheets))
        file.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="{office}"><sheets>{listed}</sheets></workbook>',
        )
        for n, rows in enumerate(sheets.values()):
            lines = "".join(f'<row r="{r}">{"".join(cells)}</row>' for r, cells in enumerate(rows, 1))
            file.writestr(f"xl/worksheets/sheet{n}.xml", SHEET.replace("{}", lines))
    return path


def text(place: str, value: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{value}</t></is></c>'


def test_sheets_are_tables(tmp_path: Path) -> None:
    header = [text("A1", "a"), text("B1", "b")]
    first = [header, [text("A2", "é &lt;b&gt;"), '<c r="B2"><v>1</v></c>'], [], ['<c r="A4" t="b"><v>1</v></c>', '<c r="B4"><v>0.1</v></c>', text("C4", "more")], ['<c r="B5"><v>1234567890123</v></c>']]  # fmt: skip
    rows, damaged = everything(Folder(workbook(tmp_path / "t.xlsx", {"Only": first, "Empty": []})))
    assert rows == [["é <b>", "1"], [None, "1234567890123"]]
    assert [(item.where, item.count) for item in damaged] == [("row 4", 1)]
    reader = Folder(workbook(tmp_path / "t.xlsx", {"One": [header, [text("A2", "x")]], "Two": [header]}))
    assert everything(reader, "One") == ([["x", None]], [])
    assert everything(reader, "Two") == ([], [])
    reader.close()


def test_a_folder_is_its_files_and_not_what_links_lead_to(tmp_path: Path) -> None:
    dump(tmp_path, "a\n1\n", "people.csv")
    dump(tmp_path, '{"a": 1}\n', "things.jsonl")
    dump(tmp_path, "no table", "readme.txt")
    (tmp_path / "away.csv").symlink_to("/etc/passwd")
    assert Folder.recognises(tmp_path)
    assert [table.name for table in Folder(tmp_path).tables()] == ["people", "things"]
    dump(tmp_path, "a\tb\n1\t2\n", "people.tsv")
    with pytest.raises(SourceError, match="two tables called people"):
        Folder(tmp_path)
    assert not Folder.recognises(tmp_path / "readme.txt")
    assert not Folder.recognises(tmp_path / "missing.csv")


# ----------------------------------------------------------------------------------------------------------- SIARD

METADATA = """<?xml version="1.0"?><siardArchive xmlns="http://www.bar.admin.ch/xmlns/siard/2/metadata.xsd" version="2.1"><schemas><schema><name>main</name>
<folder>schema0</folder><tables><table><name>t</name><folder>table0</folder><columns><column><name>id</name><type>INTEGER</type><typeOriginal>INT</typeOriginal></column>
<column><name>a\\u0020b</name><type>CLOB</type></column><column><lobFolder>content/schema0/table0/lob3</lobFolder><name>c</name><type>BLOB</type></column></columns>
<primaryKey><name>p</name><column>id</column></primaryKey><foreignKeys><foreignKey><name>f</name><referencedSchema>main</referencedSchema>
<referencedTable>other</referencedTable><reference><column>id</column><referenced>x</referenced></reference></foreignKey></foreignKeys>
<rows>3</rows></table></tables></schema></schemas></siardArchive>"""
ROWS = """<table xmlns="http://www.bar.admin.ch/xmlns/siard/2/table.xsd"><row><c1>1</c1><c2>x\\u0000\\u005c &lt;</c2><c3>00FF</c3></row>
<row><c1>2</c1><c3 file="record1.bin" length="2"/></row><row><c1>3</c1><c2></c2></row></table>"""


def siard(path: Path, rows: str = ROWS, metadata: str = METADATA, **more: str) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("header/metadata.xml", metadata)
        file.writestr("content/schema0/table0/table0.xml", rows)
        file.writestr("content/schema0/table0/lob3/record1.bin", b"\x01\x02")
        for name, content in more.items():
            file.writestr(name, content)
    return path


def test_siard(tmp_path: Path) -> None:
    assert Siard.recognises(siard(tmp_path / "t.siard"))
    reader = Siard(tmp_path / "t.siard")
    assert everything(reader) == ([["1", "x\0\\ <", "\\x00ff"], ["2", None, "\\x0102"], ["3", "", None]], [])
    (table,) = reader.tables()
    assert table.columns == (Column("id", "INT"), Column("a b", "CLOB"), Column("c", "BLOB"))
    assert (table.primary_key, table.foreign_keys) == (("id",), (ForeignKey(("id",), "other", ("x",)),))
    reader.close()


@pytest.mark.parametrize(
    ("rows", "given", "lost"),
    [
        (ROWS.replace("record1", "missing"), ["1", "3"], [1]),
        (ROWS[: ROWS.index("<c1>3")], ["1", "2"], [1]),
        (ROWS.replace("<table", '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><table', 1), [], [3]),
        (ROWS.replace("<c1>3</c1>", "<c1>3</c1>" + "<u1>" * 300 + "</u1>" * 300), ["1", "2"], [1]),
        (ROWS.replace("<row><c1>1</c1>", "<row><c1>1</c1>", 1).replace("<row><c1>3</c1><c2></c2></row>", ""), ["1", "2"], [1]),
    ],
)
def test_siard_with_damage(tmp_path: Path, rows: str, given: list[str], lost: list[int]) -> None:
    reader = Siard(siard(tmp_path / "t.siard", rows))
    found, damaged = everything(reader)
    assert ([row[0] for row in found], [item.count for item in damaged]) == (given, lost)
    reader.close()


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["../evil", "/evil", "a\\b", "header/metadata.xml"])
def test_an_archive_with_odd_names_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match="refused"):
        Siard(siard(tmp_path / "t.siard", **{name: METADATA}))


def test_an_archive_that_is_a_bomb_or_has_a_link_or_a_dtd_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "t.siard", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("header/metadata.xml", b"\0" * (120 << 20))
    with pytest.raises(SourceError, match="bytes from"):
        Siard(tmp_path / "t.siard")
    with zipfile.ZipFile(siard(tmp_path / "t.siard"), "a") as file:
        link = zipfile.ZipInfo("content/link")
        link.external_attr = 0o120777 << 16
        file.writestr(link, "/etc/passwd")
    with pytest.raises(SourceError, match="link"):
        Siard(tmp_path / "t.siard")
    with pytest.raises(SourceError, match="document type"):
        Siard(siard(tmp_path / "t.siard", metadata=METADATA.replace("<siardArchive", "<!DOCTYPE x><siardArchive")))


def test_readers_of_other_kinds_are_not_confused(tmp_path: Path) -> None:
    files: dict[Any, Path] = {
        PgDump: dump(tmp_path, PG, "a"), SqlDump: dump(tmp_path, MYSQL, "b"), Siard: siard(tmp_path / "c"), Folder: dump(tmp_path, "a\n", "d.csv"),
    }  # fmt: skip
    for kind, file in files.items():
        assert [other for other in files if other.recognises(file)] == [kind]
    for kind in files:
        assert not kind.recognises(dump(tmp_path, b"\x00\xff" * 1000, "e"))


def test_rows_of_a_database_come_fewer_at_a_time_where_they_are_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reversa.systems.tables.live.LONGEST", 1000)
    with contextlib.closing(sqlite3.connect(tmp_path / "files.db")) as database:
        database.execute("CREATE TABLE files (id INTEGER PRIMARY KEY, data BLOB)")
        database.executemany("INSERT INTO files (data) VALUES (?)", [(b"x",)] * 500 + [(b"x" * 600,)] * 10)
        database.commit()
    with contextlib.closing(Live(f"sqlite:///{tmp_path / 'files.db'}", Options())) as reader:
        (table,) = reader.tables()
        sizes = [batch.num_rows for batch in reader.batches(table) if isinstance(batch, pa.RecordBatch)]
    assert sum(sizes) == 510
    assert max(sizes[1:]) == 2
