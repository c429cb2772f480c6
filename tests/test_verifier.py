"""VERIFIER.html in a real browser: it sees what `reversa validate` sees of files, and nothing in a package can drive it."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import subprocess
import sys
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Page

from reversa import __version__, verifier
from reversa.adapter import Source
from reversa.migrating import Road
from reversa.package import FORMAT, MANIFEST, TAG_MANIFEST, Package, file_digest
from reversa.packing import PackageWriter
from reversa.validating import validate
from reversa.wording import Texts, visible
from tests.browser import DESKTOP, PHONE, Chrome, Window
from tests.paths import PROJECT, REAL_EXPORT, shelf

HOSTILE = "<img src=x onerror=alert(1)>\u202egpj"
TEXTS = {"en": Texts("en"), "fr": Texts("fr")}


class Outcome(NamedTuple):
    verdict: str
    findings: list[str]

    def named(self, name: str) -> bool:
        return any(re.search(rf"(^|\s){re.escape(visible(name))}([\s:]|\.$)", finding) for finding in self.findings)


@pytest.fixture
def page_file(tmp_path: Path) -> Path:
    path = tmp_path / "page" / verifier.NAME
    path.parent.mkdir()
    path.write_text(verifier.page(), encoding="utf-8", newline="\n")
    return path


@pytest.fixture
def window(chrome: Chrome, page_file: Path) -> Window:
    opened = chrome.window()
    opened.open(page_file)
    return opened


def outcome(page: Page) -> Outcome:
    verdict = page.locator("#verdict h2")
    verdict.wait_for()
    return Outcome(verdict.get_attribute("class") or "", page.locator(".findings li").all_inner_texts())


def check(page: Page, folder: Path) -> Outcome:
    """Give the page a folder with its button."""
    page.set_input_files("#folder", folder)
    return outcome(page)


def files(bag: Path) -> list[Path]:
    return sorted(path for path in bag.rglob("*") if path.is_file())


def rebuild(bag: Path, known: dict[str, str] | None = None) -> None:
    """What an attacker does: the size and both manifests written anew. ``known`` are digests not to compute."""
    payload = sorted(path.relative_to(bag).as_posix() for path in files(bag / "data"))
    info = (bag / "bag-info.txt").read_text()
    octets = sum((bag / name).stat().st_size for name in payload)
    (bag / "bag-info.txt").write_text(re.sub(r"Oxum: .*", f"Oxum: {octets}.{len(payload)}", info))
    for manifest in (MANIFEST, TAG_MANIFEST):
        names = payload if manifest == MANIFEST else sorted(path.name for path in bag.iterdir() if path.is_file() and path.name != TAG_MANIFEST)
        (bag / manifest).write_text("".join(f"{(known or {}).get(name) or file_digest(bag / name)}  {name}\n" for name in names))


def with_blobs(folder: Path, tenant: str = "t") -> Path:
    """A package with two contents in a pack and one of its own file."""
    writer = PackageWriter(folder)
    for content in (b"one", b"two", b"\0" * 2**20):
        writer.blobs.add(io.BytesIO(content))
    writer.close(source=Source("test", tenant), created_at=datetime(2026, 1, 1, tzinfo=UTC), balance=[], changes=[], unreadable=4, not_mapped={})
    return folder


# ------------------------------------------------------------------------------------------- the page itself


def test_every_package_holds_the_page_that_the_command_prints(package: Package, tmp_path: Path) -> None:
    printed = subprocess.run([sys.executable, "-m", "reversa", "verifier"], capture_output=True, check=True).stdout
    assert (package.folder / verifier.NAME).read_bytes() == printed == verifier.page().encode()
    assert (with_blobs(tmp_path / "other") / verifier.NAME).read_bytes() == printed
    assert f"  {verifier.NAME}\n" in (package.folder / TAG_MANIFEST).read_text()
    for readme in ("README.txt", "LISEZMOI.txt"):
        assert verifier.NAME in (package.folder / readme).read_text(encoding="utf-8")


def test_the_policy_lets_run_only_what_is_in_the_page() -> None:
    html = verifier.page()
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', html)
    hashes = {}
    for tag in ("script", "style"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        hashes[tag] = "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    assert policy == f"default-src 'none'; script-src '{hashes['script']}'; style-src '{hashes['style']}'; base-uri 'none'; form-action 'none'"
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|Function\(|fetch\(|XMLHttp|https?:|\bsrc=|\bhref=|url\(|@import", html
    )
    assert not re.search(r"\son\w+=|\sstyle=", html)


def test_what_the_page_shares_with_reversa_is_the_same() -> None:
    script = (PROJECT / "reversa" / "templates" / "verifier-checks.js").read_text(encoding="utf-8")
    for value in (FORMAT, MANIFEST, TAG_MANIFEST):
        assert f'= "{value}";' in script
    assert f'data-version="{__version__}"' in verifier.page()


@pytest.mark.servers
def test_unseen_characters_are_those_of_reversa(window: Window) -> None:
    every = [chr(n) for n in range(0x110000) if unicodedata.category(chr(n)) != "Cn" and not 0xD800 <= n < 0xE000]
    assert window.page.evaluate("visible", "".join(every)) == visible("".join(every))
    assert window.page.evaluate("visible('\\ud800a')") == "‹U+D800›a"


# ------------------------------------------------------------------------------------------- whole


REAL = {
    "houstondatavis": lambda: REAL_EXPORT,
    "testarchive": lambda: shelf("samples/slack-export-viewer-testarchive.zip"),
    "small": lambda: shelf("samples/generated/small.zip"),
}


@pytest.mark.servers
@pytest.mark.parametrize("name", REAL)
def test_a_real_package_is_whole_and_its_counts_are_shown(name: str, window: Window, tmp_path: Path) -> None:
    package = Road(tmp_path / "run").export(str(REAL[name]()), private=True, tenant=None)
    assert validate(package.folder) == []
    assert check(window.page, package.folder) == Outcome("whole", [])
    rows = [tuple(line.split("\t")) for line in window.page.locator("tbody tr").all_inner_texts()]
    t = TEXTS["en"]
    assert rows[:-3] == [(t.kind(kind), *[t.number(table.rows)] * 2) for kind, table in package.manifest.tables.items()]
    assert rows[-3] == ("Contents of files", *[t.number(package.manifest.blobs)] * 2)
    facts = window.page.inner_text("dl")
    assert visible(str(package.source)) in facts
    assert package.manifest.digest in facts
    assert f"\n{t.number(package.manifest.unreadable)}\n" in facts


@pytest.mark.servers
def test_packs_and_files_of_one_blob_are_counted(window: Window, tmp_path: Path) -> None:
    assert check(window.page, with_blobs(tmp_path / "p")) == Outcome("whole", [])
    assert "Contents of files\t3\t3" in window.page.inner_text("tbody")


# ------------------------------------------------------------------------------------------- changed files


def agree(page: Page, bag: Path) -> Outcome:
    """The page and `reversa validate` name the same files, or both find nothing."""
    problems, seen = validate(bag), check(page, bag)
    assert seen.verdict == ("broken" if problems else "whole"), problems
    for problem in problems:
        name = problem.partition(" is ")[0].strip("'")
        assert seen.named(name), f"{name} is not named: {seen.findings}"
    return seen


@pytest.mark.servers
def test_a_flipped_bit_in_any_file_is_named(copy: Path, window: Window) -> None:
    for path in files(copy):
        data = path.read_bytes()
        if data:
            middle = len(data) // 2
            path.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
            seen = agree(window.page, copy)
            assert seen.named(path.relative_to(copy).as_posix()) or path.name == TAG_MANIFEST
            path.write_bytes(data)
    agree(window.page, copy)


@pytest.mark.servers
def test_any_file_removed_is_named(copy: Path, window: Window, tmp_path: Path) -> None:
    for path in files(copy):
        path.rename(tmp_path / "aside")
        if not any(path.parent.iterdir()):
            path.parent.rmdir()
        assert agree(window.page, copy).named(path.relative_to(copy).as_posix())
        path.parent.mkdir(exist_ok=True)
        (tmp_path / "aside").rename(path)
    agree(window.page, copy)


@pytest.mark.servers
@pytest.mark.parametrize(
    "name", ["extra.txt", ".hidden", "data/extra", "data/tables/tag/part-00001.parquet", "sub/extra", "data/sp ace", "data/.x", "data/é"]
)
def test_any_file_added_is_named(name: str, copy: Path, window: Window) -> None:
    (copy / name).parent.mkdir(exist_ok=True)
    (copy / name).write_text("x")
    assert "is in no manifest" in "".join(agree(window.page, copy).findings)


@pytest.mark.servers
def test_renamed_files_are_told_as_such(copy: Path, window: Window) -> None:
    (copy / "README.txt").rename(copy / "ReadMe.txt")
    (copy / "data" / "changes.ndjson").write_text("different from any other file\n")
    rebuild(copy)
    (copy / "ReadMe.txt").rename(copy / "README.txt")
    (copy / "data" / "changes.ndjson").rename(copy / "data" / "events.ndjson")
    (copy / "Bag-Info.txt").write_text("twin")
    findings = agree(window.page, copy).findings
    assert "ReadMe.txt is there as README.txt: the letters differ by case." in findings
    assert "data/changes.ndjson is now called data/events.ndjson." in findings
    assert "Bag-Info.txt was added: only the case of its letters differs from bag-info.txt." in findings


def _upper(text: str) -> str:
    return text[:64].upper() + text[64:]


@pytest.mark.servers
@pytest.mark.parametrize("manifest", [MANIFEST, TAG_MANIFEST])
@pytest.mark.parametrize(
    "change",
    [
        lambda text: "".join(reversed(text.splitlines(keepends=True))),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text + "\n",
        lambda text: text + text.splitlines()[0] + "\n",
        lambda text: "\ufeff" + text,
        lambda text: text.rstrip("\n"),
        lambda text: text.replace("  ", " *", 1),
        lambda text: text + f"{'a' * 64}  ../outside\n",
        lambda text: text + f"{'a' * 64}  {TAG_MANIFEST}\n",
        _upper,
        lambda _: "",
    ],
)
def test_a_manifest_that_is_not_as_it_should_be(manifest: str, change: Callable[[str], str], copy: Path, window: Window) -> None:
    text = (copy / manifest).read_text()
    (copy / manifest).write_bytes(change(text).encode())
    if manifest == MANIFEST:
        tags = (copy / TAG_MANIFEST).read_text()
        (copy / TAG_MANIFEST).write_text(re.sub(rf"\w+  {MANIFEST}", f"{file_digest(copy / MANIFEST)}  {MANIFEST}", tags))
    assert validate(copy)
    assert check(window.page, copy).verdict == "broken"


@pytest.mark.servers
def test_a_bag_of_another_version(copy: Path, window: Window) -> None:
    (copy / "bagit.txt").write_text("BagIt-Version : 1.0\nTag-File-Character-Encoding: UTF-8\n")
    rebuild(copy)
    assert agree(window.page, copy).findings == ["bagit.txt is not that of a BagIt 1.0 bag in UTF-8."]


# ------------------------------------------------------------------------------------------- the root of trust


@pytest.mark.servers
def test_the_digest_is_shown_and_compared(package: Package, window: Window) -> None:
    page, expected = window.page, file_digest(package.folder / TAG_MANIFEST)
    assert check(page, package.folder).verdict == "whole"
    assert re.sub(r"\s", "", page.inner_text(".digest")) == expected
    compared = {
        "": "compared with nothing yet",
        expected: "It is the digest you were given",
        f"  {expected.upper()}  {TAG_MANIFEST}\n": "It is the digest you were given",
        " ".join(re.findall(".{8}", expected)): "It is the digest you were given",
        "0" * 64: "It is not the digest you were given",
        expected + "0": "no SHA-256",
        expected[:-1]: "no SHA-256",
        package.manifest.digest: "digest of the content",
    }
    for entered, said in compared.items():
        page.fill("#expected", entered)
        assert said in page.inner_text(".compared"), entered
        assert outcome(page).verdict == ("other" if entered.startswith("00") else "whole")


@pytest.mark.servers
def test_manifests_rebuilt_by_an_attacker_give_another_digest(copy: Path, window: Window) -> None:
    window.page.fill("#expected", file_digest(copy / TAG_MANIFEST))
    assert check(window.page, copy).verdict == "whole"
    (copy / "README.txt").write_text("forged")
    rebuild(copy)
    assert check(window.page, copy) == Outcome("other", [])
    assert "It is not the digest you were given." in window.page.inner_text("#details")
    window.page.fill("#expected", "")
    assert outcome(window.page).verdict == "whole", "without a digest to compare, nobody can tell"


# ------------------------------------------------------------------------------------------- counts


def edit(bag: Path, change: Callable[[dict[str, object]], object]) -> None:
    path = bag / "data" / "datapackage.json"
    described = json.loads(path.read_text(encoding="utf-8"))
    change(described["reversa"])
    path.write_text(json.dumps(described), encoding="utf-8")
    rebuild(bag)


@pytest.mark.servers
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["tables"]["tag"].update(rows=4), "data/tables/tag holds 3; data/datapackage.json states 4."),
        (lambda d: d["tables"]["tag"].update(rows="3"), 'data/tables/tag holds 3; data/datapackage.json states "3".'),
        (lambda d: d["tables"].pop("tag"), "data/tables/tag holds 3; data/datapackage.json states –."),
        (lambda d: d["tables"].update(ghost={"rows": 1}), "data/tables/ghost holds 0; data/datapackage.json states 1."),
        (lambda d: d.update(blobs=2), "data/packs, data/blobs holds 1; data/datapackage.json states 2."),
        (lambda d: d.update(tables=None), "data/datapackage.json does not describe a package."),
        (lambda d: d["tables"].update(tag=None), "data/datapackage.json does not describe a package."),
    ],
)
def test_counts_that_differ_are_named(change: Callable[[dict[str, object]], object], said: str, copy: Path, window: Window) -> None:
    edit(copy, change)
    assert check(window.page, copy) == Outcome("broken", [said])


@pytest.mark.servers
def test_a_payload_of_another_size_is_named(copy: Path, window: Window) -> None:
    info = (copy / "bag-info.txt").read_text()
    rebuilt = {}
    for oxum in ("1.1", "nonsense"):
        (copy / "bag-info.txt").write_text(re.sub(r"Oxum: .*", f"Oxum: {oxum}", info))
        tags = (copy / TAG_MANIFEST).read_text()
        (copy / TAG_MANIFEST).write_text(re.sub(r"\w+  bag-info.txt", f"{file_digest(copy / 'bag-info.txt')}  bag-info.txt", tags))
        rebuilt[oxum] = check(window.page, copy)
    assert {oxum: (seen.verdict, len(seen.findings)) for oxum, seen in rebuilt.items()} == {"1.1": ("broken", 2), "nonsense": ("broken", 2)}


@pytest.mark.servers
def test_a_package_of_a_later_format_is_not_said_to_be_whole(copy: Path, window: Window) -> None:
    edit(copy, lambda described: described.update(format="reversa-package/2"))
    seen = check(window.page, copy)
    assert seen.verdict == "part"
    assert seen.named("data/datapackage.json")


@pytest.mark.servers
def test_a_pack_with_one_entry_fewer_is_named(window: Window, tmp_path: Path) -> None:
    bag = with_blobs(tmp_path / "p")
    pack = bag / "data" / "packs" / "pack-00000.zip"
    with zipfile.ZipFile(pack) as old:
        names = old.namelist()
    with zipfile.ZipFile(pack, "w") as new:
        new.writestr(names[0], b"one")
    rebuild(bag)
    assert check(window.page, bag) == Outcome("broken", ["data/packs, data/blobs holds 2; data/datapackage.json states 3."])
    for broken in ([names[1], names[0]], ["readme"]):
        with zipfile.ZipFile(pack, "w") as new:
            for name in broken:
                new.writestr(name, b"x")
        rebuild(bag)
        assert check(window.page, bag) == Outcome("broken", ["data/packs/pack-00000.zip is damaged: its entries cannot be counted."])


@pytest.mark.servers
def test_a_broken_parquet_footer_is_named_and_breaks_nothing(copy: Path, window: Window) -> None:
    name = "data/tables/tag/part-00000.parquet"
    whole = (copy / name).read_bytes()
    for data in (whole[:-1], whole[:-8], whole[:11], b"", whole[:-8] + b"\xff\xff\xff\x7fPAR1", whole[: len(whole) // 2] + whole[-8:]):
        (copy / name).write_bytes(data)
        rebuild(copy)
        assert check(window.page, copy) == Outcome("broken", [f"{name} is damaged: its entries cannot be counted."])


@pytest.mark.servers
def test_the_reader_of_footers_agrees_with_pyarrow_and_ends_on_any_bytes(package: Package, window: Window) -> None:
    count = """async data => { const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0)); try { return parquetRows(new DataView(bytes.buffer)) } catch { return null } }"""
    for path in package.folder.rglob("*.parquet"):
        assert window.page.evaluate(count, base64.b64encode(path.read_bytes()).decode()) == pq.ParquetFile(path).metadata.num_rows
    flips = """data => { const whole = Uint8Array.from(atob(data), c => c.charCodeAt(0)); let ended = 0;
      for (let at = whole.length - 2000; at < whole.length; at++) for (const bits of [1, 16, 128, 255]) {
        const bytes = whole.slice(); bytes[at] ^= bits; try { parquetRows(new DataView(bytes.buffer)) } catch {} ended++ }
      return ended }"""
    assert window.page.evaluate(flips, base64.b64encode((package.folder / "data" / "blobs.parquet").read_bytes().rjust(2100, b"\0")).decode()) == 8000


# ------------------------------------------------------------------------------------------- not checked


@pytest.mark.servers
def test_what_the_browser_cannot_read_is_not_checked_and_says_what_to_type(copy: Path, window: Window) -> None:
    refuse = """() => { const real = File.prototype.arrayBuffer;
      File.prototype.arrayBuffer = function () { return this.name === "changes.ndjson" ? Promise.reject(new DOMException("", "NotReadableError")) : real.call(this) } }"""
    window.page.evaluate(refuse)
    seen = check(window.page, copy)
    assert seen.verdict == "part"
    assert seen.named("data/changes.ndjson")
    assert len(seen.findings) == 1
    assert "sha256sum --strict" in window.page.inner_text("#verdict")
    assert "not checked" in window.page.inner_text(".groups li:first-child")


@pytest.mark.servers
def test_a_file_too_big_for_the_browser_is_not_checked(window: Window, tmp_path: Path) -> None:
    bag = with_blobs(tmp_path / "p")
    (big,) = files(bag / "data" / "blobs")
    with big.open("r+b") as sparse:
        sparse.truncate(2**31)
    name = big.relative_to(bag).as_posix()
    rebuild(bag, {name: "a" * 64})
    seen = check(window.page, bag)
    assert seen.verdict == "part"
    assert seen.named(name)
    assert len(seen.findings) == 1


# ------------------------------------------------------------------------------------------- dropping


def drop(page: Page, *paths: Path) -> Outcome:
    """What the browser does when somebody drags files from the desktop."""
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for step in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": step, "x": 300, "y": 300, "data": data})
    return outcome(page)


@pytest.mark.servers
def test_a_dropped_folder_is_checked(copy: Path, window: Window) -> None:
    assert drop(window.page, copy) == Outcome("whole", [])
    (copy / "data" / "empty").mkdir()
    assert drop(window.page, copy) == Outcome("broken", ["data/empty/ is an empty folder: a package has none."])
    assert validate(copy) == ["data/empty is an empty folder"]


@pytest.mark.servers
def test_what_is_no_package_is_not_checked(copy: Path, window: Window) -> None:
    for dropped in ((copy / "README.txt",), (copy, copy / "data"), (copy.parent,), (copy / "data",)):
        assert drop(window.page, *dropped).verdict == "part"
        assert window.page.inner_text("#verdict h2") == "Nothing was checked"
        assert window.page.inner_text("#details") == ""
    assert check(window.page, copy.parent).verdict == "part"
    assert check(window.page, copy).verdict == "whole"


OTHER_BROWSERS = """async batch => {
  const of = (name, content) => typeof content === "string"
    ? { name, isFile: true, file: resolve => resolve(new File([Uint8Array.from(atob(content), c => c.charCodeAt(0))], name)) }
    : { name, isDirectory: true, createReader: () => { const rest = Object.entries(content).map(([n, c]) => of(n, c));
        return { readEntries: resolve => resolve(rest.splice(0, batch)) } } };
  const event = new Event("drop");
  event.dataTransfer = { items: [{ kind: "file", webkitGetAsEntry: () => of("bag", tree) }, { kind: "string" }] };
  document.dispatchEvent(event) }"""


@pytest.mark.servers
def test_a_folder_dropped_on_a_browser_without_handles(copy: Path, window: Window) -> None:
    """Firefox and Safari hand out entries, in batches; Chromium does so for no page on a disk, so they are imitated."""

    def tree(folder: Path) -> dict[str, object]:
        return {p.name: tree(p) if p.is_dir() else base64.b64encode(p.read_bytes()).decode() for p in folder.iterdir()}

    for expected in (Outcome("whole", []), Outcome("broken", ["README.txt is missing."])):
        window.page.evaluate("given => { globalThis.tree = given }", tree(copy))
        window.page.evaluate(OTHER_BROWSERS, 7)
        assert outcome(window.page) == expected
        (copy / "README.txt").unlink(missing_ok=True)


@pytest.mark.servers
def test_a_browser_that_opens_no_folder_says_so(window: Window, copy: Path) -> None:
    window.page.evaluate("document.getElementById('folder').removeAttribute('webkitdirectory')")
    window.page.set_input_files("#folder", copy / "README.txt")
    assert outcome(window.page).verdict == "part"
    assert "does not open folders" in window.page.inner_text("#verdict")


# ------------------------------------------------------------------------------------------- harmless, for everybody


@pytest.mark.servers
def test_hostile_names_and_texts_are_inert(window: Window, tmp_path: Path) -> None:
    bag = with_blobs(tmp_path / "p", tenant=HOSTILE)
    (bag / "data" / HOSTILE.replace("/", "")).write_text("x")
    edit(bag, lambda described: described["tables"].update({HOSTILE: {"rows": HOSTILE, "digest": HOSTILE}, "__proto__": {"rows": 1}}))  # type: ignore[attr-defined]
    edit(bag, lambda described: described.update(created_at=HOSTILE, unreadable={HOSTILE: [HOSTILE]}))
    with (bag / MANIFEST).open("a") as manifest:
        manifest.write(f"{'a' * 64}  {HOSTILE}\n")
    seen = check(window.page, bag)
    assert seen.verdict == "broken"
    shown = visible(HOSTILE)
    assert any(finding.startswith(f"data/{shown} is not a name") for finding in seen.findings)
    assert any(finding.startswith(f"{shown} is missing") for finding in seen.findings)
    text = window.page.inner_text("main")
    assert text.count(shown) >= 6
    assert "\u202e" not in text
    assert window.page.locator("img").count() == 0


def states(copy: Path) -> Iterator[Path]:
    yield copy
    (copy / "data" / "changes.ndjson").write_text("changed")
    (copy / "data" / ("x" * 150)).write_text("a long name")
    (copy / "README.txt").unlink()
    yield copy
    yield copy / "data"


@pytest.mark.servers
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_page_is_built_for_everybody(language: str, size: tuple[int, int], chrome: Chrome, page_file: Path, copy: Path) -> None:
    window, t = chrome.window(size, {"fr": "fr-FR", "en": "en-US"}[language]), TEXTS[language]
    page = window.open(page_file)
    assert page.evaluate("document.documentElement.lang") == language
    assert page.title() == page.inner_text("h1") == t("verifier.title")
    for key in ("verifier.trust", "verifier.limit-rows", "page.foot"):
        assert t(key) in page.inner_text("main")
    assert (window.barriers(), window.fits()) == ([], True)
    for folder, title in zip(states(copy), ("verifier.whole", "verifier.broken", "verifier.refused"), strict=True):
        check(page, folder)
        assert page.inner_text("#verdict h2") == t(title)
        assert (window.barriers(), window.fits()) == ([], True)
    other = "en" if language == "fr" else "fr"
    page.click(f"[data-language={other}]")
    assert page.inner_text("#verdict h2") == TEXTS[other]("verifier.refused"), "what was found speaks the other language too"


@pytest.mark.servers
def test_the_keyboard_reaches_everything_and_paper_leaves_out_the_controls(window: Window, package: Package) -> None:
    page, reached = window.page, []
    for _ in range(4):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.lang"))
    assert reached == ["fr", "en", "folder", "expected"]
    assert page.get_attribute("#verdict", "role") == "status"
    check(page, package.folder)
    page.emulate_media(media="print")
    assert not page.is_visible(".drop")
    assert page.is_visible("#verdict h2")
    assert page.is_visible(".digest")
