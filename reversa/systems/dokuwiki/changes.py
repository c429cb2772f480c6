"""Change logs: one line per revision of a page or a medium."""

from __future__ import annotations

import re

import msgspec

EARLIEST, LATEST = -62_135_596_800, 253_402_300_799
"""The years 1 to 9999 in seconds since 1970."""
_LINE = re.compile(rb"-?\d{1,12}\t")


class Line(msgspec.Struct, frozen=True):
    """One change. ``size`` is how many bytes were added, as text; None in logs of before 2012."""

    time: int
    ip: str
    type: str
    id: str
    user: str
    comment: str
    extra: str
    size: str | None = None
    clean: bool = True
    """Whether the line is UTF-8."""

    def text(self) -> str:
        """The line as DokuWiki writes it, without its end."""
        columns = [str(self.time), self.ip, self.type, self.id, self.user, self.comment, self.extra]
        return "\t".join(columns if self.size is None else [*columns, self.size])


def lines(data: bytes) -> list[bytes]:
    """The lines of a log that say something."""
    return [line for line in data.split(b"\n") if line.strip()]


def parse(line: bytes) -> Line:
    """What a line says. Raises ValueError with the reason when it is torn."""
    if not _LINE.match(line):
        raise ValueError("it does not begin with a time")
    try:
        text, clean = line.decode(), True
    except UnicodeDecodeError:
        text, clean = line.decode(errors="backslashreplace"), False
    columns = text.rstrip("\r").split("\t")
    time = int(columns[0])
    if len(columns) < 4 or not EARLIEST <= time <= LATEST:
        raise ValueError("it is cut short" if len(columns) < 4 else "its time is in no year")
    ip, type, id, user, comment, extra = (*columns[1:7], "", "", "")[:6]
    return Line(time, ip, type, id, user, comment, extra, columns[7] if len(columns) > 7 else None, clean)
