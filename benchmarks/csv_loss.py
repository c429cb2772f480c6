"""What survives the CSV of a chat, and what survives reversa, counted against one Slack export: docs/csv-against-reversa.md.

python -m benchmarks.csv_loss EXPORT.zip    # prints the table of an export
python -m benchmarks.csv_loss               # writes the tables of the page and of README.md
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from benchmarks import csv_copy
from benchmarks.rebuilding import rebuild, rows_of_database, rows_of_pages
from benchmarks.road import GENERATOR, PROJECT
from benchmarks.slack_json import Fact, facts, read_zip

PAGE = PROJECT / "docs" / "csv-against-reversa.md"
README = PROJECT / "README.md"
DEMO = PROJECT / "tests" / "data" / "slack-export.zip"
GENERATED = ("--messages", "2000", "--channels", "40", "--users", "60", "--seed", "1", "--files")

LINES = {
    "Fields": {"field": "values in users, conversations, messages", "other": "values in other files: logs, canvases"},
    "Messages": {"words": "words, time, conversation", "author": "author, by id"},
    "People": {"person": "users, by id", "deactivated": "deactivated", "bot": "bots"},
    "Links": {
        "mention": "mentions of people who are in the export",
        "channel": "mentions of conversations that are in the export",
        "address": "web and mail addresses in texts",
        "pin": "pins, and by whom",
    },
    "Rights": {"member": "memberships", "visibility": "public or private", "role": "roles: owner, admin, guest"},
    "Revisions": {"edit": "edits: by whom, when", "deletion": "marks of deleted messages"},
    "Threads": {"reply": "replies whose first message is in the export", "broadcast": "replies also shown in the conversation"},
    "Reactions": {"reaction count": "how many people", "reaction": "each person"},
    "Files": {
        "file name": "names",
        "file url_private": "addresses of the file",
        "file permalink": "addresses of its page",
        "file content": "contents that the export holds",
        "comment": "comments: by whom, words",
    },
}
"""Groups of the README, their lines in the page, and the facts they count."""


class Survival(NamedTuple):
    """Of ``whole`` facts: how many the CSV holds, and for each target how many in fields and how many in ``native`` only."""

    whole: int
    csv: int
    database: tuple[int, int]
    archive: tuple[int, int]

    def __add__(self, other: object) -> Survival:
        if not isinstance(other, Survival):
            return NotImplemented
        database, archive = ((a[0] + b[0], a[1] + b[1]) for a, b in ((self.database, other.database), (self.archive, other.archive)))
        return Survival(self.whole + other.whole, self.csv + other.csv, database, archive)


NOTHING = Survival(0, 0, (0, 0), (0, 0))


def measure(path: Path, folder: Path) -> dict[str, Survival]:
    """Write an export into a CSV and into both targets below an empty folder, read each back, and count, by fact."""
    import reversa

    source = read_zip(path)
    whole = facts(source)
    csv_copy.write(source, folder / "csv")
    reversa.migrate(str(path), f"sqlite:///{folder / 'target.db'}", run=folder / "database-run", private=True)
    reversa.migrate(str(path), f"html:{folder / 'archive'}", run=folder / "archive-run", private=True)
    csv = whole & facts(csv_copy.read(folder / "csv"))
    targets = [_in_fields_and_kept(whole, rows) for rows in (rows_of_database(folder / "target.db"), rows_of_pages(folder / "archive"))]
    return {
        fact: Survival(_count(whole, fact), _count(csv, fact), *((_count(told, fact), _count(kept, fact)) for told, kept in targets))
        for lines in LINES.values()
        for fact in lines
    }


def _in_fields_and_kept(whole: Counter[Fact], rows: dict[str, list[dict[str, object]]]) -> tuple[Counter[Fact], Counter[Fact]]:
    """The facts that the fields of the records tell, and those that are told only with what lies in ``native``."""
    told = whole & facts(rebuild(rows, native=False))
    return told, (whole & facts(rebuild(rows, native=True))) - told


def _count(counted: Counter[Fact], fact: str) -> int:
    return sum(count for (name, *_), count in counted.items() if name == fact)


def share(count: int, whole: int) -> str:
    """A percentage that says 0% and 100% only of nothing and everything."""
    if count in (0, whole):
        return "100%" if count else "0%"
    return f"{min(99.9, max(0.1, 100 * count / whole)):.1f}%"


def cell(counts: tuple[int, int], whole: int) -> str:
    """In fields, and what is kept besides."""
    told, kept = counts
    return f"{told:,} ({share(told, whole)})" + (f" + {kept:,} kept ({share(kept, whole)})" if kept else "")


def table(survival: dict[str, Survival]) -> str:
    """The Markdown table of the page."""
    lines = ["| | in the source | CSV | reversa, SQLite | reversa, archive |", "| --- | ---: | ---: | ---: | ---: |"]
    for group, facts_ in LINES.items():
        for number, (fact, label) in enumerate(facts_.items()):
            s = survival[fact]
            figures = [cell((s.csv, 0), s.whole), cell(s.database, s.whole), cell(s.archive, s.whole)] if s.whole else ["–"] * 3
            lines.append(f"| {f'**{group}**: ' if number == 0 else ''}{label} | {s.whole:,} | {' | '.join(figures)} |")
    return "\n".join(lines)


def summary(demo: dict[str, Survival], generated: dict[str, Survival]) -> str:
    """The Markdown table of README.md: the database only, by group."""
    lines = ["| | in a real export | CSV | reversa | in a generated one | CSV | reversa |", "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for group, facts_ in LINES.items():
        figures = []
        for survival in (demo, generated):
            s = sum((survival[fact] for fact in facts_), NOTHING)
            told, kept = s.database
            besides = f" + {share(kept, s.whole)} kept" if kept else ""
            figures += [f"{s.whole:,}", share(s.csv, s.whole), share(told, s.whole) + besides] if s.whole else ["0", "–", "–"]
        lines.append(f"| {group} | {' | '.join(figures)} |")
    return "\n".join(lines)


def between(text: str, name: str) -> str:
    """What stands between the markers of a table in a page."""
    return re.split(f"<!-- /?{name} -->\n", text)[1]


def put(page: Path, name: str, made: str) -> None:
    """Replace a table in a page."""
    before, _, after = re.split(f"<!-- /?{name} -->\n", page.read_text(encoding="utf-8"))
    page.write_text(f"{before}<!-- {name} -->\n{made}\n<!-- /{name} -->\n{after}", encoding="utf-8", newline="\n")


def measured(path: Path) -> dict[str, Survival]:
    """As :func:`measure`, in a folder that is removed."""
    with tempfile.TemporaryDirectory() as folder:
        return measure(path, Path(folder))


def main() -> None:
    """Print the table of the export that is named, or write those of the pages."""
    if sys.argv[1:]:
        print(table(measured(Path(sys.argv[1]))))
        return
    demo = measured(DEMO)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "generated.zip"
        subprocess.run([sys.executable, GENERATOR, source, *GENERATED], check=True)
        generated = measured(source)
    put(PAGE, "csv_loss demo", table(demo))
    put(PAGE, "csv_loss generated", table(generated))
    put(README, "csv_loss", summary(demo, generated))


if __name__ == "__main__":
    main()
