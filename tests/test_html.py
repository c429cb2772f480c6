"""The browsable archive: every field comes back from the pages, every tampering is seen, nothing in it is active."""

from __future__ import annotations

import re
import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from reversa.adapter import Locator, Options, Source
from reversa.errors import TargetError
from reversa.importers.html import HtmlImporter
from reversa.markup.shown import LIMIT, shown
from reversa.migrating import Road, migrate
from reversa.records import KINDS, Body, File, Message, Page, Reaction, Record, Revision, Space, User, kind_of, ref
from reversa.systems.html import site
from reversa.systems.html.store import words_of
from reversa.testing.sample import write_sample_package
from tests.browser import DESKTOP, PHONE, Chrome
from tests.paths import REAL_EXPORT
from tests.strategies import CONTENTS, carried, pack, records

START = datetime(2024, 3, 1, 8, tzinfo=UTC)


def slack(text: str, **more: object) -> Body:
    return Body(format="slack-message", text=msgspec.json.encode({"text": text, **more}).decode())


def message(id: str, body: Body | None = None, minutes: int = 0, **more: object) -> Message:
    at = START + timedelta(minutes=minutes)
    return Message(id=id, root=ref("message", id), created_at=at, created_by=ref("user", "u"), space=ref("space", "s"), body=body, **more)  # type: ignore[arg-type]


PEOPLE: list[Record] = [
    User(id="u", root=ref("user", "u"), display_name="Ana"),
    Space(id="s", root=ref("space", "s"), name="general", visibility="public"),
]


def archived(records: list[Record], tmp_path: Path, contents: dict[str, bytes] | None = None) -> Path:
    """A verified archive of these records."""
    package = pack(tmp_path / "package", records, contents=contents or CONTENTS)
    assert carried(package, f"html:{tmp_path / 'archive'}", tmp_path / "run").verify().verdict == "verified"
    return tmp_path / "archive"


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def cards(archive: Path) -> list[tuple[str, str]]:
    """Anchor and face of every record in the order of the pages, by an HTML parser and without reversa."""
    found = []
    for page in sorted((archive / "pages").rglob("0*.html")):
        shown = LexborHTMLParser(page.read_text(encoding="utf-8"))
        found += [(card.attributes["id"] or "", face.text(separator=" ")) for card in shown.css("article") for face in card.css(".face")]
    return found


# ------------------------------------------------------------------------------------------------------ round trips


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(list(KINDS)).flatmap(records), min_size=1, max_size=8, unique_by=lambda r: (kind_of(r), r.id)))
def test_any_record_comes_back_from_the_pages(tmp_path: Path, made: list[Record]) -> None:
    for name in ("package", "archive", "run"):
        shutil.rmtree(tmp_path / name, ignore_errors=True)
    archived(made, tmp_path)


def test_every_message_of_a_real_export_is_shown(tmp_path: Path) -> None:
    """The words of each message, read from the export without reversa's exporter, stand on its card."""
    import json
    import zipfile

    assert migrate(str(REAL_EXPORT), f"html:{tmp_path / 'archive'}", tmp_path / "run").verdict == "verified"
    faces = dict(cards(tmp_path / "archive"))
    checked = 0
    with zipfile.ZipFile(REAL_EXPORT) as export:
        channels = {c["name"]: c["id"] for c in json.loads(export.read("channels.json"))}
        for name in export.namelist():
            channel = name.rpartition("/")[0]
            for said in json.loads(export.read(name)) if channel in channels and name.endswith(".json") else []:
                text = re.sub(r"<[^>]*>", " ", said.get("text", ""))
                face = faces[f"message:{channels[channel]}/{said['ts']}"]
                assert set(re.findall(r"[a-z]{3,}", text.lower())) - {"amp", "lt", "gt"} <= set(re.findall(r"[a-z]{3,}", face.lower()))
                checked += 1
    assert checked > 1000


