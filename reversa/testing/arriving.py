"""What every importer must hold, undisturbed: what is declared, what arrives, what is found again, what undo leaves."""

from __future__ import annotations

import contextlib
import csv
from collections import Counter
from collections.abc import Sequence
from typing import Any, NoReturn

import msgspec
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from reversa.adapter import Change, Importer, Noted, Shaped, Unit
from reversa.errors import TargetError
from reversa.package import Package
from reversa.records import KINDS, Record, Ref, kind_of, ref, ref_to
from reversa.reporting import Report
from reversa.testing.pain import hall_of_pain
from reversa.testing.sample import sample_records
from reversa.testing.strategies import units
from reversa.testing.trial import Around, NotApplicable, Records, Trial, Wrap, assert_equal, digest_of, expected_of, shaped, units_of

EXAMPLES = 12
"""Packages that hypothesis makes, the same ones each time."""


CORPORA = (hall_of_pain, sample_records)
"""The fixed packages: their ids overlap, so each is one of its own."""


# ------------------------------------------------------------------------------------------------ what is declared


def facts_are_stated(trial: Trial) -> None:
    """Its facts name kinds that there are, and changes that name one kind and one field, each under a code of its own."""
    package = trial.package([])
    with trial.importer(trial.empty(), package.source) as importer:
        facts = importer.facts
    assert facts.system == trial.system, f"it calls itself {facts.system}"
    assert facts.kinds, "it declares no kind that it takes"
    unknown = set(facts.kinds) - KINDS.keys()
    assert not unknown, f"it declares unknown kinds: {unknown}"
    assert_changes_are_stated(facts.changes)


def assert_changes_are_stated(changes: Sequence[Change]) -> None:
    codes = Counter(change.code for change in changes)
    assert not (twice := [code for code, count in codes.items() if count > 1]), f"two changes have one code: {twice}"
    for change in changes:
        assert change.kind in KINDS, f"the change {change.code} names no kind"
        assert change.field is None or change.field in KINDS[change.kind].__struct_fields__, (
            f"the change {change.code} names no field of {change.kind}"
        )
        assert change.note.strip(), f"the change {change.code} says nothing to the person who is to accept it"


def shape_is_pure(trial: Trial) -> None:
    """``shape`` says the same each time, of any opening of the target, before and after writing."""
    records = hall_of_pain()
    package = trial.package(records)
    target = trial.empty()
    with trial.importer(target, package.source) as importer:
        first, again = shaped(importer, records), shaped(importer, records)
    assert first == again, "shape says something else when it is asked again"
    trial.run(package, target).import_()
    with trial.importer(target, package.source) as importer:
        after = shaped(importer, records)
    assert first == after, "shape says something else once the target is written"


def every_change_is_declared_and_noted(trial: Trial) -> None:
    """A value that the target will not show as it was is noted under a declared code of its kind and field; nothing else is noted."""
    with trial.importer(trial.empty(), trial.package([]).source) as importer:
        declared = {change.code: change for change in importer.facts.changes}
        for records in CORPORA:
            for unit in units_of(records()):
                _assert_noted(unit, importer.shape(unit), declared)


def _assert_noted(unit: Unit, made: Shaped, declared: dict[str, Change]) -> None:
    """Loss rules 1 and 2: what changed was declared, and was reported; what was reported did change."""
    told: dict[tuple[Ref, str | None], Noted] = {}
    for noted in made.noted:
        change = declared.get(noted.code)
        assert change is not None, f"{noted.record}: the change {noted.code} was not declared"
        assert change.kind == noted.record.partition(":")[0], f"{noted.code} is declared for {change.kind} and noted of {noted.record}"
        told[noted.record, None if change.effect == "skipped" else change.field] = noted
    before = {ref_to(record): record for record in unit.records}
    after = {ref_to(record): record for record in made.records}
    assert len(after) == len(made.records), f"the unit of {unit.root} is shaped with one record twice"
    assert not (new := after.keys() - before.keys()), f"shape makes records that the source does not have: {sorted(new)[:3]}"
    for reference, record in before.items():
        if reference not in after:
            assert told.pop((reference, None), None), f"{reference} is left out by shape, and no change says so: a hidden loss"
            continue
        for name in record.__struct_fields__:
            if getattr(record, name) != getattr(after[reference], name):
                assert told.pop((reference, name), None), f"{reference}: {name} is changed by shape, and no change says so: a hidden loss"
    assert not told, f"changes are noted where nothing changes: {[noted.code for noted in told.values()][:3]}"


