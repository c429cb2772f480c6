"""Who has an account, and who may do what: ``users.auth.php`` and ``acl.auth.php``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote, unquote, unquote_plus

import msgspec

from reversa.systems.dokuwiki.names import namespace

MEMBERS = "user"
"""The group of all who have an account, unless the wiki calls it otherwise."""
NOBODY, READ, EDIT, CREATE, UPLOAD, DELETE = 0, 1, 2, 4, 8, 16
_COLON = re.compile(r"(?<![^\\]\\):")  # as DokuWiki's own
_QUOTED = re.compile(r"[%+#]")
_PLAIN = " \\:'\"()"
NO_PASSWORD = "!"  # noqa: S105 - none
"""No hash of any kind that DokuWiki knows: every password is refused. One can be set by mail, where the wiki allows it, or by its administrator."""
_ENCODED = re.compile(r"[\x00-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f]")


class Account(msgspec.Struct, frozen=True):
    """A line of ``users.auth.php`` without its password."""

    login: str
    name: str
    email: str
    groups: tuple[str, ...]


def encoded_name(name: str) -> str:
    """A login or a group as rules and lists of subscribers have it."""
    return _ENCODED.sub(lambda met: f"%{ord(met[0]):02x}", name)


class Rule(msgspec.Struct, frozen=True):
    """A line of ``acl.auth.php``: on what (``ns:*``, ``ns:page``, ``*``), who (``@group``, a login), how far."""

    scope: str
    who: str
    level: int

    @property
    def template(self) -> bool:
        """Whether it stands for a rule of each person or group."""
        return any(word in self.scope + self.who for word in ("%USER%", "%GROUP%"))

    @property
    def place(self) -> str:
        """The namespace that it is about, or the page."""
        return self.scope.removesuffix("*").removesuffix(":")

    def text(self) -> str:
        """The line as DokuWiki writes it, without its end."""
        if self.who in ("%USER%", "%GROUP%"):
            return f"{self.scope}\t{self.who}\t{self.level}"
        sign = "@" * self.who.startswith("@")
        return f"{self.scope}\t{sign}{encoded_name(self.who.removeprefix('@'))}\t{self.level}"


def told(data: bytes) -> list[str]:
    """The lines of a configuration file that are no comments."""
    lines = data.decode("utf-8", "backslashreplace").splitlines()
    return [line for raw in lines if (line := raw.partition("#")[0].strip())]


def parse_account(line: str) -> Account:
    """What a line says. Raises ValueError when it names nobody."""
    columns = [column.replace("\\:", ":").replace("\\\\", "\\") for column in _COLON.split(line)]
    if len(columns) < 2 or not columns[0]:
        raise ValueError("it is no account")
    columns += [""] * (5 - len(columns))
    return Account(
        columns[0],
        unquote_plus(columns[2], errors="backslashreplace"),
        columns[3],
        tuple(dict.fromkeys(group for group in columns[4].split(",") if group)),
    )


def login_of(line: str) -> str:
    """Whose line it is; empty for a comment."""
    return _COLON.split(line.partition("#")[0])[0].strip()


def account_line(login: str, name: str, email: str, groups: Iterable[str]) -> str:
    """A new account, without an end of line. No password leads to its hash: somebody sets one."""
    columns = [login, NO_PASSWORD, quote(name, safe=_PLAIN) if _QUOTED.search(name) else name, email.replace("#", ""), ",".join(groups)]
    return ":".join(column.replace("\\", "\\\\").replace(":", "\\:") for column in columns)


def parse_rule(line: str) -> Rule:
    """What a line says. Raises ValueError when it is no rule."""
    columns = line.split()
    if len(columns) != 3 or not columns[2].isdecimal() or len(columns[2]) > 6:
        raise ValueError("it is no rule")
    return Rule(columns[0], unquote(columns[1], errors="backslashreplace"), int(columns[2]))


def append(lines: list[str], line: str) -> None:
    """Put a line at the end; a file whose last line has no end keeps it so."""
    lines.insert(len(lines) - (lines[-1] == ""), line)


def joining(line: str, login: str, groups: Sequence[str]) -> str:
    """A line of users.auth.php with more groups; that of somebody else as it is."""
    if login_of(line) != login:
        return line
    held = line.rpartition(":")[2].split(",")
    more = [group for group in dict.fromkeys(groups) if group not in held]
    return ",".join([line, *more] if held != [""] else [line + more[0], *more[1:]]) if more else line


def leaving(line: str, left: Mapping[str, set[str]]) -> str:
    """A line of users.auth.php without some groups."""
    login = login_of(line)
    if login not in left:
        return line
    beginning, colon, groups = line.rpartition(":")
    return beginning + colon + ",".join(group for group in groups.split(",") if group not in left[login])


def text_of(target: str) -> str:
    """The line of acl.auth.php behind a grant's id in the wiki."""
    columns = target.rsplit(" ", 2)
    return Rule(columns[0], columns[1], int(columns[2])).text() if len(columns) == 3 and columns[2].isdecimal() else ""


class Rights:
    """What a wiki lets an ordinary member do: somebody with an account and no other group."""

    def __init__(self, rules: Iterable[Rule], *, used: bool = True, members: str = MEMBERS) -> None:
        self._used = used
        self._levels: dict[str, int] = {}
        for rule in rules:
            if rule.who in ("@ALL", f"@{members}"):
                self._levels[rule.scope] = max(rule.level, self._levels.get(rule.scope, NOBODY))

    def on_page(self, id: str) -> int:
        """How far a member may go on a page."""
        return self._levels[id] if self._used and id in self._levels else self.in_namespace(namespace(id))

    def in_namespace(self, name: str) -> int:
        """How far a member may go on what lies in a namespace: the nearest rule counts."""
        if not self._used:
            return UPLOAD
        while name:
            if f"{name}:*" in self._levels:
                return self._levels[f"{name}:*"]
            name = namespace(name)
        return self._levels.get("*", NOBODY)
