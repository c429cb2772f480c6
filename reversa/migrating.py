"""The whole road in one function: export, plan, import, verify, report. Start reading here."""

from __future__ import annotations

import codecs
import contextlib
import csv
import fcntl
import itertools
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar, cast

import msgspec

from reversa import registry
from reversa.adapter import Exporter, Importer, Locator, Options
from reversa.errors import DiskError, NotAccepted, PackageError, ReversaError, RunError
from reversa.exporting import Progress, export
from reversa.files import whole, write_whole
from reversa.importing import import_package
from reversa.journal import Step, StepName, recorded
from reversa.ledger import EVERYTHING, Ledger
from reversa.package import Package
from reversa.planning import Plan, accept, plan, write_losses
from reversa.records import Ref
from reversa.reporting import Report, make_report
from reversa.validating import validate, wrong_files
from reversa.verifying import Finding, verify
from reversa.wording import Language
from reversa.wrapping import Patient

T = TypeVar("T")
Ask = Callable[[Plan], str]
"""Asked when a target is live and no file of accepted losses was given: the name of who accepts, or nothing."""


def migrate(
    source: str,
    target: str,
    run: str | Path | None = None,
    *,
    private: bool = False,
    tenant: str | None = None,
    accepted: str | Path | None = None,
    ask: Ask = lambda _: "",
    progress: Progress = lambda _step, _done, _whole: None,
) -> Report:
    """Carry everything in ``source`` over to ``target`` and prove what arrived.

    ``source`` is a path, ``system:path`` or an address; ``target`` likewise. The run folder holds the package, the
    ledger, the plan and the reports; the same call goes on where an earlier one stopped.
    Raises a :class:`reversa.errors.ReversaError` that says what to do next.
    """
    Road.check(target)
    road = Road(run or default_run(source), progress)
    with road.guarded():
        road.export(source, private=private, tenant=tenant)
        road.plan(target)
        road.accept(accepted, ask)
        road.import_()
        return road.verify()


def default_run(source: str) -> Path:
    """The run folder of a source: beside the working directory, named after it."""
    return Path(Path(source.rpartition(":")[2].rstrip("/")).name.removesuffix(".zip") + ".reversa")