def every_declared_change_happens(trial: Trial) -> None:
    """Each declared change is seen at least once in the fixed packages: what never happens need not be signed."""
    with trial.importer(trial.empty(), trial.package([]).source) as importer:
        made = {noted.code for records in CORPORA for unit in shaped(importer, records()) for noted in unit.noted}
        idle = [change.code for change in importer.facts.changes if change.code not in made]
    assert not idle, f"declared, and never seen to happen: {', '.join(idle)}"


class _ReadOnly(Around):
    def write(self, *_: object) -> NoReturn:
        raise AssertionError("something is written where nothing may be")


def planning_writes_nothing(trial: Trial) -> None:
    """A plan counts records and changes as they are, and leaves the target as it was."""
    records = hall_of_pain()
    package, target = trial.package(records), trial.empty()
    run = trial.run(package, target, around=_ReadOnly)
    assert not trial.dump(target, package.source), "planning has written records"
    with trial.importer(target, package.source) as importer:
        units, found = shaped(importer, records), importer.find([ref_to(record) for record in records])
    assert not found, f"the target is empty, and finds {sorted(found)[:3]}"
    counted = Counter(kind_of(record) for unit in units for record in unit.records)
    assert run.plan.records == counted, f"the plan counts {run.plan.records}, there are {dict(counted)}"
    noted = Counter[str]()
    for unit in units:
        for change in unit.noted:
            noted[change.code] += change.count
    planned = {line.change.code: line.count for line in run.plan.changes if line.side == "target"}
    assert planned == noted, f"the plan counts the changes {planned}, they are {dict(noted)}"


# ------------------------------------------------------------------------------------------------ what arrives


def arrive(trial: Trial, records: Sequence[Record], tenant: str = "acme", name: str = "", around: Wrap | None = None) -> tuple[Package, Records]:
    """Migrate records into an empty target, hold the target to them and the report to what the kit counts itself."""
    package, target = trial.package(records, tenant), trial.empty(f"target{name}")
    run = trial.run(package, target, f"run{name}", around)
    report = run.import_().verify()
    with trial.importer(target, package.source) as importer:
        expected = expected_of(importer, records)
    trial.assert_holds(target, package.source, expected)
    assert_report(report, records, expected)
    return package, expected


def assert_report(report: Report, records: Sequence[Record], expected: Records) -> None:
    """A report of a faithful migration says so, with the figures that the kit counts itself."""
    assert report.verdict == "verified", (
        f"the target is as it should be, and the verdict is {report.verdict}: {report.reasons}, {report.findings[:1]}"
    )
    given_, sent = Counter(kind_of(record) for record in records), Counter(kind_of(record) for record in expected.values())
    for balance in report.import_balance:
        kind = balance.kind
        counts = (balance.exported, balance.written, balance.skipped, balance.unexplained)
        assert counts == (given_[kind], sent[kind], given_[kind] - sent[kind], 0), f"the balance of {kind} is not closed or not true: {balance}"
    assert {balance.kind for balance in report.import_balance} == set(given_), "the balance leaves out a kind"
    same = {kind: counts.get("=", 0) for kind, counts in report.records.items()}
    assert same == sent, f"the report calls {same} records equal, there are {dict(sent)}"
    before = {ref_to(record): record for record in records}
    pairs = [
        (value, getattr(after, name))
        for ref_, after in expected.items()
        for name in after.__struct_fields__
        for value in (getattr(before[ref_], name),)
    ]
    kept, changed = sum(one is not None and one == other for one, other in pairs), sum(one != other for one, other in pairs)
    counted = Counter[str]()
    for of_kind in report.fields.values():
        for of_field in of_kind.values():
            counted.update(of_field)
    head = report.headline
    assert (head.identical + head.converted + head.lost, head.wrong) == (head.values, 0), f"the headline does not add up: {head}"
    assert counted["="] == kept, f"the report calls {counted['=']} values equal, there are {kept}"
    assert counted["~"] + counted["L"] == changed, f"the report calls {counted['~'] + counted['L']} values changed as planned, there are {changed}"


def the_hall_of_pain_arrives(trial: Trial) -> None:
    """Every hard real case arrives as planned: read back by the exporter, seen by the witness, counted in the report."""
    arrive(trial, hall_of_pain())


