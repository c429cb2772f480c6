"""What every importer must hold when its system does not answer: asked again, nothing lost and nothing twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import stamina

from reversa.adapter import Importer, Locator, Outcome, Shaped
from reversa.errors import Unavailable
from reversa.testing.disturbed import few
from reversa.testing.trial import Around, NotApplicable, Records, Trial, expected_of

ONE_IN = 5
"""Requests, of which one meets a fault."""


class _Unheard(Around):
    """Its k-th write is not answered: it was not done, or it was and the answer is lost."""

    def __init__(self, inner: Importer, state: list[int], *, done: bool) -> None:
        super().__init__(inner)
        self._state, self._done = state, done

    def write(self, units: Sequence[Shaped], session: Any) -> Iterable[Outcome]:
        self._state[0] -= 1
        if self._state[0] == 0:
            if self._done:
                list(self.inner.write(units, session))
            raise Unavailable("The system does not answer.", retry_after=7)
        return self.inner.write(units, session)


def an_answer_that_is_lost_is_not_written_twice(trial: Trial) -> None:
    """A write that is not answered is asked again, and what had arrived all the same is not written twice."""
    records = few()
    package = trial.package(records)
    for done in (False, True):
        at = 0
        while True:
            at += 1
            target, state = trial.empty(f"target-{done}-{at}"), [at]
            run = trial.run(package, target, f"run-{done}-{at}")
            with stamina.set_testing(testing=True, attempts=8, cap=True):
                run.import_(batch=1, around=lambda importer, state=state, done=done: _Unheard(importer, state, done=done))  # type: ignore[misc]
            if state[0] > 0:
                break  # there are fewer writes than that
            when = f"write {at} was {'done, and its answer lost' if done else 'not done'}: "
            trial.assert_holds(target, package.source, _expected(trial, target, records), when)
            counts = run.states()
            assert set(counts) <= {"written", "skipped"}, f"{when}the ledger counts {counts}"
        assert at > 1, "nothing was written"


def _expected(trial: Trial, target: Locator, records: Any) -> Records:
    with trial.importer(target, trial.package([]).source, records) as importer:
        return expected_of(importer, records)


def a_faulty_network_loses_nothing(trial: Trial) -> None:
    """Behind a network that is busy, slow, loses answers, cuts them short or lets tokens expire, the target is the same."""
    from reversa.testing.faults import FAULTS, FaultyProxy

    if not trial.empty("asked").address.startswith(("http://", "https://")):
        raise NotApplicable("its target is not reached over HTTP")
    records = few()
    package = trial.package(records)
    for fault in FAULTS:
        target = trial.empty(fault)
        expected = _expected(trial, target, records)
        proxy = FaultyProxy(target.address, fault, one_in=ONE_IN)
        with proxy as url, stamina.set_testing(testing=True, attempts=50, cap=True):
            behind = msgspec.structs.replace(target, address=url)
            report = trial.run(package, behind, f"run-{fault}").import_(batch=1).verify()
        assert proxy.happened, f"the fault {fault} met no request"
        assert report.verdict == "verified", f"behind a network that makes the fault {fault}: {report.verdict} {report.reasons}"
        merged = sum(balance.merged for balance in report.import_balance)
        assert not merged, f"{fault}: {merged} records that this run wrote itself count as found there"
        trial.assert_holds(target, package.source, expected, f"behind a network that makes the fault {fault}: ")
