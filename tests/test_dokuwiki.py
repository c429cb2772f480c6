"""DokuWiki as a source: real wikis, and what is wrong in bad ones."""

from __future__ import annotations

import gzip
import io
import tarfile
import tracemalloc
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reversa.adapter import Attached, Item, Locator, Noted, Options, Unreadable
from reversa.errors import SourceError
from reversa.exporters.dokuwiki import DokuWikiExporter
from reversa.exporting import export
from reversa.package import Package
from reversa.records import File, Grant, Record, Ref, Revision, User, ref, ref_to
from reversa.systems.dokuwiki.text import title_of
from tests.dokuwiki_wiki import put, write_wiki
from tests.paths import shelf

SAMPLES = {
    "lab-igor": {
        "user": 3, "group": 2, "membership": 4, "space": 6, "page": 107, "revision": 108, "file": 5, "grant": 4, "opaque": 1,
    },
    "merb-cut": {"user": 204, "space": 20, "page": 73, "revision": 907, "file": 10},
}  # fmt: skip


def exported(source: Path, folder: Path, *, private: bool = True) -> Package:
    with closing(DokuWikiExporter.open(Locator("dokuwiki", str(source)), Options(private=private))) as exporter:
        return export(exporter, folder, datetime(2026, 1, 1, tzinfo=UTC), lambda _step, _done, _whole: None)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_real_wiki_is_read_whole(name: str, tmp_path: Path) -> None:
    package = exported(shelf(f"samples/dokuwiki/{name}.tar.gz"), tmp_path / "package")
    assert {balance.kind: balance.unexplained for balance in package.manifest.balance if balance.unexplained} == {}
    assert {balance.kind: balance.records for balance in package.manifest.balance if balance.records} == SAMPLES[name]
    assert package.manifest.unreadable == 0


def test_the_figures_of_a_real_wiki(tmp_path: Path) -> None:
    package = exported(shelf("samples/dokuwiki/merb-cut.tar.gz"), tmp_path / "package")
    records = {kind: [record for record, _ in package.records(kind)] for kind in package.kinds()}
    assert Counter(page.state for page in records["page"]) == {None: 69, "deleted": 4}
    revisions = records["revision"]
    tombstones = [revision for revision in revisions if revision.state == "deleted"]
    assert (len(tombstones), len(revisions)) == (4, 907)
    assert sum(1 for user in records["user"] if user.id.startswith("ip:")) == 138


# ------------------------------------------------------------------------------------------- private, hostile, broken


def items(source: Path, *, private: bool = True) -> list[Item]:
    with closing(DokuWikiExporter.open(Locator("dokuwiki", str(source)), Options(private=private))) as exporter:
        return list(exporter.items())


def records(found: list[Item]) -> dict[Ref, Record]:
    return {ref_to(record): record for item in found if isinstance(record := item.record if isinstance(item, Attached) else item, Record)}


def balanced(source: Path, folder: Path) -> None:
    package = exported(source, folder)
    assert {balance.kind: balance.unexplained for balance in package.manifest.balance if balance.unexplained} == {}


def test_what_members_may_not_read_stays_unless_asked_for(tmp_path: Path) -> None:
    wiki = write_wiki(tmp_path / "wiki")
    package = exported(wiki, tmp_path / "package", private=False)
    told = b"".join(path.read_bytes() for path in (tmp_path / "package").rglob("*.ndjson"))
    assert "closed:secret" not in {record.id for record, _ in package.records("page")}
    assert "carl" not in {record.id for record, _ in package.records("user")}  # met there only
    assert b"closed" not in told
    assert [balance.kind for balance in package.manifest.balance if balance.unexplained] == []


def test_no_password_leaves(tmp_path: Path) -> None:
    exported(write_wiki(tmp_path / "wiki"), tmp_path / "package")
    found = b"".join(path.read_bytes() for path in (tmp_path / "package").rglob("*") if path.is_file())
    assert b"HASHOF" not in found
    assert b"a secret" not in found


