"""The exit drill: what passes is proven, what fails is filed, nothing stays behind; the runbook believes it as far as it goes."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from reversa.adapter import Outcome, Session, Shaped
from reversa.cli import main
from reversa.continuity import documents
from reversa.continuity.documents import Evidence
from reversa.continuity.drilled import make_page
from reversa.continuity.drills import Drill
from reversa.continuity.runbook import write_runbook
from reversa.drawing import daily_seed, draw, roots, write_sample
from reversa.drilling import drill
from reversa.errors import PackageError, RunError
from reversa.importers.sql import SqlImporter
from reversa.migrating import Road, migrate
from reversa.package import Package
from reversa.records import File, Membership, Message, Record, User, kind_of, ref, ref_to
from reversa.testing.sample import write_sample_package
from reversa.validating import validate
from reversa.wording import Language, Texts
from tests.browser import DESKTOP, PHONE, Chrome
from tests.paths import REAL_EXPORT
from tests.strategies import CONTENTS, pack
from tests.test_report import HOSTILE, Reading
from tests.test_runbook import LANGUAGES, figures, inert, paths, shown_in_page

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of the demo's real export."""
    return Road(tmp_path_factory.mktemp("real")).export(str(REAL_EXPORT)).folder


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go; every test looks whether something is left there."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def package(real: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(real, tmp_path / "run" / "package"))


def at(moment: datetime) -> Any:
    return lambda: moment


def page_of(made: Drill, language: Language) -> dict[str, dict[str, Any]]:
    document = make_page(made, Evidence("drill.json", "0" * 64), language)
    return figures(json.loads(documents.json(document)))


def filed(path: Path) -> Drill:
    """The drill as it was filed, with its pages in both languages."""
    for suffix in (".fr.html", ".fr.md", ".en.html", ".en.md"):
        assert path.with_suffix(suffix).stat().st_size > 1000
    assert not list(path.parent.glob("*.partial"))
    return msgspec.json.decode(path.read_bytes(), type=Drill)


# ------------------------------------------------------------------------------------------------- the whole package


def test_a_whole_drill_of_a_real_package(package: Path, scratch: Path) -> None:
    before = {p.relative_to(package): p.read_bytes() for p in package.rglob("*") if p.is_file()}
    made, path = drill(package, clock=at(NOON))
    assert path == package.parent / "drills" / "drill-2026-11-22T120000Z.json"
    assert filed(path) == made
    assert (made.verdict, made.exit_code, made.reasons, made.error) == ("verified", 0, (), "")
    held = Package(package)
    assert (made.digest, made.seal, made.source) == (held.manifest.digest, held.seal(), str(held.source))
    assert made.records == made.restored == held.count()
    assert made.sample is None
    assert [step.step for step in made.steps] == ["validate", "plan", "import", "verify", "undo"]
    assert {step.records for step in made.steps} == {held.count()}
    assert made.bytes == sum(len(content) for content in before.values())
    assert made.scratch_bytes is not None
    assert made.scratch_bytes > 100_000
    assert made.headline is not None
    assert made.headline.wrong == made.headline.unchecked == 0
    assert made.left_behind == 0
    assert list(scratch.iterdir()) == []
    assert before == {p.relative_to(package): p.read_bytes() for p in package.rglob("*") if p.is_file()}, "the bag is as it was"
    assert validate(package) == []


def test_a_package_with_every_kind_and_field(tmp_path: Path, scratch: Path) -> None:
    """Its files name a content that it holds, and texts that break systems."""
    write_sample_package(tmp_path / "sample")
    made, _ = drill(tmp_path / "sample", clock=at(NOON))
    assert (made.verdict, made.left_behind) == ("verified", 0)
    made, _ = drill(tmp_path / "sample", "40", clock=at(NOON + timedelta(days=1)))
    assert (made.verdict, made.left_behind) == ("sampled", 0)
    assert list(scratch.iterdir()) == []


def test_a_package_without_records(tmp_path: Path) -> None:
    pack(tmp_path / "p", [])
    assert drill(tmp_path / "p", clock=at(NOON))[0].verdict == "verified"
    made, _ = drill(tmp_path / "p", "1", clock=at(NOON + timedelta(seconds=1)))
    assert made.sample is not None
    assert (made.verdict, made.sample.units, made.sample.drawn) == ("sampled", 0, 0)


