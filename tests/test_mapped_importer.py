"""The importer of a successor's own tables: beside the shared suite of test_adapters.py, on servers too."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from reversa.adapter import Locator, Options, Source
from reversa.errors import LocatorError, MappingError, TargetError
from reversa.importers.mapped import MappedImporter
from reversa.migrating import Road
from reversa.records import Body, Grant, Page, Record, Revision, Space, Task, User, ref
from reversa.systems.mapped.returning import known_as
from reversa.testing import ImporterSuite
from reversa.testing.given import pack
from reversa.testing.trial import units_of
from tests.servers import Database, Server
from tests.successor import KEY, TIME, statements, write_mapping


class Nothing:
    """A session of records without content."""

    def open_blob(self, sha256: str) -> BinaryIO:
        raise AssertionError(sha256)


class _OnServer(ImporterSuite):
    system = "mapped"
    _server: Server
    _made: contextlib.ExitStack
    test_any_records_arrive = None  # a minute and more, and the same on SQLite
    test_every_declared_change_happens = None  # an id over 2,000 bytes, U+0000 in every field: the kit's records hold not so much

    def target(self, folder: Path) -> str:
        database = self._made.enter_context(self._server())
        for statement in statements(database.system):
            database.run(statement)
        return str(write_mapping(folder, database.url))


@pytest.mark.servers
class TestOnPostgreSQL(_OnServer):
    @pytest.fixture(autouse=True)
    def server(self, postgresql: Server) -> Iterator[None]:
        with contextlib.ExitStack() as self._made:
            self._server = postgresql
            yield


@pytest.mark.servers
class TestOnMariaDB(_OnServer):
    @pytest.fixture(autouse=True)
    def server(self, mariadb: Server) -> Iterator[None]:
        with contextlib.ExitStack() as self._made:
            self._server = mariadb
            yield


# ------------------------------------------------------------------------------------------------ a small application

SCHEMA = """
CREATE TABLE people (id {key}, login VARCHAR(40) NOT NULL, password VARCHAR(40) NOT NULL, kind VARCHAR(10) NOT NULL);
CREATE TABLE pages (
    id {key}, title VARCHAR(80) NOT NULL CHECK (title <> 'forbidden'), parent_id INTEGER REFERENCES pages (id),
    author_id INTEGER REFERENCES people (id), made {time}
);
CREATE TABLE texts (id {key}, page_id INTEGER NOT NULL REFERENCES pages (id), version INTEGER NOT NULL, data {bytes});
CREATE TABLE current (page_id INTEGER NOT NULL PRIMARY KEY, words {text}, version INTEGER NOT NULL)
"""
MAPPING = """mapping: 1
source: {system: small, tenant: demo, database: "@", zone: UTC}
records:
  - kind: user
    from: people
    where: kind = 'user'
    id: id
    fields: {username: login}
    write: {password: '', kind: user, login: nobody}
  - kind: page
    from: pages
    id: id
    fields:
      title: replace(title, '_', ' ')
      parent: {page: parent_id}
      created_by: {user: author_id}
      created_at: made
    write: {}
  - kind: revision
    from: texts
    id: id
    fields:
      target: {page: page_id}
      number: version
      body: {plain: utf8(data)}
    write: {}
    also:
      - current: {page_id: {column: page_id}, words: {column: data}, version: {column: version}}
