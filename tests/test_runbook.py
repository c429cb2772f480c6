"""The runbook: every figure stands on its evidence and falls with it; the three outputs agree; data is inert; the page is for everybody."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import re
import shutil
import sqlite3
import subprocess
import tomllib
import unicodedata
import zipfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from reversa.cli import main
from reversa.continuity import case as cases
from reversa.continuity import documents
from reversa.continuity.case import FIELDS, read_case, template
from reversa.continuity.documents import Blanks, Boxes, Cited, Document, Evidence, Figure, Figures, Listing, Paragraph, Section, Signatures, Table
from reversa.continuity.runbook import write_runbook
from reversa.errors import RunError
from reversa.journal import read_steps, recorded
from reversa.migrating import Road, migrate
from reversa.package import Package
from reversa.records import Group, Membership, Message, Opaque, Record, Space, User, ref
from reversa.sampling import SIZE, Draw
from reversa.wording import Language, Texts, catalogue
from tests.browser import DESKTOP, PHONE, Chrome
from tests.paths import PROJECT
from tests.strategies import carried, pack
from tests.test_clocks import unfolded
from tests.test_report import HOSTILE, Reading

NOW = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
LANGUAGES: tuple[Language, ...] = ("fr", "en")
TEXT_TABLES = {table: [key for key, kind in keys.items() if kind == "text"] for table, keys in FIELDS.items()}
CASE = """
[parties]
customer = "Association Les Amis"
vendor = "Éditions SA"
[authorisations]
controller-mandate = "mandat du 3 novembre 2026"
[dates]
judgment-published = 2026-11-13
breach-known = 2026-11-20T18:30:00+01:00
offers-hearing = 2027-01-15
[thresholds]
freeze-window-hours = 8
[checks]
separation = "Mme Durand, 20 novembre 2026, par requête"
[next]
drill = 2027-11-01
"""


def slack(path: Path, text: str = "bonjour") -> Path:
    """A small export: two public channels, one private, a file without content, an item that cannot be read."""
    message = {"ts": "1.000001", "user": "U1", "text": text, "reactions": [{"name": "wave", "count": 1, "users": ["U2"]}]}
    shared = {
        "ts": "2.000001",
        "user": "U2",
        "files": [{"id": "F1", "mode": "hosted", "name": "plan.pdf", "permalink": "https://files.example/F1"}],
    }
    people = [
        {"id": "U1", "team_id": "T1", "name": "ann", "profile": {"email": "ann@example.org"}},
        {"id": "U2", "team_id": "T1", "name": "bob"},
        {"id": "U3", "team_id": "T1", "name": "eve", "deleted": True},
    ]
    files: dict[str, object] = {
        "users.json": people,
        "channels.json": [{"id": "C1", "name": "general", "members": ["U1", "U2"]}, {"id": "C2", "name": "plans", "members": ["U2"]}],
        "groups.json": [{"id": "G1", "name": "board", "members": ["U1"]}],
        "general/2019-01-01.json": [message, *({"ts": f"3.{n:06}", "user": "U1", "text": f"message {n}"} for n in range(40))],
        "plans/2019-01-02.json": [shared, {"text": "no time"}],
        "board/2019-01-03.json": [{"ts": "4.000001", "user": "U1", "text": "secret of the board"}],
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, json.dumps(content))
    return path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that went the whole road, was undone and taken again, with a case that people filled in."""
    folder = tmp_path_factory.mktemp("runbook")
    source, run = slack(folder / "export.zip"), folder / "run"
    migrate(str(source), f"sqlite:///{folder / 'acme.db'}", run)
    road = Road(run)
    road.undo()
    road.import_()
    road.verify()
    (run / "case.toml").write_text(CASE, encoding="utf-8")
    return run


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


def written(run: Path, language: Language = "fr") -> dict[str, Any]:
    """The runbook's JSON, written anew."""
    write_runbook(run, language, NOW)
    made: dict[str, Any] = json.loads((run / f"runbook.{language}.json").read_text(encoding="utf-8"))
    return made


