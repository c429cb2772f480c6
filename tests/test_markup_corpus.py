"""Every real body of the shelf in four markups: the counts of both ends agree, or the page is named here."""

from __future__ import annotations

import gzip
import html
import io
import json
import re
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from reversa.markup.contract import Given
from reversa.markup.converting import Converter
from reversa.records import Body, Ref, ref
from tests.paths import SHELF, shelf

pytestmark = pytest.mark.long

TARGETS = ("mediawiki", "dokuwiki", "markdown", "html")
KNOWN = {"mediawiki": 1, "dokuwiki": 4, "markdown": 0, "slack-message": 0}
"""Pages per source whose counts do not agree in some target: docs/markup.md says which and why."""


class Page(NamedTuple):
    where: str
    name: str
    text: str


class Known:
    """Links as a run has them: pages that are there lead on, every second file too."""

    def __init__(self, names: set[str]) -> None:
        self._names = names

    def find(self, kind: str, name: str) -> Ref | None:
        here = (kind == "page" and name in self._names) or (kind == "file" and len(name) % 2 == 1 and ":" not in name[:8])
        return ref(kind, name) if here else None

    def address(self, record: Ref) -> str | None:
        return "new:" + record.partition(":")[2].replace(" ", "_")


def mediawiki() -> Iterator[Page]:
    for path in sorted(shelf("samples/mediawiki/bodies").glob("*.wiki")):
        yield Page(path.name, path.name, path.read_text())
    for name in (
        "minetest-devwiki-20230713.xml",
        "heatsync-history.xml.gz",
        "lab-1.39-full-uploads.xml",
        "lab-1.39-nofiles.xml.gz",
        "lab-edge-cases.xml",
    ):
        data = shelf(f"samples/mediawiki/{name}").read_bytes()
        text = (gzip.decompress(data) if name.endswith("gz") else data).decode()
        for page in re.findall(r"<page>(.*?)</page>", text, re.DOTALL):
            title = html.unescape(re.findall("<title>(.*?)</title>", page)[0])
            for number, revision in enumerate(re.findall(r"<revision>(.*?)</revision>", page, re.DOTALL)):
                found = re.search(r"<text[^>]*>(.*?)</text>", revision, re.DOTALL)
                if found and not re.search("<model>(?!wikitext)", revision):
                    yield Page(f"{name[:8]}/{title}/{number}", title, html.unescape(found[1]))


def dokuwiki() -> Iterator[Page]:
    for name in ("merb-cut", "lab-igor"):
        with tarfile.open(shelf(f"samples/dokuwiki/{name}.tar.gz")) as archive:
            for member in archive:
                found = re.search(r"/(pages|attic)/(.*?)(?:\.\d+)?\.txt(\.gz)?$", f"/{member.name}")
                data = archive.extractfile(member) if found else None
                if found and data:
                    text = gzip.decompress(data.read()) if found[3] else data.read()
                    yield Page(f"{name}/{member.name}", found[2].replace("/", ":"), text.decode("utf-8", "replace"))


def slack() -> Iterator[Page]:
    for path in sorted((SHELF / "samples").glob("slack*.zip")):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name.count("/") == 1 and name.endswith(".json"):
                    for number, message in enumerate(json.loads(archive.read(name))):
                        said = {key: message[key] for key in ("text", "blocks", "attachments") if key in message}
                        yield Page(f"{name}/{number}", "", json.dumps(said))


def notion() -> Iterator[Page]:
    for path in sorted(shelf("samples/notion").glob("*.zip")):
        yield from _notes(path.read_bytes(), path)


def _notes(data: bytes, path: Path) -> Iterator[Page]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            if name.endswith(".zip"):
                yield from _notes(archive.read(name), path / name)
            elif name.endswith(".md") and "__MACOSX" not in name:
                yield Page(f"{path.name}/{name}", name, archive.read(name).decode())


SOURCES = {"mediawiki": mediawiki, "dokuwiki": dokuwiki, "slack-message": slack, "markdown": notion}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("source", SOURCES)
def test_every_real_body_arrives_whole(source: str, target: str) -> None:
    if source == target:
        pytest.skip("never re-rendered")
    pages = list(SOURCES[source]())
    assert len(pages) > 300
    given = [Given(Body(format=source, text=page.text), page.name) for page in pages]
    with Converter(target) as converter:
        made = converter.convert(given, Known({page.name for page in pages}))
    unparsed = [page.where for page, one in zip(pages, made, strict=True) if any(loss.what == "unparsed" for loss in one.losses)]
    assert len(unparsed) < len(pages) / 50
    wrong = {page.where: one.disagreements for page, one in zip(pages, made, strict=True) if one.disagreements}
    assert len(wrong) <= KNOWN[source], wrong
