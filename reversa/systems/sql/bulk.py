"""A connection that moves Arrow batches in bulk: ADBC, where its driver is installed."""

from __future__ import annotations

import contextlib
import importlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from urllib.parse import quote

import pyarrow as pa
import sqlalchemy as sa


class BulkError(Exception):
    """The database or its driver refused; the road by rows will say what it was."""


class Bulk:
    """One transaction over ADBC."""

    def __init__(self, driver: ModuleType, address: str) -> None:
        self._connection = driver.connect(address)
        self._cursor = self._connection.cursor()

    def run(self, statement: str) -> None:
        self._cursor.execute(statement)

    def append(self, table: str, batches: Iterator[pa.RecordBatch]) -> None:
        """Add rows to a table that is there; columns that the batches lack stay NULL."""
        first = next(batches, None)
        if first is not None:
            whole = pa.RecordBatchReader.from_batches(first.schema, itertools.chain([first], batches))
            self._cursor.adbc_ingest(table, whole, mode="append")

    def read(self, query: str) -> Iterator[pa.RecordBatch]:
        """The rows of a query as they come."""
        with self._connection.cursor() as cursor:
            cursor.execute(query)
            yield from cursor.fetch_record_batch()

    def commit(self) -> None:
        self._connection.commit()

    def close(self) -> None:
        self._cursor.close()
        self._connection.close()  # what was not committed is rolled back


@contextlib.contextmanager
def bulk(engine: sa.Engine) -> Iterator[Bulk]:
    """A connection to the same database. Raises BulkError: there is no driver for it, or the database refuses.

    SQLite must not be open through another library in this process: closing one of them would drop the locks of the other.
    """
    driver, address = _driver(engine)
    try:
        with contextlib.closing(Bulk(driver, address)) as connection:
            yield connection
    except driver.Error as error:
        raise BulkError(str(error)) from error


def _driver(engine: sa.Engine) -> tuple[ModuleType, str]:
    try:
        if engine.dialect.name == "sqlite" and not engine.url.query:
            engine.dispose()
            return _module("sqlite"), f"file:{quote(str(Path(engine.url.database or '').absolute()))}"
        if engine.dialect.name == "postgresql":
            return _module("postgresql"), engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    except ModuleNotFoundError as error:
        raise BulkError(f"{error.name} is not installed") from error
    raise BulkError(f"there is no driver for {engine.url}")


def _module(system: str) -> ModuleType:
    return importlib.import_module(f"adbc_driver_{system}.dbapi")
