"""A database of no known system through its mapping file: every row accounted for, every wrong name found with its line."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import sqlite3
import zlib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from reversa.adapter import Attached, Item, Locator, Noted, Options, Unreadable
from reversa.cli import main
from reversa.demo.ruche import write_ruche
from reversa.errors import MappingError, SourceError
from reversa.exporters.mapped import MappedExporter
from reversa.migrating import migrate
from reversa.package import Package
from reversa.records import File, Record, kind_of
from reversa.rendering import render_text
from reversa.schema import fields
from reversa.systems.mapped.inflating import inflated
from reversa.systems.mapped.mapping import read_mapping
from reversa.systems.mapped.php import php_to_json
from reversa.systems.mapped.secrets import is_secret
from reversa.systems.mapped.staging import distinct
from reversa.systems.mapped.values import Kept, convert
from reversa.systems.tables.contract import Damaged, Table
from reversa.systems.tables.live import Live
from tests.paths import PROJECT

SCHEMA = """
CREATE TABLE users(id INTEGER PRIMARY KEY, login TEXT, mail TEXT, type TEXT, status INT, created_on TEXT, password_digest TEXT, shoe TEXT);
CREATE TABLE pages(id INTEGER PRIMARY KEY, parent_id INT REFERENCES pages(id), title TEXT, author_id INT, created_at TEXT, deleted_at TEXT);
CREATE TABLE revisions(id INTEGER PRIMARY KEY, page_id INT REFERENCES pages(id), body TEXT, at INT, author_id INT);
CREATE TABLE comments(id INTEGER PRIMARY KEY, commentable_type TEXT, commentable_id INT, txt TEXT, parent_id INT);
CREATE TABLE prefs(user_id INT, k TEXT, v TEXT);
CREATE TABLE sessions(id INTEGER PRIMARY KEY, token TEXT);
CREATE TABLE strange(a TEXT, b BLOB, api_token TEXT);
INSERT INTO users VALUES (1,'anna','a@x.org','User',1,'2024-03-31 03:30:00','HASH1','38'), (2,'bob',NULL,'User',3,'0000-00-00',NULL,NULL),
  (3,'staff',NULL,'Group',9,NULL,NULL,NULL);
INSERT INTO pages VALUES (1,NULL,'Home',1,'2024-01-01 10:00:00',NULL), (2,1,'Sub',2,'2024-01-02 00:00:01','2024-02-01 00:00:00'), (3,99,'Orphan',77,NULL,NULL);
INSERT INTO revisions VALUES (1,1,'<p>hello</p>',1700000000,1), (2,1,NULL,1700000001,1), (3,2,'x',1700000002,2);
INSERT INTO comments VALUES (1,'Page',1,'nice',NULL), (2,'Comment',1,'re',1), (3,'Alien',5,'?',NULL);
INSERT INTO prefs VALUES (1,'lang','fr'), (1,'tz','Paris'), (3,'g','x'), (44,'nobody','y');
INSERT INTO sessions VALUES (1,'tok');
INSERT INTO strange VALUES ('a', x'00ff', 'TOKEN'), (NULL, NULL, NULL);
"""
MAPPING = """mapping: 1
source: {system: acme, tenant: demo, database: acme.db, zone: Europe/Paris}
records:
  - kind: user
    from: users
    where: type = 'User'
    id: id
    fields:
      username: login
      emails: [mail]
      active: {by: status, values: {1: true, 3: false}}
      created_at: created_on
  - kind: group
    from: users
    where: type = 'Group'
    id: id
    fields: {name: login}
  - kind: page
    from: pages p
    id: p.id
    fields:
      title: p.title
      parent: {page: p.parent_id}
      created_by: {user: p.author_id}
      created_at: created_at
      state: CASE WHEN p.deleted_at IS NOT NULL THEN 'deleted' END
      head: {revision: "(SELECT max(r.id::int) FROM revisions r WHERE r.page_id = p.id)"}
  - kind: revision
    from: revisions
    id: id
    fields:
      target: {page: page_id}
      body: {html: body}
      created_at: at
      created_by: {user: author_id}
  - kind: comment
    from: comments
    id: id
    fields:
      target: {by: commentable_type, values: {Page: {page: commentable_id}, Comment: {comment: commentable_id}}}
      reply_to: {comment: parent_id}
      body: {markdown: txt}
rows:
  prefs: {within: {users: prefs.user_id = users.id}}
  sessions: {ignore: sessions of browsers}