SECRETS = (
    "meta/jwt/a/abcdef.token", "meta/_authtoken.bin", "meta/_plugin.SECRET", "meta/carol.oauth", "meta/_2fa/carol.json", "meta/totp/x", "meta/x.otp",
    "meta/passwords.db", "meta/_Session/1", "meta/apikeys.json", "meta/key.txt", "pages/auth.bak", "attic/ssh_key", "meta/jwtstore/x", "meta/x.pem",
)  # fmt: skip


@pytest.mark.parametrize("private", [True, False])
def test_no_secret_of_a_plugin_leaves(private: bool, tmp_path: Path) -> None:
    wiki = write_wiki(tmp_path / "wiki")
    for name in (*SECRETS, "meta/team/plan.draft"):
        put(wiki, f"data/{name}", "THE SECRET")
    put(wiki, "data/meta/author/monkey.comments", "no secret")
    package = exported(wiki, tmp_path / "package", private=private)
    kept = {record.id for record, _ in package.records("opaque")} if "opaque" in package.kinds() else set()
    assert {id for id in kept if id.startswith(("meta", "pages", "attic"))} == (
        {"meta/team/plan.comments", "meta/author/monkey.comments"} if private else set()
    )
    told = b"".join(path.read_bytes() for path in (tmp_path / "package").rglob("*.ndjson"))
    assert not [name for name in SECRETS if name.encode() in told]
    assert {line.change.code: line.count for line in package.manifest.changes if line.change.code in ("dokuwiki.opaque.secret", "dokuwiki.opaque.draft")} == {
        "dokuwiki.opaque.secret": len(SECRETS), "dokuwiki.opaque.draft": 1,
    }  # fmt: skip
    assert [balance.kind for balance in package.manifest.balance if balance.unexplained] == []


def test_the_wiki_is_told_as_it_is(tmp_path: Path) -> None:
    found = records(items(write_wiki(tmp_path / "wiki")))
    gone, back = found[ref("page", "team:gone")], found[ref("page", "team:back")]
    assert (gone.state, back.state) == ("deleted", None)
    tombstone = found[ref("revision", "team:gone@1500000060")]
    assert isinstance(tombstone, Revision)
    assert (tombstone.state, tombstone.body) == ("deleted", None)
    assert found[ref("revision", "team:back@1500000000")].created_by == ref("user", "ip:10.0.0.0")
    account = found[ref("user", "ann")]
    assert isinstance(account, User)
    assert (account.display_name, account.emails) == ("Ann : O'Neil", ["ann@example.org"])
    old = found[ref("file", "team:logo.png@1500000000")]
    assert isinstance(old, File)
    assert old.version_of == ref("file", "team:logo.png")
    assert found[ref("page", "start")].created_at == datetime(2014, 5, 13, 16, 53, 20, tzinfo=UTC)
    assert ref("page", "équipe:été") in found
    [grant] = [record for record in found.values() if isinstance(record, Grant) and record.target == ref("page", "team:plan")]
    assert (grant.principal, grant.right, grant.native_right) == (ref("group", "two words"), "edit", "2")


def test_one_bad_page_never_costs_its_neighbours(tmp_path: Path) -> None:
    wiki = write_wiki(tmp_path / "wiki")
    put(wiki, "data/meta/bad.changes", b"torn\n1500000060\t1\tE\tbad\tann\tx\t\t1\n1500000000\t1\tC\tbad\tann\tb\xe9\t\t1\n1500000060\t1\tE\tbad\tann\ty\t\t1\n99999999999\t1\n")  # fmt: skip
    put(wiki, "data/attic/bad.1500000000.txt.gz", "first")
    path = wiki / "data/attic/bad.1500000060.txt.gz"
    path.write_bytes(gzip.compress(b"second" * 1000)[:-20])
    put(wiki, "data/attic/bad.1500000099.txt.gz", b"not listed, caf\xe9")
    put(wiki, "data/pages/bad.txt", "changed outside")
    put(wiki, "data/meta/bad.meta", b'a:1:{s:10:"persistent";' + b"a:1:{i:0;" * 5000)
    put(wiki, "data/meta/lost.changes", "1500000000\t1\tC\tlost\tann\tits text is gone\t\t1\n")
    put(wiki, "data/pages/caf%E9.txt", "a name that is no UTF-8")
    found = items(wiki)
    held = records(found)
    noted = Counter(item.code for item in found if isinstance(item, Noted))
    assert sum(item.count for item in found if isinstance(item, Unreadable)) == 2
    assert {f"dokuwiki.{code}" for code in (
        "revision.body", "revision.created_by", "revision.edited-outside", "revision.body.not-utf-8", "revision.comment.not-utf-8",
        "page.native", "page.name.not-utf-8",
    )} <= set(noted)  # fmt: skip
    assert ref("page", "start") in held
    assert held[ref("page", "bad")].state is None
    current = held[ref("revision", "bad@current")]
    assert isinstance(current, Revision)
    assert current.body is not None
    balanced(wiki, tmp_path / "package")


