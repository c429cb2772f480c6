"""A run folder that takes a newer package: what it came from, where it lies, and how the earlier one makes room.

The earlier package and what speaks of it move to ``earlier/001``, ``earlier/002`` …, whole: it may be the only copy of what
the source once said. Whoever needs the disk removes it by hand.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import msgspec

from reversa.errors import RunError
from reversa.files import flush
from reversa.linking import DEAD_LINKS
from reversa.package import Package
from reversa.planning import RENAMES
from reversa.redirecting import REDIRECTS

NEWER, EARLIER = "newer", "earlier"
_ABOUT_A_PACKAGE = (
    "plan.json", "losses.csv", "report.json", "report.fr.html", "report.en.html", "findings.ndjson", "sample.json", *REDIRECTS, DEAD_LINKS, RENAMES,
    "source.json", "package", "package.json",
)  # fmt: skip
"""What makes room, the package last: it says that all the rest has gone. What people decided about conflicts stays."""
_PACKAGES = ("package", "package.json")


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What a package was taken from: ``source.json``."""

    source: str
    private: bool
    tenant: str | None
    since: date | None = None
    stamp: tuple[int, int] | None = None
    """Of a source that is one plain file: its bytes, and when it was changed, in nanoseconds."""


def resolved(source: str) -> str:
    """The source as the run remembers it: the same from any folder, also after the export was moved away."""
    text = source if ":" in source else str(Path(source).absolute())
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def stamp(source: str) -> tuple[int, int] | None:
    """What tells that a plain file has changed; None where only reading it tells."""
    path = Path(source if Path(source).exists() else source.partition(":")[2])
    if not path.is_file() or path.suffix in (".yaml", ".yml"):  # a mapping file only says where the data lies
        return None
    with path.open("rb") as file:
        if file.read(6) == b"SQLite":  # what was written to it last may lie beside it
            return None
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def package_in(folder: Path) -> Package | None:
    """The package that a folder holds, or names in ``package.json``."""
    elsewhere = folder / "package.json"
    if not elsewhere.exists():
        return Package(folder / "package") if (folder / "package").exists() else None
    try:
        return Package(Path(msgspec.json.decode(elsewhere.read_bytes(), type=dict[str, str])["path"]))
    except (msgspec.MsgspecError, UnicodeDecodeError, KeyError) as error:
        raise RunError(f"{elsewhere} is damaged: {error}", f"Remove {elsewhere} and type the command again.") from error


def put_newer(folder: Path) -> None:
    """Put what lies in ``newer/`` in its place. Interrupted anywhere, it goes on when called again."""
    newer = folder / NEWER
    if any((newer / name).exists() for name in _PACKAGES):
        earlier = folder / EARLIER / f"{1 + sum(_holds_package(one) for one in (folder / EARLIER).glob('*')):03d}"
        earlier.mkdir(parents=True, exist_ok=True)
        for name in _ABOUT_A_PACKAGE:
            if (folder / name).exists():
                (folder / name).rename(earlier / name)
        flush(earlier)  # what it held is there before anything takes its place
        for name in _PACKAGES:
            if (newer / name).exists():
                (newer / name).rename(folder / name)
        flush(folder)
    (newer / "source.json").replace(folder / "source.json")
    newer.rmdir()


def _holds_package(folder: Path) -> bool:
    return any((folder / name).exists() for name in _PACKAGES)