def figures(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every figure of a document by its id; no id is there twice."""
    blocks = [block for section in document["sections"] for block in section["blocks"]]
    found = [figure for block in blocks if block["type"] == "figures" for figure in block["figures"]]
    cells = [cell for block in blocks if block["type"] == "table" for row in block["rows"] for cell in row]
    found += [cell for cell in cells if isinstance(cell, dict) and cell["type"] == "figure"]
    assert len({figure["id"] for figure in found}) == len(found)
    return {figure["id"]: figure for figure in found}


def paths(figure: dict[str, Any]) -> set[str]:
    return {evidence["path"] for evidence in figure.get("evidence", ())}


def texts(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False)


# -------------------------------------------------------------------------------------- figures and their evidence


def test_a_finished_run_knows_what_it_did(run: Path) -> None:
    found = figures(written(run))
    values = {id: figure["value"] for id, figure in found.items()}
    assert values["identity.source"] == "slack:T1"
    assert values["inventory.records"] == Package(run / "package").count()
    assert (values["ported.message.exported"], values["ported.message.arrived"]) == (42, 42)
    assert values["ported.message.first"] == "1970-01-01"
    assert values["unreadable.items"] == values["unreadable.named"] == 1
    assert values["losses.source.slack.file.body-not-in-export.planned"] == 1
    assert values["losses.source.slack.file.body-not-in-export.observed"] == 1
    assert (values["people.member.with"], values["people.member.without"], values["people.deactivated.without"]) == (1, 1, 1)
    assert values["rollback.undone"] == 1
    assert values["sample.drawn"] == values["sample.as-expected"] == SIZE
    assert values["redirects.total"] == 1
    assert values["go.current"] == "yes"
    assert values["go.window.result"] == "yes"
    assert (values["go.window.threshold"], found["go.window.threshold"]["label"]) == (8, found["go.window"]["label"])
    assert values["go.verdict.result"] == "no", "an item of the source could not be read"
    assert values["clock.claim-of-property.due"] == "2027-02-13"
    assert values["clock.breach.due"] == "2026-11-23T17:30:00+00:00"
    assert values["clock.offers-deposit.due"] == "2026-12-31"
    assert values["clock.evidence.due"] is None


def test_every_figure_says_where_it_comes_from_or_why_there_is_none(run: Path) -> None:
    files = {path.relative_to(run).as_posix(): path for path in run.rglob("*") if path.is_file()}
    for id, figure in figures(written(run)).items():
        if figure["basis"] == "missing":
            assert (figure["value"], figure["shown"]) == (None, "NON ÉTABLI"), id
            assert figure["reason"], id
            continue
        assert figure["shown"], id
        assert figure["evidence"], id
        assert (paths(figure) == {"case.toml"}) == (figure["basis"] == "stated"), id
        for evidence in figure["evidence"]:
            assert hashlib.sha256(files[evidence["path"]].read_bytes()).hexdigest() == evidence["sha256"]


def compare(base: dict[str, dict[str, Any]], now: dict[str, dict[str, Any]], path: str) -> None:
    """Exactly the figures that came from this file are no longer established."""
    for id, figure in base.items():
        if path not in paths(figure):
            assert now[id] == figure, (path, id)
        elif id in now:
            assert now[id]["basis"] == "missing", (path, id)
            assert now[id]["reason"], (path, id)
        else:  # the lines of the journal are known from the journal alone
            assert (path, id.split(".")[0]) == ("steps.ndjson", "step")
            assert now["rehearsal.steps"]["basis"] == "missing"
    assert now.keys() <= base.keys()


def cited(run: Path) -> tuple[dict[str, dict[str, Any]], list[str]]:
    base = figures(written(run))
    return base, sorted({path for figure in base.values() for path in paths(figure)})


def test_without_a_file_exactly_its_figures_are_not_established(run: Path) -> None:
    base, files = cited(run)
    own = {path.name for path in run.iterdir() if path.is_file()} - {"run.lock", "losses.csv", "renames.csv"}
    assert {name for name in own if not name.startswith(("runbook.", "report."))} | {"report.json"} <= set(files), "every file is evidence"
    assert len(files) > 40
    for path in files:
        kept = (run / path).read_bytes()
        (run / path).unlink()
        compare(base, figures(written(run)), path)
        (run / path).write_bytes(kept)
    assert figures(written(run)) == base


def test_with_a_damaged_file_exactly_its_figures_are_not_established(run: Path) -> None:
    base, files = cited(run)
    for path in files:
        if path == "case.toml":
            continue
        kept = (run / path).read_bytes()
        (run / path).write_bytes(b"\xff\x00 damaged")
        now = figures(written(run))
        compare(base, now, path)
        told = [figure["reason"] for id, figure in now.items() if path in paths(base[id])]
        assert any("endommagé" in reason for reason in told), path
        (run / path).write_bytes(kept)


def test_a_plausible_change_inside_the_package_proves_nothing(run: Path) -> None:
    base = figures(written(run))
    for name, old, new in (("changes.ndjson", '"event":"unreadable"', '"event":"noted"'), ("datapackage.json", '"blobs": 0', '"blobs": 7')):
        path = run / "package" / "data" / name
        kept = path.read_text(encoding="utf-8")
        assert old in kept
        path.write_text(kept.replace(old, new), encoding="utf-8")
        compare(base, figures(written(run)), f"package/data/{name}")
        path.write_text(kept, encoding="utf-8")


def test_files_that_speak_of_another_package_prove_nothing(run: Path) -> None:
    report = json.loads((run / "report.json").read_text())
    (run / "report.json").write_text(json.dumps(report | {"package": "0" * 64}))
    found = figures(written(run))
    assert found["shares.values"]["basis"] == "missing"
    assert "another package" in found["shares.values"]["reason"]
    assert found["losses.source.slack.file.body-not-in-export.planned"]["value"] == 1


def test_a_ledger_left_open_by_a_crash_is_not_read(run: Path) -> None:
    assert figures(written(run))["rollback.written"]["basis"] == "measured"
    (run / "ledger.sqlite-wal").write_bytes(b"x")
    assert figures(written(run))["rollback.written"]["basis"] == "missing"


def test_a_package_that_lies_elsewhere(run: Path, tmp_path: Path) -> None:
    road = Road(tmp_path / "second")
    road.export(f"package:{run / 'package'}")
    road.plan(f"sqlite:///{tmp_path / 'b.db'}")
    road.import_()
    road.verify()
    (tmp_path / "second" / "case.toml").write_text(CASE)
    base = figures(written(tmp_path / "second"))
    assert base["inventory.records"]["value"] == Package(run / "package").count()
    assert paths(base["inventory.records"]) == {"package.json", f"{run / 'package'}/data/datapackage.json"}
    assert base["calendar.duration"]["basis"] == "measured", "what was not exported here took no time here"
    (tmp_path / "second" / "package.json").unlink()
    compare(base, figures(written(tmp_path / "second")), "package.json")


# ------------------------------------------------------------------------------------------- runs cut short


def steps_of(folder: Path, *steps: str) -> Path:
    road = Road(folder / "run")
    road.folder.mkdir(parents=True)
    for step in steps:
        if step == "export":
            road.export(str(slack(folder / "export.zip")))
        elif step == "plan":
            road.plan(f"sqlite:///{folder / 'a.db'}")
        elif step == "import":
            road.import_()
        elif step == "verify":
            road.verify()
        else:
            road.undo()
    return road.folder


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("steps", [(), ("export",), ("export", "plan"), ("export", "plan", "import")], ids=lambda s: s[-1] if s else "nothing")
def test_a_run_that_was_never_verified_says_so_first(steps: tuple[str, ...], language: Language, tmp_path: Path) -> None:
    made = written(steps_of(tmp_path, *steps), language)
    never_exported, never_verified = Texts(language)("runbook.never-exported"), Texts(language)("runbook.never-verified")
    assert (never_exported in made["notices"]) == (not steps)
    assert never_verified in made["notices"]
    assert [section["number"] for section in made["sections"]] == list(range(17))
    found = figures(made)
    assert found["go.verdict.result"]["basis"] == "missing"
    assert "NO-GO" in made["sections"][7]["blocks"][1]["text"]
    assert made["sections"][7]["blocks"][1]["warning"]


def test_an_empty_list_without_evidence_does_not_say_that_there_is_nothing(tmp_path: Path) -> None:
    made = written(steps_of(tmp_path))
    lists = [block for section in made["sections"] for block in section["blocks"] if block["type"] == "table" and not block["rows"]]
    assert lists == []
    said = [block["text"] for section in made["sections"] for block in section["blocks"] if block["type"] == "paragraph" and block["warning"]]
    for caption in ("PORTÉ", "EXEMPTÉ", "PERDU", "Changements et pertes", "20 dernières étapes", "Écrit", "Enregistrements tirés"):
        assert [text for text in said if text.startswith(caption) and "NON ÉTABLI" in text], caption


def test_what_was_undone_is_not_said_to_be_there(tmp_path: Path) -> None:
    run = steps_of(tmp_path, "export", "plan", "import", "verify")
    assert figures(written(run))["go.current"]["value"] == "yes"
    Road(run).undo()
    made = written(run)
    assert Texts("fr")("runbook.out-of-date") in made["notices"]
    found = figures(made)
    assert (found["go.current"]["value"], found["go.current.result"]["value"]) == ("no", "no")
    assert found["rollback.written"]["value"] == 0


def test_an_import_cut_short_after_the_read_back_puts_it_out_of_date(run: Path) -> None:
    assert figures(written(run))["go.current"]["value"] == "yes"
    with contextlib.suppress(OSError), recorded(run / "steps.ndjson", "import"):
        raise OSError
    found = figures(written(run))
    assert found["go.current"]["value"] == "no"
    assert found["rehearsal.failures"]["value"] == 1
    with recorded(run / "steps.ndjson", "verify") as step:
        step.result = "verified"
    assert figures(written(run))["go.current"]["value"] == "yes"


def test_the_command_says_where_the_page_is_and_what_is_wrong_with_a_case(run: Path) -> None:
    done = CliRunner().invoke(main, ["runbook", str(run), "--lang", "fr"])
    assert (done.exit_code, f"{run}/runbook.fr.html" in done.output) == (0, True)
    kept = (run / "runbook.fr.html").read_bytes()
    (run / "case.toml").write_text("[dates]\njudgment-published = 7\n")
    done = CliRunner().invoke(main, ["runbook", str(run), "--lang", "fr"])
    assert done.exit_code == RunError.exit_code
    assert "line 2" in done.output
    assert (run / "runbook.fr.html").read_bytes() == kept
    assert not list(run.glob("*.partial"))


def test_go_only_when_every_condition_is_met(run: Path, tmp_path: Path) -> None:
    export = tmp_path / "good.zip"
    with zipfile.ZipFile(export, "w") as archive:
        archive.writestr("users.json", json.dumps([{"id": "U1", "team_id": "T1", "name": "ann"}]))
        archive.writestr("channels.json", json.dumps([{"id": "C1", "name": "general"}]))
        archive.writestr("general/2019-01-01.json", json.dumps([{"ts": "1.000001", "user": "U1", "text": "bonjour"}]))
    folder = tmp_path / "good"
    migrate(str(export), f"sqlite:///{tmp_path / 'good.db'}", folder)
    Road(folder).undo()
    Road(folder).import_()
    Road(folder).verify()
    shutil.copyfile(run / "case.toml", folder / "case.toml")
    made = written(folder, "en")
    assert made["sections"][7]["blocks"][1]["text"] == Texts("en")("s7.go")
    results = {id: figure["value"] for id, figure in figures(made).items() if re.fullmatch(r"go\..*\.result", id)}
    assert set(results.values()) == {"yes"}
    assert len(results) == 12
    losses = figures(made)["go.losses"]
    assert (losses["value"], losses["shown"]) == (None, Texts("en")("s7.nothing-to-accept"))
    (folder / "case.toml").write_text(CASE.replace("freeze-window-hours = 8", ""))
    assert written(folder, "en")["sections"][7]["blocks"][1]["text"].startswith("NO-GO: one condition")


# ------------------------------------------------------------------------------------------------ case.toml


def test_the_template_is_written_once_and_never_again(run: Path) -> None:
    (run / "case.toml").unlink()
    written(run)
    assert (run / "case.toml").read_text(encoding="utf-8") == template()
    (run / "case.toml").write_text("# mine\n")
    written(run)
    assert (run / "case.toml").read_text() == "# mine\n"


def test_the_template_says_nothing_until_it_is_filled_in() -> None:
    assert read_case(Path("case.toml"), template().encode()) == {}
    filled = re.sub(r"^# ([a-z-]+ = )", r"\1", template(), flags=re.MULTILINE)
    case = read_case(Path("case.toml"), filled.encode())
    assert {(table, key) for table, keys in FIELDS.items() for key in keys} == case.keys()
    assert [line for line in template().splitlines() if line and not line.startswith(("#", "["))] == []


@pytest.mark.parametrize(
    ("content", "said", "hint"),
    [
        ("[parties]\ncustomer = \n", "line 2", "key = "),
        ("[dates]\n\njudgment-published = 22/11/2026\n", "line 3", "2026-11-22"),
        (
            '[dates]\njudgment-published = "22/11/2026"\n',
            "line 2: judgment-published = '22/11/2026' is not a date",
            "judgment-published = 2026-11-22",
        ),
        ("[dates]\nbreach-known = 2026-11-22\n", "line 2: breach-known .* not a date with an hour", "14:30"),
        ("[dates]\nbreach-known = 2026-11-22T10:00:00\n", "line 2: .* its zone", "14:30"),
        ("[dates]\nbreach-known = 10:00:00\n", "line 2: .* not a date with an hour", "14:30"),
        ("[dates]\njudgment-published = 2026-11-22T10:00:00Z\n", "line 2: .* more than a date", "2026-11-22"),
        ("[dates]\njudgment-published = 0226-11-22\n", "line 2: .* cannot be meant", "2026-11-22"),
        ("[dates]\nbirthday = 2026-11-22\n", r"line 2: \[dates\] has no key birthday", "judgment-published"),
        ('[partys]\ncustomer = "x"\n', r"line 1: \[partys\] is not known", "parties"),
        ('\ncustomer = "x"\n', "line 2", "parties"),
        ("[parties]\ncustomer = 7\n", "line 2: .* not a text", "customer"),
        ('[parties]\ncustomer = " "\n', "line 2: .* not a text", "customer"),
        ('[thresholds]\n"freeze-window-hours" = -1\n', "line 2: .* not a whole number of hours", "= 8"),
        ("[thresholds]\nfreeze-window-hours = true\n", "line 2: .* not a whole number", "= 8"),
    ],
)
def test_a_wrong_value_is_named_with_its_line(content: str, said: str, hint: str) -> None:
    with pytest.raises(RunError) as raised:
        read_case(Path("case.toml"), content.encode())
    assert re.search(said, raised.value.message), raised.value.message
    assert hint in raised.value.hint


def test_a_case_that_is_not_text(run: Path) -> None:
    (run / "case.toml").write_bytes(b"\xff")
    with pytest.raises(RunError, match="UTF-8"):
        written(run)


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_case_file_is_read_or_refused_with_an_answer(content: bytes) -> None:
    with contextlib.suppress(RunError):  # and nothing else
        read_case(Path("case.toml"), content)


def test_every_key_is_explained_in_both_languages() -> None:
    for language in LANGUAGES:
        assert all(cases.label(table, key, Texts(language)) for table, keys in FIELDS.items() for key in keys)


# --------------------------------------------------------------------------------------- one structure, three outputs


class _Figures(Reading):
    """The figures of a page: id → what is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: dict[str, str] = {}
        self._inside: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        super().handle_starttag(tag, attrs)
        self._inside = dict(attrs).get("data-figure") if tag == "span" else None
        if self._inside:
            assert self._inside not in self.shown
            self.shown[self._inside] = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.shown[self._inside] += data

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - spans hold no tags
        self._inside = None


def shown_in_page(page: str) -> dict[str, str]:
    reading = _Figures()
    reading.feed(page)
    return reading.shown


def cells_of(markdown: str) -> list[str]:
    """The text of every table cell, as CommonMark with tables reads it."""
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    inline = [after for before, after in itertools.pairwise(tokens) if before.type in ("td_open", "th_open")]
    return ["".join(child.content for child in token.children or () if child.type in ("text", "code_inline")) for token in inline]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_three_outputs_show_the_same_figures(language: Language, run: Path) -> None:
    expected = {id: str(Texts(language).show(figure["shown"]).replace("\u00a0", " ")) for id, figure in figures(written(run, language)).items()}
    page = shown_in_page((run / f"runbook.{language}.html").read_text(encoding="utf-8"))

    def plain(text: str) -> str:
        return re.sub("‹U\\+00A0›|‹U\\+202F›|\u00a0|\u202f", " ", text)

    assert {id: plain(text) for id, text in page.items()} == {id: plain(text) for id, text in expected.items()}
    cells = [plain(cell) for cell in cells_of((run / f"runbook.{language}.md").read_text(encoding="utf-8"))]
    at = 0
    for id in page:  # in the order of the page
        while not (cells[at] == plain(page[id]) or cells[at].startswith(f"{plain(page[id])} (")):
            at += 1
            assert at < len(cells), id
        at += 1


def test_both_languages_have_the_same_figures(run: Path) -> None:
    french, english = (figures(written(run, language)) for language in LANGUAGES)
    keep = ("value", "basis", "evidence")
    assert {id: [f.get(k) for k in keep] for id, f in french.items()} == {id: [f.get(k) for k in keep] for id, f in english.items()}
    assert list(french) == list(english)


def test_the_words_of_a_recette_stay_french(run: Path) -> None:
    for language in LANGUAGES:
        said = texts(written(run, language))
        assert all(f'"{word}"' in said for word in ("ADMISSION", "ADMISSION AVEC RÉSERVES", "AJOURNEMENT", "RÉFACTION", "REJET"))
        assert "Procès-verbal de recette" in said


def test_each_computed_date_says_how_it_was_counted(run: Path) -> None:
    expected: tuple[tuple[Language, str, str], ...] = (
        ("fr", "fin de semaine", "à faire vérifier par un avocat"),
        ("en", "week-end", "to be checked by a lawyer"),
    )
    for language, weekend, check in expected:
        made = written(run, language)
        table = next(block for block in made["sections"][4]["blocks"] if block["type"] == "table")
        row = next(row for row in table["rows"] if row[2]["id"] == "clock.claim-of-property.start")
        name, event, start, length, due, status = row
        assert "L624-9" in name
        assert "BODACC" in event
        assert start["value"] == "2026-11-13"
        assert re.search("3 mois au plus ; de quantième|at most 3 months; to the same day", length.replace("\u00a0", " "))
        assert (due["value"], weekend in due["shown"]) == ("2027-02-13", True)
        assert check in status


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_calendar_holds_the_dates_of_the_page(language: Language, run: Path) -> None:
    found = figures(written(run, language))
    lines = unfolded((run / f"runbook.{language}.ics").read_bytes())
    starts = [value for name, value in lines if name.startswith("DTSTART")]
    dues = [figure["value"] for id, figure in found.items() if re.fullmatch(r"clock\..*\.due", id) and figure["value"]]
    assert sorted(starts) == sorted(re.sub(r"[-:]", "", due).replace("+0000", "Z") for due in dues)
    uids = [value for name, value in lines if name == "UID"]
    assert len(set(uids)) == len(uids) == 5
    (run / "case.toml").write_text("# nothing\n")
    written(run, language)
    assert not (run / f"runbook.{language}.ics").exists(), "a calendar needs a date"


def test_the_same_run_gives_the_same_runbook(run: Path) -> None:
    def outputs() -> dict[str, bytes]:
        written(run)
        return {path.name: path.read_bytes() for path in run.glob("runbook.*")}

    assert outputs() == outputs()
    assert outputs().keys() == {"runbook.fr.html", "runbook.fr.md", "runbook.fr.json", "runbook.fr.ics"}


def test_the_listing_is_what_sha256sum_checks(run: Path, tmp_path: Path) -> None:
    (listing,) = (block for block in written(run)["sections"][15]["blocks"] if block["type"] == "listing")
    (tmp_path / "sums").write_text("\n".join(listing["lines"]) + "\n")
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", tmp_path / "sums"], cwd=run, check=True)
    assert "    " + listing["lines"][0] in (run / "runbook.fr.md").read_text(encoding="utf-8")
    listed = {line[66:] for line in listing["lines"]}
    assert {"report.json", "case.toml", "package/manifest-sha256.txt"} <= listed
    assert not any(name.startswith("runbook.") for name in listed)


# ------------------------------------------------------------------------------------------------------- texts


def test_no_text_of_the_runbook_is_unknown_or_unused() -> None:
    sources = [path.read_text(encoding="utf-8") for path in [*(PROJECT / "reversa" / "continuity").glob("*.py"), PROJECT / "reversa" / "wording.py"]]
    sources.append((PROJECT / "reversa" / "cli.py").read_text(encoding="utf-8"))
    sources.append((PROJECT / "reversa" / "templates" / "document.html.j2").read_text(encoding="utf-8"))
    quoted = {text for source in sources for text in re.findall(r"""["']([A-Za-z0-9.-]+)["']""", source)}
    patterns = [
        re.sub(r"\\{.*?\\}", "[a-zA-Z0-9.-]+", re.escape(text)) for source in sources for text in re.findall(r'f"([a-z0-9.{}\[\]_-]+)"', source)
    ]
    templates = PROJECT / "reversa" / "templates"
    own = {key for name in ("runbook.toml", "drill.toml") for key in tomllib.loads((templates / name).read_text(encoding="utf-8"))}
    keys = {key for key in catalogue() if key.split(".")[0] in own}
    unused = {key for key in keys - quoted if not any(re.fullmatch(pattern, key) for pattern in patterns if pattern != "[a-zA-Z0-9.-]+")}
    assert unused == set()
    literal = {key for source in sources for key in re.findall(r"""\bt\(["']([^"'{}]+)["'][,)]""", source)}
    assert len(literal) > 60
    assert literal - catalogue().keys() == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_that_says_a_number_is_shown_without_one(language: Language, run: Path) -> None:
    t = Texts(language)
    with_number = {key for key, text in catalogue().items() if key in ("s6.table", "s7.no-go", "document.files") and "{n}" in str(text[language])}
    assert len(with_number) == 3
    for key in with_number:
        with pytest.raises(KeyError):
            t(key, first="E1", last="E2")
    captions = [block["caption"] for block in written(run, language)["sections"][6]["blocks"] if block["type"] == "table"]
    assert captions == [t("s6.table", 7)]
    assert "7" in captions[0]


# ------------------------------------------------------------------------------------------------------ harmless

EVIL = f"{HOSTILE} [x](javascript:alert(1)) ![y](//z) | `code` \\| **b** <b>&amp; https://evil.example www.evil.example a@b.org \n# head\n- item"


def everything_hostile(language: Language) -> Document:
    """A document whose every text is data, and hostile."""
    figure = Figure(id="f", label=EVIL, value=EVIL, shown=EVIL, basis="measured", evidence=(Evidence(EVIL, EVIL),))
    missing = Figure(id="m", label=EVIL, value=None, shown=EVIL, basis="missing", reason=EVIL)
    blocks = (
        Paragraph(EVIL),
        Paragraph(EVIL, warning=True),
        Figures(EVIL, (figure, missing)),
        Table(EVIL, (EVIL, EVIL, EVIL), ((EVIL, missing, Boxes((EVIL,))),), frozenset({1})),
        Blanks(EVIL, (EVIL,)),
        Signatures(EVIL, (EVIL,), Boxes((EVIL,))),
        Listing(EVIL, (EVIL,)),
        Cited(EVIL),
    )
    return Document(
        title=EVIL, subtitle=EVIL, language=language, reversa=EVIL, made_at=NOW, notices=(EVIL,), sections=(Section(0, EVIL, blocks),)
    )  # fmt: skip


def inert(markdown: str) -> None:
    """Nothing of it becomes HTML, a link, an image, a heading or a list of its own."""
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    inline = [child for token in tokens for child in token.children or ()]
    assert not {token.type for token in tokens} & {"html_block", "fence", "hr", "ordered_list_open"}
    assert not {token.type for token in inline} & {"html_inline", "link_open", "image"}
    shown = [child.content for child in inline if child.type == "text"]
    assert not [text for text in shown if re.search(r"https?://|www\.|\w@\w", text)], "some readers make links of these"
    assert not [c for c in markdown if c != "\n" and unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]


@pytest.mark.parametrize("language", LANGUAGES)
def test_hostile_data_is_inert_everywhere(language: Language) -> None:
    document = everything_hostile(language)
    markdown = documents.markdown(document)
    inert(markdown)
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    assert [token.tag for token in tokens if token.type == "heading_open"] == ["h1", "h2"]
    assert sum(token.type == "td_open" for token in tokens) == 2 * 3 + 3 + 4 + 3
    html = documents.html(document)
    reading = Reading.of(html)
    assert {"script", "img", "b", "link", "iframe"}.isdisjoint(tag for tag, _ in reading.tags)
    assert not [c for c in html if c != "\n" and unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]
    assert "".join(reading.text).count("‹U+202E›evil‹U+200B›") > 20
    assert {a["href"] for a in reading.named("a")} == {"#s0"}
    assert json.loads(documents.json(document))["title"] == EVIL


@given(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("|`\\*_[]()<>&@.:/-#"), max_size=80))
def test_any_text_stays_in_its_cell(text: str) -> None:
    block = Table("c", ("a", "b"), ((text, text),))
    document = Document(
        title="t", subtitle="s", language="en", reversa="1", made_at=NOW, notices=(), sections=(Section(0, "s", (block, Paragraph(text))),)
    )
    markdown = documents.markdown(document)
    inert(markdown)
    assert len(cells_of(markdown)) == 4


