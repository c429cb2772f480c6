"""The report for people: complete in both languages, harmless whatever the data, right at the edges, legible in a real browser."""

from __future__ import annotations

import inspect
import os
import re
import shutil
import struct
import subprocess
import tomllib
import unicodedata
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args

import pytest
from msgspec.structs import replace

from reversa import cli, differences, plots, registry, rendering, reporting, terminal, wording
from reversa.adapter import Change, Effect, Locator, Options, Why
from reversa.comparing import STATUSES, Finding
from reversa.demo import story
from reversa.differences import difference
from reversa.limiting import Held
from reversa.markup import contract as markup
from reversa.package import Balance
from reversa.planning import Plan, Planned
from reversa.records import KINDS
from reversa.rendering import Language, render_plan, render_text, write_html
from reversa.reporting import ChangeLine, Event, Headline, ImportBalance, Report, Verdict
from reversa.wording import Texts, catalogue, visible
from tests.golden import golden
from tests.paths import PROJECT, REAL_EXPORT

LANGUAGES: tuple[Language, ...] = get_args(Language)
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
REASONS = re.findall(r'^        "([a-z-]+)":', inspect.getsource(reporting._reasons), re.MULTILINE)
TEMPLATE = PROJECT / "reversa" / "templates" / "report.html.j2"
VERIFIER = [(TEMPLATE.parent / f"verifier{part}").read_text(encoding="utf-8") for part in (".html.j2", "-checks.js", "-page.js")]
SOURCES = [
    TEMPLATE.read_text(encoding="utf-8"),
    *VERIFIER,
    *(inspect.getsource(module) for module in (rendering, wording, plots, differences, terminal, story, cli)),
]
ROAD_CODES = ("message.body.secret", "user.id.twin", "file.sha256.unreadable", "file.size.differs")

NOT_IN_EXPORT = Change("slack.file.body-not-in-export", "file", "sha256", "lost", "source-lacks", "Slack exports links to files, not the files")
SECRET = Change("message.body.secret", "message", "body", "converted", "policy", "a credential was removed")
NUL = Change("sql.message.id.nul", "message", "id", "skipped", "target-cannot", "an id with U+0000 cannot be stored")
FOREIGN = Change("acme.page.title.cut", "page", "title", "converted", "not-written-yet", "titles are cut after 80 characters")

