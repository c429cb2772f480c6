"""What the road and every importer must hold when something goes wrong: killed, refused, lied to, damaged, lost on the way."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NoReturn

import msgspec

from reversa.adapter import Facts, Importer, Locator, Outcome, Shaped, Unit
from reversa.errors import NotAccepted
from reversa.package import Package
from reversa.records import Grant, Record, Ref, Space, ref, ref_parts, ref_to
from reversa.testing.pain import hall_of_pain
from reversa.testing.trial import Around, NotApplicable, Run, Trial, assert_equal, expected_of, units_of


class Killed(BaseException):
    """The process ends here."""


def some(*ids: str) -> list[Record]:
    """Those of the hard cases that have one of these ids."""
    return [record for record in hall_of_pain() if record.id in ids]


def few() -> list[Record]:
    """A person, a message with its past, an answer with a reaction, a page with files: some six units, enough to be stopped at each."""
    return some("ann", "edited", "edited-1", "child", "files", "same-1", "same-2", "t2", f"{ref('user', 'ann')} 👍")


# ------------------------------------------------------------------------------------------------ killed


class _Mortal(Around):
    """Dies before or after its k-th write, or at the end of all writing."""

    def __init__(self, inner: Importer, at: int, *, after: bool) -> None:
        super().__init__(inner)
        self._left, self._after = at, after

    def write(self, units: Sequence[Shaped], session: Any) -> Iterable[Outcome]:
        self._left -= 1
        if self._left == 0 and not self._after:
            raise Killed
        outcomes = list(self.inner.write(units, session))
        if self._left == 0:
            raise Killed
        return outcomes


class _Unfinished(Around):
    """Dies when everything is written, before or after its last work."""

    def __init__(self, inner: Importer, *, after: bool) -> None:
        super().__init__(inner)
        self._after = after

    def finish(self) -> None:
        if self._after:
            getattr(self.inner, "finish", lambda: None)()
        raise Killed


def _killed_at_each_write(trial: Trial, package: Package) -> Iterator[tuple[str, Run, Locator]]:
    """Runs that were killed at each write in turn, until none is left to be killed at."""
    for after in (False, True):
        for at in range(1, len(few()) + 1):
            name = f"{'after' if after else 'before'} write {at}"
            target = trial.empty(name)
            run = trial.run(package, target, f"run {name}")
            try:
                run.import_(batch=1, around=lambda importer, at=at, after=after: _Mortal(importer, at, after=after))  # type: ignore[misc]
            except Killed:
                yield name, run, target
            else:
                break
        name = f"{'after' if after else 'before'} the end"
        target = trial.empty(name)
        run = trial.run(package, target, f"run {name}")
        with contextlib.suppress(Killed):
            run.import_(batch=1, around=lambda importer, after=after: _Unfinished(importer, after=after))  # type: ignore[misc]
        yield name, run, target


def killed_at_every_write_it_resumes(trial: Trial) -> None:
    """Killed before or after each write, the same command ends with the target of an undisturbed run, every record written once."""
    records = few()
    package, whole = trial.package(records), trial.empty("undisturbed")
    trial.run(package, whole, "undisturbed").import_(batch=1)
    undisturbed = trial.dump(whole, package.source)
    count = 0
    for name, run, target in _killed_at_each_write(trial, package):
        count += 1
        run.import_(batch=1, around=lambda importer: importer)
        trial.assert_holds(target, package.source, undisturbed, f"killed {name} and resumed: ")
        counts = run.states()
        assert set(counts) <= {"written", "skipped"}, f"killed {name} and resumed: the ledger counts {dict(counts)}"
        assert counts["written"] == len(undisturbed), (
            f"killed {name} and resumed: {counts['written']} of {len(undisturbed)} records count as written by this run"
        )
    assert count >= 2 * len(units_of(records)) - 1, f"only {count} moments to be killed at were met"


def killed_it_can_still_be_undone(trial: Trial) -> None:
    """Killed before or after each write, undo takes back what was written, confirmed or not."""
    records = few()
    package = trial.package(records)
    for name, run, target in _killed_at_each_write(trial, package):
        with trial.importer(target, package.source) as importer:
            if not hasattr(importer, "undo"):
                raise NotApplicable(f"{trial.system} cannot undo")
        run.undo()
        with trial.importer(target, package.source) as importer:
            left = importer.find([ref_to(record) for record in records])
        assert not left, f"killed {name} and undone: {sorted(left)[:3]} are still there"


# ------------------------------------------------------------------------------------------------ refused, lied to


class _Refusing(Around):
    """Its system refuses a root, and with it the unit."""

    def __init__(self, inner: Importer, refused: Ref) -> None:
        super().__init__(inner)
        self._refused = refused

    def write(self, units: Sequence[Shaped], session: Any) -> Iterable[Outcome]:
        left = [unit for unit in units if unit.root != self._refused]
        outcomes = list(self.inner.write(left, session)) if left else []
        return [*outcomes, *(Outcome(unit.root, "refused", reason=RULE) for unit in units if unit.root == self._refused)]


RULE = "not allowed by a rule of the system"


class _Lying(Around):
    """Says that it wrote a record which it dropped."""

    def __init__(self, inner: Importer, dropped: Ref) -> None:
        super().__init__(inner)
        self._dropped = dropped

    def write(self, units: Sequence[Shaped], session: Any) -> Iterable[Outcome]:
        outcomes = list(self.inner.write(_without(units, self._dropped), session))
        if any(ref_to(record) == self._dropped for unit in units for record in unit.records):
            outcomes.append(Outcome(self._dropped, "written", ("somewhere",)))
        return outcomes


def _without(units: Sequence[Shaped], dropped: Ref) -> list[Shaped]:
    left = [msgspec.structs.replace(unit, records=tuple(r for r in unit.records if ref_to(r) != dropped)) for unit in units]
    return [unit for unit in left if unit.records]


def a_refused_record_is_listed(trial: Trial) -> None:
    """A record that the target refuses is listed with its reason, what hangs on it as blocked; it is no success, and stops nothing else."""
    records = few()
    package, target, refused = trial.package(records), trial.empty(), ref("message", "edited")
    run = trial.run(package, target, around=lambda importer: _Refusing(importer, refused))
    report = run.import_(batch=1).verify()
    assert report.verdict == "incomplete", f"the target refused {refused}, and the verdict is {report.verdict}: {report.reasons}"
    assert report.exit_code not in (0, 1), "the exit code does not tell a refused record"
    listed = {event.where: (event.what, event.reason) for event in report.refused}
    assert listed.get(refused) == ("refused", RULE), f"{refused} was refused, and the report lists {listed}"
    with trial.importer(target, package.source) as importer:
        expected = expected_of(importer, records)
    child = ref("revision", "edited-1")
    if child in expected:
        assert listed.get(child, ("",))[0] == "blocked", f"{child} hangs on a refused record and is not blocked: the report lists {listed}"
    left = {record: value for record, value in expected.items() if value.root != refused}
    assert_equal(left, trial.dump(target, package.source), "after one unit was refused")


class _Widening(Around):
    """Writes private spaces as public ones, and refused rights as given ones."""

    def write(self, units: Sequence[Shaped], session: Any) -> Iterable[Outcome]:
        wide = [msgspec.structs.replace(unit, records=tuple(_wider(record) for record in unit.records)) for unit in units]
        return self.inner.write(wide, session)


def _wider(record: Record) -> Record:
    if isinstance(record, Grant):
        return msgspec.structs.replace(record, effect="allow")
    return msgspec.structs.replace(record, visibility="public") if isinstance(record, Space) else record


def widened_rights_are_counted(trial: Trial) -> None:
    """A private space that became public and a right that was refused and is given are counted as rights widened."""
    package, target = trial.package(hall_of_pain()), trial.empty()
    with trial.importer(target, package.source) as importer:
        shown = [
            r
            for r in expected_of(importer, hall_of_pain()).values()
            if getattr(r, "visibility", None) == "private" or getattr(r, "effect", None) == "deny"
        ]
    if not shown:
        raise NotApplicable(f"{trial.system} has no rights")
    run = trial.run(package, target, around=_Widening)
    report = run.import_().verify()
    assert report.verdict == "different", f"rights are widened, and the verdict is {report.verdict}"
    assert report.headline.rights_widened >= len(shown), f"{len(shown)} rights are widened, and the headline counts {report.headline.rights_widened}"


def a_record_that_is_not_there_is_missed(trial: Trial) -> None:
    """A record that the importer says it wrote, and that the target does not hold, is missed and named."""
    package, target = trial.package(few()), trial.empty()
    with trial.importer(target, package.source) as importer:
        dropped = next(reference for reference, record in expected_of(importer, few()).items() if record.root != reference)
    run = trial.run(package, target, around=lambda importer: _Lying(importer, dropped))
    report = run.import_(batch=1).verify()
    assert report.verdict == "different", f"{dropped} is not in the target, and the verdict is {report.verdict}: it was never read back"
    named = {(finding.kind, finding.id, finding.status) for finding in run.road.findings() if finding.field is None}
    assert report.headline.wrong > 0, f"{dropped} is not in the target, and the headline says that nothing is wrong"
    assert (*ref_parts(dropped), "-") in named, f"{dropped} is not in the target, and the findings are {sorted(named)[:3]}"


class _Forgetful(Around):
    """Its shape changes a value and notes nothing."""

    def shape(self, unit: Unit) -> Shaped:
        made = self.inner.shape(unit)
        records = tuple(msgspec.structs.replace(r, created_by=None) if ref_to(r) == ref("message", "t2") else r for r in made.records)
        return msgspec.structs.replace(made, records=records)


class _Hiding(Around):
    """Its shape leaves a record out and notes nothing."""

    def shape(self, unit: Unit) -> Shaped:
        made = self.inner.shape(unit)
        return msgspec.structs.replace(made, records=tuple(r for r in made.records if ref_to(r) != ref("message", "t2")))


def an_undeclared_change_is_not_verified(trial: Trial) -> None:
    """A value that shape changes, or a record that it leaves out, without a declared change: the run is not verified."""
    package = trial.package(few())
    for wrapper in (_Forgetful, _Hiding):
        run = trial.run(package, trial.empty(wrapper.__name__), f"run{wrapper.__name__}", around=wrapper)
        report = run.import_(around=wrapper).verify()
        assert report.verdict == "different", f"shape hides a loss ({(wrapper.__doc__ or '').lower()}), and the verdict is {report.verdict}"


def damage_is_seen(trial: Trial) -> None:
    """What is changed in the target behind the adapters' back is found by the next verification, which reads the target and nothing else."""
    tamper = getattr(trial.witness, "tamper", None)
    if tamper is None:
        raise NotApplicable("no witness that can tamper was given")
    package, number = trial.package([*few(), *some("length-1", "secret", "deny ben", "lists-1", "lists-2", "01", "1 ")]), 0
    while True:
        target = trial.empty(f"target-{number}")
        run = trial.run(package, target, f"run-{number}").import_()
        if number == 0:
            assert run.verify().verdict == "verified", "the target is not as expected before it is damaged"
        acts = list(tamper(target.address))
        if number == len(acts):
            return
        what, act = acts[number]
        act()
        report = run.verify()
        assert report.verdict == "different", f"{what} in the target, and the verdict is {report.verdict}: the target itself is not read"
        assert run.road.findings(), f"{what} in the target, and no finding names it"
        number += 1


