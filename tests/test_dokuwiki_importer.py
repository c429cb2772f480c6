"""DokuWiki as a target: what is declared happens, names, people, rights, and what another DokuWiki gives back byte by byte."""

from __future__ import annotations

import json
import subprocess
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, cast, get_args

import pytest

from reversa.adapter import Options, Session, Shaped, Source, Unit
from reversa.directory import KINDS as NAMED
from reversa.directory import Directory
from reversa.errors import TargetError
from reversa.importers.dokuwiki import DokuWikiImporter
from reversa.migrating import Road
from reversa.records import (
    Body,
    File,
    Grant,
    Group,
    Membership,
    Page,
    Record,
    Ref,
    Revision,
    Space,
    User,
    kind_of,
    ref,
    ref_to,
)
from reversa.systems.dokuwiki.accounts import Rule, account_line, parse_account, parse_rule
from reversa.systems.dokuwiki.cleaning import Cleaner
from reversa.systems.dokuwiki.names import Encoding, decoded, encoded
from reversa.systems.dokuwiki.serialised import serialised
from reversa.systems.dokuwiki.shaping import CHANGES
from reversa.testing.given import pack
from tests.dokuwiki_wiki import put, write_wiki

AT = datetime(2024, 2, 29, 12, tzinfo=UTC)
ANN = ref("user", "ann")


REFUSED: tuple[tuple[str, Literal["allow", "deny"], Literal["view", "edit", "admin"] | None], ...] = (
    ("1", "allow", "admin"), ("2", "deny", "view"), ("3", "deny", "edit"), ("4", "allow", None),
)  # fmt: skip


def shaped(target: str, records: list[Record], people: dict[Ref, str] | None = None, source: Source | None = None) -> list[Shaped]:
    with closing(DokuWikiImporter(Path(target), Options(source=source or Source("given", "acme"), people=people or {}))) as importer:
        importer.foresee(Directory(record for record in records if kind_of(record) in NAMED))
        roots = dict.fromkeys(record.root for record in records)
        return [importer.shape(Unit(root, tuple(r for r in records if r.root == root))) for root in roots]


def page(id: str, *versions: Revision, **values: Any) -> list[Record]:
    return [Page(id=id, root=ref("page", id), **values), *versions]


def version(page: str, id: str, text: str | None, **values: Any) -> Revision:
    body = None if text is None else Body(format=values.pop("format", "dokuwiki"), text=text)
    return Revision(id=id, root=ref("page", page), target=ref("page", page), body=body, **values)


def hard() -> list[Record]:
    """Records to which everything happens that is declared."""
    s, f = ref("space", "s"), ref("page", "p")
    return [
        User(id="ann", root=ANN, username="Ann", display_name="Ann\nNée", emails=["a@x.org", "b@x.org"]),
        User(id="gone", root=ref("user", "gone"), placeholder=True),
        User(id="left", root=ref("user", "left"), active=False),
        Group(id="g", root=ref("group", "g"), name="Group"),
        Membership(id="m", root=ref("group", "g"), group=ref("group", "g"), member=ref("user", "gone")),
        Space(id="s", root=s, name="S", visibility="unknown", parent=ref("space", "none")),
        *(Grant(id=id, root=s, target=s, effect=effect, principal=ANN, right=right) for id, effect, right in REFUSED),
        Grant(id="5", root=ref("space", "t"), target=ref("space", "t"), effect="allow", audience="anyone", right="comment"),
        Space(id="t", root=ref("space", "t"), name="t"),
        *page("p", version("p", "p1", "one", created_at=AT + timedelta(microseconds=1), order=5, comment="a\tb", state="archived"),
              version("p", "p2", None, created_at=AT, order=6), version("p", "p3", "hidden", state="draft"),
              space=ref("space", "none"), parent=f, title="P", state="archived", created_at=AT + timedelta(microseconds=1),
              updated_at=AT + timedelta(hours=1), updated_by=ANN, head=ref("revision", "p1")),
        File(id="f1", root=f, target=f, name="A b.txt", sha256="0" * 64, size=0, created_at=AT + timedelta(microseconds=1), version_of=ref("file", "f1")),
        File(id="f2", root=f, target=ref("message", "m"), name="x", sha256="0" * 64, size=0),
        *page("d", version("d", "d1", "x"), state="draft"),
        File(id="df", root=ref("page", "d"), target=ref("page", "d"), name="x", sha256="0" * 64, size=0),
        *page("e", version("e", "e1", None, created_by=ANN), title="E"),
        *page("h", version("h", "h1", "no heading", minor=False), title="H"),
        *page("i", version("i", "i1", "== Other =="), title="I"),
        Revision(id="lone", root=ref("message", "m"), target=ref("message", "m")),
    ]  # fmt: skip


