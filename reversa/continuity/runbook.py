"""The vendor-continuity runbook of a run: what is known with its evidence, what is not, and what people decide and sign."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from reversa import __version__
from reversa.continuity.case import read_case, template
from reversa.continuity.chapters import due_dates, known_sections, length_of, status_of
from reversa.continuity.clocks import Entry, ics, uid
from reversa.continuity.decisions import decided_sections, up_to_date
from reversa.continuity.documents import Document, Evidence, write
from reversa.continuity.drafting import Draft
from reversa.continuity.evidence import Folder, Known
from reversa.errors import RunError
from reversa.files import write_whole
from reversa.wording import Language, Phrase, Texts

CASE = "case.toml"


def write_runbook(folder: Path, language: Language, now: datetime) -> Path:
    """Write ``runbook.<language>`` as .html, .md, .json and .ics into a run folder, and ``case.toml`` if there is none.

    Returns the path of the page. Raises RunError when ``case.toml`` says something wrong.
    """
    known = {"package", "package.json", "source.json", "plan.json", "report.json", "ledger.sqlite", CASE}
    inside = {path.name for path in folder.iterdir()} - {"run.lock"}
    if inside and not inside & known:
        raise RunError(f"{folder} is not the folder of a run.", "Give the folder that reversa migrate made, or an empty one.")
    if not (folder / CASE).exists():
        write_whole(folder / CASE, template().encode())
    draft = open_draft(folder, language, now)
    stem = folder / f"runbook.{language}"
    write(make_runbook(draft), stem)
    dates = _entries(draft)
    if dates:
        write_whole(folder / f"runbook.{language}.ics", ics(dates, now))
    else:  # a calendar without a date is none (RFC 5545)
        (folder / f"runbook.{language}.ics").unlink(missing_ok=True)
    return folder / f"runbook.{language}.html"


def open_draft(folder: Path, language: Language, now: datetime) -> Draft:
    """Everything that a document about a run is written from."""
    files = Folder(folder)
    content = (folder / CASE).read_bytes()
    case = Known(read_case(folder / CASE, content), (Evidence(CASE, files.files[CASE]),))
    return Draft(Texts(language), files, case, now)


def make_runbook(d: Draft) -> Document:
    """The runbook in one language."""
    t = d.t
    sections = (*known_sections(d), *decided_sections(d))
    source = d.folder.manifest.found.source if d.folder.manifest.found else None
    target = d.folder.plan.found.target if d.folder.plan.found else "?"
    return Document(
        title=t("runbook.title"),
        subtitle=f"{source} → {target}" if source else str(d.folder.folder.name),
        language=t.language,
        reversa=__version__,
        made_at=d.now,
        notices=tuple(_notices(d)),
        sections=sections,
    )


def _notices(d: Draft) -> list[Phrase]:
    """What a reader must know first: how far the run came, and what the page is not."""
    t, f = d.t, d.folder
    said = []
    if f.manifest.problem:
        said.append(t("runbook.never-exported"))
    if f.report.found is None:
        said.append(t("runbook.never-verified"))
    else:
        said.append(t("runbook.verdict", verdict=t(f"verdict.{f.report.found.verdict}")))
        if f.steps.found is None or not up_to_date(f.steps.found):
            said.append(t("runbook.out-of-date"))
    return [*said, t("runbook.missing-explained"), t("runbook.not-advice")]


def _entries(d: Draft) -> list[Entry]:
    """The dates of the calendar, in the words of the page."""
    run = d.folder.manifest.found.digest if d.folder.manifest.found else d.folder.folder.name
    return [
        Entry(
            uid=uid(run, id),
            at=at,
            summary=clock.words[d.t.language],
            description="\n".join((clock.basis, length_of(d, clock), status_of(d, clock), d.t("runbook.not-advice"))),
        )
        for id, clock, at in due_dates(d)
    ]