def test_every_changed_field_is_seen(tmp_path: Path) -> None:
    package = write_sample_package(tmp_path / "package")
    road = carried(package, f"html:{tmp_path / 'archive'}", tmp_path / "run")
    changed = set()
    for page in sorted((tmp_path / "archive" / "pages").rglob("*.html")):
        html = page.read_text(encoding="utf-8")
        for card in re.findall(r'<article class="[^"]*" id="[a-z]+:1".*?</article>', html, re.DOTALL):
            kind = re.findall(r'id="([a-z]+):1"', card)[0]
            top = re.sub(r"<dd itemprop=\"[a-z_0-9]+\" itemscope>.*?</dl></dd>", "", card)
            changed |= {(kind, field) for field in re.findall(r'<dd itemprop="([a-z_0-9]+)" dir="auto">', top)}
            damaged = re.sub(r'(<dd itemprop="[a-z_0-9]+" dir="auto">)([^<]*)', lambda m: m[1] + _other(m[2]), card)
            html = html.replace(card, re.sub(r'(<a itemprop="[a-z_]+" href="[^"#]*#)[^"]*', r"\1user:2", damaged))
        page.write_text(html, encoding="utf-8")
    road.verify()
    noticed = {(finding.kind, finding.field) for finding in road.findings()} | {(f.kind, None) for f in road.findings() if f.status == "!"}
    assert len(changed) > 150
    missed = {(kind, field) for kind, field in changed if (kind, field) not in noticed and (kind, None) not in noticed}
    assert {field for _, field in missed} <= {"sha256", "size"}, "those two are made from the content"


def _other(value: str) -> str:
    same_type = {"false": "true", "true": "false", "live": "draft", "deleted": "live"}
    if value in same_type:
        return same_type[value]
    return re.sub(r"[0-9](?=[^0-9]*$)", lambda digit: str((int(digit[0]) + 1) % 10), value, count=1) if re.search("[0-9]", value) else value + "x"


@pytest.mark.parametrize("damage", ["page", "card", "foot", "content", "added"])
def test_what_is_missing_or_added_is_seen(damage: str, tmp_path: Path) -> None:
    package = write_sample_package(tmp_path / "package")
    road = carried(package, f"html:{tmp_path / 'archive'}", tmp_path / "run")
    (page,) = (p for p in (tmp_path / "archive" / "pages").rglob("*.html") if 'id="message:1"' in p.read_text(encoding="utf-8"))
    html = page.read_text(encoding="utf-8")
    (first,) = re.findall(r'<article class="[^"]*" id="message:1".*?</article>', html, re.DOTALL)
    match damage:
        case "page":
            page.unlink()
        case "card":
            page.write_text(html.replace(first, ""), encoding="utf-8")
        case "foot":
            page.write_bytes(html.encode()[: html.encode().index(first.encode()) + 200])
        case "content":
            next((tmp_path / "archive" / "files").rglob("*.bin")).write_bytes(b"other")
        case "added":
            page.write_text(html.replace(first, first + first.replace("message:1", "message:9")), encoding="utf-8")
    report = road.verify()
    assert report.verdict == "different"
    kinds = {finding.kind for finding in report.findings}
    assert ("file" if damage == "content" else "message") in kinds