# ------------------------------------------------------------------------------------------------------ the sample


def units_of(package: Package) -> dict[str, set[str]]:
    return {str(unit.root): {ref_to(record) for record in unit.records} for unit, _ in package.units()}


def sampled(package: Path, percent: str, seed: int, folder: Path) -> dict[str, set[str]]:
    whole = Package(package)
    drawn, limit = draw(whole, percent, seed, chosen=True)
    sample = write_sample(whole, seed, limit, folder)
    assert validate(folder) == []
    found = units_of(sample)
    assert (drawn.units, drawn.drawn) == (len(units_of(whole)), len(found))
    return found


def test_the_same_seed_draws_the_same_units_and_each_is_complete(real: Path, tmp_path: Path) -> None:
    one, two, other = (sampled(real, "10", seed, tmp_path / name) for seed, name in ((7, "a"), (7, "b"), (8, "c")))
    assert one == two
    assert one.keys() != other.keys()
    whole = units_of(Package(real))
    assert all(whole[root] == records for root, records in (one | other).items())


@pytest.mark.parametrize("percent", ["1", "10", "50"])
def test_the_share_is_about_right(percent: str, real: Path) -> None:
    package = Package(real)
    shares = [draw(package, percent, seed, chosen=True)[0] for seed in range(20)]
    drawn, units = sum(share.drawn for share in shares), sum(share.units for share in shares)
    assert abs(drawn / units * 100 / float(percent) - 1) < 0.15


def test_a_sample_is_never_empty(tmp_path: Path) -> None:
    package = pack(tmp_path / "p", [User(id=str(n), root=ref("user", str(n))) for n in range(5)])
    for seed in range(10):
        assert len(sampled(package.folder, "0.0001", seed, tmp_path / f"s{seed}")) == 1


def test_a_unit_whose_root_is_missing_and_contents_are_drawn_whole(tmp_path: Path) -> None:
    records: list[Record] = []
    for sha256, content in CONTENTS.items():
        place = ref("message", sha256[:8])
        records.append(Message(id=sha256[:8], root=place))
        records.append(File(id=sha256, root=place, target=place, sha256=sha256, size=len(content)))
    records.append(Membership(id="m", root=ref("space", "gone"), group=ref("space", "gone"), member=ref("user", "u")))
    package = pack(tmp_path / "p", records)
    assert list(roots(package)) == [unit.root for unit, _ in package.units()]
    found = sampled(package.folder, "99", 3, tmp_path / "s")
    held = {record.sha256 for record, _ in Package(tmp_path / "s").records("file") if isinstance(record, File)}
    assert held == Package(tmp_path / "s").blob_places().keys()
    assert {len(members) for root, members in found.items() if root.startswith("message")} == {2}


def test_a_sampled_drill_says_sampled_and_how(package: Path, scratch: Path) -> None:
    made, path = drill(package, "10", clock=at(NOON))
    assert filed(path).verdict == "sampled"
    sample = made.sample
    assert sample is not None
    assert (sample.percent, sample.chosen, sample.seed) == ("10", False, daily_seed(Package(package), NOON))
    assert sample.units == len(units_of(Package(package)))
    assert 0 < sample.drawn < sample.units
    assert [step.step for step in made.steps] == ["validate", "sample", "plan", "import", "verify", "undo"]
    assert list(scratch.iterdir()) == []
    everything = [path.with_suffix(suffix).read_text(encoding="utf-8") for suffix in (".json", ".fr.html", ".fr.md", ".en.html", ".en.md")]
    for text in everything:
        assert not re.search(r"\bverified\b|\bv[ée]rifi[ée]e?s?\b", text, re.IGNORECASE)
        assert str(sample.seed) in text
    assert "Personne n’a choisi" in everything[1]
    assert "Par échantillon" in everything[1]


def test_the_seed_of_a_day_belongs_to_the_package_and_the_day(real: Path, tmp_path: Path) -> None:
    other = pack(tmp_path / "p", [User(id="u", root=ref("user", "u"))])
    seeds = {daily_seed(Package(real), NOON), daily_seed(Package(real), NOON + timedelta(days=1)), daily_seed(other, NOON)}
    assert len(seeds) == 3
    assert daily_seed(Package(real), NOON) == daily_seed(Package(real), NOON + timedelta(hours=11))
    assert all(seed < 2**53 for seed in seeds)


