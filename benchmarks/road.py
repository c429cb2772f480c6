"""A generated export through the whole road, beside the plain script, in one run: records a second and peak memory.

    python -m benchmarks.road [--messages 1000000] [--keep]

Each step runs in a process of its own, so that its peak memory is its own. Needs the generator of the shelf
(``../shared/tools/make_slack_export.py``).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).parent.parent
GENERATOR = PROJECT.parent / "shared" / "tools" / "make_slack_export.py"
STEPS = {
    "export": "Road('{run}').export('{source}', private=True)",
    "plan": "Road('{run}').plan('sqlite:///{database}')",
    "import": "Road('{run}').import_()",
    "verify": "print(Road('{run}').verify().verdict)",
}


def measured(command: list[str]) -> tuple[float, float, str]:
    """Wall seconds, peak memory in MiB, and output of a process."""
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command}: exit code {process.returncode}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024, out.strip()


def generated(messages: int) -> Path:
    """An export with so many messages, or as many as ``--messages`` says; made once."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=messages)
    messages = parser.parse_args().messages
    source = PROJECT / "benchmarks" / ".work" / f"{messages}.zip"
    source.parent.mkdir(exist_ok=True)
    if not source.exists():
        measured([sys.executable, str(GENERATOR), str(source), "--messages", str(messages), "--channels", "120", "--users", "300", "--no-truth"])
    return source


def main() -> None:
    """Print the first table of docs/performance.md."""
    source = generated(1_000_000)
    work = source.parent
    paths = {"source": source, "run": work / "run", "database": work / "road.db"}
    subprocess.run(["rm", "-rf", paths["run"], paths["database"], work / "plain.db"], check=True)

    plain, plain_memory, _ = measured([sys.executable, "-m", "benchmarks.plain", str(source), str(work / "plain.db")])
    steps = {}
    for name, code in STEPS.items():
        steps[name] = measured([sys.executable, "-c", "from reversa import Road; " + code.format(**paths)])
    again, again_memory, _ = measured([sys.executable, "-c", "from reversa import Road; " + STEPS["import"].format(**paths)])

    from reversa import Package

    records = Package(paths["run"] / "package").count()
    print(f"{source.stem} messages, {records:,} records; verdict: {steps['verify'][2]}\n")
    print("| step | seconds | records/s | peak MiB | times the plain script |")
    print("| --- | ---: | ---: | ---: | ---: |")
    rows = {
        "plain script": (plain, plain_memory),
        **{name: step[:2] for name, step in steps.items()},
        "import again, nothing to write": (again, again_memory),
    }
    for name, (seconds, memory) in rows.items():
        print(f"| {name} | {seconds:.1f} | {records / seconds:,.0f} | {memory:.0f} | {seconds / plain:.2f} |")
    whole = sum(step[0] for step in steps.values())
    print(f"| whole road | {whole:.1f} | {records / whole:,.0f} | {max(step[1] for step in steps.values()):.0f} | {whole / plain:.2f} |")


if __name__ == "__main__":
    main()
