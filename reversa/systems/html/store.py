"""The working file of an archive: cards by record until all are there and pages can be made of them.

One SQLite file inside the archive, ``.unfinished/records.sqlite``. It survives a crash, and is removed when the pages stand.
"""

from __future__ import annotations

import contextlib
import functools
import re
import sqlite3
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from reversa.records import EPOCH, KINDS, Message, Page, Record, Ref, Revision, Row, Space, kind_of, ref_parts, ref_to
from reversa.systems.html.cards import Card

_SCHEMA = """
CREATE TABLE IF NOT EXISTS owner (source TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS unit (root TEXT PRIMARY KEY, place TEXT NOT NULL, rank INTEGER NOT NULL, at INTEGER, thread TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS card (
    number INTEGER PRIMARY KEY, ref TEXT NOT NULL UNIQUE, root TEXT NOT NULL, rank INTEGER NOT NULL, at INTEGER,
    size INTEGER NOT NULL, author TEXT, label TEXT NOT NULL, snippet TEXT NOT NULL, html TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS card_root ON card (root);
CREATE TABLE IF NOT EXISTS tree (ref TEXT PRIMARY KEY, parent TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS file (ref TEXT NOT NULL, path TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS file_ref ON file (ref);
-- only sorts the words of the records, outside memory: the search itself is done by the script of the pages
CREATE VIRTUAL TABLE IF NOT EXISTS word USING fts5 (words, content='', detail='none', tokenize='ascii');
CREATE VIRTUAL TABLE IF NOT EXISTS term USING fts5vocab (word, 'instance');
CREATE TABLE IF NOT EXISTS placed (seq INTEGER PRIMARY KEY, ref TEXT NOT NULL UNIQUE, page INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS placed_page ON placed (page);
CREATE TABLE IF NOT EXISTS page (page INTEGER PRIMARY KEY, place TEXT NOT NULL, number INTEGER NOT NULL, at INTEGER);
"""
_RANK = {kind: rank for rank, kind in enumerate(KINDS)}
_WORD = re.compile(r"[^\W_]+")
_ALONE = re.compile("([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff])")
LONGEST_WORD = 64
SNIPPET = 160


class Sheet(NamedTuple):
    """One page of the site: its place, and its number there."""

    page: int
    place: str
    number: int


def microseconds(at: datetime | None) -> int | None:
    """A moment as a sortable number."""
    if at is None:
        return None
    past = at - EPOCH
    return (past.days * 86_400 + past.seconds) * 1_000_000 + past.microseconds


@functools.cache
def _without_marks() -> dict[int, None]:
    """What takes away all that Unicode calls marks, as the script does."""
    return {number: None for number in range(0x300, sys.maxunicode + 1) if unicodedata.category(chr(number)).startswith("M")}


def words_of(text: str) -> str:
    """The words that a text is found by: small letters without accents; letters of scripts without spaces one by one.

    ``site.js`` does the same.
    """
    plain = text.lower()
    if not plain.isascii():
        plain = _ALONE.sub(r" \1 ", unicodedata.normalize("NFKD", plain).translate(_without_marks()).lower())
    return " ".join(word[:LONGEST_WORD] for word in _WORD.findall(plain))


def place_of(root: Ref, record: Record | None) -> str:
    """Where a unit is shown: messages in their space, a space, a page and a table in a place of their own, others by kind."""
    kind, _ = ref_parts(root)
    if isinstance(record, Message) and record.space is not None:
        return record.space
    if isinstance(record, Row):
        return record.table
    return root if kind in ("space", "page", "table") else kind


