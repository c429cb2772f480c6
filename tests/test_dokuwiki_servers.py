"""A running DokuWiki is written to, and asked over its own interface what it holds."""

from __future__ import annotations

import gzip
import hashlib
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from reversa.errors import TargetError
from reversa.migrating import Road
from reversa.reporting import Report
from reversa.systems.dokuwiki.cleaning import Cleaner
from reversa.systems.dokuwiki.disk import put
from tests.dokuwiki_server import DokuWiki, install, running
from tests.paths import shelf

pytestmark = [pytest.mark.servers, pytest.mark.timeout(600)]
RULES = {"lab-igor": "*\t@ALL\t1\n*\t@user\t16\n", "merb-cut": "*\t@ALL\t0\n*\t@user\t0\n"}
TRIMMED = " \t\n\r\0\x0b"
"""What PHP's trim takes off."""


@pytest.fixture
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[DokuWiki]:
    install(tmp_path / "dw", rules=RULES.get(getattr(request, "param", ""), "*\t@ALL\t1\n"))
    with running(tmp_path / "dw") as wiki:
        yield wiki


def carried(sample: str, wiki: DokuWiki, run: Path) -> tuple[Road, Report]:
    road = Road(run)
    road.export(str(shelf(f"samples/dokuwiki/{sample}.tar.gz")), private=True)
    road.plan(f"dokuwiki:{wiki.folder}")
    road.accept(None, lambda _: "a test")
    road.import_()
    return road, road.verify()


def unpacked(sample: str, folder: Path) -> Path:
    """The data directory of a sample, by the system's tar alone."""
    with tarfile.open(shelf(f"samples/dokuwiki/{sample}.tar.gz")) as archive:
        archive.extractall(folder, filter="data")
    return next(folder.rglob("pages")).parent


def versions(asked: Any, id: str) -> list[int]:
    """The times of all versions of a page, the newest first, as the wiki lists them."""
    found: list[int] = []
    while some := asked.wiki.getPageVersions(id, len(found)):
        found += [version["version"] for version in some]
    return found


@pytest.mark.parametrize(("server", "sample"), [(name, name) for name in RULES], indirect=["server"])
def test_a_real_wiki_moves_to_a_running_one(server: DokuWiki, sample: str, tmp_path: Path) -> None:
    _, report = carried(sample, server, tmp_path / "run")
    assert (report.verdict, report.headline.wrong, report.headline.rights_widened) == ("verified", 0, 0)
    data, asked = unpacked(sample, tmp_path / "witness"), server.asked()
    pages = {path.relative_to(data / "pages").as_posix().removesuffix(".txt").replace("/", ":"): path for path in (data / "pages").rglob("*.txt")}
    listed = {page["id"]: page["hash"] for page in asked.dokuwiki.getPagelist("", {"depth": 0, "hash": 1})}
    trimmed = {id: hashlib.md5(path.read_bytes().decode().strip(TRIMMED).encode()).hexdigest() for id, path in pages.items()}  # noqa: S324
    assert listed == trimmed
    for number, log in enumerate(sorted((data / "meta").rglob("*.changes"))):
        id = log.relative_to(data / "meta").as_posix().removesuffix(".changes").replace("/", ":")
        if log.name.startswith("_") or (sample == "lab-igor" and id.startswith("bench:") and number % 10):
            continue
        times = [int(line.split("\t")[0]) for line in log.read_text().splitlines()]
        assert (server.folder / "data" / "meta" / log.relative_to(data / "meta")).read_bytes() == log.read_bytes()
        if id in pages:
            assert versions(asked, id) == times[::-1], id  # none beside them: no edit from outside
        old = data / "attic" / log.relative_to(data / "meta").with_name(log.name.removesuffix(".changes") + f".{times[0]}.txt.gz")
        if id in pages and old.exists() and times[0] != times[-1]:
            assert asked.wiki.getPageVersion(id, times[0]) == gzip.decompress(old.read_bytes()).decode(), id
    media = {
        path.relative_to(data / "media").as_posix().replace("/", ":"): path.stat().st_size for path in (data / "media").rglob("*") if path.is_file()
    }
    assert {file["id"]: file["size"] for file in asked.wiki.getAttachments("", {"depth": 0})} == media


