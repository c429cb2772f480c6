"""A connection that moves Arrow batches in bulk: ADBC, where its driver is installed."""

from __future__ import annotations

import contextlib
import importlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import sqlalchemy as sa

from reversa.adapter import NotColumnar
from reversa.errors import TargetError

ROWS = 5000
"""In a batch, at most: both sides of a comparison go on in equal steps."""


class Bulk:
    """One transaction over ADBC."""

    def __init__(self, driver: ModuleType, address: str) -> None:
        self._refusal: type[Exception] = driver.Error
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
        """Raises TargetError when the answer is lost: everything may be there, or nothing."""
        try:
            self._connection.commit()
        except self._refusal as error:
            raise TargetError(f"The database did not say whether it took the records: {error}", "Type the command again.") from error

    def close(self) -> None:
        self._cursor.close()
        self._connection.close()  # what was not committed is rolled back


@contextlib.contextmanager
def bulk(engine: sa.Engine) -> Iterator[Bulk]:
    """A connection to the same database. Raises NotColumnar: there is no driver for it, or the database refuses.

    SQLite must not be open through another library in this process: closing one of them would drop the locks of the other.
    """
    driver, address = _driver(engine)
    try:
        with contextlib.closing(Bulk(driver, address)) as connection:
            yield connection
    except (driver.Error, pa.ArrowException) as error:
        raise NotColumnar(str(error)) from error


def bulky(engine: sa.Engine) -> bool:
    """Whether there is a driver for a database."""
    try:
        _driver(engine)
    except NotColumnar:
        return False
    return True


def stream(engine: sa.Engine, query: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows of a query as they come. SQLite is asked through its own library: any value may stand in any of its columns."""
    if engine.dialect.name != "sqlite":
        with bulk(engine) as database:
            if engine.dialect.name == "postgresql":
                database.run("SET synchronize_seqscans = off")  # else rows may begin in the middle, and those of two sides meet late
            for batch in database.read(query):
                whole = batch.rename_columns(schema.names).cast(schema)
                yield from (whole.slice(start, ROWS) for start in range(0, len(whole), ROWS))
        return
    with contextlib.closing(engine.raw_connection()) as connection:
        cursor = connection.cursor()
        cursor.execute(query)
        while rows := cursor.fetchmany(ROWS):
            yield pa.RecordBatch.from_arrays([_array(*of) for of in zip(zip(*rows, strict=True), schema.types, strict=True)], schema=schema)


def _array(values: tuple[Any, ...], type_: pa.DataType) -> Any:
    if bytes in set(map(type, values)):  # Arrow would take them for a text
        raise NotColumnar("bytes stand for a text")
    try:
        return pa.array(values, type_)
    except (TypeError, ValueError, OverflowError, pa.ArrowException) as error:
        raise NotColumnar(str(error)) from error


def _driver(engine: sa.Engine) -> tuple[ModuleType, str]:
    try:
        if engine.dialect.name == "sqlite" and not engine.url.query:
            engine.dispose()
            return _module("sqlite"), f"file:{quote(str(Path(engine.url.database or '').absolute()))}"
        if engine.dialect.name == "postgresql":
            return _module("postgresql"), engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    except ModuleNotFoundError as error:
        raise NotColumnar(f"{error.name} is not installed") from error
    raise NotColumnar(f"there is no driver for {engine.url}")


def _module(system: str) -> ModuleType:
    return importlib.import_module(f"adbc_driver_{system}.dbapi")
