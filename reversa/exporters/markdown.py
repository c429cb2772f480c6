"""A folder of Markdown files, or a zip of one: Obsidian vaults, static sites, exports of other tools.

Facts and limits: docs/adapters/markdown.md.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Self

from reversa.adapter import Attached, BlobRef, Change, Facts, Item, Locator, Noted, Options, Source, Unreadable
from reversa.errors import SourceError
from reversa.records import Alias, Body, File, Page, Ref, Revision, Space, Tag, User, ref, ref_parts
from reversa.systems.dokuwiki.archive import read_bytes
from reversa.systems.dokuwiki.registry import Registry
from reversa.systems.dokuwiki.returning import ReadBack
from reversa.systems.markdown.front import heading, read, split, text_of, texts_of, time_of, without_ours
from reversa.systems.markdown.held import held
from reversa.systems.markdown.places import TOOLS
from reversa.systems.slack.archive import Archive, FolderArchive, open_archive

KINDS = ("user", "space", "page", "revision", "file", "tag", "alias")
ROOT = "."
"""The id of the space that is the whole folder."""
HOME = ".reversa"
"""Where the registry of a folder that was written lies."""
NO_DATE = Change(
    "markdown.page.created_at",
    "page",
    "created_at",
    "lost",
    "source-lacks",
    "no date, or one without a time and a zone; that of a file is of its last copy",
)
NO_FRONT = Change("markdown.page.native", "page", "native", "lost", "source-lacks", "the front matter cannot be read: it stays text of the page")
NOT_UTF_8 = Change(
    "markdown.revision.body.not-utf-8", "revision", "body", "converted", "source-lacks", "bytes that are no UTF-8 are written as \\xNN"
)
TOOL = Change("markdown.file.tool", "file", None, "skipped", "policy", "a tool's own: settings, history, a bin")
HIDDEN = Change(
    "markdown.file.hidden", "file", None, "skipped", "policy", "a name that begins with a dot, and no note: settings, and what lets somebody in"
)
_AUTHORS, _TITLES, _MADE, _CHANGED = ("author", "authors"), ("title",), ("date", "created"), ("updated", "modified", "lastmod")


class MarkdownExporter:
    """Reads one file at a time; memory holds the names and the authors."""

    def __init__(self, archive: Archive, source: Source, back: ReadBack | None) -> None:
        self._archive, self._back = archive, back
        self._files = sorted(name for name in archive.sizes if not name.startswith(f"{HOME}/") and _ignored(name) is None)
        self.facts = Facts(system="markdown", kinds=KINDS, changes=(NO_DATE, NO_FRONT, NOT_UTF_8, TOOL, HIDDEN), source=source)

    @classmethod
    def open(cls, locator: Locator, options: Options) -> Self:
        path = Path(locator.address)
        if not path.exists() and options.source is None:
            raise SourceError(f"There is nothing at {path}.", "Give the folder that holds the Markdown files, or a zip of it.")
        back = None
        if options.source is not None:
            back = ReadBack(Registry(path / HOME, options.source), held(options.source), lambda _, target: (path / target.partition("#")[0]).exists())
        archive = open_archive(path) if back is None else FolderArchive(path)
        return cls(archive, options.source or Source("markdown", options.tenant or path.resolve().stem), back)

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether a folder holds Markdown, or is a vault."""
        return path.is_dir() and ((path / ".obsidian").is_dir() or any(path.glob("*.md")))

    def census(self) -> Mapping[str, int]:
        counts: Counter[str] = Counter(space=1, opaque=len(self._archive.refused))
        folders: set[str] = set()
        for name in self._archive.sizes:
            *parents, file = name.split("/")
            if parents[:1] == [HOME]:
                continue
            if _ignored(name) is not None:
                counts["file"] += 1
                continue
            folders.update("/".join(parents[:depth]) for depth in range(1, len(parents) + 1))
            counts.update(["page", "revision"] if file.endswith(".md") else ["file"])
            if file.endswith(".md"):
                counts.update(_labels(self._archive, name))
        counts["space"] += len(folders)
        return counts

    def open_blob(self, blob: BlobRef) -> BinaryIO:
        return self._archive.open(blob)

    def close(self) -> None:
        self._archive.close()
        if self._back is not None:
            self._back.close()

    def items(self) -> Iterator[Item]:
        return self._all() if self._back is None else self._back.items(self._all())

    def _all(self) -> Iterator[Item]:
        for name, reason in self._archive.refused.items():
            yield Unreadable("opaque", name, reason)
        for name in self._archive.sizes:
            if not name.startswith(f"{HOME}/") and (change := _ignored(name)) is not None:
                yield Noted(change.code, ref("file", name))
        folders = {parent for name in self._files for parent in _parents(name)}
        if self._back is not None:  # a folder without a file
            folders |= {name for name in self._back.known("space") if name != ROOT}
        for folder in ["", *sorted(folders)]:
            id = folder or ROOT
            parent = ref("space", folder.rpartition("/")[0] or ROOT) if folder else None
            yield Space(
                id=id, root=ref("space", id), name=folder.rpartition("/")[2] or None, space_type="folder" if folder else "vault", parent=parent
            )
        authors: dict[Ref, User] = {}
        for name in self._files:
            if not name.endswith(".md"):
                yield Attached(_file(name, self._archive.sizes[name]), BlobRef(name))
                continue
            for item in self._page(name):
                yield item
                if isinstance(item, Page) and item.created_by is not None:
                    author = ref_parts(item.created_by)[1]
                    authors[item.created_by] = User(id=author, root=item.created_by, display_name=author, placeholder=True)
        yield from authors.values()

    def _page(self, name: str) -> Iterator[Item]:
        own = ref("page", name)
        try:
            data = read_bytes(self._archive, name)
        except ValueError as error:
            yield Unreadable("page", name, str(error))
            yield Unreadable("revision", name, str(error))
            return
        try:
            text = data.removeprefix(b"\xef\xbb\xbf").decode()
        except UnicodeDecodeError:
            text = data.decode(errors="backslashreplace")
            yield Noted(NOT_UTF_8.code, ref("revision", name))
        front, body = split(text)
        said = {}
        if front is not None:
            try:
                said = read(front)
            except ValueError as error:
                front, body = None, text
                yield Noted(NO_FRONT.code, own, detail=str(error))
        made, changed = (next((at for key in keys if (at := time_of(said.get(key)))), None) for keys in (_MADE, _CHANGED))
        if made is None:
            yield Noted(NO_DATE.code, own)
        author = next((names[0] for key in _AUTHORS if (names := texts_of(said.get(key)))), None)
        titled = next((title for key in _TITLES if (title := text_of(said.get(key)))), None)
        kept = without_ours(front or "")
        yield Page(
            id=name,
            root=own,
            created_at=made,
            created_by=ref("user", author) if author else None,
            updated_at=changed,
            space=ref("space", name.rpartition("/")[0] or ROOT),
            title=titled or heading(body) or name.rpartition("/")[2].removesuffix(".md"),
            name=name,
            head=ref("revision", name),
            native=json.dumps({"front": kept}, ensure_ascii=False) if kept else None,
        )
        yield Revision(id=name, root=own, target=own, body=Body(format="markdown", text=body))
        for label in dict.fromkeys(texts_of(said.get("tags"))):
            yield Tag(id=f"{name}#tag#{label}", root=own, target=own, label=label)
        for alias in dict.fromkeys(texts_of(said.get("aliases"))):
            yield Alias(id=f"{name}#alias#{alias}", root=own, target=own, name=alias, alias_type="alias")


def _file(name: str, size: int) -> File:
    folder, _, file = name.rpartition("/")
    return File(id=name, root=ref("file", name), target=ref("space", folder or ROOT), name=file, size=size, availability="present")


def _parents(name: str) -> Iterator[str]:
    while name := name.rpartition("/")[0]:
        yield name


def _ignored(name: str) -> Change | None:
    """Why a file is not carried; None for one that is. A note is carried, whatever it is called."""
    parts = name.split("/")
    if TOOLS & set(parts[:-1]):
        return TOOL
    note = name.endswith(".md") and parts[-1] != ".md" and not parts[-1].startswith("._")  # what a Mac puts beside each file
    return HIDDEN if any(part.startswith(".") for part in parts) and not note else None


def _labels(archive: Archive, name: str) -> Counter[str]:
    """How many tags and other names a page has."""
    try:
        front, _ = split(read_bytes(archive, name).removeprefix(b"\xef\xbb\xbf").decode(errors="backslashreplace"))
        said = read(front or "")
    except ValueError:
        return Counter()
    return Counter(tag=len(set(texts_of(said.get("tags")))), alias=len(set(texts_of(said.get("aliases")))))


ADAPTER = MarkdownExporter
