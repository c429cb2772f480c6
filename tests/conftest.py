"""Options and fixtures that all tests share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from playwright.sync_api import Browser

from reversa.package import Package
from reversa.testing.sample import write_sample_package
from tests import network
from tests.browser import Chrome, chromium
from tests.servers import Database, Server, empty, mariadb_server, postgresql_server

pytest_plugins = ["pytester"]

settings.register_profile("mutants", max_examples=10, phases=[Phase.explicit, Phase.generate], derandomize=True, database=None)
if "MUTANT_UNDER_TEST" in os.environ:  # mutmut asks whether a test fails, and not for the smallest example
    settings.load_profile("mutants")

LONG = {
    "test_columnar", "test_crash", "test_crash_ledger", "test_delta", "test_fuzzing", "test_hostile", "test_memo", "test_mutants",
    "test_verification_at_scale",
}  # fmt: skip
"""Modules of hundreds of small migrations: `make test` runs them, `make check` has five minutes."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept", action="store_true", help="rewrite the golden files")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.stem in LONG:
            item.add_marker("long")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before any fixture: those of the session start the servers."""
    network.watch(allowed=any(item.get_closest_marker(name) for name in ("servers", "loopback")))


@pytest.fixture(autouse=True)
def no_network() -> Iterator[None]:
    """No test asks for the network unless it is marked so."""
    yield
    assert network.attempts() == []


@pytest.fixture
def accept(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be rewritten."""
    return bool(request.config.getoption("--accept"))


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    with postgresql_server() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Server]:
    with mariadb_server() as server:
        yield server


@pytest.fixture(params=["sqlite", *(pytest.param(name, marks=pytest.mark.servers) for name in ("postgresql", "mariadb"))])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database of each system."""
    yield from empty(request, tmp_path)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def chrome(browser: Browser) -> Iterator[Chrome]:
    """Windows of a Chromium; the test fails if any of them complained."""
    opener = Chrome(browser)
    yield opener
    opener.end()


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """A package with every kind and every field."""
    return write_sample_package(tmp_path_factory.mktemp("package") / "sample")


@pytest.fixture
def copy(package: Package, tmp_path: Path) -> Path:
    """That package, to be damaged."""
    return Path(shutil.copytree(package.folder, tmp_path / "copy"))
