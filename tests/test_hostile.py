"""Hostile input: every row of the reference page met by every reader, or the reason why it cannot meet it.

Expected everywhere: a counted outcome with a reason or an answer that refuses the source, both counts of the source agree,
nothing is written outside the run folder, no network (:mod:`tests.network`), and it ends.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import re
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reversa.errors import ReversaError
from reversa.inspecting import inspect
from reversa.migrating import Road
from reversa.package import BLOBS, MANIFEST, TAG_MANIFEST, Package
from reversa.packing import _write_bag_files
from reversa.records import Body, File, Message, Page, Reaction, Record, Ref, Space, User, ref, ref_to
from reversa.schema import arrow_schema
from reversa.terminal import print_inspection
from reversa.validating import validate
from tests.paths import shelf
from tests.strategies import carried, pack

pytestmark = pytest.mark.timeout(300)  # against hangs; how long reading takes is measured in CPU_SECONDS, whatever else the machine does
CPU_SECONDS = 10
READERS = ("slack", "html", "sql", "package")
FORBIDDEN = "TOPSECRET"
IMAGE = b"<html><script>alert(1)</script>"


class Case(NamedTuple):
    """A source made hostile, and what must come of it."""

    damage: Callable[[Path], None]
    """Makes or changes the source at a path."""
    told: Mapping[str, int | None] = MappingProxyType({})
    """Pattern of a change's code or of an unreadable item's reason → how often; None: at least once. Nothing else is told."""
    refused: str = ""
    """Pattern of the error that refuses the whole source."""
    holds: Callable[[Package, Path], bool] = lambda _package, _run: True
    """What the package, and the run folder, must hold."""


HELD = "held"
"""The row's records, below, come out of the reader as they are."""


# ------------------------------------------------------------------------------------------- records that a reader must give as they are


def _user(id: str, **more: Any) -> User:
    return User(id=id, root=ref("user", id), **more)


def _message(id: str, text: str = "hi", **more: Any) -> Message:
    body = Body(format=more.pop("format", "plain"), text=text)
    given: dict[str, Any] = {"space": ref("space", "s")} | more
    return Message(id=id, root=ref("message", id), body=body, **given)


def _page(id: str, parent: str) -> Page:
    return Page(id=id, root=ref("page", id), title=f"<img onerror=alert(1)> {id}", parent=ref("page", parent))


def _file(id: str, name: str, **more: Any) -> File:
    return File(id=id, root=ref("message", "m"), target=ref("message", "m"), name=name, **more)


_IDS = ("'; DROP TABLE reversa_message; --", "../../x", "%2e%2e%2f", "/etc/passwd", "C:\\x", "a\nb", "<b>", "x" * 300)
RECORDS: dict[str, list[Record]] = {
    "J7": [_message("nul", "a\0b", created_by=ref("user", "x\0y"))],
    "V2": [_user("=1+1", display_name="=cmd|' /C calc'!A0"), _message("v2", "@SUM(1)"), _message("+1", "\t-1")],
    "T2": [_user("\u202eabc", display_name="\u200b\u2066x\u2069"), _user("pаypal", display_name="Cyrillic а")],
    "H1": [
        _message(f"h1-{n}", text, format=format)
        for n, (text, format) in enumerate(
            itertools.product(
                ("<script>alert(1)</script>", "<a href='javascript:x'>a</a><img src=x onerror=y><iframe src=z></iframe><svg onload=q>"),
                ("html", "plain"),
            )
        )
    ],
    "H2": [Space(id="h2", root=ref("space", "h2"), name="<script>alert(1)</script>", topic='"><svg/onload=x>')],
    "H3": [
        _user("h3", photo_url="http://169.254.169.254/latest/meta-data"),
        _message("h3", "<img src=http://127.0.0.1:1/x>", format="html", url="http://127.0.0.1:1/x"),
        _file("h3", "x", url="file:///etc/passwd"),
    ],
    "H4": [_file(f"h4-{n}", name) for n, name in enumerate(("con", "..", "x" * 300, "a/b", "a\nb", "a\0b", ".htaccess", "x.html"))],
    "H5": [_file("h5", "kitten.png", media_type="image/png")],
    "H6": [_user("\x1b]0;x\x07", display_name="\x1b[31mred\x9b2J")],
    "D6": [_message(id) for id in _IDS],
    "R1": [
        _page("self", "self"),
        _page("one", "two"),
        _page("two", "one"),
        _message("r1", reply_to=ref("message", "r1"), thread=ref("message", "r1")),
    ],
    "R2": [_message("r2", created_by=ref("user", "gone"), space=ref("space", "gone"), reply_to=ref("message", "gone"))],
    "R3": [_user("u1"), _user("U1"), _user("\u00e9"), _user("e\u0301"), _user("u1 ")],
    "R4": [
        Reaction(id=f"r4-{n:05d}", root=ref("message", "r4"), target=ref("message", "r4"), key="+1", created_by=ref("user", str(n)))
        for n in range(200)
    ],
    "R5": [
        _message(f"r5-{n}", created_at=at)
        for n, at in enumerate(
            (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC))
        )
    ],
}
WHOLE: list[Record] = [
    _user("u", display_name="Ana"),
    Space(id="s", root=ref("space", "s"), name="general"),
    _message("m", created_by=ref("user", "u"), order=5),
    _message("long", "a\0b"),  # which HTML cannot hold: the archive keeps it as JSON beside the page
]


