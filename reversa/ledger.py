"""What happened to each record: resume point, undo list, id map. One SQLite file in the run folder.

An intent to write what the target does not hold is committed before the target is touched, the outcome after it. A crash
in between leaves an open intent: if the target then holds the record, this run wrote it, and it is not sent again.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from reversa.adapter import Noted
from reversa.errors import RunError
from reversa.records import KINDS, Ref, ref_parts

EVERYTHING = Ref("*")
"""The intent to write every record of the package together, all or none."""

State = Literal["written", "merged", "skipped", "refused", "blocked"]
_NOT_ARRIVED = "FROM outcome WHERE state IN ('refused', 'blocked')"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS intent (record TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outcome (
    kind TEXT NOT NULL, id TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
    source_digest TEXT NOT NULL, expected_digest TEXT, PRIMARY KEY (kind, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS target (
    kind TEXT NOT NULL, id TEXT NOT NULL, n INTEGER NOT NULL, target TEXT NOT NULL, PRIMARY KEY (kind, id, n)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS change (code TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, count INTEGER NOT NULL, detail TEXT NOT NULL);
"""


class Entry(msgspec.Struct, frozen=True):
    """The outcome of one record."""

    record: Ref
    state: State
    source_digest: str
    expected_digest: str | None = None
    targets: tuple[str, ...] = ()
    reason: str = ""