def test_a_hostile_run_is_shown_and_does_nothing(tmp_path: Path) -> None:
    run = tmp_path / "run"
    migrate(str(slack(tmp_path / "x.zip", EVIL)), f"sqlite:///{tmp_path / 'a.db'}", run)
    quoted = json.dumps(EVIL.replace("\0", "").replace("\x07", "").replace("\x1b", ""), ensure_ascii=True)
    filled = "".join(f"[{table}]\n" + "".join(f"{key} = {quoted}\n" for key in keys) for table, keys in TEXT_TABLES.items() if keys)
    (run / "case.toml").write_text(filled)
    for language in LANGUAGES:
        written(run, language)
        inert((run / f"runbook.{language}.md").read_text(encoding="utf-8"))
        html = (run / f"runbook.{language}.html").read_text(encoding="utf-8")
        assert "<script" not in html
        assert "\u202e" not in html
        assert "&lt;script&gt;" in html


# ------------------------------------------------------------------------------------------------ journal, sample


def test_the_journal_keeps_what_was_done_and_what_failed(tmp_path: Path) -> None:
    moments = iter(datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC) for second in range(60))
    path = tmp_path / "steps.ndjson"
    with recorded(path, "export", moments.__next__) as step:
        step.records = 5
    with pytest.raises(ZeroDivisionError), recorded(path, "import", moments.__next__):
        raise ZeroDivisionError
    first, second = read_steps(path.read_bytes())
    assert (first.step, first.records, first.milliseconds, first.result) == ("export", 5, 1000, "done")
    assert (second.step, second.result) == ("import", "ZeroDivisionError")
    assert (first.failed, second.failed) == (False, True)
    path.write_bytes(path.read_bytes()[:-10])  # a crash
    with recorded(path, "import", moments.__next__):
        pass
    assert len(path.read_bytes().splitlines()) == 3
    with pytest.raises(ValueError, match="line 2"):
        read_steps(path.read_bytes())


