"""A run folder: its lock, its files, its package and its ledger, and the systems that it is about."""

from __future__ import annotations

import contextlib
import fcntl
import gc
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec

from reversa import registry
from reversa.adapter import Exporter, Importer, Locator, Options
from reversa.comparing import Finding
from reversa.directory import KINDS as NAMED
from reversa.directory import Directory
from reversa.errors import DiskError, PackageError, RunError
from reversa.exporting import Progress
from reversa.files import write_whole
from reversa.journal import Step, StepName, recorded
from reversa.ledger import Ledger
from reversa.package import Package
from reversa.planning import Plan
from reversa.records import Ref
from reversa.renewing import package_in
from reversa.reporting import Report
from reversa.validating import wrong_files
from reversa.wrapping import Patient

T = TypeVar("T")
SELDOM = (50_000, 20, 50)
"""How seldom the garbage collector looks for cycles during a step: records are many and hold none. An export takes 12 % less."""


class RunFolder:
    """What the steps of the road share."""

    def __init__(
        self,
        folder: str | Path,
        progress: Progress = lambda _step, _done, _whole: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """``sleep`` is given the seconds that a late target needs."""
        self.folder = Path(folder)
        self._sleep = sleep
        self._progress = progress

    @contextlib.contextmanager
    def guarded(self) -> Iterator[None]:
        """Work in the run folder alone, and turn failures of its disk into an error with an answer."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / "run.lock").open("w") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError as error:
                    raise RunError(
                        f"Another reversa works in {self.folder}.", "Wait until it has ended, then type the same command again."
                    ) from error
                for left in self.folder.glob("sorting-*"):  # of a verification that was killed
                    shutil.rmtree(left)
                yield
        except OSError as error:
            raise DiskError(
                f"{error.filename or self.folder}: {error.strerror or error}",
                "Free space, mend the disk or its rights, or give another folder (--run); then type the same command again.",
            ) from error

    def package(self) -> Package:
        """The package of this run."""
        package = package_in(self.folder)
        if package is None:
            raise RunError(f"{self.folder} holds no package yet.", f"reversa export SOURCE --run {self.folder}")
        return package

    def _whole_package(self) -> Package:
        """The package, every file as its manifests say: what is planned, written and compared is what was exported."""
        package = self.package()
        problems = wrong_files(package.folder)
        if problems:
            raise PackageError(f"{package.folder} is not what was exported: {problems[0]}", f"reversa validate {package.folder}")
        return package

    def report(self) -> Report:
        """The last report."""
        if not (self.folder / "report.json").exists():
            raise RunError(f"{self.folder} has not been verified.", f"reversa verify {self.folder}")
        if (self.folder / "ledger.sqlite").exists():
            with self._ledger() as ledger:
                if not ledger.begun and self.package().count():
                    raise RunError(f"What {self.folder} wrote was taken back after its last report.", f"reversa import {self.folder}")
        return self._read("report.json", Report)

    def standing(self) -> int:
        """How many records people changed at the target, which neither a newer export nor undo touches."""
        if not (self.folder / "ledger.sqlite").exists():
            return 0
        with self._ledger() as ledger:
            return len(ledger.standing())

    def findings(self) -> list[Finding]:
        """Everything that the last verification found wrong."""
        path = self.folder / "findings.ndjson"
        try:
            return [msgspec.json.decode(line, type=Finding) for line in path.read_bytes().splitlines()] if path.exists() else []
        except msgspec.MsgspecError as error:
            raise RunError(f"{path} is damaged: {error}", f"reversa verify {self.folder}") from error

    def why(self, kind: str, id: str) -> dict[str, object]:
        """One record's way: as the source had it, what became of it, where it lies, what differs there."""
        package = self.package()
        record = package.find(kind, id)
        events = [
            event for event in package.events() if event.get("record") == f"{kind}:{id}" or (event.get("kind") == kind and event.get("where") == id)
        ]
        outcome = None
        if (self.folder / "ledger.sqlite").exists():
            with self._ledger() as ledger:
                outcome = ledger.entry(Ref(f"{kind}:{id}"))
        findings = [f for f in self.findings() if (f.kind, f.id) == (kind, id)]
        if record is None and not events:
            raise RunError(f"The package holds no {kind} {id}.", f"reversa inspect {package.folder}")
        return {"record": record, "events": events, "outcome": outcome, "findings": findings}

    @contextlib.contextmanager
    def _step(self, name: StepName) -> Iterator[Step]:
        """A step, kept in the journal."""
        before = gc.get_threshold()
        gc.set_threshold(*SELDOM)
        try:
            with recorded(self.folder / "steps.ndjson", name) as step:
                yield step
        finally:
            gc.set_threshold(*before)

    @contextlib.contextmanager
    def _importer(self, target: str, package: Package, people: Mapping[Ref, str] | None = None) -> Iterator[tuple[Locator, Importer]]:
        """The importer of a target, which meets ``people`` as they are given, else as they were planned."""
        locator = registry.locate(target)
        options = Options(source=package.source, password=password(), **_decided(self._planned_people() if people is None else people))
        importer: Importer = registry.importer(locator.system).open(locator, options)
        with contextlib.closing(importer):
            foresee = getattr(importer, "foresee", None)
            if foresee is not None:
                foresee(self._directory(package))
            yield locator, cast("Importer", Patient(importer))

    def _directory(self, package: Package) -> Directory:
        """Who and what the package holds, by name."""
        return Directory(record for kind in NAMED if kind in package.kinds() for record, _ in package.records(kind))

    def _reader(self, locator: Locator, package: Package) -> Exporter:
        return registry.exporter(locator.system).open(locator, self._reading(package))

    def _reading(self, package: Package) -> Options:
        """How a target is opened to be read back."""
        return Options(source=package.source, private=True, password=password(), **_decided(self._planned_people()))

    def _planned_people(self) -> Mapping[Ref, str]:
        made = self._plan_if_there()
        return {} if made is None else made.people

    @contextlib.contextmanager
    def _ledger(self) -> Iterator[Ledger]:
        path = self.folder / "ledger.sqlite"
        try:
            with contextlib.closing(Ledger(path)) as ledger:
                yield ledger
        except sqlite3.OperationalError as error:
            raise DiskError(f"{path}: {error}", "Free space or mend the disk, then type the same command again.") from error
        except sqlite3.DatabaseError as error:
            raise RunError(
                f"{path} is damaged: {error}", "Start a new run with --run NEW_FOLDER; what the target holds already is found and not written again."
            ) from error

    def _begun(self) -> bool:
        """Whether something of this run may be in its target."""
        if not (self.folder / "ledger.sqlite").exists():
            return False
        with self._ledger() as ledger:
            return ledger.begun

    def _plan_if_there(self) -> Plan | None:
        return self._read("plan.json", Plan) if (self.folder / "plan.json").exists() else None

    def _plan(self) -> Plan:
        made = self._plan_if_there()
        if made is None:
            raise RunError(f"{self.folder} holds no plan yet.", f"reversa plan {self.folder} TARGET")
        return made

    def _read(self, name: str, type_: type[T]) -> T:
        try:
            return msgspec.json.decode((self.folder / name).read_bytes(), type=type_)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            hint = (
                "Give the source a run folder of its own: --run NEW_FOLDER"
                if name == "source.json"
                else f"Remove {self.folder / name} and type it again."
            )
            raise RunError(f"{self.folder / name} is damaged: {error}", hint) from error

    def _write(self, name: str, value: object) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(self.folder / name, msgspec.json.format(msgspec.json.encode(value), indent=1))


def _decided(people: Mapping[Ref, str]) -> dict[str, Any]:
    """Decisions about people, as an adapter is given them."""
    return {"people": {who: account for who, account in people.items() if account}, "nobody": frozenset(who for who in people if not people[who])}


def password() -> str | None:
    """The password of a database, from the environment."""
    return os.environ.get("REVERSA_PASSWORD")
