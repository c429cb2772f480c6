"""DokuWiki: an installation or its data directory, as a folder or an archive of it.

Facts and limits: docs/adapters/dokuwiki.md.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Self, TypeVar

from reversa.adapter import Attached, BlobRef, Change, Facts, Item, Link, Locator, Noted, Options, Source, Unreadable
from reversa.errors import SourceError
from reversa.records import Grant, Group, Membership, Opaque, Space, User, kind_of, ref
from reversa.systems.dokuwiki import media, pages
from reversa.systems.dokuwiki.accounts import DELETE, MEMBERS, NOBODY, READ, Account, Rights, Rule, parse_account, parse_rule
from reversa.systems.dokuwiki.archive import Archive, open_files
from reversa.systems.dokuwiki.census import count
from reversa.systems.dokuwiki.held import held
from reversa.systems.dokuwiki.layout import Layout, conf_lines, data_prefixes, settings, sort_files
from reversa.systems.dokuwiki.links import links
from reversa.systems.dokuwiki.media import MediaReader
from reversa.systems.dokuwiki.meta import Meta
from reversa.systems.dokuwiki.names import namespace, namespaces
from reversa.systems.dokuwiki.pages import ROOT, PageReader, space_of
from reversa.systems.dokuwiki.people import People
from reversa.systems.dokuwiki.returning import ReadBack
from reversa.systems.dokuwiki.standing import Standing
from reversa.systems.dokuwiki.wiki import Wiki

KINDS = ("user", "group", "space", "membership", "page", "revision", "file", "grant", "opaque")
PRIVATE = {
    kind: Change(f"dokuwiki.{kind}.private", kind, None, "skipped", "policy", "closed to ordinary members; --private exports it")
    for kind in ("space", "page", "revision", "file", "grant", "opaque")
}
NO_RIGHTS = Change(
    "dokuwiki.grant.list-missing",
    "grant",
    None,
    "lost",
    "source-lacks",
    "conf/acl.auth.php is not there: nobody knows who may read what, and no target opens what it can keep closed",
)
SECRET = Change(
    "dokuwiki.opaque.secret", "opaque", None, "skipped", "policy", "a file of a plugin that may hold what lets somebody in: never exported"
)
DRAFT = Change("dokuwiki.opaque.draft", "opaque", None, "skipped", "policy", "a draft that somebody has shown to nobody: never exported")
Parsed = TypeVar("Parsed")
Reading = Callable[[str, People], Iterator[Item]]
SOMEWHERE_PRIVATE = "(private)"
"""Stands for the name of what is private and was not asked for: names say too much."""


class DokuWikiExporter:
    """Reads one wiki, streaming: memory holds the names of its files, the people, and one page with its revisions."""

    def __init__(self, archive: Archive, layout: Layout, options: Options, tenant: str) -> None:
        self._archive, self._layout, self._private = archive, layout, options.private
        self._settings = settings(archive, layout)
        self._back: ReadBack | None = None
        self._code = Path()
        self._pages, self._media = PageReader(archive, layout), MediaReader(archive, layout)
        self._broken: list[Unreadable] = []
        self._accounts = list(self._read("users.auth.php", "user", parse_account))
        self._rules = list(self._read("acl.auth.php", "grant", parse_rule))
        self._members = self._settings.get("defaultgroup", MEMBERS)
        listed = f"{layout.conf}acl.auth.php" in archive.sizes
        self._rights_known = listed or self._settings.get("useacl") == "0"
        self._rights = Rights(self._rules, used=listed and self._settings.get("useacl", "1") != "0", members=self._members)
        self.facts = Facts(
            system="dokuwiki",
            kinds=KINDS,
            changes=(*pages.CHANGES, *media.CHANGES, Meta.CHANGE, *PRIVATE.values(), SECRET, DRAFT, NO_RIGHTS),
            source=options.source or Source("dokuwiki", tenant),
        )

    @classmethod
    def open(cls, locator: Locator, options: Options) -> Self:
        path = Path(locator.address)
        archive = open_files(path)
        layout = sort_files(archive, path)
        if layout is None:
            archive.close()
            raise SourceError(
                f"{path} holds no DokuWiki.", "Give the folder that holds data/ and conf/, its data directory, or an archive of either."
            )
        tenant = options.tenant or settings(archive, layout).get("title") or _name_of(path)
        exporter = cls(archive, layout, options, tenant)
        if options.source is not None:
            wiki = Wiki(path, options.source)
            exporter._code = wiki.data.parent
            exporter._back = ReadBack(wiki.registry, held(options.source), Standing(wiki).holds)
        return exporter

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether a path looks like a DokuWiki."""
        if path.is_dir():
            return any((path / home / "pages").is_dir() and (path / home / "meta").is_dir() for home in ("", "data"))
        if not path.name.endswith((".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip")):
            return False
        try:
            archive = open_files(path)
        except (SourceError, OSError):
            return False
        prefix = next(data_prefixes(archive.sizes), None)
        archive.close()
        return prefix is not None

    def census(self) -> Mapping[str, int]:
        return count(self._archive, self._layout.data, self._layout.conf)

    def open_blob(self, blob: BlobRef) -> BinaryIO:
        return self._archive.open(blob)

    def close(self) -> None:
        self._archive.close()
        if self._back is not None:
            self._back.close()

    def items(self) -> Iterator[Item]:
        return self._all() if self._back is None else self._back.items(self._all())

    def links(self) -> Iterator[Link]:
        """The links on pages of the source, as the wiki that they were written to follows them."""
        if self._back is not None:
            yield from links(self._code, self._back.pages())

    def _all(self) -> Iterator[Item]:
        for name, reason in self._archive.refused.items():
            yield Unreadable("opaque", name, reason)
        yield from self._broken
        if not self._rights_known:
            yield Noted(NO_RIGHTS.code, ref("grant", "conf/acl.auth.php"))
        people = People(frozenset(account.login for account in self._accounts))
        yield from self._people()
        for name in self._spaces():
            yield from self._unless_private([self._space(name)], private=self._closed(name))
        yield from self._grants(people)
        for id in self._layout.page_ids:
            yield from self._shown(people, self._pages.page, id, private=self._closed_page(id))
        for id in self._layout.media_ids:
            yield from self._shown(people, self._media.medium, id, private=self._closed(namespace(id)))
        for name in self._layout.strangers:
            id = name.removeprefix(self._layout.data)
            item = Attached(
                Opaque(id=id, root=ref("opaque", id), native_kind="file", name=id.rpartition("/")[2], size=self._archive.sizes[name]), BlobRef(name)
            )
            yield from self._unless_private([item], private=True)  # no rule says who may read it
        for change, number in ((SECRET, self._layout.secrets), (DRAFT, self._layout.drafts)):
            if number:
                yield Noted(change.code, ref("space", SOMEWHERE_PRIVATE), number)
        yield from people.placeholders()

    # ------------------------------------------------------------------------------------------- what is private

    def _closed(self, name: str) -> bool:
        """Whether an ordinary member may not read what lies in a namespace."""
        return self._rights_known and self._rights.in_namespace(name) < READ

    def _closed_page(self, id: str) -> bool:
        return self._rights_known and self._rights.on_page(id) < READ

    def _shown(self, people: People, read: Reading, id: str, *, private: bool) -> Iterator[Item]:
        """A page or a medium; who is met in a private one only is not exported either."""
        hidden = private and not self._private
        yield from self._unless_private(read(id, People() if hidden else people), private=private)

    def _unless_private(self, items: Iterable[Item], *, private: bool) -> Iterator[Item]:
        if self._private or not private:
            yield from items
            return
        left_out: Counter[str] = Counter()
        for item in items:
            if isinstance(item, Unreadable):
                yield Unreadable(item.kind, SOMEWHERE_PRIVATE, item.reason, item.count)
            elif not isinstance(item, Noted):
                left_out[kind_of(item.record if isinstance(item, Attached) else item)] += 1
        for kind, number in left_out.items():
            yield Noted(PRIVATE[kind].code, ref("space", SOMEWHERE_PRIVATE), number)

    # ------------------------------------------------------------------------------------------- people and rights

    def _read(self, file: str, kind: str, parse: Callable[[str], Parsed]) -> Iterator[Parsed]:
        try:
            lines = conf_lines(self._archive, self._layout, file)
        except ValueError as error:
            self._broken.append(Unreadable(kind, self._layout.conf + file, str(error)))
            return
        for number, line in enumerate(lines, 1):
            try:
                yield parse(line)
            except ValueError as error:
                self._broken.append(Unreadable(kind, f"{self._layout.conf}{file}, entry {number}", str(error)))

    def _people(self) -> Iterator[Item]:
        for account in self._accounts:
            yield _user(account)
        for group in self._groups():
            yield Group(id=group, root=ref("group", group), name=group)
        for account in self._accounts:
            for group in account.groups:
                id = f"{group}/{account.login}"
                yield Membership(id=id, root=ref("group", group), group=ref("group", group), member=ref("user", account.login))

    def _groups(self) -> list[str]:
        named = {rule.who[1:] for rule in self._rules if rule.who.startswith("@") and rule.who != "@ALL" and not rule.template}
        known = self._back.known("group") if self._back is not None else ()
        return sorted({*named, *known, *(group for account in self._accounts for group in account.groups)})

    def _grants(self, people: People) -> Iterator[Item]:
        for rule in self._rules:
            if rule.template:
                text = f"{rule.scope} {rule.who} {rule.level}"
                native = json.dumps({"rule": text}, ensure_ascii=False)
                yield from self._unless_private([Opaque(id=text, root=ref("opaque", text), native_kind="acl-template", native=native)], private=False)
            else:
                closed = self._closed(rule.place) if rule.scope.endswith("*") else self._closed_page(rule.place)
                who = People() if closed and not self._private else people
                yield from self._unless_private([_grant(rule, who)], private=closed)

    # ------------------------------------------------------------------------------------------- spaces

    def _spaces(self) -> list[str]:
        """All namespaces, those that lie in others after them; first the whole wiki, as an empty name."""
        found = {""}
        for id in (*self._layout.page_ids, *self._layout.media_ids):
            found.update(namespaces(id))
        for rule in self._rules:
            if not rule.template:
                found.update([*namespaces(rule.place), *([rule.place] if rule.scope.endswith("*") else [])])
        if self._back is not None:  # a namespace without a page is an empty folder
            found.update(name for name in self._back.known("space") if name != ROOT)
        found.update(name.removesuffix(":") for name in self._layout.subscribers if name.endswith(":"))
        return sorted({name for of in found for name in (of, *namespaces(of))})

    def _space(self, name: str) -> Space:
        id = name or ROOT
        listed = f"{name}:" if name else ""
        subscribers = self._pages.subscribers(listed) if listed in self._layout.subscribers else None
        return Space(
            id=id,
            root=ref("space", id),
            name=name or None,
            title=name.rpartition(":")[2] if name else self._settings.get("title"),
            space_type="namespace" if name else "wiki",
            visibility="unknown" if not self._rights_known else "private" if self._closed(name) else "public",
            parent=space_of(name) if name else None,
            native=json.dumps({"subscribers": subscribers}, ensure_ascii=False) if subscribers else None,
        )


def _user(account: Account) -> User:
    return User(
        id=account.login,
        root=ref("user", account.login),
        username=account.login,
        display_name=account.name or None,
        emails=[account.email] if account.email else None,
    )


def _grant(rule: Rule, people: People) -> Grant:
    target = ref("space", rule.place or ROOT) if rule.scope.endswith("*") else ref("page", rule.place)
    of_group = rule.who.startswith("@")
    return Grant(
        id=f"{rule.scope} {rule.who} {rule.level}",
        root=target,
        target=target,
        effect="deny" if rule.level == NOBODY else "allow",
        principal=None if rule.who == "@ALL" else ref("group", rule.who[1:]) if of_group else people.named(rule.who),
        audience="anyone" if rule.who == "@ALL" else None,
        right="view" if rule.level <= READ else "delete" if rule.level >= DELETE else "edit",
        native_right=str(rule.level),
    )


def _name_of(path: Path) -> str:
    """What an archive or a folder is called."""
    path = path.resolve()
    path = path.parent if path.name == "data" else path
    name = path.name
    for ending in (".gz", ".bz2", ".xz", ".tgz", ".zip", ".tar"):
        name = name.removesuffix(ending)
    return name or "dokuwiki"


ADAPTER = DokuWikiExporter