def test_every_change_of_ours_happens(tmp_path: Path) -> None:
    target = Path(DokuWikiImporter.scratch_target(tmp_path))
    (target / "conf" / "acl.auth.php").write_text("*\t@ALL\t0\n", encoding="utf-8")
    made = {noted.code for unit in shaped(str(target), hard()) for noted in unit.noted}
    own = write_wiki(tmp_path / "own")
    (own / "conf" / "acl.auth.php").write_text("*\t@ALL\t0\n", encoding="utf-8")
    root, home = ref("space", ":"), Source("dokuwiki", "x")
    rights: list[Record] = [
        Space(id=":", root=root, title="Another"),
        Grant(id="a", root=root, target=root, effect="allow", audience="anyone", right="view", native_right="1"),
        Grant(id="b", root=root, target=root, effect="allow", principal=ref("group", "new"), right="view", native_right="1"),
    ]
    told, start = ref("space", "told"), ref("page", "start")
    rights += [
        User(id="ann", root=ANN, username="ann"),
        Space(id="told", root=told, name="told", native='{"subscribers": ["ann every 1"]}'),
        Page(id="start", root=start, name="start", native='{"subscribers": ["ann every 1"]}'),
    ]
    made |= {noted.code for unit in shaped(str(own), rights, source=home) for noted in unit.noted}
    assert {change.code for change in CHANGES} - made == set()


def test_names_follow_the_tree_and_are_the_same_in_any_order(tmp_path: Path) -> None:
    target = DokuWikiImporter.scratch_target(tmp_path)
    space = Space(id="S1", root=ref("space", "S1"), title="Équipe A")
    records: list[Record] = [space]
    for id, title, parent in (
        ("1", "Plan", None),
        ("2", "PLAN", None),
        ("3", "Été", "2"),
        ("4", "x" * 300, None),
        ("5", "..", None),
        ("6", "😀", "4"),
    ):
        records += page(id, title=title, space=ref("space", "S1"), parent=ref("page", parent) if parent else None)
    names = {}
    for given in (records, records[::-1]):
        shown = {record.id: record.name for unit in shaped(target, given) for record in unit.records if isinstance(record, Page)}
        names[tuple(sorted(shown.items()))] = shown
    [shown] = names.values()
    assert shown["1"] == "equipe_a:plan_2"
    assert shown["2"] == "equipe_a:plan"  # by name: capitals come first
    assert shown["3"] == "equipe_a:plan:ete"
    assert shown["4"] == "equipe_a:" + "x" * 200
    assert shown["6"] == "equipe_a:" + "x" * 200 + ":unnamed"
    assert len(set(shown.values())) == 6


