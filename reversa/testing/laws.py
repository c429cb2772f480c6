"""What the road must hold whatever the adapter: what was lost is counted, twins are kept apart, secrets stay, a package stays as it is."""

from __future__ import annotations

from datetime import UTC, datetime

from reversa.adapter import Unreadable
from reversa.errors import PackageError
from reversa.exporting import export
from reversa.package import Package
from reversa.records import Message, ref
from reversa.testing.disturbed import few
from reversa.testing.pain.cases import message
from reversa.testing.trial import Stated, Trial
from reversa.validating import validate


def _packed(trial: Trial, name: str, exporter: Stated) -> Package:
    return export(exporter, trial.folder / name, datetime(2026, 1, 1, tzinfo=UTC), lambda _step, _done, _whole: None)


def what_the_source_lost_is_counted(trial: Trial) -> None:
    """An item that the source could not give, or that its census counts and nobody saw, keeps the run from being verified."""
    some = few()
    short = _packed(trial, "short", Stated(some, "acme", census={"message": 99}))
    broken = _packed(trial, "broken", Stated(some, "acme", items=[Unreadable("message", "line 7", "not JSON")]))
    for package, why in ((short, "the census counts 99 messages"), (broken, "an item could not be read")):
        report = trial.run(package, trial.empty(f"to-{package.folder.name}"), f"run-{package.folder.name}").import_().verify()
        assert report.verdict != "verified", f"{why}, and the verdict is verified"
    assert [(event.where, event.reason) for event in report.unreadable] == [("line 7", "not JSON")], (
        f"the report lists as unreadable: {report.unreadable}"
    )


def twins_are_kept_apart(trial: Trial) -> None:
    """Items with one id, in one unit or in several: equal ones are one record and counted, others are both kept under numbered ids and noted."""
    elsewhere = message("twin", "three", root=ref("page", "p"), order=7)
    twins = [message("twin", "one"), message("twin", "two"), elsewhere, message("twin", "one"), elsewhere]
    package = _packed(trial, "twins", Stated(twins, "acme"))
    held = {record.id: record for record, _ in package.records("message")}
    texts = sorted(record.body.text for record in held.values() if isinstance(record, Message) and record.body)
    assert texts == ["one", "three", "two"], f"five items with one id, twice two of them equal, are kept as {texts}"
    assert set(held) == {"twin", "twin~2", "twin~3"}, f"items with one id are called {sorted(held)}"
    [balance] = package.manifest.balance
    assert (balance.records, balance.merged, balance.unexplained) == (3, 2, 0), f"the balance of items with one id: {balance}"
    assert [line.change.code for line in package.manifest.changes] == ["message.id.twin"], "the new id is not noted"


CANARY = "xoxb-" + "123456789012-" * 2 + "CanaryCanaryCanaryCanary"


def secrets_stay_behind(trial: Trial) -> None:
    """A credential in a text reaches neither package nor target nor report; its removal is noted."""
    leaky = [message("leak", f"the token is {CANARY}."), *few()]
    package = _packed(trial, "leaky", Stated(leaky, "acme"))
    target = trial.empty()
    trial.run(package, target).import_().verify()
    held = {record.id: record for record, _ in package.records("message")}
    assert "leak" in held, "the record that held a credential is gone"
    assert [line.change.code for line in package.manifest.changes] == ["message.body.secret"], "the removal of a credential is not noted"
    found = trial.dump(target, package.source)[ref("message", "leak")]
    texts = [record.body.text for record in (held["leak"], found) if isinstance(record, Message) and record.body]
    assert not any(CANARY in text for text in texts), "a credential reaches the target"
    for path in (path for path in trial.folder.rglob("*") if path.is_file()):
        assert CANARY.encode() not in path.read_bytes(), f"a credential stands in {path.relative_to(trial.folder)}"


def a_changed_package_is_refused(trial: Trial) -> None:
    """A package that is not, byte for byte, what was exported is neither planned, written nor compared."""
    package, target = trial.package(few()), trial.empty()
    run = trial.run(package, target)
    part = next((package.folder / "data" / "tables" / "message").glob("*.parquet"))
    data = bytearray(part.read_bytes())
    data[len(data) // 2] ^= 1
    part.write_bytes(data)
    assert validate(package.folder), "a flipped bit of a package is not seen by validate"
    for name, step in (("planned", lambda: run.road.plan(str(target))), ("written", run.import_), ("compared", run.verify)):
        try:
            step()
        except PackageError:
            continue
        raise AssertionError(f"a changed package is {name}")
