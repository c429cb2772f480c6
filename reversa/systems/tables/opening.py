"""Which reader reads a source: by the beginning of its bytes, or by its being an address."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from reversa.adapter import Options
from reversa.errors import SourceError
from reversa.systems.tables.contract import Reader

if TYPE_CHECKING:
    from reversa.systems.tables.folder import Folder
    from reversa.systems.tables.pgdump import PgDump
    from reversa.systems.tables.siard import Siard
    from reversa.systems.tables.sqldump import SqlDump

KNOWN = "Known: databases by their address, SQLite files, dumps of pg_dump, mysqldump and sqlite3, SIARD, folders of CSV, JSON Lines, XLSX, Parquet"


def open_reader(database: str, options: Options) -> Reader:
    """The reader of an address or a path. Raises SourceError when it is nothing known."""
    if "://" in database:
        from reversa.systems.tables.live import Live

        return Live(database, options)
    path = Path(database)
    if not path.exists():
        raise SourceError(
            f"There is no database at {path}.", "Give the path of a dump, a file or a folder, or a URL such as postgresql://user@host/name"
        )
    if is_sqlite(path):
        from reversa.systems.tables.live import Live

        return Live(f"sqlite:///{path}", options)
    for kind in _dumps():
        if kind.recognises(path):
            reader: Reader = kind(path)
            return reader
    raise SourceError(f"{path} is no database that reversa knows.", KNOWN)


def is_sqlite(path: Path) -> bool:
    """Whether a file is a SQLite database."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(16) == b"SQLite format 3\0"


def recognises(path: Path) -> bool:
    """Whether a path is a source of tables that is no running database."""
    return any(kind.recognises(path) for kind in _dumps())


def _dumps() -> tuple[type[PgDump | SqlDump | Siard | Folder], ...]:
    """Loaded when a path is looked at: their libraries are heavy."""
    from reversa.systems.tables.folder import Folder
    from reversa.systems.tables.pgdump import PgDump
    from reversa.systems.tables.siard import Siard
    from reversa.systems.tables.sqldump import SqlDump

    return PgDump, Siard, SqlDump, Folder