def test_what_was_closed_stays_closed(server: DokuWiki, tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="widened"):  # the stock rules let members do less, and @ALL as much: one line differs
        _widened(server, tmp_path)
    (server.folder / "conf" / "acl.auth.php").write_text("# acl\n# <?php exit()?>\n*\t@ALL\t1\n", encoding="utf-8")
    _, report = carried("lab-igor", server, tmp_path / "run")
    assert report.verdict == "verified"
    assert "légende" in server.shown("projet:plan")[1]
    assert "Permission Denied" in server.shown("secret:x")[1]
    levels = "foreach ([['projet:plan', '', []], ['secret:x', '', []], ['secret:x', 'alice', ['user']], ['secret:x', 'bob', ['user']]] as $who)"
    assert server.php(f"auth_setup(); {levels} echo ' ', auth_aclcheck(...$who);").split()[-4:] == ["1", "0", "0", "16"]


def _widened(server: DokuWiki, tmp_path: Path) -> None:
    (server.folder / "conf" / "acl.auth.php").write_text("# acl\n# <?php exit()?>\n*\t@ALL\t8\n", encoding="utf-8")
    try:
        carried("lab-igor", server, tmp_path / "refused")
    finally:
        assert not list((server.folder / "data" / "pages").rglob("*.txt")), "nothing may be written before"


def everything(folder: Path) -> dict[str, bytes]:
    """The files that hold what people have; caches and indexes are made anew."""
    kept = ("pages", "attic", "meta", "media", "media_attic", "media_meta")
    files = [path for name in kept for path in (folder / "data" / name).rglob("*")] + list((folder / "conf").iterdir())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if path.is_file() and not path.name.startswith("_htcookiesalt")}


def test_undo_leaves_the_rest_as_it_was(server: DokuWiki, tmp_path: Path) -> None:
    asked = server.asked()
    asked.wiki.putPage("projet:ours", "====== Ours ======\n", {"sum": "made here"})
    (server.folder / "data" / "media" / "projet").mkdir()
    (server.folder / "data" / "media" / "projet" / "diagram.png").write_bytes(b"ours")
    with (server.folder / "conf" / "users.auth.php").open("a") as file:
        file.write("alice:$2y$10$another:Alice of ours:alice@successor.example:user")  # the last line has no end
    before = everything(server.folder)
    road, report = carried("lab-igor", server, tmp_path / "run")
    assert report.verdict == "verified"
    assert "alice:$2y$10$another:Alice of ours:alice@successor.example:user\n" in (server.folder / "conf" / "users.auth.php").read_text()
    assert (server.folder / "data" / "media" / "projet" / "diagram.png").read_bytes() == b"ours"
    road.undo()
    after = everything(server.folder)
    assert sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name)) == []


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("at", [1, 7, 60])
def test_killed_between_two_files_it_goes_on(server: DokuWiki, tmp_path: Path, at: int) -> None:
    left = [at]

    def mortal(path: Path, content: bytes, when: int | None = None) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        put(path, content, when)

    with mock.patch("reversa.systems.dokuwiki.writing.put", mortal), pytest.raises(Killed):
        carried("lab-igor", server, tmp_path / "run")
    _, report = carried("lab-igor", server, tmp_path / "run")
    assert report.verdict == "verified"
    assert versions(server.asked(), "projet:plan") == [1795370473, 1795370472]


def test_nobody_signs_in_with_an_account_that_was_made(server: DokuWiki, tmp_path: Path) -> None:
    carried("lab-igor", server, tmp_path / "run")
    checked = server.php("auth_setup(); global $auth; foreach (['', '!', 'x', '*0', '*1'] as $p) echo (int) $auth->checkPass('alice', $p);")
    assert checked.endswith("00000")
    assert server.php("auth_setup(); global $auth; echo $auth->getUserData('alice')['name'];").endswith("Alice Née")


def test_dokuwiki_takes_the_names_as_they_are(server: DokuWiki) -> None:
    names = [
        "Été à Paris", "Straße & Co", "a:b", "..", "a/b?c=d&e#f", "100 %", "日本語 ページ", "Жанна", "Ångström", "İstanbul", "😀 party", "ﬁn",
        "x²", "½ price", "con", "_hidden", "a__b--c..d", "naïve café", "שלום", "हिन्दी", "e\u0301", "１２", "ÆØÅ", "ǆ", "ŉ", "tab\tname", "«quoted»", "…",
    ]  # fmt: skip
    for accents in (True, False):
        cleaned = [clean for name in names if (clean := Cleaner(deaccent=accents).part(name))]
        script = f"global $conf; $conf['deaccent'] = {int(accents)}; foreach (json_decode($argv[1]) as $n) $o[] = cleanID($n); echo json_encode($o);"
        taken = json.loads("[" + server.php(script, json.dumps(cleaned)).partition("[")[2])
        assert taken == cleaned
