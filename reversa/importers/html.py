"""Writes a browsable archive: a static site that opens from a disk, without a server and without the network."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Self

from reversa.adapter import Attached, Facts, Locator, Options, Outcome, Session, Shaped, Source, Unit, Unreadable
from reversa.blobs import chunks
from reversa.directory import Directory
from reversa.errors import TargetError
from reversa.records import KINDS, Body, File, Opaque, Page, Record, Ref, Revision, ref_to
from reversa.systems.html import site
from reversa.systems.html.bodies import Bodies
from reversa.systems.html.cards import Card, anchor, card
from reversa.systems.html.reading import FILE, PAGE, beginning, marks, pages, read, source_of
from reversa.systems.html.store import Store

OpenBlob = Callable[[str], BinaryIO]
_INERT = re.compile(
    r"\.(7z|avi|bmp|csv|docx?|eml|flac|gif|gz|ics|jpe?g|json|log|m4a|md|mkv|mov|mp[34]|od[pst]|ogg|pdf|png|pptx?|rtf|tar|tsv|txt|vcf|wav|web[mp]|xlsx?|zip)"
)
"""Endings that a file may keep. Others become `.bin`: a browser would run what is in a `.html` or `.svg`."""
_OF_AN_ARCHIVE = re.compile(
    rf"index\.html|site\.(css|js)|texts\.js|search/(words|[wr][0-9]+)\.js|{PAGE}|pages/list-[a-z]+/[0-9]{{5}}\.html|{FILE}(\.partial)?|\.unfinished/.+"
)
_SYSTEM_FILES = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
_OWN_FOLDER = "Give the archive a folder of its own: html:./NEW_FOLDER"


class HtmlImporter:
    """Keeps records in a working file while they come, and makes the pages when all are there."""

    def __init__(self, locator: Locator, options: Options) -> None:
        self._archive = Path(locator.address)
        self._unfinished = self._archive / ".unfinished"
        self._given = options.source
        self._lock: int | None = None
        self._store: Store | None = None
        self._index: sqlite3.Connection | None = None
        self._bodies = Bodies()
        self.facts = Facts(system="html", kinds=tuple(KINDS), limits={"sources": "one per archive"})
        self._check_folder()

    @classmethod
    def open(cls, locator: Locator, options: Options) -> Self:
        return cls(locator, options)

    @staticmethod
    def scratch_target(folder: Path) -> str:
        """An empty target for the shared suite."""
        return str(folder / "archive")

    def _check_folder(self) -> None:
        """An archive has a folder of its own, and holds one source."""
        if not self._archive.exists():
            return
        held = source_of(self._archive)
        if held is None and not self._begun() and (not self._archive.is_dir() or any(self._foreign())):
            raise TargetError(f"{self._archive} holds something else than an archive.", _OWN_FOLDER)
        if self._given is not None and held not in (None, self._given):
            raise TargetError(f"{self._archive} is the archive of {held}.", _OWN_FOLDER)

    def _foreign(self) -> Iterator[str]:
        """What lies in the folder and is not of an archive."""
        for path in self._archive.rglob("*"):
            name = path.relative_to(self._archive).as_posix()
            if (path.is_symlink() or not path.is_dir()) and path.name not in _SYSTEM_FILES and _OF_AN_ARCHIVE.fullmatch(name) is None:
                yield name

    def foresee(self, directory: Directory) -> None:
        """Take note of what the links in texts may lead to."""
        self._bodies.directory = directory

    def shape(self, unit: Unit) -> Shaped:
        return Shaped(unit.root, unit.records)

    def find(self, records: Sequence[Ref]) -> Mapping[Ref, tuple[str, ...]]:
        with self._answered():
            held = self._opened().held(records) if self._begun() else [record for record in records if self._page_of(anchor(record))]
        return {record: (anchor(record),) for record in held}

    def address(self, targets: Sequence[str]) -> str:
        """Where a person finds a record: the path of its page in the archive, and its place there."""
        page = self._page_of(targets[0])
        return f"{page}#{targets[0]}" if page else ""

    def write(self, units: Sequence[Shaped], session: Session) -> Iterable[Outcome]:
        records = [record for unit in units for record in unit.records]
        earlier = {record for unit in units for record in _earlier(unit.records)}
        with self._answered():
            store = self._opened()
            texts = self._bodies.readable([record for record in records if ref_to(record) not in earlier])
            store.add((record, *self._card(record, session.open_blob, texts, old=ref_to(record) in earlier)) for record in records)
        return [Outcome(ref_to(record), "written", (anchor(ref_to(record)),)) for record in records]

    def finish(self) -> None:
        """Make the pages, if records came since they were made last."""
        if not self._begun():
            return
        made = self._unfinished / "site"
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir()
        with self._answered():
            site.build(self._opened(), self._source(), made)
        site.put(made, self._archive)
        shutil.rmtree(self._unfinished)
        self.close()

    def undo(self, written: Iterator[tuple[Ref, tuple[str, ...]]]) -> None:
        """Take records out and make the pages anew; an archive left without records is removed."""
        if not self._archive.exists():
            return
        with self._answered():
            store = self._opened()
            store.remove(record for record, _ in written)
            used = store.paths()
        if used is not None:
            for path in (self._archive / "files").glob("*/*"):
                if path.relative_to(self._archive).as_posix() not in used:
                    path.unlink()
            self.finish()
            return
        for name in (*site.OURS, "files", ".unfinished"):
            path = self._archive / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        self.close()
        with contextlib.suppress(OSError):  # a file of the desktop lies in it
            self._archive.rmdir()

    def close(self) -> None:
        for held in (self._store, self._index):
            if held is not None:
                held.close()
        self._store = self._index = None
        self._bodies.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    # ------------------------------------------------------------------------------------------- cards and files

    def _card(self, record: Record, open_blob: OpenBlob, texts: Mapping[Ref, Body], *, old: bool) -> tuple[Card, list[str]]:
        """The card of a record, and the files that it needs, which are kept first."""
        paths: list[str] = []

        def keep(value: bytes) -> str:
            paths.append(self._keep(hashlib.sha256(value).hexdigest() + ".json", lambda: io.BytesIO(value)))
            return paths[-1]

        content = None
        if isinstance(record, File | Opaque) and record.sha256 is not None:
            digest = record.sha256
            content = self._keep(digest + _suffix(record.name), lambda: open_blob(digest))
            paths.append(content)
        return card(self._source(), record, content, keep, old=old, readable=texts.get(ref_to(record))), paths

    def _keep(self, name: str, opened: Callable[[], BinaryIO]) -> str:
        path = f"files/{name[:2]}/{name}"
        home = self._archive / path
        if not home.exists():
            home.parent.mkdir(parents=True, exist_ok=True)
            partial = home.with_name(home.name + ".partial")
            with opened() as content, partial.open("wb") as file:
                for chunk in chunks(content):
                    file.write(chunk)
            partial.replace(home)
        return path

    def _source(self) -> Source:
        source = self._given or source_of(self._archive)
        if source is None:
            raise TargetError("The importer was opened without a source.", "This is a defect of reversa: please report it.")
        return source

    # ------------------------------------------------------------------------------------------- the working file

    def _begun(self) -> bool:
        return (self._unfinished / "records.sqlite").exists()

    def _opened(self) -> Store:
        """The working file, for this run alone; a new one takes in what the pages hold already."""
        if self._store is None:
            self._hold()
            foreign = next(self._foreign(), None)
            if foreign is not None:
                raise TargetError(f"{self._archive / foreign} is not of an archive, and would be lost.", _OWN_FOLDER)
            if not self._begun():
                self._begin()
            self._store = Store(self._unfinished / "records.sqlite")
            whose = self._store.belongs_to(str(self._source()))
            if whose != str(self._source()):
                raise TargetError(f"{self._archive} is the unfinished archive of {whose}.", _OWN_FOLDER)
        return self._store

    def _hold(self) -> None:
        """Keep other runs away until this one closes."""
        self._archive.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self._archive, os.O_RDONLY)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise TargetError(f"Another reversa writes to {self._archive}.", "Wait until it has ended, then type the same command again.") from error

    def _begin(self) -> None:
        shutil.rmtree(self._unfinished, ignore_errors=True)
        begun = self._unfinished / "loading.sqlite"
        with contextlib.closing(Store(begun)) as store:
            for page in pages(self._archive):
                store.add(self._known(page))
        begun.replace(self._unfinished / "records.sqlite")

    def _known(self, page: Path) -> Iterator[tuple[Record, Card, list[str]]]:
        """The records of a page as they were written."""
        by_root: dict[Ref, list[Record]] = {}
        for item in read(self._archive, page, self._source()):
            if isinstance(item, Unreadable):
                raise TargetError(f"{self._archive / item.where} cannot be read: {item.reason}", "Write a new archive: html:./NEW_FOLDER")
            record = item.record if isinstance(item, Attached) else item
            by_root.setdefault(record.root, []).append(record)
        for records in by_root.values():
            earlier = _earlier(records)
            texts = self._bodies.readable([record for record in records if ref_to(record) not in earlier])
            for record in records:
                yield record, *self._card(record, self._missing, texts, old=ref_to(record) in earlier)

    def _missing(self, sha256: str) -> BinaryIO:
        raise TargetError(f"{self._archive} has lost the content {sha256}.", "Write a new archive: html:./NEW_FOLDER")

    def _page_of(self, place: str) -> str:
        """The page on which an anchor stands, as its bytes say; empty when it stands nowhere."""
        if self._index is None:
            self._index = sqlite3.connect("")
            self._index.execute("CREATE TABLE mark (place TEXT PRIMARY KEY, page TEXT NOT NULL) WITHOUT ROWID")
            for page in pages(self._archive):
                path = page.relative_to(self._archive).as_posix()
                self._index.executemany("INSERT OR IGNORE INTO mark VALUES (?, ?)", ((mark, path) for mark, _ in marks(beginning(page))))
        row = self._index.execute("SELECT page FROM mark WHERE place = ?", (place,)).fetchone()
        return "" if row is None else str(row[0])

    @contextlib.contextmanager
    def _answered(self) -> Iterator[None]:
        """Turn what the working file raises into an error with an answer."""
        try:
            yield
        except sqlite3.Error as error:
            raise TargetError(f"{self._unfinished}: {error}", "Free space or end the other run, then type the same command again.") from error


def _earlier(records: Sequence[Record]) -> set[Ref]:
    """Revisions of a unit that are not the current one of a page."""
    revisions = [record for record in records if isinstance(record, Revision)]
    heads = {record.head for record in records if isinstance(record, Page)}
    if not heads & {ref_to(revision) for revision in revisions} and revisions:
        heads = {ref_to(max(revisions, key=lambda revision: (revision.order or 0, revision.id)))}
    return {ref_to(revision) for revision in revisions} - heads


def _suffix(name: str | None) -> str:
    suffix = Path(name or "").suffix.lower()
    return suffix if _INERT.fullmatch(suffix) else ".bin"


ADAPTER = HtmlImporter