def test_a_seed_that_somebody_chose_is_said_to_be(package: Path) -> None:
    made, path = drill(package, "10", 4711, clock=at(NOON))
    assert made.sample is not None
    assert (made.sample.seed, made.sample.chosen) == (4711, True)
    assert "pouvait donc choisir" in path.with_suffix(".fr.html").read_text(encoding="utf-8")


# -------------------------------------------------------------------------------------------------------- failures


def test_a_damaged_package_is_filed_as_such(package: Path, scratch: Path) -> None:
    part = package / "data" / "tables" / "message" / "part-00000.parquet"
    part.write_bytes(part.read_bytes()[:-1] + b"?")
    for percent in (None, "10"):
        made, path = drill(package, percent, clock=at(NOON if percent is None else NOON + timedelta(seconds=1)))
        assert filed(path) == made
        assert (made.verdict, made.exit_code) == ("damaged", PackageError.exit_code)
        assert "part-00000.parquet" in made.error
        assert (made.digest, made.records, made.left_behind) == (None, None, None)
        assert [(step.step, step.result) for step in made.steps] == [("validate", "PackageError")]
        assert page_of(made, "fr")["package.records"]["shown"] == "NON ÉTABLI"
    assert list(scratch.iterdir()) == []
    done = CliRunner().invoke(main, ["drill", str(package), "--lang", "fr", "--to", str(package.parent / "other")])
    assert done.exit_code == PackageError.exit_code
    assert "paquet non entier" in done.output
    assert len(list((package.parent / "other").glob("drill-*.json"))) == 1


def test_an_importer_that_drops_a_record_is_found_out(package: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = SqlImporter.write

    def forgetful(self: SqlImporter, units: list[Shaped], session: Session) -> Iterable[Outcome]:
        kept = [msgspec.structs.replace(unit, records=tuple(r for r in unit.records if kind_of(r) != "comment")) for unit in units]
        dropped = [record for unit in units for record in unit.records if kind_of(record) == "comment"]
        return [*write(self, kept, session), *(Outcome(ref_to(record), "written", ("reversa_comment/1",)) for record in dropped)]

    monkeypatch.setattr(SqlImporter, "write", forgetful)
    monkeypatch.delattr(SqlImporter, "load")  # else the package goes in by columns
    made, path = drill(package, clock=at(NOON))
    assert filed(path).verdict == "different"
    assert (made.exit_code, "values-differ" in made.reasons) == (1, True)
    assert made.findings
    assert {(f.kind, f.expected, f.found) for f in made.findings} == {("comment", None, None)}
    assert list(scratch.iterdir()) == []


def test_a_rollback_that_leaves_something_is_found_out(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SqlImporter, "undo", lambda _self, _written: None)
    made, _ = drill(package, clock=at(NOON))
    assert (made.verdict, made.exit_code, made.reasons) == ("different", 1, ("not-taken-back",))
    assert made.left_behind
    figure = page_of(made, "fr")["drill.rollback"]
    assert (figure["value"], figure["shown"]) == ("no", "Le retour arrière a laissé quelque chose dans la base temporaire.")


def test_an_error_on_the_way_is_filed_and_a_defect_is_raised_too(package: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_self: Road) -> None:
        raise OSError(28, "No space left on device", "scratch.db")

    monkeypatch.setattr(Road, "import_", full)
    made, path = drill(package, clock=at(NOON))
    assert (filed(path).verdict, made.exit_code, made.error) == ("failed", 11, "scratch.db: No space left on device")
    monkeypatch.setattr(Road, "import_", lambda _self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        drill(package, clock=at(NOON + timedelta(seconds=1)))
    newest = filed(max(path.parent.glob("*.json")))
    assert (newest.verdict, newest.exit_code, newest.error) == ("failed", 70, "ZeroDivisionError: division by zero")
    assert list(scratch.iterdir()) == []


def test_an_interruption_leaves_nothing_and_files_nothing(package: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_self: Road) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Road, "verify", interrupted)
    with pytest.raises(KeyboardInterrupt):
        drill(package, clock=at(NOON))
    assert list(scratch.iterdir()) == []
    assert list((package.parent / "drills").iterdir()) == []


def test_a_scheduler_that_stops_it_leaves_nothing(package: Path, tmp_path: Path) -> None:
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "reversa", "drill", package], env=os.environ | {"TMPDIR": str(scratch)}, stderr=subprocess.DEVNULL
    )
    until = time.monotonic() + 60
    while not list(scratch.iterdir()) and time.monotonic() < until:
        time.sleep(0.02)
    assert list(scratch.iterdir()), "it had begun"
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 130
    assert list(scratch.iterdir()) == []
    assert not list((package.parent / "drills").glob("*.json"))


