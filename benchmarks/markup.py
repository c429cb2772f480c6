"""Bodies converted by long-lived workers, with all counts, against one pandoc process per page: docs/markup.md.

python -m benchmarks.markup [PAGES]    # real pages of the shelf; prints pages per second, the ratio, memory, fallbacks
"""

from __future__ import annotations

import multiprocessing
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from reversa.markup.contract import Given
from reversa.markup.converting import Converter
from reversa.markup.pandoc import program
from reversa.records import Body
from tests.test_markup_corpus import Known, dokuwiki, mediawiki

STEPS = (100, 500, 1000)
SAMPLE = 5
"""Of so many pages one is enough to know what a process per page costs."""


def pages(count: int) -> list[Given]:
    """Nine of ten in MediaWiki's markup, one in DokuWiki's, spread over the samples; no text twice."""
    chosen: list[Given] = []
    for format, source, share in (("mediawiki", mediawiki, 0.89), ("dokuwiki", dokuwiki, 0.11)):
        found = list(dict.fromkeys(Given(Body(format=format, text=page.text), page.name) for page in source()))
        wanted = round(count * share)
        step = max(1, len(found) // wanted)
        chosen += found[::step][:wanted]
    return chosen


def by_processes(given: Sequence[Given], target: str) -> float:
    """Pages per second of one pandoc process per page, one at a time: a text in, the target's text out, nothing checked."""
    pandoc, started = program(), time.perf_counter()
    for one in given:
        subprocess.run([pandoc, "-f", one.body.format, "-t", target], input=one.body.text.encode(), capture_output=True, check=False)
    return len(given) / (time.perf_counter() - started)


def by_converter(given: Sequence[Given], target: str) -> dict[str, float]:
    """The same pages through the converter, in one process of their own; memory is that of it and its workers."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measured, (list(given), target))


def _measured(given: list[Given], target: str) -> dict[str, float]:
    links = Known({one.page for one in given})
    peaks, done, times, made = {}, 0, [], []
    with Converter(target) as converter:
        converter.convert(given[:1], links)
        started = time.perf_counter()
        for step in STEPS:
            made += converter.convert(given[done:step], links)
            done = step
            peaks[f"MiB at {step}"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
        seconds = time.perf_counter() - started
        for one in given[:: max(1, len(given) // 200)]:
            begun = time.perf_counter()
            converter.convert([one], links)
            times.append(time.perf_counter() - begun)
        workers = sum(_anonymous(worker._process.pid) for worker in converter._pool._all if worker._process)  # noqa: SLF001
    unparsed = sum(any(loss.what == "unparsed" for loss in one.losses) for one in made)
    return {
        "pages/s": round(len(made) / seconds, 1),
        "p95 ms": round(sorted(times)[int(len(times) * 0.95)] * 1000, 1),
        **peaks,
        "MiB of both workers": round(workers, 1),
        "unparsed %": round(100 * unparsed / len(made), 2),
        "disagreements": sum(bool(one.disagreements) for one in made),
    }


def _anonymous(process: int) -> float:
    """Memory that a process has for itself, without the mapped program."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith("RssAnon")).split()[1]) / 1024


def main(arguments: Sequence[str]) -> None:
    """Prints one line per way and target."""
    given = pages(int(arguments[0]) if arguments else STEPS[-1])
    print(f"{len(given)} pages, {sum(len(one.body.text) for one in given) / 1e6:.1f} MB")
    for target in ("dokuwiki", "markdown"):
        chosen = [one for one in given if one.body.format != target]
        alone = by_processes(chosen[::SAMPLE], target)
        figures = by_converter(chosen, target)
        print(f"→ {target}: one process per page {alone:.1f} pages/s; converter {figures}; ratio {figures['pages/s'] / alone:.1f}")


if __name__ == "__main__":
    main(sys.argv[1:])
