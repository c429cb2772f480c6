"""The tables of a package into a database by a public loader: ADBC, pgpq or DuckDB. Runs in the environment of the peers.

    peers/bin/python peer_load.py (adbc|pgpq|duckdb) PACKAGE URL

Columns stay as the Parquet has them: structures become a column per member, lists their text. No reference is resolved and nothing is
checked. PostgreSQL is given a staging table by COPY and a table with a primary key by INSERT ... SELECT (../shared/reference/performance.md).
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


def flat(files: list[Path]) -> Iterator[pa.RecordBatch]:
    """The rows with columns that a table can have."""
    for file in files:
        batches: Iterator[Any] = pq.ParquetFile(file).iter_batches(50_000)
        for batch in batches:
            columns: dict[str, Any] = {}
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                if pa.types.is_struct(column.type):
                    for part, values in zip(column.type, column.flatten(), strict=True):
                        columns[f"{name}_{part.name}"] = values
                elif pa.types.is_list(column.type):
                    columns[name] = pa.array([None if value is None else str(value) for value in column.to_pylist()], pa.string())
                else:
                    columns[name] = column
            yield pa.RecordBatch.from_pydict(columns)


def reader(files: list[Path]) -> pa.RecordBatchReader:
    batches = flat(files)
    first = next(batches)
    return pa.RecordBatchReader.from_batches(first.schema, itertools.chain([first], batches))


def keyed(kind: str) -> list[str]:
    """From the staging table into the plain one."""
    return [
        f'CREATE TABLE "{kind}" (LIKE "staging_{kind}", PRIMARY KEY (id))',
        f'INSERT INTO "{kind}" SELECT * FROM "staging_{kind}"',
        f'DROP TABLE "staging_{kind}"',
    ]


def adbc(tables: dict[str, list[Path]], url: str) -> None:
    system = url.partition(":")[0]
    if system == "sqlite":
        url = "file:" + url.removeprefix("sqlite:///")
    driver = importlib.import_module(f"adbc_driver_{system}.dbapi")
    with driver.connect(url) as connection, connection.cursor() as cursor:
        for kind, files in tables.items():
            staged = system == "postgresql"
            cursor.adbc_ingest(f"staging_{kind}" if staged else kind, reader(files), mode="create")
            for statement in keyed(kind) if staged else ():
                cursor.execute(statement)
        connection.commit()


def pgpq(tables: dict[str, list[Path]], url: str) -> None:
    import psycopg

    make = importlib.import_module("pgpq").ArrowToPostgresBinaryEncoder
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        for kind, files in tables.items():
            batches = reader(files)
            encoder = make(batches.schema)
            columns = ", ".join(
                f'"{name}" {column.data_type.ddl()}' for name, column in zip(batches.schema.names, encoder.schema().columns, strict=True)
            )
            cursor.execute(f'CREATE UNLOGGED TABLE "staging_{kind}" ({columns})')
            with cursor.copy(f'COPY "staging_{kind}" FROM STDIN WITH (FORMAT BINARY)') as copy:
                copy.write(encoder.write_header())
                for batch in batches:
                    copy.write(encoder.write_batch(batch))
                copy.write(encoder.finish())
            for statement in keyed(kind):
                cursor.execute(statement)


def duckdb(tables: dict[str, list[Path]], url: str) -> None:
    import duckdb as library

    system = url.partition(":")[0].replace("postgresql", "postgres")
    importlib.import_module("duckdb_extensions").import_extension(f"{system}_scanner")
    with contextlib.closing(library.connect()) as connection:
        connection.execute(f"ATTACH '{url.removeprefix('sqlite:///')}' AS target (TYPE {system})")
        for kind, files in tables.items():
            batches = reader(files)  # noqa: F841 - DuckDB finds it by its name
            connection.execute(f'CREATE TABLE target."{kind}" AS SELECT * FROM batches')


if __name__ == "__main__":
    package = Path(sys.argv[2]) / "data" / "tables"
    found = {folder.name: sorted(folder.glob("*.parquet")) for folder in sorted(package.iterdir())}
    {"adbc": adbc, "pgpq": pgpq, "duckdb": duckdb}[sys.argv[1]](found, sys.argv[3])