def test_a_page_as_large_as_a_disk_is_not_held(tmp_path: Path) -> None:
    wiki = write_wiki(tmp_path / "wiki")
    put(wiki, "data/pages/huge.txt", b"x" * (100 * 2**20))
    put(wiki, "data/attic/huge.1500000000.txt.gz", b"\0" * (100 * 2**20))
    put(wiki, "data/meta/huge.changes", "1500000000\t1\tC\thuge\tann\t\t\t1\n")
    tracemalloc.start()
    held = records(items(wiki))
    assert tracemalloc.get_traced_memory()[1] < 80 * 2**20
    tracemalloc.stop()
    page = held[ref("revision", "huge@1500000000")]
    assert isinstance(page, Revision)
    assert page.body is None


def test_hostile_members_are_refused_and_named(tmp_path: Path) -> None:
    wiki = write_wiki(tmp_path / "wiki")
    with tarfile.open(tmp_path / "wiki.tar.gz", "w:gz") as archive:
        archive.add(wiki, "wiki")
        for name, type in (("wiki/data/pages/link.txt", tarfile.SYMTYPE), ("wiki/data/pages/hard.txt", tarfile.LNKTYPE), ("wiki/data/pages/pipe.txt", tarfile.FIFOTYPE)):  # fmt: skip
            member = tarfile.TarInfo(name)
            member.type, member.linkname = type, "/etc/passwd"
            archive.addfile(member)
        for name in ("../../evil.txt", "/etc/evil.txt", "wiki/data/pages/start.txt"):
            member = tarfile.TarInfo(name)
            member.size = 4
            archive.addfile(member, io.BytesIO(b"evil"))
    found = items(tmp_path / "wiki.tar.gz")
    refused = {item.where for item in found if isinstance(item, Unreadable)}
    assert refused == {
        "wiki/data/pages/link.txt", "wiki/data/pages/hard.txt", "wiki/data/pages/pipe.txt", "../../evil.txt", "/etc/evil.txt", "wiki/data/pages/start.txt",
    }  # fmt: skip
    assert ref("page", "team:plan") in records(found)
    balanced(tmp_path / "wiki.tar.gz", tmp_path / "package")
    assert not list(tmp_path.parent.rglob("evil.txt"))


def test_a_bomb_and_a_torn_archive_are_refused(tmp_path: Path) -> None:
    (tmp_path / "bomb.tar.gz").write_bytes(gzip.compress(b"\0" * (60 * 2**20)))
    (tmp_path / "torn.tar.gz").write_bytes(shelf("samples/dokuwiki/lab-igor.tar.gz").read_bytes()[:30_000])
    for name in ("bomb", "torn"):
        with pytest.raises(SourceError, match="not a whole tar"):
            items(tmp_path / f"{name}.tar.gz")
        assert not DokuWikiExporter.recognises(tmp_path / f"{name}.tar.gz")


@pytest.mark.parametrize(
    ("text", "title"),
    [("====== A ======\n", "A"), ("x\n == B == \n", "B"), ("<code>\n== no ==\n</code>\n== C ==", "C"), ("====", None), ("== ==", None), ("<code>" * 50_000, None)],
)  # fmt: skip
def test_the_title_is_the_first_heading(text: str, title: str | None) -> None:
    assert title_of(text) == title
