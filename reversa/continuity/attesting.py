"""The attestation that a vendor publishes before anything fails: what one package holds, what it does not, and the proof.

It names no record and shows no value: it may be published as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from operator import attrgetter
from pathlib import Path
from typing import Any

import msgspec

from reversa import __version__
from reversa.continuity.clocks import clock_file
from reversa.continuity.documents import Block, Cell, Cited, Document, Evidence, Figure, Paragraph, Section, beside, write
from reversa.continuity.drafting import Sheet, personal_classes
from reversa.continuity.drilled import results, rollback
from reversa.continuity.drills import DRILLS, Drill
from reversa.continuity.evidence import Known, Rows, column_of, joined, look, newest_drill
from reversa.errors import DiskError, PackageError
from reversa.package import TAG_MANIFEST, Happened, Manifest, Package, file_digest, stated_digests
from reversa.schema import fields
from reversa.validating import validate
from reversa.wording import Language, Phrase, Texts

ATTESTATIONS = "attestations"
NOT_COUNTED = ("id", "root", "order", "native", "sha256", "placeholder")
"""Columns that are no values in named fields: identity, what reversa makes, and what is left."""
STANDARDS = ("bagit", "parquet", "frictionless", "schema", "canonical", "zip")
ARTICLES = ("25-2-e", "25-2-f", "26", "30-5")
LIMITS = ("complete", "erased", "forged", "target", "carried", "law")


class Share(msgspec.Struct, frozen=True):
    """Values in named fields, and those left in `native`."""

    named: int
    left: int

    @property
    def percent(self) -> str:
        """With two decimals, rounded down: only all of it is 100."""
        whole = self.named + self.left
        return str((Decimal(10_000 * self.named // whole) / 100).quantize(Decimal("0.01"))) if whole else ""


@dataclass(frozen=True)
class Facts:
    """A whole package, and what was read of it."""

    package: Package
    manifest: Known[Manifest]
    seal: Known[str]
    rows: dict[str, Known[Rows]]
    shares: dict[str, Known[Share]]
    bodies: Known[int]
    unreadable: Known[Counter[str]]
    drill: Known[Drill]


def write_attestation(folder: Path, language: Language, now: datetime, to: Path | None = None) -> Path:
    """Check a package and write its attestation as .html, .md and .json; returns the path of the page.

    Raises PackageError when the package is not whole: there is nothing to attest then.
    """
    problems = validate(folder)
    if problems:
        raise PackageError(f"{folder} is not whole, and gets no attestation: {problems[0]}", f"reversa validate {folder}")
    folder = folder.resolve()
    place = beside(folder, to, ATTESTATIONS)
    stem = place / f"attestation-{now:%Y-%m-%dT%H%M%SZ}.{language}"
    try:
        place.mkdir(parents=True, exist_ok=True)
        write(make_attestation(gather(folder), language, now), stem)
    except OSError as error:
        raise DiskError(f"{error.filename or place}: {error.strerror or error}", "Mend the disk, or give another folder: --to FOLDER") from error
    return stem.with_name(f"{stem.name}.html")


def gather(folder: Path) -> Facts:
    """Read what is attested, from the columns alone; ``folder`` is a package that was found whole."""
    package = Package(folder)
    stated = stated_digests(folder)

    def of(names: list[str], value: Any) -> Known[Any]:
        return Known(value, tuple(Evidence(name, stated[name]) for name in names))

    parts = {kind: [f"data/{part}" for part in package.manifest.tables[kind].parts] for kind in package.kinds()}
    every = [name for names in parts.values() for name in names]
    bodies = sum(sum(package.summary(kind)[1].values()) for kind in package.kinds())
    unreadable: Counter[str] = Counter()
    for event in package.events():
        if event["event"] == "unreadable":
            unreadable[str(event["kind"])] += event.get("count", 1)
    seal = Evidence(TAG_MANIFEST, file_digest(folder / TAG_MANIFEST))
    return Facts(
        package=package,
        manifest=of(["data/datapackage.json"], package.manifest),
        seal=Known(package.seal(), (seal,)),
        rows={kind: of(names, look(kind, [folder / name for name in names])) for kind, names in parts.items()},
        shares={kind: of(names, share(package, kind)) for kind, names in parts.items()},
        bodies=of(every, bodies),
        unreadable=of(["data/changes.ndjson"], unreadable),
        drill=newest_drill(folder.parent / DRILLS, f"../{DRILLS}", seal),
    )


def share(package: Package, kind: str) -> Share:
    """Values of a kind in named fields and left over; of an opaque record every value is left over."""
    columns = {field.name: column_of(field) for field in fields(kind) if field.name not in NOT_COUNTED}
    values = left = 0
    for batch in package.batches(kind, [*columns.values(), "native"]):
        values += sum(len(batch) - batch[name].null_count for name in columns)
        left += sum(_entries(str(native)) for native in batch["native"].drop_null().to_pylist())
    return Share(0, left + values) if kind == "opaque" else Share(values, left)


def _entries(native: str) -> int:
    """Entries at the first level of a JSON text; any other text counts once."""
    try:
        return len(msgspec.json.decode(native, type=dict[str, msgspec.Raw]))
    except msgspec.MsgspecError:
        return 1


# ----------------------------------------------------------------------------------------------------- the page


def make_attestation(facts: Facts, language: Language, now: datetime) -> Document:
    """The attestation in one language."""
    d, t = Sheet(Texts(language)), Texts(language)
    parts: tuple[Callable[[Sheet, Facts], list[Block]], ...] = (
        _identity, _covered, _not_carried, _mapped, _balance, _formats, _drill, _law, _limits, _signed, _evidence,
    )  # fmt: skip
    notices = [t("attest.scope"), t("attest.missing-explained")]
    if any(balance.unexplained for balance in facts.package.manifest.balance):
        notices.append(t("attest.unexplained"))
    if facts.drill.problem or not facts.drill.value.passed:
        notices.append(t("attest.undrilled"))
    return Document(
        title=t("attest.title"),
        subtitle=str(facts.package.source),
        language=language,
        reversa=__version__,
        made_at=now,
        notices=(*notices, t("runbook.not-advice")),
        sections=tuple(Section(number, t(f"attest.s{number}"), tuple(make(d, facts))) for number, make in enumerate(parts, 1)),
    )


def _identity(d: Sheet, facts: Facts) -> list[Block]:
    m = facts.manifest
    known: dict[str, tuple[str, Known[Any]]] = {
        "system": ("attest.system", m.map(lambda made: made.source.system)),
        "tenant": ("attest.tenant", m.map(lambda made: made.source.tenant)),
        "exported-at": ("s0.exported-at", m.map(lambda made: made.created_at)),
        "digest": ("s0.package", m.map(lambda made: made.digest)),
        "seal": ("s0.root", facts.seal),
    }
    figures = [d.measured(f"identity.{key}", d.t(label), value) for key, (label, value) in known.items()]
    return [d.figures("attest.identity", *figures), Paragraph(d.t("attest.checked"))]


def _covered(d: Sheet, facts: Facts) -> list[Block]:
    t, m = d.t, facts.manifest
    totals = {
        "records": m.map(lambda made: made.records),
        "blobs": m.map(lambda made: made.blobs),
        "bytes": m.map(lambda made: made.blob_bytes),
    }

    def day(at: date | None) -> Phrase:
        return t("attest.undated") if at is None else t.short_day(at)

    rows: list[tuple[Cell, ...]] = []
    for kind, known in facts.rows.items():
        name = t.kind(kind)
        rows.append((
            name,
            d.measured(f"covered.{kind}", name, m.map(lambda made, k=kind: made.tables[k].rows)),  # type: ignore[misc] # mypy infers no defaults
            d.measured(f"covered.{kind}.first", name, known.map(lambda r: r.first and r.first.date()), day),
            d.measured(f"covered.{kind}.last", name, known.map(lambda r: r.last and r.last.date()), day),
        ))  # fmt: skip
    every = joined(m, facts.rows.values())
    return [
        d.figures("attest.totals", *(d.measured(f"covered.{key}", t(f"s2.{key}"), known) for key, known in totals.items())),
        d.table("attest.covered", ("s2.kind", "s2.exported", "s2.first", "s2.last"), rows, {1}),
        personal_classes(d, every),
    ]


def _not_carried(d: Sheet, facts: Facts) -> list[Block]:
    t = d.t
    blocks: list[Block] = []
    for caption, effect in (("s2.exempted", "skipped"), ("s2.lost", "lost"), ("attest.converted", "converted")):
        lines = [_change(d, facts, happened) for happened in facts.package.manifest.changes if happened.change.effect == effect]
        blocks.append(d.table(caption, ("s3.change", "s3.code", "attest.why", "attest.count"), lines, {3}))
    unreadable: list[tuple[Cell, ...]] = [
        (t.kind(kind), d.measured(f"unreadable.{number}", t.kind(kind), facts.unreadable.map(lambda counted, k=kind: counted[k])))  # type: ignore[misc]
        for number, kind in enumerate(sorted(facts.unreadable.value), 1)
    ]
    return [
        *blocks,
        d.table("attest.unreadable", ("s2.kind", "attest.count"), unreadable, {1}),
        d.figures(
            "attest.other",
            d.measured("unreadable.items", t("s2.unreadable-count"), facts.manifest.map(lambda m: m.unreadable)),
            d.missing("changes.not-occurred", t("attest.not-occurred"), t("attest.not-in-package")),
            d.missing("changes.never-held", t("attest.never-held"), t("attest.not-seen")),
        ),
    ]


def _change(d: Sheet, facts: Facts, happened: Happened) -> tuple[Cell, ...]:
    text = d.t.change(happened.change)
    return (
        text,
        happened.change.code,
        d.t(f"why.{happened.change.why}"),
        d.measured(f"change.{happened.change.code}", text, facts.manifest.map(lambda _: happened.count)),
    )


def _mapped(d: Sheet, facts: Facts) -> list[Block]:
    t = d.t
    whole = joined(facts.manifest, facts.shares.values()).map(lambda shares: Share(sum(s.named for s in shares), sum(s.left for s in shares)))
    rows = [_share(d, kind, t.kind(kind), known) for kind, known in facts.shares.items()]
    opaque = facts.manifest.map(lambda m: m.tables["opaque"].rows if "opaque" in m.tables else 0)
    carried = facts.manifest.map(lambda m: sum(m.not_mapped.values()))
    return [
        Paragraph(t("attest.share-text", columns=", ".join(NOT_COUNTED))),
        d.table("attest.shares", ("s2.kind", "attest.named", "attest.left", "attest.share"), [*rows, _share(d, "all", t("attest.share-total"), whole)], {1, 2, 3}),
        d.figures(
            "attest.beside",
            d.measured("beside.bodies", t("attest.bodies"), facts.bodies),
            d.measured("beside.not-mapped", t("s2.not-mapped"), carried),
            d.measured("beside.opaque", t("s2.opaque"), opaque),
        ),
    ]  # fmt: skip


def _share(d: Sheet, id: str, name: Phrase, known: Known[Share]) -> tuple[Cell, ...]:
    def shown(percent: str) -> str:
        counted = known.value
        return d.t.percent(counted.named, counted.named + counted.left) if percent else d.shown(None)

    return (
        name,
        d.measured(f"share.{id}.named", name, known.map(attrgetter("named"))),
        d.measured(f"share.{id}.left", name, known.map(attrgetter("left"))),
        d.measured(f"share.{id}", name, known.map(attrgetter("percent")), shown),
    )


def _balance(d: Sheet, facts: Facts) -> list[Block]:
    columns = {
        "seen": "seen", "placeholders": "placeholders", "records": "records", "merged": "merged",
        "ignored": "ignored", "unread": "unreadable", "nowhere": "unexplained",
    }  # fmt: skip
    rows: list[tuple[Cell, ...]] = []
    for balance in facts.package.manifest.balance:
        name = d.t.kind(balance.kind)
        counts = [
            d.measured(f"balance.{balance.kind}.{key}", name, facts.manifest.map(lambda _, b=balance, f=field: getattr(b, f)))  # type: ignore[misc]
            for key, field in columns.items()
        ]
        rows.append((name, *counts))
    total = facts.manifest.map(lambda m: sum(abs(balance.unexplained) for balance in m.balance))
    head = ("s2.kind", *(f"attest.{key}" for key in columns))
    return [
        d.figures("attest.totals", d.measured("balance.unexplained", d.t("attest.unexplained-total"), total)),
        d.table("attest.balance", head, rows, set(range(1, len(head)))),
        Paragraph(d.t("attest.balance-text")),
    ]


def _formats(d: Sheet, facts: Facts) -> list[Block]:
    figures: tuple[Figure, ...] = (
        d.measured("format.package", d.t("attest.format"), facts.manifest.map(lambda m: m.format)),
        d.measured("format.schema", d.t("attest.schema"), facts.manifest.map(lambda m: m.schema_version)),
    )
    rows: list[tuple[Cell, ...]] = [(d.t(f"attest.std-{name}"), d.t(f"attest.use-{name}")) for name in STANDARDS]
    return [d.figures("attest.formats", *figures), d.table("attest.standards", ("attest.standard", "attest.use"), rows)]


def _drill(d: Sheet, facts: Facts) -> list[Block]:
    return [d.figures("s6.drill", *results(d, facts.drill), rollback(d, facts.drill))]


def _law(d: Sheet, _facts: Facts) -> list[Block]:
    t = d.t
    rows: list[tuple[Cell, ...]] = [
        (t(f"attest.art-{article}"), t(f"attest.content-{article}"), t(f"attest.where-{article}"), t("attest.secondary")) for article in ARTICLES
    ]
    head = ("attest.article", "attest.law-content", "attest.law-where", "attest.law-status")
    return [Paragraph(t("attest.law-text", checked=t.short_day(clock_file().checked))), d.table("attest.law", head, rows)]


def _limits(d: Sheet, _facts: Facts) -> list[Block]:
    rows: list[tuple[Cell, ...]] = [(d.t(f"attest.limit-{limit}"), d.t(f"attest.not-{limit}")) for limit in LIMITS]
    return [d.table("attest.limits", ("attest.limit", "attest.not-shown"), rows)]


def _signed(d: Sheet, _facts: Facts) -> list[Block]:
    return [
        d.blanks("attest.signing", "attest.vendor", "attest.published", "attest.valid"),
        d.signatures("attest.signed", "attest.role-vendor", "attest.role-ran"),
    ]


def _evidence(d: Sheet, _facts: Facts) -> list[Block]:
    return [Cited(d.t("s15.cited"))]
