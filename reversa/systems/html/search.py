"""The search index: scripts that ``site.js`` loads as they are needed, since a page from the disk may load nothing else.

``words.js`` names the first word of each file of words. A file of words gives for each word the numbers of the records it
stands in, as differences; records are numbered by their dates, so the latest have the highest numbers. A file of records
gives for 200 records where they are and what to show.
"""

from __future__ import annotations

import array
import itertools
import json
from collections.abc import Callable
from pathlib import Path

from reversa.systems.html.cards import anchor
from reversa.systems.html.store import Store

WORD_FILE = 60_000
"""Bytes of a file of words, at least; a word that stands everywhere makes a larger one."""
RECORD_FILE = 200
"""Records in a file of records."""


def write(store: Store, folder: Path, address: Callable[[int], str]) -> None:
    """Write the index of all cards that have words."""
    folder.mkdir(parents=True)
    numbers = _write_records(store, folder, address)
    firsts: list[str] = []
    names: list[str] = []
    lists: list[str] = []
    size = 0

    def flush() -> None:
        nonlocal size
        if names:
            pairs = ",".join(f"{json.dumps(name, ensure_ascii=False)}:{found}" for name, found in zip(names, lists, strict=True))
            (folder / f"w{len(firsts) + 1}.js").write_text(f"reversaWords({len(firsts) + 1},{{{pairs}}})\n", encoding="utf-8")
            firsts.append(names[0])
        names.clear()
        lists.clear()
        size = 0

    terms = store.db.execute("SELECT term, doc FROM term")
    for term, rows in itertools.groupby(terms, key=lambda row: str(row[0])):
        found = sorted(array.array("L", (numbers[doc] for _, doc in rows)))
        steps = [str(b - a) for a, b in itertools.pairwise(itertools.chain((0,), found)) if a != b]  # number 0: taken out since
        if not steps:
            continue
        text = f"[{','.join(steps)}]"
        names.append(term)
        lists.append(text)
        size += len(text) + len(term)
        if size >= WORD_FILE:
            flush()
    flush()
    (folder / "words.js").write_text(
        f"const reversaFirsts = {json.dumps(firsts, ensure_ascii=False)}, reversaPerFile = {RECORD_FILE}\n", encoding="utf-8"
    )


def _write_records(store: Store, folder: Path, address: Callable[[int], str]) -> array.array[int]:
    """Number the records by date and write what is shown of them; gives card number → number in the index."""
    numbers = array.array("L", bytes(array.array("L").itemsize * (store.highest() + 1)))
    query = """
        SELECT c.number, c.ref, p.page, b.label, c.snippet, strftime('%Y-%m-%d', u.at / 1000000, 'unixepoch'), a.label
        FROM card c JOIN placed p USING (ref) JOIN unit u ON u.root = c.root JOIN page s ON s.page = p.page LEFT JOIN card a ON a.ref = s.place
        LEFT JOIN card b ON b.ref = c.author
        WHERE c.snippet <> '' ORDER BY u.at, c.ref"""
    rows = enumerate(store.db.execute(query), 1)
    for _, group in itertools.groupby(rows, key=lambda row: row[0] // RECORD_FILE):
        shown = []
        for number, (card, ref, page, author, snippet, day, place) in group:
            numbers[card] = number
            shown.append([number, address(page) + "#" + anchor(ref), ref.partition(":")[0], author or "", day or "", place or "", snippet])
        text = json.dumps(shown, ensure_ascii=False, separators=(",", ":"))
        (folder / f"r{shown[0][0] // RECORD_FILE}.js").write_text(f"reversaRecords({text})\n", encoding="utf-8")
    return numbers
