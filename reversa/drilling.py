"""The exit drill: a package is restored to a scratch database, read back, taken back, and the report is filed beside it.

It stands after :mod:`reversa.migrating` and not in ``continuity``, whose runbook the road imports: a drill takes the road.
"""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace

from reversa import __version__
from reversa.continuity.documents import beside
from reversa.continuity.drilled import file_drill
from reversa.continuity.drills import DRILLS, EXIT_CODES, Drill
from reversa.drawing import daily_seed, draw, write_sample
from reversa.errors import EXIT_BUG, DiskError, PackageError, ReversaError, RunError
from reversa.exporting import Progress
from reversa.journal import Step, now, read_steps, recorded
from reversa.migrating import Road
from reversa.package import TAG_MANIFEST, file_digest
from reversa.reporting import Report

SHOWN_FINDINGS = 20


def drill(
    package: Path,
    percent: str | None = None,
    seed: int | None = None,
    to: Path | None = None,
    progress: Progress = lambda _step, _done, _whole: None,
    clock: Callable[[], datetime] = now,
) -> tuple[Drill, Path]:
    """Restore a package, or ``percent`` of its units, and file the report; returns it and the path of its JSON.

    A drill that fails is filed too, with its exit code. One that is interrupted is not: it says nothing of the package.
    Raises PackageError when there is no package, RunError or DiskError when the report cannot be filed.
    """
    folder = package.resolve()
    if not any((folder / name).is_file() for name in ("bagit.txt", TAG_MANIFEST)):
        hint = f"It is a run folder: reversa drill {package / 'package'}" if (folder / "package").is_dir() else "reversa export SOURCE"
        raise PackageError(f"{package} is not a package.", hint)
    drills = beside(folder, to, DRILLS)
    started = clock()
    path = drills / f"drill-{started:%Y-%m-%dT%H%M%SZ}.json"
    if path.exists():
        raise RunError(f"{path} is there already.", "Type the same command again.")
    seal = file_digest(folder / TAG_MANIFEST) if (folder / TAG_MANIFEST).is_file() else None
    made = Drill(reversa=__version__, taken_at=started, package=str(folder), seal=seal, bytes=_size(folder))
    defect: Exception | None = None
    try:
        drills.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="reversa-drill-") as scratch:
            try:
                _take(made, Path(scratch), percent, seed, progress)
            except PackageError as error:
                made.verdict, made.exit_code, made.error = "damaged", error.exit_code, error.message
            except ReversaError as error:
                made.verdict, made.exit_code, made.error = "failed", error.exit_code, error.message
            except OSError as error:
                made.verdict, made.exit_code, made.error = "failed", DiskError.exit_code, f"{error.filename or scratch}: {error.strerror or error}"
            except Exception as error:  # noqa: BLE001 - filed like any other failure, then raised again
                made.verdict, made.exit_code, made.error, defect = "failed", EXIT_BUG, f"{type(error).__name__}: {error}", error
            made.steps = tuple(_steps(Path(scratch), sampled=made.sample is not None))
        file_drill(made, path)
    except OSError as error:
        where = f"{error.filename or drills}: {error.strerror or error}"
        raise DiskError(where, "Mend the disk or its rights, or give another folder: --to FOLDER") from error
    if defect is not None:
        raise defect
    return made, path


def _steps(scratch: Path, *, sampled: bool) -> Iterator[Step]:
    """The steps taken, those of the road last. What was read back of a sample is done, not verified."""
    for journal in (scratch / "steps.ndjson", *scratch.glob("*/steps.ndjson")):
        if journal.exists():
            for step in read_steps(journal.read_bytes()):
                yield replace(step, result="done") if sampled and step.result == "verified" else step


def _take(made: Drill, scratch: Path, percent: str | None, seed: int | None, progress: Progress) -> None:
    """Fill in the report as far as the drill comes."""
    journal, road = scratch / "steps.ndjson", Road(scratch / "whole", progress)
    with recorded(journal, "validate") as step:
        package = road.export(f"package:{made.package}")  # which validates it
        step.records = package.count()
    manifest = package.manifest
    made.source, made.digest, made.exported_at = str(package.source), manifest.digest, manifest.created_at
    made.records, made.unreadable = package.count(), manifest.unreadable
    if percent is not None:
        road = Road(scratch / "sampled", progress)
        with recorded(journal, "sample") as step:
            made.sample, limit = draw(package, percent, daily_seed(package, made.taken_at) if seed is None else seed, chosen=seed is not None)
            package = road.export(f"package:{write_sample(package, made.sample.seed, limit, scratch / 'sample').folder}")
            step.records = package.count()
    made.restored = package.count()
    database = scratch / "scratch.db"
    road.plan(f"sqlite:///{database}")
    road.import_()
    report = road.verify()
    made.scratch_bytes = database.stat().st_size if database.exists() else 0
    made.headline, made.changes = report.headline, report.changes
    made.findings = tuple(replace(finding, expected=None, found=None, note="") for finding in report.findings[:SHOWN_FINDINGS])
    road.undo()
    made.left_behind = left_behind(database)
    _judge(made, report)


def _judge(made: Drill, report: Report) -> None:
    made.reasons, made.verdict = report.reasons, report.verdict
    if made.left_behind:
        made.reasons, made.verdict = (*report.reasons, "not-taken-back"), "different"
    elif report.verdict == "verified" and made.sample is not None:
        made.verdict = "sampled"
    made.exit_code = EXIT_CODES[made.verdict]


def left_behind(database: Path) -> int:
    """Tables and views of a database, counted by SQLite itself and not by the importer that took them back."""
    with contextlib.closing(sqlite3.connect(database)) as db:
        return int(db.execute("SELECT count(*) FROM sqlite_master WHERE type IN ('table', 'view')").fetchone()[0])


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
