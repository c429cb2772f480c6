"""The browsable archive beside plain JSON files, from one package, in one run; then its pages in a browser.

    python -m benchmarks.archive [--messages 100000]

``plain`` writes every unit of the package (a message with its reactions and files) as one JSON file; ``grouped`` writes
100 units into one file, about as many files as the archive has pages. ``archive`` is the whole import step of the road,
its ledger, links and search included.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.road import generated, measured

PLAIN = """
import json, pathlib, msgspec
from reversa import Package
folder = pathlib.Path('{plain}')
folder.mkdir(exist_ok=True)
for number, (unit, _) in enumerate(Package(pathlib.Path('{run}/package')).units()):
    with (folder / f'{each}-{{number // {each}:08d}}.json').open('a', encoding='utf-8') as file:
        file.write(json.dumps(msgspec.to_builtins(unit.records), ensure_ascii=False, indent=1))
"""
STEPS = {
    "export": "Road('{run}').export('{source}', private=True)",
    "plan": "Road('{run}').plan('html:{archive}')",
    "archive": "Road('{run}').import_()",
    "verify": "print(Road('{run}').verify().verdict)",
}


def main() -> None:
    """Print the figures of docs/performance.md about the archive."""
    source = generated(100_000)
    work = source.parent
    paths = {"source": source, "run": work / "archive-run", "archive": work / "archive", "plain": work / "plain-json"}
    for name in ("run", "archive", "plain"):
        shutil.rmtree(paths[name], ignore_errors=True)

    steps = {name: measured([sys.executable, "-c", "from reversa import Road; " + code.format(**paths)]) for name, code in STEPS.items()}
    subprocess.run(["sync"], check=True)
    for name, each in (("plain", 1), ("grouped", 100)):
        steps[name] = measured([sys.executable, "-c", PLAIN.format(each=each, **paths)])
    plain, grouped = steps["plain"][0], steps["grouped"][0]
    for name, (seconds, memory, said) in steps.items():
        print(f"{name:8} {seconds:7.1f} s  {seconds / plain:5.2f} x plain  {seconds / grouped:5.2f} x grouped  {memory:6.0f} MiB  {said}")
    pages = [path.stat().st_size for path in paths["archive"].rglob("*.html")]
    print(f"{len(pages)} pages, {sum(pages) / 2**20:.0f} MiB, the largest {max(pages) / 1000:.0f} kB")
    in_browser(paths["archive"])


def in_browser(archive: Path) -> None:
    """First paint of the largest page, and a search answered, in Chromium from the disk."""
    from playwright.sync_api import sync_playwright

    largest = max(archive.rglob("*.html"), key=lambda path: path.stat().st_size)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(largest.as_uri())
        paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        print(f"first paint of the largest page: {paint:.0f} ms")
        for words in ("re", "serveur", "equipe panne", "nowhere"):
            page.goto((archive / "index.html").as_uri())
            page.fill("#words", words)
            start = time.perf_counter()
            page.click("#search button")
            page.wait_for_function(
                "() => document.querySelector('#results li') || document.querySelector('#results strong')?.textContent === 'Nothing found.'"
            )
            print(f"search {words!r}: {1000 * (time.perf_counter() - start):.0f} ms, {page.inner_text('#results strong')}")
        browser.close()


if __name__ == "__main__":
    main()