"""


def database(folder: Path, script: str = SCHEMA) -> Path:
    path = folder / "acme.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)
    return path


def mapped(folder: Path, text: str = MAPPING, script: str = SCHEMA) -> Path:
    database(folder, script)
    path = folder / "acme.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@contextlib.contextmanager
def opened(path: Path, tenant: str | None = None) -> Iterator[MappedExporter]:
    with contextlib.closing(MappedExporter.open(Locator("mapped", str(path)), Options(tenant=tenant))) as exporter:
        yield exporter


def records(items: list[Item]) -> dict[str, Record]:
    found = [item.record if isinstance(item, Attached) else item for item in items if not isinstance(item, Noted | Unreadable)]
    return {f"{kind_of(record)}:{record.id}": record for record in found}


def read(path: Path, tenant: str | None = None) -> tuple[dict[str, Any], list[Item]]:
    with opened(path, tenant) as exporter:
        items = list(exporter.items())
    return dict(records(items)), items


@pytest.mark.parametrize("content", ["", "    content: path\n"])
def test_a_digest_without_its_content_stays_beside_the_record(content: str, tmp_path: Path) -> None:
    script = f"CREATE TABLE uploads(id TEXT, path TEXT, digest TEXT); INSERT INTO uploads VALUES ('1', 'gone.txt', '{'a' * 64}');"
    text = "mapping: 1\nsource: {system: x, tenant: y, database: acme.db}\nrecords:\n  - kind: file\n    from: uploads\n    id: id\n" + content
    path = mapped(tmp_path, text + "    fields: {name: path, sha256: digest, target: {space: id}}\n", script)
    found, items = read(path)
    assert found["file:1"].sha256 is None
    assert json.loads(found["file:1"].native)["sha256"] == "a" * 64
    assert [item.code for item in items if isinstance(item, Noted)] == ["mapped.file.sha256.missing"]
    assert migrate(f"mapped:{path}", f"sqlite:///{tmp_path / 'copy.db'}", tmp_path / "run").verdict == "verified"


def test_rows_become_records(tmp_path: Path) -> None:
    found, items = read(mapped(tmp_path))
    anna, bob, home, sub = found["user:1"], found["user:2"], found["page:1"], found["page:2"]
    assert (anna.username, anna.emails, anna.active, anna.created_at) == ("anna", ["a@x.org"], True, datetime(2024, 3, 31, 1, 30, tzinfo=UTC))
    assert (bob.emails, bob.active, bob.created_at) == (None, False, None)
    assert json.loads(bob.native)["created_at"] == "0000-00-00"
    assert (sub.parent, sub.state, sub.head, home.state) == ("page:1", "deleted", "revision:3", None)
    assert found["revision:1"].body.text == "<p>hello</p>"
    assert found["revision:2"].body is None
    assert (found["comment:2"].target, found["comment:2"].root) == ("comment:1", "page:1")  # a reply is of the page's unit
    assert [item for item in items if isinstance(item, Unreadable)] == [Unreadable("comment", "comments 2", "target: 'Alien 5'")]


def test_what_no_field_takes_is_kept_beside_the_record(tmp_path: Path) -> None:
    found, _ = read(mapped(tmp_path))
    native = json.loads(found["user:1"].native)
    assert native["shoe"] == "38"
    assert [row["v"] for row in native["prefs"]] == ["fr", "Paris"]
    assert "deleted_at" in json.loads(found["page:2"].native)  # an expression that uses a column does not carry it
    assert found["page:1"].native is None


def test_rows_that_no_entry_maps_stay_rows(tmp_path: Path) -> None:
    found, items = read(mapped(tmp_path))
    assert [cell.value for cell in found["row:strange/#0"].cells] == ["a", "\\x00ff"]
    assert found["row:strange/#1"].cells == []
    assert [cell.value for cell in found["row:prefs/#3"].cells] == ["44", "nobody", "y"]  # of no user
    assert not any("sessions" in id for id in found)
    assert Noted("mapped.row.ignored.sessions", "table:sessions", 1) in items  # type: ignore[arg-type]


def test_people_who_are_named_and_not_there_are_placeholders(tmp_path: Path) -> None:
    found, _ = read(mapped(tmp_path))
    assert found["user:77"].placeholder
    assert not found["user:1"].placeholder


def test_secrets_are_left_behind_and_counted(tmp_path: Path) -> None:
    found, items = read(mapped(tmp_path))
    text = repr(found)
    assert "HASH1" not in text
    assert "TOKEN" not in text
    counted = {item.code: item.count for item in items if isinstance(item, Noted) and item.code.endswith(".secret")}
    assert counted == {"mapped.user.native.secret": 1, "mapped.row.cells.secret": 1}


@pytest.mark.parametrize(
    "name",
    ["password", "password_hash", "encrypted_password", "user_pass", "api_key", "apiToken", "otp_secret", "salt", "crypted_password", "nonce_key", "logged_in_key"],
)  # fmt: skip
def test_columns_that_open_doors(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize(
    "name", ["body_hash", "sha1_hash", "password_changed_at", "passport_number", "compass", "tokenised_text", "keyboard", "monkey_key", "name"]
)
def test_columns_that_open_none(name: str) -> None:
    assert not is_secret(name)


def test_secrets_inside_values_are_left_behind(tmp_path: Path) -> None:
    script = """CREATE TABLE settings(name TEXT, value TEXT); CREATE TABLE things(id TEXT, json TEXT, php TEXT);
    INSERT INTO settings VALUES ('smtp_password', 'DOOR'), ('theme', 'dark');
    INSERT INTO things VALUES ('1', '{"hook": {"secret": "DO\\"OR", "url": "u"}, "n": 1.50}', 'a:2:{s:5:"token";s:4:"DOOR";s:1:"a";s:1:"b";}');"""
    text = "source: {system: x, tenant: y, database: acme.db}\nrecords:\n  - {kind: page, from: things, id: id}\n"
    found, items = read(mapped(tmp_path, text, script))
    assert "DOOR" not in repr(found)
    kept = json.loads(found["page:1"].native)
    assert kept == {
        "json": '{"hook": {"secret": "REMOVED-BY-REVERSA", "url": "u"}, "n": 1.50}',
        "php": 'a:2:{s:5:"token";s:18:"REMOVED-BY-REVERSA";s:1:"a";s:1:"b";}',
    }
    assert sorted(item.count for item in items if isinstance(item, Noted)) == [1, 2]
    assert [cell.value for cell in found["row:settings/#1"].cells] == ["theme", "dark"]


def test_no_secret_of_the_demo_vendor_leaves_it(tmp_path: Path) -> None:
    truth = write_ruche(tmp_path)
    mapping = (PROJECT / "reversa" / "demo" / "ruche" / "mapping.yaml").read_text(encoding="utf-8")
    (tmp_path / "ruche.yaml").write_text(mapping, encoding="utf-8")
    found, _ = read(tmp_path / "ruche.yaml", "cordee-solidaire")
    assert truth.secret_mark in (tmp_path / "ruche.sql").read_text(encoding="utf-8")
    assert truth.secret_mark not in repr(found)
    counts = Counter(id.partition(":")[0] for id, record in found.items() if not getattr(record, "placeholder", None))
    wanted = truth.customer("cordee-solidaire").counts
    assert {kind: counts[kind] for kind in wanted} == wanted


def test_a_reader_that_drops_a_row_does_not_balance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Live.batches

    def batches(reader: Live, table: Table) -> Iterator[Any]:
        yield from (item.slice(1) for item in whole(reader, table) if not isinstance(item, Damaged))

    monkeypatch.setattr(Live, "batches", batches)
    report = migrate(str(mapped(tmp_path)), f"sqlite:///{tmp_path / 'target.db'}", tmp_path / "run")
    assert "export-unexplained" in report.reasons


def test_every_row_is_accounted_for_at_the_end_of_the_road(tmp_path: Path) -> None:
    report = migrate(str(mapped(tmp_path)), f"sqlite:///{tmp_path / 'target.db'}", tmp_path / "run")
    assert report.verdict == "incomplete"
    assert report.reasons == ("source-unreadable",)  # the comment on what nobody knows
    balance = {line.kind: (line.seen, line.records, line.ignored, line.unreadable, line.unexplained) for line in report.export_balance}
    assert balance["user"] == (2, 3, 0, 0, 0)
    assert balance["comment"] == (3, 2, 0, 1, 0)
    assert balance["row"] == (4, 3, 1, 0, 0)
    assert not any(line.unexplained for line in report.export_balance)


@given(
    rows=st.lists(
        st.tuples(
            st.integers(-(2**63), 2**63 - 1) | st.none(), st.text(st.characters(exclude_categories=["Cs"])) | st.none(), st.binary() | st.none()
        ),
        max_size=20,
    ),
    key=st.booleans(),
)
@settings(max_examples=25)
def test_without_a_mapping_every_value_is_kept(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[Any, ...]], *, key: bool) -> None:
    path = tmp_path_factory.mktemp("any") / "any.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(f"CREATE TABLE t(n INTEGER, s TEXT, b BLOB, k INTEGER {'PRIMARY KEY' if key else ''})")
        connection.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", [(*row, number) for number, row in enumerate(rows)])
        connection.commit()
    found, _ = read(path)
    del found["table:t"]
    kept = sorted(tuple(sorted((cell.column, cell.value) for cell in record.cells)) for record in found.values())
    texts = [
        (("n", None if n is None else str(n)), ("s", s), ("b", None if b is None else "\\x" + b.hex()), ("k", str(k)))
        for k, (n, s, b) in enumerate(rows)
    ]
    assert kept == sorted(tuple(sorted(pair for pair in row if pair[1] is not None)) for row in texts)


# ------------------------------------------------------------------------------------------------ what is wrong

WRONG = [
    ("      username: login", "      username: logni", 9, "logni", "login"),
    ("    from: users\n    where: type = 'User'", "    from: usres\n    where: type = 'User'", 5, "usres", "users"),
    ("      username: login", "      usrname: login", 9, "usrname", "username"),
    ("  - kind: group", "  - kind: gruop", 13, "gruop", "group"),
    ("    where: type = 'Group'", "    where: type =", 15, "not SQL", ""),
    ("      username: login", "      username: frob(login)", 9, "frob", ""),
    ("      username: login", "      username: login, mail", 9, "one value", ""),
    ("      username: login", "      username: login) FROM users; DROP TABLE users; SELECT (login", 9, "", ""),
    ("zone: Europe/Paris", "zone: Europe/Pari", 2, "Europe/Pari", "Europe/Paris"),
    ("      target: {page: page_id}\n", "", 28, "target", ""),
    ("      target: {page: page_id}", "      target: {user: page_id}", 32, "user", ""),
    ("{Page: {page: commentable_id}", "{Page: {pages: commentable_id}", 40, "pages", "page"),
    ("values: {1: true, 3: false}", "values: {1: true, 1: false}", 11, "twice", ""),
    ("body: {html: body}", "body: {text: body}", 33, "format", ""),
    ("  sessions: {ignore: sessions of browsers}", "  session: {ignore: x}", 45, "session", "sessions"),
    ("users: prefs.user_id = users.id", "usrs: prefs.user_id = users.id", 44, "usrs", "users"),
    ("users: prefs.user_id = users.id", "users: prefs.userid = users.id", 44, "userid", "user_id"),
    ("mapping: 1", "mapping: 2", 1, "version", ""),
    ("    from: revisions\n", "    from: revisions JOIN pages p ON true\n", 29, "a join finds several rows", ""),
]


@pytest.mark.parametrize(("old", "new", "line", "said", "near"), WRONG, ids=lambda value: str(value)[:30])
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, old: str, new: str, line: int, said: str, near: str) -> None:
    assert old in MAPPING
    path = mapped(tmp_path, MAPPING.replace(old, new, 1))
    with pytest.raises(MappingError) as error, opened(path):
        pass
    assert error.value.message.startswith(f"{path}, line {line}: ")
    assert said in error.value.message
    assert near in error.value.hint


def test_sql_that_fails_on_one_row_names_its_entry(tmp_path: Path) -> None:
    path = mapped(tmp_path, MAPPING.replace("      username: login", "      order: login::int"))
    with pytest.raises(MappingError, match=r"line 4: the SQL of this entry fails on a row: .*'anna'") as error, opened(path):
        pass
    assert "TRY_CAST" in error.value.hint


def test_keys_that_lead_nowhere_known_are_none(tmp_path: Path) -> None:
    script = CUSTOMERS + "CREATE TABLE odd(a INT REFERENCES nowhere, b INT REFERENCES orgs, c INT, d INT, FOREIGN KEY (c, d) REFERENCES orgs);"
    script += "INSERT INTO odd VALUES (1, 2, 3, 4);"
    found, _ = read(mapped(tmp_path, DIVIDED, script), "bee")
    assert "row:odd/#0" in found


def test_tables_with_odd_names_are_read(tmp_path: Path) -> None:
    path = database(tmp_path, 'CREATE TABLE "a.b"(x TEXT); INSERT INTO "a.b" VALUES (1); CREATE TABLE ""(x TEXT); INSERT INTO "" VALUES (2);')
    found, _ = read(path)
    assert {"row:a.b/#0", "row:/#0"} <= found.keys()


TREE = """
CREATE TABLE pages(id INT, title TEXT, parent_id INT, path TEXT, lft INT, rgt INT);
CREATE TABLE paths(ancestor INT, descendant INT, depth INT);
INSERT INTO pages VALUES (1,'root',NULL,'/1/',1,10), (2,'a',1,'/1/2/',2,7), (13,'b',2,'/1/2/13/',3,4), (4,'c',2,'/1/2/4/',5,6), (5,'d',1,'/1/5/',8,9);
INSERT INTO paths VALUES (1,1,0),(2,2,0),(13,13,0),(4,4,0),(5,5,0),(1,2,1),(2,13,1),(2,4,1),(1,5,1),(1,13,2),(1,4,2);
"""


@pytest.mark.parametrize("kind", ["regexp_extract", "arg_max", "closure"])
def test_trees_as_the_manual_says(tmp_path: Path, kind: str) -> None:
    manual = (PROJECT / "docs" / "mapping.md").read_text(encoding="utf-8")
    recipes = {
        name: recipe for recipe in re.findall(r"`\{page: (.*?)\}`", manual, re.DOTALL) for name in ("regexp_extract", "arg_max") if name in recipe
    }
    tables, recipe = ("pages LEFT JOIN paths ON descendant = id AND depth = '1'", "ancestor") if kind == "closure" else ("pages", recipes[kind])
    text = f"source: {{system: x, tenant: y, database: acme.db}}\nrecords:\n  - kind: page\n    from: {tables}\n    id: id\n    fields:\n      parent: {{page: {recipe}}}\n"
    found, _ = read(mapped(tmp_path, text, TREE))
    assert {id: record.parent for id, record in found.items() if id.startswith("page:")} == {
        "page:1": None, "page:2": "page:1", "page:13": "page:2", "page:4": "page:2", "page:5": "page:1",
    }  # fmt: skip


def test_two_entries_on_one_id_are_refused(tmp_path: Path) -> None:
    text = (
        MAPPING.replace("  - kind: group\n", "  - kind: user\n")
        .replace("fields: {name: login}", "fields: {username: login}")
        .replace("'Group'", "'User'")
    )
    with pytest.raises(MappingError, match="line 16: another entry has made a user with the id"), opened(mapped(tmp_path, text)):
        pass


def test_ids_that_the_source_uses_twice_become_twins(tmp_path: Path) -> None:
    script = "CREATE TABLE notes(code TEXT, txt TEXT); INSERT INTO notes VALUES ('a', 'one'), ('a', 'two'), (NULL, 'three');"
    text = "source: {system: x, tenant: y, database: acme.db}\nrecords:\n  - {kind: page, from: notes, id: code, fields: {title: txt}}\n"
    report = migrate(str(mapped(tmp_path, text, script)), f"sqlite:///{tmp_path / 'target.db'}", tmp_path / "run")
    (balance,) = report.export_balance
    assert (balance.seen, balance.records, balance.unreadable, balance.unexplained) == (3, 2, 1, 0)
    assert "page.id.twin" in {line.change.code for line in report.changes}


@pytest.mark.parametrize(
    "text", ["", "a: [", "- x", "source: {system: a}", "&a [*a]", "source: 3", "\x00", "{a: 1, a: 2}", "[" * 1000], ids=lambda text: repr(text[:10])
)
def test_a_file_that_is_no_mapping(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(MappingError):
        read_mapping(path)


def test_the_sql_of_a_mapping_reads_no_file(tmp_path: Path) -> None:
    text = MAPPING.replace("      username: login", "      username: (SELECT max(content) FROM read_text('/etc/hostname'))")
    with pytest.raises(MappingError, match="line 9: "), opened(mapped(tmp_path, text)):
        pass


def test_the_manual_shows_a_mapping_that_is_read(tmp_path: Path) -> None:
    manual = (PROJECT / "docs" / "mapping.md").read_text(encoding="utf-8")
    path = tmp_path / "acme.yaml"
    path.write_text(manual.split("```yaml\n")[1].split("```")[0], encoding="utf-8")
    assert {entry.kind for entry in read_mapping(path).entries} == {"user", "page", "revision", "comment", "file"}


# ------------------------------------------------------------------------------------------------ values

_FIELD = {f.name: f for kind in ("deal", "task", "page") for f in fields(kind)}


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("created_at", "2024-03-01 10:00:00.123456+01", datetime(2024, 3, 1, 9, 0, 0, 123456, UTC)),
        ("created_at", "2024-03-01T10:00:00Z", datetime(2024, 3, 1, 10, tzinfo=UTC)),
        ("created_at", "1709287200", datetime(2024, 3, 1, 10, tzinfo=UTC)),
        ("created_at", "1709287200000", datetime(2024, 3, 1, 10, tzinfo=UTC)),
        ("created_at", "20240301100000", datetime(2024, 3, 1, 10, tzinfo=UTC)),
        ("created_at", "2024-10-27 02:30:00", Kept("2024-10-27 02:30:00", datetime(2024, 10, 27, 0, 30, tzinfo=UTC))),  # twice that day
        ("created_at", "2024-03-01 10:00:00.1234567Z", Kept("2024-03-01 10:00:00.1234567Z", datetime(2024, 3, 1, 10, 0, 0, 123456, UTC))),
        ("created_at", "0000-00-00 00:00:00", Kept("0000-00-00 00:00:00")),
        ("created_at", "10000-01-01 00:00:00+00", Kept("10000-01-01 00:00:00+00")),
        ("created_at", "-infinity", Kept("-infinity")),
        ("created_at", "20240301", Kept("20240301", datetime(2024, 2, 29, 23, tzinfo=UTC))),
        ("created_at", "0", Kept("0")),
        ("created_at", "0001-01-01 00:00:00+14", Kept("0001-01-01 00:00:00+14")),
        ("close_date", "2024-03-01", datetime(2024, 3, 1).date()),  # noqa: DTZ001 - a date
        ("close_date", "2024-02-30", Kept("2024-02-30")),
        ("order", "12", 12),
        ("order", "9007199254740993", Kept("9007199254740993")),
        ("order", "1.5", Kept("1.5")),
        ("amount", "12345678901234567890123456789012345.678", "12345678901234567890123456789012345.678"),
        ("amount", "1e5", Kept("1e5")),
        ("due", "2024-03-01 10:00:00", "2024-03-01T10:00:00"),
        ("state", "deleted", "deleted"),
        ("state", "gone", Kept("gone")),
        ("parent", "page:1", "page:1"),
        ("parent", "user:1", Kept("user:1")),
        ("parent", "page:", Kept("page:")),
        ("title", "\x00", "\x00"),
    ],
)
def test_texts_and_values(field: str, text: str, value: object) -> None:
    (found,) = convert([text], _FIELD[field], ZoneInfo("Europe/Paris"))
    assert found == value


def test_a_time_without_a_zone_is_not_guessed() -> None:
    assert convert(["2024-03-01 10:00:00"], _FIELD["created_at"], None) == [Kept("2024-03-01 10:00:00")]


@pytest.mark.parametrize(
    ("text", "json_text"),
    [
        ('a:2:{i:0;s:1:"x";i:1;d:0.1;}', '["x", "0.1"]'),
        ('O:8:"stdClass":1:{s:1:"a";b:1;}', '{"__class": "stdClass", "a": true}'),
        ("nonsense", None),
        ('s:9:"cut', None),
        ("a:1:{i:0;" * 200, None),
        ("i:" + "9" * 5000 + ";", None),
        ('a:1:{s:4:"name";s:3:"abc', None),
        (None, None),
    ],
)
def test_serialised_values_are_data(text: str | None, json_text: str | None) -> None:
    assert php_to_json(text) == json_text


@pytest.mark.parametrize("header", [zlib.MAX_WBITS, zlib.MAX_WBITS | 16, -zlib.MAX_WBITS])
def test_compressed_texts_are_texts(header: int) -> None:
    packer = zlib.compressobj(wbits=header)
    packed = packer.compress("Réunion 🎈".encode()) + packer.flush()
    assert inflated("\\x" + packed.hex()) == "Réunion 🎈"
    assert inflated("\\x" + packed[:-6].hex()) is None, "cut"


def test_what_is_no_compressed_text_gives_none_and_a_bomb_does_not_go_off(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [inflated(text) for text in (None, "", "plain", "\\x0", "\\x00ff", "\\x" + zlib.compress(b"\xff\xfe").hex())] == [None] * 6
    monkeypatch.setattr("reversa.systems.mapped.inflating.LARGEST", 1000)
    assert inflated("\\x" + zlib.compress(b"a" * 1000).hex()) == "a" * 1000
    assert inflated("\\x" + zlib.compress(b"a" * 1001).hex()) is None


def test_a_mapping_reads_a_compressed_column(tmp_path: Path) -> None:
    script = f"CREATE TABLE t(id TEXT, data BLOB); INSERT INTO t VALUES ('1', x'{zlib.compress(b'old text').hex()}'), ('2', NULL);"
    text = "source: {system: x, tenant: y, database: acme.db}\nrecords:\n  - {kind: page, from: t, id: id, fields: {title: inflated(data)}}\n"
    found, _ = read(mapped(tmp_path, text, script))
    assert [found[f"page:{id}"].title for id in "12"] == ["old text", None]


# ------------------------------------------------------------------------------------------------ files, customers, commands


def test_contents_lie_below_the_folder_of_files_and_nowhere_else(tmp_path: Path) -> None:
    script = "CREATE TABLE f(id TEXT, path TEXT); INSERT INTO f VALUES ('1','a/x.txt'),('2','../secret'),('3','/etc/passwd'),('4','gone'),('5','link'),('6',NULL);"
    text = (
        "source: {system: x, tenant: y, database: acme.db, files: up/}\nrecords:\n"
        "  - {kind: file, from: f, id: id, content: path, fields: {target: \"'page:1'\", name: path}}\n"
    )
    (tmp_path / "secret").write_text("secret", encoding="utf-8")
    (tmp_path / "up" / "a").mkdir(parents=True)
    (tmp_path / "up" / "a" / "x.txt").write_text("x", encoding="utf-8")
    (tmp_path / "up" / "link").symlink_to(tmp_path / "secret")
    found, items = read(mapped(tmp_path, text, script))
    assert [item.blob for item in items if isinstance(item, Attached)] == ["a/x.txt"]
    assert [item.detail for item in items if isinstance(item, Noted)] == ["../secret", "/etc/passwd", "gone", "link"]
    assert found["file:4"].availability == "absent"


def test_contents_lie_in_the_rows_themselves(tmp_path: Path) -> None:
    script = (
        "CREATE TABLE f(id TEXT, name TEXT, data BLOB, owner TEXT); CREATE TABLE people(id TEXT, nick TEXT); INSERT INTO people VALUES ('7','anna');"
        "INSERT INTO f VALUES ('1','a.bin',x'00ff41','7'), ('2','b.txt','a text é','7'), ('3','none',NULL,'7'), ('4','empty',x'','7');"
    )
    text = (
        "source: {system: x, tenant: y, database: acme.db}\nrecords:\n"
        "  - {kind: file, from: f JOIN people p ON p.id = f.owner, id: f.id, content: {bytes: data}, fields: {target: \"'page:1'\", name: f.name}}\n"
    )
    mapping = mapped(tmp_path, text, script)
    _, items = read(mapping)
    with contextlib.closing(MappedExporter.open(Locator("mapped", str(mapping)), Options())) as exporter:
        held = [item for item in exporter.items() if isinstance(item, Attached)]
        assert [(item.record.id, exporter.open_blob(item.blob).read()) for item in held] == [
            ("1", b"\x00\xffA"),
            ("2", "a text é".encode()),
            ("4", b""),
        ]
    assert all("data" not in (item.record.native or "") for item in items if isinstance(item, Attached)), "carried, and not kept twice"
    assert migrate(str(mapping), f"sqlite:///{tmp_path / 'home.db'}", tmp_path / "run").verdict == "verified"
    contents = {record.id: record.sha256 for record, _ in Package(tmp_path / "run" / "package").records("file") if isinstance(record, File)}
    assert contents == {
        id: None if data is None else hashlib.sha256(data).hexdigest()
        for id, data in (("1", b"\x00\xffA"), ("2", "a text é".encode()), ("3", None), ("4", b""))
    }


def test_contents_are_those_of_the_rows_that_the_entry_takes(tmp_path: Path) -> None:
    """Of several rows of a join the one that `where` takes; of two entries on one line each its own."""
    script = (
        "CREATE TABLE a(id TEXT, data TEXT); CREATE TABLE b(a TEXT, kind TEXT, data TEXT); INSERT INTO a VALUES ('1','own');"
        "INSERT INTO b VALUES ('1','small','thumb'), ('1','original','whole');"
    )
    fields = "fields: {target: \"'page:1'\"}"
    text = (
        "source: {system: x, tenant: y, database: acme.db}\nrecords: ["
        f"{{kind: file, from: a JOIN b ON b.a = a.id, where: b.kind = 'original' OR false, id: a.id, content: {{bytes: b.data}}, {fields}}}, "
        f"{{kind: file, from: a, id: \"'a' || id\", native: false, content: {{bytes: data}}, {fields}}}]\n"
    )
    with contextlib.closing(MappedExporter.open(Locator("mapped", str(mapped(tmp_path, text, script))), Options())) as exporter:
        contents = {item.record.id: exporter.open_blob(item.blob).read() for item in exporter.items() if isinstance(item, Attached)}
    assert contents == {"1": b"whole", "a1": b"own"}


@pytest.mark.parametrize("given", ["fields: {title: password}", "fields: {title: \"'x' || password\"}"])
def test_a_secret_that_a_mapping_asks_for_is_refused(given: str, tmp_path: Path) -> None:
    text = f"source: {{system: x, tenant: y, database: acme.db}}\nrecords:\n  - {{kind: page, from: f, id: id, {given}}}\n"
    with pytest.raises(MappingError, match=r"line 3: `password` is called like what opens a door"):
        read(mapped(tmp_path, text, "CREATE TABLE f(id TEXT, password TEXT)"))


def test_columns_that_would_meet_in_the_scratch_database_are_told_apart(tmp_path: Path) -> None:
    assert list(distinct(["a", "a~2", "A", "reversa_row", "a~2"])) == ["a", "a~2", "A~3", "reversa_row~2", "a~2~2"]
    script = 'CREATE TABLE f(id TEXT, reversa_row TEXT, "A~2" TEXT); INSERT INTO f VALUES (1, 2, 3)'
    text = "source: {system: x, tenant: y, database: acme.db}\nrecords:\n  - {kind: page, from: f, id: id}\n"
    found, _ = read(mapped(tmp_path, text, script))
    assert json.loads(found["page:1"].native or "") == {"reversa_row~2": "2", "A~2": "3"}


def test_content_in_a_column_is_of_a_table(tmp_path: Path) -> None:
    text = (
        "source: {system: x, tenant: y, database: acme.db}\nviews: {v: SELECT * FROM f}\nrecords:\n"
        "  - {kind: file, from: v, id: id, content: {bytes: data}, fields: {target: \"'page:1'\"}}\n"
    )
    with pytest.raises(MappingError, match=r"line 4: content is read from a column of a table"):
        read(mapped(tmp_path, text, "CREATE TABLE f(id TEXT, data BLOB)"))


CUSTOMERS = """
CREATE TABLE orgs(id INTEGER PRIMARY KEY, slug TEXT);
CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE members(org_id INT REFERENCES orgs(id), person_id INT REFERENCES people(id));
CREATE TABLE spaces(id INTEGER PRIMARY KEY, org_id INT REFERENCES orgs(id), name TEXT);
CREATE TABLE pages(id INTEGER PRIMARY KEY, space_id INT REFERENCES spaces(id), parent_id INT REFERENCES pages(id), title TEXT, author_id INT REFERENCES people(id));
CREATE TABLE notes(id INTEGER PRIMARY KEY, what TEXT, what_id INT, txt TEXT);
CREATE TABLE countries(code TEXT PRIMARY KEY);
INSERT INTO orgs VALUES (1,'acme'), (2,'bee');
INSERT INTO people VALUES (1,'anna'), (2,'bob'), (3,'both'), (4,'nobody');
INSERT INTO members VALUES (1,1), (2,2), (1,3), (2,3);
INSERT INTO spaces VALUES (1,1,'s-acme'), (2,2,'s-bee'), (3,NULL,'lost');
INSERT INTO pages VALUES (1,1,NULL,'canary-acme',1), (2,2,NULL,'canary-bee',2), (3,2,1,'crossing',3), (4,3,NULL,'lost',NULL);
INSERT INTO notes VALUES (1,'page',1,'on acme'), (2,'page',2,'on bee'), (3,'page',99,'gone');
INSERT INTO countries VALUES ('fr');
"""
DIVIDED = """source: {system: x, tenant: all, database: acme.db}
records:
  - {kind: user, from: people, id: id, fields: {display_name: name}}
  - {kind: page, from: pages, id: id, fields: {title: title, parent: {page: parent_id}, created_by: {user: author_id}}}
