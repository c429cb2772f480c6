"""A page with all its revisions, from the files that hold them."""

from __future__ import annotations

import json
from collections.abc import Iterator

from reversa.adapter import Change, Item, Noted, Unreadable
from reversa.records import Body, Page, Ref, Revision, instant, ref
from reversa.systems.dokuwiki.archive import Archive, read_bytes
from reversa.systems.dokuwiki.changes import Line, lines, parse
from reversa.systems.dokuwiki.layout import Layout
from reversa.systems.dokuwiki.meta import Meta, read_meta
from reversa.systems.dokuwiki.names import namespace, not_utf_8
from reversa.systems.dokuwiki.people import People
from reversa.systems.dokuwiki.text import title_of

NO_DATE = Change("dokuwiki.revision.created_at", "revision", "created_at", "lost", "source-lacks", "no log says when the text was written")
OUTSIDE = Change(
    "dokuwiki.revision.edited-outside",
    "revision",
    None,
    "converted",
    "source-lacks",
    "the text of today was changed past the wiki: a revision of its own",
)
NO_TEXT = Change(
    "dokuwiki.revision.body", "revision", "body", "lost", "source-lacks", "the log lists a revision whose text is not there, or cannot be read"
)
NO_LINE = Change(
    "dokuwiki.revision.created_by", "revision", "created_by", "lost", "source-lacks", "a text that no log lists: nobody knows who wrote it"
)
NOT_UTF_8 = {
    (kind, field): Change(
        f"dokuwiki.{kind}.{field}.not-utf-8", kind, field, "converted", "source-lacks", "bytes that are no UTF-8 are written as \\xNN"
    )
    for kind, field in (("revision", "body"), ("revision", "comment"), ("page", "name"), ("file", "name"))
}
CHANGES = (NO_DATE, OUTSIDE, NO_TEXT, NO_LINE, *NOT_UTF_8.values())
CURRENT = "current"
"""Stands for the time of a text of today that no log lists."""
ROOT = ":"
"""The id of the space that is the whole wiki."""


def space_of(id: str) -> Ref:
    """The space that a page or a medium lies in."""
    return ref("space", namespace(id) or ROOT)