def test_an_account_that_exists_is_never_changed(tmp_path: Path) -> None:
    target = Path(DokuWikiImporter.scratch_target(tmp_path))
    line = "ann:$2y$10$HASH:The other Ann:other@x.org:user"
    (target / "conf" / "users.auth.php").write_text(f"# users\n{line}\n", encoding="utf-8")
    person = User(id="ann", root=ANN, username="ann", display_name="Ann", emails=["ann@x.org"])
    team = Group(id="team", root=ref("group", "team"), name="team")
    member = Membership(id="m", root=ref_to(team), group=ref_to(team), member=ANN)
    road = carried(tmp_path, [person, team, member], target)
    lines = (target / "conf" / "users.auth.php").read_text(encoding="utf-8").splitlines()
    assert lines == ["# users", line, "ann_2:!:Ann:ann@x.org:team"]
    road.undo()
    assert (target / "conf" / "users.auth.php").read_text(encoding="utf-8") == f"# users\n{line}\n"
    [unit] = shaped(str(target), [person], people={ANN: "ann"})
    assert [(r.username, r.display_name, r.emails) for r in unit.records if isinstance(r, User)] == [("ann", "The other Ann", ["other@x.org"])]


def carried(tmp_path: Path, records: list[Record], target: Path) -> Road:
    road = Road(tmp_path / "run")
    road.export(f"package:{pack(tmp_path / 'package', records).folder}")
    road.plan(f"dokuwiki:{target}")
    road.accept(None, lambda _: "a test")
    road.import_()
    report = road.verify()
    assert (report.verdict, report.headline.wrong) == ("verified", 0), road.findings()[:3]
    return road


def test_imported_people_do_not_join_the_groups_that_rule_the_wiki(tmp_path: Path) -> None:
    target = Path(DokuWikiImporter.scratch_target(tmp_path))
    (target / "conf" / "local.php").write_text("<?php\n$conf['superuser'] = '@admin,boss';\n", encoding="utf-8")
    admin = Group(id="admin", root=ref("group", "admin"), name="admin")
    boss = User(id="boss", root=ref("user", "boss"), username="boss")
    carried(tmp_path, [admin, boss, Membership(id="m", root=ref_to(admin), group=ref_to(admin), member=ref_to(boss))], target)
    [line] = [line for line in (target / "conf" / "users.auth.php").read_text(encoding="utf-8").splitlines() if "!" in line]
    assert line.startswith("boss_2:!:")
    assert line.rpartition(":")[2].startswith("admin-")