def with_content(record: Record, contents: dict[str, bytes]) -> Record:
    """A file with content, a web page whatever it says of itself."""
    if not isinstance(record, File):
        return record
    content = IMAGE + record.id.encode()
    contents[hashlib.sha256(content).hexdigest()] = content
    return msgspec.structs.replace(record, sha256=hashlib.sha256(content).hexdigest(), size=len(content))


def sources(folder: Path, records: list[Record]) -> dict[str, Path]:
    """The same records behind each reader but Slack's, which writes its own."""
    contents: dict[str, bytes] = {}
    package = pack(folder / "package", [with_content(record, contents) for record in records], contents=contents)
    found = {"package": package.folder, "html": folder / "html", "sql": folder / "sql.db"}
    for reader in ("html", "sql"):
        assert carried(package, LOCATORS[reader].format(found[reader]), folder / f"run-{reader}").report().verdict == "verified"
    return found


LOCATORS = {"slack": "slack:{}", "html": "html:{}", "sql": "sqlite:///{}", "package": "package:{}"}


@pytest.fixture(autouse=True)
def no_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The report as HTML is tested elsewhere, and takes longer than the rest of a small run."""
    monkeypatch.setattr("reversa.rendering.write_html", lambda _report, _language, _path: None)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A small sound source for each reader, to be damaged."""
    return sources(tmp_path_factory.mktemp("whole"), [*WHOLE, _file("f", "kitten.png", media_type="image/png")])


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """All hostile records of the rows, behind each reader."""
    return sources(tmp_path_factory.mktemp("held"), [record for some in RECORDS.values() for record in some])


# ------------------------------------------------------------------------------------------- Slack

GOOD: dict[str, Any] = {"ts": "1.000001", "user": "U1", "text": "ok"}


def slack(files: dict[str, Any], more: Callable[[zipfile.ZipFile], None] = lambda _: None) -> Callable[[Path], None]:
    """A zip of one channel with these files; a value that is no text is written as JSON."""

    def make(path: Path) -> None:
        base = {"channels.json": [{"id": "C1", "name": "general"}], "users.json": [{"id": "U1", "team_id": "T1"}], "general/2019-01-01.json": [GOOD]}
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in (base | files).items():
                archive.writestr(name, content if isinstance(content, str | bytes) else json.dumps(content))
            more(archive)

    return make


def day(*messages: Any) -> Callable[[Path], None]:
    """A second day with these messages, given as JSON text or as values."""
    return slack({"general/2019-01-02.json": "[" + ", ".join(m if isinstance(m, str) else json.dumps(m) for m in messages) + "]"})


def says(kind: str, words: str) -> Callable[[Package, Path], bool]:
    """Whether some record of a kind holds these words anywhere."""
    return lambda package, _: any(words in str(record) for record, _ in package.records(kind))


def _linked(archive: zipfile.ZipFile) -> None:
    info = zipfile.ZipInfo("general/2019-01-03.json")
    info.external_attr = 0o120777 << 16
    archive.writestr(info, "/etc/passwd")


def _lying(path: Path) -> None:
    """The sizes in the zip's directory are smaller than what the entry holds."""
    slack({"general/2019-01-02.json": [GOOD | {"ts": "2.000001", "text": "x" * 1000}]})(path)
    data = bytearray(path.read_bytes())
    at = data.rindex(b"general/2019-01-02.json") - 46
    assert data[at : at + 4] == b"PK\1\2"
    data[at + 24 : at + 28] = struct.pack("<I", 100)
    path.write_bytes(data)


def _overlapping(path: Path) -> None:
    """Two entries of the directory lead to one place of the file."""
    slack({"general/2019-01-02.json": "[]", "general/2019-01-03.json": "[]"})(path)
    data = bytearray(path.read_bytes())
    places = [data.rindex(name) - 46 for name in (b"general/2019-01-02.json", b"general/2019-01-03.json")]
    data[places[1] + 42 : places[1] + 46] = data[places[0] + 42 : places[0] + 46]
    path.write_bytes(data)


