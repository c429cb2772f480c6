"""The site made of a store: pages of each place, lists, the start page; written aside, then put in the place of the old ones."""

from __future__ import annotations

import bisect
import functools
import re
import shutil
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from markupsafe import Markup

from reversa.adapter import Source
from reversa.records import KINDS, Ref, instant, ref_parts
from reversa.systems.html import search
from reversa.systems.html.cards import anchor, escape
from reversa.systems.html.reading import FILE
from reversa.systems.html.store import Sheet, Store
from reversa.systems.html.texts import texts, texts_script
from reversa.wording import templates

PAGE_BYTES = 400_000
"""Bytes of cards on a page, at most; a page with its frame stays under 1 MB even with one card of the largest size."""
LISTED = 1_000
"""Places on one page of a list."""
ON_START = 60
OURS = ("index.html", "pages", "search", "site.css", "site.js", "texts.js")
"""What is made anew each time; the folder ``files`` stays."""

_REF = re.compile(r'<a( itemprop="[a-z_]+")? href="ref:([^"]*)"[^>]*>(</a>)?')
_TOP = re.compile(rf'(href|src)="top:({FILE})"')


class Place(NamedTuple):
    """Something with pages of its own: a space with its messages, a wiki page, a table, all people."""

    key: str
    title: str
    folder: str
    pages: int
    depth: int


def address(place_folder: str, number: int) -> str:
    return f"pages/{place_folder}/{number:05d}.html"


def build(store: Store, source: Source, folder: Path) -> None:
    """Write the whole site into ``folder``, which is empty."""
    store.arrange(PAGE_BYTES)
    site = _Site(store, source, folder)
    site.write()
    search.write(store, folder / "search", site.address)
    for name in ("site.css", "site.js"):
        (folder / name).write_bytes((resources.files("reversa.templates") / "archive" / name).read_bytes())
    (folder / "texts.js").write_text(texts_script(), encoding="utf-8")


def put(made: Path, archive: Path) -> None:
    """Put a site in the place of an older one. May be repeated after an interruption."""
    for name in OURS:
        old, new = archive / name, made / name
        if new.exists():
            if old.is_dir():
                shutil.rmtree(old)
            new.replace(old)