def test_the_road_records_its_steps(finished: Path) -> None:
    steps = read_steps((finished / "steps.ndjson").read_bytes())
    assert [step.step for step in steps] == ["export", "plan", "import", "verify", "undo", "import", "verify"]
    count = Package(finished / "package").count()
    assert [step.records for step in steps] == [count] * 7
    assert [step.result for step in steps] == ["done", "done", "done", "incomplete", "done", "done", "incomplete"]
    assert not any(step.failed for step in steps)


def test_the_sample_shows_source_and_target_and_nothing_private(tmp_path: Path) -> None:
    run = tmp_path / "run"
    migrate(str(slack(tmp_path / "x.zip")), f"sqlite:///{tmp_path / 'a.db'}", run, private=True)
    sample = json.loads((run / "sample.json").read_text())
    package = Package(run / "package")
    assert sample["seed"] == package.manifest.digest
    assert len(sample["records"]) == SIZE
    assert "secret of the board" not in (run / "sample.json").read_text()
    assert "G1" not in (run / "sample.json").read_text()
    assert package.find("message", "G1/4.000001") is not None, "it was there to be drawn"
    closed = 1 + 1 + 1  # the private channel, its membership, its message
    assert sample["eligible"] == package.count() - closed
    digests = {f"{kind}:{record.id}": digest for kind in package.kinds() for record, digest in package.records(kind) if "G1" not in record.id}
    again = sorted(digests, key=lambda record: int(digests[record], 16) ^ int(sample["seed"], 16))[:SIZE]
    assert [record["ref"] for record in sample["records"]] == again, "whoever has the package draws the same"
    assert all(record["source"] == record["expected"] == record["found"] for record in sample["records"])


