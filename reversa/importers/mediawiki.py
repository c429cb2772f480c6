"""Writes a wiki on this machine, from inside: accounts, pages with all their revisions and dates, files with all their versions.

Facts and limits: docs/adapters/mediawiki.md.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Self

import msgspec

from reversa.adapter import Account, Facts, Locator, Options, Outcome, Session, Shaped, Unit
from reversa.directory import Directory
from reversa.errors import LocatorError, TargetError
from reversa.markup.converting import Converter
from reversa.records import (
    Alias,
    File,
    Grant,
    Group,
    Membership,
    Message,
    Page,
    Reaction,
    Record,
    Ref,
    Revision,
    Space,
    Tag,
    User,
    kind_of,
    ref,
    ref_parts,
    ref_to,
)
from reversa.systems.mediawiki import chat
from reversa.systems.mediawiki.chatting import ChatWriter
from reversa.systems.mediawiki.names import NOBODY, Names, Target
from reversa.systems.mediawiki.shaping import HELD, OF_WIKIS, Shaper
from reversa.systems.mediawiki.titles import Titles
from reversa.systems.mediawiki.wiki import Wiki

UNDONE = 1000
"""Records that are taken back together."""
FINISHING = 20
"""Seconds of a share of the last work."""
SHARES = 90
"""Shares of it; what is left then is the wiki's own maintenance (rebuildall.php)."""
_WRITTEN = (User, Space, Group, Membership, Page, Revision, Tag, Alias, Grant, File)
SAID = (Message, Reaction)