NO_FILE = {"slack.file.body-not-in-export": None}
SLACK: dict[str, Case | str] = {
    "C1": Case(slack({"../../evil.json": "[]", "/evil.json": "[]", "a\\..\\b.json": "[]"}), {"leads outside": 3}),
    "C2": Case(slack({}, lambda archive: archive.writestr("general/2019-01-01.json", "[]")), {"this name twice": 1}),
    "C3": Case(slack({}, _linked), {"symbolic link": 1}),
    "C4": Case(slack({"general/2019-01-02.json": "[" + " " * 60_000_000, "__uploads/F1/x": b"\0" * 60_000_000}), {"unpacks to far more": 2}),
    "C5": Case(_lying, {"cannot be": 1}),
    "C8": Case(slack({"general/inner.zip": b"PK\3\4"}), holds=says("opaque", "general/inner.zip")),
    "J1": Case(day('{"ts": "2.000001", "x": ' + "[" * 100_000), {"too deeply": 1}),
    "J2": Case(day('{"ts": "2.000001", "x": ' + "9" * 10_000 + "}"), holds=says("message", "9" * 10_000)),
    "J3": Case(
        day('{"ts": "2.000001", "text": "a", "text": "b"}', {"ts": "3.000001", "text": '":"'}, '{"ts" : "4.000001", "x": [{"k":1,"\\u006b":2}]}'),
        {r"slack\.message\.key-twice": 2}, holds=says("message", '"text":"b"'),
    ),
    "J4": Case(day('{"ts": "2.000001", "x": 1e400}', '{"ts": "3.000001", "x": NaN}'), {"NaN is not JSON": 1}, holds=says("message", "1e400")),
    "J5": Case(day('{"ts": "2.000001", "x": 0.1000000000000000055511151231257827}'), holds=says("message", "0.1000000000000000055511151231257827")),
    "J6": Case(day('{"ts": "2.000001", "text": "a\\ud800b"}'), {"lone-surrogate": 1}, holds=says("message", "ud800b")),
    "J7": Case(day({"ts": "2.000001", "text": "a\0b"}), holds=says("message", "a\\\\u0000b")),
    "V2": Case(day({"ts": "2.000001", "text": "=cmd|' /C calc'!A0"}), holds=says("message", "=cmd|")),
    "T1": Case(slack({"general/2019-01-02.json": '[{"ts": "2.000001", "text": "é"}]'.encode("latin-1")}), {"not UTF-8": 1}),
    "T2": Case(day({"ts": "2.000001", "text": "\u202eabc\u200b"}), holds=lambda package, _: "\u202eabc\u200b" in _bodies(package)),
    "H1": Case(day({"ts": "2.000001", "text": "<script>alert(1)</script>"}), holds=says("message", "<script>alert(1)</script>")),
    "H2": Case(slack({"channels.json": [{"id": "C1", "name": "general", "topic": {"value": "<script>"}}]}), holds=says("space", "<script>")),
    "H3": Case(day(GOOD | {"ts": "2.1", "files": [{"id": "F1", "url_private": "http://127.0.0.1:1/x"}]}), NO_FILE, holds=says("file", "127.0.0.1")),
    "H4": Case(
        slack({f"__uploads/F{n}/{name}": b"x" for n, name in enumerate(("con", "a\nb", "x" * 300, ".."))}), {"leads outside": 1},
        holds=says("opaque", "__uploads/F0/con"),
    ),
    "H5": Case(
        slack({"__uploads/F1/kitten.png": IMAGE, "general/2019-01-02.json": [GOOD | {"ts": "2.1", "files": [{"id": "F1", "mimetype": "image/png"}]}]}),
        holds=says("file", "image/png"),
    ),
    "H6": Case(slack({"users.json": [{"id": "\x1b[31m", "team_id": "\x1b]0;x\x07"}]}), holds=says("user", "\\x1b[31m")),
    "D6": Case(slack({"channels.json": [{"id": "'; DROP TABLE x; --", "name": "general"}, {"id": "../../x"}]}), holds=says("space", "'; DROP TABLE x; --")),
    "R1": Case(day(GOOD | {"ts": "2.000001", "thread_ts": "3.000001"}, GOOD | {"ts": "3.000001", "thread_ts": "2.000001"})),
    "R2": Case(day({"ts": "2.1", "user": "UGONE", "thread_ts": "1.9"}), holds=lambda package, _: getattr(package.find("user", "UGONE"), "placeholder", None) is True),
    "R3": Case(
        slack({"users.json": [{"id": "u1"}, {"id": "U1"}, {"id": "u1", "name": "x"}, {"id": "é"}, {"id": "e\u0301"}]}), {r"user\.id\.twin": 1},
        holds=lambda package, _: package.manifest.tables["user"].rows == 5,
    ),
    "R4": Case(day(GOOD | {"ts": "2.1", "reactions": [{"name": "x", "users": [f"U{n}" for n in range(1500)], "count": 1500}]})),
    "R5": Case(day({"ts": "999999999999.000001"}, {"ts": "99999999999.999999"}, {"ts": "0"}, {"ts": "-5"}, {"ts": "2.1", "edited": {"ts": "x"}}), {"no usable ts": 3}),
    "R6": "an export is of one workspace; people of another one who wrote in it are its own data",
}  # fmt: skip
SLACK_TOO = {"C5": [Case(_overlapping, {"cannot be": 1})], "J1": [Case(slack({"users.json": "[" * 100_000}), {"too deeply": 1})]}


