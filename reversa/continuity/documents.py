"""A document for people to read and sign, built once and written as HTML, Markdown and JSON.

A text is a :class:`reversa.wording.Phrase` when it is ours; any other string is data and is made harmless when shown.
A figure says where it comes from: measured, with the files and their digests; stated by people; or not established.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from reversa.errors import RunError
from reversa.files import write_whole
from reversa.wording import Language, Phrase, Texts, templates, visible

Basis = Literal["measured", "stated", "missing"]
SHOWN_EVIDENCE = 2
"""Files named beside a figure; beyond that, how many there are."""


class Evidence(msgspec.Struct, frozen=True):
    """A file that a figure comes from: its path in the run folder and its SHA-256."""

    path: str
    sha256: str


class Figure(msgspec.Struct, frozen=True, kw_only=True, tag="figure"):
    """One thing known or not known. ``value`` is for machines, ``shown`` for people; what is missing has a reason."""

    id: str
    label: str
    value: str | int | None
    shown: str
    basis: Basis
    evidence: tuple[Evidence, ...] = ()
    reason: str = ""


class Boxes(msgspec.Struct, frozen=True, tag="boxes"):
    """Boxes to tick by hand."""

    labels: tuple[str, ...]


Cell = str | Figure | Boxes


class Paragraph(msgspec.Struct, frozen=True, tag="paragraph"):
    """Text; one that warns is set apart."""

    text: str
    warning: bool = False


class Figures(msgspec.Struct, frozen=True, tag="figures"):
    """Figures one below the other."""

    caption: str
    figures: tuple[Figure, ...]


class Table(msgspec.Struct, frozen=True, tag="table"):
    """Rows of text, figures and boxes; the first cell names its row. ``numbers`` are the columns set flush right."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    numbers: frozenset[int] = frozenset()


class Blanks(msgspec.Struct, frozen=True, tag="blanks"):
    """Lines to fill in by hand."""

    caption: str
    labels: tuple[str, ...]


class Signatures(msgspec.Struct, frozen=True, tag="signatures"):
    """A decision to tick, if there is one, and who signs."""

    caption: str
    roles: tuple[str, ...]
    decision: Boxes | None = None


class Listing(msgspec.Struct, frozen=True, tag="listing"):
    """Lines to be copied as they are."""

    caption: str
    lines: tuple[str, ...]


class Cited(msgspec.Struct, frozen=True, tag="cited"):
    """The files that the figures of the document come from, by their numbers."""

    caption: str


Block = Paragraph | Figures | Table | Blanks | Signatures | Listing | Cited


class Section(msgspec.Struct, frozen=True):
    number: int
    title: str
    blocks: tuple[Block, ...]


class Document(msgspec.Struct, frozen=True, kw_only=True):
    title: str
    subtitle: str
    language: Language
    reversa: str
    made_at: datetime
    notices: tuple[str, ...]
    """What a reader must know before anything else."""
    sections: tuple[Section, ...]

    def figures(self) -> Iterator[Figure]:
        """Every figure in the order of the page."""
        for section in self.sections:
            for block in section.blocks:
                if isinstance(block, Figures):
                    yield from block.figures
                elif isinstance(block, Table):
                    yield from (cell for row in block.rows for cell in row if isinstance(cell, Figure))

    def cited(self) -> dict[Evidence, int]:
        """The evidence of all figures with its numbers, in the order of paths."""
        files = {evidence for figure in self.figures() for evidence in figure.evidence}
        return {evidence: number for number, evidence in enumerate(sorted(files, key=lambda e: e.path), 1)}


def beside(package: Path, to: Path | None, name: str) -> Path:
    """The folder where documents about a package are filed: ``to``, or ``name`` beside it. Raises RunError for one inside."""
    place = (to or package.parent / name).resolve()
    if package == place or package in place.parents:
        raise RunError(f"{place} lies inside the package, which nothing may be added to.", "Give another folder: --to FOLDER")
    return place


def write(document: Document, stem: Path) -> None:
    """Write ``stem`` with .html, .md and .json; each is whole or as it was before."""
    for suffix, content in ((".html", html(document)), (".md", markdown(document)), (".json", json(document))):
        write_whole(stem.with_name(stem.name + suffix), content.encode())


def json(document: Document) -> str:
    """The document for machines; data as it is."""
    return msgspec.json.format(msgspec.json.encode(document, enc_hook=str), indent=1).decode() + "\n"


class Sources:
    """Says where a figure comes from, by the numbers of its files."""

    def __init__(self, document: Document) -> None:
        self._numbers = document.cited()
        self._t = Texts(document.language)

    def marks(self, figure: Figure) -> Phrase:
        """``E3``, or ``E3–E11``; what people stated says so."""
        numbers = sorted(self._numbers[evidence] for evidence in figure.evidence)
        text = Phrase(", ".join(f"E{n}" for n in numbers))
        if len(numbers) > SHOWN_EVIDENCE:
            text = self._t("document.files", len(numbers), first=Phrase(f"E{numbers[0]}"), last=Phrase(f"E{numbers[-1]}"))
        return self._t("document.stated", files=text) if figure.basis == "stated" else text

    def told(self, figure: Figure) -> str:
        """With the names of the files, or the reason why it is not established."""
        if figure.basis == "missing":
            return figure.reason
        if len(figure.evidence) > SHOWN_EVIDENCE:
            return self.marks(figure)
        files = ", ".join(visible(evidence.path) for evidence in figure.evidence)
        return Phrase(f"{self.marks(figure)} {files}")