class MediaWikiImporter:
    """Writes one source. Every unit is one transaction, with the ids of the source beside it in the wiki's database."""

    def __init__(self, wiki: Wiki, options: Options) -> None:
        self._wiki, self._options = wiki, options
        self._source = str(options.source) if options.source is not None else ""
        said = wiki.ask("hello")
        self._target = msgspec.convert(said, Target)
        self._script: str = said["script"]
        self._converter = Converter("mediawiki")
        self._files: dict[Ref, list[File]] = {}
        self._of_a_wiki = options.source is not None and options.source.system == "mediawiki"
        self.foresee(Directory())
        self.facts = Facts(
            system="mediawiki",
            kinds=tuple(HELD | (OF_WIKIS if self._of_a_wiki else {})),
            changes=self._shaper.changes,
            limits={
                "title": "255 bytes, without # < > [ ] | { }",
                "comment": "500 characters",
                "text": f"above {said['maximum']} bytes nobody can save it again",
            },
            live=said["live"],
        )

    @classmethod
    def open(cls, locator: Locator, options: Options) -> Self:
        if locator.address.startswith(("http://", "https://")):
            hint = "On the server of the wiki: mediawiki:/path/of/LocalSettings.php"
            raise LocatorError("A wiki is not written through its API: that sets neither author nor date.", hint)
        return cls(Wiki.at(locator.address), options)

    def foresee(self, directory: Directory) -> None:
        taken = self._wiki.ask("taken", source=self._source)
        titles = Titles(self._target.namespaces, self._target.interwikis, self._target.prohibited, spaces=self._of_a_wiki)
        self._names = Names(titles, directory, taken, self._options, of_a_wiki=self._of_a_wiki)
        self._shaper = Shaper(self._target, self._names, self._converter, people=self._of_a_wiki or bool(self._options.people))
        self._chat = ChatWriter(self._wiki, self._source, self._names)
        for file in directory.all("file").values():
            if isinstance(file, File) and ref_parts(file.root)[0] == "message":
                self._files.setdefault(file.root, []).append(file)

    def shape(self, unit: Unit) -> Shaped:
        return self._shaper.shape(unit)

    def accounts(self) -> Iterator[Account]:
        for user in self._wiki.ask("users"):
            emails = (user["email"],) if user["email"] else ()
            yield Account(id=user["id"], username=user["name"], display_name=user["real"] or None, emails=emails)

    def find(self, records: Sequence[Ref]) -> Mapping[Ref, tuple[str, ...]]:
        found = self._wiki.ask("find", source=self._source, records=[ref_parts(record) for record in records])
        return {ref(kind, id): (target,) for kind, id, target in found}

    def address(self, targets: Sequence[str]) -> str:
        """Where a person finds a record: the page or the revision by its number."""
        kind, _, id = targets[0].partition("/")
        if kind == "said":
            page, _, place = id.partition("/")
            return f"{self._script}?curid={page}#{place}"
        if kind in ("page", "revision"):
            return f"{self._script}?{'curid' if kind == 'page' else 'oldid'}={id.partition('/')[0]}"
        return f"{self._script}?title=File:{id}" if kind == "file" else ""

    # ------------------------------------------------------------------------------------------- writing

    def write(self, units: Sequence[Shaped], session: Session) -> Iterable[Outcome]:
        if not self._source:
            raise TargetError("The importer was opened without a source.", "This is a defect of reversa: please report it.")
        with tempfile.TemporaryDirectory(prefix="reversa-") as folder:
            contents = _Contents(folder, session)
            rest = [(unit, [record for record in unit.records if not isinstance(record, SAID)]) for unit in units]
            asked = [[self._act(record, unit, contents) for record in sorted(records, key=_rank)] for unit, records in rest]
            answered = self._wiki.ask("write", source=self._source, units=[acts for acts in asked if acts])
        outcomes = []
        for kind, id, target, reason in answered:
            record = ref(kind, id)
            outcomes.append(Outcome(record, "refused", reason=reason) if reason else Outcome(record, "written", (target,)))
        said = [unit for unit in units if any(isinstance(record, SAID) for record in unit.records)]
        return [*outcomes, *self._chat.write(said, self._files)]

    def _act(self, record: Record, unit: Shaped, contents: _Contents) -> dict[str, Any]:
        """What the wiki is told to do for a record."""
        act: dict[str, Any] = {"kind": kind_of(record), "id": record.id, "root": record.root}
        page = ref_parts(unit.root)[1]
        match record:
            case Space():
                act |= {"do": "place", "target": "wiki" if record.id == "wiki" else f"ns/{record.id}"}
            case Group():
                act |= {"do": "place", "target": f"group/{record.id}"}
            case User():
                act |= {"do": "user"} | self._account(record)
            case Membership():
                until = _stamp(record.left_at)
                act |= {"do": "member", "user": ref_parts(record.member)[1], "group": ref_parts(record.group)[1], "until": until}
            case Page():
                act |= {"do": "page", "title": record.name}
            case Revision():
                act |= {"do": "revision", "page": page} | self._revision(record, unit)
            case Tag():
                act |= {"do": "part", "page": page, "part": f"category/{record.label}"}
            case Alias():
                act |= {"do": "part", "page": page, "part": "redirect"}
            case Grant():
                until = _stamp(record.until)
                level = ref_parts(record.principal or ref("group", ""))[1]
                act |= {"do": "protection", "page": page, "action": record.native_right, "level": level, "until": until}
            case File():
                act |= {"do": "file", "of": record.target} | self._file(record, contents)
        return act

    def _account(self, user: User) -> dict[str, Any]:
        account = self._names.accounts.get(ref_to(user))
        if account is not None:
            return {"account": account}
        if self._names.external(user):
            return {"external": user.username}
        created = _stamp(user.created_at)
        return {"name": user.username, "real": user.full_name or "", "email": (user.emails or [""])[0], "created": created}

    def _revision(self, revision: Revision, unit: Shaped) -> dict[str, Any]:
        head = next((record.head for record in unit.records if isinstance(record, Page)), None)
        hidden = json.loads(revision.native or "{}").get("hidden", [])
        body = revision.body
        return {
            "at": _stamp(revision.created_at),
            "user": ref_parts(revision.created_by)[1] if revision.created_by else None,
            "nobody": NOBODY,
            "comment": revision.comment or "",
            "minor": bool(revision.minor),
            "text": body.text if body is not None else "",
            "model": "wikitext" if body is None or body.format == "mediawiki" else body.format.removeprefix("mediawiki-"),
            "hidden": hidden,
            "head": head == ref_to(revision),
        }

    def _file(self, file: File, contents: _Contents) -> dict[str, Any]:
        at = _stamp(file.created_at)
        name = (file.name or file.id).replace(" ", "_")
        return {
            "name": name,
            "archive": f"{_stamp(self._names.archived(ref_to(file)))}!{name}" if file.version_of is not None else None,
            "at": at,
            "user": ref_parts(file.created_by)[1] if file.created_by else None,
            "nobody": NOBODY,
            "comment": json.loads(file.native or "{}").get("comment", ""),
            "text": self._described(file),
            "path": contents.path(file.sha256 or ""),
        }

    def _described(self, file: File) -> str:
        """The text of the page of a file that had none in the source: where it was."""
        title = self._names.title(file.target)
        return f"[[:{title}]]" if title else ""

    def finish(self) -> None:
        for _ in range(SHARES):
            if not self._wiki.ask("finish", source=self._source, seconds=FINISHING)["left"]:
                break

    def undo(self, written: Iterator[tuple[Ref, tuple[str, ...]]]) -> None:
        taken = [record for record, _ in written]
        self._chat.undo(record for record in taken if ref_parts(record)[0] in chat.HELD)
        records = sorted((record for record in taken if ref_parts(record)[0] in _UNDO), key=lambda record: _UNDO.index(ref_parts(record)[0]))
        for start in range(0, len(records), UNDONE):
            self._wiki.ask("undo", source=self._source, records=[ref_parts(record) for record in records[start : start + UNDONE]])
        self._wiki.ask("forget", nobody=NOBODY)

    def close(self) -> None:
        self._converter.close()
        self._wiki.close()


_UNDO = ("grant", "membership", "file", "tag", "alias", "revision", "page", "user", "group", "space")


class _Contents:
    """Contents of files, in a folder where the wiki takes them from."""

    def __init__(self, folder: str, session: Session) -> None:
        self._folder, self._session = folder, session
        self._paths: dict[str, str] = {}

    def path(self, sha256: str) -> str:
        if sha256 not in self._paths:
            with contextlib.closing(self._session.open_blob(sha256)) as content, tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as file:
                shutil.copyfileobj(content, file)
            self._paths[sha256] = file.name
        return self._paths[sha256]


def _rank(record: Record) -> tuple[int, Any]:
    """What has to be there first comes first; of a file the newest version last."""
    place = next(number for number, kind in enumerate(_WRITTEN) if isinstance(record, kind))
    return place, (record.order or 0) if isinstance(record, Revision) else isinstance(record, File) and record.version_of is None


def _stamp(at: datetime | None) -> str | None:
    """A time as MediaWiki's databases write it."""
    return None if at is None else f"{at.year:04}{at:%m%d%H%M%S}"


ADAPTER = MediaWikiImporter
