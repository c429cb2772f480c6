"""Reads dumps of MySQL, MariaDB and SQLite without those systems: a dump is parsed, and nothing in it is run."""

from __future__ import annotations

import re
from pathlib import Path

from reversa.systems.tables.contract import Table
from reversa.systems.tables.dumpfile import Dump
from reversa.systems.tables.pgdump import PgDump
from reversa.systems.tables.sqllex import MYSQL, SQLITE
from reversa.systems.tables.streams import first_bytes

_SQLITE = re.compile(rb"\A\s*+(?:(?:PRAGMA [^;]*+;|/\*[^*]*+\*/;?)\s*+)*+BEGIN TRANSACTION;")
_MYSQL = re.compile(
    rb"^(?:-- (?:MySQL|MariaDB) dump|-- phpMyAdmin|/\*[!M]|SET NAMES |(?:CREATE TABLE|INSERT INTO)[^'(]*`)|\)\s*ENGINE\s*=", re.MULTILINE
)
_SIGNS = re.compile(rb"^(?:CREATE (?:TEMPORARY )?TABLE|INSERT INTO|REPLACE INTO)\b", re.MULTILINE | re.IGNORECASE)


class SqlDump(Dump):
    """What mariadb-dump, mysqldump, phpMyAdmin and the .dump of sqlite3 write."""

    def __init__(self, path: Path) -> None:
        first = first_bytes(path)
        super().__init__(path, MYSQL if _MYSQL.search(first) and not _SQLITE.match(first) else SQLITE, "")
        self._scan()

    def tables(self) -> list[Table]:
        return [table for table in super().tables() if not table.name.startswith("sqlite_")]  # its own

    @staticmethod
    def recognises(path: Path) -> bool:
        first = first_bytes(path)
        return bool(_SQLITE.match(first) or _MYSQL.search(first) or _SIGNS.search(first)) and not PgDump.recognises(path)