def test_a_forged_record_of_the_sample_shows(tmp_path: Path) -> None:
    run = steps_of(tmp_path, "export", "plan", "import")
    with closing(sqlite3.connect(tmp_path / "a.db")) as db:
        db.execute("UPDATE reversa_message SET body_text = 'forged'")
        db.commit()
    Road(run).verify()
    found = figures(written(run))
    assert found["sample.as-expected"]["value"] < SIZE
    assert "forged" in (run / "runbook.fr.html").read_text(encoding="utf-8")
    assert found["go.mismatches.result"]["value"] == "no"


@pytest.mark.parametrize(
    ("root", "shown"),
    [
        (User(id="u", root=ref("user", "u")), True),
        (Space(id="open", root=ref("space", "open"), visibility="public"), True),
        (Space(id="inside", root=ref("space", "inside"), visibility="public", parent=ref("space", "closed")), False),
        (Space(id="closed", root=ref("space", "closed"), visibility="private"), False),
        (Space(id="silent", root=ref("space", "silent")), False),
        (Message(id="m1", root=ref("message", "m1"), space=ref("space", "open")), True),
        (Message(id="m2", root=ref("message", "m2"), space=ref("space", "closed")), False),
        (Message(id="m3", root=ref("message", "m3")), False),
        (Membership(id="s1", root=ref("membership", "s1"), group=ref("space", "closed"), member=ref("user", "u")), False),
        (Membership(id="s2", root=ref("membership", "s2"), group=ref("group", "g"), member=ref("user", "u")), True),
        (Group(id="g", root=ref("group", "g")), True),
        (Opaque(id="o", root=ref("opaque", "o"), native_kind="x"), False),
    ],
    ids=lambda value: value.id if isinstance(value, Record) else None,
)
def test_only_what_is_public_may_be_drawn(root: Record, shown: bool, tmp_path: Path) -> None:
    spaces = [
        Space(id="open", root=ref("space", "open"), visibility="public"),
        Space(id="closed", root=ref("space", "closed"), visibility="private"),
        Space(id="inside", root=ref("space", "inside"), visibility="public", parent=ref("space", "closed")),
        Space(id="silent", root=ref("space", "silent")),
    ]
    draw = Draw(pack(tmp_path / "p", spaces))
    draw.offer(root, [(root.root, "0" * 64)])
    assert bool(draw.drawn()) == shown


