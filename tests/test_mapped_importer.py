"""The importer of a successor's own tables: beside the shared suite of test_adapters.py, on servers too."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from reversa.testing import ImporterSuite
from tests.servers import Server
from tests.successor import statements, write_mapping


class _OnServer(ImporterSuite):
    system = "mapped"
    _server: Server
    _made: contextlib.ExitStack
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
