"""What a run did and when: one line per step in ``steps.ndjson``. The measured durations of a runbook come from it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Literal

import msgspec

from reversa import __version__

StepName = Literal["validate", "sample", "export", "plan", "import", "verify", "undo"]
ENDINGS = frozenset({"done", "verified", "sampled", "incomplete", "different"})
"""The results of a step that came to its end: what it did, or the verdict of a verification."""


class Step(msgspec.Struct, kw_only=True):
    """One step taken. ``result`` is `done`, the verdict of a verification, or the name of the error that ended it."""

    step: StepName
    started_at: datetime
    ended_at: datetime
    records: int = 0
    reversa: str = __version__
    result: str = "done"

    @property
    def failed(self) -> bool:
        """Whether an error ended it."""
        return self.result not in ENDINGS

    @property
    def milliseconds(self) -> int:
        return round((self.ended_at - self.started_at).total_seconds() * 1000)


def now() -> datetime:
    return datetime.now(UTC)


@contextlib.contextmanager
def recorded(path: Path, step: StepName, clock: Callable[[], datetime] = now) -> Iterator[Step]:
    """Take a step; its line is written when it ends, however it ends. The caller fills in ``records`` and ``result``."""
    started = clock()
    taken = Step(step=step, started_at=started, ended_at=started)
    try:
        yield taken
    except BaseException as error:
        taken.result = type(error).__name__
        raise
    finally:
        taken.ended_at = clock()
        _append(path, msgspec.json.encode(taken) + b"\n")


def predicted(steps: Sequence[Step], name: StepName, records: int) -> float | None:
    """Milliseconds that a step should take: what it takes however few the records are, and so much per record. None: it was never taken."""
    taken = [(step.milliseconds, step.records) for step in steps if step.step == name and not step.failed]
    if not any(records for _, records in taken):
        return None
    each = min(milliseconds / records for milliseconds, records in taken if records)
    return median(milliseconds - each * records for milliseconds, records in taken) + each * records


def _append(path: Path, line: bytes) -> None:
    """Add a line and flush it to the disk; a line that a crash cut short stays a line of its own."""
    with path.open("ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                line = b"\n" + line
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def read_steps(content: bytes) -> list[Step]:
    """The steps of a journal in order. Raises ValueError that names the line when one cannot be read."""
    steps = []
    for number, line in enumerate(content.splitlines(), 1):
        try:
            steps.append(msgspec.json.decode(line, type=Step))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ValueError(f"line {number}: {error}") from error
    return steps
