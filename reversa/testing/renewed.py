"""What every importer must hold when a newer export of its source comes: carried record by record, and nothing of people's overwritten."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, get_args

import msgspec

from reversa.adapter import Importer, Locator, Shaped
from reversa.errors import RunError
from reversa.package import Package
from reversa.records import Body, Message, Reaction, Record, Ref, ref, ref_to
from reversa.testing.disturbed import Killed, some
from reversa.testing.pain.cases import message
from reversa.testing.trial import Around, NotApplicable, Records, Run, Trial, assert_equal, expected_of

CHANGED, DELETED, REMOVED, NEW = ref("message", "t2"), ref("page", "same-1"), ref("page", "same-2"), ref("message", "newer-1")
GONE = frozenset({DELETED, ref("reaction", f"{ref('user', 'ann')} 👍")})


def earlier() -> list[Record]:
    """A person, a message with its past, an answer with a reaction, pages with files: some of it will change or go."""
    return some("ann", "edited", "edited-1", "child", "files", "same-1", "same-2", "t2", f"{ref('user', 'ann')} 👍")


def newer() -> list[Record]:
    """The same later: a text is another, a page and a reaction are gone, a message and a reaction have come."""
    added = message("newer-1", "written since")
    liked = Reaction(id="newer 👀", root=added.root, target=ref_to(added), created_by=ref("user", "ann"), key="👀")
    return [*(_later(record) for record in earlier() if ref_to(record) not in GONE), added, liked]


def _later(record: Record) -> Record:
    if ref_to(record) != CHANGED or not isinstance(record, Message):
        return record
    return msgspec.structs.replace(record, body=Body(format="plain", text="said otherwise since"))


def _of(trial: Trial, target: Locator, package: Package, records: Iterable[Record]) -> Records:
    with trial.importer(target, package.source) as importer:
        return expected_of(importer, records)


def _takes_newer(trial: Trial, run: Run, package: Package) -> None:
    """Give a run a newer package; an importer that cannot bring single records up to date says so before anything is touched."""
    try:
        run.renew(package)
    except RunError as error:
        raise NotApplicable(f"{trial.system} is not brought up to date record by record") from error


def a_newer_export_brings_the_target_up(trial: Trial) -> None:
    """A newer export leaves the target as an import of it into an empty one would; or it is turned away, and the target stays as it was."""
    first, second, target = trial.package(earlier()), trial.package(newer()), trial.empty()
    run = trial.run(first, target).import_()
    assert run.verify().verdict == "verified", "the earlier export does not arrive"
    before = trial.everything(target, first.source)
    with contextlib.ExitStack() as untouched:
        untouched.callback(lambda: assert_same(before, trial.everything(target, first.source)))
        _takes_newer(trial, run, second)
        untouched.pop_all()
    report = run.import_().verify()
    trial.assert_holds(target, second.source, _of(trial, target, second, newer()), "brought up to a newer export: ")
    assert report.verdict == "verified", f"brought up to a newer export, the verdict is {report.verdict}: {report.reasons}"
    assert report.delta is not None, "the report does not say what is new, changed and deleted"
    counted = sum(report.delta.new.values()), sum(report.delta.changed.values()), sum(report.delta.deleted.values())
    assert counted == (2, 1, 2), f"two records are new, one is changed, two are deleted; the report counts {counted}"


def assert_same(before: object, after: object) -> None:
    assert before == after, "a newer export was turned away, and the target is not as it was"


class _Reading(Around):
    """May be asked, and not be written."""

    def __getattr__(self, name: str) -> Any:
        if name in ("write", "replace", "remove", "undo"):
            return self._refuse
        return super().__getattr__(name)

    def _refuse(self, *_: object) -> None:
        raise AssertionError("the export says nothing new, and something is written")


def an_unchanged_export_writes_nothing(trial: Trial) -> None:
    """A second export that says the same leads to no write at the target."""
    first, second, target = trial.package(earlier()), trial.package(earlier()), trial.empty()
    run = trial.run(first, target).import_()
    run.verify()
    before = trial.everything(target, first.source)
    run.renew(second, around=_Reading)
    report = run.import_(around=_Reading).verify()
    assert trial.everything(target, first.source) == before, "the export says nothing new, and the target is not as it was"
    assert report.verdict == "verified", f"the export says nothing new, and the verdict is {report.verdict}: {report.reasons}"


THEIRS = "https://people.example/what-they-wrote-since"


def what_people_changed_is_not_overwritten(trial: Trial) -> None:
    """What people changed or removed at the target is a conflict that is listed: a newer export neither overwrites it nor brings it back."""
    first, target = trial.package(earlier()), trial.empty()
    run = trial.run(first, target).import_()
    run.verify()
    _takes_newer(trial, run, second := trial.package(newer()))
    with trial.importer(target, first.source) as importer:
        _people(importer, [CHANGED, DELETED], REMOVED)
    report = run.import_().verify()
    shown = trial.dump(target, second.source)
    for record in (CHANGED, DELETED):
        held = shown.get(record)
        assert held is not None, f"{record} was changed by people, and is gone: a newer export removed it"
        assert held.url == THEIRS, f"{record} was changed by people, and a newer export has overwritten it: {held}"
    assert REMOVED not in shown, f"{REMOVED} was removed by people, and a newer export has brought it back"
    assert NEW in shown, "a conflict keeps what is new from being written"
    assert (report.verdict, report.conflicts) == ("incomplete", 3), (
        f"three records were changed by people; the verdict is {report.verdict}, and {report.conflicts} conflicts are counted"
    )
    listed = (run.road.folder / "conflicts.csv").read_text(encoding="utf-8")
    missing = [record for record in (CHANGED, DELETED, REMOVED) if record not in listed]
    assert not missing, f"conflicts.csv does not list {missing}"


def _people(importer: Any, changed: Sequence[Ref], removed: Ref) -> None:
    """What people do at the target meanwhile, done through the importer itself, which the road does not see."""
    records = {ref_to(record): record for record in earlier()}
    units = [Shaped(record.root, (msgspec.structs.replace(record, url=THEIRS),)) for record in map(records.__getitem__, changed)]
    outcomes = list(importer.replace(units, None))
    assert all(outcome.state == "written" for outcome in outcomes), f"replace refuses a plain change of an address: {outcomes}"
    importer.remove({removed: importer.find([removed])[removed]})


Moment = Literal["before", "half way through", "after"]


class _MortalOf(Around):
    """Dies before, half way through or after the k-th call that writes, replaces or removes. Half replaced is: the old record is out."""

    def __init__(self, inner: Importer, left: list[int], moment: Moment) -> None:
        super().__init__(inner)
        self._left, self._moment = left, moment

    def __getattr__(self, name: str) -> Any:
        found = super().__getattr__(name)
        return self._until(name, found) if name in ("write", "replace", "remove") else found

    def _until(self, name: str, act: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            self._left[0] -= 1
            if self._left[0] == 0 and self._moment != "after":
                if self._moment == "half way through" and name == "replace":
                    records = [ref_to(record) for unit in arguments[0] for record in unit.records]
                    self.inner.remove(self.inner.find(records))  # type: ignore[attr-defined]  # what is replaced can be removed
                raise Killed
            done = act(*arguments)
            done = done if done is None else list(done)
            if self._left[0] == 0:
                raise Killed
            return done

        return call


def killed_while_brought_up_it_resumes(trial: Trial) -> None:
    """Killed before, in or after each write, replacement and removal of a newer export, the same command ends with the same target."""
    first, second = trial.package(earlier()), trial.package(newer())
    for moment in get_args(Moment):
        at = 0
        while True:
            at += 1
            name, left = f"{moment} call {at}", [at]
            target = trial.empty(name)
            run = trial.run(first, target, f"run {name}").import_()
            run.verify()
            _takes_newer(trial, run, second)
            try:
                run.import_(batch=1, around=lambda importer, left=left, moment=moment: _MortalOf(importer, left, moment))  # type: ignore[misc]
            except Killed:
                run.import_(batch=1)
            when = f"killed {name} and resumed: "
            trial.assert_holds(target, second.source, _of(trial, target, second, newer()), when)
            report = run.verify()
            assert (report.verdict, report.conflicts) == ("verified", 0), (
                f"{when}the verdict is {report.verdict}, and what the run itself wrote counts as {report.conflicts} conflicts"
            )
            if left[0] > 0:
                break
        assert at > len((NEW, CHANGED, DELETED)), f"only {at - 1} calls write what is new, changed and deleted"


def undo_takes_back_every_export(trial: Trial) -> None:
    """After a newer export was carried, undo leaves nothing of either."""
    first, second, target = trial.package(earlier()), trial.package(newer()), trial.empty()
    before = trial.look(target)
    run = trial.run(first, target).import_()
    run.verify()
    with trial.importer(target, first.source) as importer:
        if not hasattr(importer, "undo"):
            raise NotApplicable(f"{trial.system} cannot undo")
    _takes_newer(trial, run, second)
    run.import_().undo()
    assert_equal({}, trial.dump(target, first.source), "after undo of two exports")
    assert trial.look(target) == before, "after undo of two exports the witness still sees records"
