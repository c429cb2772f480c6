"""The conformance kit: every check of every adapter, run by pytest or by ``reversa conformance``."""

from __future__ import annotations

import datetime as dt
import tempfile
import unittest
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from reversa import registry
from reversa.adapter import Locator
from reversa.testing import arriving, asking, disturbed, giving, laws, renewed, unreliable
from reversa.testing.trial import NotApplicable, Trial
from reversa.testing.witnesses import WITNESSES, Witness

Check = Callable[[Trial], None]

EXPORTER_CHECKS: tuple[Check, ...] = (
    giving.what_it_gives_is_declared,
    giving.the_balance_closes,
    giving.the_census_is_another_way,
    giving.its_package_is_whole,
    giving.reading_twice_gives_one_digest,
    giving.the_source_stays_as_it_was,
    giving.private_data_stays_unless_asked_for,
    giving.a_witness_sees_the_same,
    asking.single_records_are_given,
    asking.the_parts_are_the_whole,
    asking.columns_say_what_records_say,
)
IMPORTER_CHECKS: tuple[Check, ...] = (
    arriving.facts_are_stated,
    arriving.the_package_keeps_what_was_given,
    arriving.shape_is_pure,
    arriving.every_change_is_declared_and_noted,
    arriving.every_declared_change_happens,
    arriving.planning_writes_nothing,
    arriving.the_hall_of_pain_arrives,
    arriving.every_field_arrives,
    arriving.every_field_arrives_by_columns,
    arriving.columns_and_units_leave_the_same,
    arriving.any_records_arrive,
    arriving.packages_of_earlier_schemas_arrive,
    arriving.a_second_import_writes_nothing,
    arriving.records_are_found_by_source_id,
    arriving.old_addresses_lead_to_new_ones,
    arriving.sources_do_not_collide,
    arriving.undo_restores_the_target,
    disturbed.killed_at_every_write_it_resumes,
    disturbed.killed_it_can_still_be_undone,
    disturbed.a_refused_record_is_listed,
    disturbed.a_record_that_is_not_there_is_missed,
    disturbed.an_undeclared_change_is_not_verified,
    disturbed.damage_is_seen,
    disturbed.widened_rights_are_counted,
    disturbed.a_live_target_waits_for_acceptance,
    renewed.a_newer_export_brings_the_target_up,
    renewed.an_unchanged_export_writes_nothing,
    renewed.what_people_changed_is_not_overwritten,
    renewed.killed_while_brought_up_it_resumes,
    renewed.undo_takes_back_every_export,
    laws.what_the_source_lost_is_counted,
    laws.twins_are_kept_apart,
    laws.secrets_stay_behind,
    laws.a_changed_package_is_refused,
    unreliable.an_answer_that_is_lost_is_not_written_twice,
    unreliable.a_faulty_network_loses_nothing,
    disturbed.the_zone_of_the_machine_changes_nothing,
)


class Excepted(msgspec.Struct, frozen=True, kw_only=True):
    """A check that an adapter is known to fail: why, who answers for it, and until when. It is printed with every run."""

    check: str
    reason: str
    owner: str
    expires: dt.date


class Result(msgspec.Struct, frozen=True):
    """One check: how it ended, and why."""

    check: str
    state: Literal["ok", "FAIL", "excepted", "not applicable"]
    reason: str = ""

    @property
    def passed(self) -> bool:
        return self.state != "FAIL"


def judged(check: Check, trial: Trial, excepted: Sequence[Excepted] = (), today: dt.date | None = None) -> Result:
    """Run a check. One that is excepted must fail, and only until its date; an adapter may fail in any way: that is the finding."""
    name = check.__name__
    exception = next((e for e in excepted if e.check == name), None)
    trial.folder.mkdir(parents=True, exist_ok=True)
    try:
        check(trial)
    except NotApplicable as reason:
        return Result(name, "not applicable", str(reason))
    except Exception as error:  # noqa: BLE001
        sentence = (check.__doc__ or name).splitlines()[0]
        found = str(error).partition("\nassert ")[0] if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
        if exception is None:
            return Result(name, "FAIL", f"{sentence} {found}")
        if (today or dt.datetime.now(dt.UTC).date()) > exception.expires:
            return Result(name, "FAIL", f"its exception expired on {exception.expires} ({exception.owner}: {exception.reason}). {found}")
        return Result(name, "excepted", f"until {exception.expires}, {exception.owner}: {exception.reason}. {found}")
    if exception is not None:
        return Result(name, "FAIL", f"it holds: remove its exception ({exception.owner}: {exception.reason})")
    return Result(name, "ok")


