"""The attestation: figures that others count again, nothing promised that is not proven, nothing of the data shown."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest
from click.testing import CliRunner

from reversa.adapter import Change, Noted, Source
from reversa.cli import main
from reversa.continuity import documents
from reversa.continuity.attesting import NOT_COUNTED, Share, gather, make_attestation, write_attestation
from reversa.drilling import drill
from reversa.errors import DiskError, PackageError, RunError
from reversa.migrating import Road
from reversa.package import Balance, Happened, Package, file_digest
from reversa.packing import PackageWriter
from reversa.records import ref
from reversa.schema import fields
from reversa.testing.sample import write_sample_package
from reversa.wording import Language, Texts
from tests.browser import DESKTOP, PHONE, Chrome
from tests.paths import REAL_EXPORT
from tests.strategies import pack
from tests.test_report import HOSTILE, Reading
from tests.test_runbook import LANGUAGES, cells_of, figures, inert, paths, shown_in_page, slack

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Road(tmp_path_factory.mktemp("real")).export(str(REAL_EXPORT)).folder


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package with every kind and field."""
    return write_sample_package(tmp_path_factory.mktemp("sample") / "package").folder


def attested(package: Path, language: Language = "fr", to: Path | None = None) -> dict[str, Any]:
    page = write_attestation(package, language, NOON, to)
    made: dict[str, Any] = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    return made


# --------------------------------------------------------------------------------------- figures counted by others


def counted(package: Path, kind: str) -> dict[str, Any]:
    """What DuckDB says of the table of a kind."""
    table = f"read_parquet('{package}/data/tables/{kind}/*.parquet')"
    named = [field.name for field in fields(kind) if field.name not in NOT_COUNTED]
    values = " + ".join(f'count("{name}")' for name in named)
    query = f"""
        SELECT count(*), min(created_at)::date, max(created_at)::date, {values}, coalesce(sum(len(json_keys(native))), 0) FROM {table}
    """
    with duckdb.connect() as db:
        row = db.execute("SET TimeZone = 'UTC'").execute(query).fetchone()
    assert row is not None
    return dict(zip(("rows", "first", "last", "values", "left"), row, strict=True))


@pytest.mark.parametrize("which", ["real", "every"])
def test_the_figures_are_those_that_duckdb_counts(which: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    package: Path = request.getfixturevalue(which)
    value = {id: figure["value"] for id, figure in figures(attested(package, to=tmp_path)).items()}
    held = Package(package)
    whole = [0, 0]
    for kind in held.kinds():
        found = counted(package, kind)
        assert value[f"covered.{kind}"] == found["rows"]
        assert value[f"covered.{kind}.first"] == (found["first"].isoformat() if found["first"] else None), kind
        assert value[f"covered.{kind}.last"] == (found["last"].isoformat() if found["last"] else None)
        named, left = (0, found["left"] + found["values"]) if kind == "opaque" else (found["values"], found["left"])
        assert (value[f"share.{kind}.named"], value[f"share.{kind}.left"]) == (named, left), kind
        whole = [whole[0] + named, whole[1] + left]
    assert [value["share.all.named"], value["share.all.left"]] == whole
    assert value["share.all"] == f"{10_000 * whole[0] // sum(whole) / 100:.2f}"
    assert value["covered.records"] == held.count()
    personal = dict.fromkeys(("identity", "contact", "content", "behaviour"), 0)
    with duckdb.connect() as db:
        for kind in held.kinds():
            for field in fields(kind):
                if field.note.personal:
                    query = f"SELECT count(\"{field.name}\") FROM read_parquet('{package}/data/tables/{kind}/*.parquet')"
                    (count,) = db.execute(query).fetchone() or (0,)
                    personal[field.note.personal] += count
        blobs = db.execute(f"SELECT count(*), coalesce(sum(size), 0) FROM '{package}/data/blobs.parquet'").fetchone()
    assert {name: value[f"personal.{name}"] for name in personal} == personal
    assert (value["covered.blobs"], value["covered.bytes"]) == blobs
    assert value["identity.seal"] == file_digest(package / "tagmanifest-sha256.txt")
    assert (value["identity.system"], value["identity.tenant"]) == (held.source.system, held.source.tenant)


def test_a_real_export(real: Path, tmp_path: Path) -> None:
    made = attested(real, to=tmp_path)
    value = {id: figure["value"] for id, figure in figures(made).items()}
    assert value["change.slack.file.body-not-in-export"] == 60
    assert value["balance.message.seen"] == value["balance.message.records"] == value["covered.message"] == 1382
    assert value["balance.unexplained"] == value["unreadable.items"] == 0
    assert value["beside.bodies"] == 1420
    assert [section["number"] for section in made["sections"]] == list(range(1, 12))


def test_the_share_is_never_rounded_up_to_all() -> None:
    assert [Share(*pair).percent for pair in ((0, 0), (1, 0), (99_999, 1), (1, 2), (0, 5))] == ["", "100.00", "99.99", "33.33", "0.00"]


# ------------------------------------------------------------------------------------------------------ what is not


def test_what_was_left_out_by_rule_lost_and_unreadable_is_told(tmp_path: Path) -> None:
    package = Road(tmp_path / "run").export(str(slack(tmp_path / "x.zip"))).folder
    made = attested(package)
    value = {id: figure["value"] for id, figure in figures(made).items()}
    assert value["change.slack.message.private"] == 1
    assert value["change.slack.space.private"] == 1
    assert value["unreadable.items"] == value["unreadable.1"] == 1
    tables = {block["caption"]: block["rows"] for block in made["sections"][2]["blocks"] if block["type"] == "table"}
    exempted = tables[Texts("fr")("s2.exempted")]
    assert {row[1] for row in exempted} == {"slack.message.private", "slack.space.private", "slack.membership.private"}
    assert {row[2] for row in exempted} == {Texts("fr")("why.policy")}
    assert [row[1] for row in tables[Texts("fr")("s2.lost")]] == ["slack.file.body-not-in-export"]
    never = figures(made)["changes.not-occurred"]
    assert (never["shown"], never["reason"]) == ("NON ÉTABLI", "le paquet ne garde que ceux qui se sont produits")


def test_it_shows_no_data(tmp_path: Path) -> None:
    package = Road(tmp_path / "run").export(str(slack(tmp_path / "x.zip", "very secret words"))).folder
    write_attestation(package, "fr", NOON)
    for path in (tmp_path / "run" / "attestations").iterdir():
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"secret words|ann@example|plan\.pdf|\bann\b|general/2019|board", text), path.name


