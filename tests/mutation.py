"""How many small faults in the modules that everything rests on do the tests notice? By mutmut, configured in pyproject.toml.

    python -m tests.mutation              every fifth mutant of these modules; writes the score to docs/mutation-score.md
    python -m tests.mutation --changed    those that changed since the score was written, for ten minutes at most

``--changed`` fails when the tests notice fewer of the mutants it came to than the score says, by more than SLACK.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import signal
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.paths import PROJECT

PAGE = PROJECT / "docs" / "mutation-score.md"
HEAD = "| module | SHA-256 | date | mutants | noticed | not noticed | share |\n| --- | --- | --- | ---: | ---: | ---: | ---: |\n"
FIFTH = "*__mutmut_*[16]"
"""Every fifth mutant of each function, the first one included: all of them take hours."""
LIMIT = dt.timedelta(minutes=10)
SLACK = 0.05
"""A part of the mutants may be harder than the whole."""
SURVIVED, NO_TESTS = 0, 33
"""Exit codes of mutmut: the tests passed; no test runs that line."""


class Score(NamedTuple):
    """Of a module: its content, when it was tried, and how many mutants were noticed."""

    module: str
    sha256: str
    date: str
    mutants: int
    noticed: int

    @property
    def share(self) -> float:
        return self.noticed / self.mutants if self.mutants else 1.0

    def line(self) -> str:
        missed = self.mutants - self.noticed
        return f"| {self.module} | {self.sha256} | {self.date} | {self.mutants} | {self.noticed} | {missed} | {self.share:.0%} |\n"


def modules() -> list[str]:
    configured = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mutmut"]["only_mutate"]
    return [Path(path).stem for path in configured]


def sha256(module: str) -> str:
    """The beginning of the digest of a module's source."""
    return hashlib.sha256((PROJECT / "reversa" / f"{module}.py").read_bytes()).hexdigest()[:16]


def recorded() -> dict[str, Score]:
    """The score of each module as it stands in the page."""
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in PAGE.read_text(encoding="utf-8").splitlines()]
    return {row[0]: Score(row[0], row[1], row[2], int(row[3]), int(row[4])) for row in rows if len(row) == 7 and row[3].isdecimal()}


def tried(names: Sequence[str], limit: dt.timedelta | None) -> dict[str, Score]:
    """Let mutmut try every fifth mutant of these modules; what it came to within the limit counts."""
    command = [str(Path(sys.executable).parent / "mutmut"), "run", "--max-children", "2", *(f"reversa.{name}.{FIFTH}" for name in names)]
    process = subprocess.Popen(command, cwd=PROJECT, start_new_session=True)
    try:
        code = process.wait(None if limit is None else limit.total_seconds())
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # it has children
        code = process.wait() and 0
    if code:
        raise SystemExit(f"mutmut ended with {code}")
    return {name: _scored(name) for name in names}


def _scored(name: str) -> Score:
    found = json.loads((PROJECT / "mutants" / "reversa" / f"{name}.py.meta").read_text(encoding="utf-8"))["exit_code_by_key"]
    codes = Counter(code for code in found.values() if code is not None)
    return Score(name, sha256(name), dt.datetime.now(dt.UTC).date().isoformat(), codes.total(), codes.total() - codes[SURVIVED] - codes[NO_TESTS])


def write(scores: dict[str, Score]) -> None:
    """Put the score into the page."""
    text = PAGE.read_text(encoding="utf-8")
    before = text[: text.index(HEAD) + len(HEAD)]
    PAGE.write_text(before + "".join(score.line() for score in scores.values()), encoding="utf-8")


def main() -> None:
    known, only_changed = recorded(), "--changed" in sys.argv[1:]
    names = [name for name in modules() if not only_changed or name not in known or known[name].sha256 != sha256(name)]
    if not names:
        print("No module has changed since its score was written.")
        return
    scores = tried(names, LIMIT if only_changed else None)
    print(HEAD + "".join(score.line() for score in scores.values()))
    if not only_changed:
        write(scores)
        return
    worse = [name for name, score in scores.items() if name in known and score.share < known[name].share - SLACK]
    if worse:
        raise SystemExit(f"The tests notice fewer faults than before in {', '.join(worse)}: mutmut results; mutmut show NAME")


if __name__ == "__main__":
    main()