def _bodies(package: Package) -> str:
    return "\n".join(record.body.text or "" for record, _ in package.records("message") if isinstance(record, Message) and record.body)


# ------------------------------------------------------------------------------------------- archives


def html(pattern: str, replacement: str, of: str = "*") -> Callable[[Path], None]:
    """Change the pages of an archive, or those of one place."""

    def damage(archive: Path) -> None:
        changed = 0
        for page in (archive / "pages").glob(f"{of}/0*.html"):
            text, count = re.subn(pattern, replacement, page.read_text(encoding="utf-8"))
            page.write_text(text, encoding="utf-8", errors="surrogateescape")
            changed += count
        assert changed

    return damage


def beside(content: bytes | None) -> Callable[[Path], None]:
    """Change the value that an archive keeps as JSON; None: a file of a gigabyte that takes no room."""

    def damage(archive: Path) -> None:
        [file] = (archive / "files").rglob("*.json")
        file.write_bytes(content or b"")
        if content is None:
            os.truncate(file, 2**30)

    return damage


def _links(archive: Path) -> None:
    """A page, a value and a content, each replaced by a link to itself."""
    for path in (*(archive / "files").rglob("*.json"), *(archive / "files").rglob("*.png"), *(archive / "pages").glob("user-*/0*.html")):
        away = archive.parent / f"away-{path.name}"
        path.rename(away)
        path.symlink_to(away)


def _linked_folder(archive: Path) -> None:
    [folder] = (archive / "pages").glob("user-*")
    folder.rename(archive.parent / "away")
    folder.symlink_to(archive.parent / "away")


def _page_of_a_stranger(archive: Path) -> None:
    (archive / "pages" / "x-000001").mkdir()
    (archive / "pages" / "x-000001" / "00001.html").write_text("hi")


HTML: dict[str, Case | str] = {
    "C1": Case(html(r'data-file="[^"]*"', 'data-file="../secret"'), {"is not a file of an archive": 1}),
    "C4": Case(html("</html>", " " * 4_000_000, "user-*"), {"more than 4,000,000": None}),
    "C9": Case(html(r'(itemprop="created_by" href=")[^"#]*', r"\1https://evil.example/"), {"leads to": 1}),
    "C10": Case(_page_of_a_stranger, {"without records": 1}),
    "X1": Case(html("<!doctype html>", '<!DOCTYPE html [<!ENTITY lol "lol"><!ENTITY l "&lol;&lol;&lol;">]>'), holds=says("user", "Ana")),
    "X2": Case(html(">Ana<", ">&xxe;<"), holds=says("user", "&xxe;")),
    "X3": Case(html("</html>", "<div>" * 200_000, "user-*"), {"too deep": None}),
    "J1": Case(beside(b"[" * 100_000), {"ValidationError": 1}),
    "J2": Case(beside(b"9" * 10_000), {"JSON|NotOfOurs|ValidationError": 1}),
    "J3": Case(beside(b'{"format":"plain","text":"a","text":"b"}'), {"in another way": 1}),
    "J4": Case(beside(b'{"format":"plain","text":NaN}'), {"DecodeError": 1}),
    "J5": Case(beside(b'{"format":"plain","text":0.1000000000000000055}'), {"ValidationError": 1}),
    "J6": Case(beside(b'{"format":"plain","text":"\\ud800"}'), {"DecodeError": 1}),
    "T1": Case(html("</html>", "\udcff", "user-*"), {"UnicodeDecodeError": None}),
    "R6": Case(html("urn:reversa:given:acme:user:u", "urn:reversa:given:evil:user:u"), {"not a record of": 1}),
}  # fmt: skip
HTML_TOO = {
    "C3": [Case(_links, {"a page without records, or a link": 1, "is not a plain file": 1, r"sha256\.unreadable": 1})],
    "C4": [Case(beside(None), {"more than 67,108,864": 1})],
}


