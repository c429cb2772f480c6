"""What differs between the databases: how values are held, what cannot be held, how rows are loaded fast."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from reversa.adapter import Options
from reversa.errors import LocatorError, MissingExtra, TargetError

Convert = Callable[[Any], Any]


class Dialect:
    """SQLite, and what the others share with it."""

    name = "sqlite"
    json_text = "json_extract({column}, '$.text')"
    id_bytes: int | None = None
    """Longest id in UTF-8 that the unique index takes; None: no limit met."""
    holds_nul = True
    instant: Any = sa.Text()
    text: Any = sa.Text()
    id: Any = sa.Text()
    binary: Any = sa.LargeBinary()
    date: Any = sa.Text()
    on_connect: tuple[str, ...] = ("PRAGMA foreign_keys = ON", "PRAGMA trusted_schema = OFF")
    limits = {"text": "any text, U+0000 included"}

    def encoder(self, type_: str) -> Convert | None:
        """How a value of a schema type is given to the driver; None: as it is."""
        return {"instant": _to_text, "date": date.isoformat}.get(type_)

    def decoder(self, type_: str) -> Convert | None:
        """How a value from the driver becomes one of the schema; None: as it is."""
        return {"instant": datetime.fromisoformat, "date": date.fromisoformat, "boolean": bool}.get(type_)

    def insert(self, connection: sa.Connection, table: sa.Table, rows: Sequence[tuple[Any, ...]]) -> None:
        """Add rows, given in the order of the table's columns."""
        statement = str(sa.insert(table).compile(dialect=connection.dialect, column_keys=[c.key for c in table.columns]))
        connection.exec_driver_sql(statement, list(rows))


class PostgreSQL(Dialect):
    name = "postgresql"
    json_text = "({column}::json ->> 'text')"
    id_bytes = 2_000  # a btree entry must fit a third of a page: 2,704 bytes for the whole key
    holds_nul = False
    instant = sa.TIMESTAMP(timezone=True)
    date = sa.Date()
    on_connect = ("SET TIME ZONE 'UTC'",)
    limits = {"text": "no U+0000: shown as U+2400", "id": "2,000 bytes, no U+0000"}

    def encoder(self, type_: str) -> Convert | None:
        return None

    def decoder(self, type_: str) -> Convert | None:
        return _in_utc if type_ == "instant" else None

    def insert(self, connection: sa.Connection, table: sa.Table, rows: Sequence[tuple[Any, ...]]) -> None:
        quote = connection.dialect.identifier_preparer
        columns = ", ".join(quote.quote(column.name) for column in table.columns)
        driver = connection.connection.cursor()
        with driver.copy(f"COPY {quote.format_table(table)} ({columns}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)


class MariaDB(Dialect):
    name = "mariadb"
    json_text = "JSON_VALUE({column}, '$.text')"
    id_bytes = 2_048  # 512 characters of 4 bytes: the index takes 3,072 bytes
    instant = mysql.DATETIME(fsp=6)
    text = mysql.LONGTEXT(charset="utf8mb4", collation="utf8mb4_nopad_bin")
    id = mysql.VARCHAR(512, charset="utf8mb4", collation="utf8mb4_nopad_bin")
    binary = mysql.LONGBLOB()
    date = sa.Date()
    on_connect = ("SET time_zone = '+00:00'", "SET sql_mode = 'STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES'", "SET NAMES utf8mb4 COLLATE utf8mb4_nopad_bin")
    limits = {"text": "max_allowed_packet of the server, 16 MiB by default", "id": "512 characters", "names": "compared byte by byte"}

    def encoder(self, type_: str) -> Convert | None:
        return _without_zone if type_ == "instant" else None

    def decoder(self, type_: str) -> Convert | None:
        return {"instant": _with_zone, "boolean": bool}.get(type_)


def _to_text(value: datetime) -> str:
    """ISO 8601 with all six digits, so that text order is time order."""
    return value.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _in_utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


def _without_zone(value: datetime) -> datetime:
    return value.replace(tzinfo=None)


def _with_zone(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC)


_DIALECTS: dict[str, Dialect] = {"sqlite": Dialect(), "postgresql": PostgreSQL(), "mysql": MariaDB(), "mariadb": MariaDB()}
_DRIVERS = {"postgresql": "psycopg", "mysql": "pymysql", "mariadb": "pymysql"}


def connect(address: str, options: Options) -> tuple[sa.Engine, Dialect]:
    """An engine for a SQLAlchemy URL, and its dialect."""
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
    if system not in _DIALECTS:
        raise LocatorError(f"reversa has not been proved on {system}.", f"Known: {', '.join(sorted(_DIALECTS))}")
    if url.drivername == system and system in _DRIVERS:
        url = url.set(drivername=f"{system}+{_DRIVERS[system]}")
    if options.password is not None and system != "sqlite":
        url = url.set(password=options.password)
    dialect = _DIALECTS[system]
    try:
        engine = sa.create_engine(url)
    except ModuleNotFoundError as error:
        raise MissingExtra(f"{system} needs the Python package {error.name}.", f"pip install 'reversa[{'postgresql' if system == 'postgresql' else 'mariadb'}]'") from error
    sa.event.listen(engine, "connect", lambda connection, _: _prepare(connection, dialect))
    return engine, dialect


def _prepare(connection: Any, dialect: Dialect) -> None:
    cursor = connection.cursor()
    for statement in dialect.on_connect:
        cursor.execute(statement)
    cursor.close()
    if dialect.name != "sqlite":
        connection.commit()


def target_error(error: sa.exc.SQLAlchemyError, address: str) -> TargetError:
    """What a person is told when a database fails."""
    reason = " ".join(str(getattr(error, "orig", None) or error).split())
    return TargetError(f"The database at {address} failed: {reason}", "Mend it and type the same command again: the run goes on where it stopped.")