class _Live(Around):
    """Its system is in use."""

    @property
    def facts(self) -> Facts:
        return msgspec.structs.replace(self.inner.facts, live=True)

    def write(self, *_: object) -> NoReturn:
        raise AssertionError("a target in use is written although nobody accepted the plan")


def a_live_target_waits_for_acceptance(trial: Trial) -> None:
    """A target that people use is not written before a person has accepted the plan."""
    package, target = trial.package(few()), trial.empty()
    run = trial.run(package, target)
    with run.wrapped(_Live):
        (run.road.folder / "plan.json").unlink()
        run.road.plan(str(target))
        for step in (lambda: run.road.accept(None, lambda _: ""), run.road.import_):
            try:
                step()
            except NotAccepted:
                continue
            raise AssertionError("a target in use is taken without an accepted plan")


# ------------------------------------------------------------------------------------------------ clocks


class zone:  # noqa: N801 - used as a function
    """The time zone of the machine, for a while."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        self._before = os.environ.get("TZ")
        os.environ["TZ"] = self._name
        time.tzset()

    def __exit__(self, *_: object) -> None:
        os.environ.pop("TZ")
        if self._before is not None:
            os.environ["TZ"] = self._before
        time.tzset()


ZONES = ("UTC", "Asia/Kathmandu", "America/St_Johns")


def the_zone_of_the_machine_changes_nothing(trial: Trial) -> None:
    """Written in one time zone and read in another, every time is the same."""
    records = [*few(), *(record for record in hall_of_pain() if record.id.startswith(("time-", "zone-", "deal", "task")))]
    package, target = trial.package(records), trial.empty()
    with zone(ZONES[1]):
        trial.run(package, target).import_()
    with zone(ZONES[2]):
        with trial.importer(target, package.source) as importer:
            expected = expected_of(importer, records)
        trial.assert_holds(target, package.source, expected, "written in another time zone: ")
