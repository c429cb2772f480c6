"""Dumps of MediaWiki: real ones counted another way, and what nobody should have written."""

from __future__ import annotations

import base64
import bz2
import contextlib
import gzip
import hashlib
import json
import re
import tracemalloc
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from reversa import registry
from reversa.adapter import Attached, Exporter, Item, Locator, Noted, Options, Unreadable
from reversa.errors import ReversaError, SourceError
from reversa.exporters.mediawiki import ADAPTER
from reversa.exporting import export
from reversa.records import Alias, File, Opaque, Page, Record, Ref, Revision, Tag, User, kind_of, ref
from reversa.systems.mediawiki.titles import Titles
from reversa.systems.mediawiki.values import CANONICAL, Namespace, Site, base36, categories, normalised
from tests.paths import shelf

SAMPLES = (
    "lab-1.39-full-uploads.xml", "lab-1.39-logs.xml", "lab-1.39-nofiles.xml.gz", "lab-edge-cases.xml", "heatsync-history.xml.gz",
    "minetest-devwiki-20230713.xml",
)  # fmt: skip
START = '<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11"><siteinfo><sitename>W</sitename><dbname>w</dbname></siteinfo>\n'


def page(title: str, text: str = "text", id: int = 1, more: str = "", ns: int = 0) -> str:
    return (
        f"<page><title>{title}</title><ns>{ns}</ns><id>{id}</id><revision><id>{id}0</id><timestamp>2020-01-01T00:00:00Z</timestamp>"
        f"<contributor><username>Ann</username><id>5</id></contributor><text>{text}</text></revision>{more}</page>\n"
    )


def dump(folder: Path, *pages: str, end: str = "</mediawiki>") -> Path:
    path = folder / "dump.xml"
    path.write_text(START + "".join(pages) + end, encoding="utf-8", errors="surrogatepass")
    return path


def read(path: Path) -> tuple[list[Record], list[Unreadable], Counter[str]]:
    """Records, what is unreadable, and how often each change happened; the balance has to close."""
    exporter = ADAPTER.open(Locator("mediawiki", str(path)), Options())
    records: list[Record] = []
    unreadable: list[Unreadable] = []
    noted: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for item in exporter.items():
        if isinstance(item, Unreadable):
            unreadable.append(item)
            counts[item.kind] += item.count
        elif isinstance(item, Noted):
            noted[item.code] += 1
            counts["alias"] += item.code == "mediawiki.alias.dangling"
        else:
            record = _taken(exporter, item)
            records.append(record)
            counts[kind_of(record)] += not (isinstance(record, User) and record.placeholder)
    assert +Counter(exporter.census()) == +counts
    return records, unreadable, noted


def _taken(exporter: Exporter, item: Item) -> Record:
    if isinstance(item, Attached):
        with exporter.open_blob(item.blob) as content:
            content.read()
        return item.record
    assert not isinstance(item, Noted | Unreadable)
    return item


def of(records: list[Record], kind: type[Record]) -> list[Record]:
    return [record for record in records if isinstance(record, kind)]


# ------------------------------------------------------------------------------------------------ real dumps


@pytest.mark.parametrize("name", SAMPLES)
def test_real_dumps_are_read_whole(tmp_path: Path, name: str) -> None:
    """Pages, revisions and their texts, counted by the standard library's own parser."""
    path = shelf(f"samples/mediawiki/{name}")
    with contextlib.closing(ADAPTER.open(Locator("mediawiki", str(path)), Options())) as exporter:
        package = export(exporter, tmp_path / "package", datetime(2026, 1, 1, tzinfo=UTC), lambda *_: None)
    assert all(balance.unexplained == 0 for balance in package.manifest.balance)
    data = (gzip.decompress(path.read_bytes()) if name.endswith("gz") else path.read_bytes()).decode()
    root = ET.fromstring(re.sub(r'xmlns="[^"]*"', "", data, count=1))  # noqa: S314 - a sample of ours
    texts = Counter(node.text or "" for node in root.iter("text") if node.get("deleted") is None)
    held = {kind: [record for record, _ in package.records(kind)] for kind in package.kinds()}
    assert len(held.get("page", [])) == len(root.findall("page"))
    assert len(held.get("opaque", [])) == len(root.findall("logitem"))
    assert Counter(r.body.text for r in held.get("revision", []) if isinstance(r, Revision) and r.body is not None) == texts
    files = {record.id: record for record in held.get("file", []) if isinstance(record, File)}
    assert len(files) == len(root.findall("page/upload"))
    for upload in root.findall("page/upload"):
        contents, name_ = upload.findtext("contents"), upload.findtext("filename") or ""
        file = files[f"{name_}@{upload.findtext('timestamp')}" if upload.find("archivename") is not None else name_]
        assert file.sha256 == (hashlib.sha256(base64.b64decode(contents)).hexdigest() if contents else None)


