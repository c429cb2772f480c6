"""Legal clocks: arithmetic that can be checked by hand, and a calendar file that follows RFC 5545 to the letter."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reversa.continuity.clocks import Clock, Entry, Unit, add_months, add_working_days, clock_file, ics, uid

STAMP = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DAYS = st.dates(date(1990, 1, 1), date(2100, 12, 31))


def clock(length: int | None, unit: Unit | None, *, before: bool = False) -> Clock:
    return Clock(fr="f", en="e", start="s", bound="at-most", basis="b", status="M", length=length, unit=unit, before=before)


# ---------------------------------------------------------------------------------------------------- arithmetic


@pytest.mark.parametrize(
    ("start", "months", "due"),
    [
        ("2026-01-31", 1, "2026-02-28"),
        ("2028-01-31", 1, "2028-02-29"),
        ("2026-03-31", 1, "2026-04-30"),
        ("2026-02-28", 1, "2026-03-28"),
        ("2026-11-30", 3, "2027-02-28"),
        ("2026-12-15", 1, "2027-01-15"),
        ("2028-02-29", 12, "2029-02-28"),
        ("2028-02-29", 48, "2032-02-29"),
        ("2026-03-31", -1, "2026-02-28"),
        ("2027-01-10", -2, "2026-11-10"),
    ],
)
def test_months_keep_the_day_or_take_the_last_of_the_month(start: str, months: int, due: str) -> None:
    assert add_months(date.fromisoformat(start), months) == date.fromisoformat(due)


@given(DAYS, st.integers(-240, 240))
def test_months_land_in_the_right_month(start: date, months: int) -> None:
    due = add_months(start, months)
    assert (due.year * 12 + due.month) - (start.year * 12 + start.month) == months
    assert due.day == start.day or (due.day < start.day and (due + timedelta(days=1)).day == 1)


@pytest.mark.parametrize(
    ("start", "days", "due"),
    [
        ("2026-11-20", 1, "2026-11-23"),  # a Friday
        ("2026-11-21", 1, "2026-11-23"),  # a Saturday
        ("2026-11-22", 5, "2026-11-27"),  # a Sunday
        ("2026-11-23", 14, "2026-12-11"),
        ("2026-11-23", -1, "2026-11-20"),
    ],
)
def test_working_days_skip_week_ends(start: str, days: int, due: str) -> None:
    assert add_working_days(date.fromisoformat(start), days) == date.fromisoformat(due)


@given(DAYS, st.integers(1, 300))
def test_working_days_are_counted_one_by_one(start: date, days: int) -> None:
    due = add_working_days(start, days)
    assert due.weekday() < 5
    assert sum((start + timedelta(days=n)).weekday() < 5 for n in range(1, (due - start).days + 1)) == days


def test_each_unit() -> None:
    start = date(2026, 11, 22)
    assert clock(30, "calendar-days").due(start) == date(2026, 12, 22)
    assert clock(15, "calendar-days", before=True).due(start) == date(2026, 11, 7)
    assert clock(5, "years").due(date(2028, 2, 29)) == date(2033, 2, 28)
    assert clock(None, None).due(start) is None
    paris = timezone(timedelta(hours=1))
    assert clock(72, "hours").due(datetime(2026, 11, 20, 18, 30, tzinfo=paris)) == datetime(2026, 11, 23, 17, 30, tzinfo=UTC)
    with pytest.raises(TypeError, match="from a moment"):
        clock(72, "hours").due(start)


# ------------------------------------------------------------------------------------------------------ the file

EXPECTED = {
    "switching-notice": (2, "months", "S"), "infeasibility": (14, "working-days", "S"), "alternative-transition": (7, "months", "S"),
    "transition": (30, "calendar-days", "S"), "retrieval": (30, "calendar-days", "S"), "erasure": (None, None, "S"),
    "api-change": (12, "months", "V"), "liquidator-answer": (1, "months", "V"), "claim-of-property": (3, "months", "M"),
    "continued-activity": (3, "months", "M"), "observation": (6, "months", "M"), "declaration-of-claims": (2, "months", "M"),
    "declaration-of-claims-abroad": (4, "months", "M"), "administrator-answer": (1, "months", "M"), "offers": (None, None, "M"),
    "offers-deposit": (15, "calendar-days", "M"), "contracts-transferred": (None, None, "M"), "plan-appeal": (10, "calendar-days", "M"),
    "readiness": (30, "calendar-days", "S"), "va": (30, "calendar-days", "M"), "vsr": (30, "calendar-days", "S"),
    "tacit-admission": (7, "calendar-days", "S"), "erasure-notice": (21, "calendar-days", "V"), "destruction": (3, "months", "V"),
    "breach": (72, "hours", "V"), "evidence": (5, "years", "S"),
}  # fmt: skip


def test_the_clocks_are_those_of_the_reference() -> None:
    assert {id: (c.length, c.unit, c.status) for id, c in clock_file().clocks.items()} == EXPECTED


def test_the_file_is_complete() -> None:
    file = clock_file()
    assert {c.start for c in file.clocks.values()} == file.starts.keys(), "every start is used, every clock starts"
    assert {c.unit for c in file.clocks.values() if c.unit} == file.rules.keys()
    assert all((c.length is None) == (c.unit is None) == (c.bound is None) for c in file.clocks.values())
    assert all((c.source is None) == (c.status == "M") for c in file.clocks.values())
    read = [c.source for c in file.clocks.values() if c.status == "V" and c.source]
    assert not [said for said in read if "mémoire" in said.fr or "memory" in said.en]
    copies = [said for said in read if "ciso-assistant" in said.fr]
    assert len(copies) == 2
    assert all("une copie" in said.fr and "a copy" in said.en for said in copies)
    at_least = {id for id, c in file.clocks.items() if c.bound == "at-least"}
    assert at_least == {"retrieval", "api-change", "erasure-notice", "evidence"}
    assert [id for id, c in file.clocks.items() if c.before] == ["offers-deposit"]
    words = [
        *(clock.words for clock in file.clocks.values()),
        *(clock.source for clock in file.clocks.values() if clock.source),
        *file.starts.values(),
        *file.rules.values(),
    ]
    texts = [text for said in words for text in (said.fr, said.en)]
    assert all(text.strip() and "'" not in text for text in texts)
    french = [*(said.fr for said in words), *(clock.basis for clock in file.clocks.values())]
    assert not [text for text in french if re.search(" [:;?!%»]|« ", text)]
    assert [text for text in french if "\u00a0;" in text]


# -------------------------------------------------------------------------------------------------- the calendar


def unfolded(content: bytes) -> list[tuple[str, str]]:
    """The content lines as name (with parameters) and value, by the rules of RFC 5545 §3.1."""
    assert content.endswith(b"\r\n")
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", content)
    assert all(len(line) <= 75 for line in content.split(b"\r\n"))
    for line in content.split(b"\r\n"):
        line.decode()  # no character is cut in two
    lines = content.replace(b"\r\n ", b"").decode().removesuffix("\r\n").split("\r\n")
    assert not [c for line in lines for c in line if ord(c) < 32 or ord(c) == 127]
    return [(name, value) for name, _, value in (line.partition(":") for line in lines)]


def unescaped(value: str) -> str:
    assert re.fullmatch(r"(?:[^\\;,]|\\[\\;,nN])*", value, re.DOTALL), value
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] in "nN" else m[1], value)


def test_a_day_and_a_moment() -> None:
    entries = [
        Entry(uid="a@x", at=date(2026, 12, 31), summary="Échéance ; un, deux\\trois", description="ligne 1\nligne 2"),
        Entry(uid="b@x", at=datetime(2026, 11, 23, 18, 30, tzinfo=timezone(timedelta(hours=1))), summary="s", description="d"),
    ]
    assert unfolded(ics(entries, STAMP)) == [
        ("BEGIN", "VCALENDAR"), ("VERSION", "2.0"), ("PRODID", "-//reversa//runbook//EN"), ("CALSCALE", "GREGORIAN"),
        ("BEGIN", "VEVENT"), ("UID", "a@x"), ("DTSTAMP", "20261122T120000Z"), ("DTSTART;VALUE=DATE", "20261231"), ("DTEND;VALUE=DATE", "20270101"),
        ("SUMMARY", r"Échéance \; un\, deux\\trois"), ("DESCRIPTION", r"ligne 1\nligne 2"), ("TRANSP", "TRANSPARENT"), ("END", "VEVENT"),
        ("BEGIN", "VEVENT"), ("UID", "b@x"), ("DTSTAMP", "20261122T120000Z"), ("DTSTART", "20261123T173000Z"),
        ("SUMMARY", "s"), ("DESCRIPTION", "d"), ("TRANSP", "TRANSPARENT"), ("END", "VEVENT"), ("END", "VCALENDAR"),
    ]  # fmt: skip


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.just("\n"), max_size=300))
def test_any_text_comes_back(text: str) -> None:
    lines = unfolded(ics([Entry(uid="u@x", at=date(2026, 1, 1), summary=text, description="")], STAMP))
    (summary,) = (value for name, value in lines if name == "SUMMARY")
    assert unescaped(summary) == text


def test_identities_stay_and_tell_runs_apart() -> None:
    assert uid("digest", "breach") == uid("digest", "breach") != uid("other", "breach")
    assert re.fullmatch(r"breach-[0-9a-f]{16}@reversa\.invalid", uid("digest", "breach"))
