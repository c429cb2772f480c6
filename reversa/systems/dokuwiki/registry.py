"""Which record of a source is what in a target made of files: a database beside them."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from reversa.adapter import Source
from reversa.records import Ref, ref, ref_parts

_SCHEMA = """
CREATE TABLE IF NOT EXISTS record (
    source TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, target TEXT NOT NULL, root TEXT NOT NULL,
    refs TEXT NOT NULL, name TEXT, done INTEGER NOT NULL, PRIMARY KEY (source, kind, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_target ON record (source, kind, target);
"""


class Row(msgspec.Struct, frozen=True):
    """A record of the source, and what it is in the wiki."""

    record: Ref
    target: str
    """The wiki's own id of it, as the exporter gives it."""
    root: Ref
    refs: Mapping[str, tuple[str | None, str | None]] = {}
    """Field → the reference that the wiki shows, and the one of the source that it stands for."""
    name: str | None = None
    """What the source calls it, where the wiki cannot."""


class Registry:
    """Rows of one source. Nothing is made before something is written."""

    def __init__(self, home: Path, source: Source) -> None:
        self._file, self._source = home / "records.sqlite", str(source)
        self._db: sqlite3.Connection | None = None

    def _read(self) -> sqlite3.Connection | None:
        if self._db is None and self._file.exists():
            self._db = sqlite3.connect(self._file, isolation_level=None)
        return self._db

    def _write(self) -> sqlite3.Connection:
        if self._read() is None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self._file, isolation_level=None)
        assert self._db is not None  # noqa: S101 - just opened
        self._db.executescript(_SCHEMA)
        return self._db

    def begin(self, rows: Iterable[Row]) -> None:
        """Remember what is about to be written: a name that is ours stays ours, whatever happens."""
        db = self._write()
        with _transaction(db):
            db.executemany("INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?, ?, ?, ?, 0)", (self._values(row) for row in rows))

    def done(self, records: Sequence[Ref]) -> None:
        """These are written."""
        db = self._write()
        with _transaction(db):
            db.executemany(
                "UPDATE record SET done = 1 WHERE source = ? AND kind = ? AND id = ?", ((self._source, *ref_parts(record)) for record in records)
            )

    def rows(self, kind: str, *, done: bool = True) -> Iterator[Row]:
        """The rows of a kind; ``done`` false: also those that were begun only."""
        db = self._read()
        if db is not None:
            found = db.execute(
                "SELECT id, target, root, refs, name FROM record WHERE source = ? AND kind = ? AND done >= ?", (self._source, kind, done)
            )
            for id, target, root, refs, name in found.fetchall():
                yield Row(ref(kind, id), target, root, msgspec.json.decode(refs, type=dict[str, tuple[str | None, str | None]]), name)

    def targets(self, records: Iterable[Ref], *, done: bool = True) -> dict[Ref, str]:
        """The wiki's ids of those records that it holds."""
        db = self._read()
        found = {}
        if db is not None:
            statement = "SELECT target FROM record WHERE source = ? AND kind = ? AND id = ? AND done >= ?"
            for record in records:
                row = db.execute(statement, (self._source, *ref_parts(record), done)).fetchone()
                if row is not None:
                    found[record] = str(row[0])
        return found

    def of_others(self, kind: str, target: str) -> bool:
        """Whether another record, of this source or another, is this in the wiki, too."""
        db = self._read()
        return db is not None and bool(db.execute("SELECT 1 FROM record WHERE kind = ? AND target = ?", (kind, target)).fetchone())

    def forget(self, records: Iterable[Ref]) -> None:
        """These are gone; a registry without records goes, too."""
        db = self._read()
        if db is None:
            return
        with _transaction(db):
            db.executemany("DELETE FROM record WHERE source = ? AND kind = ? AND id = ?", ((self._source, *ref_parts(record)) for record in records))
        if db.execute("SELECT 1 FROM record LIMIT 1").fetchone() is None:
            self.close()
            self._file.unlink()
            with contextlib.suppress(OSError):
                self._file.parent.rmdir()

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def _values(self, row: Row) -> tuple[str | None, ...]:
        return (self._source, *ref_parts(row.record), row.target, row.root, msgspec.json.encode(row.refs).decode(), row.name)


@contextlib.contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")
