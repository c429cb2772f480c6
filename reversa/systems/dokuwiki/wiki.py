"""A wiki on this machine that is written to: where its files lie, and what in it is not ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from reversa.adapter import Source
from reversa.errors import TargetError
from reversa.systems.dokuwiki.accounts import MEMBERS, Account, Rule, parse_account, parse_rule, told
from reversa.systems.dokuwiki.disk import put
from reversa.systems.dokuwiki.layout import Layout, encoding_of, settings, sort_files
from reversa.systems.dokuwiki.names import encoded, namespaces
from reversa.systems.dokuwiki.places import Taken
from reversa.systems.dokuwiki.registry import Registry
from reversa.systems.slack.archive import FolderArchive

Parsed = TypeVar("Parsed")
HOME = "meta/_reversa"
"""Of the registry, below the data directory. Ids of pages never begin with ``_``."""
HEADER = "# {}\n# <?php exit()?>\n# Don't modify the lines above\n"


class Wiki:
    """The folders of a wiki and what lies in them."""

    def __init__(self, folder: Path, source: Source) -> None:
        inside = folder / "data" / "pages"
        self.data = folder / "data" if inside.is_dir() else folder
        if not (self.data / "pages").is_dir():
            raise TargetError(
                f"{folder} is not the folder of a DokuWiki.", "Give the folder that holds data/ and conf/, or the data directory itself."
            )
        self.conf = next((home / "conf" for home in (folder, self.data.parent, self.data) if (home / "conf").is_dir()), self.data.parent / "conf")
        archive = FolderArchive(folder)
        self.layout = sort_files(archive, folder) or Layout("", "conf/")
        self.settings = settings(archive, self.layout)
        self.encoding = encoding_of(archive, self.layout)
        self.source = source
        self.registry = Registry(self.data / HOME, source)

    @property
    def members(self) -> str:
        """The group of all who have an account."""
        return self.settings.get("defaultgroup", MEMBERS)

    @property
    def used(self) -> bool:
        """Whether rights count at all here."""
        return self.settings.get("useacl", "1") != "0"

    def path(self, folder: str, id: str, ending: str = "") -> Path:
        """The file of an id in a folder of the data directory."""
        return self.data / folder / f"{encoded(id.replace(':', '/'), self.encoding)}{ending}"

    # ------------------------------------------------------------------------------------------- configuration files

    def lines(self, file: str) -> list[str]:
        """All lines of a configuration file, as they are."""
        path = self.conf / file
        return path.read_bytes().decode("utf-8", "surrogateescape").split("\n") if path.exists() else HEADER.format(file).split("\n")

    def write_lines(self, file: str, lines: list[str]) -> None:
        """Write a configuration file; one that holds what we began it with, and no more, goes."""
        text = "\n".join(lines)
        if text == HEADER.format(file):
            (self.conf / file).unlink(missing_ok=True)
        else:
            put(self.conf / file, text.encode("utf-8", "surrogateescape"))

    def accounts(self) -> dict[str, Account]:
        """Who has an account, by login."""
        return {account.login: account for account in _parsed(self.lines("users.auth.php"), parse_account)}

    def rules(self) -> list[Rule]:
        """Who may do what."""
        return list(_parsed(self.lines("acl.auth.php"), parse_rule))

    # ------------------------------------------------------------------------------------------- what is not ours

    def foreign_accounts(self) -> dict[str, Account]:
        """The accounts that were there."""
        ours = {row.target for row in self.registry.rows("user", done=False) if not row.refs}
        return {login: account for login, account in self.accounts().items() if login not in ours}

    def foreign_rules(self) -> list[Rule]:
        """The rules that were there."""
        ours = {row.target for kind in ("grant", "opaque") for row in self.registry.rows(kind, done=False) if "there" not in row.refs}
        ours |= {closing[0] or "" for row in self.registry.rows("space", done=False) if (closing := row.refs.get("closing"))}
        return [rule for rule in self.rules() if f"{rule.scope} {rule.who} {rule.level}" not in ours]

    def taken(self) -> Taken:
        """Names that are not ours."""
        pages = set(self.layout.page_ids) - self._ours("page")
        media = set(self.layout.media_ids) - self._ours("file")
        spaces = {name for id in (*pages, *media) for name in namespaces(id)}
        accounts = self.foreign_accounts()
        groups = {group for account in accounts.values() for group in account.groups}
        groups |= {rule.who[1:] for rule in self.foreign_rules() if rule.who.startswith("@")}
        if self.stock_only():  # nothing is there yet that belongs to its members
            groups.discard(self.members)
        named = [name.strip() for key in ("superuser", "manager") for name in self.settings.get(key, "").split(",")]
        groups |= {name[1:] for name in named if name.startswith("@")}
        logins = {*accounts, *(name for name in named if name and not name.startswith("@"))}
        return Taken(frozenset(pages), frozenset(media), frozenset(spaces), frozenset(logins), frozenset(groups))

    def stock_only(self) -> bool:
        """Whether nobody has written anything here but us."""
        return not (self.layout.attic.keys() | self.layout.changes.keys()) - self._ours("page")

    def _ours(self, kind: str) -> set[str]:
        return {row.target.partition("@")[0] for row in self.registry.rows(kind, done=False)}


def _parsed(lines: Iterable[str], parse: Callable[[str], Parsed]) -> list[Parsed]:
    found = []
    for line in told("\n".join(lines).encode("utf-8", "surrogateescape")):
        try:
            found.append(parse(line))
        except ValueError:  # a line that DokuWiki does not understand either
            continue
    return found
