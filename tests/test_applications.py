"""The real applications hold what they say they made, and show it in their own pages."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator

import pytest
import sqlalchemy

from tests import applications
from tests.applications import Application

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


@pytest.mark.parametrize("name", PAGES)
def test_database_holds_what_was_made(name: str, request: pytest.FixtureRequest) -> None:
    filled = request.getfixturevalue(name)
    engine = sqlalchemy.create_engine(filled.url.replace("postgresql:", "postgresql+psycopg:").replace("mariadb:", "mariadb+pymysql:"))
    quote = engine.dialect.identifier_preparer.quote_identifier
    with engine.connect() as connection:
        found = {table: connection.exec_driver_sql(f"SELECT count(*) FROM {quote(table)}").scalar_one() for table in filled.made}
    engine.dispose()
    assert found == filled.made
    assert filled.files is None or any(file.is_file() for file in filled.files.rglob("*"))


@pytest.mark.parametrize("name", PAGES)
def test_its_own_pages_show_it(name: str, request: pytest.FixtureRequest) -> None:
    path, part = PAGES[name]
    filled = request.getfixturevalue(name)
    with filled.serve() as address:
        asked = urllib.request.Request(address + path, headers=filled.headers)  # noqa: S310 -- our own port
        with urllib.request.urlopen(asked, timeout=60) as page:  # noqa: S310
            assert part in page.read().decode()
