"""A target read back in parts: by as many processes as there are cores, and of an interrupted verification only what is left.

Each part lies in a folder of its own below ``reading/``, sorted, and is whole once ``done.json`` is there.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

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


class Parts:
    """The parts of a target, read by processes while the caller does something else."""

    def __init__(self, folder: Path, package: str, locator: Locator, options: Options, now: datetime, target: Sharded) -> None:
        self._folder, self._locator, self._options, self._target = folder / FOLDER, locator, options, target
        about = About(package=package, target=str(locator), shards=tuple(target.shards()), begun_at=now)
        known = _read(self._folder / "about.json", About)
        if known is None or now - known.begun_at > OLDEST or msgspec.structs.replace(known, begun_at=now) != about:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir()
            write_whole(self._folder / "about.json", msgspec.json.encode(about))
            known = about
        self._shards = known.shards
        before = [name for name in self._shards if self._is_done(name)]
        self.resumed = Resumed(parts=len(before), of=len(self._shards), begun_at=known.begun_at) if before else None
        left = [name for name in self._shards if name not in before]
        workers = min(os.cpu_count() or 1, len(left)) if len(left) > 1 else 0
        context: Any = multiprocessing.get_context("spawn")  # a fork would share the database's connection
        arguments = (locator, options, self._folder)
        self._processes = [context.Process(target=_work, args=(*arguments, left[n::workers]), daemon=True) for n in range(workers)]
        for process in self._processes:
            process.start()

    def finish(self, found: Spool, progress: Progress) -> Iterator[Event]:
        """Wait for the processes, read what none of them did, and put everything into ``found``; yields what could not be read."""
        while any(process.is_alive() for process in self._processes):
            self._processes[-1].join(1)
            progress("read", sum(map(self._is_done, self._shards)), len(self._shards))
        for name in self._shards:
            if not self._is_done(name):  # a process that failed left it; here the error is heard
                read_part(self._target, name, self._folder)  # type: ignore[arg-type] # it is an exporter, too
        noted: list[Noted] = []
        unreadable: list[Unreadable] = []
        for name in self._shards:
            found.take(self._folder / name)
            done = _read(self._folder / name / "done.json", Done)
            noted += done.noted if done else ()
            unreadable += done.unreadable if done else ()
        yield from sorted(noted, key=lambda event: _RANK[ref_parts(event.record)[0]])
        yield from sorted(unreadable, key=lambda event: _RANK[event.kind])

    def close(self) -> None:
        """End the processes; what they have read stays."""
        for process in self._processes:
            process.terminate()
            process.join()

    def _is_done(self, name: str) -> bool:
        return (self._folder / name / "done.json").exists()


def forget(folder: Path) -> None:
    """What was read is of no use any more: it was used, or the target is being written."""
    shutil.rmtree(folder / FOLDER, ignore_errors=True)


def read_part(target: Exporter, name: str, folder: Path) -> None:
    """Read one part into its folder."""
    part = folder / name
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    noted: list[Noted] = []
    unreadable: list[Unreadable] = []
    with Spool(folder, identity_order) as spool:
        intake = Intake(target, spool, Measure(), lambda event: noted.append(event) if isinstance(event, Noted) else unreadable.append(event))
        intake.read(lambda _step, _done, _whole: None, items=target.shard(name))  # type: ignore[attr-defined] # it is Sharded, too
        spool.keep(part)
    write_whole(part / "done.json", msgspec.json.encode(Done(noted=tuple(noted), unreadable=tuple(unreadable))))


def _work(locator: Locator, options: Options, folder: Path, names: Sequence[str]) -> None:
    """One process: read some parts, one after the other, as long as whoever asked for them is there."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()
    exporter = registry.exporter(locator.system).open(locator, options)
    with contextlib.closing(exporter):
        for name in names:
            read_part(exporter, name, folder)


def _leave_with(parent: Any) -> None:
    """End this process as soon as its parent has ended, in whichever way."""
    parent.join()
    os._exit(1)


def _read(path: Path, type_: Any) -> Any:
    try:
        return msgspec.json.decode(path.read_bytes(), type=type_)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
