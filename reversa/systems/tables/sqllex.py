"""Dumps of SQL as bytes: a window that moves over them, and the few marks that matter between quoted texts."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import NamedTuple, Protocol

BLOCK = 1 << 20
CAP = 64 << 20
"""Bytes of a row, at most: a longer one is passed without being kept."""
AHEAD = 1 << 16
"""Bytes in which the beginning of a statement is looked for."""
Pattern = re.Pattern[bytes]


class Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Window:
    """The bytes of a stream that are looked at; those before ``at`` are done with."""

    def __init__(self, stream: Stream, position: int = 0, end: int | None = None, line: int = 1) -> None:
        self.data, self.at = b"", 0
        self.broken = ""
        """Why the stream could not be read to its end."""
        self._stream, self._position, self._end = stream, position, end
        self._line, self._counted = line, 0

    @property
    def position(self) -> int:
        return self._position + self.at

    @property
    def left(self) -> int:
        return len(self.data) - self.at

    @property
    def line(self) -> int:
        self._line += self.data.count(b"\n", self._counted, self.at)
        self._counted = self.at
        return self._line

    def more(self) -> bool:
        """Forget what is done with and take as much again as is left, at least a block. False at the end."""
        wanted = max(BLOCK, self.left)
        if self._end is not None:
            wanted = min(wanted, self._end - self._position - len(self.data))
        try:
            block = self._stream.read(wanted)
        except (OSError, EOFError, zlib.error) as error:
            self.broken, block = str(error), b""
        if block:
            self._line, self._position = self.line, self.position
            self.data = self.data[self.at :] + block
            self.at = self._counted = 0
        return bool(block)

    def ahead(self, size: int) -> None:
        """Have that many bytes, where there are as many."""
        while self.left < size and self.more():
            pass

    def until(self, wanted: Pattern) -> bool:
        """Go behind what a pattern of less than AHEAD bytes finds, or to the end."""
        while not (found := wanted.search(self.data, self.at)):
            self.at = max(self.at, len(self.data) - AHEAD)
            if not self.more():
                self.at = len(self.data)
                return False
        self.at = found.end()
        return True


class Dialect(NamedTuple):
    """How a system quotes. All patterns pass whole quoted texts only."""

    name: str
    quoted: Pattern
    gap: Pattern
    """Between statements."""
    body: Pattern
    """Of a statement, up to its semicolon."""
    flat: Pattern
    """Up to a parenthesis or a semicolon."""
    value: bytes
    """One value of a row."""
    row: Pattern
    """A row of any length, up to the next."""
    inside: dict[bytes, Pattern]
    """Of a text by its quote: what may be passed in it."""


END_OF_ROW = rb"\s*+\)\s*+([,;]|ON\b)"


def _dialect(name: str, quoted: bytes, inside: dict[bytes, bytes], gap: bytes, more: bytes = b"", letters: bytes = b"") -> Dialect:
    """``more``: what begins with one of these letters and is quoted in a statement, or is that letter alone, seen by what follows it."""
    comment = rb"--[^\n]*+\n|/\*.*?\*/"
    marks = b"".join(re.escape(quote) for quote in inside) + letters
    within = rb"(?:%b|[^'()]++)*+" % quoted
    for _ in range(4):  # functions in functions: replace(replace(…
        within = rb"(?:%b|[^'()]++|\(%b\))*+" % (quoted, within)
    return Dialect(
        name,
        re.compile(quoted, re.DOTALL),
        re.compile(rb"(?:\s++|%b%b|;)*+" % (comment, gap), re.DOTALL),
        re.compile(rb"(?:[^;/\-%b]++|%b%b|%b|-(?=[^-])|/(?=[^*]))*+" % (marks, quoted, more, comment), re.DOTALL),
        re.compile(rb"(?:[^();%b]++|%b%b)*+" % (marks, quoted, more), re.DOTALL),
        rb"(?:%b|[^'(),]++|\(%b\))++" % (quoted, within),
        re.compile(rb"\s*+\(%b" % within + END_OF_ROW, re.DOTALL | re.IGNORECASE),
        {quote: re.compile(passed, re.DOTALL) for quote, passed in inside.items()},
    )


POSTGRESQL = _dialect(
    "postgresql",
    rb"[eE]'(?:[^'\\]++|\\.|'')*+'(?=[^'])|'[^']*+'|\"[^\"]*+\"",
    {b"'": rb"[^']*+", b'"': rb'[^"]*+'},
    gap=rb"|\\[^\n]*+\n",  # commands of psql
    more=rb"|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$|\$(?=\w*[^\w$])|[eE](?=[^'])",
    letters=b"$eE",
)
MYSQL = _dialect(
    "mysql",
    rb"'(?:[^'\\]++|\\.)*+'|\"(?:[^\"\\]++|\\.)*+\"|`[^`]*+`",
    {b"'": rb"(?:[^'\\]++|\\.)*+", b'"': rb'(?:[^"\\]++|\\.)*+', b"`": rb"[^`]*+"},
    gap=rb"|#[^\n]*+\n",
)
SQLITE = _dialect("sqlite", rb"'[^']*+'|\"[^\"]*+\"|`[^`]*+`", {b"'": rb"[^']*+", b'"': rb'[^"]*+', b"`": rb"[^`]*+"}, gap=b"")


def stop(window: Window, passed: Pattern, marks: bytes, dialect: Dialect) -> bytes:
    """Pass everything but these marks, quoted texts of any length too, and go behind the first. Gives it, or nothing at the end."""
    while True:
        match = passed.match(window.data, window.at)
        window.at = match.end() if match else window.at
        found = window.data[window.at : window.at + 1]
        if found and found in marks:
            window.at += 1
            return found
        if found in dialect.inside:
            if not _pass_quoted(window, found, dialect):
                return b""
        elif not window.more():
            window.at = len(window.data)
            return b""


def _pass_quoted(window: Window, quote: bytes, dialect: Dialect) -> bool:
    window.at += 1
    while True:
        match = dialect.inside[quote].match(window.data, window.at)
        window.at = match.end() if match else window.at
        if window.left and window.data.startswith(quote, window.at):
            window.at += 1
            return True
        if not window.more():
            window.at = len(window.data)
            return False


class Statement(NamedTuple):
    """A statement, or the beginning of one that is an INSERT or very long."""

    text: bytes
    start: int
    line: int
    whole: bool


_INSERT = re.compile(rb"(?:INSERT|REPLACE)\b", re.IGNORECASE)
_DELIMITER = re.compile(rb"DELIMITER[ \t]+(?!;\s)\S", re.IGNORECASE)
_DELIMITER_END = re.compile(rb"\nDELIMITER[ \t]+;", re.IGNORECASE)
_ROUTINE = re.compile(rb"\s*+CREATE\s[^(]*?\b(?:TRIGGER|FUNCTION|PROCEDURE)\b", re.IGNORECASE)
_BEGIN = re.compile(rb"\bBEGIN\b", re.IGNORECASE)
_END = re.compile(rb"END\b", re.IGNORECASE)


def statements(window: Window, dialect: Dialect) -> Iterator[Statement]:
    """One after the other, the bodies of functions and triggers aside. When one is given, the window is behind it."""
    in_routine = False
    while True:
        window.ahead(AHEAD)
        while (gap := dialect.gap.match(window.data, window.at)) and gap.end() > window.at:
            window.at = gap.end()
            window.ahead(AHEAD)
        if not window.left:
            return
        if _DELIMITER.match(window.data, window.at):
            window.until(_DELIMITER_END)
            continue
        statement = _statement(window, dialect)
        if in_routine:
            in_routine = not _END.match(statement.text)
        elif _ROUTINE.match(statement.text) and _BEGIN.search(_unquoted(statement.text)):
            in_routine = True
        else:
            yield statement


def _statement(window: Window, dialect: Dialect) -> Statement:
    start, line = window.position, window.line
    while not _INSERT.match(window.data, window.at) and window.left < CAP:
        match = dialect.body.match(window.data, window.at)
        end = match.end() if match else window.at
        if window.data.startswith(b";", end):
            text, window.at = window.data[window.at : end], end + 1
            return Statement(text, start, line, whole=True)
        if not window.more():
            break
    text = window.data[window.at : window.at + AHEAD]
    return Statement(text, start, line, bool(stop(window, dialect.body, b";", dialect)))


_TEXTS = re.compile(rb"\$(\w*)\$.*?\$\1\$|'[^']*+'|\"[^\"]*+\"", re.DOTALL)


def _unquoted(text: bytes) -> bytes:
    return _TEXTS.sub(b"''", text)