# ------------------------------------------------------------------------------------------------ by pytest


class _Suite:
    """What both suites share: an adapter by the name of its system, its witness, and what it is excepted from."""

    system: str
    witness: Witness | None = None
    """Looks into the system by code of its own; those of reversa's own adapters are known."""
    excepted: tuple[Excepted, ...] = ()

    def _judge(self, check: Check, tmp_path: Path) -> None:
        unknown = {e.check for e in self.excepted} - {c.__name__ for c in (*EXPORTER_CHECKS, *IMPORTER_CHECKS)}
        assert not unknown, f"there is no check named {unknown}"
        for trial in self._trials(tmp_path):
            trial.witness = self.witness or WITNESSES.get(self.system)
            result = judged(check, trial, self.excepted)
            if result.state == "FAIL":
                raise AssertionError(result.reason)
            if result.state != "ok":
                raise unittest.SkipTest(f"{result.state}: {result.reason}")

    def _trials(self, tmp_path: Path) -> Iterator[Trial]:
        raise NotImplementedError


def _with_checks(checks: Sequence[Check]) -> Callable[[type[_Suite]], Any]:
    """Give a suite one test method per check."""

    def add(suite: type[_Suite]) -> type[_Suite]:
        for check in checks:

            def test(self: _Suite, tmp_path: Path, check: Check = check) -> None:
                self._judge(check, tmp_path)

            test.__doc__ = check.__doc__
            setattr(suite, f"test_{check.__name__}", test)
        return suite

    return add


@_with_checks(EXPORTER_CHECKS)
class ExporterSuite(_Suite):
    """Subclass it, name the system and at least one source."""

    sources: tuple[str, ...]

    def prepare(self, folder: Path) -> tuple[str, ...]:  # noqa: ARG002 - for those that make their source
        """The sources to try it on; override it where they have to be made first."""
        return self.sources

    def _trials(self, tmp_path: Path) -> Iterator[Trial]:
        sources = self.prepare(tmp_path)
        assert sources, "a suite without a source proves nothing"
        for number, source in enumerate(sources):
            yield Trial(self.system, tmp_path / str(number), None, Locator(self.system, source), None)


@_with_checks(IMPORTER_CHECKS)
class ImporterSuite(_Suite):
    """Subclass it, name the system; ``target`` gives the address of an empty one each time."""

    def target(self, folder: Path) -> str:
        raise NotImplementedError

    def _trials(self, tmp_path: Path) -> Iterator[Trial]:
        yield Trial(self.system, tmp_path, self.target, None, None)


# ------------------------------------------------------------------------------------------------ by the command


def run_suite(adapter: str, address: str | None = None, witness: Witness | None = None) -> Iterator[Result]:
    """The kit for ``reversa conformance``: the exporter on the source at ``address``, the importer on targets made for it.

    Raises LocatorError when there is no such adapter.
    """
    witness = witness or WITNESSES.get(adapter)
    given = False
    with tempfile.TemporaryDirectory() as scratch:
        if adapter in registry.names("exporters") and address is not None:
            given = True
            yield from _judged(EXPORTER_CHECKS, Trial(adapter, Path(scratch) / "exporter", None, Locator(adapter, address), witness))
        if adapter in registry.names("importers"):
            target = getattr(registry.importer(adapter), "scratch_target", None)
            if target is not None:
                given = True
                yield from _judged(IMPORTER_CHECKS, Trial(adapter, Path(scratch) / "importer", target, None, witness))
    if not given:
        registry.exporter(adapter)  # says which adapters there are
        yield Result("a source to try it on", "FAIL", f"give one: reversa conformance {adapter} SOURCE")


def _judged(checks: Sequence[Check], trial: Trial) -> Iterator[Result]:
    for check in checks:
        yield judged(check, Trial(trial.system, trial.folder / check.__name__, trial._target, trial._source, trial.witness))  # noqa: SLF001
