"""What differs between the databases: how values are held, what cannot be held, how rows are loaded fast."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from reversa.adapter import NotColumnar, Options
from reversa.errors import LocatorError, MissingExtra, TargetError

Convert = Callable[[Any], Any]
pc: Any = pyarrow.compute  # the stubs refuse much of what its kernels take


def _without_nul(char: str) -> str:
    """SQL for a column of JSON text without the escape of U+0000: SQLite cuts a text there, PostgreSQL refuses it.

    A backslash that is itself escaped must not count, so those are set aside as U+0001, which JSON text never holds.
    """
    return rf"replace(replace(replace({{column}}, '\\', {char}(1)), '\u0000', '\u2400'), {char}(1), '\\')"


class Dialect:
    """SQLite, and what the others share with it."""

    name = "sqlite"
    json_text = f"json_extract({_without_nul('char')}, '$.text')"
    """The text in a body that is JSON, U+0000 shown as U+2400."""
    holds_nul = True
    id_limit = ""
    """The longest id that the unique index takes, in words; empty: no limit met."""
    largest_record: int | None = None
    """Bytes of JSON; None: no limit met."""
    instant: Any = sa.Text()
    text: Any = sa.Text()
    id: Any = sa.Text()
    binary: Any = sa.LargeBinary()
    date: Any = sa.Text()
    placeholder = "?"
    indexes_references = False
    """Whether the database itself makes an index for every foreign key."""

    @property
    def limits(self) -> Mapping[str, str]:
        return {"text": "any text, U+0000 included"}

    def quoted(self, name: str) -> str:
        """A name in quotes, always: SQLAlchemy does not know every word of every system, and doubles `%` for some drivers."""
        mark = "`" if self.name in ("mysql", "mariadb") else '"'
        return mark + name.replace(mark, mark * 2) + mark

    def takes_id(self, id: str) -> bool:
        """Whether an id is short enough."""
        del id
        return True

    def encoder(self, type_: str) -> Convert | None:
        """How a value of a schema type is given to the driver; None: as it is."""
        convert: dict[str, Convert] = {"instant": _to_text, "date": date.isoformat}
        return convert.get(type_)

    def decoder(self, type_: str) -> Convert | None:
        """How a value from the driver becomes one of the schema; None: as it is. Raises ValueError or TypeError for what is none."""
        convert: dict[str, Convert] = {"instant": datetime.fromisoformat, "date": date.fromisoformat, "boolean": _to_bool}
        return convert.get(type_)

    def prepare(self, connection: Any) -> None:
        """Set up a new connection of the driver."""
        connection.isolation_level = None  # the driver begins no transaction by itself, and so none is begun late
        connection.text_factory = lambda text: text.decode("utf-8", "surrogateescape")  # what is not UTF-8 is found per record
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA trusted_schema = OFF")

    def begin(self, connection: sa.Connection) -> None:
        """Begin a transaction."""
        connection.exec_driver_sql("BEGIN")

    def insert(self, connection: sa.Connection, table: sa.Table, rows: Sequence[tuple[Any, ...]]) -> None:
        """Add rows, given in the order of the table's columns."""
        marks = ", ".join([self.placeholder] * len(table.columns))
        connection.exec_driver_sql(f"INSERT INTO {_with_columns(connection, table)} VALUES ({marks})", list(rows))  # noqa: S608 - our own names

    bulk_settings: Sequence[str] = ("PRAGMA cache_size = -65536",)
    """Said before a whole package is loaded."""

    def bulk(self, type_: str, column: Any) -> Any:
        """A column of a schema type as it is loaded by columns."""
        if type_ == "instant":  # as _to_text
            naive = column.cast(pa.timestamp("us")).cast(pa.string())  # in UTC; with a zone, a cast takes ten times as long
            return pc.binary_join_element_wise(pc.binary_replace_slice(naive, 10, 11, "T"), "Z", "")
        return column.cast(pa.string()) if type_ == "date" else column

    def arrow_type(self, type_: sa.types.TypeEngine[Any]) -> pa.DataType:
        """What a column of the database is read as."""
        return pa.int64() if isinstance(type_, sa.Integer | sa.Boolean) else pa.string()

    def unbulk(self, type_: str, column: Any) -> Any:
        """A column as read, as its schema type. Raises NotColumnar for a value that would not be written so."""
        types = {"instant": pa.timestamp("us", "UTC"), "date": pa.date32(), "boolean": pa.bool_()}
        if type_ not in types:
            return column
        read = column.cast(types[type_])
        if not self.bulk(type_, read).cast(column.type).equals(column):
            raise NotColumnar(f"a value that is no {type_} as it is written here")
        return read

    def bare(self, table: sa.Table) -> sa.schema.DDLElement:
        """Makes a table with as little over it as can be added later."""
        return sa.schema.CreateTable(table)

    def completed(self, tables: Sequence[sa.Table]) -> Iterator[sa.schema.DDLElement]:
        """Adds the rest, which costs less over rows that are there."""
        return (sa.schema.CreateIndex(index) for table in tables for index in _indexes(table))

    def refuses(self, error: sa.exc.DBAPIError) -> bool:
        """Whether an error is about the values of a row, and not about the database."""
        return isinstance(error, sa.exc.DataError | sa.exc.IntegrityError)