class PageReader:
    """Reads pages one by one; holds the texts of none."""

    def __init__(self, archive: Archive, layout: Layout) -> None:
        self._archive, self._layout = archive, layout

    def page(self, id: str, people: People) -> Iterator[Item]:
        """A page and its revisions, and what is to be said of them."""
        if not_utf_8(id):
            yield Noted(NOT_UTF_8["page", "name"].code, ref("page", id))
        history: list[Line] = []
        for item in self._lines(id):
            if isinstance(item, Line):
                history.append(item)
            else:
                yield item
        attic = self._layout.attic.get(id, {})
        revisions = [*history, *(Line(time, "", "", id, "", "", "") for time in sorted(attic.keys() - {line.time for line in history}))]
        revisions.sort(key=lambda line: line.time)  # stable: of two lines of one time the later stays later
        last: Revision | None = None
        unlisted = {line.time for line in revisions} - {line.time for line in history}
        for order, line in enumerate(revisions):
            last, noted = self._revision(id, order, line, people, listed=line.time not in unlisted)
            yield from noted
            yield last
        current, noted = self._current(id, len(revisions), last)
        yield from noted
        if current is not None:
            yield current
            last = current
        yield from self._page(id, revisions, last, people)

    def _lines(self, id: str) -> Iterator[Line | Unreadable]:
        name = self._layout.changes.get(id)
        if name is None:
            return
        try:
            data = read_bytes(self._archive, name)
        except ValueError as error:
            yield Unreadable("revision", name, str(error))
            return
        for number, line in enumerate(lines(data), 1):
            try:
                yield parse(line)
            except ValueError as error:
                yield Unreadable("revision", f"{name}, line {number}", str(error))

    def _revision(self, id: str, order: int, line: Line, people: People, *, listed: bool) -> tuple[Revision, list[Noted]]:
        own = ref("revision", f"{id}@{line.time}")
        noted: list[Noted] = []
        name = self._layout.attic.get(id, {}).get(line.time)
        body = None
        if line.type != "D":  # the file of a deletion holds the text before it
            if name is not None:
                body, noted = self._body(name, own)
            elif self._is_current(id, line):
                body, noted = self._body(self._layout.pages[id], own)
            else:
                noted.append(Noted(NO_TEXT.code, own))
        if not line.clean:
            noted.append(Noted(NOT_UTF_8["revision", "comment"].code, own))
        if not listed:
            noted.append(Noted(NO_LINE.code, own))
        revision = Revision(
            id=f"{id}@{line.time}",
            root=ref("page", id),
            order=order,
            state="deleted" if line.type == "D" else None,
            created_at=instant(line.time * 1_000_000),
            created_by=people.author(line),
            target=ref("page", id),
            minor=True if line.type == "e" else None,
            comment=line.comment or None,
            body=body,
            native=_native(id, line) if listed else None,
        )
        return revision, noted

    def _is_current(self, id: str, line: Line) -> bool:
        """Whether a change without a file of its own is the last one, whose text is that of today."""
        later = [time for time in self._layout.attic.get(id, {}) if time > line.time]
        return id in self._layout.pages and not later and line.time == self._last(id)

    def _last(self, id: str) -> int | None:
        times = [line.time for line in self._lines(id) if isinstance(line, Line)]
        return max(times, default=None)

    def _body(self, name: str, own: Ref) -> tuple[Body | None, list[Noted]]:
        try:
            data = read_bytes(self._archive, name)
        except ValueError as error:
            return None, [Noted(NO_TEXT.code, own, detail=str(error))]
        try:
            return Body(format="dokuwiki", text=data.decode()), []
        except UnicodeDecodeError:
            text = data.decode(errors="backslashreplace")
            return Body(format="dokuwiki", text=text), [Noted(NOT_UTF_8["revision", "body"].code, own)]

    def _current(self, id: str, order: int, last: Revision | None) -> tuple[Revision | None, list[Noted]]:
        """The text of today, where it is that of no revision."""
        name = self._layout.pages.get(id)
        if name is None:
            return None, []
        own = ref("revision", f"{id}@{CURRENT}")
        body, noted = self._body(name, own)
        if last is not None and (body == last.body or body is None):
            return None, []
        noted += [Noted(NO_DATE.code, own), *([Noted(OUTSIDE.code, own)] if last is not None else [])]
        return Revision(id=f"{id}@{CURRENT}", root=ref("page", id), order=order, target=ref("page", id), body=body), noted

    def _page(self, id: str, revisions: list[Line], last: Revision | None, people: People) -> Iterator[Item]:
        meta = Meta()
        if id in self._layout.meta:
            try:
                meta = read_meta(read_bytes(self._archive, self._layout.meta[id]))
            except ValueError as error:
                yield Noted(Meta.CHANGE.code, ref("page", id), detail=str(error))
        text = last.body.text if last is not None and last.body is not None else ""
        first = revisions[0] if revisions else None
        native = dict(meta.left)
        if id in self._layout.subscribers:
            native["subscribers"] = self.subscribers(id)
        yield Page(
            id=id,
            root=ref("page", id),
            state=None if id in self._layout.pages else "deleted",
            created_at=(meta.created or instant(first.time * 1_000_000)) if first else None,  # else rendering takes the time of the last copy
            created_by=(people.named(meta.user) if meta.user else people.author(first)) if first else None,
            updated_at=instant(revisions[-1].time * 1_000_000) if revisions else None,
            updated_by=people.author(revisions[-1]) if revisions else None,
            space=space_of(id),
            title=title_of(text) or id,
            name=id,
            page_type="template" if id.rpartition(":")[2].startswith("_") else None,
            head=ref("revision", last.id) if last is not None else None,
            native=json.dumps(native, ensure_ascii=False, sort_keys=True) if native else None,
        )

    def subscribers(self, id: str) -> list[str]:
        """Who is told of changes: one line each, as the list has it."""
        try:
            return read_bytes(self._archive, self._layout.subscribers[id]).decode("utf-8", "backslashreplace").splitlines()
        except ValueError:
            return []


def _native(id: str, line: Line) -> str:
    """The columns of a line that have no field of their own."""
    columns = {"ip": line.ip if line.user else "", "type": line.type, "id": line.id if line.id != id else "", "extra": line.extra, "size": line.size}
    return json.dumps({name: value for name, value in columns.items() if value or (name == "size" and value is not None)}, ensure_ascii=False)
