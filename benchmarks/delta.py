"""The same delta of 1,000 messages over histories of growing size: seconds of each step, and what the plan had predicted.

    python -m benchmarks.delta [--histories 10000 100000 1000000]

Each history is carried whole first, then two deltas of 1,000 new messages of a later day, with ``--since`` that day. The first
delta is what the prediction of the second is made of. Needs the generator of the shelf, as benchmarks/road.py.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
import zipfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from benchmarks.road import GENERATOR, PROJECT, measured
from reversa.journal import StepName, read_steps
from reversa.migrating import migrate

MESSAGES = 1000
FIRST = date(2035, 1, 1)
STEPS: tuple[StepName, ...] = ("export", "plan", "import", "verify")


def history(messages: int, work: Path) -> Path:
    """An export with so many messages, made once."""
    source = work / f"history-{messages}.zip"
    if not source.exists():
        measured([sys.executable, str(GENERATOR), str(source), "--messages", str(messages), "--channels", "120", "--users", "300", "--no-truth"])
    return source


def last_day(source: Path, day: date, newer: Path) -> None:
    """An export of one later day, as Slack gives it for a range of dates: all people and channels, and 1,000 messages."""
    start = datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp()
    with zipfile.ZipFile(source) as archive, zipfile.ZipFile(newer, "w", zipfile.ZIP_DEFLATED) as written:
        for name in (name for name in archive.namelist() if "/" not in name):
            written.writestr(name, archive.read(name))
        channel, user = json.loads(archive.read("channels.json"))[0]["name"], json.loads(archive.read("users.json"))[0]["id"]
        lines = [{"type": "message", "user": user, "ts": f"{start + n:.6f}", "text": f"message {n} of the last day"} for n in range(MESSAGES)]
        written.writestr(f"{channel}/{day}.json", json.dumps(lines))


def carried(messages: int, work: Path) -> str:
    """Carry a history and two deltas; returns a line of the table."""
    run, database, newer = work / f"run-{messages}", work / f"target-{messages}.db", work / f"newer-{messages}.zip"
    shutil.rmtree(run, ignore_errors=True)
    database.unlink(missing_ok=True)
    source = history(messages, work)
    migrate(str(source), f"sqlite:///{database}", run)
    for number in range(2):
        day = FIRST + timedelta(days=number)
        last_day(source, day, newer)
        begun = len(read_steps((run / "steps.ndjson").read_bytes()))
        start = time.perf_counter()
        report = migrate(str(newer), f"sqlite:///{database}", run, since=day)
        seconds = time.perf_counter() - start
    assert report.delta is not None and sum(report.delta.new.values()) == MESSAGES and report.reasons == ("part",)  # noqa: S101, PT018 - else it means nothing
    steps = read_steps((run / "steps.ndjson").read_bytes())[begun:]
    took = {step.step: step.milliseconds / 1000 for step in steps}
    with (run / "plan.json").open("rb") as file:
        predicted = (json.load(file)["milliseconds"] or 0) / 1000
    return f"| {messages:,} | {seconds:.2f} | {' | '.join(f'{took[name]:.2f}' for name in STEPS)} | {took['import'] + took['verify']:.2f} | {predicted:.2f} |"


def main() -> None:
    """Print the table of docs/performance.md."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--histories", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    work = PROJECT / "benchmarks" / ".work"
    work.mkdir(exist_ok=True)
    print(f"A delta of {MESSAGES:,} messages\n")
    print(f"| history, messages | seconds | {' | '.join(STEPS)} | import and verify | predicted |")
    print("| ---: " * (len(STEPS) + 4) + "|")
    for messages in parser.parse_args().histories:
        print(carried(messages, work), flush=True)


if __name__ == "__main__":
    main()