DIFFERENT = Report(
    reversa="0.1.0",
    made_at=datetime(2026, 11, 22, 20, 47, tzinfo=UTC),
    verdict="different",
    reasons=("values-differ", "refused", "export-unexplained"),
    accepted_by="Ada Lovelace",
    source="slack:T0001",
    target="postgresql://db/acme",
    package="4a3acd96d3b954fbe976eb1a5e188228c1777d4934fe26134403692f41db37f5",
    exported_at=datetime(2026, 11, 22, 20, 46, tzinfo=UTC),
    headline=Headline(values=14518, identical=14100, converted=276, lost=72, loss_reasons=1, wrong=4, unchecked=66, rights_widened=1, left_out=1),
    export_balance=(
        Balance(kind="user", seen=70, placeholders=1, records=71),
        Balance(kind="message", seen=1390, records=1382, merged=4, ignored=2, unreadable=1),
        Balance(kind="file", seen=72, records=72),
        Balance(kind="opaque", seen=3, records=3),
    ),
    import_balance=(
        ImportBalance(kind="user", exported=71, written=71),
        ImportBalance(kind="message", exported=1382, written=1378, skipped=1, refused=2, blocked=1),
        ImportBalance(kind="file", exported=72, written=71, merged=1),
        ImportBalance(kind="opaque", exported=3, written=3),
    ),
    changes=(
        ChangeLine(change=NOT_IN_EXPORT, side="source", planned=72, observed=72),
        ChangeLine(change=SECRET, side="source", planned=276, observed=270),
        ChangeLine(change=NUL, side="target", planned=1, observed=1),
        ChangeLine(change=FOREIGN, side="target", planned=0, observed=0),
    ),
    records={"user": {"=": 71}, "message": {"=": 1375, "*": 2, "-": 3, "?": 1}, "file": {"=": 72, "+": 1}, "opaque": {"=": 3}},
    fields={"message": {"body": {"=": 1376, "~": 270, "*": 1, "-": 3}, "created_at": {"=": 1380, "*": 1}}, "file": {"sha256": {"L": 72}}},
    findings=(
        Finding(
            kind="message",
            id="C1/1",
            status="*",
            field="body",
            expected={"format": "markdown", "text": "Bonjour à tous !"},
            found={"format": "markdown", "text": "Bonjour à vous !"},
        ),
        Finding(kind="message", id="C1/2", status="-", note="the target does not show it"),
        Finding(kind="message", id="C1/3", status="?", note="the target cannot be asked"),
        Finding(kind="message", id="C1/4", status="!", field="created_at", note="'yesterday' is no instant"),
        Finding(kind="message", id="C1/5", status="-", field="target id", expected=("17",), found=None, note="not under the id in the ledger"),
        Finding(kind="file", id="F9", status="+", found={"id": "F9", "root": "message:C1/1", "target": "message:C1/1"}, note="the target shows it"),
    ),
    unreadable=(Event(what="message", where="general/2016-05-01.json#3", reason="ts is not a number"),),
    refused=(
        Event(what="refused", where="message:C1/6", reason="value too long"),
        Event(what="blocked", where="message:C1/7", reason="message:C1/6 was refused"),
    ),
    not_mapped={"user": 71, "opaque": 3},
    native_bodies={"slack-message": 1382},
    volume={"message": {"2015-06": 1200, "2015-09": 182}, "file": {"2015-06": 72}},
)
VERIFIED = replace(
    DIFFERENT,
    verdict="verified",
    reasons=(),
    accepted_by=None,
    headline=Headline(values=1000, identical=1000, converted=0, lost=0, loss_reasons=0, wrong=0, unchecked=0, rights_widened=0, left_out=0),
    export_balance=(Balance(kind="user", seen=71, records=71),),
    import_balance=(ImportBalance(kind="user", exported=71, written=71),),
    changes=(),
    records={"user": {"=": 71}},
    findings=(),
    unreadable=(),
    refused=(),
)
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)> javascript:alert(1) {{ 7*7 }} %s {0} \u202eevil\u200b\x1b[31m\x07\x9b2J\r\0"


def page(report: Report, language: str, folder: Path) -> str:
    path = folder / f"report.{language}.html"
    write_html(report, language, path)
    return path.read_text(encoding="utf-8")


def words(html: str) -> str:
    """What a reader sees of a page, in one line."""
    return re.sub("[ \n]+", " ", "".join(Reading.of(html).text))


@dataclass
class Reading(HTMLParser):
    """The tags with their attributes, and the text, of a page."""

    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    text: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    @classmethod
    def of(cls, html: str) -> Reading:
        reading = cls()
        reading.feed(html)
        reading.close()
        return reading

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


# -------------------------------------------------------------------------------------------------- the catalogue


def families() -> set[str]:
    """The keys that are put together at run time, from what they are put together of."""
    grids = {"arrivals": rendering._ARRIVALS, "export": rendering._EXPORT, "import": rendering._IMPORT}
    return {
        *(f"{prefix}.{verdict}" for prefix in ("verdict", "sentence", "next") for verdict in VERDICTS),
        *(f"reason.{reason}" for reason in REASONS),
        *(f"effect.{effect}" for effect in get_args(Effect)),
        *(f"why.{why}" for why in get_args(Why)),
        *(f"status.{status}" for status in STATUSES),
        *(f"state.{state}" for state in ("refused", "blocked")),
        *(f"kind-name.{kind}" for kind in KINDS),
        *(f"{grid}.{column}" for grid, columns in grids.items() for column in columns),
        *(f"{grid}.caption" for grid in grids),
        *(f"{name}.caption" for name in ("unreadable", "refused")),
        *(f"headline.{figure}" for figure in ("wrong", "unchecked")),
        *(f"changes.{column}" for column in ("planned", "observed", "agreement", "change")),
    }


def test_every_key_used_has_its_texts() -> None:
    literal = {key for source in SOURCES for key in re.findall(r"""\b(?:t|self|words|say)\(["']([^"'{}]+)["'][,)]""", source)}
    literal |= {key for source in VERIFIER for key in re.findall(r'"(verifier\.[^"]+)"', source)}
    assert len(literal) > 50
    assert (literal | families()) - catalogue().keys() == set()


def test_no_text_is_unused() -> None:
    quoted = {text for source in SOURCES for text in re.findall(r"""["']([a-z.-]+)["']""", source)}
    codes = {f"change.{pattern}" for pattern in wording.change_patterns()}
    own = tomllib.loads((PROJECT / "reversa" / "templates" / "messages.toml").read_text(encoding="utf-8"))
    assert {key for key in catalogue() if key.split(".")[0] in own} - quoted - families() - codes == set()


@pytest.mark.parametrize("key", catalogue())
def test_a_text_says_the_same_in_both_languages(key: str) -> None:
    def forms(text: str | dict[str, str]) -> dict[str, str]:
        return text if isinstance(text, dict) else {"": text}

    english, french = (forms(catalogue()[key][language]) for language in ("en", "fr"))
    assert english.keys() == french.keys()
    for form, text in english.items():
        assert text.strip() or key == "separator"
        assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", french[form])), "the same values in both"
        assert "'" not in text + french[form], "typographic apostrophes"
        assert not re.search(r" [:;?!%»]|« |[\w}»][;?!%]|[a-z}»]:", french[form]), "French puts a non-breaking space before : ; ? ! %"


def declared() -> Iterator[Change]:
    """Every change that an adapter or the road may make."""
    from reversa.systems.sql import shaping
    from reversa.systems.sql.dialects import Dialect

    with closing(registry.exporter("slack").open(Locator("slack", str(REAL_EXPORT)), Options())) as exporter:
        yield from exporter.facts.changes
    for dialect in Dialect.__subclasses__():
        yield from shaping.changes(dialect())
    yield from Held("wiki", {"page": set()}).changes
    yield from markup.changes("wiki", "revision", "body")
    yield Change("wiki.page.name.renamed", "page", "name", "converted", "target-cannot", "an English note")
    yield from (Change(code, code.split(".")[0], code.split(".")[1], "lost", "policy", "an English note") for code in ROAD_CODES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_declared_change_has_a_sentence_and_every_sentence_a_change(language: Language) -> None:
    t, changes = Texts(language), list(declared())
    assert {t.change(change) for change in changes}.isdisjoint({visible(change.note) for change in changes})
    told = {t.change(change).replace(t.kind(change.kind), "KIND", 1) for change in changes}
    for pattern in wording.change_patterns():
        start = catalogue()[f"change.{pattern}"][language].format(kinds="KIND", field="\0").partition("\0")[0]
        assert any(sentence.startswith(start) for sentence in told), pattern


def test_a_change_that_the_catalogue_does_not_know_speaks_by_its_note() -> None:
    assert Texts("fr").change(FOREIGN) == FOREIGN.note
    assert Texts("fr").change(replace(FOREIGN, code="sql.page.title.nul")).startswith("Pages, «\u00a0Titre\u00a0»")


def test_a_language_without_texts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not 'de'"):
        render_text(VERIFIED, "de")
    with pytest.raises(ValueError, match="not 'de'"):
        write_html(VERIFIED, "de", tmp_path / "report.html")


# ------------------------------------------------------------------------------------------------ what it says


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("verdict", VERDICTS)
def test_the_verdict_comes_first_and_says_why(verdict: Verdict, language: Language, tmp_path: Path) -> None:
    reasons = () if verdict == "verified" else tuple(REASONS)
    report, t = replace(DIFFERENT, verdict=verdict, reasons=reasons), Texts(language)
    html, text = page(report, language, tmp_path), render_text(report, language)
    assert f"<h1>{escape(t(f'verdict.{verdict}'))}</h1>" in html
    assert Reading.of(html).named("html") == [{"lang": language}]
    seen = words(html)
    assert seen.index(t(f"sentence.{verdict}")) < seen.index(t("arrivals.title"))
    assert text.startswith(t(f"verdict.{verdict}").upper() + "\n")
    plain = re.sub("[ \n]+", " ", text)
    for reason in REASONS:
        assert (t(f"reason.{reason}") in seen) == (t(f"reason.{reason}") in plain) == (verdict != "verified")


@pytest.mark.parametrize(
    ("part", "whole", "english", "french"),
    [
        (978, 1000, "97.8%", "97,8\u00a0%"),
        (1000, 1000, "100%", "100\u00a0%"),
        (0, 1000, "0%", "0\u00a0%"),
        (999_999, 1_000_000, ">\u00a099.9%", ">\u00a099,9\u00a0%"),
        (9_996, 10_000, ">\u00a099.9%", ">\u00a099,9\u00a0%"),
        (9_994, 10_000, "99.9%", "99,9\u00a0%"),
        (1, 1_000_000, "<\u00a00.1%", "<\u00a00,1\u00a0%"),
        (4, 10_000, "<\u00a00.1%", "<\u00a00,1\u00a0%"),
        (6, 10_000, "0.1%", "0,1\u00a0%"),
        (10**15 - 1, 10**15, ">\u00a099.9%", ">\u00a099,9\u00a0%"),
    ],
)
def test_a_share_never_rounds_to_all_or_to_nothing(part: int, whole: int, english: str, french: str) -> None:
    assert Texts("en").percent(part, whole) == english
    assert Texts("fr").percent(part, whole) == french


def test_nothing_compared_is_no_share(tmp_path: Path) -> None:
    empty = replace(
        VERIFIED, headline=replace(VERIFIED.headline, values=0, identical=0), volume={}, records={}, import_balance=(), export_balance=(), fields={}
    )
    assert "There was no value to compare." in render_text(empty, "en")
    assert "Il n’y avait aucune valeur à comparer." in words(page(empty, "fr", tmp_path))


@pytest.mark.parametrize("language", LANGUAGES)
def test_who_accepted(language: Language, tmp_path: Path) -> None:
    t = Texts(language)
    cases = [(DIFFERENT, "accepted.by"), (replace(DIFFERENT, accepted_by=None), "accepted.nobody"), (VERIFIED, "accepted.nothing")]
    for report, key in cases:
        said = t(key, people="Ada Lovelace")
        assert said in words(page(report, language, tmp_path))
        assert said in render_text(report, language)


def test_changes_are_told_line_by_line(tmp_path: Path) -> None:
    html = page(DIFFERENT, "en", tmp_path)
    rows = html.partition("stacked changes")[2].partition("</table>")[0].split('<tr role="row">')[2:]
    told = {re.findall(r'<span class="code">([^<]+)', row)[0]: re.findall(r"</span>([^<>]+)</td>", row) for row in rows}
    assert told == {
        "slack.file.body-not-in-export": ["72", "72", "agree"],
        "message.body.secret": ["276", "270", "do not agree"],
        "sql.message.id.nul": ["1", "1", "agree"],
        "acme.page.title.cut": ["0", "0", "not applicable"],
    }


def test_what_is_kept_apart_is_no_arrival(tmp_path: Path) -> None:
    html = page(DIFFERENT, "en", tmp_path)
    arrivals, apart = (part.partition("</table>")[0] for part in (html.partition('id="arrivals"')[2], html.partition('class="counts apart"')[2]))
    assert "Items without an equivalent" not in arrivals
    rows = [words(row) for row in apart.split("<tbody>")[1].split("</tr>")]
    assert [row.strip() for row in rows if row.strip()] == [
        "texts in the old system’s own markup slack-message1,382",
        "items without an equivalent3",
        "items with fields carried, not mapped People71",
    ]
    assert "1,518 of 1,525 items are in the new system as expected." in words(html)


def test_balances_show_what_is_unexplained(tmp_path: Path) -> None:
    html = page(DIFFERENT, "en", tmp_path)
    export = html.partition('id="export"')[2].partition("</table>")[0]
    row = export.partition(">Messages<")[2].partition("</tr>")[0]
    assert [int(n.replace(",", "")) for n in re.findall(r">([\d,]+)<", row)] == [1390, 0, 1382, 4, 2, 1, 1]
    assert "<mark>1</mark>" in row
    assert "No: some items are accounted for nowhere." in html
    assert "Yes: every item is accounted for" in page(VERIFIED, "en", tmp_path)


def test_plots_have_their_numbers_beside_them(tmp_path: Path) -> None:
    html = page(DIFFERENT, "en", tmp_path)
    assert len(Reading.of(html).named("svg")) == 3, "the sign of the verdict and two plots"
    assert html.count('<rect class="bar"') == 3 + 2 + 1, "a bar per kind, a bar per month with messages or files"
    table = html.partition('id="volume"')[2].partition("</table>")[0]
    assert [re.findall(r">([^<>\n]+)<", row) for row in table.split("<tr>")[2:]] == [
        ["Jun 2015", "1,200", "72"],
        ["Jul 2015", "0", "0"],
        ["Aug 2015", "0", "0"],
        ["Sept 2015", "182", "0"],
    ]


def test_a_long_time_is_shown_by_years(tmp_path: Path) -> None:
    html = page(replace(DIFFERENT, volume={"message": {"0001-01": 1, "1970-01": 2, "2016-05": 3, "2016-06": 4, "9999-12": 5}}), "en", tmp_path)
    plot = html.partition('aria-label="What was written when"')[2].partition("</svg>")[0]
    assert re.findall(r"<title>([^<]+)</title>", plot) == ["0001 · 1", "1970 · 2", "2016 · 7", "9999 · 5"]
    assert len(html) < 3_000_000


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_text_reads_as_agreed(language: Language, accept: bool) -> None:
    golden(f"report.{language}.txt", render_text(DIFFERENT, language), accept)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_plan_reads_as_agreed(language: Language, accept: bool) -> None:
    lines = tuple(Planned(change=line.change, side=line.side, count=line.planned) for line in DIFFERENT.changes)
    plan = Plan(package="4a3a", target="postgresql://db/acme", live=True, records={"user": 71, "message": 1381}, changes=lines)
    golden(f"plan.{language}.txt", render_plan(plan, language), accept)


def test_the_text_is_short_and_its_tables_are_aligned() -> None:
    many = replace(DIFFERENT, findings=DIFFERENT.findings[:1] * 50)
    text = render_text(many, "en")
    assert text.count("message C1/1 body (Text)") == 10
    assert "10 findings are shown; findings.ndjson holds up to 1,000 per kind, field and status." in text
    table = text.partition("Import: ")[2].splitlines()[1:]
    assert len({len(line) for line in table}) == 1


# --------------------------------------------------------------------------------------- both sides of a difference


def marked(side: differences.Side) -> str:
    assert not isinstance(side, str)
    return "".join(f"[{piece}]" if differs else piece for differs, piece in side)


def sides(expected: object, found: object, size: int = 200) -> tuple[str, str]:
    shown = difference(Finding(kind="page", id="1", status="*", field="title", expected=expected, found=found), size, Texts("en"))
    return marked(shown.expected), marked(shown.found)


def test_the_words_that_differ_are_marked() -> None:
    assert sides("the quick brown fox", "the quick red fox") == ("the quick [brown] fox", "the quick [red] fox")
    assert sides("one two", "alpha beta gamma") == ("[one two]", "[alpha beta gamma]")
    assert sides(7, 8) == ("[7]", "[8]")


def test_of_structures_only_what_differs_is_told() -> None:
    assert sides({"format": "a", "text": "same"}, {"format": "b", "text": "same"}) == ("format: [a]", "format: [b]")
    assert sides({"format": "x", "text": '{"text":"Hello all","blocks":[1]}'}, {"format": "x", "text": '{"text":"Hello you","blocks":[1]}'}) == (
        "Hello [all]",
        "Hello [you]",
    )
    assert sides('{"a":1}', '{"a": 1}') == ('{"a":1}', '{"a":[ ]1}'), "JSON that means the same is told as it is written"
    assert sides("[" * 1500, "{" * 1500, 3) == ("[[[[] …", "[{{{] …"), "no JSON, however deep, and cut"


def test_a_difference_far_inside_is_shown() -> None:
    expected, found = sides("x " * 400 + "old", "x " * 400 + "new")
    assert (expected[:3], expected[-5:], found[-5:]) == ("… x", "[old]", "[new]")


def test_a_difference_behind_the_end_is_said() -> None:
    shown = difference(Finding(kind="page", id="1", status="*", field="title", expected="a" * 2000 + " …", found="a" * 2000 + " …"), 200, Texts("en"))
    assert shown.beyond


def test_nothing_and_an_empty_text_are_not_the_same() -> None:
    shown = difference(Finding(kind="page", id="1", status="-", field="title", expected=""), 200, Texts("en"))
    assert (shown.expected, shown.found) == ("an empty text", "nothing")


# ------------------------------------------------------------------------------------------------------ harmless


def test_unseen_characters_are_shown_as_code_points() -> None:
    assert (
        visible("a\u202eb\u200bc\x1bd\ufeff\u00a0\u2028\ufe0f\ud800e f") == "a‹U+202E›b‹U+200B›c‹U+001B›d‹U+FEFF›‹U+00A0›‹U+2028›‹U+FE0F›‹U+D800›e f"
    )
    assert visible("é 漢 🙂 ا\n", keep=" \n") == "é 漢 🙂 ا\n"


def hostile() -> Report:
    """A report whose every text from data is hostile."""
    change = Change(HOSTILE, HOSTILE, HOSTILE, "lost", "policy", HOSTILE)
    finding = Finding(kind=HOSTILE, id=HOSTILE, status="*", field=HOSTILE, expected=HOSTILE, found={HOSTILE: [HOSTILE]}, note=HOSTILE)
    event = Event(what="refused", where=HOSTILE, reason=HOSTILE)
    return replace(
        DIFFERENT,
        reversa=HOSTILE,
        accepted_by=HOSTILE,
        source=HOSTILE,
        target=HOSTILE,
        package=HOSTILE,
        export_balance=(Balance(kind=HOSTILE, seen=3, unreadable=3),),
        import_balance=(ImportBalance(kind=HOSTILE, exported=1, refused=1),),
        changes=(ChangeLine(change=change, side="source", planned=1, observed=1),),
        records={HOSTILE: {"=": 1}},
        fields={HOSTILE: {HOSTILE: {"=": 1}}},
        findings=(finding, replace(finding, status="!", expected=None, found=None)),
        unreadable=(replace(event, what=HOSTILE),),
        refused=(event,),
        not_mapped={HOSTILE: 1},
        native_bodies={HOSTILE: 1},
        volume={HOSTILE: {"2016-05": 1}},
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_hostile_data_is_inert_in_the_page(language: Language, tmp_path: Path) -> None:
    html = page(hostile(), language, tmp_path)
    check_stands_alone(html)
    assert not [c for c in html if c != "\n" and unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]
    seen = words(html)
    assert seen.count("‹U+202E›evil‹U+200B›‹U+001B›[31m‹U+0007›‹U+009B›2J‹U+000D›‹U+0000›") > 30, "shown, and shown harmless"
    assert seen.count("<script>alert(1)</script>") > 30
    assert "49" not in re.findall(r"\{\{ .*? \}\}|49", seen)


@pytest.mark.parametrize("language", LANGUAGES)
def test_hostile_data_is_inert_in_a_terminal(language: Language) -> None:
    plan = Plan(
        package="", target=HOSTILE, live=False, records={HOSTILE: 1}, changes=(Planned(change=hostile().changes[0].change, side="source", count=1),)
    )
    for text in (render_text(hostile(), language), render_plan(plan, language)):
        assert not [c for c in text if c != "\n" and unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]
        assert "‹U+001B›[31m" in text


# ------------------------------------------------------------------------------------------- alone, for everybody


def check_stands_alone(html: str) -> None:
    reading = Reading.of(html)
    active = {"script", "link", "img", "iframe", "object", "embed", "form", "input", "base", "audio", "video", "image", "use", "foreignobject", "a"}
    assert active.isdisjoint(tag for tag, _ in reading.tags)
    for tag, attributes in reading.tags:
        assert not [
            name for name in attributes if name.startswith("on") or name in {"src", "href", "xlink:href", "style", "background", "action", "srcset"}
        ], tag
    style = html.partition("<style>")[2].partition("</style>")[0]
    assert not re.search(r"url\(|@import|expression|//", style)
    policy = {"http-equiv": "Content-Security-Policy", "content": "default-src 'none'; style-src 'unsafe-inline'; img-src data:"}
    assert [tag for tag, attributes in reading.tags if attributes == policy] == ["meta"]
    assert html.index("Content-Security-Policy") < html.index("<style>")


@pytest.mark.parametrize("report", [VERIFIED, DIFFERENT], ids=lambda report: report.verdict)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_stands_alone_and_is_built_for_everybody(report: Report, language: Language, tmp_path: Path) -> None:
    html = page(report, language, tmp_path)
    check_stands_alone(html)
    reading = Reading.of(html)
    assert html.count("<table") == html.count("<caption") > 0
    assert all(attributes.get("scope") in ("row", "col") for attributes in reading.named("th"))
    ids = [attributes["id"] for _, attributes in reading.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {attributes["aria-labelledby"] for _, attributes in reading.tags if "aria-labelledby" in attributes} <= set(ids)
    assert all(attributes.get("aria-hidden") == "true" or attributes.get("aria-label") for attributes in reading.named("svg"))
    headings = [tag for tag, _ in reading.tags if re.fullmatch(r"h[1-6]", tag)]
    assert headings.count("h1") == 1
    assert headings[0] == "h1"


def test_colours_have_enough_contrast() -> None:
    colours = dict(re.findall(r"--(\w+): #([0-9a-f]{6})", TEMPLATE.read_text(encoding="utf-8")))

    def light(colour: str) -> float:
        channels = [int(colour[n : n + 2], 16) / 255 for n in (0, 2, 4)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(ink: str, ground: str) -> float:
        dark, bright = sorted((light(ink), light(ground)))
        return (bright + 0.05) / (dark + 0.05)

    for ink in ("ink", "soft", "good", "part", "bad"):
        assert contrast(colours[ink], "ffffff") >= 4.5, ink
    assert contrast(colours["ink"], colours["mark"]) >= 4.5
    assert contrast(colours["bar"], "ffffff") >= 3


# --------------------------------------------------------------------------------------------------- a real browser


class Chromium:
    """Debian's Chromium, without a window, with a profile of its own."""

    def __init__(self, binary: str, folder: Path) -> None:
        self._binary, self._folder = binary, folder

    def open(self, html: str, width: int, height: int, *options: str) -> str:
        """Show a page in a frame of that size and return the document around it, whose title says how wide the page is.

        Chromium makes no window narrower than 500 pixels; a frame may be as narrow as a telephone. The page is the
        frame's srcdoc, so its policy holds in it and the script around it may still measure.
        """
        frame = f'<iframe width="{width}" height="{height}" style="border:0;display:block" srcdoc="{escape(html)}"></iframe>'
        measure = "onload = () => { const e = frames[0].document.documentElement; document.title = e.scrollWidth + ' of ' + e.clientWidth }"
        wrapper = self._folder / "wrapper.html"
        wrapper.write_text(f'<!doctype html><meta charset="utf-8"><body style="margin:0">{frame}<script>{measure}</script>', encoding="utf-8")
        return self.run(wrapper, f"--window-size={max(width, 500)},{height}", "--dump-dom", *options)

    def run(self, path: Path, *options: str) -> str:
        quiet = ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
        start = [
            self._binary,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
            *quiet,
            f"--user-data-dir={self._folder / 'profile'}",
        ]
        done = subprocess.run([*start, *options, path.as_uri()], capture_output=True, text=True, timeout=120, check=True)
        complaints = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
        assert complaints == [], "the browser complains about the page"
        return done.stdout


@pytest.fixture
def chromium(tmp_path: Path) -> Chromium:
    binary = shutil.which("chromium")
    if binary is None:
        if os.environ.get("CI"):
            pytest.fail("chromium is missing: apt-get install chromium fonts-dejavu")
        pytest.skip("chromium is not on this machine: apt-get install chromium fonts-dejavu")
    return Chromium(binary, tmp_path)


def widths(document: str) -> tuple[int, int]:
    """How wide the page in the frame is, and how wide the frame lets it be."""
    found = re.search(r"<title>(\d+) of (\d+)</title>", document)
    assert found is not None
    return int(found[1]), int(found[2])


@pytest.mark.servers
@pytest.mark.parametrize("language", LANGUAGES)
def test_in_a_real_browser(language: Language, chromium: Chromium, tmp_path: Path) -> None:
    for report in (VERIFIED, DIFFERENT, hostile()):
        html = page(report, language, tmp_path)
        shown = chromium.run(tmp_path / f"report.{language}.html", "--dump-dom")
        assert f"<h1>{Texts(language)(f'verdict.{report.verdict}')}</h1>" in shown
        assert shown.count('<svg class="plot"') == 2
        for width, height in ((320, 800), (360, 800), (700, 900), (1280, 900)):
            picture = tmp_path / f"{width}.png"
            wide, allowed = widths(chromium.open(html, width, height, f"--screenshot={picture}"))
            assert allowed > width - 20
            assert wide <= allowed, "the page is wider than the screen"
            assert struct.unpack(">II", picture.read_bytes()[16:24]) == (max(width, 500), height)
            assert picture.stat().st_size > 10_000, "not a blank page"


@pytest.mark.servers
def test_the_browser_would_notice(chromium: Chromium, tmp_path: Path) -> None:
    html = page(VERIFIED, "en", tmp_path)
    wide, allowed = widths(chromium.open(html.replace("</main>", '<div style="width:900px">wide</div></main>'), 360, 800))
    assert wide > allowed
    with pytest.raises(AssertionError, match="complains"):
        chromium.open(html.replace("</main>", "<script>alert(1)</script></main>"), 360, 800)