class Road:
    """A run folder and the steps that fill it; each can be taken alone, in order."""

    def __init__(self, folder: str | Path, progress: Progress = lambda _step, _done, _whole: None) -> None:
        self.folder = Path(folder)
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

    # ------------------------------------------------------------------------------------------- steps

    @staticmethod
    def check(target: str) -> None:
        """Open a target and close it again, so that a mistake in its name costs no export. Raises what opening raises."""
        locator = registry.locate(target)
        registry.importer(locator.system).open(locator, Options(password=_password())).close()

    def export(self, source: str, *, private: bool = False, tenant: str | None = None) -> Package:
        """Read the source into ``package/``, unless it is there already."""
        described = {"source": _resolved(source), "private": private, "tenant": tenant}
        if (self.folder / "source.json").exists() and self._read("source.json", dict[str, object]) != described:
            raise RunError(
                f"The run folder {self.folder} belongs to another source or other options.", "Give this one a folder of its own: --run NEW_FOLDER"
            )
        if (self.folder / "package").exists() or (self.folder / "package.json").exists():
            return self.package()
        self._write("source.json", described)
        try:
            return self._export(source, private=private, tenant=tenant)
        except BaseException:
            (self.folder / "source.json").unlink()  # nothing was taken from it
            raise

    def _export(self, source: str, *, private: bool, tenant: str | None) -> Package:
        locator = registry.locate(source)
        if locator.system == "package":
            problems = validate(Path(locator.address))
            if problems:
                raise PackageError(f"{locator.address} is not whole: {problems[0]}", f"reversa validate {locator.address}")
            self._write("package.json", {"path": str(Path(locator.address).resolve())})
            return self.package()
        exporter = registry.exporter(locator.system).open(locator, Options(private=private, tenant=tenant, password=_password()))
        with contextlib.closing(exporter), self._step("export") as step:
            package = export(exporter, self.folder / "package", datetime.now(UTC), self._progress)
            step.records = package.count()
            return package

    def package(self) -> Package:
        """The package of this run."""
        elsewhere = self.folder / "package.json"
        if elsewhere.exists():
            return Package(Path(self._read("package.json", dict[str, str])["path"]))
        if not (self.folder / "package").exists():
            raise RunError(f"{self.folder} holds no package yet.", f"reversa export SOURCE --run {self.folder}")
        return Package(self.folder / "package")

    def _whole_package(self) -> Package:
        """The package, every file as its manifests say: what is planned, written and compared is what was exported."""
        package = self.package()
        problems = wrong_files(package.folder)
        if problems:
            raise PackageError(f"{package.folder} is not what was exported: {problems[0]}", f"reversa validate {package.folder}")
        return package

    def plan(self, target: str) -> Plan:
        """Count what will change, in ``plan.json`` and ``losses.csv``; nothing is written to the target."""
        package = self._whole_package()
        with self._importer(target, package) as (locator, importer):
            if (self.folder / "ledger.sqlite").exists():
                with self._ledger() as ledger:
                    ledger.bind(package.manifest.digest, str(locator))
            with self._step("plan") as step:
                made = plan(package, importer, str(locator), self._progress)
                step.records = package.count()
        held = self._plan_if_there()
        if held is not None and msgspec.structs.replace(held, accepted_by=None, live=made.live) == made:
            return held  # accepted or not, it is the same plan
        self._write("plan.json", made)
        write_losses(made, self.folder / "losses.csv")
        return made

    def accept(self, losses: str | Path | None, ask: Ask) -> Plan:
        """Take note of who accepted the plan. A live target is not written without."""
        made = self._plan()
        if losses is not None:
            made = accept(made, Path(losses))
        elif made.live and made.accepted_by is None:
            name = ask(made)
            if not name:
                raise self._not_accepted(made)
            made = msgspec.structs.replace(made, accepted_by=name)
        self._write("plan.json", made)
        return made

    def _not_accepted(self, made: Plan) -> NotAccepted:
        losses = self.folder / "losses.csv"
        return NotAccepted(
            f"{made.target} is in use by others, and nobody has accepted the plan.",
            f"Read {losses}, fill in `accepted` and `by`, and add --accept {losses}",
        )

    def import_(self) -> None:
        """Write what has no outcome yet, and the redirect map."""
        package, made = self._whole_package(), self._plan()
        if made.live and made.accepted_by is None:
            raise self._not_accepted(made)
        with self._importer(made.target, package) as (locator, importer), self._ledger() as ledger:
            ledger.bind(package.manifest.digest, str(locator))
            with self._step("import") as step:
                before = ledger.size()
                import_package(package, importer, ledger, self._progress)
                self._write_redirects(package, ledger, getattr(importer, "address", lambda targets: f"{locator}#{targets[0]}"))
                step.records = ledger.size() - before

    def verify(self) -> Report:
        """Read the target back, compare, and write ``report.json``, ``report.html``, ``sample.json`` and ``findings.ndjson``."""
        from reversa.rendering import write_html

        package, made = self._whole_package(), self._plan()
        with self._ledger() as ledger:
            if package.count() and not ledger.size():
                raise RunError(
                    f"Nothing of {self.folder} is in {made.target}: it has not been imported, or was undone.", f"reversa import {self.folder}"
                )
        with self._step("verify") as step:
            report = self._verify(package, made)
            step.records = sum(line.exported for line in report.import_balance)
            step.result = report.verdict
        for language in ("fr", "en"):
            write_html(report, language, self.folder / f"report.{language}.html")
        return report

    def _verify(self, package: Package, made: Plan) -> Report:
        with self._importer(made.target, package) as (locator, importer), self._ledger() as ledger:
            ledger.bind(package.manifest.digest, str(locator))
            findings: list[Finding] = []
            exporter = self._reader(locator, package)
            with contextlib.closing(exporter), whole(self.folder / "findings.ndjson") as lines:

                def keep(finding: Finding) -> None:
                    lines.write(msgspec.json.encode(finding) + b"\n")
                    if len(findings) < 1000:
                        findings.append(finding)

                comparison = verify(package, importer, exporter, ledger, self.folder, keep, self._progress)
            report = make_report(package, made, ledger, importer.facts.changes, comparison, tuple(findings), datetime.now(UTC))
        self._write("sample.json", comparison.sample)
        self._write("report.json", report)
        return report

    def undo(self) -> int:
        """Take back what this run wrote to its target; returns how many records."""
        package, made = self.package(), self._plan()
        with self._importer(made.target, package) as (_, importer), self._ledger() as ledger:
            take_back = getattr(importer, "undo", None)
            if take_back is None:
                raise ReversaError(f"{importer.facts.system} cannot undo.", "Remove the records by hand: they are listed in ledger.sqlite.")
            with self._step("undo") as step:
                begun = list(package.references() if EVERYTHING in ledger.interrupted else ledger.interrupted)
                unconfirmed = importer.find(begun)
                step.records = sum(1 for _ in ledger.written()) + len(unconfirmed)
                take_back(itertools.chain(ledger.written(), unconfirmed.items()))
                ledger.forget()
        return step.records

    def report(self) -> Report:
        """The last report."""
        if not (self.folder / "report.json").exists():
            raise RunError(f"{self.folder} has not been verified.", f"reversa verify {self.folder}")
        return self._read("report.json", Report)

    def runbook(self, language: Language) -> Path:
        """Write the runbook of this run as it stands now; returns the path of its page."""
        from reversa.continuity.runbook import write_runbook

        return write_runbook(self.folder, language, datetime.now(UTC))

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

    def findings(self) -> list[Finding]:
        """Everything that the last verification found wrong."""
        path = self.folder / "findings.ndjson"
        try:
            return [msgspec.json.decode(line, type=Finding) for line in path.read_bytes().splitlines()] if path.exists() else []
        except msgspec.MsgspecError as error:
            raise RunError(f"{path} is damaged: {error}", f"reversa verify {self.folder}") from error

    # ------------------------------------------------------------------------------------------- the folder

    def _step(self, name: StepName) -> contextlib.AbstractContextManager[Step]:
        return recorded(self.folder / "steps.ndjson", name)

    @contextlib.contextmanager
    def _importer(self, target: str, package: Package) -> Iterator[tuple[Locator, Importer]]:
        locator = registry.locate(target)
        importer: Importer = registry.importer(locator.system).open(locator, Options(source=package.source, password=_password()))
        with contextlib.closing(importer):
            yield locator, cast("Importer", Patient(importer))

    def _reader(self, locator: Locator, package: Package) -> Exporter:
        return registry.exporter(locator.system).open(locator, Options(source=package.source, private=True, password=_password()))

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
            raise RunError(f"{self.folder / name} is damaged: {error}", f"Remove {self.folder / name} and type the command again.") from error

    def _write(self, name: str, value: object) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(self.folder / name, msgspec.json.format(msgspec.json.encode(value), indent=1))

    def _write_redirects(self, package: Package, ledger: Ledger, address: Callable[[Sequence[str]], str]) -> None:
        """Old address → new address, for every record that had one."""
        with whole(self.folder / "redirects.csv") as file:
            writer = csv.writer(codecs.getwriter("utf-8")(file))
            writer.writerow(["old", "new"])
            for kind, id, url in package.addresses():
                entry = ledger.entry(Ref(f"{kind}:{id}"))
                writer.writerow([url, address(entry.targets) if entry is not None and entry.targets else ""])


def _resolved(source: str) -> str:
    """The source as the run remembers it: the same from any folder, also after the export was moved away."""
    text = source if ":" in source else str(Path(source).absolute())
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _password() -> str | None:
    return os.environ.get("REVERSA_PASSWORD")