class _Site:
    def __init__(self, store: Store, source: Source, folder: Path) -> None:
        self._store, self._source, self._folder = store, source, folder
        self._page, self._list, self._start = (templates().get_template(f"archive/{name}.html.j2") for name in ("page", "list", "index"))
        sheets = list(store.db.execute("SELECT place, min(page), count(*) FROM page GROUP BY place ORDER BY min(page)"))
        self._sections = dict(_sections(store, {key: pages for key, _, pages in sheets}))
        self._places = {place.key: place for places in self._sections.values() for place in places}
        self._first = {first: self._places[key] for key, first, _ in sheets}
        self._starts = sorted(self._first)
        self._led = functools.lru_cache(maxsize=20_000)(self._lead)

    def address(self, page: int) -> str:
        """The path of a page in the archive."""
        first = self._starts[bisect.bisect_right(self._starts, page) - 1]
        return address(self._first[first].folder, page - first + 1)

    def write(self) -> None:
        for sheet in self._store.sheets():
            self._write_sheet(sheet, self._places[sheet.place])
        for kind, places in self._sections.items():
            if ":" not in places[0].key:
                continue  # one place, which needs no list
            for number, listed in enumerate(_chunks(places), 1):
                path = f"pages/list-{kind}/{number:05d}.html"
                pages = -(-len(places) // LISTED)
                self._write(path, self._list.render(kind=kind, places=listed, number=number, pages=pages, top="../../", **self._common(kind)))
        counts = [(kind, count) for kind, count in self._counts().items() if count]
        self._write("index.html", self._start.render(counts=counts, shown=ON_START, top="", **self._common("")))

    def _counts(self) -> dict[str, int]:
        counted = dict(self._store.db.execute("SELECT substr(ref, 1, instr(ref, ':') - 1), count(*) FROM card GROUP BY 1"))
        return {kind: counted.get(kind, 0) for kind in KINDS}

    def _common(self, here: str) -> dict[str, Any]:
        return {
            "source": str(self._source),
            "here": here,
            "named": lambda kind: texts()["en"][f"kind.{kind}"],
            "sections": self._sections,
            "address": address,
            "t": _text,
        }

    def _write_sheet(self, sheet: Sheet, place: Place) -> None:
        cards = self._resolved("".join(self._store.cards(sheet.page)))
        section = _section(place.key)
        months = list(self._months(place)) if sheet.number == 1 and place.pages > 1 else []
        page = self._page.render(
            place=place,
            section=section,
            number=sheet.number,
            cards=Markup(cards),  # noqa: S704 - made of escaped values and cleaned bodies
            months=months,
            top="../../",
            **self._common(section),
        )
        self._write(address(place.folder, sheet.number), page)

    def _months(self, place: Place) -> Iterator[tuple[str, int]]:
        """The first page of each month that a place tells of."""
        last = ""
        for page, at in self._store.db.execute("SELECT number, at FROM page WHERE place = ? ORDER BY number", (place.key,)):
            month = instant(at).isoformat()[:7] if at is not None else ""
            if month > last:
                last = month
                yield month, page

    def _resolved(self, html: str) -> str:
        """The cards with every reference leading to its record, under its name; what is not here is said to be missing."""
        return _REF.sub(self._reference, _TOP.sub(r'\1="../../\2"', html))

    def _reference(self, found: re.Match[str]) -> str:
        prop, encoded, end = found.groups()
        href, label = self._led(encoded)
        leads = f'href="{href}"' if href else f'class="absent" data-ref="{encoded}"'
        return f"<a{prop or ''} {leads}>{label + end if end else ''}"

    def _lead(self, encoded: str) -> tuple[str, str]:
        """The address and the name of a record, ready for a page; no address when it is not here."""
        record = unquote(encoded)
        known = self._store.where(record)
        if known is None:
            return "", escape(record)
        page, label = known
        return f"../../{self.address(page)}#{anchor(record)}", escape(label)

    def _write(self, path: str, html: str) -> None:
        whole = self._folder / path
        whole.parent.mkdir(parents=True, exist_ok=True)
        whole.write_text(html, encoding="utf-8", newline="")


@functools.cache
def _text(key: str) -> Markup:
    """A text of the site, marked so that the script can show the reader's language."""
    return Markup('<span data-t="{}">{}</span>').format(key, texts()["en"][key])


def _chunks(places: list[Place]) -> Iterator[list[Place]]:
    return (places[start : start + LISTED] for start in range(0, len(places), LISTED))


def _section(place: str) -> str:
    return ref_parts(Ref(place))[0]


def _sections(store: Store, pages: dict[str, int]) -> Iterator[tuple[str, list[Place]]]:
    """The places by kind, trees in the order of their branches."""
    of_kind: dict[str, list[str]] = {}
    for key in pages:
        of_kind.setdefault(_section(key), []).append(key)
    for kind in sorted(of_kind, key=list(KINDS).index):
        branches = _branches(store, of_kind[kind])
        yield kind, [Place(key, title, f"{kind}-{n:06d}", pages[key], depth) for n, (key, title, depth) in enumerate(branches, 1)]


def _branches(store: Store, keys: list[str]) -> list[tuple[str, str, int]]:
    """Places with their titles and depths, parents before their children; a circle of parents is opened anywhere."""
    here = set(keys)
    titles = {key: (store.label(key) or ref_parts(Ref(key))[1]) if ":" in key else "" for key in keys}
    parents = {key: parent for key, parent in store.db.execute("SELECT ref, parent FROM tree") if key in here and parent in here}
    children: dict[str | None, list[str]] = {}
    for key in sorted(keys, key=lambda key: (titles[key].casefold(), key)):
        children.setdefault(parents.get(key), []).append(key)
    found: list[tuple[str, str, int]] = []
    seen: set[str] = set()
    starts = [*children.get(None, []), *sorted(parents)]  # the second only for what lies in a circle
    for start in starts:
        waiting = [(start, 0)]
        while waiting:
            key, depth = waiting.pop()
            if key not in seen:
                seen.add(key)
                found.append((key, titles[key], depth))
                waiting += [(child, depth + 1) for child in reversed(children.get(key, []))]
    return found