customers:
  table: orgs
  id: id
  name: slug
  shared: [countries]
  several: [people]
  claims:
    people: {members: members.person_id = people.id}
    notes: {pages: what = 'page' AND what_id = pages.id}
  canaries: {acme: [canary-acme], bee: [canary-bee]}
"""


def test_a_split_puts_every_row_where_it_belongs(tmp_path: Path) -> None:
    path = mapped(tmp_path, DIVIDED, CUSTOMERS)
    done = CliRunner().invoke(main, ["split", str(path), str(tmp_path / "out")])
    assert done.exit_code == 3, done.output  # there are rows that nobody claims
    proof = json.loads((tmp_path / "out" / "split.json").read_text(encoding="utf-8"))
    assert [(part["customer"], part["canaries"], part.get("foreign", [])) for part in proof["parts"]] == [("acme", 1, []), ("bee", 1, [])]
    tables = {table["name"]: table for table in proof["tables"]}
    assert tables["pages"]["customers"] == {"acme": 1, "bee": 2}
    assert (tables["people"]["customers"], tables["people"]["several"], tables["people"]["unclaimed"]) == ({"acme": 1, "bee": 1}, 1, 1)
    assert (tables["countries"]["shared"], tables["notes"]["unclaimed"], tables["spaces"]["unclaimed"]) == (1, 1, 1)
    for table in tables.values():
        assert table["rows"] == sum(table["customers"].values()) + table["several"] + table["shared"] + table["unclaimed"]
    assert (tmp_path / "out" / "crossings.csv").read_text(encoding="utf-8").splitlines() == [
        "table,row,customer,refers to,of customer",
        "pages,3,bee,pages,acme",
    ]
    assert len((tmp_path / "out" / "unclaimed.csv").read_text(encoding="utf-8").splitlines()) == 1 + 4


def test_one_customer_gets_nothing_of_another(tmp_path: Path) -> None:
    path = mapped(tmp_path, DIVIDED, CUSTOMERS)
    acme, _ = read(path, "acme")
    bee, _ = read(path, "bee")
    assert "canary-bee" not in repr(acme)
    assert "canary-acme" not in repr(bee)
    assert {"user:1", "user:3", "page:1", "row:countries/fr"} <= acme.keys()
    assert {"user:2", "user:3", "page:2", "page:3", "row:countries/fr"} <= bee.keys()
    assert not acme.keys() & {"user:2", "user:4", "page:2", "page:4"}


def test_a_canary_of_another_fails_the_proof(tmp_path: Path) -> None:
    script = CUSTOMERS + "UPDATE pages SET title = 'stolen canary-acme' WHERE id = 2; UPDATE pages SET title = 'its own' WHERE id = 1;"
    done = CliRunner().invoke(main, ["split", str(mapped(tmp_path, DIVIDED, script)), str(tmp_path / "out")])
    assert done.exit_code == 1
    proof = json.loads((tmp_path / "out" / "split.json").read_text(encoding="utf-8"))
    assert {part["customer"]: (part["canaries"], part.get("foreign", [])) for part in proof["parts"]} == {"acme": (0, []), "bee": (0, ["page:2"])}


def test_many_customers_are_never_one_package(tmp_path: Path) -> None:
    path = mapped(tmp_path, DIVIDED, CUSTOMERS)
    with pytest.raises(SourceError, match="2 customers"):
        migrate(str(path), f"sqlite:///{tmp_path / 't.db'}", tmp_path / "run")
    with pytest.raises(SourceError, match="no customer 'acne'"):
        migrate(str(path), f"sqlite:///{tmp_path / 't.db'}", tmp_path / "run", tenant="acne")


def test_coverage_counts_every_row_once(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["map", "check", str(mapped(tmp_path)), "--json"])
    assert done.exit_code == 0, done.output
    tables = {table["table"]: table for table in json.loads(done.output)["tables"]}
    assert tables["users"]["mapped"] == {"user": 2, "group": 1}
    assert set(tables["users"]["columns"]) == {"id", "login"}  # what only one of the two entries carries is beside the other
    assert tables["users"]["secret"] == ["password_digest"]
    assert (tables["prefs"]["within"], tables["prefs"]["kept"]) == (3, 1)
    assert (tables["strange"]["kept"], tables["sessions"]["ignored"]) == (2, "sessions of browsers")
    assert Counter(table["rows"] for table in tables.values()).total() == 7


def test_the_headline_says_how_little_is_usable_yet(tmp_path: Path) -> None:
    text = MAPPING.partition("  - kind: page")[0]
    report = migrate(str(mapped(tmp_path, text)), f"sqlite:///{tmp_path / 'target.db'}", tmp_path / "run")
    assert "15.8% of the items have a meaning here (16 are kept as rows of tables)" in " ".join(render_text(report, "en").split())