TAMPERED = {
    "an attribute that is read instead": (r'<dd itemprop="display_name" dir="auto">Ana', '<dd itemprop="display_name" href="#Ana">EVIL'),
    "a field twice": (r'(<dd itemprop="display_name" dir="auto">)Ana', r"\1EVIL</dd>\1Ana"),
    "more than text": (r'(<dd itemprop="display_name" dir="auto">)Ana', r"\1A<b hidden>n</b>a"),
    "a comment": (r'(<dd itemprop="display_name" dir="auto">)Ana', r"\1An<!-- x -->a"),
    "a hidden record": (r"(<article[^>]*user:u\")", r"\1 hidden"),
    "a link to elsewhere": (r'(itemprop="created_by" href=")[^"#]*', r"\1https://evil.example/"),
    "a link beside its record": (r'(itemprop="created_by" href=")[^"]*', r"\1https://evil.example/\" data-ref=\"user:u"),
    "another tenant": (r"urn:reversa:given:acme:user:u", "urn:reversa:given:evil:user:u"),
    "another type": (r"v1:user\"", 'v1:group"'),
    "digits of another script": (r'(<dd itemprop="order" dir="auto">)5', "\\1\u0665"),
    "bytes that are no text": (r"</html>", "</html>\udcff"),
    "a bomb": (r'(<dd itemprop="display_name" dir="auto">)Ana', r"\1" + "<div>" * 100_000),
    "a page without end": (r"</html>", " " * 5_000_000),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_what_a_person_sees_among_the_fields_is_what_is_read(how: str, tmp_path: Path) -> None:
    archived([*PEOPLE, message("m", slack("hi"), order=5)], tmp_path)
    pattern, replacement = TAMPERED[how]
    changed = 0
    for page in (tmp_path / "archive" / "pages").rglob("0*.html"):
        html, count = re.subn(pattern, replacement, page.read_text(encoding="utf-8"))
        page.write_text(html, encoding="utf-8", errors="surrogateescape")
        changed += count
    assert changed
    start = time.monotonic()
    assert Road(tmp_path / "run").verify().verdict == "different"
    assert time.monotonic() - start < 20


def test_a_hostile_archive_gives_no_file_of_ours(tmp_path: Path) -> None:
    import os

    archive = archived([*PEOPLE, message("m"), *_files("m", ["a.txt", "b.pdf"])], tmp_path)
    text, pdf = sorted((path for path in (archive / "files").rglob("*") if path.is_file()), key=lambda path: path.suffix, reverse=True)
    (tmp_path / "secret").write_text("TOPSECRET")
    for path in (text, pdf):
        path.unlink()
    text.symlink_to(tmp_path / "secret")
    os.mkfifo(pdf)
    report = migrate(f"html:{archive}", f"sqlite:///{tmp_path / 'copy.db'}", tmp_path / "run-2")
    assert [(line.change.code, line.planned) for line in report.changes] == [("file.sha256.unreadable", 2)]
    assert b"TOPSECRET" not in (tmp_path / "copy.db").read_bytes()
    (archive / "pages").rename(tmp_path / "elsewhere")
    (archive / "pages").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TargetError, match="something else"):
        Road(tmp_path / "run").verify()


# ------------------------------------------------------------------------------------------------------ interrupted


