"""The seen text: what a wiki serves after a migration has the words and the links of what the source itself served."""

from __future__ import annotations

import contextlib
import html
import json
import os
import re
import shutil
import subprocess
import tarfile
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from reversa.ledger import Ledger
from reversa.migrating import Road
from reversa.package import Package
from reversa.records import Message, Page, ref_to
from reversa.reporting import Report
from tests.dokuwiki_server import install, running
from tests.mediawikis import CODE, served, wiki
from tests.paths import REAL_EXPORT, shelf
from tests.seen import AROUND, Seen, seen
from tests.test_mediawiki_wiki import everything

pytestmark = [pytest.mark.servers, pytest.mark.timeout(600)]
Show = Callable[[str], str]


@contextlib.contextmanager
def mediawiki(settings: Path) -> Iterator[Show]:
    """A MediaWiki that answers: the HTML of a page, by its title or ``page/NUMBER``."""
    with served(settings) as address:

        def show(title: str) -> str:
            named = {"pageid": title.removeprefix("page/")} if title.startswith("page/") else {"page": title}
            asked = urlencode(named | {"action": "parse", "format": "json", "prop": "text", "formatversion": 2})
            with urllib.request.urlopen(f"{address}/api.php?{asked}") as answer:  # noqa: S310 -- our own port
                return str(json.load(answer)["parse"]["text"])

        yield show


@contextlib.contextmanager
def dokuwiki(folder: Path) -> Iterator[Show]:
    """A DokuWiki that answers: the HTML of a page, by its id."""
    with running(folder) as server:

        def show(id: str) -> str:
            with urllib.request.urlopen(f"{server.url}/doku.php?do=export_xhtmlbody&id={quote(id)}") as answer:  # noqa: S310
                return str(answer.read().decode())

        yield show


def carried(source: Path, target: str, run: Path) -> Report:
    road = Road(run)
    road.export(str(source), private=True)
    road.plan(target)
    road.accept(None, lambda _: "a test")
    road.import_()
    return road.verify()


def pages(run: Path) -> Iterator[tuple[Page, str]]:
    """The live pages of a run, and the name of each in the target."""
    package = Package(run / "package")
    with contextlib.closing(Ledger(run / "ledger.sqlite")) as ledger:
        for page, _ in package.records("page"):
            entry = ledger.entry(ref_to(page))
            if isinstance(page, Page) and entry is not None and entry.targets and page.state is None:
                yield page, entry.targets[0]


def differing(source: Seen, target: Seen, *beside: str) -> dict[str, Counter[str]]:
    """What only one of two pages shows; a target may show the words ``beside`` once more: the title, the categories."""
    added = target.words - source.words - seen(" ".join(beside), "mediawiki").words
    found = {"lost": source.words - target.words, "added": added, "outside": source.outside - target.outside, "inside": source.inside - target.inside}
    return {name: counts for name, counts in found.items() if counts}


def test_mediawiki_into_dokuwiki(tmp_path: Path) -> None:
    """The source is made by MediaWiki's own importDump.php."""
    dump = shelf("samples/mediawiki/lab-1.39-full-uploads.xml")
    settings = wiki(tmp_path / "source")
    environment = os.environ | {"MW_CONFIG_FILE": str(settings)}
    subprocess.run(["php", str(CODE / "maintenance/importDump.php"), "--uploads", str(dump)], env=environment, capture_output=True, check=True)
    install(tmp_path / "dw")
    report = carried(dump, f"dokuwiki:{tmp_path / 'dw'}", tmp_path / "run")
    assert report.headline.wrong == 0
    with mediawiki(settings) as before, dokuwiki(tmp_path / "dw") as after:
        found = {}
        for page, id in pages(tmp_path / "run"):
            title = page.name or ""
            found[title] = differing(seen(before(title), "mediawiki"), seen(after(id), "dokuwiki"), title, "Category:Plans")
    assert found.pop("Project Plan")  # the source wiki has no extension for its <ref> and <math>, and shows them as they are written
    assert len(found) == 14
    assert {title: differences for title, differences in found.items() if differences} == {"Old name": {"lost": Counter({"to": 1})}}  # “Redirect to:”


def test_dokuwiki_into_mediawiki(tmp_path: Path) -> None:
    install(tmp_path / "dw")
    with tarfile.open(shelf("samples/dokuwiki/lab-igor.tar.gz")) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    data = next((tmp_path / "source").rglob("pages")).parent
    shutil.copytree(data, tmp_path / "dw" / "data", dirs_exist_ok=True)
    settings = wiki(tmp_path / "target")
    report = carried(tmp_path / "dw", f"mediawiki:{settings}", tmp_path / "run")
    assert report.verdict == "verified"
    with dokuwiki(tmp_path / "dw") as before, mediawiki(settings) as after:
        found = {page.id: differing(seen(before(page.id), "dokuwiki"), seen(after(at), "mediawiki")) for page, at in pages(tmp_path / "run")}
    assert len(found) == 107
    assert {id for id, differences in found.items() if differences} == DOKUWIKIS_OWN
    assert found["wiki:dokuwiki"].keys() <= {"lost", "added"}
    assert found["wiki:welcome"]["inside"] == Counter({"configuration settings": 1})  # [[this>doku.php?do=admin]]: a path of the old wiki


DOKUWIKIS_OWN = {"wiki:dokuwiki", "wiki:syntax", "wiki:welcome"}
"""Pages about DokuWiki that come with it: smileys, (c), feeds, plugins, listings with links to manuals."""


def test_slack_into_mediawiki(tmp_path: Path) -> None:
    """Slack serves nothing any more: every word of the export's own texts is on the page where the message should be."""
    settings = wiki(tmp_path)
    before = everything(settings)
    report = carried(REAL_EXPORT, f"mediawiki:{settings}", tmp_path / "run")
    assert report.verdict == "verified"
    package = Package(tmp_path / "run" / "package")
    told: dict[str, Counter[str]] = {}
    with contextlib.closing(Ledger(tmp_path / "run" / "ledger.sqlite")) as ledger:
        for message, _ in package.records("message"):
            entry = ledger.entry(ref_to(message))
            if isinstance(message, Message) and message.body is not None and entry is not None and entry.targets:
                said = json.loads(message.body.text).get("text") or ""
                plain = re.sub(r"<[@#!][^<>]*>|<[^<>|]*\|([^<>]*)>|<([^<>]*)>|:[a-z0-9_+-]+:", r" \1\2 ", said)
                told.setdefault(entry.targets[0].split("/")[1], Counter()).update(seen(html.unescape(plain).replace("<", " "), "mediawiki").words)
    with mediawiki(settings) as after:
        shown = {id: seen(after(f"page/{id}"), "mediawiki").words for id in told}
    assert len(told) > 10
    assert sum(words.total() for words in told.values()) > 10_000
    assert {id: words - shown[id] for id, words in told.items() if words - shown[id]} == {}
    Road(tmp_path / "run").undo()
    assert everything(settings) == before


def test_what_stands_around_a_text_is_not_its_words() -> None:
    page = '<div class="toc">Contents</div><h2>Plan<span class="mw-editsection">edit</span></h2><p>Do <a href="https://x.example/">it</a></p>'
    assert seen(page, "mediawiki") == Seen(Counter({"plan": 1, "do": 1, "it": 1}), Counter({"https://x.example": 1}), Counter())
    assert set(AROUND) == {"mediawiki", "dokuwiki"}
