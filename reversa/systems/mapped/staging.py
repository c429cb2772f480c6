"""The tables of a source in a scratch database, where the SQL of a mapping is asked: every column a text.

DuckDB joins and sorts on disk within a fixed memory. It is closed to the outside: the SQL reads no file and no address.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from reversa.errors import DiskError, SourceError
from reversa.systems.mapped.inflating import inflated
from reversa.systems.mapped.php import php_to_json
from reversa.systems.tables.contract import BATCH, Damaged, Reader, Table

ROW: Final = "reversa_row"
"""The column that every table has besides its own: the number of the row in the source, from 0."""
MEMORY = "256MB"
ARRIVING = 2**24
"""Bytes of rows that are given to DuckDB at once."""


class Staging:
    """A database of texts. Its file is made in a temporary folder and goes away with it."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="reversa-staging-"))
        self._connection = duckdb.connect(str(self._folder / "staging.duckdb"))
        self.ask(f"SET memory_limit = '{MEMORY}'; SET threads = 2; SET temp_directory = '{self._folder}'")
        self.ask("SET enable_external_access = false; SET autoinstall_known_extensions = false; SET lock_configuration = true")
        for function in (php_to_json, inflated):
            self._connection.create_function(function.__name__, function, ["VARCHAR"], "VARCHAR")
        self.ask("CREATE MACRO utf8(bytes) AS try(decode(unhex(substr(bytes, 3))))")  # readers write bytes as \\x and digits
        self.tables: dict[str, Table] = {}
        self.damaged: list[Damaged] = []

    def add(self, reader: Reader, table: Table) -> None:
        """Take in the rows of a table."""
        twin = next((name for name in self.tables if name.casefold() == table.name.casefold()), None)
        if twin is not None:
            raise SourceError(
                f"The tables {twin} and {table.name} differ by case only, and a mapping cannot tell them apart.", "Rename one of them in a copy."
            )
        self.tables[table.name] = table
        schema = _schema(table)
        schema_name, _, _ = table.name.rpartition(".")
        if schema_name:
            self.ask(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema_name)}")
        self._arrive(schema.empty_table(), f"CREATE TABLE {place(table.name)} AS")
        waiting: list[pa.RecordBatch] = []
        self.ask("BEGIN")
        for batch in self.numbered(reader, table):
            waiting.append(batch)
            if sum(held.nbytes for held in waiting) > ARRIVING:
                self._arrive(pa.Table.from_batches(waiting), f"INSERT INTO {place(table.name)}")
                waiting = []
        self._arrive(pa.Table.from_batches(waiting, schema), f"INSERT INTO {place(table.name)}")
        self.ask("COMMIT")

    def _arrive(self, rows: pa.Table, statement: str) -> None:
        """Give DuckDB some rows: it would read a stream in threads of its own, where a driver's connection cannot be used."""
        self._connection.register("reversa_arriving", rows)
        self.ask(f"{statement} SELECT * FROM reversa_arriving")
        self._connection.unregister("reversa_arriving")

    def numbered(self, reader: Reader, table: Table) -> Iterator[pa.RecordBatch]:
        """The rows of a table at its source, with their numbers; what is broken is put down."""
        number, schema = 0, _schema(table)
        for item in reader.batches(table):
            if isinstance(item, Damaged):
                self.damaged.append(item)
                continue
            numbers = pa.array(range(number, number + len(item)), pa.int64())
            number += len(item)
            yield pa.RecordBatch.from_arrays([numbers, *item.columns], schema=schema)

    def columns(self, table: Table) -> list[str]:
        """The names that the columns have here: those of the source, but told apart where they differ by case only."""
        return list(distinct(column.name for column in table.columns))

    def ask(self, sql: str) -> duckdb.DuckDBPyConnection:
        """Run a statement. Raises DiskError when there is no room, duckdb.Error where it is wrong."""
        try:
            return self._connection.execute(sql)
        except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
            raise DiskError(f"The scratch database in {self._folder} failed: {error}", "Make room, or set TMPDIR to a larger disk.") from error

    def define(self, name: str, sql: str) -> None:
        """Give a query a name. Raises duckdb.Error where it is wrong."""
        self.ask(f"CREATE OR REPLACE VIEW {place(name)} AS {sql}")

    def keep(self, name: str, sql: str) -> None:
        """Keep the answer of a query as a table."""
        self.ask(f"CREATE OR REPLACE TABLE {quoted(name)} AS {sql}")

    def fill(self, name: str, rows: pa.Table) -> None:
        """Add rows to a table that was kept."""
        self._arrive(rows, f"INSERT INTO {quoted(name)}")

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.ask(sql).fetchall()

    def text(self, sql: str, row: int) -> str | None:
        """The one text that a query gives of a row."""
        with self._connection.cursor() as cursor:
            found = cursor.execute(sql, [row]).fetchone()
        return None if found is None else found[0]

    def stream(self, sql: str) -> Iterator[pa.RecordBatch]:
        """The answer of a query, some rows at a time; others may be asked meanwhile."""
        with self._connection.cursor() as cursor:
            yield from cursor.sql(sql).to_arrow_reader(BATCH)

    def types(self, sql: str) -> list[str]:
        """The types of the columns of a query. Raises duckdb.Error where it is wrong."""
        return [str(row[1]) for row in self.rows(f"DESCRIBE {sql}")]

    def tree(self, sql: str) -> Any:
        """The syntax tree of a query, as DuckDB describes it in JSON."""
        ((text,),) = self._connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()
        return json.loads(text)

    def close(self) -> None:
        self._connection.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _schema(table: Table) -> pa.Schema:
    texts: list[pa.Field[Any]] = [pa.field(name, pa.string()) for name in distinct(column.name for column in table.columns)]
    return pa.schema([pa.field(ROW, pa.int64()), *texts])


def quoted(name: str) -> str:
    """A name as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'


def place(table: str) -> str:
    """A table's name as SQL takes it, the schema apart."""
    schema, _, name = table.rpartition(".")
    return f"{quoted(schema)}.{quoted(name)}" if schema else quoted(name)


def distinct(names: Iterator[str] | Sequence[str]) -> Iterator[str]:
    """The names, those that are there twice but for their case, or are ours, with a number."""
    names = list(names)
    own = {name.casefold() for name in names}
    met = {ROW}
    for name in names:
        found, number = name, 1
        while found.casefold() in met or (number > 1 and found.casefold() in own):
            number += 1
            found = f"{name}~{number}"
        met.add(found.casefold())
        yield found


def reason(error: duckdb.Error) -> str:
    """What DuckDB found wrong, in one line."""
    first = re.split(r"\n\s*LINE \d+:", str(error))[0]
    return " ".join(first.split()).partition(": ")[2] or str(error)