@pytest.mark.parametrize("where", ["build", "put", "half-put"])
def test_an_interrupted_archive_is_finished_by_the_same_command(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = pack(tmp_path / "package", [*PEOPLE, message("m", slack("hello"))])
    target, run = f"html:{tmp_path / 'archive'}", tmp_path / "run"

    def fail(*_: object) -> None:
        if where == "half-put":
            (tmp_path / "archive" / ".unfinished" / "site" / "index.html").replace(tmp_path / "archive" / "index.html")
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(site, "build" if where == "build" else "put", fail)
        with pytest.raises(KeyboardInterrupt):
            migrate(f"package:{package.folder}", target, run)
    assert migrate(f"package:{package.folder}", target, run).verdict == "verified"
    assert not (tmp_path / "archive" / ".unfinished").exists()


def test_a_second_run_adds_and_its_undo_takes_only_that_back(tmp_path: Path) -> None:
    first = pack(tmp_path / "one", [*PEOPLE, message("m1", slack("hello"))])
    second = pack(tmp_path / "two", [*PEOPLE, message("m1", slack("hello")), message("m2", slack("more"), 1), *_files("m2", ["a.txt"])])
    target = f"html:{tmp_path / 'archive'}"
    assert migrate(f"package:{first.folder}", target, tmp_path / "run-1").verdict == "verified"
    before = files(tmp_path / "archive")
    assert migrate(f"package:{second.folder}", target, tmp_path / "run-2").verdict == "verified"
    assert [anchor for anchor, _ in cards(tmp_path / "archive") if anchor.startswith("message")] == ["message:m1", "message:m2"]
    assert Road(tmp_path / "run-2").undo() == 2
    assert files(tmp_path / "archive") == before
    assert migrate(f"package:{second.folder}", target, tmp_path / "run-3").verdict == "verified"
    Road(tmp_path / "run-3").undo()
    Road(tmp_path / "run-1").undo()
    assert not (tmp_path / "archive").exists()


def test_a_folder_with_something_else_or_another_source_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    package = pack(tmp_path / "package", PEOPLE)
    with pytest.raises(TargetError, match="something else"):
        migrate(f"package:{package.folder}", f"html:{tmp_path / 'mine'}", tmp_path / "run")
    archived(PEOPLE, tmp_path / "a")
    other = pack(tmp_path / "other", PEOPLE, tenant="other")
    with pytest.raises(TargetError, match="is the archive of"):
        migrate(f"package:{other.folder}", f"html:{tmp_path / 'a' / 'archive'}", tmp_path / "run-2")


def test_a_folder_that_looks_like_an_archive_is_left_alone(tmp_path: Path) -> None:
    mine = {"index.html": b"mine", "pages/space-000001/00001.html": b"<p>mine", "files/ab/thesis.txt": b"mine"}
    for name, content in mine.items():
        (tmp_path / "archive" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "archive" / name).write_bytes(content)
    package = pack(tmp_path / "package", PEOPLE)
    with pytest.raises(TargetError, match="something else"):
        migrate(f"package:{package.folder}", f"html:{tmp_path / 'archive'}", tmp_path / "run")
    assert files(tmp_path / "archive") == mine


def test_a_file_put_into_an_archive_is_not_thrown_away(tmp_path: Path) -> None:
    archive = archived(PEOPLE, tmp_path)
    (archive / ".DS_Store").write_text("of the desktop")
    (archive / "pages" / "notes.txt").write_text("mine")
    assert Road(tmp_path / "run").verify().verdict == "verified"
    with pytest.raises(TargetError, match="would be lost"):
        Road(tmp_path / "run").undo()
    (archive / "pages" / "notes.txt").unlink()
    Road(tmp_path / "run").undo()
    assert files(archive) == {".DS_Store": b"of the desktop"}


def test_two_sources_or_two_runs_do_not_meet_in_an_unfinished_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    target = f"html:{tmp_path / 'archive'}"
    one = pack(tmp_path / "one", PEOPLE).folder
    with monkeypatch.context() as broken:
        broken.setattr(site, "build", fail)
        with pytest.raises(KeyboardInterrupt):
            migrate(f"package:{one}", target, tmp_path / "run-1")
    with pytest.raises(TargetError, match="unfinished archive of given:acme"):
        migrate(f"package:{pack(tmp_path / 'two', PEOPLE, tenant='other').folder}", target, tmp_path / "run-2")
    first = HtmlImporter(Locator("html", str(tmp_path / "archive")), Options(source=Source("given", "acme")))
    assert first.find([ref("user", "u")])
    with pytest.raises(TargetError, match="Another reversa writes"):
        migrate(f"package:{tmp_path / 'one'}", target, tmp_path / "run-1")
    first.close()
    assert migrate(f"package:{tmp_path / 'one'}", target, tmp_path / "run-1").verdict == "verified"


def test_redirects_lead_to_the_page_and_the_place_on_it(tmp_path: Path) -> None:
    archive = archived([*PEOPLE, message("m", slack("hi"), url="https://old.example/p1")], tmp_path)
    rows = (tmp_path / "run" / "redirects.csv").read_text(encoding="utf-8").splitlines()
    assert rows[1].startswith("https://old.example/p1,")
    page, _, place = rows[1].partition(",")[2].partition("#")
    assert f'id="{place}"' in (archive / page).read_text(encoding="utf-8")


# ------------------------------------------------------------------------------------------------------ what is shown


def test_words_of_html_stay_apart() -> None:
    words = shown(
        Body(format="html", text="<p>one</p><p>t<b>w</b>o</p><ul><li>three</li><li>four</li></ul><table><tr><td>a</td><td>b</td></tr></table>")
    ).words
    assert words.split() == ["one", "two", "three", "four", "a", "b"]


@pytest.mark.parametrize(
    "nasty", ["<blockquote>", "<b>&", "&", "&#", "<table><a>", "*<a>", "&gt;", ">*", "`", "_*~", "<", "<@u>", "```", "<!--", "[[", '{"a":']
)
@pytest.mark.parametrize("format_", ["html", "slack-message", "slack-mrkdwn"])
def test_no_body_takes_long(nasty: str, format_: str) -> None:
    for size in (99_000, 1_000_000):
        text = nasty * (size // len(nasty))
        body = slack(text[: size - 100]) if format_ == "slack-message" else Body(format=format_, text=text)
        start = time.monotonic()
        assert len(shown(body).html) <= 10 * LIMIT
        assert time.monotonic() - start < 5


def test_ids_that_a_browser_takes_for_commands_lead_to_their_record(tmp_path: Path) -> None:
    archive = archived([*PEOPLE, message("x", slack("one")), message("x:~:y", slack("two"), url="https://old.example/")], tmp_path)
    assert {anchor for anchor, _ in cards(archive)} >= {"message:x", "message:x:%7E:y"}


def test_months_are_in_order(tmp_path: Path) -> None:
    def dated(year: int, n: int) -> Message:
        return msgspec.structs.replace(
            message(f"{year}-{n}", Body(format="x", text="y" * 30_000)), created_at=datetime(year, 1, 1, tzinfo=UTC), native='"' + "n" * 30_000 + '"'
        )

    archive = archived(
        [*PEOPLE, *(dated(year, n) for year in (1, 999, 1970, 2024) for n in range(8))],
        tmp_path,
    )
    html = (archive / "pages" / "space-000001" / "00001.html").read_text(encoding="utf-8")
    months = [li.text() for li in LexborHTMLParser(html).css(".months li")]
    assert months == sorted(months)
    assert {"0999-01", "2024-01"} <= set(months)


def test_a_word_longer_than_a_page_is_kept(tmp_path: Path) -> None:
    archived([*PEOPLE, message("m", slack("กขคง" * 5_000)), message("n", slack("x" * 50_000), 1)], tmp_path)


def test_threads_follow_their_first_message(tmp_path: Path) -> None:
    made = [
        message("c", slack("third"), 3),
        message("b2", slack("late answer"), 9, thread=ref("message", "a"), reply_to=ref("message", "a")),
        message("a", slack("first"), 1, thread=ref("message", "a")),
        message("b1", slack("answer"), 2, thread=ref("message", "a"), reply_to=ref("message", "a")),
        message("z", slack("answer to a message that is gone"), 4, thread=ref("message", "gone")),
    ]
    archive = archived([*PEOPLE, *made], tmp_path)
    assert [anchor for anchor, _ in cards(archive) if anchor.startswith("message")] == [f"message:{id}" for id in ("a", "b1", "b2", "c", "z")]


def test_a_page_shows_its_current_text_and_keeps_the_earlier_ones(tmp_path: Path) -> None:
    page, root = "p", ref("page", "p")
    revisions = [Revision(id=f"r{n}", root=root, order=n, target=root, body=Body(format="html", text=f"<p>text {n}</p>")) for n in range(3)]
    archive = archived([*PEOPLE, Page(id=page, root=root, title="Home", head=ref("revision", "r2")), *revisions], tmp_path)
    html = (archive / "pages" / "page-000001" / "00001.html").read_text(encoding="utf-8")
    shown = LexborHTMLParser(html)
    assert [card.attributes["id"] for card in shown.css("article")] == ["page:p", "revision:r2", "revision:r1", "revision:r0"]
    assert [card.css_first("details.old") is not None for card in shown.css("article.revision")] == [False, True, True]


def test_pages_of_a_tree_stand_below_their_parents(tmp_path: Path) -> None:
    def page(id: str, parent: str | None = None) -> Page:
        return Page(id=id, root=ref("page", id), title=id, parent=ref("page", parent) if parent else None)

    archive = archived([page("b"), page("a2", "a"), page("a"), page("a1", "a"), page("x", "y"), page("y", "x")], tmp_path)
    listed = LexborHTMLParser((archive / "index.html").read_text(encoding="utf-8")).css(".places li")
    assert [(li.text().strip(), (li.attributes["class"] or "")[-1]) for li in listed] == [
        ("a", "0"), ("a1", "1"), ("a2", "1"), ("b", "0"), ("x", "0"), ("y", "1"),
    ]  # fmt: skip


def _files(of: str, names: list[str], content: bytes = b"") -> list[Record]:
    import hashlib

    root, digest = ref("message", of), hashlib.sha256(content).hexdigest()
    return [File(id=f"{of}/{name}", root=root, order=n, target=root, name=name, size=len(content), sha256=digest) for n, name in enumerate(names)]


def test_files_have_names_of_ours_and_endings_that_run_nothing(tmp_path: Path) -> None:
    names = ["a.PNG", "A.png", "a\u202egnp.exe", "evil.html", "evil.svg", "evil.js", "../../x.txt", "con", "x" * 300 + ".pdf", "a/b.csv", "a\nb.zip"]
    archive = archived([*PEOPLE, message("m"), *_files("m", names)], tmp_path)
    kept = sorted(path.name for path in (archive / "files").rglob("*") if path.is_file())
    digest = kept[0].partition(".")[0]
    assert kept == sorted(f"{digest}.{suffix}" for suffix in ("bin", "png", "txt", "pdf", "csv", "zip"))


HOSTILE = [
    "<script>alert(1)</script>", "<http://x|<script>alert(2)</script>>", "<javascript:alert(3)|click>", "<data:text/html,<script>alert(4)</script>|d>",
    '"><img src=x onerror=alert(5)>', "</div></article><article itemid='urn:reversa:a:b:user:x'>", "\u202egnp.exe \u2066 abc", "=cmd|' /C calc'!A0",
    "<style>*{display:none}</style>", "<!-- ", '<@U"><script>alert(6)</script>>', "&lt;script&gt;alert(7)&lt;/script&gt;", "ref:user:u", "\x02\x03\x1b[31m",
    "```<script>alert(8)</script>", "*_~`*_~`" * 50, "<" * 500, "\ufffe\uffff\x85\u2028", "<svg/onload=alert(9)>", "{{velocity}}", "<base href='http://x/'>",
]  # fmt: skip


def hostile() -> list[Record]:
    made: list[Record] = [User(id="n", root=ref("user", "n"), display_name="N" * 10_000), *PEOPLE]
    for number, text in enumerate(HOSTILE):
        attachment = {"title": text, "title_link": text, "text": text, "fallback": text, "fields": [{"title": text, "value": text}]}
        made.append(message(f"s{number}", slack(text, attachments=[attachment]), number, author_name=text, subtype=text))
        made.append(message(f"h{number}", Body(format="html", text=text), number))
        made.append(message(f"b{number}", slack("", blocks=[{"type": "rich_text", "elements": [{"type": "text", "text": text}]}]), number))
        made.append(message(f"w{number}", Body(format="slack-message", text=text), number))
        made.append(Reaction(id=f"r{number}", root=ref("message", f"s{number}"), target=ref("message", f"s{number}"), key=text))
    return [*made, *_files("s1", [f"{text}.png" for text in HOSTILE], b"not a picture")]


def test_hostile_text_is_text(tmp_path: Path) -> None:
    archive = archived(hostile(), tmp_path, {**CONTENTS, next(iter(_files("x", ["y"], b"not a picture"))).sha256: b"not a picture"})  # type: ignore[attr-defined]
    allowed = {
        "href",
        "rel",
        "src",
        "alt",
        "class",
        "id",
        "dir",
        "lang",
        "type",
        "colspan",
        "rowspan",
        "content",
        "name",
        "charset",
        "defer",
        "itemscope",
    }
    for page in archive.rglob("*.html"):
        for node in LexborHTMLParser(page.read_text(encoding="utf-8")).css("main *"):
            assert node.tag not in {"script", "style", "svg", "iframe", "object", "base", "meta", "link", "form"}, page
            for name, value in node.attributes.items():
                known = (
                    name in allowed
                    or name.startswith(("data-", "item", "aria-"))
                    or name in {"datetime", "download", "loading", "open", "tabindex", "scope"}
                )
                assert known, f"{name} on {node.tag}"
                if name == "href":
                    assert re.match(r"(https?:|mailto:|#|\.\./|pages/|[0-9]{5}\.html)", value or ""), value


def test_no_page_is_large_whatever_a_record_holds(tmp_path: Path) -> None:
    made: list[Record] = [
        *PEOPLE,
        message("mentions", slack("<@u>" * 30_000)),
        message("signs", slack("&\"<'" * 60_000), 1),
        message("native", slack("x"), 2, native='{"a":"' + "&" * 900_000 + '"}'),
        message("wide", Body(format="other", text="<" * 400_000), 3),
        *(message(f"r{n}", slack("<@u> & " * 400), 4 + n) for n in range(400)),
        *(
            Reaction(id=f"{n}", root=ref("message", "wide"), target=ref("message", "wide"), key="+1", created_by=ref("user", "u"))
            for n in range(2_000)
        ),
    ]
    archive = archived(made, tmp_path)
    sizes = {path.name: path.stat().st_size for path in archive.rglob("*.html")}
    assert max(sizes.values()) < 1_000_000
    assert len(sizes) > 5


def test_a_full_disk_or_a_second_run_is_told(tmp_path: Path) -> None:
    import sqlite3

    package = pack(tmp_path / "package", PEOPLE)
    road = Road(tmp_path / "run")
    road.export(f"package:{package.folder}")
    road.plan(f"html:{tmp_path / 'archive'}")
    (tmp_path / "archive" / ".unfinished").mkdir(parents=True)
    held = sqlite3.connect(tmp_path / "archive" / ".unfinished" / "records.sqlite", isolation_level=None)
    held.execute("BEGIN EXCLUSIVE")
    with pytest.raises(TargetError, match="locked"):
        road.import_()


@pytest.mark.parametrize(
    ("text", "words"), [("Été, ÉTÉ!", "ete ete"), ("日本語 text", "日 本 語 text"), ("snake_case x1", "snake case x1"), ("İstanbul", "istanbul")]
)
def test_words_are_found_without_accents_and_case(text: str, words: str) -> None:
    assert words_of(text) == words


# ------------------------------------------------------------------------------------------------------ in a browser


@pytest.mark.servers
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("what", ["demo", "hostile", "sample"])
def test_pages_in_a_real_browser(what: str, size: tuple[int, int], chrome: Chrome, tmp_path: Path) -> None:
    if what == "demo":
        migrate(str(REAL_EXPORT), f"html:{tmp_path / 'archive'}", tmp_path / "run")
        archive = tmp_path / "archive"
    elif what == "sample":
        carried(write_sample_package(tmp_path / "package"), f"html:{tmp_path / 'archive'}", tmp_path / "run")
        archive = tmp_path / "archive"
    else:
        made = hostile()
        archive = archived(made, tmp_path, {**CONTENTS, made[-1].sha256: b"not a picture"})  # type: ignore[attr-defined]
    window = chrome.window(size, "fr-FR")
    for page in sorted(archive.rglob("*.html"), key=lambda path: path.stat().st_size)[:: 6 if what == "demo" else 1]:
        shown = window.open(page)
        assert window.fits(), page
        assert shown.get_attribute("html", "lang") == "fr"
        shown.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
        assert window.fits(), f"{page} unfolded"
        assert window.barriers() == [], page


@pytest.mark.servers
def test_the_search_finds_in_a_real_browser(chrome: Chrome, tmp_path: Path) -> None:
    made = [message(f"m{n}", slack(f"common word{n} {'Événement' if n == 7 else ''} {'日本語' if n == 8 else ''}"), n) for n in range(300)]
    archive = archived([*PEOPLE, *made, message("bad", slack("&lt;img src=x onerror=alert(1)&gt; needle"), 999)], tmp_path)
    window = chrome.window()
    shown = window.open(archive / "index.html")

    def found(words: str) -> tuple[str, list[str]]:
        shown.evaluate("document.getElementById('results').replaceChildren()")
        shown.fill("#words", words)
        shown.press("#words", "Enter")
        shown.wait_for_function("() => document.querySelector('#results strong')?.textContent[0] === 'N' || document.querySelector('#results li')")
        return shown.inner_text("#results strong"), shown.locator("#results li").all_inner_texts()

    assert found("evenement")[0] == "1 result"
    assert found("本語")[0] == "1 result"
    assert found("common WORD12")[0] == "11 results, the latest first"  # word12 and word120 to word129
    assert found("common nowhere")[0] == "Nothing found."
    assert found("__proto__")[0] == "Nothing found."
    count, lines = found("common")
    assert count == "300 results, the latest first"
    assert (len(lines), "word299" in lines[0]) == (20, True)
    shown.click("#results .more")
    shown.wait_for_function("() => document.querySelectorAll('#results li').length === 40")
    _, (line,) = found("needle")
    assert "<img src=x" in line
    shown.click("#results li a")
    shown.wait_for_url("**/space-*/*.html#message:bad")
    assert shown.locator("article:target .face").inner_text().startswith("Ana")
    shown.click("#language")
    assert shown.get_attribute("html", "lang") == "fr"
    assert shown.inner_text("#search button") == "Rechercher"