def _wrote(path: Path, content: bytes) -> None:
    path.write_bytes(content)


# ------------------------------------------------------------------------------------------- databases


def sql(*statements: str) -> Callable[[Path], None]:
    """Change a database with its own means."""

    def damage(file: Path) -> None:
        with contextlib.closing(sqlite3.connect(file)) as connection:
            connection.executescript("; ".join(statements))

    return damage


def _overwritten(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[4096 * 4 : 4096 * 6] = b"\xa5" * 8192
    file.write_bytes(data)


_BOMB = (
    "DROP VIEW reversa_v_message; ALTER TABLE reversa_message DROP COLUMN subject",
    "ALTER TABLE reversa_message ADD COLUMN subject TEXT GENERATED ALWAYS AS (hex(zeroblob(400000000))) VIRTUAL",
)
SQL: dict[str, Case | str] = {
    "C4": Case(sql(*_BOMB), refused="too big"),
    "T1": Case(sql("UPDATE reversa_user SET display_name = CAST(x'ff' AS TEXT)"), {"surrogates|utf-8": 1}),
    "D1": Case(_overwritten, refused="is damaged|failed"),
    "R2": Case(sql("PRAGMA foreign_keys = OFF", "UPDATE reversa_message SET created_by = 999 WHERE created_by NOT NULL"), {"where nothing is": 1}),
    "R5": Case(sql("UPDATE reversa_message SET created_at = '10000-01-01T00:00:00Z' WHERE body_text = 'hi'"), {"created_at": 1}),
    "R6": Case(sql("INSERT INTO reversa_source VALUES (9, 'given', 'evil')"), refused="does not hold one source"),
}
SQL_TOO = {
    "D1": [
        Case(lambda file: _wrote(file, b"SQLite format 3\0" + b"x" * 9000), refused="failed|damaged"),
        Case(lambda file: _wrote(file, b"hello"), refused="failed"),
        Case(sql("DROP TABLE reversa_entity"), refused="failed"),
        Case(sql("UPDATE reversa_source SET tenant = x'ff'"), refused="does not hold one source"),
        Case(sql("UPDATE reversa_message SET body_text = x'ff00' WHERE body_text = 'hi'"), {"Expected|type|utf": 1}),
        Case(
            sql("PRAGMA foreign_keys = OFF; UPDATE reversa_entity SET id = x'ff' WHERE kind = 'space'; UPDATE reversa_blob SET content = 7"),
            {r"sha256\.unreadable": 1, ".": None},
        ),
    ],
}  # fmt: skip


# ------------------------------------------------------------------------------------------- packages


def sealed(change: Callable[[Path], object]) -> Callable[[Path], None]:
    """Change a package and rebuild its manifests, as somebody does who knows the format."""

    def damage(bag: Path) -> None:
        made = Package(bag).manifest
        change(bag)
        for name in (MANIFEST, TAG_MANIFEST):
            (bag / name).unlink()
        _write_bag_files(bag, made)

    return damage


def description(pattern: str, replacement: str) -> Callable[[Path], None]:
    """Change the description of a package."""
    return sealed(lambda bag: _replace(bag / "data" / "datapackage.json", pattern, replacement))


def _replace(path: Path, pattern: str, replacement: str) -> None:
    text, count = re.subn(pattern, replacement.replace("\\", "\\\\"), path.read_text(encoding="utf-8"), count=1)
    assert count
    path.write_text(text, encoding="utf-8")


def blob_place(place: str) -> Callable[[Path], None]:
    """The table of contents leads elsewhere."""

    def change(bag: Path) -> None:
        rows = [row | {"path": place} for row in pq.read_table(bag / "data" / "blobs.parquet").to_pylist()]
        pq.write_table(pa.Table.from_pylist(rows, schema=BLOBS), bag / "data" / "blobs.parquet", write_page_checksum=True)

    return sealed(change)


def packed(twice: bool = False, method: int = zipfile.ZIP_STORED, content: bytes = IMAGE) -> Callable[[Path], None]:
    """A pack that is not as packs are written."""

    def change(bag: Path) -> None:
        [pack_] = (bag / "data" / "packs").iterdir()
        with zipfile.ZipFile(pack_) as old:
            name = old.namelist()[0]
        with zipfile.ZipFile(pack_, "w", method) as new:
            for _ in range(1 + twice):
                new.writestr(name, content)

    return sealed(change)


def events(line: bytes) -> Callable[[Path], None]:
    return sealed(lambda bag: (bag / "data" / "changes.ndjson").write_bytes(line + b"\n"))


def table(kind: str, change: Callable[[pa.Table], pa.Table]) -> Callable[[Path], None]:
    """Change the rows of a kind."""

    def rewrite(bag: Path) -> None:
        path = bag / "data" / "tables" / kind / "part-00000.parquet"
        pq.write_table(change(pq.read_table(path)), path, write_page_checksum=True)

    return sealed(rewrite)


def _changed_id(made: pa.Table) -> pa.Table:
    rows = made.to_pylist()
    rows[0]["root"] = "nowhere"
    return pa.Table.from_pylist(rows, schema=arrow_schema("user"))


_LOSS = (
    '"changes": [{"change": {"code": "=1+1", "kind": "user", "field": null, "effect": "lost", "why": "policy", "note": "=HYPERLINK(1)"}, "count": 0}]'
)


def _no_formula(_: Package, run: Path) -> bool:
    losses = (run / "losses.csv").read_text()
    return "'=1+1" in losses and ",'=HYPERLINK(1)" in losses


def _linked_events(bag: Path) -> None:
    (bag / "data" / "changes.ndjson").unlink()
    (bag / "data" / "changes.ndjson").symlink_to("/etc/passwd")


PACKAGE: dict[str, Case | str] = {
    "C1": Case(sealed(lambda bag: (bag / "data" / "a\\..\\b").write_text("x")), refused="not a name that a package uses"),
    "C2": Case(packed(twice=True), refused="two entries with one name"),
    "C3": Case(_linked_events, refused="plain file"),
    "C4": Case(packed(method=zipfile.ZIP_DEFLATED, content=b"\0" * 30_000_000), refused="compressed or too large"),
    "C5": Case(packed(content=b"other"), refused="has other content"),
    "C9": Case(blob_place("../../secret"), refused="no place of the content"),
    "C10": Case(sealed(lambda bag: (bag / "data" / "extra").write_text("x")), refused="is no part of the package"),
    "J1": Case(description('"format": "reversa-package/1"', '"format": ' + "[" * 100_000), refused="not a whole reversa package"),
    "J2": Case(description('"rows": [0-9]+', '"rows": ' + "9" * 10_000), refused="not a whole reversa package"),
    "J3": Case(description('"format": "reversa-package/1"', '"format": "evil", "format": "reversa-package/1"'), refused="name twice"),
    "J4": Case(description('"blob_bytes": [0-9]+', '"blob_bytes": NaN'), refused="not a whole reversa package"),
    "J5": Case(description('"blob_bytes": [0-9]+', '"blob_bytes": 0.1000000000000000055'), refused="not a whole reversa package"),
    "J6": Case(description('"tenant": "acme"', '"tenant": "\\ud800"'), refused="not a whole reversa package"),
    "V2": Case(description(r'"changes": \[\]', _LOSS), holds=_no_formula),
    "T1": Case(events(b'{"event":"unreadable","kind":"user","where":"\xff","reason":"x"}'), refused=r"changes\.ndjson is damaged"),
    "D5": Case(table("user", lambda made: made.drop_columns(["display_name"])), refused="does not have the columns"),
    "R3": Case(table("user", lambda made: pa.concat_tables([made, made])), refused="not those that the package states"),
    "R6": "a package states one source, and no record names another",
}  # fmt: skip
PACKAGE_TOO = {
    "C1": [Case(sealed(lambda bag: (bag / "data" / "~").write_text("x")), refused="not a name")],
    "C9": [
        *(
            Case(blob_place(place), refused="no place")
            for place in ("/etc/passwd", "https://evil.example/x", "packs/../../../x", "blobs/sha256/aa/x")
        ),
        Case(description('"tables/user/part-00000.parquet"\n', '"../../secret"\n'), refused="parts of user|not what|rows"),
    ],
    "C10": [
        Case(lambda bag: (bag / TAG_MANIFEST).unlink(), refused="missing"),
        Case(lambda bag: (bag / "data" / "empty").mkdir(), refused="empty folder"),
    ],
    "J1": [Case(events(b"[" * 100_000), refused="damaged")],
    "J3": [Case(events(b'{"event":"noted","code":"a","record":"user:u","count":0,"count":0,"detail":""}'), refused="canonical form")],
    "J4": [Case(events(b'{"event":"noted","code":"a","record":"user:u","count":"many","detail":""}'), refused="damaged")],
    "R3": [Case(table("user", _changed_id), refused="valid record|digest|reference")],
}

# ------------------------------------------------------------------------------------------- the whole table

_REASONS: dict[str, Case | str] = {
    "C6": "no reader opens tar archives",
    "C7": "no reader opens tar archives",
    "X1": "no XML is read",
    "X2": "no XML is read",
    "X3": "no XML is read",
    "V1": "no CSV is read from a source",
    "V3": "no CSV is read from a source",
    "D1": "no SQLite file is read",
    "D2": "no SQL dump is read, and nothing is given to psql or mysql",
    "D3": "nothing is unpickled: ruff's S301 forbids it",
    "D4": "no YAML is read",
    "D5": "no Parquet is read",
}
_NO_CONTAINER: Mapping[str, Case | str] = dict.fromkeys(("C2", "C5", "C8"), "a folder of plain files, not a container")
_NO_FILES: dict[str, Case | str] = {
    **{f"C{n}": "a database, not a container of files" for n in range(1, 11)},
    **{f"J{n}": "columns, no JSON is parsed" for n in range(1, 7)},
}
_HELD: Mapping[str, Case | str] = dict.fromkeys(RECORDS, HELD)
TABLE: dict[str, dict[str, Case | str]] = {
    "slack": _REASONS | {"C9": "an export has no descriptor", "C6": _REASONS["C6"], "C10": "unknown files are kept whole"} | SLACK,
    "html": _REASONS | dict(_NO_CONTAINER) | {"C3": Case(_linked_folder, {"without records, or a link": 1})} | dict(_HELD) | HTML,
    "sql": _REASONS | _NO_FILES | dict(_HELD) | SQL,
    "package": _REASONS | {"C8": "a nested archive is a blob", "X1": _REASONS["X1"]} | dict(_HELD) | PACKAGE,
}
TOO: dict[str, dict[str, list[Case]]] = {"slack": SLACK_TOO, "html": HTML_TOO, "sql": SQL_TOO, "package": PACKAGE_TOO}
CASES = [
    pytest.param(reader, case, id=f"{reader}-{row}-{number}")
    for reader in READERS
    for row in TABLE[reader]
    for number, case in enumerate([TABLE[reader][row], *TOO[reader].get(row, [])])
    if isinstance(case, Case)
]
HELD_CASES = [(reader, row) for reader in READERS for row, case in TABLE[reader].items() if case == HELD]


def test_no_row_of_the_page_is_forgotten() -> None:
    rows = re.findall(r"^\| ([A-Z]\d+) \|", shelf("reference/hostile-input.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert rows
    for reader in READERS:
        assert set(TABLE[reader]) == set(rows), reader
    for row, reason in ((row, case) for reader in READERS for row, case in TABLE[reader].items()):
        assert reason != "", row


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder where the working directory, the temporary files and the home are, too: what is written beside the run is seen."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "secret").write_text(FORBIDDEN)
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("HOME", str(tmp_path / "elsewhere"))
    yield tmp_path
    assert list((tmp_path / "elsewhere").iterdir()) == []


def tree(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every path below a folder, links not followed; the content of small files."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_mode, path.read_bytes() if path.is_file() and path.stat().st_size < 2**20 else b"")
        for path in folder.rglob("*")
        if path.relative_to(folder).parts[0] != "run"
    }


def telling(package: Package) -> Counter[str]:
    """Code or reason → how often."""
    told: Counter[str] = Counter()
    for event in package.events():
        told[event.get("reason") or event["code"]] += event.get("count", 1)
    return told


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(("reader", "case"), CASES)
def test_a_hostile_source_is_counted_or_refused(reader: str, case: Case, sandbox: Path, whole: dict[str, Path]) -> None:
    source = sandbox / ("source.zip" if reader == "slack" else "source")
    if reader != "slack":
        (shutil.copytree if whole[reader].is_dir() else shutil.copyfile)(whole[reader], source)
    case.damage(source)
    locator, before, start = LOCATORS[reader].format(source), tree(sandbox), time.process_time()
    road = Road(sandbox / "run")
    if case.refused:
        with pytest.raises(ReversaError, match=case.refused) as refusal, road.guarded():
            road.export(locator, private=True)
        assert refusal.value.hint
        assert FORBIDDEN not in refusal.value.message
    else:
        with road.guarded():
            package = road.export(locator, private=True)
        check_package(package, case)
        if reader in ("slack", "package"):  # what the others read was written by us
            road.plan(f"sqlite:///{sandbox / 'run' / 'target.db'}")
            road.import_()
            assert road.verify().verdict == ("incomplete" if package.manifest.unreadable else "verified")
        assert case.holds(package, road.folder)
    assert tree(sandbox) == before
    assert time.process_time() - start < CPU_SECONDS


def check_package(package: Package, case: Case) -> None:
    """The package is whole, both counts agree, and exactly what is expected was told."""
    assert validate(package.folder) == []
    assert [balance for balance in package.manifest.balance if balance.unexplained] == []
    told = telling(package)
    for pattern, count in case.told.items():
        found = [text for text in told if re.search(pattern, text)]
        assert count in (None, sum(told[text] for text in found)), (pattern, told)
        assert found, (pattern, told)
        for text in found:
            del told[text]
    assert not told, "told and not expected"
    assert FORBIDDEN.encode() not in b"".join(path.read_bytes() for path in package.folder.rglob("*") if path.is_file())


# ------------------------------------------------------------------------------------------- records held


@pytest.fixture(scope="module")
def exported(held: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[Ref, Record]]:
    """What each reader gives of the hostile records. None of their names is the name of a file."""
    found = {}
    for reader, source in held.items():
        run = tmp_path_factory.mktemp(reader) / "run"
        before = set(run.parent.parent.rglob("*"))
        package = Road(run).export(LOCATORS[reader].format(source), private=True)
        assert {path for path in run.parent.parent.rglob("*") if path != run and run not in path.parents} == before
        assert validate(package.folder) == []
        assert all(balance.unexplained == 0 for balance in package.manifest.balance)
        assert not telling(package)
        found[reader] = {ref_to(record): record for kind in package.kinds() for record, _ in package.records(kind)}
    return found


@pytest.mark.parametrize(("reader", "row"), HELD_CASES)
def test_hostile_records_are_only_data(reader: str, row: str, exported: dict[str, dict[Ref, Record]]) -> None:
    for record in RECORDS[row]:
        assert exported[reader][ref_to(record)] == with_content(record, {})


@pytest.mark.parametrize("reader", READERS)
def test_a_source_gives_one_digest_in_every_time_zone(
    reader: str, whole: dict[str, Path], held: dict[str, Path], sandbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = held.get(reader, sandbox / "source.zip")
    if reader not in whole:
        day(GOOD | {"ts": "1551398400.000001"}, {"ts": "0.1"})(source)
    digests = set()
    for zone in ("UTC", "Pacific/Kiritimati"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        digests.add(Road(sandbox / "run" / zone).export(LOCATORS[reader].format(source), private=True).manifest.digest)
    monkeypatch.undo()
    time.tzset()
    assert len(digests) == 1


@pytest.mark.parametrize("reader", READERS)
def test_no_control_character_of_a_source_reaches_the_terminal(
    reader: str, held: dict[str, Path], sandbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = held.get(reader, sandbox / "source.zip")
    if reader == "slack":
        slack({"users.json": [{"id": "\x1b[31m", "team_id": "\x1b]0;x\x07"}], "\x1b[2J.json": "{"})(source)
    print_inspection(inspect(LOCATORS[reader].format(source), private=True))
    assert re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", capsys.readouterr().out) is None


# ------------------------------------------------------------------------------------------- bombs

MEMORY = 700 * 2**20
"""Bytes that reading may take at most, those of the interpreter and of pyarrow included (some 150 MB)."""
_MEASURED = r"""
import re, sys
from pathlib import Path
from reversa.errors import ReversaError
from reversa.migrating import Road
for number, source in enumerate(sys.argv[2:]):
    try:
        Road(Path(sys.argv[1]) / str(number)).export(source, private=True)
    except ReversaError as error:
        print(error.message)
    peak = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]  # ru_maxrss begins with that of the parent
    print(source, int(peak) * 1024)
"""
BOMBS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "lists within a file": ("slack", slack({"general/2019-01-02.json": "[" + "[]," * 3_000_000 + "[]]"})),
    "a file of nothing": ("slack", slack({"general/2019-01-02.json": "[" + "{}," * 100_000 + "{}]"})),
    "one long text": ("slack", day({"ts": "2.000001", "text": "x" * 20_000_000})),
    "one long page": ("html", lambda archive: os.truncate(next((archive / "pages").glob("user-*/0*.html")), 2**30)),
    "a value of a gigabyte": ("html", beside(None)),
    "a formula": ("sql", sql(*_BOMB)),
    "a pack": ("package", packed(method=zipfile.ZIP_DEFLATED, content=b"\0" * 100_000_000)),
}


def test_memory_stays_small_whatever_is_read(sandbox: Path, whole: dict[str, Path]) -> None:
    locators = []
    for name, (reader, damage) in BOMBS.items():
        source = sandbox / f"{name}.zip"
        if reader != "slack":
            (shutil.copytree if whole[reader].is_dir() else shutil.copyfile)(whole[reader], source)
        damage(source)
        locators.append(LOCATORS[reader].format(source))
    command = [sys.executable, "-c", _MEASURED, str(sandbox / "run"), *locators]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    peaks = [int(line.rpartition(" ")[2]) for line in done.stdout.splitlines() if line.startswith(tuple(locators))]
    assert len(peaks) == len(BOMBS)
    assert max(peaks) < MEMORY, done.stdout
