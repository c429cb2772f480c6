"""Legal clocks: from a start event and a length of ``templates/clocks.toml`` to a date, and to a calendar file.

Nothing is adjusted for week-ends or holidays: a date that falls on one is said to.
"""

from __future__ import annotations

import calendar
import functools
import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from typing import Any, Literal

import msgspec

from reversa.wording import spaced

Unit = Literal["calendar-days", "working-days", "months", "years", "hours"]
Bound = Literal["at-most", "at-least", "fixed"]
Status = Literal["V", "S", "M"]


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One text in both languages."""

    fr: str
    en: str

    def __getitem__(self, language: str) -> str:
        return self.fr if language == "fr" else self.en


class Clock(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One length of time that the law or a contract sets. Without a length it names a duty that has no date of its own."""

    fr: str
    en: str
    start: str
    basis: str
    status: Status
    source: Words | None = None
    """Where the text was read or quoted; none when it is known from memory."""
    bound: Bound | None = None
    length: int | None = None
    unit: Unit | None = None
    before: bool = False

    @property
    def words(self) -> Words:
        return Words(self.fr, self.en)

    def due(self, start: date | datetime) -> date | datetime | None:
        """The date that the clock gives for its start event: a moment for hours, else a day."""
        if self.length is None or self.unit is None:
            return None
        length = -self.length if self.before else self.length
        if self.unit == "hours":
            if not isinstance(start, datetime):
                raise TypeError("hours are counted from a moment")
            return start.astimezone(UTC) + timedelta(hours=length)
        day = start.date() if isinstance(start, datetime) else start
        if self.unit == "calendar-days":
            return day + timedelta(days=length)
        if self.unit == "working-days":
            return add_working_days(day, length)
        return add_months(day, length * (12 if self.unit == "years" else 1))


class ClockFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``templates/clocks.toml``."""

    checked: date
    rules: dict[Unit, Words]
    starts: dict[str, Words]
    clocks: dict[str, Clock]

    def starts_in_hours(self) -> set[str]:
        """The start events that need a moment, not only a day."""
        return {clock.start for clock in self.clocks.values() if clock.unit == "hours"}


def add_months(day: date, months: int) -> date:
    """The same day of a later (or earlier) month; where that month is shorter, its last day: 31 January + 1 = 28 or 29 February."""
    month = day.year * 12 + day.month - 1 + months
    year, month = divmod(month, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def add_working_days(day: date, days: int) -> date:
    """The n-th day from Monday to Friday after (or before) a day."""
    step = timedelta(days=1 if days > 0 else -1)
    for _ in range(abs(days)):
        day += step
        while day.weekday() >= 5:
            day += step
    return day


def shipped() -> bytes:
    """The file of clocks that comes with reversa."""
    return (resources.files("reversa.templates") / "clocks.toml").read_bytes()


@functools.cache
def clock_file() -> ClockFile:
    return msgspec.convert(_typeset(tomllib.loads(shipped().decode())), ClockFile)


def _typeset(table: dict[str, Any]) -> dict[str, Any]:
    """With the spaces of French, in which every basis is named."""
    return {key: _typeset(value) if isinstance(value, dict) else spaced(value) if key in ("fr", "basis") else value for key, value in table.items()}


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One date of a calendar. ``uid`` stays the same when the calendar is written again."""

    uid: str
    at: date | datetime
    summary: str
    description: str


def uid(run: str, clock: str) -> str:
    """The identity of a date in calendars: of one run and one clock, in any language."""
    return f"{clock}-{hashlib.sha256(run.encode()).hexdigest()[:16]}@reversa.invalid"


def ics(entries: Iterable[Entry], stamp: datetime) -> bytes:
    """An iCalendar file (RFC 5545): days as all-day events, moments in UTC."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//reversa//runbook//EN", "CALSCALE:GREGORIAN"]
    for entry in entries:
        if isinstance(entry.at, datetime):
            times = [f"DTSTART:{_utc(entry.at)}"]
        else:
            times = [f"DTSTART;VALUE=DATE:{_day(entry.at)}", f"DTEND;VALUE=DATE:{_day(entry.at + timedelta(days=1))}"]
        texts = [f"SUMMARY:{_escaped(entry.summary)}", f"DESCRIPTION:{_escaped(entry.description)}"]
        lines += ["BEGIN:VEVENT", f"UID:{entry.uid}", f"DTSTAMP:{_utc(stamp)}", *times, *texts, "TRANSP:TRANSPARENT", "END:VEVENT"]
    lines.append("END:VCALENDAR")
    return b"".join(_folded(line) for line in lines)


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _day(day: date) -> str:
    return day.isoformat().replace("-", "")


def _escaped(text: str) -> str:
    escapes: Mapping[str, str] = {"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"}
    return "".join(escapes.get(c, c) for c in text)


def _folded(line: str) -> bytes:
    """A content line in pieces of at most 75 octets, no character cut in two."""
    pieces, piece = [], b""
    for character in line:
        octets = character.encode()
        if len(piece) + len(octets) > 75:
            pieces.append(piece)
            piece = b" "
        piece += octets
    return b"\r\n".join([*pieces, piece]) + b"\r\n"
