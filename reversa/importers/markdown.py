"""Writes a folder of Markdown: one file per page with front matter, attachments beside, folders for spaces.

Facts and limits: docs/adapters/markdown.md.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import msgspec

from reversa.adapter import Change, Facts, Locator, Noted, Options, Outcome, Session, Shaped, Source, Unit
from reversa.directory import Directory
from reversa.errors import TargetError
from reversa.limiting import Held
from reversa.markup.contract import Given
from reversa.markup.contract import changes as changes_of_body
from reversa.markup.contract import noted as noted_of_body
from reversa.records import EPOCH, Alias, Body, File, Page, Record, Ref, Revision, Space, Tag, kind_of, ref, ref_parts, ref_to
from reversa.systems.dokuwiki.disk import digest_of, make_folder, put, remove, remove_folder, whole
from reversa.systems.dokuwiki.registry import Registry, Row
from reversa.systems.markdown.front import write
from reversa.systems.markdown.held import held, is_own
from reversa.systems.markdown.places import ROOT, Places
from reversa.systems.slack.archive import FolderArchive

HOME = ".reversa"
NO_SOURCE = Source("markdown", "")
PIECE = 2**20
CHANGES = (
    Change("markdown.space.name.renamed", "space", "name", "converted", "target-cannot", "the folder: a name that every disk takes"),
    Change("markdown.space.parent.missing", "space", "parent", "lost", "source-lacks", "the space it lies in is not there, or in a circle"),
    Change("markdown.page.name.renamed", "page", "name", "converted", "target-cannot", "the file: a name that every disk takes"),
    Change("markdown.page.title.made", "page", "title", "converted", "source-lacks", "a page without a title is called as its file"),
    Change("markdown.page.parent.missing", "page", "parent", "lost", "source-lacks", "the page it hangs on is not there, or in a circle"),
    Change("markdown.page.space.missing", "page", "space", "lost", "source-lacks", "the space it lies in is not there"),
    Change("markdown.page.head.kept", "page", "head", "converted", "target-cannot", "the one version that is kept"),
    Change("markdown.page.hidden", "page", None, "skipped", "target-cannot", "a folder shows what it holds: drafts and deleted pages are left out"),
    Change(
        "markdown.revision.older", "revision", None, "skipped", "target-cannot", "a folder holds the text of today; the past stays in the package"
    ),
    Change("markdown.revision.body.empty", "revision", "body", "converted", "source-lacks", "a version without a text is an empty page"),
    Change("markdown.file.no-place", "file", None, "skipped", "target-cannot", "without content, or attached to something that has no place"),
    Change("markdown.file.name.renamed", "file", "name", "converted", "target-cannot", "a name that every disk takes"),
    Change("markdown.tag.no-page", "tag", None, "skipped", "target-cannot", "only pages have tags"),
    Change("markdown.alias.no-page", "alias", None, "skipped", "target-cannot", "only pages have other names"),
)


class MarkdownImporter:
    """Writes file by file; whose record each one is stands in its front matter and in a registry beside."""

    def __init__(self, folder: Path, options: Options) -> None:
        if folder.exists() and not folder.is_dir():
            raise TargetError(f"{folder} is not a folder.", "Give a folder, which need not be there yet: markdown:./NEW_FOLDER")
        _refuse_links(folder)
        self._folder, self._source = folder, options.source or NO_SOURCE
        self._own, self._registry = is_own(self._source), Registry(folder / HOME, self._source)
        self._converter: Any = None
        self._held = Held("markdown", held(self._source))
        self.foresee(Directory())
        self.facts = Facts(
            system="markdown",
            kinds=tuple(held(self._source)),
            changes=(*self._held.changes, *CHANGES, *changes_of_body("markdown", "revision", "body")),
            limits={"past": "the text of today only", "rights": "none: who reads the folder reads all of it"},
            live=bool(self._theirs()),
        )

    @classmethod
    def open(cls, locator: Locator, options: Options) -> Self:
        return cls(Path(locator.address), options)

    @staticmethod
    def scratch_target(folder: Path) -> str:
        """An empty target for the shared suite."""
        return str(folder / "vault")

    def foresee(self, directory: Directory) -> None:
        self._directory = directory
        self._places = Places(directory, self._theirs(), own=self._own)

    def _theirs(self) -> set[str]:
        """What lies in the folder and is not ours."""
        if not self._folder.exists():
            return set()
        ours = {row.target for kind in ("page", "file") for row in self._registry.rows(kind, done=False)}
        return {name for name in FolderArchive(self._folder).sizes if not name.startswith(f"{HOME}/")} - ours

    def close(self) -> None:
        self._registry.close()
        if self._converter is not None:
            self._converter.close()

    def address(self, targets: Sequence[str]) -> str:
        """The path of the file in the folder."""
        return targets[0].partition("#")[0]

    # ------------------------------------------------------------------------------------------- shaped

    def shape(self, unit: Unit) -> Shaped:
        noted: list[Noted] = []
        pages = {ref_to(page): page for page in unit.records if isinstance(page, Page) and page.state not in ("draft", "deleted")}
        heads = {page: _head(record, unit.records) for page, record in pages.items()}
        shown: list[Record] = []
        for record in unit.records:
            code = self._left_out(record, pages, heads)
            if code:
                noted.append(Noted(f"markdown.{code}", ref_to(record)))
                continue
            limited, lost = self._held.limit(record)
            noted += lost
            if limited is not None:
                shown.append(self._shown(limited, heads, noted))
        return Shaped(unit.root, tuple(shown), tuple(noted))

    def _left_out(self, record: Record, pages: Mapping[Ref, Page], heads: Mapping[Ref, Ref | None]) -> str:
        """The code of what keeps a record from being carried; empty when nothing does."""
        match record:
            case Page() if ref_to(record) not in pages:
                return "page.hidden"
            case Revision() if heads.get(record.target) != ref_to(record):
                return "revision.older"
            case File() if record.sha256 is None or self._places.name(ref_to(record)) is None:
                return "file.no-place"
            case Tag() | Alias() if record.target not in pages:
                return f"{kind_of(record)}.no-page"
        return ""

    def _shown(self, record: Record, heads: Mapping[Ref, Ref | None], noted: list[Noted]) -> Record:
        values: dict[str, tuple[str, Any]] = {}
        own = ref_to(record)
        name = self._places.name(own) or ""
        match record:
            case Space():
                values = {
                    "name": ("name.renamed", None if name == ROOT else name.rpartition("/")[2]),
                    "parent": ("parent.missing", self._upper(record.parent, own)),
                }
            case Page():
                values = {
                    "name": ("name.renamed", name),
                    "title": ("title.made", record.title or name.rpartition("/")[2].removesuffix(".md")),
                    "parent": ("parent.missing", self._upper(record.parent, own)),
                    "space": ("space.missing", record.space if record.space is not None and self._places.name(record.space) is not None else None),
                    "head": ("head.kept", heads[own]),
                }
            case Revision():
                return self._version(record, noted)
            case File():
                values = {"name": ("name.renamed", name.rpartition("/")[2])}
        changed = {field: value for field, (_, value) in values.items() if getattr(record, field) != value}
        for field, value in changed.items():
            detail = f"{record.name} -> {value}" if field == "name" and isinstance(record, Space | Page | File) else ""
            noted.append(Noted(f"markdown.{kind_of(record)}.{values[field][0]}", own, detail=detail))
        return msgspec.structs.replace(record, **changed)

    def _upper(self, parent: Ref | None, record: Ref) -> Ref | None:
        return parent if parent is None or self._places.upper(record) == parent else None

    def _version(self, version: Revision, noted: list[Noted]) -> Revision:
        if version.body is None:
            noted.append(Noted("markdown.revision.body.empty", ref_to(version)))
            return msgspec.structs.replace(version, body=Body(format="markdown", text=""))
        if version.body.format == "markdown":
            return version
        if self._converter is None:
            from reversa.markup.converting import Converter

            self._converter = Converter("markdown")
        page = self._directory.get(version.target)
        name = getattr(page, "name", None) or getattr(page, "title", None) or ref_parts(version.target)[1]
        [made] = self._converter.convert([Given(version.body, name)], _Links(self._directory, self._places, self._places.name(version.target) or ""))
        noted += noted_of_body("markdown", "revision", "body", ref_to(version), made)
        return msgspec.structs.replace(version, body=made.body)

    # ------------------------------------------------------------------------------------------- found and written

    def find(self, records: Sequence[Ref]) -> Mapping[Ref, tuple[str, ...]]:
        found = self._registry.targets(records)
        return {record: (target,) for record, target in found.items() if (self._folder / target.partition("#")[0]).exists()}

    def write(self, units: Sequence[Shaped], session: Session) -> Iterable[Outcome]:
        records = [record for unit in units for record in unit.records]
        rows = {ref_to(record): self._row(record, records) for record in records}
        for row in rows.values():
            self._inside(row.target.partition("#")[0])
        make_folder(self._folder)
        self._registry.begin(rows.values())
        for record in records:
            if isinstance(record, Space):
                make_folder(self._folder / rows[ref_to(record)].target)
            elif isinstance(record, Page):
                put(self._folder / rows[ref_to(record)].target, self._content(record, records), None)
            elif isinstance(record, File):
                with whole(self._folder / rows[ref_to(record)].target) as out, session.open_blob(record.sha256 or "") as content:
                    while piece := content.read(PIECE):
                        out.write(piece)
        self._registry.done(list(rows))
        return [Outcome(record, "written", (row.target,)) for record, row in rows.items()]

    def _inside(self, name: str) -> Path:
        """The path of a file in the folder. Raises TargetError where a link has come into its way, which may lead anywhere."""
        path = self._folder / name
        link = next((way for way in (path, *path.parents) if way.is_symlink() and self._folder in way.parents), None)
        if link is not None:
            raise _link(link)
        return path

    def _content(self, page: Page, records: Sequence[Record]) -> bytes:
        own = ref_to(page)
        body = next((r.body for r in records if isinstance(r, Revision) and r.target == own), None)
        native = json.loads(page.native or "{}") if self._own else {}
        said: dict[str, Any] = {}
        if not self._own:
            said["title"] = page.title
            dates = {"date": page.created_at, "updated": page.updated_at}
            said |= {name: _told(at) for name, at in dates.items() if at is not None}
            if page.created_by is not None:
                said["author"] = [self._places.author(page.created_by)]
            tags = [r.label for r in records if isinstance(r, Tag) and r.target == own]
            aliases = [r.name for r in records if isinstance(r, Alias) and r.target == own]
            said |= {name: texts for name, texts in (("tags", tags), ("aliases", aliases)) if texts}
        front = write(said, {"source": str(self._source), "id": page.id}, native.get("front", ""))
        text = body.text if body is not None else ""
        return (front + text).encode()

    def _row(self, record: Record, records: Sequence[Record]) -> Row:
        refs: dict[str, tuple[str | None, str | None]] = {}
        target = self._target(record)
        inside = ref("space", target.rpartition("/")[0] or ROOT)
        match record:
            case Space():
                refs["parent"] = (None if target == ROOT else inside, record.parent)
            case Page():
                refs = {"space": (inside, record.space), "parent": (None, record.parent), "head": (ref("revision", target), record.head)}
                if record.created_by is not None:
                    refs["created_by"] = (ref("user", self._places.author(record.created_by)), record.created_by)
                refs["digest"] = (hashlib.sha256(self._content(record, records)).hexdigest(), None)
            case File():
                refs = {"target": (inside, record.target), "digest": (record.sha256, None)}
            case Revision() | Tag() | Alias():
                refs["target"] = (ref("page", target.partition("#")[0]), record.target)
        return Row(ref_to(record), target, record.root, refs)

    def _target(self, record: Record) -> str:
        if isinstance(record, Revision):
            return self._places.name(record.target) or ""
        if isinstance(record, Tag):
            return f"{self._places.name(record.target)}#tag#{record.label}"
        if isinstance(record, Alias):
            return f"{self._places.name(record.target)}#alias#{record.name}"
        return self._places.name(ref_to(record)) or ""

    def undo(self, written: Iterator[tuple[Ref, tuple[str, ...]]]) -> None:
        """Take files out, then the folders that are empty without them; a file that people changed since is theirs."""
        gone = {record for record, _ in written}
        rows = [row for kind in held(self._source) for row in self._registry.rows(kind, done=False) if row.record in gone]
        for row in sorted(rows, key=lambda row: -row.target.count("/")):
            kind, _ = ref_parts(row.record)
            if kind in ("page", "file"):
                path = self._inside(row.target)
                if digest_of(path) == row.refs.get("digest", ("", None))[0]:
                    remove(path, self._folder)
            elif kind == "space" and row.target != ROOT:
                remove_folder(self._folder / row.target, self._folder)
        self._registry.forget(row.record for row in rows)


def _refuse_links(folder: Path) -> None:
    """A link may lead anywhere, and what lies there is not the folder's."""
    links = [folder] if folder.is_symlink() and not folder.exists() else [path for path in sorted(folder.rglob("*")) if path.is_symlink()]
    if links:
        raise _link(links[0])


def _link(link: Path) -> TargetError:
    return TargetError(
        f"{link} is a symbolic link: nothing is written through it or in its place.",
        "Give a folder without symbolic links, or remove that one, then type the same command again.",
    )


class _Links:
    """What the names in a page's text lead to, told from where the page lies."""

    def __init__(self, directory: Directory, places: Places, page: str) -> None:
        self._directory, self._places, self._folder = directory, places, page.rpartition("/")[0]

    def find(self, kind: str, name: str) -> Ref | None:
        """What the source calls so."""
        return self._directory.find(kind, name)

    def address(self, record: Ref) -> str | None:
        """The path from the page's folder."""
        name = self._places.name(record)
        return None if name is None else posixpath.relpath(name, self._folder or ".")


def _head(page: Page, records: Iterable[Record]) -> Ref | None:
    """The version that is the page's text of today."""
    versions = [r for r in records if isinstance(r, Revision) and r.target == ref_to(page) and r.state not in ("draft", "deleted")]
    last = max(versions, key=lambda v: (ref_to(v) == page.head, v.order or 0, v.created_at or EPOCH, v.id), default=None)
    return None if last is None else ref_to(last)


def _told(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


ADAPTER = MarkdownImporter