"""
BYTES = {"sqlite": "BLOB", "postgresql": "BYTEA", "mariadb": "LONGBLOB"}
AT = datetime(2024, 3, 1, 10, tzinfo=UTC)


@pytest.fixture
def small(database: Database, tmp_path: Path) -> Path:
    """The mapping of an application that people use already."""
    system = database.system
    for statement in SCHEMA.format(key=KEY[system], time=TIME[system], bytes=BYTES[system], text="TEXT").split(";"):
        database.run(statement)
    if system == "mariadb":
        for name in ("people", "pages", "texts", "current"):
            database.run(f"ALTER TABLE {name} CONVERT TO CHARACTER SET utf8mb4")
    database.run("INSERT INTO people (login, password, kind) VALUES ('owner', 'secret of owner', 'user')")
    database.run("INSERT INTO pages (title, author_id) VALUES ('Welcome', 1)")
    database.run("INSERT INTO current (page_id, words, version) VALUES (1, 'hello', 1), (7, 'left over', 1)")
    return write(tmp_path, database.url)


def write(folder: Path, url: str, mapping: str = MAPPING) -> Path:
    path = folder / "small.yaml"
    path.write_text(mapping.replace("@", url.removeprefix("sqlite:///")), encoding="utf-8")
    return path


def page(id: str, title: str = "A page", **values: Any) -> Page:
    return Page(id=id, root=ref("page", id), title=title, created_at=AT, **values)


def revision(id: str, page: str, number: str, text: str = "words") -> Revision:
    return Revision(id=id, root=ref("page", page), order=int(number), target=ref("page", page), number=number, body=Body(format="plain", text=text))


PEOPLE = [User(id=id, root=ref("user", id), username=f"{id}@vendor.example") for id in ("ann", "ben")]


def carry(records: Sequence[Record], mapping: Path, folder: Path) -> Road:
    """A run that has been verified."""
    road = Road(folder / "run")
    road.export(f"package:{pack(folder / 'package', records).folder}")
    road.plan(f"mapped:{mapping}")
    road.accept(None, lambda _: "a test")
    road.import_()
    return road


@contextlib.contextmanager
def opened(mapping: Path) -> Iterator[MappedImporter]:
    with contextlib.closing(MappedImporter.open(Locator("mapped", str(mapping)), Options(source=Source("given", "acme")))) as importer:
        yield importer


def rows(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    return {name: database.run(f"SELECT * FROM {name} ORDER BY 1") for name in ("people", "pages", "texts", "current")}


def test_rows_that_were_there_stay_and_undo_leaves_them_alone(database: Database, small: Path, tmp_path: Path) -> None:
    before = rows(database)
    records = [*PEOPLE, page("p", created_by=ref("user", "ann")), revision("r1", "p", "1", "old"), revision("r2", "p", "2", "nouveau é 倉庫")]
    road = carry(records, small, tmp_path)
    assert road.verify().verdict == "verified"

    after = rows(database)
    assert all(set(some) <= set(after[name]) for name, some in before.items())
    assert database.run("SELECT password FROM people WHERE id > 1") == [("",), ("",)]
    ((key,),) = database.run("SELECT id FROM pages WHERE title = 'A_page'")
    assert key > 7, "its key is also that of a row in another table, which must not be there already"
    assert database.run("SELECT words, version FROM current WHERE page_id = ?", (key,)) == [("nouveau é 倉庫", 2)]
    (data,) = next(iter(database.run("SELECT data FROM texts WHERE version = 2")))
    assert bytes(data).decode() == "nouveau é 倉庫"

    road.undo()
    assert rows(database) == before
    assert "reversa" not in database.dump()


def test_the_application_goes_on_after_our_keys(database: Database, small: Path, tmp_path: Path) -> None:
    carry([page("p"), revision("r", "p", "1")], small, tmp_path)
    database.run("INSERT INTO pages (title) VALUES ('written by a person')")
    database.run("INSERT INTO texts (page_id, version) VALUES (1, 1)")
    assert len(database.run("SELECT id FROM pages")) == 3


def test_what_was_written_before_a_crash_is_not_written_twice(database: Database, small: Path, tmp_path: Path) -> None:
    records = [*PEOPLE, page("p"), revision("r", "p", "1")]
    with opened(small) as importer:  # written, and nobody put it down
        list(importer.write([importer.shape(unit) for unit in units_of(records)], Nothing()))
    before = rows(database)
    report = carry(records, small, tmp_path).verify()
    assert report.verdict == "verified"
    assert rows(database) == before


def test_a_reference_to_what_comes_later_is_put_right(database: Database, small: Path) -> None:
    with opened(small) as importer:
        for records in ([page("child", "Child", parent=ref("page", "above"))], [page("above", "Above")]):
            list(importer.write([importer.shape(unit) for unit in units_of(records)], Nothing()))
            pages = {title: (key, parent) for key, title, parent in database.run("SELECT id, title, parent_id FROM pages")}
            assert pages["Child"][1] == (pages["Above"][0] if "Above" in pages else None)


def test_a_refused_row_refuses_its_unit_and_no_other(database: Database, small: Path, tmp_path: Path) -> None:
    records = [page(f"p{number}", "forbidden" if number == 5 else f"Page {number}") for number in range(9)]
    road = carry([*records, revision("r", "p5", "1"), revision("s", "p6", "1")], small, tmp_path)
    report = road.verify()
    assert report.verdict == "incomplete"
    assert {balance.kind: (balance.written, balance.refused, balance.blocked) for balance in report.import_balance} == {
        "page": (8, 1, 0),
        "revision": (1, 0, 1),
    }
    assert len(database.run("SELECT id FROM pages")) == 9


def test_what_cannot_be_without_something_that_is_not_there_is_refused(database: Database, small: Path, tmp_path: Path) -> None:
    lost = Revision(id="r", root=ref("revision", "r"), target=ref("page", "nowhere"), number="1", body=Body(format="plain", text="x"))
    report = carry([lost, page("p")], small, tmp_path).verify()
    assert (report.verdict, report.reasons) == ("incomplete", ("refused",))
    assert database.run("SELECT id FROM texts") == []


def test_drafts_and_deleted_pages_stay_out_with_their_revisions(database: Database, small: Path, tmp_path: Path) -> None:
    records = [page("seen"), page("draft", state="draft"), page("gone", state="deleted"), revision("r", "gone", "1"), revision("s", "seen", "1")]
    report = carry(records, small, tmp_path).verify()
    assert report.verdict == "verified"
    assert {line.change.code: line.planned for line in report.changes if line.planned} == {
        "mapped.page.state.unseen": 2,
        "mapped.revision.target.needed": 1,
    }
    assert len(database.run("SELECT id FROM texts")) == 1


def test_what_a_person_changed_is_seen(database: Database, small: Path, tmp_path: Path) -> None:
    road = carry([page("p"), page("q", "Another")], small, tmp_path)
    database.run("UPDATE pages SET title = 'An_other' WHERE title = 'Another'")
    report = road.verify()
    assert (report.verdict, [finding.id for finding in report.findings]) == ("different", ["q"])


def test_undo_asks_for_the_file_that_wrote(database: Database, small: Path, tmp_path: Path) -> None:
    road = carry([page("p"), revision("r", "p", "1")], small, tmp_path)
    whole, before = small.read_text(encoding="utf-8"), rows(database)
    small.write_text(whole.partition("  - kind: revision")[0], encoding="utf-8")
    with pytest.raises(TargetError, match="does not write revision any more"):
        road.undo()
    assert rows(database) == before
    small.write_text(whole, encoding="utf-8")
    road.undo()
    assert database.run("SELECT id FROM texts") == []


WRONG = {
    "a join": ("from: pages\n", "from: pages p JOIN people o ON true\n", 11, "plain columns", "The name of one table"),
    "an expression": ("title: replace(title, '_', ' ')", "title: upper(title)", 14, "plain columns", "replace(column, 'a', 'b')"),
    "an expression as a reference": ("{page: parent_id}", "{page: upper(parent_id)}", 15, "plain columns", "column"),
    "SQL as a reference": ("{user: author_id}", "author_id", 16, "plain columns", "{KIND: column}"),
    "a column that is not there": ("{user: author_id}", "{user: autor_id}", 16, "no column 'autor_id'", "author_id"),
    "a table that is not there": ("from: texts", "from: text", 20, "no table 'text'", "texts"),
    "a filled column that is not there": ("password: ''", "pasword: '', password: ''", 9, "no column 'pasword'", "password"),
    "a column that nothing gives": ("password: '', ", "", 9, "cannot be without 'password'", "password: TEXT"),
    "a column of another table": ("also:\n      - current: {page_id", "also:\n      - current: {pageid", 28, "no column 'pageid'", "page_id"),
    "another table's column that nothing gives": (", version: {column: version}}", "}", 28, "cannot be without 'version'", "version: TEXT"),
    "a value of a column that has none": ("words: {column: data}", "words: {column: text}", 28, "nothing puts a value into 'text'", "data"),
    "a filling that is none": ("words: {column: data}", "words: {field: body}", 28, "no `field`", "column"),
    "bytes as a text": ("utf8(data)", "data", 25, "`data` takes bytes", "utf8(column)"),
    "a text as bytes": ("number: version", "number: utf8(version)", 24, "takes no bytes", "utf8(column)"),
    "times without a zone": (", zone: UTC", "", 17, "name no zone", "zone"),
    "a column of two fields": ("created_by: {user: author_id}", "name: title", 10, "`title` is read by `title` and by `name`", ""),
    "rows beside what is not written": ("    write: {}\n    also:", "    also:", 27, "`write` is missing", "write: {}"),
    "a kind that two entries write": (
        "  - kind: page",
        "  - {kind: user, from: people, id: id, write: {}}\n  - kind: page",
        10,
        "another entry writes user already",
        "Leave out",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_mistake_is_named_with_its_line(what: str, tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "target.db")) as made:
        made.executescript(SCHEMA.format(key=KEY["sqlite"], time="DATETIME", bytes="BLOB", text="TEXT"))
    old, new, line, says, hint = WRONG[what]
    assert old in MAPPING
    mapping = write(tmp_path, str(tmp_path / "target.db"), MAPPING.replace(old, new, 1))
    with pytest.raises(MappingError) as error, opened(mapping):
        pass
    assert f"line {line}: " in str(error.value)
    assert says in str(error.value)
    assert hint in (error.value.hint or "")


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("tables.db", None, "is no mapping file"),
        ("read.yaml", "source: {system: a, tenant: b, database: c.db}\n", "and not how to write it"),
        ("dump.yaml", MAPPING.replace("@", "dump.sql"), "is no database that can be written"),
    ],
)
def test_what_cannot_be_written_is_answered(name: str, text: str | None, says: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(LocatorError, match=says), opened(tmp_path / name):
        pass


# ------------------------------------------------------------------------------------------------ nobody gets more than before


def application(folder: Path, schema: str, records: str) -> Path:
    """A SQLite application with these tables, and its mapping."""
    with contextlib.closing(sqlite3.connect(folder / "app.db")) as database:
        database.executescript(schema)
    return write(folder, str(folder / "app.db"), f'mapping: 1\nsource: {{system: app, tenant: t, database: "@", zone: UTC}}\nrecords:\n{records}')


def shown(folder: Path, query: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(folder / "app.db")) as database:
        return database.execute(query).fetchall()


def grant(id: str, **values: Any) -> Grant:
    given = {"effect": "allow", "right": "view", "target": ref("space", "s"), "principal": ref("user", "ann")} | values
    return Grant(id=id, root=ref("space", "s"), **given)


def test_what_keeps_people_out_is_not_opened(tmp_path: Path) -> None:
    """A private space without a column for it, a deny, and a grant with an end: they stay out, planned and counted."""
    mapping = application(
        tmp_path,
        "CREATE TABLE spaces (id INTEGER PRIMARY KEY, title TEXT, is_public INTEGER DEFAULT 1); CREATE TABLE people (id INTEGER PRIMARY KEY, login TEXT);"
        "CREATE TABLE rights (id INTEGER PRIMARY KEY, space INTEGER, person INTEGER, what TEXT)",
        "  - {kind: user, from: people, id: id, fields: {username: login}, write: {}}\n"
        "  - {kind: space, from: spaces, id: id, fields: {title: title}, write: {}}\n"
        "  - {kind: grant, from: rights, id: id, write: {},\n"
        "     fields: {target: {space: space}, principal: {user: person}, effect: {is: allow}, right: what}}\n",
    )
    space = Space(id="s", root=ref("space", "s"), title="Open", visibility="public")
    private = Space(id="x", root=ref("space", "x"), title="Closed", visibility="private")
    grants = [grant("yes"), grant("no", effect="deny"), grant("until", until=AT), grant("all", principal=None, audience="anyone")]
    report = carry([PEOPLE[0], space, private, *grants], mapping, tmp_path).verify()
    assert report.verdict == "verified"
    assert shown(tmp_path, "SELECT title FROM spaces") == [("Open",)]
    assert shown(tmp_path, "SELECT count(*) FROM rights") == [(1,)]
    assert {line.change.code: line.planned for line in report.changes if line.planned and line.change.effect == "skipped"} == {
        "mapped.space.visibility.unseen": 1,
        "mapped.grant.effect.unseen": 1,
        "mapped.grant.until.unseen": 1,
        "mapped.grant.audience.unseen": 1,
    }


def test_a_row_of_somebody_never_makes_room(tmp_path: Path) -> None:
    mapping = application(
        tmp_path,
        "CREATE TABLE pages (id INTEGER PRIMARY KEY, title TEXT UNIQUE ON CONFLICT REPLACE); INSERT INTO pages VALUES (1, 'A page')",
        "  - {kind: page, from: pages, id: id, fields: {title: title}, write: {}}\n",
    )
    assert carry([page("p")], mapping, tmp_path).verify().reasons == ("refused",)
    assert shown(tmp_path, "SELECT * FROM pages") == [(1, "A page")]


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ("CREATE TABLE pages (id TEXT, org TEXT, title TEXT, PRIMARY KEY (id, org))", "`id` is no key of pages"),
        ("CREATE TABLE pages (id TEXT, title TEXT)", "`id` is no key of pages"),
        ("CREATE TABLE pages (id INTEGER PRIMARY KEY, title TEXT AS ('x'))", "`title` is made by the database itself"),
        ("CREATE TABLE pages (id INTEGER PRIMARY KEY, title TEXT); CREATE TABLE log (what TEXT)", "rows of log could not be told"),
    ],
)
def test_what_undo_could_not_tell_apart_is_not_written(schema: str, says: str, tmp_path: Path) -> None:
    also = ", also: [{log: {what: x}}]" if "log" in schema else ""
    mapping = application(tmp_path, schema, f"  - {{kind: page, from: pages, id: id, fields: {{title: title}}, write: {{}}{also}}}\n")
    with pytest.raises(MappingError, match=says), opened(mapping):
        pass


def test_two_sources_are_never_one() -> None:
    assert known_as(Source("a", "b:c")) != known_as(Source("a:b", "c"))


def test_a_text_in_a_column_of_numbers_is_planned(tmp_path: Path) -> None:
    schema = "CREATE TABLE pages (id INTEGER PRIMARY KEY, title INTEGER)"
    mapping = application(tmp_path, schema, "  - {kind: page, from: pages, id: id, fields: {title: title}, write: {}}\n")
    assert carry([page("p", "007"), page("q", "words")], mapping, tmp_path).verify().verdict == "verified"
    assert shown(tmp_path, "SELECT title FROM pages ORDER BY id") == [(7,), ("words",)]


def test_a_list_of_one_that_comes_later_is_put_right(tmp_path: Path) -> None:
    mapping = application(
        tmp_path,
        "CREATE TABLE people (id INTEGER PRIMARY KEY, login TEXT); CREATE TABLE tasks (id INTEGER PRIMARY KEY, title TEXT, person INTEGER)",
        "  - {kind: user, from: people, id: id, fields: {username: login}, write: {}}\n"
        "  - {kind: task, from: tasks, id: id, fields: {title: title, assignees: [{user: person}]}, write: {}}\n",
    )
    task = Task(id="t", root=ref("task", "t"), title="Do", assignees=[ref("user", "ann")])
    with opened(mapping) as importer:
        for records in ([task], PEOPLE[:1]):
            list(importer.write([importer.shape(unit) for unit in units_of(records)], Nothing()))
    assert shown(tmp_path, "SELECT p.login FROM tasks t JOIN people p ON p.id = t.person") == [("ann@vendor.example",)]