class PostgreSQL(Dialect):
    name = "postgresql"
    json_text = f"({_without_nul('chr')}::json ->> 'text')"
    holds_nul = False
    id_limit = "2,000 bytes"  # an entry of a btree must fit a third of a page: 2,704 bytes for the whole key
    instant = sa.TIMESTAMP(timezone=True)
    date = sa.Date()

    def __init__(self) -> None:
        self._loaded: Counter[str] = Counter()

    @property
    def limits(self) -> Mapping[str, str]:
        return {"text": "no U+0000: shown as U+2400", "id": f"{self.id_limit}, no U+0000"}

    def takes_id(self, id: str) -> bool:
        return len(id) <= 500 or len(id.encode()) <= 2000

    def encoder(self, type_: str) -> Convert | None:
        del type_
        return None

    def decoder(self, type_: str) -> Convert | None:
        convert: dict[str, Convert] = {"instant": datetime.fromisoformat, "date": date.fromisoformat}
        return convert.get(type_)

    def prepare(self, connection: Any) -> None:
        from psycopg.types.string import TextLoader

        for type_ in ("timestamptz", "date"):  # as text, so that a value outside Python's years is found per record
            connection.adapters.register_loader(type_, TextLoader)
        connection.execute("SET TIME ZONE 'UTC'")
        connection.execute("SET datestyle = 'ISO, YMD'")
        connection.commit()

    def begin(self, connection: sa.Connection) -> None:
        """The driver begins with the first statement."""

    def insert(self, connection: sa.Connection, table: sa.Table, rows: Sequence[tuple[Any, ...]]) -> None:
        import psycopg

        driver = connection.connection.cursor()
        statement = f"COPY {_with_columns(connection, table)} FROM STDIN"
        try:
            with driver.copy(statement) as copy:
                for row in rows:
                    copy.write_row(row)
        except psycopg.Error as error:  # COPY goes past SQLAlchemy, its errors should not
            raise sa.exc.DBAPIError.instance(statement, None, error, psycopg.Error, dialect=connection.dialect) from error
        before = self._loaded[table.name]
        self._loaded[table.name] += len(rows)
        if len(str(before)) < len(str(before + len(rows))):  # ten times as many: without statistics every lookup reads the whole table
            connection.exec_driver_sql(f"ANALYZE {table.name}")

    bulk_settings = ("SET LOCAL maintenance_work_mem = '128MB'",)

    def bulk(self, type_: str, column: Any) -> Any:
        del type_
        return column

    def arrow_type(self, type_: sa.types.TypeEngine[Any]) -> pa.DataType:
        for known, held in ((sa.Boolean, pa.bool_()), (sa.TIMESTAMP, pa.timestamp("us", "UTC")), (sa.Date, pa.date32())):
            if isinstance(type_, known):
                return held
        return super().arrow_type(type_)

    def unbulk(self, type_: str, column: Any) -> Any:
        del type_
        return column

    def bare(self, table: sa.Table) -> sa.schema.DDLElement:
        return sa.schema.CreateTable(sa.Table(table.name, sa.MetaData(), *(sa.Column(c.name, c.type, nullable=c.nullable) for c in table.columns)))

    def completed(self, tables: Sequence[sa.Table]) -> Iterator[sa.schema.DDLElement]:
        analyze: Any = sa.DDL
        for type_ in (sa.PrimaryKeyConstraint, sa.UniqueConstraint):
            yield from _added(tables, type_)
        yield from super().completed(tables)
        yield from (analyze(f"ANALYZE {table.name}") for table in tables)  # or each constraint is proved by hashing all keys
        yield from _added(tables, sa.ForeignKeyConstraint)

    def refuses(self, error: sa.exc.DBAPIError) -> bool:
        """Classes 22, 23 and 44: data, integrity, CHECK OPTION; 54: too large for an index; P0001: a trigger's RAISE."""
        return (getattr(error.orig, "sqlstate", None) or "").startswith(("22", "23", "44", "54", "P0001"))


