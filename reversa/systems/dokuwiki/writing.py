"""Writes pages with their past and media with their versions, file by file, in an order that DokuWiki can be asked in between."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from reversa.adapter import Session
from reversa.records import EPOCH, File, Page, Ref, Revision
from reversa.systems.dokuwiki.changes import Line, lines, parse
from reversa.systems.dokuwiki.disk import digest_of, put, remove, whole
from reversa.systems.dokuwiki.people import ADDRESS
from reversa.systems.dokuwiki.places import Places
from reversa.systems.dokuwiki.serialised import serialised
from reversa.systems.dokuwiki.shaping import heading
from reversa.systems.dokuwiki.wiki import Wiki

PIECE = 2**20


def seconds(at: datetime | None) -> int | None:
    """The second of a time that shape has made whole."""
    return None if at is None else int((at - EPOCH).total_seconds())


class PageWriter:
    """Writes one page after another; what is there already under its name was begun by us."""

    def __init__(self, wiki: Wiki, places: Places, *, own: bool) -> None:
        self._wiki, self._places, self._own = wiki, places, own

    def write(self, page: Page, versions: Sequence[Revision], original: Page | None) -> None:
        """The versions first, then the log, what is kept beside the text, and the text of today."""
        id = page.name or ""
        log = {line.time: line for line in self._log(id)}
        size, text, last = 0, b"", None
        for version in sorted(versions, key=lambda v: v.order or 0):
            at, before = seconds(version.created_at), text
            text = version.body.text.encode() if version.body is not None else b"" if version.state == "deleted" else text
            if at is not None:
                if version.body is not None or version.state == "deleted":
                    kept = before if version.state == "deleted" else text  # DokuWiki keeps what was deleted
                    put(self._wiki.path("attic", id, f".{at}.txt.gz"), gzip.compress(kept, mtime=0))
                if not self._own or version.native is not None:
                    log[at] = self._line(id, version, at, len(text) - size, first=not size)
            size, last = len(text), at
        if page.created_at is not None and not versions and page.state != "deleted":  # written once, and nobody says what was
            text, last = self._first(original or page), seconds(page.created_at) or 0
            put(self._wiki.path("attic", id, f".{last}.txt.gz"), gzip.compress(text, mtime=0))
            log[last] = Line(last, "", "C", id, self._author(page.created_by), "", "", str(len(text)))
        if page.state == "deleted" and not self._own and (not versions or versions[-1].state != "deleted"):
            last = seconds(page.updated_at) or 0
            if text:
                put(self._wiki.path("attic", id, f".{last}.txt.gz"), gzip.compress(text, mtime=0))
            log[last] = Line(last, "", "D", id, self._author(page.updated_by), "", "", str(-size))
        if log:
            put(self._wiki.path("meta", id, ".changes"), "".join(f"{log[at].text()}\n" for at in sorted(log)).encode("utf-8", "surrogateescape"))
        self._beside(id, page)
        if page.state != "deleted":
            text = text if versions else self._first(original or page)
            put(self._wiki.path("pages", id, ".txt"), text, last)

    def _first(self, page: Page) -> bytes:
        """The text of a page that came without one."""
        return heading(page.title).encode()

    def _log(self, id: str) -> Iterable[Line]:
        path = self._wiki.path("meta", id, ".changes")
        return [parse(line) for line in lines(path.read_bytes())] if path.exists() else []

    def _line(self, id: str, version: Revision, at: int, grown: int, *, first: bool) -> Line:
        columns: dict[str, Any] = json.loads(version.native or "{}") if self._own else {}
        login = self._author(version.created_by)
        computed = "D" if version.state == "deleted" else "e" if version.minor else "C" if first else "E"
        address = login.removeprefix(ADDRESS) if login.startswith(ADDRESS) else columns.get("ip", "")
        user = "" if login.startswith(ADDRESS) else login
        grew = columns.get("size") if self._own else str(grown)
        named = columns.get("id", id) if self._own else id
        return Line(at, address, columns.get("type") or computed, named, user, version.comment or "", columns.get("extra", ""), grew)

    def _author(self, person: Ref | None) -> str:
        return self._places.login(person) if person is not None else ""

    def _beside(self, id: str, page: Page) -> None:
        native: dict[str, Any] = json.loads(page.native or "{}") if self._own else {}
        made = self._made(page)  # rendering would take the time of the file for it
        held = {**native.get("meta", {}), **made}
        if made:
            put(self._wiki.path("meta", id, ".meta"), serialised({"current": held, "persistent": held}))
        self.subscribe(id, page.native)

    def subscribe(self, id: str, native: str | None) -> None:
        """Who is told of changes of a page, or of a namespace whose name ends in a colon; only another DokuWiki says so."""
        told = json.loads(native or "{}").get("subscribers") if self._own else None
        if told:
            put(self._wiki.path("meta", id, ".mlist"), "".join(f"{line}\n" for line in told).encode())

    def _made(self, page: Page) -> dict[str, Any]:
        """What DokuWiki would have kept of a page that was written here."""
        date = {name: at for name, at in (("created", seconds(page.created_at)), ("modified", seconds(page.updated_at))) if at is not None}
        login = self._author(page.created_by)
        return ({"date": date} if date else {}) | ({"user": login} if login and not login.startswith(ADDRESS) else {})

    def take_back(self, id: str, times: set[int]) -> None:
        """Take versions away, and the page with the last of them; what people wrote since stays."""
        log = {line.time: line for line in self._log(id)}
        for at in times:
            log.pop(at, None)
            remove(self._wiki.path("attic", id, f".{at}.txt.gz"), self._wiki.data / "attic")
        if log:
            put(self._wiki.path("meta", id, ".changes"), "".join(f"{log[at].text()}\n" for at in sorted(log)).encode("utf-8", "surrogateescape"))
            return
        remove(self._wiki.path("pages", id, ".txt"), self._wiki.data / "pages")
        for ending in (".changes", ".meta", ".mlist", ".indexed"):
            remove(self._wiki.path("meta", id, ending), self._wiki.data / "meta")


class MediaWriter:
    """Writes media with their versions."""

    def __init__(self, wiki: Wiki, places: Places, *, own: bool) -> None:
        self._wiki, self._places, self._own = wiki, places, own

    def write(self, id: str, files: Sequence[File], session: Session) -> None:
        """Earlier versions, the log, then the use of today."""
        log = {line.time: line for line in self._log(id)}
        ordered = sorted(files, key=lambda file: (file.version_of is None, file.created_at or EPOCH))
        for number, file in enumerate(ordered):
            at = seconds(file.created_at)
            if at is not None and (not self._own or file.native is not None):
                log[at] = self._line(id, file, at, first=not number)
            if file.version_of is not None and file.sha256 is not None:
                self._copy(file.sha256, id, at, session)
        if log:
            put(
                self._wiki.path("media_meta", id, ".changes"), "".join(f"{log[at].text()}\n" for at in sorted(log)).encode("utf-8", "surrogateescape")
            )
        for file in ordered:
            if file.version_of is None and file.sha256 is not None:
                with whole(self._wiki.path("media", id), seconds(file.created_at)) as out, session.open_blob(file.sha256) as content:
                    while piece := content.read(PIECE):
                        out.write(piece)

    def _copy(self, sha256: str, id: str, at: int | None, session: Session) -> None:
        with whole(self.old(id, at or 0), at) as out, session.open_blob(sha256) as content:
            while piece := content.read(PIECE):
                out.write(piece)

    def old(self, id: str, at: int) -> Any:
        """The file of an earlier version."""
        stem, dot, ending = id.rpartition(".")
        return self._wiki.path("media_attic", f"{stem}.{at}.{ending}" if dot and ":" not in ending else f"{id}.{at}.bin")

    def _log(self, id: str) -> Iterable[Line]:
        path = self._wiki.path("media_meta", id, ".changes")
        return [parse(line) for line in lines(path.read_bytes())] if path.exists() else []

    def _line(self, id: str, file: File, at: int, *, first: bool) -> Line:
        columns: dict[str, Any] = json.loads(file.native or "{}") if self._own else {}
        login = self._places.login(file.created_by) if file.created_by is not None else ""
        address = login.removeprefix(ADDRESS) if login.startswith(ADDRESS) else columns.get("ip", "")
        user = "" if login.startswith(ADDRESS) else login
        named, grew = (columns.get("id", id), columns.get("size")) if self._own else (id, "")
        type = columns.get("type") or ("C" if first else "E")
        return Line(at, address, type, named, user, columns.get("comment", ""), columns.get("extra", ""), grew)

    def take_back(self, id: str, times: set[int], today: str | None) -> None:
        """Take versions away; ``today`` is the digest of what was written for use, which people may have put something newer in the place of."""
        log = {line.time: line for line in self._log(id)}
        moved = next((at for at in sorted(self._earlier(id)) if today is not None and digest_of(self.old(id, at)) == today), None)
        ours = times | ({moved} if moved is not None and not times else set())  # written without a time: the wiki gave it one
        for at in ours:
            log.pop(at, None)
            remove(self.old(id, at), self._wiki.data / "media_attic")
        path = self._wiki.path("media", id)
        if today is not None and digest_of(path) == today and max(log, default=0) <= max(ours, default=0):
            remove(path, self._wiki.data / "media")
        if log:
            put(
                self._wiki.path("media_meta", id, ".changes"), "".join(f"{log[at].text()}\n" for at in sorted(log)).encode("utf-8", "surrogateescape")
            )
        else:
            remove(self._wiki.path("media_meta", id, ".changes"), self._wiki.data / "media_meta")

    def _earlier(self, id: str) -> Iterator[int]:
        """The times of the earlier versions that are there."""
        folder, name = self.old(id, 0).parent, self.old(id, 0).name
        before, _, after = name.rpartition(".0.")
        for path in folder.iterdir() if folder.is_dir() else ():
            at = path.name.removeprefix(f"{before}.").removesuffix(f".{after}")
            if at.isdecimal() and path.name == f"{before}.{at}.{after}":
                yield int(at)
