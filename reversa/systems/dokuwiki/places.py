"""Where everything of a source comes to lie in a wiki: every name is settled before anything is written."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet

import msgspec

from reversa.directory import Directory
from reversa.naming import Rules, assign
from reversa.records import File, Page, Ref, Space, User, ref, ref_parts, ref_to
from reversa.systems.dokuwiki.cleaning import LONGEST_ID, Cleaner
from reversa.systems.dokuwiki.names import namespace
from reversa.systems.dokuwiki.pages import ROOT
from reversa.systems.dokuwiki.people import ADDRESS
from reversa.systems.dokuwiki.tree import climb

_TEMPLATES = ("_template", "__template")


class Taken(msgspec.Struct, frozen=True):
    """Names that the wiki has, and that are not of the source."""

    pages: frozenset[str] = frozenset()
    media: frozenset[str] = frozenset()
    spaces: frozenset[str] = frozenset()
    logins: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()


class Places:
    """The names of a source's records in a wiki. Another DokuWiki keeps all names that are free."""

    def __init__(
        self, directory: Directory, cleaner: Cleaner, taken: Taken, people: Mapping[Ref, str], nobody: AbstractSet[Ref], *, own: bool
    ) -> None:
        self._cleaner, self._taken, self._own, self._directory = cleaner, taken, own, directory
        self.people, self.nobody = people, nobody
        self._names: dict[Ref, str] = {}
        self._uppers: dict[Ref, Ref] = {}
        self._name_spaces()
        self._name_pages()
        self._name_media()
        self._name_people()

    @property
    def renamed(self) -> bool:
        """Whether a page or a medium of another DokuWiki has a new name, which links must follow."""
        return any(self.is_renamed(record) for record in self._names)

    def is_renamed(self, record: Ref) -> bool:
        """Whether a page or a medium has another name than its id."""
        kind, id = ref_parts(record)
        return kind in ("page", "file") and self._names.get(record) != id.partition("@")[0]

    def name(self, record: Ref) -> str | None:
        """The wiki's own id of a space, page, file or user; None where it has none."""
        return self._names.get(record)

    def upper(self, record: Ref) -> Ref | None:
        """What a page or a space hangs on; None where that is not there or goes in a circle."""
        return self._uppers.get(record)

    def login(self, person: Ref) -> str:
        """What the logs call an author."""
        kind, id = ref_parts(person)
        named = self._names.get(person)
        if named is not None:
            return named
        clean = self._cleaner.part(id)
        return (
            clean if kind == "user" and clean == id and clean not in self._taken.logins | self._logins else f"{clean[:50] or kind}-{_short(person)}"
        )

    def new_account(self, person: Ref) -> bool:
        """Whether somebody gets an account: a person that the source lists, and who is not met in one that exists."""
        user = self._directory.get(person)
        if not isinstance(user, User) or user.placeholder or person in self.people or person in self.nobody:
            return False
        return self._own or (user.active is not False and user.state != "deleted")

    def group(self, id: str, name: str | None) -> str:
        """What a group is called. One that the wiki has already is another one, whose rights are not for these people."""
        clean = self._cleaner.part(name or id)
        return clean if clean == (name or id) and clean not in self._taken.groups else f"{clean or 'group'}-{_short(ref('group', id))}"

    # ------------------------------------------------------------------------------------------- spaces and pages

    def _name_spaces(self) -> None:
        spaces = {record: space for record, space in self._directory.all("space").items() if isinstance(space, Space)}
        if self._own and ref("space", ROOT) in spaces:
            self._names[ref("space", ROOT)] = ROOT
        wholes = [record for record, space in spaces.items() if space.space_type in ("vault", "wiki") and space.parent is None]
        if len(wholes) == 1 and _open(spaces[wholes[0]]):  # else it could not be closed
            self._names[wholes[0]] = ROOT
            nameless = (ref_to(space) for space in spaces.values() if space.parent == wholes[0] and not (space.name or space.title) and _open(space))
            self._names |= dict.fromkeys(nameless, ROOT)  # as MediaWiki's own pages, which have no prefix
        self._uppers |= climb({record: space.parent for record, space in spaces.items()})
        taken = set[str]() if self._own else set(self._taken.spaces)
        self._descend(spaces, lambda record: _last(record) if self._own else _called(spaces[record]), taken, self._own_home)
        self._spaces = {name for record, name in self._names.items() if record in spaces}

    def _name_pages(self) -> None:
        pages = {record: page for record, page in self._directory.all("page").items() if isinstance(page, Page)}
        self._uppers |= climb({record: page.parent for record, page in pages.items()})
        taken = set(self._taken.pages) | (set() if self._own else self._spaces)
        self._descend(
            pages,
            lambda record: _last(record) if self._own else _called(pages[record]),
            taken,
            lambda record: self._home(record, pages[record].space),
        )

    def _home(self, page: Ref, space: Ref | None) -> str:
        return self.within(space) if space in self._names else self._own_home(page)

    def _own_home(self, record: Ref) -> str:
        """The namespace that an id of another DokuWiki begins with."""
        return self._cleaner.id(namespace(ref_parts(record)[1])) if self._own else ""

    def within(self, space: Ref | None) -> str:
        """The namespace of a space; that of one which is not known is the whole wiki."""
        name = self._names.get(space, "") if space is not None else ""
        return "" if name == ROOT else name

    def _descend(self, records: Iterable[Ref], called: Callable[[Ref], str], taken: set[str], home: Callable[[Ref], str]) -> None:
        """Name what hangs on nothing, then what hangs on that, and so on: a name begins with that of what it hangs on."""
        waiting = [record for record in records if record not in self._names]
        while waiting:
            now = [record for record in waiting if self._uppers.get(record) is None or self._uppers[record] in self._names]
            wanted = {record: _under(self.within(upper) if (upper := self._uppers.get(record)) else home(record), called(record)) for record in now}
            self._assign(wanted, taken)
            waiting = [record for record in waiting if record not in wanted]

    def _assign(self, wanted: Mapping[Ref, str], taken: set[str]) -> None:
        rules = Rules(clean=self._clean, fold=str, longest=LONGEST_ID, numbered=lambda name, number: f"{name}_{number}")
        named = assign(wanted.items(), rules, taken)
        self._names.update(named)
        taken.update(named.values())

    def _clean(self, path: str) -> str:
        home, _, name = path.rpartition(":")
        if self._own and name in _TEMPLATES:
            return ":".join(part for part in (self._cleaner.id(home), name) if part)
        return _under(self._cleaner.id(home), self._cleaner.part(name) or "unnamed")

    # ------------------------------------------------------------------------------------------- media and people

    def _name_media(self) -> None:
        files = {record: file for record, file in self._directory.all("file").items() if isinstance(file, File)}
        self._uppers |= climb({record: file.version_of for record, file in files.items()})
        newest = {record: self._newest(record) for record in files}
        tops = {record: files[record] for record in set(newest.values())}
        wanted = {record: name for record, file in tops.items() if (name := self._wanted(record, file)) is not None}
        rules = Rules(clean=self._clean_medium, fold=str, longest=LONGEST_ID, numbered=_numbered)
        named = assign(wanted.items(), rules, self._taken.media)
        self._names.update({record: named[top] for record, top in newest.items() if top in named})

    def _newest(self, record: Ref) -> Ref:
        while (newer := self._uppers.get(record)) is not None:
            record = newer
        return record

    def _wanted(self, record: Ref, file: File) -> str | None:
        if self._own:
            return ref_parts(record)[1]
        kind, _ = ref_parts(file.target)
        if kind not in ("space", "page") or file.target not in self._names:
            return None
        home = self.within(file.target) if kind == "space" else self._names[file.target]
        return _under(home, (file.name or ref_parts(record)[1]).replace(":", "_"))

    def _clean_medium(self, path: str) -> str:
        home, _, name = path.rpartition(":")
        return _under(self._cleaner.id(home), self._cleaner.medium(name) or "unnamed")

    def _name_people(self) -> None:
        users = {record: user for record, user in self._directory.all("user").items() if isinstance(user, User)}
        self._logins: frozenset[str] = frozenset()
        wanted = {record: user.username or ref_parts(record)[1] for record, user in users.items() if record not in self.people}
        addresses = {record for record in wanted if self._own and ref_parts(record)[1].startswith(ADDRESS)}
        self._names.update({record: ref_parts(record)[1] for record in addresses})
        rules = Rules(clean=self._cleaner.part, fold=str, longest=100, numbered=lambda name, number: f"{name}_{number}")
        self._names.update(assign(((record, name) for record, name in wanted.items() if record not in addresses), rules, self._taken.logins))
        self._names.update({record: login for record, login in self.people.items() if ref_parts(record)[0] == "user"})
        self._logins = frozenset(self._names[record] for record in users)


def _open(space: Space) -> bool:
    return space.visibility not in ("private", "unknown")


def _called(record: Space | Page) -> str:
    """What a record of another system is called, as one part of a path."""
    return (record.title or record.name or record.id).replace(":", " ")


def _last(record: Ref) -> str:
    """The last part of an id of another DokuWiki."""
    return ref_parts(record)[1].rpartition(":")[2]


def _under(home: str, name: str) -> str:
    return f"{home}:{name}" if home else name


def _numbered(id: str, number: int) -> str:
    stem, dot, ending = id.rpartition(".")
    return f"{stem}_{number}.{ending}" if dot and ":" not in ending else f"{id}_{number}"


def _short(record: Ref) -> str:
    return hashlib.sha256(record.encode()).hexdigest()[:8]
