"""What happened to each record: resume point, undo list, id map. One SQLite file in the run folder.

An intent to write what the target does not hold is committed before the target is touched, the outcome after it. A crash
in between leaves an open intent: if the target then holds the record, this run wrote it, and it is not sent again.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from reversa.adapter import Noted
from reversa.errors import RunError
from reversa.records import KINDS, Ref, ref_parts

EVERYTHING = Ref("*")
"""The intent to write every record of the package together, all or none."""

State = Literal["written", "replaced", "merged", "skipped", "refused", "blocked", "conflict", "kept", "removed"]
"""`replaced`: written anew from a newer package. `conflict`: people changed it at the target, nobody has decided; `kept`: theirs stays.
`removed`: taken out of the target, since the source holds it no more. Of what the source holds no more, the source digest is empty."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS intent (record TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outcome (
    kind TEXT NOT NULL, id TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, source_digest TEXT NOT NULL,
    expected_digest TEXT, root TEXT NOT NULL, generation INTEGER NOT NULL, targets TEXT NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS not_written ON outcome (state, kind, source_digest) WHERE state <> 'written';
CREATE TABLE IF NOT EXISTS change (code TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, count INTEGER NOT NULL, detail TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS change_record ON change (kind, id);
CREATE TEMP TABLE newer (kind TEXT NOT NULL, id TEXT NOT NULL, digest TEXT NOT NULL, root TEXT NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID;
"""
SAME = "="
"""In place of a digest: that of the source. In place of a root: the record itself. Both are what most rows would repeat."""
_NOT = "state <> 'written'"
"""So SQLite finds by the index what is not as most rows are."""
_NOTHING_THERE = "(state IN ('refused', 'blocked', 'removed') OR state = 'skipped' AND source_digest <> coalesce(digest, ''))"
"""Of an outcome beside the newer record: nothing of it is at the target, and what comes is new to it."""
_GONE = """NOT EXISTS (SELECT 1 FROM newer n WHERE n.kind = o.kind AND n.id = o.id)
    AND state <> 'removed' AND (state <> 'kept' OR source_digest <> '')"""
"""Of an outcome ``o``: the newer package has no such record, and that has not been dealt with."""


class Entry(msgspec.Struct, frozen=True):
    """The outcome of one record."""

    record: Ref
    state: State
    source_digest: str
    expected_digest: str | None = None
    targets: tuple[str, ...] = ()
    reason: str = ""
    root: Ref = Ref("")
    generation: int = 0
    """Of the package that it came from; the ledger fills it in."""


class Ledger:
    """The ledger of one run: one package into one target, and its newer ones after it."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(_SCHEMA)
        self._begun = self._db.execute("SELECT 1 FROM outcome LIMIT 1").fetchone() is not None
        self.interrupted = frozenset(Ref(record) for (record,) in self._db.execute("SELECT record FROM intent"))
        """Records whose writing was begun by an earlier attempt and not confirmed."""
        self.taken = 0
        """Records settled since it was opened."""
        self._of = "outcome"

    def bind(self, package: str, target: str) -> None:
        """Say what the run is about. Raises RunError when it is about something else already."""
        for key, value, what in (("package", package, "another package"), ("target", target, "another target")):
            held = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
            if held is None:
                self._db.execute("INSERT INTO meta VALUES (?, ?)", (key, value))
            elif held[0] != value:
                raise RunError(f"This run folder belongs to {what}.", "Give a folder of its own: --run NEW_FOLDER")

    @property
    def begun(self) -> bool:
        """Whether any record has an outcome."""
        return self._begun

    @property
    def generation(self) -> int:
        """The number of the package that is being carried: 1 for the first."""
        held = self._db.execute("SELECT value FROM meta WHERE key = 'generation'").fetchone()
        return 1 if held is None else int(held[0])

    def advance(self, package: str) -> None:
        """Go on with a newer package of the same source; doing it twice is doing it once."""
        generation = self.generation + 1
        with self._transaction():
            moved = self._db.execute("UPDATE meta SET value = ? WHERE key = 'package' AND value <> ?", (package, package))
            if moved.rowcount:
                self._db.execute("INSERT OR REPLACE INTO meta VALUES ('generation', ?)", (str(generation),))

    def settled(self, records: Sequence[Ref]) -> set[Ref]:
        """Those of the records that have an outcome, and were not removed."""
        if not self._begun:
            return set()
        query = "SELECT 1 FROM outcome WHERE kind = ? AND id = ? AND state <> 'removed'"
        return {record for record in records if self._db.execute(query, ref_parts(record)).fetchone()}

    def intend(self, records: Iterable[Ref]) -> None:
        """Commit that these records are about to be written or removed."""
        with self._transaction():
            self._db.executemany("INSERT OR IGNORE INTO intent VALUES (?)", ((record,) for record in records))

    def settle(self, entries: Sequence[Entry], changes: Iterable[Noted]) -> None:
        """Commit what became of these records, with the changes on the way, and close their intents."""
        generation = self.generation
        with self._transaction():
            if generation > 1:  # else no record has an outcome before
                for table in ("outcome", "change"):
                    self._db.executemany(f"DELETE FROM {table} WHERE kind = ? AND id = ?", (ref_parts(e.record) for e in entries))  # noqa: S608 - our own names
            self._db.executemany("INSERT INTO outcome VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (_row(e, e.generation or generation) for e in entries))
            self._db.executemany("INSERT INTO change VALUES (?, ?, ?, ?, ?)", ((c.code, *ref_parts(c.record), c.count, c.detail) for c in changes))
            self._db.executemany("DELETE FROM intent WHERE record = ?", ((e.record,) for e in entries))
        self._begun = True
        self.taken += len(entries)

    def untouched(self) -> bool:
        """Whether no record has an outcome or an intent of its own."""
        return not self._begun and self.interrupted <= {EVERYTHING}

    def settle_everything(self, rows: Iterable[tuple[str, Sequence[str], Sequence[str], Sequence[str], Sequence[str]]]) -> None:
        """Commit that every record was written as it was; ``rows`` gives kinds with ids, digests, roots (or SAME) and targets, as JSON."""
        self._db.execute("PRAGMA journal_mode = TRUNCATE")  # a WAL would hold, and write, all of it twice
        generation = self.generation
        with self._transaction():
            for kind, ids, digests, roots, targets in rows:
                self._db.executemany(
                    f"INSERT INTO outcome VALUES ('{kind}', ?, 'written', '', ?, '{SAME}', ?, {generation}, ?)",  # noqa: S608 - our own names
                    zip(ids, digests, roots, targets, strict=True),
                )
                self.taken += len(ids)
            self._db.execute("DELETE FROM intent")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._begun = True

    def targets(self, kind: str) -> Iterator[tuple[list[str], list[str]]]:
        """Ids of a kind and the target's ids for them, as JSON, many at a time; records without any are left out."""
        rows = self._db.execute("SELECT id, targets FROM outcome WHERE kind = ? AND targets <> '[]'", (kind,))
        while some := rows.fetchmany(1000):  # with more at once, the processor's caches miss: twice the time
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
        """Law 1 at import: kind → state → records that the source holds."""
        found: dict[str, Counter[str]] = {}
        of_all = f"SELECT kind, 'written', count(*) FROM {self._of} GROUP BY kind"  # noqa: S608 - our own names
        others = f"SELECT kind, state, source_digest <> '', count(*) FROM {self._of} WHERE state <> 'written' GROUP BY 1, 2, 3"  # noqa: S608 - our own names
        for kind, state, count in self._db.execute(of_all):
            found[kind] = Counter({state: count})
        for kind, state, held, count in self._db.execute(others):
            found[kind]["written"] -= count
            if held:
                found[kind]["written" if state == "replaced" else state] += count
        return {
            kind: {state: count for state, count in found[kind].items() if count} for kind in KINDS if kind in found and any(found[kind].values())
        }

    def changes(self) -> dict[str, int]:
        """Code → how often that change was made on the way to the target."""
        of = self._of.replace("outcome", "change")
        return dict(self._db.execute(f"SELECT code, sum(count) FROM {of} GROUP BY code"))  # noqa: S608 - our own names

    def entry(self, record: Ref) -> Entry | None:
        """What happened to one record."""
        kind, id = ref_parts(record)
        query = "SELECT state, source_digest, expected_digest, targets, reason, root, generation FROM outcome WHERE kind = ? AND id = ?"
        row = self._db.execute(query, (kind, id)).fetchone()
        if row is None:
            return None
        state, source, expected, targets, reason, root, generation = row
        expected, root = source if expected == SAME else expected, record if root == SAME else Ref(root)
        return Entry(record, state, source, expected, _ids(targets), reason, root, generation)

    def aside(self) -> set[Ref]:
        """The records of which the target is known not to show what the source says: they did not arrive, or people's changes stand."""
        return self._refs(f"FROM {self._of} WHERE {_NOT} AND state IN ('refused', 'blocked', 'conflict', 'kept') AND source_digest <> ''")

    def standing(self) -> set[Ref]:
        """The records that people changed at the target, where theirs stands."""
        return self._refs(f"FROM {self._of} WHERE {_NOT} AND state IN ('conflict', 'kept')")

    def conflicts(self) -> set[Ref]:
        """The records that people changed at the target, where nobody has decided."""
        return self._refs(f"FROM outcome WHERE {_NOT} AND state = 'conflict'")

    def _refs(self, of: str) -> set[Ref]:
        return {Ref(f"{kind}:{id}") for kind, id in self._db.execute(f"SELECT kind, id {of}")}

    def refusals(self, limit: int) -> list[Entry]:
        """Records that did not arrive, with the reason."""
        query = f"SELECT kind, id FROM {self._of} WHERE {_NOT} AND state IN ('refused', 'blocked') LIMIT ?"  # noqa: S608 - our own names
        entries = [self.entry(Ref(f"{kind}:{id}")) for kind, id in self._db.execute(query, (limit,)).fetchall()]
        return [entry for entry in entries if entry is not None]

    def written(self, states: tuple[State, ...] = ("written", "replaced")) -> Iterator[tuple[Ref, tuple[str, ...]]]:
        """The records in these states with the target's ids for them."""
        marks = ", ".join("?" * len(states))
        query = f"SELECT kind, id, targets FROM {self._of} WHERE state IN ({marks}) AND targets <> '[]' ORDER BY kind, id"  # noqa: S608 - our own names
        for kind, id, targets in self._db.execute(query, states):
            yield Ref(f"{kind}:{id}"), _ids(targets)

    # ------------------------------------------------------------------------------------------- a newer package

    def meet(self, rows: Iterable[tuple[str, str, str, str]], *, whole: bool) -> None:
        """Lay a newer package beside what is known: kind, id, digest and root of its records.

        When it is not of the whole source, nothing missing from it is gone, and from now on the ledger speaks of its records only.
        """
        with self._transaction():
            self._db.execute("DELETE FROM newer")
            self._db.executemany("INSERT INTO newer VALUES (?, ?, ?, ?)", rows)
        self._of = "outcome" if whole else "newer CROSS JOIN outcome USING (kind, id)"  # CROSS: SQLite then begins with the few
        self._whole = whole

    def delta(self) -> dict[str, dict[str, int]]:
        """`new`, `changed`, `deleted` → kind → records, of the newer package against the earlier ones: the same before and after its import."""
        now = f"generation = {self.generation}"
        what = f"""CASE WHEN outcome.kind IS NULL OR {_NOTHING_THERE} OR {now} AND state IN ('written', 'merged', 'skipped') THEN 'new'
            WHEN {now} OR source_digest <> digest THEN 'changed' ELSE 'same' END"""
        found: dict[str, dict[str, int]] = {"new": {}, "changed": {}, "deleted": {}}
        query = f"SELECT {what}, kind, count(*) FROM newer LEFT JOIN outcome USING (kind, id) GROUP BY 1, 2"  # noqa: S608 - our own names
        for of, kind, count in self._db.execute(query):
            if of != "same":
                found[of][kind] = count
        if self._whole:
            gone = f"({_GONE} AND state NOT IN ('skipped', 'refused', 'blocked') OR state = 'removed' AND {now})"
            found["deleted"] = dict(self._db.execute(f"SELECT kind, count(*) FROM outcome o WHERE {gone} GROUP BY kind"))  # noqa: S608 - our own names
        return found

    def reopen(self) -> set[Ref]:
        """Forget what did not arrive and may now; returns the roots of the units in which anything is to be done."""
        of = "outcome LEFT JOIN newer USING (kind, id)" if self._whole else self._of
        doomed = self._db.execute(f"SELECT kind, id FROM {of} WHERE state <> 'removed' AND {_NOTHING_THERE}").fetchall()  # noqa: S608 - our own names
        with self._transaction():
            for table in ("outcome", "change"):
                self._db.executemany(f"DELETE FROM {table} WHERE kind = ? AND id = ?", doomed)  # noqa: S608 - our own names
        ours = "SELECT newer.root FROM newer LEFT JOIN outcome USING (kind, id) WHERE outcome.kind IS NULL OR source_digest <> digest OR state = 'conflict'"
        gone = f" UNION SELECT CASE root WHEN '{SAME}' THEN kind || ':' || id ELSE root END FROM outcome o WHERE {_GONE}" if self._whole else ""  # noqa: S608 - our own names
        return {Ref(root) for (root,) in self._db.execute(ours + gone)}

    def gone(self) -> list[Ref]:
        """The records that the target shows and the source holds no more; what is in others last, so that it is removed first."""
        rank = {kind: number for number, kind in enumerate(KINDS)}
        return sorted(self._refs(f"FROM outcome o WHERE {_GONE}"), key=lambda record: -rank[ref_parts(record)[0]]) if self._whole else []

    def forget(self) -> None:
        """Everything was undone."""
        with self._transaction():
            for table in ("intent", "outcome", "change", "meta"):
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
        self._begun = False

    def close(self) -> None:
        self._db.close()


def _row(entry: Entry, generation: int) -> tuple[object, ...]:
    expected = SAME if entry.expected_digest == entry.source_digest else entry.expected_digest
    root = SAME if entry.root == entry.record else entry.root
    targets = msgspec.json.encode(entry.targets).decode()
    return *ref_parts(entry.record), entry.state, entry.reason, entry.source_digest, expected, root, generation, targets


_ids = msgspec.json.Decoder(tuple[str, ...]).decode
