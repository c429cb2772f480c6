"""A target read back in parts: by as many processes as there are cores, and of an interrupted verification only what is left.

Each part lies in a folder of its own below ``reading/``, sorted, and is whole once ``done.json`` is there.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import msgspec

from reversa import registry
from reversa.adapter import Exporter, Locator, Noted, Options, Sharded, Unreadable
from reversa.blobs import Measure
from reversa.exporting import Intake, Progress
from reversa.files import write_whole
from reversa.records import KINDS, ref_parts
from reversa.sorting import Spool, identity_order

FOLDER = "reading"
OLDEST = timedelta(days=1)
"""What was read longer ago is read again."""
Event = Noted | Unreadable
_RANK = {kind: rank for rank, kind in enumerate(KINDS)}


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What the parts are of: ``about.json``."""

    package: str
    target: str
    shards: tuple[str, ...]
    begun_at: datetime


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What reading a part gave beside its records."""

    noted: tuple[Noted, ...]
    unreadable: tuple[Unreadable, ...]


class Resumed(msgspec.Struct, frozen=True, kw_only=True):
    """Of a verification that was interrupted: how many of its parts had been read, and since when."""

    parts: int
    of: int
    begun_at: datetime


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What a process is asked to read, told on its standard input: a password among the options is not for a command line."""

    locator: Locator
    options: Options
    folder: str
    shards: list[str]


class Parts:
    """The parts of a target, read by processes while the caller does something else."""

    def __init__(self, folder: Path, package: str, locator: Locator, options: Options, now: datetime, target: Exporter) -> None:
        self._folder, self._locator, self._options, self._target = folder / FOLDER, locator, options, target
        about = About(package=package, target=str(locator), shards=shards_of(target), begun_at=now)
        known = _read(self._folder / "about.json", About)
        if known is None or now - known.begun_at > OLDEST or msgspec.structs.replace(known, begun_at=now) != about:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir()
            write_whole(self._folder / "about.json", msgspec.json.encode(about))
            known = about
        self._about, self._shards = known, known.shards
        self.resumed: Resumed | None = None
        self._processes: list[subprocess.Popen[bytes]] = []

    def begin(self) -> None:
        """Let the processes read what is left to be read."""
        before = [name for name in self._shards if self._is_done(name)]
        if before:
            self.resumed = Resumed(parts=len(before), of=len(self._shards), begun_at=self._about.begun_at)
        left = [name for name in self._shards if name not in before]
        for n in range(workers := min(cores(), len(left)) if len(left) > 1 else 0):
            work = Work(locator=self._locator, options=self._options, folder=str(self._folder), shards=left[n::workers])
            self._processes.append(_begin(work))

    def finish(self, found: Spool, progress: Progress) -> Iterator[Event]:
        """Wait for the processes, read what none of them did, and put everything into ``found``; yields what could not be read."""
        while any(process.poll() is None for process in self._processes):
            time.sleep(0.1)
            progress("read", sum(map(self._is_done, self._shards)), len(self._shards))
        for name in self._shards:
            if not self._is_done(name):  # a process that failed left it; here the error is heard
                read_part(self._target, name, self._folder)
        noted: list[Noted] = []
        unreadable: list[Unreadable] = []
        for name in self._shards:
            found.take(place(self._folder, name))
            done = _read(place(self._folder, name) / "done.json", Done)
            noted += done.noted if done else ()
            unreadable += done.unreadable if done else ()
        yield from sorted(noted, key=lambda event: _RANK[ref_parts(event.record)[0]])
        yield from sorted(unreadable, key=lambda event: _RANK[event.kind])

    def close(self) -> None:
        """End the processes; what they have read stays."""
        for process in self._processes:
            process.communicate()  # closes what it listens to

    def _is_done(self, name: str) -> bool:
        return (place(self._folder, name) / "done.json").exists()


def shards_of(target: Exporter) -> tuple[str, ...]:
    """The parts of a target; none when it is one."""
    shards = tuple(cast("Sharded", target).shards()) if hasattr(target, "shards") else ()
    return shards if len(shards) > 1 else ()


def forget(folder: Path) -> None:
    """What was read is of no use any more: it was used, or the target is being written."""
    shutil.rmtree(folder / FOLDER, ignore_errors=True)


def place(folder: Path, name: str) -> Path:
    """The folder of a part, whatever its name."""
    return folder / hashlib.sha256(name.encode()).hexdigest()[:16]


def read_part(target: Exporter, name: str, folder: Path) -> None:
    """Read one part into its folder."""
    part = place(folder, name)
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    noted: list[Noted] = []
    unreadable: list[Unreadable] = []
    with Spool(folder, identity_order) as spool:
        intake = Intake(target, spool, Measure(), lambda event: noted.append(event) if isinstance(event, Noted) else unreadable.append(event))
        intake.read(lambda _step, _done, _whole: None, items=cast("Sharded", target).shard(name))
        spool.keep(part)
    write_whole(part / "done.json", msgspec.json.encode(Done(noted=tuple(noted), unreadable=tuple(unreadable))))


def cores() -> int:
    return os.cpu_count() or 1


def _begin(work: Work) -> subprocess.Popen[bytes]:
    """A process that reads parts as long as its standard input is open: it ends when whoever asked for it does, in whichever way."""
    process = subprocess.Popen([sys.executable, "-m", "reversa.sharding"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdin is not None  # noqa: S101 - a pipe was asked for
    with contextlib.suppress(BrokenPipeError):  # it has ended already; what it leaves is read by its parent
        process.stdin.write(msgspec.json.encode(work) + b"\n")
        process.stdin.flush()
    return process


def _work() -> None:
    """What a process does."""
    work = msgspec.json.decode(sys.stdin.buffer.readline(), type=Work)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    exporter = registry.exporter(work.locator.system).open(work.locator, work.options)
    with contextlib.closing(exporter):
        for name in work.shards:
            read_part(exporter, name, Path(work.folder))


def _leave_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


def _read(path: Path, type_: Any) -> Any:
    try:
        return msgspec.json.decode(path.read_bytes(), type=type_)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


if __name__ == "__main__":
    _work()