def test_a_run_without_spaces_or_people(tmp_path: Path) -> None:
    road = carried(pack(tmp_path / "p", [Group(id="g", root=ref("group", "g"))]), f"sqlite:///{tmp_path / 'a.db'}", tmp_path / "r")
    found = figures(written(road.folder))
    assert found["people.member.with"]["value"] == 0
    assert found["sample.drawn"]["value"] == 1


# --------------------------------------------------------------------------------------------------- a real browser


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_stands_alone(language: Language, run: Path) -> None:
    written(run, language)
    html = (run / f"runbook.{language}.html").read_text(encoding="utf-8")
    reading = Reading.of(html)
    assert reading.named("html") == [{"lang": language}]
    assert {"script", "img", "link", "iframe", "form", "input", "object"}.isdisjoint(tag for tag, _ in reading.tags)
    assert all(a["href"] and a["href"].startswith("#s") for a in reading.named("a"))
    assert not [name for _, attributes in reading.tags for name in attributes if name.startswith("on") or name in ("src", "style")]
    policy = [a for a in reading.named("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert [a["content"] for a in policy] == ["default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"]
    ids = [attributes["id"] for _, attributes in reading.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert html.count("<table") == html.count("<caption")


@pytest.mark.servers
@pytest.mark.parametrize("language", LANGUAGES)
def test_in_a_real_browser(language: Language, run: Path, chrome: Chrome) -> None:
    written(run, language)
    never = steps_of(run.parent / "never")
    written(never, language)
    for folder in (run, never):
        for size in (PHONE, DESKTOP, (320, 800)):
            window = chrome.window(size)
            page = window.open(folder / f"runbook.{language}.html")
            assert page.locator("section").count() == 17
            assert window.fits(), size
            assert window.barriers() == []
    pdf = chrome.window(DESKTOP)
    printed = pdf.open(run / f"runbook.{language}.html").pdf(prefer_css_page_size=True)
    assert 15 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 35
    hostile = run.parent / "hostile.html"
    hostile.write_text(documents.html(everything_hostile(language)), encoding="utf-8")
    for size in (PHONE, (320, 800)):
        window = chrome.window(size)
        window.open(hostile)
        assert window.fits()