def test_a_balance_that_does_not_close_is_said_first(tmp_path: Path) -> None:
    balance = Balance(kind="message", seen=5, records=3)
    package = hollow(tmp_path / "p", balance=[balance])
    made = attested(package)
    assert Texts("fr")("attest.unexplained") in made["notices"]
    assert figures(made)["balance.unexplained"]["value"] == 2


def test_a_package_that_is_not_whole_gets_none(real: Path, tmp_path: Path) -> None:
    package = Path(shutil.copytree(real, tmp_path / "package"))
    part = package / "data" / "tables" / "user" / "part-00000.parquet"
    part.write_bytes(part.read_bytes()[:-1] + b"?")
    with pytest.raises(PackageError, match="no attestation") as raised:
        write_attestation(package, "fr", NOON)
    assert raised.value.hint == f"reversa validate {package}"
    assert not (tmp_path / "attestations").exists()
    done = CliRunner().invoke(main, ["attest", str(package)])
    assert (done.exit_code, "reversa validate" in done.output) == (PackageError.exit_code, True)


def test_where_it_may_be_filed(real: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="inside the package"):
        write_attestation(real, "fr", NOON, real / "data")
    (tmp_path / "file").touch()
    with pytest.raises(DiskError):
        write_attestation(real, "fr", NOON, tmp_path / "file" / "folder")


# -------------------------------------------------------------------------------------------------------- the drill


def test_the_newest_drill_of_this_package_is_told(real: Path, tmp_path: Path) -> None:
    package = Path(shutil.copytree(real, tmp_path / "package"))
    made = attested(package)
    assert Texts("fr")("attest.undrilled") in made["notices"]
    assert figures(made)["drill.verdict"]["basis"] == "missing"
    _, path = drill(package, "5", clock=lambda: NOON)
    made = attested(package)
    assert Texts("fr")("attest.undrilled") not in made["notices"]
    found = figures(made)["drill.verdict"]
    assert (found["value"], found["shown"]) == ("sampled", Texts("fr")("drill.sampled"))
    assert paths(found) == {"tagmanifest-sha256.txt", f"../drills/{path.name}"}
    assert "vérifié" not in json.dumps(made["sections"][6], ensure_ascii=False).lower()
    path.write_bytes(b"{}")
    assert "endommagé" in figures(attested(package))["drill.verdict"]["reason"]
    pack(tmp_path / "other", [])
    path.unlink()
    drill(tmp_path / "other", clock=lambda: NOON)
    assert "aucun exercice" in figures(attested(package))["drill.verdict"]["reason"]


