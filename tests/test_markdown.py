"""A folder of Markdown, read and written."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from reversa.adapter import Locator, Options, Session, Unit
from reversa.directory import Directory
from reversa.errors import TargetError
from reversa.exporters.markdown import MarkdownExporter
from reversa.exporting import export
from reversa.importers.markdown import MarkdownImporter
from reversa.migrating import Road
from reversa.package import Package
from reversa.records import Alias, Body, File, Page, Record, Revision, Space, Tag, User, ref, ref_to
from reversa.systems.markdown.front import heading, read, split, write
from reversa.systems.markdown.places import clean
from tests.markdown_vault import FILES, write_vault
from tests.paths import shelf


def exported(folder: Path, package: Path) -> Package:
    with closing(MarkdownExporter.open(Locator("markdown", str(folder)), Options())) as exporter:
        return export(exporter, package, datetime(2026, 1, 1, tzinfo=UTC), lambda _step, _done, _whole: None)


def test_a_vault_is_read(tmp_path: Path) -> None:
    package = exported(write_vault(tmp_path / "vault"), tmp_path / "package")
    assert [balance.kind for balance in package.manifest.balance if balance.unexplained] == []
    pages = {record.id: record for record, _ in package.records("page") if isinstance(record, Page)}
    assert pages["Home.md"].title == "Home page"
    assert pages["Home.md"].created_at == datetime(2024, 2, 29, 9, tzinfo=UTC)
    assert pages["Home.md"].created_by == ref("user", "Ann")
    assert pages["folder/deep/Naïve 😀.md"].created_at is None  # a date without a time is no instant
    assert pages["Plan.md"].title == "The plan"
    assert {record.label for record, _ in package.records("tag") if isinstance(record, Tag)} == {"one", "two", "a", "b"}
    assert {record.name for record, _ in package.records("alias") if isinstance(record, Alias)} == {"Start"}
    bodies = {record.id: record.body.text for record, _ in package.records("revision") if isinstance(record, Revision) and record.body}
    assert bodies["Plan.md"] == FILES["Plan.md"]
    assert bodies["folder/object.md"].startswith("---\ntitle: !!python")  # refused, and still there
    assert bodies["folder/latin.md"] == "caf\\xe9\n"
    assert {line.change.code for line in package.manifest.changes} == {
        "markdown.page.created_at", "markdown.page.native", "markdown.revision.body.not-utf-8", "markdown.file.tool",
    }  # fmt: skip


def test_a_vault_becomes_the_same_vault(tmp_path: Path) -> None:
    vault = write_vault(tmp_path / "vault")
    (vault / "folder" / "latin.md").unlink()
    road = Road(tmp_path / "run")
    road.export(str(vault))
    road.plan(f"markdown:{tmp_path / 'copy'}")
    road.import_()
    assert road.verify().verdict == "verified"
    for name, content in FILES.items():
        copy = tmp_path / "copy" / name
        if name.endswith(".md") and copy.exists():
            assert split(copy.read_text(encoding="utf-8"))[1] == split(str(content))[1] or name in (
                "folder/broken.md",
                "folder/object.md",
                "folder/rule.md",
            )
    assert (tmp_path / "copy" / "logo.png").read_bytes() == FILES["logo.png"]
    assert not (tmp_path / "copy" / ".obsidian").exists()
    road.undo()
    assert not list((tmp_path / "copy").iterdir())


def test_a_real_wiki_becomes_a_folder(tmp_path: Path) -> None:
    road = Road(tmp_path / "run")
    road.export(str(shelf("samples/dokuwiki/lab-igor.tar.gz")), private=True)
    road.plan(f"markdown:{tmp_path / 'vault'}")
    road.import_()
    report = road.verify()
    assert (report.verdict, report.headline.wrong) == ("verified", 0)
    assert len(list((tmp_path / "vault").rglob("*.md"))) == 107
    assert (tmp_path / "vault" / "projet" / "diagram.png").exists()


def everything_noted(tmp_path: Path) -> set[str]:
    """The codes of all that happens to a package made to make everything happen."""
    p, q = ref("page", "p"), ref("page", "q")
    body = Body(format="markdown", text="x")
    records: list[Record] = [
        Space(id="s", root=ref("space", "s"), name="A/B", parent=ref("space", "gone")),
        Page(id="p", root=p, parent=q, space=ref("space", "gone")),
        Page(id="q", root=q, parent=p, title="con"),
        Page(id="d", root=ref("page", "d"), state="draft"),
        Revision(id="p1", root=p, target=p, order=1, body=body),
        Revision(id="p2", root=p, target=p, order=2),
        File(id="f", root=p, target=p, name="f"),
        File(id="g", root=p, target=p, name="a:b", sha256="0" * 64, size=0),
        Tag(id="t", root=p, target=ref("user", "u"), label="x"),
        Alias(id="a", root=p, target=ref("user", "u"), name="x"),
    ]
    with closing(MarkdownImporter(tmp_path / "vault", Options())) as importer:
        importer.foresee(Directory(records))
        roots = dict.fromkeys(record.root for record in records)
        return {noted.code for root in roots for noted in importer.shape(Unit(root, tuple(r for r in records if r.root == root))).noted}


def test_every_change_of_ours_happens(tmp_path: Path) -> None:
    from reversa.importers.markdown import CHANGES

    assert {change.code for change in CHANGES} - everything_noted(tmp_path) == set()


@pytest.mark.parametrize(
    ("name", "made"),
    [("a/b", "a-b"), ('a:*?"<>|b', "a-b"), ("con", "_con"), ("COM1.txt", "_COM1.txt"), ("x. .", "x"), ("..", ""), ("é" * 200, "é" * 90), ("a\nb", "a-b"), ("😀", "😀")],
)  # fmt: skip
def test_names_that_every_disk_takes(name: str, made: str) -> None:
    assert clean(name) == made


def test_front_matter_comes_back() -> None:
    values = {"title": "a: b # c", "tags": ["2024-01-01", "yes", "a\x00b", "\u2028", "---"], "author": ["é"]}
    front, text = split(write(values, {"source": "x:y", "id": "\x85"}) + "---\nbody")
    assert front is not None
    assert read(front) == values | {"reversa": {"source": "x:y", "id": "\x85"}}
    assert text == "---\nbody"
    assert heading("text\n# One #\n") == "One"


def test_front_matter_that_is_hostile_is_refused() -> None:
    for front in ("a: &a [x]\nb: !!python/name:os.system\n", "[" * 100_000, "- list\n", "a: [\n"):
        with pytest.raises(ValueError, match="it is no"):
            read(front)


def test_authors_stay_names(tmp_path: Path) -> None:
    person, page = User(id="u1", root=ref("user", "u1"), display_name="Ann Née"), ref("page", "p")
    records: list[Record] = [person, Page(id="p", root=page, title="P", created_by=ref_to(person))]
    from reversa.testing.given import pack

    package = pack(tmp_path / "package", records)
    road = Road(tmp_path / "run")
    road.export(f"package:{package.folder}")
    road.plan(f"markdown:{tmp_path / 'vault'}")
    road.import_()
    assert road.verify().verdict == "verified"
    assert "author:\n- Ann Née\n" in (tmp_path / "vault" / "P.md").read_text(encoding="utf-8")


def migrated(tmp_path: Path) -> tuple[Road, Path]:
    (tmp_path / "source" / "Plans").mkdir(parents=True)
    (tmp_path / "source" / "Home.md").write_text("home", encoding="utf-8")
    (tmp_path / "source" / "Plans" / "a.bin").write_bytes(b"data")
    (tmp_path / "source" / "Plans" / "b.bin").write_bytes(b"data")
    road = Road(tmp_path / "run")
    road.export(f"markdown:{tmp_path / 'source'}")
    road.plan(f"markdown:{tmp_path / 'vault'}")
    road.accept(None, lambda _: "a test")
    return road, tmp_path / "vault"


def test_what_people_changed_since_is_not_undone(tmp_path: Path) -> None:
    road, vault = migrated(tmp_path)
    road.import_()
    assert road.verify().verdict == "verified"
    (vault / "Home.md").write_text("a week of work", encoding="utf-8")
    (vault / "Plans" / "a.bin").write_bytes(b"other")
    road.undo()
    assert {path.relative_to(vault).as_posix() for path in vault.rglob("*") if path.is_file()} == {"Home.md", "Plans/a.bin"}
    assert (vault / "Home.md").read_text(encoding="utf-8") == "a week of work"


@pytest.mark.parametrize("name", ["Home.md", "Plans", "elsewhere"])
def test_a_folder_with_links_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "vault").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "vault" / name).symlink_to("../nothing" if name == "Home.md" else "../outside")
    with pytest.raises(TargetError, match=f"{name} is a symbolic link"):
        migrated(tmp_path)
    assert [path.name for path in (tmp_path / "vault").iterdir()] == [name]
    assert not list((tmp_path / "outside").iterdir())


def test_a_link_that_comes_after_the_plan_is_refused(tmp_path: Path) -> None:
    (tmp_path / "vault").mkdir()
    (tmp_path / "outside").mkdir()
    with closing(MarkdownImporter(tmp_path / "vault", Options())) as importer:
        (tmp_path / "vault" / "A").symlink_to("../outside")
        page = Page(id="p", root=ref("page", "p"), space=ref("space", "A"))
        space = Space(id="A", root=ref("space", "A"), name="A")
        importer.foresee(Directory([space, page]))
        shaped = [importer.shape(Unit(record.root, (record,))) for record in (space, page)]
        with pytest.raises(TargetError, match="A is a symbolic link"):
            importer.write(shaped, cast("Session", None))
    assert not list((tmp_path / "outside").iterdir())


def test_nothing_hidden_vanishes(tmp_path: Path) -> None:
    names = (
        ".NET guide.md",
        ".drafts/Idea.md",
        ".md",
        ".drafts/a.png",
        ".env",
        "._Home.md",
        ".git/config",
        "deep/.trash/Old.md",
        ".obsidian/a/b.json",
    )
    for name in names:
        (tmp_path / "vault" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "vault" / name).write_text("text", encoding="utf-8")
    package = exported(tmp_path / "vault", tmp_path / "package")
    assert {record.id for record, _ in package.records("page")} == {".NET guide.md", ".drafts/Idea.md"}
    assert [balance.kind for balance in package.manifest.balance if balance.unexplained] == []
    counted = {line.change.code: line.count for line in package.manifest.changes}
    assert (counted["markdown.file.hidden"], counted["markdown.file.tool"]) == (4, 3)
    road = Road(tmp_path / "run")
    road.export(f"markdown:{tmp_path / 'vault'}")
    road.plan(f"markdown:{tmp_path / 'copy'}")
    road.import_()
    assert road.verify().verdict == "verified", road.findings()[:3]
    assert (tmp_path / "copy" / ".NET guide.md").exists()