def every_field_arrives(trial: Trial) -> None:
    """A package with every kind and every field arrives as planned."""
    arrive(trial, sample_records())


def every_field_arrives_by_columns(trial: Trial) -> None:
    """The same when the importer itself is asked, which may take the whole package by columns; the other checks ask it by units."""
    arrive(trial, sample_records(), around=_as_it_is)


def _as_it_is(importer: Importer) -> Importer:
    return importer


def columns_and_units_leave_the_same(trial: Trial) -> None:
    """Taken by columns or by units, the hard cases leave the same records, values and digests in the target, and the same outcomes."""
    package, (bare, wrapped) = trial.package(hall_of_pain()), (trial.empty("columns"), trial.empty("units"))
    with trial.importer(bare, package.source) as importer:
        if not hasattr(importer, "load"):
            raise NotApplicable(f"{trial.system} takes nothing by columns")
    by_columns = trial.run(package, bare, "by-columns", _as_it_is).import_()
    by_units = trial.run(package, wrapped, "by-units").import_()
    assert_equal(trial.dump(wrapped, package.source), trial.dump(bare, package.source), "by columns, read back by the exporter")
    assert trial.look(wrapped) == trial.look(bare), "the witness sees other values where the package was taken by columns"
    assert by_columns.outcomes() == by_units.outcomes(), "the ledger says other things where the package was taken by columns"


