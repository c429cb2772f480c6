"""The whole road in one function: export, plan, import, verify, report. Start reading here."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec

from reversa import registry
from reversa.adapter import Options
from reversa.comparing import Finding
from reversa.delta import Conflicts, carry, edits, meet
from reversa.drawing import daily_seed, draw, write_sample
from reversa.errors import NotAccepted, PackageError, ReversaError, RunError, SourceError
from reversa.exporting import Progress, export
from reversa.files import whole, write_whole
from reversa.importing import import_package
from reversa.journal import predicted, read_steps
from reversa.ledger import EVERYTHING
from reversa.linking import DEAD_LINKS, follow
from reversa.package import Package
from reversa.people import propose, read_people, write_people
from reversa.planning import RENAMES, Delta, Plan, accept, listed, plan, write_losses
from reversa.records import User
from reversa.redirecting import write_redirects
from reversa.renewing import EARLIER, NEWER, Taken, package_in, put_newer, resolved, stamp
from reversa.reporting import Report, Verdict, make_report
from reversa.runfolder import RunFolder, password
from reversa.sharding import Parts, forget, shards_of
from reversa.validating import validate
from reversa.verifying import verify
from reversa.wording import Language

PEOPLE = "people.csv"
Ask = Callable[[Plan], str]
"""Asked when a target is live and no file of accepted losses was given: the name of who accepts, or nothing."""


def migrate(
    source: str,
    target: str,
    run: str | Path | None = None,
    *,
    private: bool = False,
    tenant: str | None = None,
    since: date | None = None,
    accepted: str | Path | None = None,
    ask: Ask = lambda _: "",
    progress: Progress = lambda _step, _done, _whole: None,
) -> Report:
    """Carry everything in ``source`` over to ``target`` and prove what arrived.

    ``source`` is a path, ``system:path`` or an address; ``target`` likewise. The run folder holds the package, the
    ledger, the plan and the reports; the same call goes on where an earlier one stopped, and once it has come to its end,
    takes a newer export of the same source: all of it, or what is of ``since`` or later.
    Raises a :class:`reversa.errors.ReversaError` that says what to do next.
    """
    Road.check(target)
    road = Road(run or default_run(source), progress)
    with road.guarded():
        road.export(source, private=private, tenant=tenant, since=since)
        road.plan(target)
        road.accept(accepted, ask)
        road.import_()
        return road.verify()


def default_run(source: str) -> Path:
    """The run folder of a source: beside the working directory, named after it."""
    return Path(Path(source.rpartition(":")[2].rstrip("/")).name.removesuffix(".zip") + ".reversa")


class Road(RunFolder):
    """A run folder and the steps that fill it; each can be taken alone, in order."""

    # ------------------------------------------------------------------------------------------- steps

    @staticmethod
    def check(target: str) -> None:
        """Open a target and close it again, so that a mistake in its name costs no export. Raises what opening raises."""
        locator = registry.locate(target)
        registry.importer(locator.system).open(locator, Options(password=password())).close()

    def export(self, source: str, *, private: bool = False, tenant: str | None = None, since: date | None = None) -> Package:
        """Read the source into ``package/``.

        A run that has not come to its end goes on with the package it holds. One that has takes a newer export of the same
        source, which may lie elsewhere; a file that is as it was is not read again.
        """
        self._put_newer()
        taken = Taken(source=resolved(source), private=private, tenant=tenant, since=since, stamp=stamp(source))
        known = self._read("source.json", Taken) if (self.folder / "source.json").exists() else None
        if known is None or package_in(self.folder) is None:
            return self._first(source, taken)
        finished = self._finished()
        if known.private != private or (not finished and (known.source, known.tenant, known.since) != (taken.source, tenant, since)):
            raise self._another_source()
        if not finished and None not in (taken.stamp, known.stamp) and taken.stamp != known.stamp:
            raise RunError(
                f"{source} has changed since {self.folder} read it, and that run has not come to its end.",
                f"First reversa import {self.folder}, and reversa verify {self.folder}; or reversa undo {self.folder}, and a new run folder",
            )
        if not finished or (taken.stamp is not None and taken == known):
            return self.package()
        return self._renew(source, taken)

    def _another_source(self) -> RunError:
        return RunError(
            f"The run folder {self.folder} belongs to another source or other options.", "Give this one a folder of its own: --run NEW_FOLDER"
        )

    def _first(self, source: str, taken: Taken) -> Package:
        if package_in(self.folder) is not None:
            raise RunError(f"{self.folder} does not say what its package was taken from.", "Give this one a folder of its own: --run NEW_FOLDER")
        self._write("source.json", taken)
        try:
            return self._export(source, taken, self.folder)
        except BaseException:
            if package_in(self.folder) is None:
                (self.folder / "source.json").unlink()  # nothing was taken from it
            raise

    def _renew(self, source: str, taken: Taken) -> Package:
        """Take a newer export, unless it says the same."""
        held, newer = self.package(), self.folder / NEWER
        shutil.rmtree(newer, ignore_errors=True)
        newer.mkdir()
        package = self._export(source, taken, newer)
        same = package.manifest.digest == held.manifest.digest
        if not same and package.source != held.source:
            shutil.rmtree(newer)
            error = self._another_source()
            error.hint += f", or, if it is a newer export of the same: --tenant '{held.source.tenant}'"
            raise error
        if same:
            shutil.rmtree(newer)
            self._write("source.json", taken)
            return held
        system = registry.locate(self._plan().target).system
        if not hasattr(registry.importer(system), "replace") or not hasattr(registry.exporter(system), "named"):
            shutil.rmtree(newer)
            raise RunError(
                f"The export is newer than {held.folder}, and {system} cannot be brought up to date record by record.",
                "Give it a new target and a new run folder: reversa migrate SOURCE NEW_TARGET --run NEW_FOLDER",
            )
        write_whole(newer / "source.json", msgspec.json.encode(taken))
        self._put_newer()
        return self.package()

    def _put_newer(self) -> None:
        """Give the package that was read last its place; what speaks of the earlier one goes to ``earlier/``."""
        if (self.folder / NEWER / "source.json").exists():
            package = package_in(self.folder / NEWER)
            if package is not None:
                with self._ledger() as ledger:
                    ledger.advance(package.manifest.digest)
            put_newer(self.folder)

    def _finished(self) -> bool:
        """Whether the package was carried over, and the target found to be as it should, but for what people have to decide."""
        if not (self.folder / "report.json").exists() or not (self.folder / "ledger.sqlite").exists():
            return False
        report = self._read("report.json", Report)
        return report.verdict != "different" and report.package == self.package().manifest.digest

    def _export(self, source: str, taken: Taken, folder: Path) -> Package:
        locator = registry.locate(source)
        if locator.system == "package":
            problems = validate(Path(locator.address))
            if problems:
                raise PackageError(f"{locator.address} is not whole: {problems[0]}", f"reversa validate {locator.address}")
            given = Package(Path(locator.address).resolve())
            if taken.since is not None and given.manifest.since != taken.since:
                raise self._no_part("a package")
            write_whole(folder / "package.json", msgspec.json.encode({"path": str(given.folder)}))
            return given
        options = Options(private=taken.private, tenant=taken.tenant, password=password(), since=taken.since)
        exporter = registry.exporter(locator.system).open(locator, options)
        with contextlib.closing(exporter), self._step("export") as step:
            if exporter.facts.since != taken.since:
                raise self._no_part(locator.system)
            package = export(exporter, folder / "package", datetime.now(UTC), self._progress)
            step.records = package.count()
            return package

    @staticmethod
    def _no_part(system: str) -> SourceError:
        return SourceError(f"{system} cannot be asked for a part of it.", "Leave out --since: all of it is read.")

    def plan(self, target: str) -> Plan:
        """Count what will change, in ``plan.json`` and ``losses.csv``; nothing is written to the target."""
        package = self._whole_package()
        system = registry.locate(target).system
        if package.manifest.since is not None and not hasattr(registry.exporter(system), "named"):
            raise RunError(
                f"The package is a part of its source, and {system} cannot be asked for the records of a part.",
                "Leave out --since, with a run folder of its own: --run NEW_FOLDER",
            )
        decided = read_people(self.folder / PEOPLE) if (self.folder / PEOPLE).exists() else {}
        held = self._plan_if_there()
        if held is not None and held.people != decided and self._begun():
            raise RunError(
                f"{self.folder / PEOPLE} has changed, and people are in {held.target} already as it was.", f"First: reversa undo {self.folder}"
            )
        with self._importer(target, package, decided) as (locator, importer):
            delta = self._delta(package, str(locator)) if (self.folder / "ledger.sqlite").exists() else None
            with self._step("plan") as step, listed(self.folder / RENAMES) as renamed:
                made = msgspec.structs.replace(plan(package, importer, str(locator), self._progress, renamed), delta=delta)
                step.records = package.count()
            made = msgspec.structs.replace(made, people=dict(decided), milliseconds=self._predicted(made))
        if held is not None and msgspec.structs.replace(held, accepted_by=None, live=made.live, milliseconds=made.milliseconds) == made:
            return held  # accepted or not, it is the same plan
        self._write("plan.json", made)
        write_losses(made, self.folder / "losses.csv")
        return made

    def people(self, target: str | None = None) -> Path:
        """Write ``people.csv``: whom of the source the target, that of the plan unless another is given, may know already."""
        package, path = self._whole_package(), self.folder / PEOPLE
        if path.exists():
            raise RunError(f"{path} is there already, and may hold decisions.", f"Go on with it, or remove it first: {path}")
        with self._importer(target or self._plan().target, package, {}) as (_, importer):
            if not hasattr(importer, "accounts"):
                raise RunError(f"{importer.facts.system} has no accounts to meet people in.", "Go on without a people map.")
            users = (record for record, _ in package.records("user") if isinstance(record, User)) if "user" in package.kinds() else ()
            write_people(propose(users, importer.accounts()), path)
        return path

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
            if package.manifest.since is not None and not ledger.begun and (self.folder / EARLIER).exists():
                raise RunError(
                    f"Everything was undone, and the package of {self.folder} is only a part of its source.",
                    "Carry all of it, with a run folder of its own: --run NEW_FOLDER",
                )
            ledger.bind(package.manifest.digest, str(locator))
            forget(self.folder)
            with self._step("import") as step:
                if ledger.generation == 1:
                    import_package(package, importer, ledger, self._progress)
                else:
                    with contextlib.closing(self._reader(locator, package)) as reader:
                        carry(package, importer, reader, ledger, self.folder, self._progress)
                address = getattr(importer, "address", lambda targets: f"{locator}#{targets[0]}")
                write_redirects(package, ledger, address, self.folder)
                step.records = ledger.taken

    def verify(self, sample: str | None = None, seed: int | None = None) -> Report:
        """Read the target back, compare, and write ``report.json``, ``report.html``, ``sample.json`` and ``findings.ndjson``.

        Of a ``sample``, given in percent, only the units drawn are asked for, and only ``sampled.json`` is written.
        """
        from reversa.rendering import write_html

        package, made = self._whole_package(), self._plan()
        with self._ledger() as ledger:
            if package.count() and not ledger.begun:
                raise RunError(
                    f"Nothing of {self.folder} is in {made.target}: it has not been imported, or was undone.", f"reversa import {self.folder}"
                )
        with self._step("verify") as step:
            report = self._verify(package, made) if sample is None else self._verify_sample(package, made, sample, seed)
            step.records = sum(line.exported for line in report.import_balance)
            step.result = report.verdict
        for language in ("fr", "en") if sample is None else ():
            write_html(report, language, self.folder / f"report.{language}.html")
        return report

    def _verify(self, package: Package, made: Plan) -> Report:
        now, part = datetime.now(UTC), package.manifest.since is not None
        with self._importer(made.target, package) as (locator, importer), self._ledger() as ledger, contextlib.ExitStack() as opened:
            ledger.bind(package.manifest.digest, str(locator))
            exporter = opened.enter_context(contextlib.closing(self._reader(locator, package)))
            parts = None
            if part:
                meet(package, ledger)
            elif shards_of(exporter):
                parts = Parts(self.folder, package.manifest.digest, locator, self._reading(package), now, exporter)
                opened.enter_context(contextlib.closing(parts))
            conflicts = opened.enter_context(Conflicts(self.folder / "conflicts.csv", more=True))
            lines = opened.enter_context(whole(self.folder / "findings.ndjson"))
            findings: list[Finding] = []

            def keep(finding: Finding) -> None:
                lines.write(msgspec.json.encode(finding) + b"\n")
                if len(findings) < 1000:
                    findings.append(finding)

            edited = edits(ledger, conflicts)
            comparison = verify(
                package, importer, exporter, ledger, self.folder, keep, self._progress, edited, parts=parts, named=part, sleep=self._sleep
            )
            followed = follow(exporter, self._directory(package), ledger, self.folder / DEAD_LINKS)
            report = make_report(package, made, ledger, importer.facts.changes, comparison, tuple(findings), datetime.now(UTC), followed)
        if parts is not None:
            report = msgspec.structs.replace(report, resumed=parts.resumed)
        self._write("sample.json", comparison.sample)
        self._write("report.json", report)
        forget(self.folder)
        return report

    def _verify_sample(self, package: Package, made: Plan, percent: str, seed: int | None) -> Report:
        """The same for a package of the units drawn."""
        now, findings = datetime.now(UTC), list[Finding]()
        drawn, limit = draw(package, percent, daily_seed(package, now) if seed is None else seed, chosen=seed is not None)
        with (
            tempfile.TemporaryDirectory(dir=self.folder, prefix="sorting-") as scratch,
            self._importer(made.target, package) as (locator, importer),
            contextlib.closing(self._reader(locator, package)) as exporter,
            self._ledger() as ledger,
        ):
            ledger.bind(package.manifest.digest, str(locator))
            sample = write_sample(package, drawn.seed, limit, Path(scratch) / "package")
            ledger.meet(sample.identities(), whole=False)
            planned = msgspec.structs.replace(plan(sample, importer, made.target, self._progress), accepted_by=made.accepted_by)
            comparison = verify(sample, importer, exporter, ledger, Path(scratch), findings.append, self._progress, named=True, sleep=self._sleep)
            report = make_report(sample, planned, ledger, importer.facts.changes, comparison, tuple(findings), now)
        verdict: Verdict = "sampled" if report.verdict == "verified" else report.verdict
        report = msgspec.structs.replace(report, verdict=verdict, drawn=drawn, package=package.manifest.digest)
        self._write("sampled.json", report)
        return report

    def undo(self) -> int:
        """Take back what this run wrote to its target; returns how many records."""
        package, made = self.package(), self._plan()
        with self._importer(made.target, package) as (_, importer), self._ledger() as ledger:
            take_back = getattr(importer, "undo", None)
            if take_back is None:
                raise ReversaError(f"{importer.facts.system} cannot undo.", "Remove the records by hand: they are listed in ledger.sqlite.")
            forget(self.folder)
            with self._step("undo") as step:
                begun = list(package.references() if EVERYTHING in ledger.interrupted else ledger.interrupted)
                unconfirmed = importer.find(begun)
                step.records = sum(1 for _ in ledger.written()) + len(unconfirmed)
                take_back(itertools.chain(ledger.written(), unconfirmed.items()))
                ledger.forget()
        return step.records

    def runbook(self, language: Language) -> Path:
        """Write the runbook of this run as it stands now; returns the path of its page."""
        from reversa.continuity.runbook import write_runbook

        return write_runbook(self.folder, language, datetime.now(UTC))

    # ------------------------------------------------------------------------------------------- parts of steps

    def _delta(self, package: Package, target: str) -> Delta | None:
        """What a newer package brings."""
        with self._ledger() as ledger:
            ledger.bind(package.manifest.digest, target)
            if ledger.generation == 1:
                return None
            meet(package, ledger)
            return Delta(**ledger.delta(), since=package.manifest.since)

    def _predicted(self, made: Plan) -> int | None:
        """How long import and verification should take, if this run took them before."""
        path = self.folder / "steps.ndjson"
        if made.delta is None or not path.exists():
            return None
        try:
            steps = read_steps(path.read_bytes())
        except ValueError:  # it only serves to guess
            return None
        times = predicted(steps, "import", made.delta.total()), predicted(steps, "verify", sum(made.records.values()))
        return None if None in times else round(sum(time or 0 for time in times))
