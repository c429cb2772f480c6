"""Broken pieces of the road: each takes one piece out, and the kit is run on adapters that are sound."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

import msgspec

from reversa import canonical, comparing, exporting, importing, ledger, migrating, package, planning, reporting, runfolder, wrapping
from reversa.adapter import Outcome, Unreadable
from reversa.records import ref_to
from reversa.testing.mutants.importers import ARRIVES
from reversa.testing.mutants.mutant import Mutant

Patch = Callable[[], AbstractContextManager[Any]]


def _is(owner: Any, name: str, new: Any) -> Patch:
    return lambda: mock.patch.object(owner, name, new)


def _after(owner: Any, name: str, change: Callable[[Any], Any]) -> Patch:
    """The piece works, and its result is changed."""
    real = getattr(owner, name)
    return lambda: mock.patch.object(owner, name, lambda *args, **kwargs: change(real(*args, **kwargs)))


def _nothing(*_: Any, **__: Any) -> None:
    pass


def _all_equal(self: comparing.Comparer, _source: Any, expected: Any, _found: Any) -> None:
    self._same(expected)


def _verified(*_: Any, **__: Any) -> list[str]:
    return []


def _all_written(sent: Any, _outcomes: Any, _root: Any, digest: str) -> ledger.Entry:
    return ledger.Entry(ref_to(sent), "written", digest, canonical.digest(canonical.encode(sent)), ("somewhere",))


def _as_written(units: Any) -> dict[Any, Outcome]:
    return {ref_to(record): Outcome(ref_to(record), "written", ("somewhere",)) for unit in units for record in unit.records}


def _but_last(items: Iterator[Any]) -> list[Any]:
    return list(items)[:-1]


def _forgetful_settle(self: ledger.Ledger, entries: Any, changes: Any) -> None:
    _settle(self, [entry for entry in entries if entry.record.partition(":")[0] != "revision"], changes)


_settle = ledger.Ledger.settle


def _one_twin(self: exporting.Intake, kind: str) -> Iterator[Any]:
    seen = set()
    for record, data in self._spool.sorted(kind):
        if record.id not in seen:
            seen.add(record.id)
            self._records[kind] += 1
            yield record, canonical.digest(data)
        else:
            self._merged[kind] += 1


def _no_event(self: exporting.Intake, item: Unreadable) -> None:
    pass


def _narrow(made: comparing.Comparison) -> comparing.Comparison:
    made.rights_widened = 0
    return made


def _rosy(made: reporting.Headline) -> reporting.Headline:
    return msgspec.structs.replace(made, identical=made.values, wrong=0)


def _never_blocked(entry: ledger.Entry) -> ledger.Entry:
    return msgspec.structs.replace(entry, state="refused") if entry.state == "blocked" else entry


def _uncounted_plan(made: planning.Plan) -> planning.Plan:
    return msgspec.structs.replace(made, records={kind: count - 1 for kind, count in made.records.items()})


def _short_digest(data: bytes) -> str:
    return _digest(data[:40])


_digest = canonical.digest
HIDDEN = "a_record_that_is_not_there_is_missed"

ROAD: tuple[Mutant, ...] = (
    Mutant("verification calls everything equal", "damage_is_seen", "not read", _is(comparing.Comparer, "_fieldwise", _all_equal)),
    Mutant("verification overlooks what is missing", HIDDEN, "headline", _is(comparing.Comparer, "_missing", _nothing)),
    Mutant("verification overlooks what is extra", "damage_is_seen", "not sent", _is(comparing.Comparer, "_extra", _nothing)),
    Mutant("verification keeps no finding", HIDDEN, "findings", _is(comparing.Comparer, "_find", _nothing)),
    Mutant("verification forgives undeclared changes", "an_undeclared_change_is_not_verified", "hides", _is(comparing.Comparer, "leave_out", _nothing)),
    Mutant("verification counts no right that was widened", "widened_rights_are_counted", "widened", _after(comparing, "Comparison", _narrow)),
    Mutant("the headline calls everything identical", HIDDEN, "headline", _after(reporting, "_headline", _rosy)),
    Mutant("old addresses lead nowhere", "old_addresses_lead_to_new_ones", "redirect", _is(migrating, "write_redirects", _nothing)),
    Mutant("what hangs on a refused record counts as refused itself", "a_refused_record_is_listed", "blocked", _after(importing, "_entry", _never_blocked)),
    Mutant("every verdict is verified", "a_refused_record_is_listed", "verdict", _is(reporting, "_reasons", _verified)),
    Mutant("success is reported on refusal", "a_refused_record_is_listed", "refused", _is(importing, "_entry", _all_written)),
    Mutant("what got no answer is sent again, arrived or not", "an_answer_that_is_lost_is_not_written_twice", "",
           _is(wrapping.Patient, "_left", lambda _self, units, _outcomes: units)),
    Mutant("what got no answer is taken for done", "an_answer_that_is_lost_is_not_written_twice", "missing",
           _is(wrapping.Patient, "_left", lambda _self, units, outcomes: outcomes.update(_as_written(units)) or [])),
    Mutant("the ledger commits no intent", "killed_at_every_write_it_resumes", "the ledger counts", _is(ledger.Ledger, "intend", _nothing)),
    Mutant("the ledger forgets outcomes", ARRIVES, "unexplained", _is(ledger.Ledger, "settle", _forgetful_settle)),
    Mutant("the ledger remembers nothing", "a_second_import_writes_nothing", "", _is(ledger.Ledger, "settled", lambda *_: set())),
    Mutant("the last batch is not sent", ARRIVES, "not been imported", _after(importing, "batches", _but_last)),
    Mutant("the package gives all units but the last", "the_package_keeps_what_was_given", "units", _after(package.Package, "units", _but_last)),
    Mutant("the digest covers the beginning only", "the_package_keeps_what_was_given", "SHA-256", _is(exporting, "digest", _short_digest)),
    Mutant("twins are merged", "twins_are_kept_apart", "are kept as", _is(exporting.Intake, "settled", _one_twin)),
    Mutant("secrets are kept", "secrets_stay_behind", "credential", _is(exporting, "redact", lambda data: data)),
    Mutant("unreadable items vanish", "what_the_source_lost_is_counted", "verified", _is(exporting.Intake, "_refuse", _no_event)),
    Mutant("the balance is always closed", "what_the_source_lost_is_counted", "census", _is(package.Balance, "unexplained", 0)),
    Mutant("the plan counts wrong", "planning_writes_nothing", "counts", _after(migrating, "plan", _uncounted_plan)),
    Mutant("a changed package is taken", "a_changed_package_is_refused", "changed package", _is(runfolder, "wrong_files", lambda _: [])),
    Mutant("nobody has to accept", "a_live_target_waits_for_acceptance", "accept",
           lambda: mock.patch.object(migrating.Road, "accept", lambda self, *_: self._plan())),
)  # fmt: skip