def any_records_arrive(trial: Trial) -> None:
    """Packages made by hypothesis arrive as planned."""
    number = 0

    @settings(max_examples=EXAMPLES, database=None, deadline=None, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(st.lists(units(), min_size=1, max_size=5))
    def holds(made: list[Unit]) -> None:
        nonlocal number
        number += 1
        records = list({ref_to(record): record for unit in made for record in unit.records}.values())
        arrive(trial, records, name=str(number))

    holds()


def packages_of_earlier_schemas_arrive(trial: Trial) -> None:
    """Packages of every earlier version of the schema still import."""
    from reversa.testing.frozen import frozen_packages

    for version, package in frozen_packages(trial.folder / "frozen"):
        target = trial.empty(f"target-{version}")
        report = trial.run(package, target, f"run-{version}").import_().verify()
        assert report.verdict == "verified", f"a package of schema {version} ends {report.verdict}: {report.reasons}"
        assert len(trial.dump(target, package.source)) == sum(report.import_balance[n].written for n in range(len(report.import_balance)))


def the_package_keeps_what_was_given(trial: Trial) -> None:
    """The package holds each given record once, under the SHA-256 of its canonical form, and gives it whole in its unit."""
    for records in CORPORA:
        _assert_kept(trial.package(records()), records())


def _assert_kept(package: Package, records: Sequence[Record]) -> None:
    stored = {ref_to(record): (record, digest) for kind in package.kinds() for record, digest in package.records(kind)}
    for record in records:
        held, digest = stored.get(ref_to(record), (None, ""))
        assert held == record, f"{ref_to(record)} is in the package as {held}"
        assert digest == digest_of(record), f"the digest of {ref_to(record)} is not the SHA-256 of its canonical form"
    assert len(stored) == len(records), "the package holds records that were not given"
    given_ = {unit.root: {ref_to(record) for record in unit.records} for unit in units_of(records)}
    held_ = {unit.root: {ref_to(record) for record in unit.records} for unit, _ in package.units()}
    assert held_ == given_, "the package gives other units than were given"


# ------------------------------------------------------------------------------------------------ once, and found again


class _Counting(Around):
    """Counts the records that are sent to be written."""

    def __init__(self, inner: Importer, sent: list[Ref]) -> None:
        super().__init__(inner)
        self._sent = sent

    def write(self, units: Sequence[Shaped], session: Any) -> Any:
        units = list(units)
        self._sent += [ref_to(record) for unit in units for record in unit.records]
        return self.inner.write(units, session)


def a_second_import_writes_nothing(trial: Trial) -> None:
    """The same run again, and a run that knows nothing of the first, find everything by source id and write nothing."""
    records = hall_of_pain()
    package, target = trial.package(records), trial.empty()
    first = trial.run(package, target, "first").import_()
    before = trial.everything(target, package.source)
    sent: list[Ref] = []
    first.import_(around=lambda importer: _Counting(importer, sent))
    assert not sent, f"the same run again wrote {len(sent)} records: {sent[:3]}"
    second = trial.run(package, target, "second").import_(around=lambda importer: _Counting(importer, sent))
    assert not sent, f"a second run sent {len(sent)} records to a target that holds them: {sent[:3]}"
    assert trial.everything(target, package.source) == before, "a second import has changed the target"
    report = second.verify()
    assert report.verdict == "verified", f"after a second import: {report.verdict} {report.reasons}"
    assert not sum(balance.written for balance in report.import_balance), "the second run says that it wrote"


def records_are_found_by_source_id(trial: Trial) -> None:
    """``find`` gives each record its own ids in the target, and nothing for ids that only look like one."""
    records = hall_of_pain()
    package, target = trial.package(records), trial.empty()
    trial.run(package, target).import_()
    with trial.importer(target, package.source) as importer:
        expected = expected_of(importer, records)
        found = importer.find(list(expected))
        strange = [
            ref(kind_of(record), alike) for record in expected.values() for alike in (f"{record.id}x", record.id[:-1] or "?", record.id.swapcase())
        ]
        wrong = importer.find([reference for reference in strange if reference not in expected])
        assert not wrong, f"records that were never written are found: {sorted(wrong)[:3]}"
    missing = [record for record in expected if not found.get(record)]
    assert not missing, f"{len(missing)} written records are not found by their source id: {missing[:3]}"


def old_addresses_lead_to_new_ones(trial: Trial) -> None:
    """The redirect map lists every old address on the web once, with a new one for what arrived."""
    records = hall_of_pain()
    package, target = trial.package(records), trial.empty()
    run = trial.run(package, target).import_()
    with trial.importer(target, package.source) as importer:
        kept = {record.url for record in expected_of(importer, records).values()}
    path = run.road.folder / "redirects.csv"
    assert path.exists(), "there is no redirect map"
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    old = sorted(record.url for record in records if record.url is not None and record.url.startswith(("https://", "http://")))
    assert sorted(row["old"] for row in rows) == old, f"the redirect map lists {len(rows)} addresses, the source had {len(old)}"
    dead = [row["old"] for row in rows if not row["new"] and row["old"] in kept]
    assert not dead, f"the redirect map leads nowhere from {dead[:3]}"


def sources_do_not_collide(trial: Trial) -> None:
    """Two sources whose ids are equal meet in one target and are read back as they were; or the second is turned away untouched."""
    one = hall_of_pain()[:60]
    two = [msgspec.structs.replace(record, native='{"of":"the other"}') for record in one]
    target, first = trial.empty(), trial.package(one, "acme")
    trial.run(first, target, "run-acme").import_()
    before = trial.dump(target, first.source)
    second = trial.package(two, "other")
    with contextlib.suppress(TargetError):
        report = trial.run(second, target, "run-other").import_().verify()
        assert report.verdict == "verified", f"a source beside another: {report.verdict} {report.reasons}"
        with trial.importer(target, second.source) as importer:
            assert_equal(expected_of(importer, two), trial.dump(target, second.source), "read back beside another source with the same ids")
    assert_equal(before, trial.dump(target, first.source), "now that another source with the same ids was sent there")


# ------------------------------------------------------------------------------------------------ undo


def undo_restores_the_target(trial: Trial) -> None:
    """After undo the target is as it was before the import, with all that others have there."""
    neighbour = trial.package(hall_of_pain()[:60], "neighbour")
    package, target = trial.package(hall_of_pain()), trial.empty()
    with trial.importer(target, package.source) as importer:
        if not hasattr(importer, "undo"):
            raise NotApplicable(f"{trial.system} cannot undo")
    if _takes_two_sources(trial):
        trial.run(neighbour, target, "neighbour").import_()
    before = trial.everything(target, neighbour.source)
    run = trial.run(package, target).import_()
    run.undo()
    left = trial.dump(target, package.source)
    assert not left, f"after undo {len(left)} records are still there: {sorted(left)[:3]}"
    assert trial.everything(target, neighbour.source) == before, "undo has not restored the target as it was"
    with trial.importer(target, package.source) as importer:
        assert not importer.find([ref_to(record) for record in hall_of_pain()]), "after undo records are still found"


def _takes_two_sources(trial: Trial) -> bool:
    target = trial.empty("two")
    try:
        for tenant in ("one", "two"):
            trial.run(trial.package(hall_of_pain()[:1], tenant), target, tenant).import_()
    except TargetError:
        return False
    return True
