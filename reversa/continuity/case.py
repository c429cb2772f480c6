"""What only people know, from ``case.toml`` in the run folder: parties, mandates, dates, thresholds, names.

reversa writes a commented template of it once, and never again.
"""

from __future__ import annotations

import re
import tomllib
from datetime import date, datetime, time
from pathlib import Path
from typing import Literal

from reversa.continuity.clocks import clock_file
from reversa.errors import RunError
from reversa.wording import Texts

Value = str | int | date | datetime
Kind = Literal["text", "day", "moment", "hours"]
_EXAMPLES: dict[Kind, str] = {"text": '"…"', "day": "2026-11-22", "moment": "2026-11-22T14:30:00+01:00", "hours": "8"}
_YEARS = range(1990, 2101)

FIELDS: dict[str, dict[str, Kind]] = {
    "parties": dict.fromkeys(("customer", "contract", "vendor", "successor", "successor-contract"), "text"),
    "procedure": dict.fromkeys(("kind", "court", "case-number", "administrator", "liquidator"), "text"),
    "authorisations": dict.fromkeys(
        ("controller-mandate", "liquidator-access", "escrow-release", "processor-successor", "processor-operator", "transfers-outside-eea", "nda"),
        "text",
    ),
    "dates": {name: "moment" if name in clock_file().starts_in_hours() else "day" for name in clock_file().starts},
    "thresholds": {"freeze-window-hours": "hours"},
    "checks": {"separation": "text"},
    "cut-over": {"at": "moment", "by": "text"},
    "people": dict.fromkeys(
        ("customer-it", "business-owner", "dpo", "security", "legal", "successor", "operator", "administrator", "escrow", "host"), "text"
    ),
    "next": {"drill": "day", "evidence-until": "day", "time-stamp-renewal": "day"},
}

Case = dict[tuple[str, str], Value]
"""(table, key) → what people stated."""


def label(table: str, key: str, t: Texts) -> str:
    """What a key means."""
    return clock_file().starts[key][t.language] if table == "dates" else t(f"case.{table}.{key}")


def template() -> str:
    """The file to fill in, every key commented out, explained in both languages."""
    fr, en = Texts("fr"), Texts("en")
    lines = [f"# {text}" for t in (fr, en) for text in str(t("case.intro")).split("\n")]
    for table, keys in FIELDS.items():
        lines += ["", f"[{table}]", f"# {fr(f'case.{table}')}", f"# {en(f'case.{table}')}"]
        for key, kind in keys.items():
            lines += [f"# – {label(table, key, fr)} · {label(table, key, en)}", f"# {key} = {_EXAMPLES[kind]}"]
    return "\n".join(lines) + "\n"


def read_case(path: Path, content: bytes) -> Case:
    """What people stated. Raises RunError that names the line and says what to write."""
    try:
        text = content.decode()
        tables = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise RunError(f"{path} is not text in UTF-8: {error}", "Save it as UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        raise RunError(
            f"{path} cannot be read: {error}", 'Write key = "text" for a text, key = 2026-11-22 for a date; a line that starts with # says nothing.'
        ) from error
    case: Case = {}
    for table, keys in tables.items():
        if table not in FIELDS or not isinstance(keys, dict):
            raise RunError(f"{path}, line {_line(text, table, None)}: [{table}] is not known.", f"Write one of: {', '.join(FIELDS)}")
        for key, value in keys.items():
            where = f"{path}, line {_line(text, table, key)}: "
            if key not in FIELDS[table]:
                raise RunError(f"{where}[{table}] has no key {key}.", f"Write one of: {', '.join(FIELDS[table])}")
            wrong = _wrong(FIELDS[table][key], value)
            if wrong:
                raise RunError(f"{where}{key} = {value!r} is {wrong}.", f"Write it like this: {key} = {_EXAMPLES[FIELDS[table][key]]}")
            case[table, key] = value
    return case


def _wrong(kind: Kind, value: object) -> str | None:
    """What is wrong with a value of the kind asked for."""
    if kind == "text":
        return None if isinstance(value, str) and value.strip() else "not a text"
    if kind == "hours":
        return None if isinstance(value, int) and not isinstance(value, bool) and value > 0 else "not a whole number of hours"
    if isinstance(value, time) or not isinstance(value, date):
        return "not a date" if kind == "day" else "not a date with an hour"
    if value.year not in _YEARS:
        return "a year that cannot be meant"
    if kind == "day":
        return "more than a date" if isinstance(value, datetime) else None
    return None if isinstance(value, datetime) and value.tzinfo is not None else "not a date with an hour and its zone"


def _line(text: str, table: str, key: str | None) -> int:
    """Where a table or one of its keys is written; 1 when it is written in a way of its own."""
    current = ""
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"""\s*\[+\s*["']?([^\]"']+?)["']?\s*\]""", line)
        if header:
            current = header[1]
            if key is None and current.partition(".")[0] == table:
                return number
        found = re.match(r"""\s*["']?([^=\s"'.]+)["']?\s*[=.]""", line)
        if found and ((key is None and found[1] == table) or (key is not None and current == table and found[1] == key)):
            return number
    return 1