class MariaDB(Dialect):
    name = "mariadb"
    json_text = "JSON_VALUE({column}, '$.text')"
    id_limit = "512 characters"  # of four bytes each: the index takes 3,072 bytes
    largest_record = 2**23  # of a server left as it was installed; the connected one says its own
    instant = mysql.DATETIME(fsp=6)
    text = mysql.LONGTEXT(charset="utf8mb4", collation="utf8mb4_nopad_bin")
    id = mysql.VARCHAR(512, charset="utf8mb4", collation="utf8mb4_nopad_bin")
    binary = mysql.LONGBLOB()
    date = sa.Date()
    placeholder = "%s"
    indexes_references = True

    @property
    def limits(self) -> Mapping[str, str]:
        return {
            "record": f"{self.largest_record:,} bytes as JSON: half of max_allowed_packet of the server",
            "id": self.id_limit,
            "names": "compared byte by byte",
        }

    def takes_id(self, id: str) -> bool:
        return len(id) <= 512

    def encoder(self, type_: str) -> Convert | None:
        return _without_zone if type_ == "instant" else None

    def decoder(self, type_: str) -> Convert | None:
        convert: dict[str, Convert] = {"instant": _with_zone, "boolean": _to_bool}
        return convert.get(type_)

    def prepare(self, connection: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET time_zone = '+00:00'")
            cursor.execute("SET sql_mode = 'STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES'")
            cursor.execute("SET NAMES utf8mb4 COLLATE utf8mb4_nopad_bin")
            cursor.execute("SELECT @@max_allowed_packet")
            self.largest_record = int(cursor.fetchone()[0]) // 2  # a quote is written twice
        connection.commit()

    def begin(self, connection: sa.Connection) -> None:
        """The driver begins with the first statement."""

    def refuses(self, error: sa.exc.DBAPIError) -> bool:
        """4025: a CHECK failed; 1644: a trigger's SIGNAL."""
        return super().refuses(error) or (error.orig is not None and error.orig.args[0] in (4025, 1644))


def _with_columns(connection: sa.Connection, table: sa.Table) -> str:
    quote = connection.dialect.identifier_preparer
    return f"{quote.format_table(table)} ({', '.join(quote.quote(column.name) for column in table.columns)})"


def _indexes(table: sa.Table) -> list[sa.Index]:
    return sorted(table.indexes, key=lambda index: str(index.name))


def _added(tables: Sequence[sa.Table], type_: type[sa.schema.ColumnCollectionConstraint]) -> Iterator[sa.schema.DDLElement]:
    for table in tables:
        for constraint in sorted((c for c in table.constraints if isinstance(c, type_)), key=lambda c: [column.name for column in c.columns]):
            yield sa.schema.AddConstraint(constraint, isolate_from_table=False)


def _to_text(value: datetime) -> str:
    """ISO 8601 with all six digits, so that text order is time order."""
    return value.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _to_bool(value: object) -> bool:
    if value not in (0, 1):
        raise ValueError(f"{value!r} is neither true nor false")
    return value == 1


def _without_zone(value: datetime) -> datetime:
    return value.replace(tzinfo=None)


def _with_zone(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC)


DIALECTS: dict[str, type[Dialect]] = {"sqlite": Dialect, "postgresql": PostgreSQL, "mysql": MariaDB, "mariadb": MariaDB}
_DRIVERS = {"postgresql": "psycopg", "mysql": "pymysql", "mariadb": "pymysql"}


LONGEST_VALUE = 2**28
"""Bytes of a text or content in a SQLite file that is read as a source: a column of it may be a formula that gives any length."""


def connect(address: str, options: Options, *, as_source: bool = False) -> tuple[sa.Engine, Dialect]:
    """An engine for a SQLAlchemy URL, and its dialect. A SQLite file that is only a source may come from anywhere and is not written."""
    try:
        url = sa.make_url(address)
    except sa.exc.ArgumentError as error:
        raise LocatorError(f"{address} is not a database URL.", "As sqlite:///acme.db or postgresql://user@host/database") from error
    system = url.get_backend_name()
    if url.password is not None:
        raise LocatorError(
            f"The address of the {system} database holds a password, which would stay in the shell's history.",
            "Leave it out of the address and set the environment variable REVERSA_PASSWORD.",
        )
    if system == "sqlite" and url.database in (None, "", ":memory:"):
        raise LocatorError("A database in memory is gone when the command ends.", "Give it a file: sqlite:///acme.db")
    if system not in DIALECTS:
        raise LocatorError(f"reversa has not been proved on {system}.", f"Known: {', '.join(sorted(DIALECTS))}")
    if url.drivername == system and system in _DRIVERS:
        url = url.set(drivername=f"{system}+{_DRIVERS[system]}")
    if options.password is not None and system != "sqlite":
        url = url.set(password=options.password)
    dialect = DIALECTS[system]()
    try:
        engine = sa.create_engine(url, **({"creator": lambda: _sqlite_source(url.database or "")} if system == "sqlite" and as_source else {}))
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"{system} needs the Python package {error.name}.", f"pip install 'reversa[{'postgresql' if system == 'postgresql' else 'mariadb'}]'"
        ) from error
    sa.event.listen(engine, "connect", lambda connection, _: dialect.prepare(connection))
    sa.event.listen(engine, "begin", dialect.begin)
    return engine, dialect


