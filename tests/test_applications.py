"""The real applications hold what they say they made, show it in their own pages, and all of it is carried over."""

from __future__ import annotations

import html
import json
import re
import sqlite3
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy
from selectolax.lexbor import LexborHTMLParser

from reversa.migrating import migrate
from tests import applications
from tests.applications import Application
from tests.paths import PROJECT

pytestmark = [pytest.mark.servers]


@pytest.fixture(scope="module")
def redmine(request: pytest.FixtureRequest) -> Iterator[Application]:
    with applications.redmine(request.getfixturevalue("postgresql")) as filled:
        yield filled


@pytest.fixture(scope="module")
def mediawiki() -> Iterator[Application]:
    with applications.mediawiki() as filled:
        yield filled


@pytest.fixture(scope="module")
def wordpress(request: pytest.FixtureRequest) -> Iterator[Application]:
    with applications.wordpress(request.getfixturevalue("mariadb")) as filled:
        yield filled


@pytest.fixture(scope="module")
def bottlecrm(request: pytest.FixtureRequest) -> Iterator[Application]:
    with applications.bottlecrm(request.getfixturevalue("postgresql")) as filled:
        yield filled


PAGES = {
    "redmine": ("/projects/harbour/wiki", "<title>Wiki - Harbour - Redmine</title>"),
    "mediawiki": ("/index.php/Quay", "<title>Quay - Harbour wiki</title>"),
    "wordpress": ("/?p=1", "<title>Hello world! &#8211; Harbour Works &amp; Söhne</title>"),
    "bottlecrm": ("/api/accounts/?limit=100", '"name":"Solis Renewables"'),  # its pages are made by another program, from this
}
"""A page of each, and what stands in it."""


def asked(filled: Application, statement: str) -> list[str]:
    engine = sqlalchemy.create_engine(filled.url.replace("postgresql:", "postgresql+psycopg:").replace("mariadb:", "mariadb+pymysql:"))
    with engine.connect() as connection:
        found = [str(value.decode() if isinstance(value, bytes) else value) for (value,) in connection.exec_driver_sql(statement)]
    engine.dispose()
    return found


def page(filled: Application, address: str) -> str:
    request = urllib.request.Request(address, headers=filled.headers)  # noqa: S310 -- our own port
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        text: str = answer.read().decode()
    return text


@pytest.mark.parametrize("name", PAGES)
def test_database_holds_what_was_made(name: str, request: pytest.FixtureRequest) -> None:
    filled = request.getfixturevalue(name)
    quote = "`" if filled.url.startswith("mariadb") else '"'
    found = {table: int(asked(filled, f"SELECT count(*) FROM {quote}{table}{quote}")[0]) for table in filled.made}
    assert found == filled.made
    assert filled.files is None or any(file.is_file() for file in filled.files.rglob("*"))


@pytest.mark.parametrize("name", PAGES)
def test_its_own_pages_show_it(name: str, request: pytest.FixtureRequest) -> None:
    path, part = PAGES[name]
    filled = request.getfixturevalue(name)
    with filled.serve() as address:
        assert part in page(filled, address + path)


# ------------------------------------------------------------------------------------------------ through examples/NAME/mapping.yaml

RECORDS = {
    "redmine": {
        "user group": "users",
        "membership": "members groups_users",
        "space": "projects boards",
        "page": "wiki_pages news documents",
        "revision": "wiki_content_versions news documents",
        "alias": "wiki_redirects",
        "message": "messages",
        "task": "issues",
        "association": "issue_relations",
        "file": "attachments",
        "activity": "time_entries",
        "row:versions": "versions",
    },
    "mediawiki": {"user": "user", "revision": "revision archive", "file": "image oldimage filearchive", "grant": "page_restrictions"},
    "wordpress": {"revision file row:wp_posts": "wp_posts", "comment": "wp_comments", "row:wp_terms": "wp_terms"},
    "bottlecrm": {
        "user": "users",
        "group": "teams",
        "company": "accounts",
        "contact": "contacts lead",
        "deal": "opportunity",
        "ticket": "case",
        "task": "task",
        "row:invoice": "invoice",
        "row:payment": "payment",
    },
}
"""Records of these kinds, and rows of these tables, are as many as the rows that the application made in these tables."""