class Ledger:
    """The ledger of one run: one package into one target."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(_SCHEMA)
        self._begun = self._db.execute("SELECT 1 FROM outcome LIMIT 1").fetchone() is not None
        self.interrupted = frozenset(Ref(record) for (record,) in self._db.execute("SELECT record FROM intent"))
        """Records whose writing was begun by an earlier attempt and not confirmed. The target did not hold them before."""

    def bind(self, package: str, target: str) -> None:
        """Say what the run is about. Raises RunError when it is about something else already."""
        for key, value, what in (("package", package, "another package"), ("target", target, "another target")):
            held = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
            if held is None:
                self._db.execute("INSERT INTO meta VALUES (?, ?)", (key, value))
            elif held[0] != value:
                raise RunError(f"This run folder belongs to {what}.", "Give a folder of its own: --run NEW_FOLDER")

    def settled(self, records: Sequence[Ref]) -> set[Ref]:
        """Those of the records that have an outcome."""
        if not self._begun:
            return set()
        query = "SELECT 1 FROM outcome WHERE kind = ? AND id = ?"
        return {record for record in records if self._db.execute(query, ref_parts(record)).fetchone()}

    def intend(self, records: Iterable[Ref]) -> None:
        """Commit that these records, which the target does not hold, are about to be written."""
        with self._transaction():
            self._db.executemany("INSERT OR IGNORE INTO intent VALUES (?)", ((record,) for record in records))

    def settle(self, entries: Sequence[Entry], changes: Iterable[Noted]) -> None:
        """Commit what became of these records, with the changes on the way, and close their intents."""
        with self._transaction():
            self._db.executemany(
                "INSERT INTO outcome VALUES (?, ?, ?, ?, ?, ?)",
                ((*ref_parts(e.record), e.state, e.reason, e.source_digest, e.expected_digest) for e in entries),
            )
            self._db.executemany(
                "INSERT INTO target VALUES (?, ?, ?, ?)",
                ((*ref_parts(e.record), n, target) for e in entries for n, target in enumerate(e.targets)),
            )
            self._db.executemany("INSERT INTO change VALUES (?, ?, ?, ?, ?)", ((c.code, *ref_parts(c.record), c.count, c.detail) for c in changes))
            self._db.executemany("DELETE FROM intent WHERE record = ?", ((e.record,) for e in entries))
        self._begun = True

    def untouched(self) -> bool:
        """Whether no record has an outcome or an intent of its own."""
        return not self._begun and self.interrupted <= {EVERYTHING}

    def settle_everything(self, rows: Iterable[tuple[str, Sequence[str], Sequence[str], Sequence[str]]]) -> None:
        """Commit that every record was written as it was; ``rows`` gives kinds with ids, digests and targets."""
        self._db.execute("PRAGMA journal_mode = TRUNCATE")  # a WAL would hold, and write, all of it twice
        with self._transaction():
            for kind, ids, digests, targets in rows:
                outcomes = zip(itertools.repeat(kind), ids, digests, digests, strict=False)
                self._db.executemany("INSERT INTO outcome VALUES (?, ?, 'written', '', ?, ?)", outcomes)
                self._db.executemany("INSERT INTO target VALUES (?, ?, 0, ?)", zip(itertools.repeat(kind), ids, targets, strict=False))
            self._db.execute("DELETE FROM intent")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._begun = True

    def targets(self, kind: str) -> Iterator[tuple[list[str], list[str]]]:
        """Ids of a kind and the target's ids for them, many at a time. A record with several stands several times."""
        rows = self._db.execute("SELECT id, target FROM target WHERE kind = ?", (kind,))
        while some := rows.fetchmany(250_000):
            ids, targets = zip(*some, strict=True)
            yield list(ids), list(targets)

    def withdraw(self) -> None:
        """Commit that nothing is about to be written any more."""
        self._db.execute("DELETE FROM intent")
        self.interrupted = frozenset()

    def _transaction(self) -> sqlite3.Connection:
        self._db.execute("BEGIN IMMEDIATE")
        return self._db

    def counts(self) -> dict[str, dict[str, int]]:
        """Law 1 at import: kind → state → records."""
        found: dict[str, dict[str, int]] = {}
        for kind, state, count in self._db.execute("SELECT kind, state, count(*) FROM outcome GROUP BY kind, state"):
            found.setdefault(kind, {})[state] = count
        return {kind: found[kind] for kind in KINDS if kind in found}

    def size(self) -> int:
        """Records that have an outcome."""
        return int(self._db.execute("SELECT count(*) FROM outcome").fetchone()[0])

    def changes(self) -> dict[str, int]:
        """Code → how often that change was made on the way to the target."""
        return dict(self._db.execute("SELECT code, sum(count) FROM change GROUP BY code"))

    def entry(self, record: Ref) -> Entry | None:
        """What happened to one record."""
        kind, id = ref_parts(record)
        row = self._db.execute("SELECT state, source_digest, expected_digest, reason FROM outcome WHERE kind = ? AND id = ?", (kind, id)).fetchone()
        if row is None:
            return None
        targets = tuple(t for (t,) in self._db.execute("SELECT target FROM target WHERE kind = ? AND id = ? ORDER BY n", (kind, id)))
        return Entry(record, row[0], row[1], row[2], targets, row[3])

    def refused(self) -> set[Ref]:
        """The records that did not arrive, and are known not to have."""
        return {Ref(f"{kind}:{id}") for kind, id in self._db.execute(f"SELECT kind, id {_NOT_ARRIVED}")}

    def refusals(self, limit: int) -> list[Entry]:
        """Records that did not arrive, with the reason."""
        query = f"SELECT kind, id {_NOT_ARRIVED} LIMIT ?"
        entries = [self.entry(Ref(f"{kind}:{id}")) for kind, id in self._db.execute(query, (limit,)).fetchall()]
        return [entry for entry in entries if entry is not None]

    def written(self, states: tuple[State, ...] = ("written",)) -> Iterator[tuple[Ref, tuple[str, ...]]]:
        """The records in these states with the target's ids for them."""
        marks = ", ".join("?" * len(states))
        query = f"SELECT o.kind, o.id, t.target FROM outcome o JOIN target t USING (kind, id) WHERE state IN ({marks}) ORDER BY o.kind, o.id, t.n"  # noqa: S608 - marks only
        current: tuple[Ref, tuple[str, ...]] | None = None
        for kind, id, target in self._db.execute(query, states):
            record = Ref(f"{kind}:{id}")
            if current is not None and current[0] == record:
                current = record, (*current[1], target)
                continue
            if current is not None:
                yield current
            current = record, (target,)
        if current is not None:
            yield current

    def forget(self) -> None:
        """Everything was undone."""
        with self._transaction():
            for table in ("intent", "outcome", "target", "change", "meta"):
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
        self._begun = False

    def close(self) -> None:
        self._db.close()