# -------------------------------------------------------------------------------------------------------- HTML


def html(document: Document) -> str:
    """One page that loads nothing and runs nothing."""
    return (
        templates(document.language)
        .get_template("document.html.j2")
        .render(
            t=Texts(document.language), document=document, sources=Sources(document), cited=document.cited(), kind=lambda block: type(block).__name__
        )
    )


# ----------------------------------------------------------------------------------------------------- Markdown

_MARKUP = re.compile(r"([\\*_{}\[\]<>#~&$!])")
_PLAIN = re.compile(r"[^\W_][\w ’',()%/\u00a0\u202f-]*")
_LINK = re.compile(r"://|@|www\.", re.IGNORECASE)
_UNUSABLE = {ord("|"): "‹U+007C›", ord("`"): "‹U+0060›"}
"""Characters that end a cell or a code span, in some readers even behind a backslash."""


def markdown(document: Document) -> str:
    """The document as Markdown. Data that is more than plain words stands in code spans, where nothing is markup."""
    t = Texts(document.language)
    m = functools.partial(_marked, t)
    lines = [
        f"# {m(document.title)}",
        "",
        m(document.subtitle),
        "",
        m(t("document.made", moment=t.moment(document.made_at), version=document.reversa)),
    ]
    for notice in document.notices:
        lines += ["", f"> **{m(notice)}**"]
    for section in document.sections:
        lines += ["", f"## {section.number}\\. {m(section.title)}"]
        for block in section.blocks:
            lines += ["", *_block(block, document, t)]
    return "\n".join(lines) + "\n"


def _marked(t: Texts, text: object) -> str:
    """A text as Markdown shows it: inert."""
    shown = str(t.show(text))
    if not shown:
        return ""
    shown = shown.translate(_UNUSABLE)
    if (isinstance(text, Phrase) and not _LINK.search(shown)) or _PLAIN.fullmatch(shown):
        return _MARKUP.sub(r"\\\1", shown)
    return f"`{shown}`" if shown.strip() else "` `"


def _block(block: Block, document: Document, t: Texts) -> list[str]:
    m = functools.partial(_marked, t)
    sources = Sources(document)
    if isinstance(block, Cited):
        files = [[f"E{number}", m(evidence.path), m(evidence.sha256)] for evidence, number in document.cited().items()]
        return [f"**{m(block.caption)}**", "", *_rows([t("document.number"), t("document.file"), "SHA-256"], files, t)]
    if isinstance(block, Paragraph):
        return [f"> **{m(block.text)}**" if block.warning else m(block.text)]
    if isinstance(block, Listing):
        return [f"**{m(block.caption)}**", "", *(f"    {visible(line)}" for line in block.lines)]
    if isinstance(block, Blanks):
        return [f"**{m(block.caption)}**", "", *(f"- {m(label)} : \\_\\_\\_\\_\\_\\_\\_\\_\\_\\_" for label in block.labels)]
    if isinstance(block, Signatures):
        decision = ["", _cell(block.decision, t, sources)] if block.decision else []
        head = [t("document.role"), t("document.name"), t("document.date"), t("document.signature")]
        return [f"**{m(block.caption)}**", *decision, "", *_rows(head, [[m(role), "", "", ""] for role in block.roles], t)]
    if isinstance(block, Figures):
        head = [t("document.figure"), t("document.value"), t("document.evidence")]
        return [f"**{m(block.caption)}**", "", *_rows(head, [[m(f.label), _value(f, t), m(sources.told(f))] for f in block.figures], t)]
    rows = [[_cell(cell, t, sources) for cell in row] for row in block.rows]
    return [f"**{m(block.caption)}**", "", *(_rows(block.columns, rows, t) if rows else [m(t("document.none"))])]


def _rows(head: Sequence[str], rows: Sequence[Sequence[str]], t: Texts) -> list[str]:
    return [
        "| " + " | ".join(_marked(t, column) for column in head) + " |",
        "|" + " --- |" * len(head),
        *("| " + " | ".join(row) + " |" for row in rows),
    ]


def _value(figure: Figure, t: Texts) -> str:
    return f"**{_marked(t, figure.shown)}**" if figure.basis == "missing" else _marked(t, figure.shown)


def _cell(cell: Cell, t: Texts, sources: Sources) -> str:
    if isinstance(cell, Boxes):
        return " ".join(f"☐ {_marked(t, label)}" for label in cell.labels)
    if isinstance(cell, Figure):
        note = cell.reason if cell.basis == "missing" else sources.marks(cell)
        return f"{_value(cell, t)} ({_marked(t, note)})" if note else _value(cell, t)
    return _marked(t, cell)