def test_a_private_space_is_closed_before_its_pages_come(tmp_path: Path) -> None:
    target = Path(DokuWikiImporter.scratch_target(tmp_path))
    space = Space(id="hr", root=ref("space", "hr"), name="HR", visibility="private")
    grant = Grant(id="g", root=ref_to(space), target=ref_to(space), effect="allow", principal=ANN, right="edit")
    carried(tmp_path, [User(id="ann", root=ANN, username="ann"), space, grant, *page("p", title="Pay", space=ref_to(space))], target)
    rules = [parse_rule(line) for line in (target / "conf" / "acl.auth.php").read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert Rule("hr:*", "@ALL", 0) in rules
    assert Rule("hr:*", "ann", 8) in rules
    assert (target / "data" / "pages" / "hr" / "pay.txt").read_text(encoding="utf-8") == "====== Pay ======\n"


def test_rights_that_nobody_knows_are_not_opened(tmp_path: Path) -> None:
    source = write_wiki(tmp_path / "source")
    (source / "conf" / "acl.auth.php").unlink()
    road = Road(tmp_path / "run")
    road.export(str(source), private=True)
    road.plan(f"dokuwiki:{DokuWikiImporter.scratch_target(tmp_path)}")
    with pytest.raises(TargetError, match="does not say who may read what"):
        road.import_()
    assert not list((tmp_path / "wiki" / "data" / "pages").rglob("*.txt"))


STAFF = "hr:*\t@ALL\t0\nhr:*\t@hr\t16\n"


@pytest.mark.parametrize(
    ("source", "target", "page", "line"),
    [
        ("*\t@staff\t8\n", "*\t@ALL\t1\n*\t@user\t8\n", "plans", r"`\*\t@ALL\t1`"),
        ("*\t@ALL\t1\n" + STAFF, "*\t@ALL\t1\nhr:secret:*\t@ALL\t8\n", "hr:secret:x", r"`hr:secret:\*\t@ALL\t8`"),
        ("*\t@ALL\t1\n" + STAFF, "*\t@ALL\t1\nhr:*\t@staff\t8\n", "hr:x", r"`hr:\*\t@staff\t8`"),
        ("*\t@ALL\t1\n" + STAFF, "*\t@ALL\t1\nhr:x\t@ALL\t1\n", "hr:x", r"`hr:x\t@ALL\t1`"),
        ("*\t@ALL\t1\nhr:*\tanna2\t16\nhr:*\t@ALL\t0\n", "*\t@ALL\t1\nhr:*\t@user\t8\n", "hr:x", r"`hr:\*\t@user\t8`"),
        ("*\t@ALL\t1\n" + STAFF, "*\t@ALL\t1\nhr:*\t%USER%\t8\n", "hr:x", r"`hr:\*\t%USER%\t8`"),
        ("*\t@ALL\t1\n" + STAFF, "*\t@ALL\t1\nhr:*\tboss\t1\n", "hr:x", r"`hr:\*\tboss\t1`"),
        ("*\t@ALL\t1\n" + STAFF, "*\t@ALL\t1\n", "hr:x", ""),
        ("*\t@ALL\t1\n*\t@user\t8\n", "*\t@ALL\t1\n*\t@user\t8\n", "plans", ""),
    ],
)
def test_what_is_closed_is_opened_to_nobody(source: str, target: str, page: str, line: str, tmp_path: Path) -> None:
    for name, rules in (("source", source), ("target", target)):
        put(tmp_path / name, "data/meta/x/y.changes", "1500000000\t\tC\tx:y\t\t\t\t1\n")
        put(tmp_path / name, f"data/pages/{page.replace(':', '/') if name == 'source' else 'own/x'}.txt", "4711")
        put(tmp_path / name, "conf/acl.auth.php", rules)
    before = {path: path.read_bytes() for path in (tmp_path / "target").rglob("*") if path.is_file()}
    road = Road(tmp_path / "run")
    road.export(f"dokuwiki:{tmp_path / 'source'}", private=True)
    road.plan(f"dokuwiki:{tmp_path / 'target'}")
    road.accept(None, lambda _: "a test")
    if not line:
        road.import_()
        assert road.verify().verdict == "verified", road.findings()[:3]
        return
    with pytest.raises(TargetError, match=line):
        road.import_()
    assert {path: path.read_bytes() for path in (tmp_path / "target").rglob("*") if path.is_file()} == before


def test_a_private_space_of_another_system_is_opened_to_nobody(tmp_path: Path) -> None:
    target = Path(DokuWikiImporter.scratch_target(tmp_path))
    (target / "conf" / "acl.auth.php").write_text("*\t@ALL\t1\nhr:*\t@staff\t8\n", encoding="utf-8")
    space = Space(id="hr", root=ref("space", "hr"), name="HR", visibility="private")
    with pytest.raises(TargetError, match=r"`hr:\*\t@staff\t8`"):
        carried(tmp_path, [space, *page("p", title="Pay", space=ref_to(space))], target)
    assert not list((target / "data").rglob("*.txt"))


def test_rights_are_known_to_a_run_that_goes_on(tmp_path: Path) -> None:
    target = DokuWikiImporter.scratch_target(tmp_path)
    root, source = ref("space", ":"), Source("dokuwiki", "x")
    space = Space(id=":", root=root)
    grant = Grant(id="g", root=root, target=root, effect="allow", audience="anyone", right="view", native_right="1")
    start = Page(id="start", root=ref("page", "start"), space=root, name="start")
    for records in ([space, grant], [start]):
        with closing(DokuWikiImporter(Path(target), Options(source=source))) as importer:
            importer.foresee(Directory([space, start]))
            importer.write([importer.shape(Unit(records[0].root, tuple(records)))], cast("Session", None))
    (Path(target) / "conf" / "acl.auth.php").write_text("*\t@ALL\t0\nstart\t@ALL\t1\n", encoding="utf-8")
    with closing(DokuWikiImporter(Path(target), Options(source=source))) as importer:
        importer.foresee(Directory([space, start]))
        importer.write([importer.shape(Unit(start.root, (start,)))], cast("Session", None))  # all could see it in the source


def test_another_dokuwiki_comes_byte_by_byte(tmp_path: Path) -> None:
    source, target = write_wiki(tmp_path / "source"), Path(DokuWikiImporter.scratch_target(tmp_path))
    (target / "conf" / "local.php").write_text("<?php\n$conf['deaccent'] = 0;\n", encoding="utf-8")  # as the source has it
    road = Road(tmp_path / "run")
    road.export(str(source), private=True)
    road.plan(f"dokuwiki:{target}")
    road.import_()
    assert road.verify().verdict == "verified", road.findings()[:3]
    for folder, pattern in (
        ("pages", "*.txt"),
        ("attic", "*.gz"),
        ("meta", "*.changes"),
        ("meta", "*.mlist"),
        ("media", "*"),
        ("media_attic", "*"),
        ("media_meta", "*"),
    ):
        for file in (source / "data" / folder).rglob(pattern):
            if file.is_file() and not file.name.startswith("_"):
                assert (target / "data" / file.relative_to(source / "data")).read_bytes() == file.read_bytes(), file
    assert (target / "data" / "meta" / "team" / "plan.comments").read_bytes() == b"a:0:{}"
    assert int((target / "data" / "pages" / "team" / "plan.txt").stat().st_mtime) == 1_500_000_120
    assert b"HASHOFANN" not in b"".join(path.read_bytes() for path in target.rglob("*") if path.is_file())
    road.undo()
    left = [path for path in (target / "data").rglob("*") if path.is_file()]
    assert left == []


def test_links_follow_pages_that_have_a_new_name(tmp_path: Path) -> None:
    source, target = write_wiki(tmp_path / "source"), Path(DokuWikiImporter.scratch_target(tmp_path))
    (target / "data" / "pages" / "team").mkdir()
    (target / "data" / "pages" / "team" / "plan.txt").write_text("ours", encoding="utf-8")
    road = Road(tmp_path / "run")
    road.export(str(source), private=True)
    road.plan(f"dokuwiki:{target}")
    road.accept(None, lambda _: "a test")
    road.import_()
    assert road.verify().verdict == "verified", road.findings()[:3]
    assert (target / "data" / "pages" / "team" / "plan.txt").read_text(encoding="utf-8") == "ours"
    assert "team:plan_2]]" in (target / "data" / "pages" / "start.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("encoding", get_args(Encoding))
def test_file_names_stand_for_ids(encoding: Encoding) -> None:
    for id in ("a", "équipe/été_à_paris_b", "日本/語", "a.b-c_d", "ß%", "😀"):
        assert decoded(encoded(id, encoding), encoding) == id.replace("/", ":")


def test_names_that_dokuwiki_takes() -> None:
    cleaner = Cleaner()
    assert cleaner.part("Été à Paris") == "ete_a_paris"
    assert cleaner.medium("rapport été 2024.pdf") == "rapport_ete_2024.pdf"
    assert cleaner.medium("shell.php") == "shell.php.txt"
    assert cleaner.medium("x.phtml.png") == "x.phtml.png.txt"
    assert cleaner.medium(".htaccess") == "htaccess"
    assert len(cleaner.medium("n" * 300 + ".pdf")) < 210
    assert cleaner.part("../..") == ""
    assert Cleaner(deaccent=False).part("Été") == "été"


def test_lines_of_accounts_and_rules_come_back() -> None:
    line = account_line("ann", "A: #1 % + \\ Née", "a@x.org", ["a", "b"])
    account = parse_account(line.partition("#")[0])
    assert (account.name, account.groups) == ("A: #1 % + \\ Née", ("a", "b"))
    rule = Rule("ns:*", "@two words-é", 8)
    assert rule.text() == "ns:*\t@two%20words%2dé\t8"
    assert parse_rule(rule.text()) == rule


def test_what_php_reads_is_what_was_meant() -> None:
    value = {"date": {"created": 1}, "names": ["é", ""], "07": None, "7": True, "-1": "x"}
    if subprocess.run(["which", "php"], check=False, capture_output=True).returncode:
        pytest.skip("php is not installed")
    shown = subprocess.run(
        ["php", "-r", "echo json_encode(unserialize(stream_get_contents(STDIN)));"], input=serialised(value), capture_output=True, check=True
    )
    assert json.loads(shown.stdout) == value


@pytest.mark.parametrize("at", [AT, None])
def test_a_newer_medium_of_people_is_not_undone(at: datetime | None, tmp_path: Path) -> None:
    target = Path(DokuWikiImporter.scratch_target(tmp_path))
    space = Space(id="n", root=ref("space", "n"), name="n")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    files: list[Record] = [
        File(id=id, root=ref("file", id), target=ref_to(space), name=f"{id}.pdf", sha256=empty, size=0, created_at=at) for id in ("a", "b")
    ]
    road = carried(tmp_path, [space, *files], target)
    home, old = target / "data" / "media" / "n" / "b.pdf", target / "data" / "media_attic" / "n"
    imported, now = int(home.stat().st_mtime), 2_000_000_000
    old.mkdir(parents=True, exist_ok=True)
    home.rename(old / f"b.{imported}.pdf")  # as DokuWiki does it
    put(target, "data/media/n/b.pdf", "newer content of people")
    log = target / "data" / "media_meta" / "n" / "b.pdf.changes"
    log.parent.mkdir(parents=True, exist_ok=True)
    before = log.read_text(encoding="utf-8") if log.exists() else f"{imported}\t\tE\tn:b.pdf\t\texternal\t\t0\n"
    log.write_text(f"{before}{now}\t10.0.0.1\tE\tn:b.pdf\tben\t\t\t23\n", encoding="utf-8")
    road.undo()
    left = {path.relative_to(target / "data").as_posix() for path in (target / "data").rglob("*") if path.is_file()}
    assert left == {"media/n/b.pdf", "media_meta/n/b.pdf.changes"}
    assert home.read_text(encoding="utf-8") == "newer content of people"
    assert log.read_text(encoding="utf-8") == f"{now}\t10.0.0.1\tE\tn:b.pdf\tben\t\t\t23\n"


def test_nobody_else_is_told_of_changes(tmp_path: Path) -> None:
    source, target = write_wiki(tmp_path / "source"), Path(DokuWikiImporter.scratch_target(tmp_path))
    put(source, "data/meta/start.mlist", "carl every 1\nann every 2\nother list 3\n")
    people = "# users\nann:HASH:Another Ann:other@x.org:user\ncarl:HASH:Another Carl:carl@x.org:user\n"
    put(target, "conf/users.auth.php", people)
    road = Road(tmp_path / "run")
    road.export(str(source), private=True)
    road.plan(f"dokuwiki:{target}")
    road.accept(None, lambda _: "a test")
    road.import_()
    assert road.verify().verdict == "verified", road.findings()[:3]
    meta = target / "data" / "meta"
    lists = {path.relative_to(meta).as_posix(): path.read_text(encoding="utf-8") for path in meta.rglob("*.mlist")}
    assert lists["start.mlist"] == "ann%5f2 every 2\nother list 3\n"
    assert lists["team/plan.mlist"] == "ann%5f2 every 1500000000\n"
    assert lists[".mlist"] == "ann%5f2 list 1500000000\n"
    assert lists["team/.mlist"] == "ben digest 1500000000\n"
