"""A medium with its earlier versions, from the files that hold them."""

from __future__ import annotations

import json
from collections.abc import Iterator

from reversa.adapter import Attached, BlobRef, Change, Item, Noted, Unreadable
from reversa.records import File, instant, ref
from reversa.systems.dokuwiki.archive import Archive, read_bytes
from reversa.systems.dokuwiki.changes import Line, lines, parse
from reversa.systems.dokuwiki.layout import Layout
from reversa.systems.dokuwiki.names import not_utf_8
from reversa.systems.dokuwiki.pages import NOT_UTF_8, space_of
from reversa.systems.dokuwiki.people import People

NO_CONTENT = Change("dokuwiki.file.sha256", "file", "sha256", "lost", "source-lacks", "the log lists a version whose content is not there")
CHANGES = (NO_CONTENT,)


class MediaReader:
    """Reads media one by one."""

    def __init__(self, archive: Archive, layout: Layout) -> None:
        self._archive, self._layout = archive, layout

    def medium(self, id: str, people: People) -> Iterator[Item]:
        """A medium: the use of today under its id, each earlier version under ``id@time``."""
        if not_utf_8(id):
            yield Noted(NOT_UTF_8["file", "name"].code, ref("file", id))
        history: list[Line] = []
        for item in self._lines(id):
            if isinstance(item, Line):
                history.append(item)
            else:
                yield item
        attic = self._layout.media_attic.get(id, {})
        current = self._layout.media.get(id)
        newest = max(history, key=lambda line: line.time, default=None)
        if newest is not None and newest.time in attic:  # what is there today came past the wiki, or nothing is
            newest = None
        for time in sorted(attic.keys() - {line.time for line in history}):
            yield self._attached(id, time, Line(time, "", "", id, "", "", ""), attic[time], people, listed=False)
        for line in sorted(history, key=lambda line: line.time):
            if line is not newest:
                yield from self._version(id, line, attic.get(line.time), people)
        if current is not None:
            yield self._attached(id, None, newest, current, people)
        else:
            yield self._file(id, None, newest, people, deleted=True)

    def _lines(self, id: str) -> Iterator[Line | Unreadable]:
        name = self._layout.media_changes.get(id)
        if name is None:
            return
        try:
            data = read_bytes(self._archive, name)
        except ValueError as error:
            yield Unreadable("file", name, str(error))
            return
        for number, line in enumerate(lines(data), 1):
            try:
                yield parse(line)
            except ValueError as error:
                yield Unreadable("file", f"{name}, line {number}", str(error))

    def _version(self, id: str, line: Line, name: str | None, people: People) -> Iterator[Item]:
        if name is not None:
            yield self._attached(id, line.time, line, name, people)
            return
        deleted = line.type == "D"
        if not deleted:
            yield Noted(NO_CONTENT.code, ref("file", f"{id}@{line.time}"))
        yield self._file(id, line.time, line, people, deleted=deleted)

    def _attached(self, id: str, time: int | None, line: Line | None, name: str, people: People, *, listed: bool = True) -> Attached:
        file = self._file(id, time, line, people, listed=listed, size=self._archive.sizes[name])
        return Attached(file, BlobRef(name))

    def _file(
        self, id: str, time: int | None, line: Line | None, people: People, *, listed: bool = True, deleted: bool = False, size: int | None = None
    ) -> File:
        return File(
            id=id if time is None else f"{id}@{time}",
            root=ref("file", id),
            state="deleted" if deleted else None,
            created_at=instant(line.time * 1_000_000) if line is not None else None,
            created_by=people.author(line) if line is not None else None,
            target=space_of(id),
            name=id.rpartition(":")[2],
            size=size,
            availability="present" if size is not None else "deleted" if deleted else "absent",
            version=None if time is None else str(time),
            version_of=None if time is None else ref("file", id),
            native=_native(id, line) if line is not None and listed else None,
        )


def _native(id: str, line: Line) -> str:
    """The columns of a line that have no field of their own."""
    columns = {
        "ip": line.ip if line.user else "",
        "type": line.type,
        "id": line.id if line.id != id else "",
        "comment": line.comment,
        "extra": line.extra,
        "size": line.size,
    }
    return json.dumps({name: value for name, value in columns.items() if value or (name == "size" and value is not None)}, ensure_ascii=False)