def test_what_was_hidden_is_a_tombstone() -> None:
    records, _, noted = read(shelf("samples/mediawiki/lab-1.39-full-uploads.xml"))
    (hidden,) = [record for record in of(records, Revision) if record.state == "deleted"]
    assert isinstance(hidden, Revision)
    assert (hidden.body, hidden.comment, hidden.created_by) == (None, None, None)
    assert "lnsywxm3e0ep6hiugvxpfutoz3xvs0r" not in repr(records)  # the digest that the dump leaks
    assert noted["mediawiki.revision.text-hidden"] == noted["mediawiki.revision.author-hidden"] == 1


def test_a_log_item_is_kept_whole() -> None:
    records, _, _ = read(shelf("samples/mediawiki/lab-1.39-logs.xml"))
    items = of(records, Opaque)
    assert len(items) == 26
    assert all(json.loads(item.native or "{}")["type"] for item in items)


def test_dumps_are_recognised_by_what_they_hold(tmp_path: Path) -> None:
    plain = dump(tmp_path, page("A")).read_bytes()
    for name, data in (("a", plain), ("b", gzip.compress(plain)), ("c", bz2.compress(plain))):
        (tmp_path / name).write_bytes(data)
        assert registry.recognise(tmp_path / name) == Locator("mediawiki", str(tmp_path / name))
    (tmp_path / "d").write_text("<html/>")
    with pytest.raises(ReversaError):
        registry.recognise(tmp_path / "d")


def test_several_dumps_of_one_wiki_are_one(tmp_path: Path) -> None:
    folder = tmp_path / "dumps"
    folder.mkdir()
    dump(folder, page("A"), page("B", id=2)).rename(folder / "pages.xml")
    log = "<logitem><id>1</id><timestamp>2020-01-01T00:00:00Z</timestamp><contributor><ip>192.0.2.1</ip></contributor><type>move</type></logitem>"
    dump(folder, log).rename(folder / "logs.xml")
    records, _, _ = read(folder)
    assert Counter(kind_of(record) for record in records) == {"space": 2, "user": 2, "page": 2, "revision": 2, "opaque": 1}


# ------------------------------------------------------------------------------------------------ broken and hostile ones


def names(records: list[Record]) -> list[str | None]:
    return [record.name for record in records if isinstance(record, Page)]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (page("B", "x < y"), "not well-formed"),
        (page("B", "a\x01b"), "not well-formed"),
        (page("B", "a&#1;b"), "reference to invalid character"),
        (page("B", "&undefined;"), "undefined entity"),
        ("<page>" + "<a>" * 300 + "</a>" * 300 + "</page>", "deep"),
        (page("B", more="<upload><filename>b</filename><contents encoding='base64'>%%%%</contents></upload>"), "base64"),
    ],
)
def test_one_bad_page_costs_none_of_its_neighbours(tmp_path: Path, bad: str, reason: str) -> None:
    records, unreadable, _ = read(dump(tmp_path, page("A"), bad, page("C", id=3)))
    assert {"A", "C"} <= set(names(records))
    assert any(reason in one.reason for one in unreadable)
    assert "revision:30" in {f"revision:{r.id}" for r in of(records, Revision)}


def test_a_page_without_its_end_is_noted(tmp_path: Path) -> None:
    records, _, noted = read(dump(tmp_path, page("A").replace("</page>", ""), page("B", id=2)))
    assert names(records) == ["A", "B"]
    assert noted["mediawiki.page.breaks-off"] == 1


def test_of_a_broken_page_stays_what_came_before(tmp_path: Path) -> None:
    first, second = page("B").partition("</page>")[0], "<revision><id>12</id><text>&broken;</text></revision>"
    records, unreadable, _ = read(dump(tmp_path, first + second + second + "</page>\n", page("C", id=3)))
    assert names(records) == ["B", "C"]
    assert [(one.kind, one.count) for one in unreadable] == [("revision", 2)]
    assert {r.id for r in of(records, Revision)} == {"10", "30"}


