"""A first mapping for a database that nobody here knows: always one that is accepted, and right where names and keys say so."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from reversa.adapter import Locator, Options
from reversa.cli import main
from reversa.demo.ruche import write_ruche
from reversa.exporters.mapped import MappedExporter
from reversa.systems.mapped.mapping import Entry, Expression, Mapping, Reference, read_mapping


def suggested(source: Path, folder: Path) -> tuple[Mapping, str]:
    """The mapping, taken as it is: every name in it is there, no two records meet on one id."""
    done = CliRunner().invoke(main, ["map", "suggest", str(source)])
    assert done.exit_code == 0, done.output
    file = folder / "suggested.yaml"
    file.write_text(done.stdout, encoding="utf-8")
    with contextlib.closing(MappedExporter.open(Locator("mapped", str(file)), Options())) as exporter:
        exporter.coverage()
    return read_mapping(file), done.stdout


def of_table(mapping: Mapping, table: str) -> Entry:
    return next(entry for entry in mapping.entries if entry.tables.sql.split()[0] == table)


def database(folder: Path, script: str) -> Path:
    path = folder / "any.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)
    return path


BLOG = """
CREATE TABLE members(id INTEGER PRIMARY KEY, login TEXT, email TEXT, password_digest TEXT, created_at TEXT);
CREATE TABLE articles(id INTEGER PRIMARY KEY, author_id INT, title TEXT, created_at TEXT, deleted_at TEXT);
CREATE TABLE remarks(id INTEGER PRIMARY KEY, article_id INT, user_id INT, body TEXT, created_at TEXT);
CREATE TABLE comments(id INTEGER PRIMARY KEY, commentable_type TEXT, commentable_id INT, body TEXT, created_at TEXT);
CREATE TABLE schema_migrations(version TEXT);
CREATE TABLE users(id INTEGER PRIMARY KEY, login TEXT, email TEXT, created_at TEXT);
INSERT INTO users VALUES (1,'anna','anna@example.org','2024-01-01 10:00:00'), (2,'bob','bob@example.org','2024-01-02 10:00:00');
INSERT INTO articles VALUES (1,1,'One','2024-01-01 10:00:00',NULL), (2,2,'Two','2024-01-02 10:00:00','2024-02-02 10:00:00');
INSERT INTO comments VALUES (1,'Article',1,'Nice','2024-01-03 10:00:00'), (2,'Article',2,'Less nice','2024-01-03 11:00:00');
INSERT INTO schema_migrations VALUES ('1');
"""


def test_names_and_values_say_what_is_what(tmp_path: Path) -> None:
    mapping, text = suggested(database(tmp_path, BLOG), tmp_path)
    users, articles, comments = (of_table(mapping, table) for table in ("users", "articles", "comments"))
    assert (users.kind, articles.kind, comments.kind) == ("user", "page", "comment")
    assert isinstance(users.values["username"], Expression)
    assert users.values["username"].sql == "login"
    author = articles.values["created_by"]
    assert isinstance(author, Reference)
    assert (author.kind, author.id.sql) == ("user", "author_id")  # SQLite declares no key: the values say it
    assert "state" in articles.values
    assert "Article: {page: commentable_id}" in text
    assert mapping.rows["schema_migrations"].ignore
    assert "password_digest" not in text


def test_every_line_says_how_sure_it_is(tmp_path: Path) -> None:
    _, text = suggested(database(tmp_path, BLOG), tmp_path)
    lines = [line for line in text.split("records:")[1].splitlines() if line.strip() and not line.strip().startswith("#")]
    unsure = [line for line in lines if "   # 0." not in line and not line.rstrip().endswith(("fields:", "rows:"))]
    assert unsure == []


def test_the_demo_vendor(tmp_path: Path) -> None:
    """Ruche was looked at while suggesting was tuned: this holds what was reached, not how well it does on others."""
    write_ruche(tmp_path)
    mapping, _ = suggested(tmp_path / "ruche.sql", tmp_path)
    kinds = {entry.tables.sql.split()[0]: entry.kind for entry in mapping.entries}
    wanted = {
        "accounts": "user", "teams": "group", "team_members": "membership", "spaces": "space", "pages": "page", "page_revisions": "revision",
        "posts": "message", "comments": "comment", "reactions": "reaction", "attachments": "file", "permissions": "grant", "polls": "poll",
    }  # fmt: skip
    assert {table: kinds.get(table) for table in wanted} == wanted


names = st.sampled_from(
    ["id", "name", "select", "user_id", "parent_id", "a b", 'q"uote', "line\nbreak", "é", "😀", "x: y", "# no", "- z", "type", "order", "key"]
)
words = names | st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)
tables = st.lists(
    st.tuples(
        words | st.sampled_from(["users", "pages", "comments", "members", "tags", "files"]),
        st.lists(words, min_size=1, max_size=6, unique_by=str.casefold),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda table: table[0].casefold(),
)


@pytest.mark.long
@given(
    made=tables, values=st.lists(st.none() | st.integers(0, 3).map(str) | st.text(st.characters(codec="utf-8"), max_size=5), min_size=6, max_size=6)
)
@settings(max_examples=60)
def test_what_is_suggested_is_accepted(tmp_path_factory: pytest.TempPathFactory, made: list[tuple[str, list[str]]], values: list[str | None]) -> None:
    folder = tmp_path_factory.mktemp("any")
    with contextlib.closing(sqlite3.connect(folder / "any.db")) as connection:
        for table, columns in made:
            if table.lower().startswith("sqlite_"):
                continue
            quoted = ", ".join('"' + column.replace('"', '""') + '"' for column in columns)
            name = '"' + table.replace('"', '""') + '"'
            connection.execute(f"CREATE TABLE {name} ({quoted})")
            connection.execute(f"INSERT INTO {name} VALUES ({', '.join('?' * len(columns))})", values[: len(columns)])
        connection.commit()
    suggested(folder / "any.db", folder)