TITLES = {
    "redmine": ("/projects/harbour/wiki/index", r'<li><a title="[^"]*" href="/projects/harbour/wiki/[^"]*">([^<]+)</a>'),
    "mediawiki": ("/index.php/Special:AllPages", r'<li(?: class="[^"]*")?><a href="/index.php/[^"]*"[^>]*>([^<]+)</a></li>'),
    "wordpress": ("/?paged=2", r'<h2 class="entry-title[^"]*"><a [^>]*>(?:Protected: )?(.+?)</a></h2>'),
    "bottlecrm": ("/api/accounts/?limit=100", r'"name":"([^"]+)","email"'),
}
"""A page of titles, and how they stand in it."""

SECRETS = {
    "redmine": ("SELECT hashed_password FROM users", "SELECT salt FROM users", "SELECT value FROM tokens"),
    "mediawiki": ('SELECT user_password FROM "user"', 'SELECT user_token FROM "user"'),
    "wordpress": (
        "SELECT user_pass FROM wp_users",
        "SELECT post_password FROM wp_posts",
        "SELECT option_value FROM wp_options WHERE option_name LIKE '%%\\_salt' OR option_name LIKE '%%\\_key'",
    ),
    "bottlecrm": (
        "SELECT password FROM users",
        "SELECT api_key FROM organization",
        "SELECT public_token FROM invoice",
        "SELECT token_hash FROM personal_access_token",
        "SELECT token_hash FROM portal_access_token",
    ),
}


def mapped(name: str, filled: Application, folder: Path) -> str:
    """The example, with this database and these files."""
    text = (PROJECT / "examples" / name / "mapping.yaml").read_text(encoding="utf-8")
    for member, value in (("database", filled.url), ("files", str(filled.files or folder))):
        text = re.sub(rf"(?m)^  {member}: .*$", f"  {member}: {json.dumps(value)}", text)
    path = folder / "mapping.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def counted(ids: list[str]) -> Counter[str]:
    """Records by kind, and rows by ``row:table``."""
    return Counter(id.partition("/")[0] if id.startswith("row:") else id.partition(":")[0] for id in ids)


def bare(text: str) -> str:
    """What of a title is read: neither its markup nor how its dashes and quotes are drawn."""
    return " ".join(re.findall(r"\w+", re.sub(r"<[^>]+>", "", html.unescape(text)).lower()))


@pytest.mark.parametrize("name", PAGES)
def test_all_of_it_is_carried_over(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    filled = request.getfixturevalue(name)
    source = mapped(name, filled, tmp_path)
    for target in (f"sqlite:///{tmp_path / 'copy.db'}", f"html:{tmp_path / 'archive'}"):
        report = migrate(source, target, tmp_path / f"run-{target.partition(':')[0]}")
        assert report.verdict == "verified", report.reasons
        assert not report.unreadable
        assert not any(line.unexplained for line in report.export_balance)
        assert not any(line.unexplained for line in report.import_balance)

    with sqlite3.connect(tmp_path / "copy.db") as copy:
        in_copy = counted([f"{kind}:{id}" for kind, id in copy.execute("SELECT kind, id FROM reversa_entity")])
        missing = copy.execute("SELECT kind, id FROM reversa_v_missing").fetchall()
    copy.close()
    assert not missing
    pages = [LexborHTMLParser(path.read_text(encoding="utf-8")) for path in (tmp_path / "archive" / "pages").rglob("*.html")]
    assert counted([card.attributes["id"] or "" for shown in pages for card in shown.css("article")]) == in_copy
    for kinds, tables in RECORDS[name].items():
        assert sum(in_copy[kind] for kind in kinds.split()) == sum(filled.made[table] for table in tables.split()), kinds

    path, pattern = TITLES[name]
    with filled.serve() as address:
        seen = {bare(title) for title in re.findall(pattern, page(filled, address + path))}
    titles = {bare(title.text()) for shown in pages for title in shown.css('dd[itemprop="title"], dd[itemprop="name"]')}
    assert len(seen) > 3
    assert seen <= titles

    texts = b"".join(path.read_bytes() for path in [tmp_path / "copy.db", *(tmp_path / "archive").rglob("*.*")] if path.is_file())
    opening = {value for statement in SECRETS[name] for value in asked(filled, statement) if len(value) > 5 and value != "None"}
    assert opening
    assert not [value for value in opening if value.encode() in texts]
