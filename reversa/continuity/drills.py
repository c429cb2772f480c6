"""What an exit drill leaves behind: one JSON file per drill beside the package, read again by the runbook and the attestation."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from reversa.comparing import Finding
from reversa.drawing import Drawn
from reversa.errors import EXIT_DIFFERENT, EXIT_INCOMPLETE, EXIT_VERIFIED, PackageError
from reversa.journal import Step
from reversa.reporting import ChangeLine, Headline

DRILLS = "drills"
Verdict = Literal["verified", "sampled", "incomplete", "different", "damaged", "failed"]
"""`sampled` says of the units drawn what `verified` says of the whole package; `failed`: an error ended the drill."""
EXIT_CODES = {
    "verified": EXIT_VERIFIED,
    "sampled": EXIT_VERIFIED,
    "incomplete": EXIT_INCOMPLETE,
    "different": EXIT_DIFFERENT,
    "damaged": PackageError.exit_code,
}


class Drill(msgspec.Struct, kw_only=True):
    """One exit drill. What is None was not reached."""

    reversa: str
    taken_at: datetime
    package: str
    """The folder of the package."""
    seal: str | None
    """SHA-256 of its tag manifest as it was found."""
    verdict: Verdict = "failed"
    exit_code: int = EXIT_VERIFIED
    reasons: tuple[str, ...] = ()
    """Why it is not verified, as keys of the message catalogue."""
    error: str = ""
    """What ended it."""
    source: str | None = None
    exported_at: datetime | None = None
    digest: str | None = None
    records: int | None = None
    """Records of the whole package."""
    unreadable: int | None = None
    """Source items that its export could not read."""
    bytes: int = 0
    """Size of the package."""
    sample: Drawn | None = None
    restored: int | None = None
    """Records that were to be restored."""
    scratch_bytes: int | None = None
    """Size of the scratch database."""
    steps: tuple[Step, ...] = ()
    headline: Headline | None = None
    changes: tuple[ChangeLine, ...] = ()
    findings: tuple[Finding, ...] = ()
    """The first differences; without the values, which are the package's own business."""
    left_behind: int | None = None
    """Tables and views that the rollback left in the scratch database."""

    @property
    def passed(self) -> bool:
        return self.verdict in ("verified", "sampled")

    @property
    def milliseconds(self) -> int:
        return sum(step.milliseconds for step in self.steps)


def newest_first(folder: Path) -> list[Path]:
    """The drills filed in a folder; their names hold their dates."""
    return sorted(folder.glob("drill-*.json"), reverse=True)