class Store:
    """Cards, and the order in which they stand on pages."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.execute("PRAGMA locking_mode = EXCLUSIVE")
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA cache_size = -32768")
        self.db.executescript(_SCHEMA)

    def belongs_to(self, source: str) -> str:
        """Whose records these are: of the source named, unless another one began."""
        self.db.execute("INSERT INTO owner SELECT ? WHERE NOT EXISTS (SELECT 1 FROM owner)", (source,))
        return str(self.db.execute("SELECT source FROM owner").fetchone()[0])

    def held(self, records: Iterable[Ref]) -> list[Ref]:
        """Those of the records that have a card."""
        asked, found = list(records), []
        for some in (asked[start : start + 500] for start in range(0, len(asked), 500)):
            marks = ", ".join("?" * len(some))
            found += [Ref(ref) for (ref,) in self.db.execute(f"SELECT ref FROM card WHERE ref IN ({marks})", some)]  # noqa: S608 - marks only
        return found

    def add(self, cards: Iterable[tuple[Record, Card, list[str]]]) -> None:
        """Keep these records with their cards and the paths of their files, all or none."""
        units, orphans, tree, rows, words, files = [], [], [], [], [], []
        for number, (record, card, paths) in enumerate(cards, self.highest() + 1):
            me, rank, at = ref_to(record), _RANK[kind_of(record)], microseconds(record.created_at)
            if me == record.root:
                rank = -1
                thread = record.thread if isinstance(record, Message) else None
                units.append((me, place_of(me, record), int(isinstance(record, Message)), at, thread))
            else:
                orphans.append((record.root, place_of(record.root, None)))
                at = -(record.order or 0) if isinstance(record, Revision) else record.order
            if isinstance(record, Page | Space):
                tree.append((me, record.parent))
            snippet = " ".join(card.words[: 4 * SNIPPET].split())[:SNIPPET]
            rows.append((number, me, record.root, rank, at, card.size, record.created_by, card.label, snippet, card.html))
            if card.words:
                words.append((number, words_of(card.words)))
            files += [(me, path) for path in paths]
        with self._whole():
            self.db.executemany("INSERT OR REPLACE INTO unit VALUES (?, ?, ?, ?, ?)", units)
            self.db.executemany("INSERT OR IGNORE INTO unit VALUES (?, ?, 1, NULL, NULL)", orphans)
            self.db.executemany("INSERT OR REPLACE INTO tree VALUES (?, ?)", tree)
            self.db.executemany("INSERT INTO card VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            self.db.executemany("INSERT INTO word (rowid, words) VALUES (?, ?)", words)
            self.db.executemany("INSERT INTO file VALUES (?, ?)", files)

    def highest(self) -> int:
        """The highest number that a card has or had: the words of one taken out stay under its number."""
        return int(
            self.db.execute("SELECT max(coalesce((SELECT max(number) FROM card), 0), coalesce((SELECT max(id) FROM word_docsize), 0))").fetchone()[0]
        )

    def remove(self, records: Iterable[Ref]) -> None:
        """Take cards out, all or none. Their words stay in the index, where they lead to no record."""
        with self._whole():
            for record in records:
                for table in ("card", "file", "tree"):
                    self.db.execute(f"DELETE FROM {table} WHERE ref = ?", (record,))  # noqa: S608 - our own names

    def paths(self) -> set[str] | None:
        """The files that records need; None when there is no record left."""
        if self.db.execute("SELECT 1 FROM card LIMIT 1").fetchone() is None:
            return None
        return {str(path) for (path,) in self.db.execute("SELECT path FROM file")}

    @contextlib.contextmanager
    def _whole(self) -> Iterator[None]:
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    # ------------------------------------------------------------------------------------------- pages

    def arrange(self, page_bytes: int) -> None:
        """Give every card its page: units in the order in which they are read, a new page when one is full."""
        db = self.db
        query = """
            SELECT u.place, c.ref, c.size, u.at FROM unit u LEFT JOIN unit t ON t.root = u.thread JOIN card c ON c.root = u.root
            ORDER BY u.place, u.rank, coalesce(t.at, u.at), coalesce(u.thread, u.root), u.root <> coalesce(u.thread, u.root), u.at, u.root,
                     c.rank, c.at, c.ref"""
        with self._whole():
            db.execute("DELETE FROM placed")
            db.execute("DELETE FROM page")
            page, place, number, room = 0, None, 0, 0
            for seq, (of, ref, size, at) in enumerate(db.execute(query)):
                if of != place or room < size:
                    number = 1 if of != place else number + 1
                    page, place, room = page + 1, of, page_bytes
                    db.execute("INSERT INTO page VALUES (?, ?, ?, ?)", (page, place, number, at))
                room -= size
                db.execute("INSERT INTO placed VALUES (?, ?, ?)", (seq, ref, page))

    def sheets(self) -> Iterator[Sheet]:
        for row in self.db.execute("SELECT page, place, number FROM page ORDER BY page"):
            yield Sheet(*row)

    def cards(self, page: int) -> Iterator[str]:
        """The cards of a page in order."""
        query = "SELECT c.html FROM placed p JOIN card c USING (ref) WHERE p.page = ? ORDER BY p.seq"
        return (html for (html,) in self.db.execute(query, (page,)))

    def where(self, record: str) -> tuple[int, str] | None:
        """The page and the label of a record."""
        row: tuple[int, str] | None = self.db.execute("SELECT page, label FROM placed JOIN card USING (ref) WHERE ref = ?", (record,)).fetchone()
        return row

    def label(self, record: str) -> str | None:
        row = self.db.execute("SELECT label FROM card WHERE ref = ?", (record,)).fetchone()
        return None if row is None else str(row[0])

    def close(self) -> None:
        self.db.close()