def test_where_a_report_may_be_filed(package: Path, tmp_path: Path) -> None:
    for inside in (package, package / "data", package / "drills"):
        with pytest.raises(RunError, match="inside the package"):
            drill(package, to=inside, clock=at(NOON))
    with pytest.raises(PackageError, match="not a package"):
        drill(tmp_path, clock=at(NOON))
    assert not (tmp_path.parent / "drills").exists()
    drill(package, "1", to=tmp_path / "elsewhere", clock=at(NOON))
    assert not (package.parent / "drills").exists()
    with pytest.raises(RunError, match="already"):
        drill(package, to=tmp_path / "elsewhere", clock=at(NOON))


@pytest.mark.parametrize("sample", ["0", "0.01", "1", "0%", "100%", "-1", "1e3", "x", "", "nan", "1%%"])
def test_a_share_that_is_none(sample: str, package: Path) -> None:
    done = CliRunner().invoke(main, ["drill", str(package), "--sample", sample])
    assert (done.exit_code, "--sample 1%" in done.output) == (2, True)


def test_the_command(package: Path) -> None:
    done = CliRunner().invoke(main, ["drill", str(package), "--sample", "0,5 %", "--lang", "fr"])
    assert done.exit_code == 0, done.output
    assert "par échantillon" in done.output
    (path,) = (package.parent / "drills").glob("*.json")
    made = filed(path)
    assert made.sample is not None
    assert made.sample.percent == "0.5"
    assert f"Graine {made.sample.seed}" in done.output
    assert str(path.with_suffix(".fr.html")) in done.output
    done = CliRunner().invoke(main, ["drill", str(package), "--seed", "1"])
    assert (done.exit_code, "--sample" in done.output) == (2, True)


# ------------------------------------------------------------------------------------------------------ the runbook


def runbook(run: Path) -> dict[str, dict[str, Any]]:
    write_runbook(run, "fr", NOON)
    return figures(json.loads((run / "runbook.fr.json").read_text(encoding="utf-8")))


def test_the_runbook_believes_the_newest_drill_of_its_package(package: Path) -> None:
    run = package.parent
    assert runbook(run)["drill.verdict"]["basis"] == "missing"
    drill(package, clock=at(NOON))
    _, path = drill(package, "10", clock=at(NOON + timedelta(hours=1)))
    found = runbook(run)
    ids = [id for id in found if id.startswith("drill.")]
    assert ids == ["drill.at", "drill.verdict", "drill.extent", "drill.restored", "drill.length", "drill.rollback", "drill.last", "drill.next"]
    for id in ids:
        assert paths(found[id]) == {"package/tagmanifest-sha256.txt", f"drills/{path.name}"}, id
    assert (found["drill.verdict"]["value"], found["drill.at"]["value"]) == ("sampled", "2026-11-22T13:00:00+00:00")
    assert (found["drill.rollback"]["value"], found["drill.next"]["value"]) == ("yes", "2027-02-22")

    kept = path.read_bytes()
    path.write_bytes(kept[:100])
    found = runbook(run)
    assert {found[id]["basis"] for id in ids} == {"missing"}, "a newer one that cannot be read is not passed over"
    assert "endommagé" in found["drill.verdict"]["reason"]

    path.write_bytes(kept.replace(Package(package).seal().encode(), b"0" * 64))
    assert runbook(run)["drill.next"]["value"] == "2027-11-22", "of another package: the one before counts"
    path.unlink()
    found = runbook(run)
    assert (found["drill.verdict"]["value"], found["drill.next"]["value"]) == ("verified", "2027-11-22")
    for other in (run / "drills").glob("*.json"):
        other.unlink()
    assert "aucun exercice" in runbook(run)["drill.verdict"]["reason"]


def test_a_drill_that_failed_is_told_and_due_again(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SqlImporter, "undo", lambda _self, _written: None)
    drill(package, clock=at(NOON))
    found = runbook(package.parent)
    assert (found["drill.verdict"]["value"], found["drill.rollback"]["value"], found["drill.next"]["value"]) == ("different", "no", None)
    assert found["drill.next"]["shown"].startswith("sans attendre")