def test_a_dump_that_breaks_off_says_so(tmp_path: Path) -> None:
    records, unreadable, noted = read(dump(tmp_path, page("A"), page("B", id=2)[:-40], end=""))
    assert names(records) == ["A", "B"]
    assert sum(one.count for one in unreadable) == 1
    assert noted["mediawiki.page.breaks-off"] == 1
    whole = gzip.compress(dump(tmp_path, page("A"), *(page(f"P{n}", str(n) * 999, n) for n in range(2, 99))).read_bytes())
    (tmp_path / "cut.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ReversaError):
        read(tmp_path / "cut.gz")


@pytest.mark.parametrize(
    "doctype",
    ['<!DOCTYPE m [<!ENTITY a "b">]>', '<!DOCTYPE m SYSTEM "file:///etc/passwd">', '<!DOCTYPE m [<!ENTITY a SYSTEM "file:///etc/passwd">]>'],
)
def test_a_document_type_is_refused(tmp_path: Path, doctype: str) -> None:
    path = dump(tmp_path, page("A", "&a;"))
    path.write_text(f"<?xml version='1.0'?>{doctype}{path.read_text()}")
    with pytest.raises(SourceError, match="document type"):
        read(path)


def test_a_page_without_a_title_is_counted(tmp_path: Path) -> None:
    records, unreadable, _ = read(dump(tmp_path, page("A"), page("", id=2), page("C", id=3)))
    assert names(records) == ["A", "C"]
    assert Counter(one.kind for one in unreadable) == {"page": 1, "revision": 1}


def test_two_pages_with_one_id_keep_their_own_revisions(tmp_path: Path) -> None:
    records, _, noted = read(dump(tmp_path, page("A", "a"), page("B", "b"), page("A", "a")))
    assert [record.id for record in of(records, Page)] == ["1", "1~2", "1"]
    assert [record.root for record in of(records, Revision)] == [ref("page", "1"), ref("page", "1~2"), ref("page", "1")]
    assert noted["mediawiki.page.id-twice"] == 1


def test_the_head_is_the_newest_wherever_it_stands(tmp_path: Path) -> None:
    def revision(id: int, year: int) -> str:
        return f"<revision><id>{id}</id><timestamp>{year}-01-01T00:00:00Z</timestamp><text>[[Category:In {year}]]</text></revision>"

    text = "<page><title>A</title><ns>0</ns><id>1</id>" + revision(3, 2003) + revision(9, 2009) + revision(1, 2001) + "</page>"
    records, _, _ = read(dump(tmp_path, text))
    (made,) = of(records, Page)
    assert isinstance(made, Page)
    assert made.head == ref("revision", "9")
    assert [tag.label for tag in of(records, Tag) if isinstance(tag, Tag)] == ["In 2009"]


def test_a_digest_that_is_not_of_its_text_is_told(tmp_path: Path) -> None:
    good = base36(hashlib.sha1(b"text").hexdigest())  # noqa: S324 - the format's own
    one, other = (page("A", id=n).replace("</text>", f"</text><sha1>{sha1}</sha1>") for n, sha1 in ((1, good), (2, "0" * 31)))
    records, _, noted = read(dump(tmp_path, one, other.replace("A</title>", "B</title>")))
    assert noted["mediawiki.revision.sha1-differs"] == 1
    assert all(isinstance(r, Revision) and r.body is not None and r.body.text == "text" for r in of(records, Revision))


def test_redirects_lead_to_pages(tmp_path: Path) -> None:
    there = page("Old").replace("<id>1</id>", '<id>1</id><redirect title="New"/>', 1)
    nowhere = page("Lost", id=2).replace("<id>2</id>", '<id>2</id><redirect title="Nowhere"/>', 1)
    records, _, noted = read(dump(tmp_path, there, nowhere, page("New", id=3)))
    (alias,) = of(records, Alias)
    assert isinstance(alias, Alias)
    assert (alias.name, alias.target, alias.root) == ("Old", ref("page", "3"), ref("page", "1"))
    assert noted["mediawiki.alias.dangling"] == 1


@pytest.mark.parametrize(
    "name", ["a/b", "Foo:Bar", "A|B", "A#B", "Why?", "100 %", "C:\\x", "..", "😀 emoji", "  _two__blanks_ ", "e\u0301", "%C3%A9"]
)
def test_odd_names_arrive(tmp_path: Path, name: str) -> None:
    records, unreadable, _ = read(dump(tmp_path, page(name), page("Next", id=2)))
    assert not unreadable
    assert len(names(records)) == 2
    assert names(records)[0] == normalised(name)


def test_a_page_of_100_mb_and_3000_brackets(tmp_path: Path) -> None:
    path = tmp_path / "dump.xml"
    with path.open("w") as file:
        file.write(START)
        file.write(page("Brackets", "[[" * 3000 + "{{" * 3000, id=1))
        file.write("<page><title>Large</title><ns>0</ns><id>2</id><revision><id>20</id><timestamp>2020-01-01T00:00:00Z</timestamp><text>")
        for _ in range(100):
            file.write("x" * 1_000_000)
        file.write("</text></revision></page>" + page("Next", id=3) + "</mediawiki>")
    records, _, _ = read(path)
    assert names(records) == ["Brackets", "Large", "Next"]


def test_memory_is_that_of_a_page(tmp_path: Path) -> None:
    path = dump(tmp_path, *(page(f"P{number}", "x" * 10_000, number) for number in range(1, 2001)))
    exporter = ADAPTER.open(Locator("mediawiki", str(path)), Options())
    tracemalloc.start()
    count = sum(1 for _ in exporter.items())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count > 4000
    assert peak < 8_000_000  # of 20 MB


# ------------------------------------------------------------------------------------------------ names


def titles(*, spaces: bool = True) -> Titles:
    return Titles({key: Namespace(name) for key, name in CANONICAL.items()}, ["wikipedia"], ["php", "html"], spaces=spaces)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("plain title", "Plain title"), ("A#B", "A-B"), ("A[B]", "A(B)"), ("X|Y", "X-Y"), ("Bad<x>", "Bad‹x›"), ("%C3%A9", "％C3％A9"),
        ("100 % sure", "100 % sure"), ("a~~~~b", "A∼∼∼∼b"), ("AT&amp;T", "AT＆amp;T"), ("AT&T", "AT&T"), ("..", "．．"), ("a/../b", "A/．．/b"),
        ("talk:zz", "Talk:Zz"), ("Special:Version", "Special -Version"), ("wikipedia:Berlin", "Wikipedia -Berlin"), ("::x", "X"),
        ("e\u0301t\u00e9", "Été"), ("Foo:Bar", "Foo:Bar"), ("é" * 200, "É" + "é" * 126), ("", ""), ("File:a.php", "File:A.php.txt".replace(".php", "-php")),
    ],
)  # fmt: skip
def test_the_nearest_title(name: str, title: str) -> None:
    assert titles().clean(name) == title
    assert titles().clean(title) == title


