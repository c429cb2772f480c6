"""A generated Slack export into a package, beside a plain msgspec script, by turns in one run: processor and wall seconds, peak memory.

    python -m benchmarks.export [--messages 200000]

Both read the zip with ``zipfile`` and write the same kinds, rows and columns with their SHA-256 to Parquet (benchmarks/plain_package.py).
How many rows are the same to the byte is printed too.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pyarrow.parquet as pq

from benchmarks.road import PROJECT, generated

ROUNDS = 2


class Cost(msgspec.Struct):
    """What a process took."""

    wall: float
    processor: float
    mebibytes: float


def cost(*arguments: str) -> Cost:
    """Run Python with these arguments and wait for it."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments], cwd=PROJECT)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{arguments}: exit code {process.returncode}")
    return Cost(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def same_rows(package: Path, plain: Path) -> tuple[int, int]:
    """Rows of the package, and how many of them the script wrote with the same digest."""
    rows = same = 0
    for table in sorted((package / "data" / "tables").iterdir()):
        ours = set(pq.read_table(table, columns=["digest"])["digest"].to_pylist())
        theirs = plain / f"{table.name}.parquet"
        rows += len(ours)
        same += len(ours & set(pq.read_table(theirs, columns=["digest"])["digest"].to_pylist())) if theirs.exists() else 0
    return rows, same


def main() -> None:
    """Print a table of docs/performance.md."""
    source = generated(200_000)
    plain, run = source.parent / "plain-package", source.parent / "export-run"
    script: list[Cost] = []
    export: list[Cost] = []
    for _ in range(ROUNDS):
        shutil.rmtree(plain, ignore_errors=True)
        shutil.rmtree(run, ignore_errors=True)
        script.append(cost("-m", "benchmarks.plain_package", str(source), str(plain)))
        export.append(cost("-c", f"from reversa import Road; Road({str(run)!r}).export({str(source)!r}, private=True)"))
    rows, same = same_rows(run / "package", plain)
    print(f"{source.stem} messages, {rows:,} rows, {same:,} the same to the byte\n")
    print("| | CPU s | wall s | peak MiB |\n| --- | ---: | ---: | ---: |")
    least: list[Cost] = []
    for name, costs in (("plain script", script), ("export", export)):
        best = Cost(min(c.wall for c in costs), min(c.processor for c in costs), max(c.mebibytes for c in costs))
        least.append(best)
        print(f"| {name} | {best.processor:.1f} | {best.wall:.1f} | {best.mebibytes:.0f} |")
    print(f"| ratio | {least[1].processor / least[0].processor:.2f} | {least[1].wall / least[0].wall:.2f} | |")


if __name__ == "__main__":
    main()
