"""The names that pages, files and people of a source get in a wiki."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from reversa.adapter import Options
from reversa.directory import Directory
from reversa.naming import Rules, assign
from reversa.records import File, Page, Ref, Space, User, ref_parts, ref_to
from reversa.systems.mediawiki.marks import second
from reversa.systems.mediawiki.titles import Titles, is_ip
from reversa.systems.mediawiki.values import Namespace

CONVERSATIONS = "Conversations"
"""Where the pages of conversations stand, which Special:PrefixIndex lists."""
NOWHERE = Ref("space:")
"""Stands for the place of a message that has none."""
NOBODY = "reversa>Unknown"
"""Who wrote what nobody is known to have written."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What a wiki says of itself that decides what it can take."""

    name: str
    dbname: str
    namespaces: Mapping[str, Namespace]
    models: list[str]
    redirects: list[str]
    groups: list[str]
    ruling: list[str]
    """Groups whose members may delete, block, or change the wiki and who rules it."""
    protections: list[str]
    levels: list[str]
    prohibited: list[str]
    interwikis: list[str]


class Names:
    """The names that records get: the same ones whenever they are asked for."""

    def __init__(self, titles: Titles, directory: Directory, taken: Mapping[str, Any], options: Options, *, of_a_wiki: bool) -> None:
        self.titles, self.directory, self.of_a_wiki, self._nobody = titles, directory, of_a_wiki, options.nobody
        given: dict[str, str] = taken["names"]
        self.heads = {record: self._head(record) for record in directory.all("file")}
        self._versions: dict[Ref, list[Ref]] = {}
        for record, head in self.heads.items():
            self._versions.setdefault(head, []).append(record)
        pages = directory.all("page")
        self.accounts: dict[Ref, str] = {who: taken["people"].get(account, account) for who, account in options.people.items()}
        """Who is met in which account that exists."""
        system = set(taken["system"]) & set(taken["accounts"])
        for record in directory.all("user"):
            if of_a_wiki and ref_parts(record)[1] in system:
                self.accounts.setdefault(record, ref_parts(record)[1])
        wanted = [(record, titles.wanted(page, pages)) for record, page in pages.items() if isinstance(page, Page)]
        wanted += [
            (head, f"File:{file.name or file.id}")
            for record, head in self.heads.items()
            if record == head and isinstance(file := directory.get(record), File) and self.file_page(file) is None
        ]
        self._titles = _assigned(wanted, titles.pages, given, taken["titles"])
        spaces = [(record, space) for record, space in directory.all("space").items() if isinstance(space, Space) and not of_a_wiki]
        talk = [(record, f"{CONVERSATIONS}/{space.name or space.title or space.id}") for record, space in spaces]
        others = {title.rpartition("/")[0] for title in taken["titles"] if title.startswith(f"{CONVERSATIONS}/")}
        rules = msgspec.structs.replace(titles.pages, longest=titles.pages.longest - len("/2016-05 "))
        self._conversations = assign([*talk, (NOWHERE, f"{CONVERSATIONS}/Elsewhere")], rules, others)
        people_ = [(record, user) for record, user in directory.all("user").items() if isinstance(user, User)]
        named = [(who, user.username or user.display_name or user.full_name or user.id) for who, user in people_ if not self.external(user)]
        self._people = _assigned([one for one in named if one[0] not in self.accounts], titles.people, given, taken["accounts"])
        outside = [(who, user) for who, user in people_ if self.external(user) and who not in self.accounts]
        self._people |= {who: _outside(user) for who, user in outside}

    def _head(self, record: Ref) -> Ref:
        """The newest version of a file that has content."""
        at, met = record, {record}
        while isinstance(file := self.directory.get(at), File) and file.version_of is not None and file.version_of not in met:
            newer = self.directory.get(file.version_of)
            if not isinstance(newer, File) or newer.sha256 is None:
                break
            at = file.version_of
            met.add(at)
        return at

    def archived(self, record: Ref) -> datetime:
        """The second that names an earlier version of a file in the wiki: its own, or the next that no other version has."""
        head, taken = self.heads.get(record, record), set[datetime]()
        versions = (one for one in self._versions.get(head, ()) if one != head)
        for version in sorted(versions, key=lambda one: (second(self._made(one)), one)):
            at = second(self._made(version))
            while at in taken:
                at += timedelta(seconds=1)
            taken.add(at)
            if version == record:
                return at
        return second(self._made(record))

    def _made(self, record: Ref) -> datetime | None:
        file = self.directory.get(record)
        return file.created_at if file is not None else None

    def file_page(self, file: File) -> Ref | None:
        """The page in the namespace of files that a file has in another wiki."""
        page = self.directory.get(file.target)
        return file.target if self.of_a_wiki and isinstance(page, Page) and page.space == "space:6" else None

    def external(self, user: User) -> bool:
        """Somebody who gets no account: known only as an author, an address of a machine, or because a person decided so."""
        return bool(user.placeholder) or ref_to(user) in self._nobody

    def title(self, page: Ref) -> str | None:
        return self._titles.get(page)

    def file(self, record: Ref) -> str | None:
        """The name of a file and of all its versions."""
        head = self.heads.get(record, record)
        file = self.directory.get(head)
        page = self.file_page(file) if isinstance(file, File) else None
        title = self._titles.get(page or head)
        return title.partition(":")[2].replace(" ", "_") if title else None

    def conversation(self, space: Ref | None) -> str:
        """The title under which the pages of a conversation stand."""
        return self._conversations.get(space or NOWHERE, self._conversations[NOWHERE])

    def user(self, who: Ref) -> str | None:
        return self._people.get(who)

    def person(self, who: Ref | None) -> Ref | None:
        """An author who has a name in the wiki; None for others."""
        return who if who is not None and (who in self.accounts or who in self._people) else None


def _assigned(wanted: list[tuple[Ref, str]], rules: Rules, given: Mapping[str, str], taken: list[str]) -> dict[Ref, str]:
    """Names that were given once stay."""
    held = {record: given[record] for record, _ in wanted if given.get(record)}
    return held | dict(assign([one for one in wanted if one[0] not in held], rules, [*taken, *held.values()]))


def _outside(user: User) -> str:
    """How MediaWiki writes an author without an account: ``imported>Name``."""
    name = user.username or user.display_name or user.full_name or user.id
    if is_ip(name):
        return name
    before, mark, after = name.partition(">")
    clean = Titles({}, (), (), spaces=False).people.clean
    return f"{clean(before) or 'imported'}>{clean(after)}" if mark and clean(after) else f"imported>{clean(name) or 'Unknown'}"