def test_names_of_other_systems_speak_of_no_namespace() -> None:
    assert titles(spaces=False).clean("MediaWiki:Common.js") == "MediaWiki -Common.js"
    assert titles(spaces=False).clean("Help: I am lost") == "Help - I am lost"


def test_a_page_of_another_system_lies_below_its_parents() -> None:
    root = Page(id="r", root=ref("page", "r"), title="Handbook")
    child = Page(id="c", root=ref("page", "c"), parent=root.root, title="Cranes")
    orphan = Page(id="o", root=ref("page", "o"), parent=ref("page", "gone"), name="space.orphan")
    loop = Page(id="l", root=ref("page", "l"), parent=ref("page", "l"), title="Own parent")
    pages: dict[Ref, Record] = {one.root: one for one in (root, child, orphan, loop)}
    wanted = [titles(spaces=False).wanted(one, pages) for one in (root, child, orphan, loop)]
    assert wanted == ["Handbook", "Handbook/Cranes", "space.orphan", "Own parent"]


def test_categories_are_those_that_the_wiki_reads() -> None:
    text = "[[Category:One]] [[category: two |sort]] [[:Category:Not]] <nowiki>[[Category:No]]</nowiki> <!-- [[Category:No]] --> [[Kategorie:Drei]]"
    assert categories(text, frozenset({"category", "kategorie"})) == ["One", "Two", "Drei"]


def test_titles_are_normalised_by_namespace() -> None:
    site = Site(case="case-sensitive", namespaces={"0": Namespace("", "case-sensitive"), "2": Namespace("User", "first-letter")})
    assert site.normalised("0", "iPhone_4") == "iPhone 4"
    assert site.normalised("2", "User:ann") == "User:Ann"
