"""What a run folder proves: every file read once, with its digest, into values that say where they come from.

A file that is missing or damaged gives a :class:`Known` without a value and with the reason.
"""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import hashlib
import io
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from reversa.comparing import Finding
from reversa.continuity.documents import Evidence
from reversa.continuity.drills import DRILLS, Drill, newest_first
from reversa.errors import PackageError
from reversa.journal import Step, read_steps
from reversa.package import MANIFEST, ROWS_PER_GROUP, TAG_MANIFEST, Manifest, Package, file_digest, stated_digests
from reversa.planning import Plan
from reversa.reporting import Report
from reversa.sampling import Sample
from reversa.schema import Field, fields
from reversa.validating import wrong_files

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True)
class Problem:
    """Why something is not established: which file, and in which way; of what people did not state, the table and the key."""

    how: Literal["missing", "damaged", "incomplete", "not-stated", "undrilled", "unreached"]
    path: str
    detail: str = ""


@dataclass(frozen=True)
class Known(Generic[T]):
    """A value with the files it comes from, or a problem."""

    found: T | None
    evidence: tuple[Evidence, ...] = ()
    problem: Problem | None = None

    @property
    def value(self) -> T:
        """Only where there is no problem."""
        assert self.problem is None  # noqa: S101 - whoever asks has looked
        return self.found  # type: ignore[return-value] # it may be None itself

    def map(self, make: Callable[[T], U]) -> Known[U]:
        return Known(None, self.evidence, self.problem) if self.problem else Known(make(self.value), self.evidence)

    def and_(self, other: Known[U], make: Callable[[T, U], Any]) -> Known[Any]:
        """Made of both; the first problem counts."""
        files = tuple(dict.fromkeys([*self.evidence, *other.evidence]))
        problem = self.problem or other.problem
        return Known(None, files, problem) if problem else Known(make(self.value, other.value), files)


def joined(first: Known[Any], others: Iterable[Known[T]]) -> Known[list[T]]:
    """The values of the others, known when ``first`` and all of them are."""
    whole: Known[list[T]] = first.map(lambda _: [])
    for known in others:
        whole = whole.and_(known, lambda held, more: [*held, more])
    return whole


@dataclass(frozen=True)
class Redirects:
    """The map of old addresses: how many, and how many lead nowhere."""

    total: int
    dead: int


@dataclass(frozen=True)
class Rows:
    """What the table of one kind holds."""

    first: datetime | None = None
    last: datetime | None = None
    authors: frozenset[str] = frozenset()
    personal: Counter[str] = dataclasses.field(default_factory=Counter)
    """Class of personal data → values."""
    people: Counter[tuple[str, bool]] = dataclasses.field(default_factory=Counter)
    """Of users: kind of account and whether there is an e-mail address → accounts."""