# -------------------------------------------------------------------------------------------------------- the pages


def test_every_figure_stands_on_a_file(every: Path, tmp_path: Path) -> None:
    for id, figure in figures(attested(every, to=tmp_path)).items():
        if figure["basis"] == "missing":
            assert figure["reason"], id
            continue
        assert figure["evidence"], id
        for evidence in figure["evidence"]:
            assert file_digest(every / evidence["path"]) == evidence["sha256"]


def test_it_states_the_law_as_to_be_checked_and_promises_nothing(real: Path, tmp_path: Path) -> None:
    made = attested(real, to=tmp_path)
    law = next(block for block in made["sections"][7]["blocks"] if block["type"] == "table")
    assert [row[0] for row in law["rows"]] == ["25(2)(e)", "25(2)(f)", "26", "30(5)"]
    assert all("à faire vérifier" in row[3] for row in law["rows"])
    assert not re.search(r"garanti|conforme à|certifi", json.dumps(made, ensure_ascii=False))
    assert Texts("fr")("runbook.not-advice") in made["notices"]


@pytest.mark.parametrize("which", ["real", "every"])
def test_both_languages_and_all_outputs_have_the_same_figures(which: str, request: pytest.FixtureRequest) -> None:
    keep = ("value", "basis", "evidence")
    sides = []
    for language in LANGUAGES:
        document = make_attestation(gather(request.getfixturevalue(which)), language, NOON)
        sides.append({id: [f.get(k) for k in keep] for id, f in figures(json.loads(documents.json(document))).items()})
        shown = {figure.id: str(Texts(language).show(figure.shown)) for figure in document.figures()}
        assert shown_in_page(documents.html(document)) == shown
        cells = cells_of(documents.markdown(document).replace("\u00a0", " "))
        assert all(any(cell.startswith(text.replace("\u00a0", " ")) for cell in cells) for text in shown.values())
    assert sides[0] == sides[1]


def hollow(folder: Path, tenant: str = "t", changes: list[Happened] | None = None, balance: list[Balance] | None = None) -> Path:
    """A whole package without records."""
    writer = PackageWriter(folder)
    for happened in changes or []:
        writer.note(Noted(happened.change.code, ref("user", "u"), happened.count))
    return writer.close(
        source=Source("given", tenant), created_at=NOON, balance=balance or [], changes=changes or [], unreadable=0, not_mapped={}
    ).folder


@pytest.mark.parametrize("language", LANGUAGES)
def test_hostile_names_are_inert(language: Language, tmp_path: Path) -> None:
    clean = HOSTILE.replace("\0", "")
    changes = [
        Happened(change=Change(f"{effect}.{clean}", clean, clean, effect, "policy", clean), count=1) for effect in ("skipped", "lost", "converted")
    ]
    package = hollow(tmp_path / "p", clean, changes, [Balance(kind=clean, seen=1)])
    page = write_attestation(package, language, NOON)
    inert(page.with_suffix(".md").read_text(encoding="utf-8"))
    html = page.read_text(encoding="utf-8")
    reading = Reading.of(html)
    assert {"script", "img", "b", "link", "iframe"}.isdisjoint(tag for tag, _ in reading.tags)
    assert "\u202e" not in html
    assert "".join(reading.text).count("‹U+202E›evil‹U+200B›") > 5


@pytest.mark.servers
@pytest.mark.parametrize("language", LANGUAGES)
def test_in_a_real_browser(language: Language, real: Path, tmp_path: Path, chrome: Chrome) -> None:
    document = make_attestation(gather(real), language, NOON)
    evil = msgspec.structs.replace(document, title=HOSTILE, subtitle=HOSTILE * 3)
    for name, made in (("plain", document), ("evil", evil)):
        path = tmp_path / f"{name}.html"
        path.write_text(documents.html(made), encoding="utf-8")
        for size in (PHONE, DESKTOP, (320, 800)):
            window = chrome.window(size)
            assert window.open(path).locator("section").count() == 11
            assert window.fits(), (name, size)
            assert window.barriers() == []