def _sqlite_source(file: str) -> sqlite3.Connection:
    """A connection that changes nothing: neither the file, nor what lies beside it."""
    connection = sqlite3.connect(f"file:{quote(file)}?mode=ro", uri=True)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)
    return connection


def damage(engine: sa.Engine, check: Literal["integrity_check", "quick_check"] = "integrity_check") -> str:
    """What SQLite finds wrong with its own file, in its own words; empty when nothing is. The quick check trusts the indexes."""
    with engine.connect() as connection:
        found = connection.exec_driver_sql(f"PRAGMA {check}(1)").scalar_one()
    return "" if found == "ok" else str(found)


def present(engine: sa.Engine) -> set[str]:
    """Names of the tables that are there. A SQLite file is not made by looking."""
    file = engine.url.database or ""
    if engine.dialect.name == "sqlite" and not file.startswith(("file:", ":memory:")) and not Path(file).exists():
        return set()
    return set(sa.inspect(engine).get_table_names())


@contextlib.contextmanager
def answered(engine: sa.Engine) -> Iterator[None]:
    """Turn a failure of the database into an error that says what to do."""
    try:
        yield
    except sa.exc.SQLAlchemyError as error:
        reason = " ".join(str(getattr(error, "orig", None) or error).split())
        raise TargetError(
            f"The database at {engine.url} failed: {reason}", "Mend it and type the same command again: the run goes on where it stopped."
        ) from error