def test_a_drill_does_not_stand_for_the_rollback_of_the_run(tmp_path: Path) -> None:
    run = tmp_path / "run"
    migrate(str(REAL_EXPORT), f"sqlite:///{tmp_path / 'a.db'}", run)
    drill(run / "package", clock=at(NOON))
    found = runbook(run)
    assert (found["drill.rollback"]["value"], found["go.rollback.result"]["value"]) == ("yes", "no")


def test_a_package_that_lies_elsewhere(package: Path, tmp_path: Path) -> None:
    road = Road(tmp_path / "second")
    road.export(f"package:{package}")
    _, path = drill(package, clock=at(NOON))
    found = runbook(road.folder)["drill.verdict"]
    assert found["value"] == "verified"
    assert paths(found) == {"package.json", f"{package}/tagmanifest-sha256.txt", str(path)}


# -------------------------------------------------------------------------------------------------------- the pages


def hostile() -> Drill:
    """A report in which everything that is data is hostile."""
    finding = {"kind": HOSTILE, "id": HOSTILE, "status": "*", "field": HOSTILE}
    change = {"code": HOSTILE, "kind": HOSTILE, "field": HOSTILE, "effect": "lost", "why": "policy", "note": HOSTILE}
    raw = {
        "reversa": "1", "taken_at": NOON, "package": HOSTILE, "seal": HOSTILE, "verdict": "different", "error": HOSTILE, "source": HOSTILE,
        "digest": HOSTILE, "exported_at": NOON, "records": 1, "restored": 1, "unreadable": 0, "findings": [finding],
        "sample": {"percent": HOSTILE, "seed": 1, "chosen": True, "units": 1, "drawn": 1},
        "steps": [{"step": "import", "started_at": NOON, "ended_at": NOON, "result": HOSTILE}],
        "changes": [{"change": change, "side": HOSTILE, "planned": 1, "observed": 2}],
        "headline": dict.fromkeys(("values", "identical", "converted", "lost", "loss_reasons", "wrong", "unchecked", "rights_widened", "left_out"), 1),
    }  # fmt: skip
    return msgspec.convert(raw, Drill)


@pytest.mark.parametrize("language", LANGUAGES)
def test_hostile_data_is_inert(language: Language) -> None:
    document = make_page(hostile(), Evidence(HOSTILE, HOSTILE), language)
    inert(documents.markdown(document))
    html = documents.html(document)
    reading = Reading.of(html)
    assert {"script", "img", "b", "link", "iframe"}.isdisjoint(tag for tag, _ in reading.tags)
    assert "\u202e" not in html
    assert "".join(reading.text).count("‹U+202E›evil‹U+200B›") > 8


def test_both_languages_have_the_same_figures(real: Path, tmp_path: Path) -> None:
    for percent in (None, "5"):
        made, path = drill(real, percent, to=tmp_path / str(percent), clock=at(NOON))
        keep = ("value", "basis", "evidence")
        french, english = ({id: [f.get(k) for k in keep] for id, f in page_of(made, language).items()} for language in LANGUAGES)
        assert french == english
        for language in LANGUAGES:
            shown = shown_in_page(path.with_suffix(f".{language}.html").read_text(encoding="utf-8"))
            assert shown.keys() == french.keys()
            assert shown["drill.verdict"] == Texts(language)(f"drill.{made.verdict}")


@pytest.mark.servers
@pytest.mark.parametrize("language", LANGUAGES)
def test_in_a_real_browser(language: Language, package: Path, chrome: Chrome) -> None:
    pages = [drill(package, "5", clock=at(NOON))[1].with_suffix(f".{language}.html")]
    (package / "bag-info.txt").write_text("damaged")
    pages.append(drill(package, clock=at(NOON + timedelta(seconds=1)))[1].with_suffix(f".{language}.html"))
    pages.append(package.parent / "hostile.html")
    pages[-1].write_text(documents.html(make_page(hostile(), Evidence(HOSTILE, HOSTILE), language)), encoding="utf-8")
    for path in pages:
        for size in (PHONE, DESKTOP, (320, 800)):
            window = chrome.window(size)
            assert window.open(path).locator("section").count() == 6
            assert window.fits(), (path, size)
            assert window.barriers() == []