class Folder:
    """The files of a run and what they say."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = {path: file_digest(folder / path) for path in _own_files(folder)}
        self._package, self._prefix = folder / "package", "package/"
        self._via: tuple[Evidence, ...] = ()
        self._stated: dict[str, str] = {}
        self._find_package()
        self.source = self._json("source.json", dict[str, Any])
        self.plan = self._json("plan.json", Plan)
        self.report = self._json("report.json", Report)
        self.sample = self._json("sample.json", Sample)
        self.steps: Known[list[Step]] = self._parsed("steps.ndjson", lambda path: read_steps(path.read_bytes()))
        self.findings: Known[int] = self._parsed("findings.ndjson", _count_findings)
        self.redirects: Known[Redirects] = self._parsed("redirects.csv", _count_redirects)
        self.ledger: Known[dict[tuple[str, str], int]] = self._ledger()
        self.manifest: Known[Manifest] = self._parsed(self._name("data/datapackage.json"), lambda _: Package(self._package).manifest, self._via)
        if self.manifest.problem is None:
            digest = self.manifest.value.digest
            self.plan = _about(self.plan, "plan.json", lambda made: made.package, digest)
            self.report = _about(self.report, "report.json", lambda made: made.package, digest)
            self.sample = _about(self.sample, "sample.json", lambda made: made.seed, digest)
        self.unreadable: Known[list[dict[str, Any]]] = self._parsed(self._name("data/changes.ndjson"), _unreadable, self._via)
        self.rows: dict[str, Known[Rows]] = {kind: self._rows(kind) for kind in (self.manifest.found.tables if self.manifest.found else ())}
        self.whole = self._whole()
        self.drill = self._drill()

    # ------------------------------------------------------------------------------------------- the package

    def _find_package(self) -> None:
        """The package lies in the run folder, or where ``package.json`` says; its files join those of the run."""
        elsewhere = self._json("package.json", dict[str, str]).map(lambda said: said["path"]) if "package.json" in self.files else None
        if elsewhere is not None and elsewhere.found is not None:
            self._package, self._prefix, self._via = Path(elsewhere.found), f"{elsewhere.found}/", elsewhere.evidence
            self.files |= {f"{self._prefix}{path}": file_digest(self._package / path) for path in _own_files(self._package)}
        with contextlib.suppress(OSError, UnicodeDecodeError):
            self._stated = stated_digests(self._package)

    def _name(self, path: str) -> str:
        return f"{self._prefix}{path}"

    def _path(self, name: str) -> Path:
        return self._package / name.removeprefix(self._prefix) if name.startswith(self._prefix) else self.folder / name

    def _whole(self) -> Known[str]:
        """The digest that stands for the whole package, when every file is what the manifests say."""
        names = [name for name in self.files if name.startswith(self._prefix)]
        files = (*self._via, *(Evidence(name, self.files[name]) for name in names))
        if not names:
            return Known(None, files, Problem("missing", self._prefix))
        problems = wrong_files(self._package)
        if problems:
            return Known(None, files, Problem("damaged", self._prefix, problems[0]))
        return Known(self.files[self._name(TAG_MANIFEST)], files)

    def _drill(self) -> Known[Drill]:
        """The newest exit drill of this very package that is filed beside it."""
        seal = Evidence(self._name(TAG_MANIFEST), self.files.get(self._name(TAG_MANIFEST), ""))
        shown = (Path(self._prefix).parent / DRILLS).as_posix()
        drill = newest_drill(self._package.parent / DRILLS, shown, seal)
        self.files |= {evidence.path: evidence.sha256 for evidence in drill.evidence}
        return replace(drill, evidence=(*self._via, *drill.evidence)) if drill.evidence else drill

    def _rows(self, kind: str) -> Known[Rows]:
        known: Known[Any] = self.manifest
        parts = [self._name(f"data/{part}") for part in self.manifest.value.tables[kind].parts]
        for part in parts:
            known = known.and_(self._parsed(part, lambda _: None), lambda manifest, _: manifest)
        if known.problem:
            return known
        try:
            return known.map(lambda _: look(kind, [self._path(part) for part in parts]))
        except (OSError, ValueError, pa.ArrowException) as error:
            return replace(known, problem=Problem("damaged", parts[0], str(error)))

    # ------------------------------------------------------------------------------------------- single files

    def _parsed(self, name: str, parse: Callable[[Path], T], via: tuple[Evidence, ...] = ()) -> Known[T]:
        """What a file says; one of the package must be as its manifest says."""
        if name not in self.files:
            return Known(None, via, Problem("missing", name))
        evidence = (*via, Evidence(name, self.files[name]))
        stated = self._stated.get(name.removeprefix(self._prefix)) if name.startswith(self._prefix) else None
        if stated not in (None, self.files[name]):
            return Known(None, evidence, Problem("damaged", name, f"not what {MANIFEST} says"))
        try:
            return Known(parse(self._path(name)), evidence)
        except (ValueError, KeyError, OSError, sqlite3.Error, msgspec.MsgspecError, csv.Error, PackageError) as error:
            return Known(None, evidence, Problem("damaged", name, str(error)))

    def _json(self, name: str, type_: type[T]) -> Known[T]:
        return self._parsed(name, lambda path: msgspec.json.decode(path.read_bytes(), type=type_))

    def _ledger(self) -> Known[dict[tuple[str, str], int]]:
        """Kind and state → records. Read without touching the file; what a crash left beside it would not be seen, so it is a problem."""
        beside = self.folder / "ledger.sqlite-wal"
        if beside.exists() and beside.stat().st_size:
            evidence = (Evidence("ledger.sqlite", self.files.get("ledger.sqlite", "")),)
            return Known(None, evidence, Problem("damaged", "ledger.sqlite", "a step was interrupted; take it again"))
        return self._parsed("ledger.sqlite", _count_outcomes)


def newest_drill(folder: Path, shown: str, seal: Evidence) -> Known[Drill]:
    """The newest drill in ``folder`` that was made of the package with this seal; ``shown`` is how the folder is called.

    A newer one that cannot be read is not passed over: it may have failed.
    """
    for path in newest_first(folder):
        name, digest = f"{shown}/{path.name}", ""
        try:
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            found = msgspec.json.decode(content, type=Drill)
        except (OSError, UnicodeDecodeError, msgspec.MsgspecError) as error:
            return Known(None, (Evidence(name, digest),), Problem("damaged", name, str(error)))
        if found.seal == seal.sha256:
            return Known(found, (seal, Evidence(name, digest)))
    return Known(None, (), Problem("undrilled", DRILLS))


def _own_files(folder: Path) -> list[str]:
    """The files of a folder that may be evidence: not the runbooks made of them, nor what a step leaves while it works."""
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    passing = ("runbook.", "run.lock", "sorting-", "reading/", "newer/", "earlier/", "ledger.sqlite-")
    return sorted(name for name in names if not name.startswith(passing) and ".partial" not in name)


def _about(known: Known[T], name: str, digest_of: Callable[[T], str], digest: str) -> Known[T]:
    """Nothing is known of this package from a file that speaks of another."""
    if known.problem is None and digest_of(known.value) != digest:
        return replace(known, found=None, problem=Problem("damaged", name, "it speaks of another package"))
    return known


def _count_outcomes(path: Path) -> dict[tuple[str, str], int]:
    query = "SELECT kind, CASE state WHEN 'replaced' THEN 'written' ELSE state END, count(*) FROM outcome GROUP BY 1, 2"
    with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as db:
        return {(kind, state): count for kind, state, count in db.execute(query)}


def _count_findings(path: Path) -> int:
    decoder = msgspec.json.Decoder(Finding)
    return sum(1 for _ in map(decoder.decode, path.read_bytes().splitlines()))


def _count_redirects(path: Path) -> Redirects:
    rows = csv.DictReader(io.StringIO(path.read_bytes().decode()), strict=True)
    new = [row["new"] for row in rows]
    if rows.fieldnames != ["old", "new"]:
        raise ValueError("its columns are not old, new")
    return Redirects(len(new), new.count(""))


def _unreadable(path: Path) -> list[dict[str, Any]]:
    decoder = msgspec.json.Decoder(dict[str, Any])
    return [event for event in map(decoder.decode, path.read_bytes().splitlines()) if event["event"] == "unreadable"]


# ------------------------------------------------------------------------------------------------------- columns


def look(kind: str, parts: Iterable[Path]) -> Rows:
    """Dates, authors and personal data of a kind, from the columns alone."""
    personal = [field for field in fields(kind) if field.note.personal]
    columns = ["created_at", "created_by", *map(column_of, personal)]
    if kind == "user":
        columns += ["user_type", "active", "placeholder"]
    dates: list[datetime] = []
    authors: set[str] = set()
    counts: Counter[str] = Counter()
    people: Counter[tuple[str, bool]] = Counter()
    for part in parts:
        for batch in pq.ParquetFile(part, pre_buffer=False).iter_batches(batch_size=ROWS_PER_GROUP, columns=list(dict.fromkeys(columns))):
            ends: Any = pc.min_max(batch["created_at"]).as_py()
            dates += [at for at in ends.values() if at is not None]
            authors.update(map(str, pc.unique(batch["created_by"]).drop_null().to_pylist()))
            for field in personal:
                counts[str(field.note.personal)] += len(batch) - batch[field.name].null_count
            if kind == "user":
                people.update(map(_account, batch.select(["user_type", "active", "placeholder", "emails"]).to_pylist()))
    return Rows(min(dates, default=None), max(dates, default=None), frozenset(authors), counts, people)


def column_of(field: Field) -> str:
    """What must be read to see whether a field has a value: of a structure, its first part."""
    return f"{field.name}.{field.parts[0].name}" if field.type == "struct" and not field.is_list else field.name


def _account(user: dict[str, Any]) -> tuple[str, bool]:
    if user["placeholder"]:
        return "placeholder", bool(user["emails"])
    return ("deactivated" if user["active"] is False else user["user_type"] or "member"), bool(user["emails"])
