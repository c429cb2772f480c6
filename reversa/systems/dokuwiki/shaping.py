"""What a wiki will show of a unit, and what that changes: pure, so that plan, import and verification agree."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar
from urllib.parse import unquote

import msgspec

from reversa.adapter import Change, Noted, Shaped, Source, Unit
from reversa.limiting import Held
from reversa.records import EPOCH, Body, File, Grant, Group, Membership, Page, Record, Ref, Revision, Space, User, instant, ref, ref_parts, ref_to
from reversa.systems.dokuwiki.accounts import Account, encoded_name
from reversa.systems.dokuwiki.bodies import Bodies
from reversa.systems.dokuwiki.held import held, is_own
from reversa.systems.dokuwiki.pages import ROOT
from reversa.systems.dokuwiki.places import Places
from reversa.systems.dokuwiki.rules import SKIPPED_GRANTS, RuleMaker
from reversa.systems.dokuwiki.text import title_of

R = TypeVar("R", bound=Record)
FIRST, LAST = 1, 4_102_444_799
"""Times that a file can have everywhere: 1970 to 2099."""
_CONTROL = re.compile(r"[\x00-\x1f]+")


def _change(kind: str, name: str, field: str | None, note: str, effect: str = "converted", why: str = "target-cannot") -> Change:
    return msgspec.convert({"code": f"dokuwiki.{kind}.{name}", "kind": kind, "field": field, "effect": effect, "why": why, "note": note}, Change)


CHANGES = (
    _change("user", "username.renamed", "username", "the login that the wiki takes"),
    _change("user", "display_name.line", "display_name", "a name is one line, and never empty"),
    _change("user", "emails.first", "emails", "an account has one e-mail address", "lost"),
    _change("user", "placeholder-left", None, "an author without an account stays a name in the history of pages", "skipped"),
    _change("user", "inactive", None, "a closed account is not opened again; its name stays in the history of pages", "skipped", "policy"),
    _change("group", "name.renamed", "name", "the name that the wiki takes; never that of a group it has"),
    _change("membership", "no-account", None, "a member of something that is no group, or without an account here", "skipped"),
    _change("space", "name.renamed", "name", "the namespace that the wiki takes"),
    _change("space", "title.own", "title", "the wiki keeps its own title; a namespace has none but its name"),
    _change("space", "visibility.closed", "visibility", "what is not known to be open is closed; what the wiki closes to all stays closed"),
    _change("space", "parent.missing", "parent", "the space it lies in is not there, or in a circle", "lost", "source-lacks"),
    _change("space", "native.subscribers", "native", "who is told of changes: under the new login, without those who have no account here"),
    _change("page", "native.subscribers", "native", "who is told of changes: under the new login, without those who have no account here"),
    _change("page", "name.renamed", "name", "the id that the wiki takes; the old one is kept beside"),
    _change("page", "title.shown", "title", "a page is called as its first heading, or as its id"),
    _change("page", "state.shown", "state", "a page is there or deleted: archived ones stand among the others"),
    _change("page", "draft", None, "a draft is not published", "skipped"),
    _change("revision", "draft", None, "a version of a draft, or one that was hidden, is not published", "skipped"),
    _change("file", "draft", None, "a file of a draft is not published", "skipped"),
    _change("page", "space.missing", "space", "the space it lies in is not there", "lost", "source-lacks"),
    _change("page", "parent.missing", "parent", "the page it hangs on is not there, or in a circle", "lost", "source-lacks"),
    _change("page", "created_at.logged", "created_at", "a whole second, or the first time of the log"),
    _change("page", "created_by.logged", "created_by", "the first author of the log"),
    _change("page", "updated_at.logged", "updated_at", "the last time of the log"),
    _change("page", "updated_by.logged", "updated_by", "the last author of the log"),
    _change("page", "head.last", "head", "the current version is the last one"),
    _change("revision", "no-page", None, "a version of a message, of a comment, or of a page that is not here", "skipped"),
    _change("revision", "created_at.second", "created_at", "a whole second between 1970 and 2099, one for each version of a page"),
    _change("revision", "order.counted", "order", "versions are counted from 0 in the order of their times"),
    _change("revision", "state.shown", "state", "a version is there or a deletion"),
    _change("revision", "minor.edit", "minor", "the log tells minor edits apart, nothing else"),
    _change("revision", "comment.line", "comment", "a comment is one line, and never empty"),
    _change("revision", "body.empty", "body", "the current version has no text: the page is shown with its title only"),
    _change("revision", "body.titled", "body", "the title stands above the text as its first heading"),
    _change("file", "no-place", None, "attached to something that has no place, or without content", "skipped"),
    _change("file", "name.renamed", "name", "the name that the wiki takes"),
    _change("file", "created_at.second", "created_at", "a whole second between 1970 and 2099, one for each version of a file"),
    _change("file", "version_of.missing", "version_of", "the newer version is not there, or in a circle", "lost", "source-lacks"),
    *SKIPPED_GRANTS,
)


class Shaper:
    """Says what the wiki will show."""

    def __init__(
        self,
        source: Source,
        places: Places,
        accounts: Mapping[str, Account],
        rules: RuleMaker,
        bodies: Bodies,
        title: str | None,
        lists_are_ours: Callable[[str], bool],
    ) -> None:
        """``lists_are_ours`` says of a namespace whether nobody but us has a list of those who are told of its changes."""
        self._own, self._places, self._accounts, self._rules, self._bodies = is_own(source), places, accounts, rules, bodies
        self._title, self._renamed = title, places.renamed
        self._held, self._lists_are_ours = Held("dokuwiki", held(source)), lists_are_ours

    def shape(self, unit: Unit) -> Shaped:
        """The unit as the wiki will show it."""
        making = _Making(unit)
        drafts = {ref_to(page) for page in unit.records if isinstance(page, Page) and page.state == "draft"}
        kept: list[Record] = []
        for record in unit.records:
            code = self._left_out(record, making, drafts)
            if code:
                making.note(code, record)
                continue
            limited, noted = self._held.limit(record)
            making.noted += noted
            if limited is not None:
                kept.append(limited)
        pages = {ref_to(page) for page in kept if isinstance(page, Page)}
        shown: dict[Ref, Record] = {}
        for page in pages:
            versions = [version for version in kept if isinstance(version, Revision) and version.target == page]
            shown |= self._page(next(p for p in kept if isinstance(p, Page) and ref_to(p) == page), versions, making)
        self._times_of_files([file for file in kept if isinstance(file, File)], shown, making)
        for record in kept:
            if ref_to(record) not in shown:
                shown[ref_to(record)] = self._single(record, making)
        return Shaped(unit.root, tuple(shown[ref_to(record)] for record in kept), tuple(making.noted))

    def _left_out(self, record: Record, making: _Making, drafts: set[Ref]) -> str:
        """The code of what keeps a record from being carried; empty when nothing does."""
        match record:
            case User() if record.placeholder or ref_to(record) in self._places.nobody:
                return "user.placeholder-left"
            case User() if not self._own and (record.active is False or record.state == "deleted"):
                return "user.inactive"
            case Membership():
                named = ref_parts(record.group)[0] == "group" and self._places.new_account(record.member)
                return "" if named else "membership.no-account"
            case Page() if ref_to(record) in drafts:
                return "page.draft"
            case Revision():
                if record.target not in making.pages:
                    return "revision.no-page"
                hidden = record.state == "draft" or (record.state == "deleted" and record.body is not None)
                return "revision.draft" if hidden or record.target in drafts else ""
            case File():
                if record.target in drafts:
                    return "file.draft"
                placed = self._places.name(ref_to(record)) is not None and (self._own or record.sha256 is not None)
                return "" if placed else "file.no-place"
            case Grant():
                return self._rules.left_out(record, making.unit)
        return ""

    # ------------------------------------------------------------------------------------------- one record

    def _single(self, record: Record, making: _Making) -> Record:
        match record:
            case User():
                return self._user(record, making)
            case Group():
                return making.set(record, name=("group.name.renamed", self._places.group(record.id, record.name)))
            case Space():
                return self._space(record, making)
            case File():
                return self._file(record, making)
            case Grant():
                right = self._rules.right(record)
                return making.set(record, right=("grant.right.level", right))
        return record

    def _user(self, user: User, making: _Making) -> User:
        login = self._places.login(ref_to(user))
        existing = self._accounts.get(login) if ref_to(user) in self._places.people else None
        name = _one_line(user.display_name) if existing is None else existing.name
        emails = [_one_line(user.emails[0]) or ""] if user.emails else []
        if existing is not None:
            emails = [existing.email]
        return making.set(
            user,
            username=("user.username.renamed", login),
            display_name=("user.display_name.line", name or None),
            emails=("user.emails.first", emails if any(emails) else None),
        )

    def _space(self, space: Space, making: _Making) -> Space:
        name = self._places.name(ref_to(space)) or ROOT
        own = self._title if name == ROOT else name.rpartition(":")[2]
        title = own if self._own else space.title
        parent = space.parent if self._own else self._places.upper(ref_to(space))
        return making.set(
            space,
            name=("space.name.renamed", None if name == ROOT else name),
            title=("space.title.own", title),
            visibility=("space.visibility.closed", self._rules.visibility(space)),
            parent=("space.parent.missing", parent),
            native=("space.native.subscribers", self._subscribed(space.native) if self._lists_are_ours(name) else None),
        )

    def _subscribed(self, native: str | None) -> str | None:
        """What is kept beside a page or a namespace, with those who are told of changes by the logins that they have here."""
        held = json.loads(native or "{}") if self._own else {}
        lines = held.pop("subscribers", None)
        told = [made for line in lines or () if (made := self._subscriber(line)) is not None]
        if told == (lines or []):
            return native
        held |= {"subscribers": told} if told else {}
        return json.dumps(held, ensure_ascii=False, sort_keys=True) if held else None

    def _subscriber(self, line: str) -> str | None:
        """A line of a list with the login of here; None where that is somebody else's, or nobody's."""
        name, blank, rest = line.partition(" ")
        person = ref("user", unquote(name))
        login = self._places.login(person)
        if login == unquote(name):
            return line
        return f"{encoded_name(login)}{blank}{rest}" if self._places.new_account(person) or person in self._places.people else None

    def _file(self, file: File, making: _Making) -> File:
        name = self._places.name(ref_to(file)) or ""
        newer = file.version_of if self._places.upper(ref_to(file)) is not None else None
        return making.set(file, name=("file.name.renamed", name.rpartition(":")[2]), version_of=("file.version_of.missing", newer))

    def _times_of_files(self, files: Sequence[File], shown: dict[Ref, Record], making: _Making) -> None:
        """Each version has a second of its own; the newest has the last, if it has one or others have."""
        groups: dict[str, list[File]] = {}
        for file in files:
            groups.setdefault(self._places.name(ref_to(file)) or "", []).append(file)
        for versions in groups.values():
            versions.sort(key=lambda file: (self._places.upper(ref_to(file)) is None, _floor(file.created_at) or FIRST, file.id))
            last = 0
            for file in versions:
                alone = len(versions) == 1 and file.created_at is None and file.created_by is None
                if alone or (self._own and file.created_at is None):
                    shown[ref_to(file)] = self._file(file, making)
                    continue
                last = max(_floor(file.created_at) or FIRST, last + 1)
                timed = making.set(file, created_at=("file.created_at.second", instant(last * 1_000_000)))
                shown[ref_to(file)] = self._file(timed, making)

    # ------------------------------------------------------------------------------------------- a page and its versions

    def _page(self, page: Page, versions: Sequence[Revision], making: _Making) -> dict[Ref, Record]:
        own = ref_to(page)
        ordered = sorted(versions, key=lambda v: (ref_to(v) == page.head, _floor(v.created_at) or FIRST, v.order or 0, v.id))
        if self._own:
            ordered = sorted(versions, key=lambda v: (v.created_at is None, v.created_at or EPOCH, v.order or 0))
        shown: dict[Ref, Record] = {}
        last_time, last = 0, None
        name = self._places.name(own) or ""
        deleted = page.state == "deleted" or (not self._own and bool(ordered) and ordered[-1].state == "deleted")
        for order, version in enumerate(ordered):
            at: datetime | None = None
            if not self._own or version.created_at is not None:
                last_time = max(_floor(version.created_at) or FIRST, last_time + 1)
                at = instant(last_time * 1_000_000)
            current = version is ordered[-1] and not deleted
            last = self._version(version, page if current else None, order, at, making)
            shown[ref_to(version)] = last
        text = last.body.text if last is not None and last.body is not None else ""
        if not ordered and not deleted:
            text = heading(page.title)
        state = "deleted" if deleted else None
        title = (title_of(text) if last is None or last.body is not None else None) or name
        parent = None if self._own else self._places.upper(own)
        shown[own] = making.set(
            page,
            name=("page.name.renamed", name),
            title=("page.title.shown", title),
            state=("page.state.shown", state),
            space=("page.space.missing", page.space if page.space is not None and self._places.name(page.space) is not None else None),
            parent=("page.parent.missing", parent),
            head=("page.head.last", ref_to(last) if last is not None else None),
            native=("page.native.subscribers", self._subscribed(page.native)),
            **self._dates(page, [v for v in shown.values() if isinstance(v, Revision)], deleted=deleted),
        )
        return shown

    def _version(self, version: Revision, current_of: Page | None, order: int, at: datetime | None, making: _Making) -> Revision:
        body = version.body
        if body is not None and (body.format != "dokuwiki" or self._renamed):
            body, noted = self._bodies.converted(version)
            making.noted += noted if body != version.body else []
        if body is None and current_of is not None and not self._own:
            body = Body(format="dokuwiki", text=heading(current_of.title))
            making.noted.append(Noted("dokuwiki.revision.body.empty", ref_to(version)))
        elif (
            body is not None
            and current_of is not None
            and not self._own
            and current_of.title
            and title_of(body.text) is None
            and heading(current_of.title)
        ):
            body = Body(format="dokuwiki", text=f"{heading(current_of.title)}\n{body.text}")
            making.noted.append(Noted("dokuwiki.revision.body.titled", ref_to(version)))
        made = making.set(
            version,
            order=("revision.order.counted", order),
            created_at=("revision.created_at.second", at),
            state=("revision.state.shown", "deleted" if version.state == "deleted" else None),
            minor=("revision.minor.edit", True if version.minor and version.state != "deleted" else None),
            comment=("revision.comment.line", _one_line(version.comment) or None),
        )
        return msgspec.structs.replace(made, body=body)

    def _dates(self, page: Page, logged: Sequence[Revision], *, deleted: bool) -> dict[str, tuple[str, object]]:
        """When and by whom a page was made and changed last, as the wiki will show it."""
        times = [version for version in logged if version.created_at is not None]
        if self._own:
            return {}
        created_at = _second(page.created_at) or (times[0].created_at if times else None)
        created_by = page.created_by or (times[0].created_by if times else None)
        updated_at = times[-1].created_at if times else None
        updated_by = times[-1].created_by if times else None
        if not logged and not deleted and (created_at or created_by):  # one line says so
            created_at = updated_at = created_at or instant(FIRST * 1_000_000)
            updated_by = created_by
        if deleted and not (times and times[-1].state == "deleted"):
            last = _floor(times[-1].created_at) if times else 0
            updated_at = instant(max(_floor(page.updated_at) or _floor(page.created_at) or FIRST, (last or 0) + 1) * 1_000_000)
            updated_by = page.updated_by
            created_at, created_by = created_at or updated_at, created_by or updated_by
        return {
            "created_at": ("page.created_at.logged", created_at),
            "created_by": ("page.created_by.logged", created_by),
            "updated_at": ("page.updated_at.logged", updated_at),
            "updated_by": ("page.updated_by.logged", updated_by),
        }


class _Making:
    """What is said of a unit while it is shaped."""

    def __init__(self, unit: Unit) -> None:
        self.unit, self.noted = unit, list[Noted]()
        self.pages = {ref_to(page) for page in unit.records if isinstance(page, Page)}

    def note(self, code: str, record: Record, detail: str = "") -> None:
        self.noted.append(Noted(f"dokuwiki.{code}", ref_to(record), detail=detail))

    def set(self, record: R, **values: tuple[str, object]) -> R:
        """A record with new values, each with the code of what it means if it is another one."""
        changed = {field: value for field, (_, value) in values.items() if getattr(record, field) != value}
        for field, value in changed.items():
            self.note(values[field][0], record, f"{getattr(record, field)} -> {value}" if field in ("name", "username") else "")
        return msgspec.structs.replace(record, **changed) if changed else record


def heading(title: str | None) -> str:
    """A title as the first heading of a page; empty when it cannot be one."""
    bare = _CONTROL.sub(" ", title or "").strip("= \t\xa0")
    return f"====== {bare} ======\n" if bare and title_of(f"== {bare} ==") == bare else ""


def _one_line(text: str | None) -> str:
    return _CONTROL.sub(" ", text or "")


def _floor(at: datetime | None) -> int | None:
    """The second of a time, within what files can have."""
    return None if at is None else min(max(int((at - EPOCH).total_seconds() // 1), FIRST), LAST)


def _second(at: datetime | None) -> datetime | None:
    seconds = _floor(at)
    return None if seconds is None else instant(seconds * 1_000_000)
