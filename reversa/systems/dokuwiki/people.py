"""Who is met: accounts, and authors that no list names."""

from __future__ import annotations

from collections.abc import Iterator

from reversa.records import Ref, User, ref
from reversa.systems.dokuwiki.changes import Line

ADDRESS = "ip:"
"""Begins the id of an author of whom only the network address is known. A login holds no colon."""


class People:
    """Remembers which authors have no account."""

    def __init__(self, logins: frozenset[str] = frozenset()) -> None:
        self._logins = logins
        self._met: dict[str, None] = {}

    def author(self, line: Line) -> Ref | None:
        """Who made a change; None when the log does not say."""
        if line.user:
            return self.named(line.user)
        if line.ip:
            return self._known(ADDRESS + line.ip)
        return None

    def named(self, login: str) -> Ref:
        """The person behind a login."""
        return ref("user", login) if login in self._logins else self._known(login)

    def _known(self, id: str) -> Ref:
        self._met[id] = None
        return ref("user", id)

    def placeholders(self) -> Iterator[User]:
        """Those without an account, each once."""
        for id in sorted(self._met):
            if id.startswith(ADDRESS):
                yield User(id=id, root=ref("user", id), display_name=id.removeprefix(ADDRESS), user_type="external", placeholder=True)
            else:
                yield User(id=id, root=ref("user", id), username=id, placeholder=True)
