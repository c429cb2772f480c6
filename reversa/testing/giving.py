"""What every exporter must hold: what it gives is declared, whole, the same each time, and what a witness sees in the source."""

from __future__ import annotations

import contextlib
import hashlib
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec

from reversa import registry
from reversa.adapter import Attached, Exporter, Noted, Options, Unreadable
from reversa.exporting import export
from reversa.package import Package
from reversa.records import KINDS, Message, Record, Ref, kind_of, ref_to
from reversa.testing.arriving import assert_changes_are_stated
from reversa.testing.disturbed import ZONES, zone
from reversa.testing.trial import NotApplicable, Trial
from reversa.testing.witnesses import Seen, flat
from reversa.validating import validate


@contextlib.contextmanager
def opened(trial: Trial, *, private: bool = True) -> Iterator[Exporter]:
    with contextlib.closing(registry.exporter(trial.system).open(trial.source, Options(private=private))) as exporter:
        yield exporter


def exported(trial: Trial, name: str, *, private: bool = True) -> Package:
    """The source as a package."""
    with opened(trial, private=private) as exporter:
        return export(exporter, trial.folder / name, datetime(2026, 1, 1, tzinfo=UTC), lambda _step, _done, _whole: None)


def what_it_gives_is_declared(trial: Trial) -> None:
    """The kinds it gives and the changes it makes are among those that its facts declare; the facts say whose data it is."""
    with opened(trial) as exporter:
        facts = exporter.facts
        assert facts.source is not None, "facts.source is not set"
        unknown = set(facts.kinds) - KINDS.keys()
        assert not unknown, f"it declares unknown kinds: {unknown}"
        assert_changes_are_stated(facts.changes)
        codes = {change.code for change in facts.changes}
        for item in exporter.items():
            if isinstance(item, Noted):
                assert item.code in codes, f"the change {item.code} happens and was not declared"
            elif not isinstance(item, Unreadable):
                kind = kind_of(item.record if isinstance(item, Attached) else item)
                assert kind in facts.kinds, f"it gives {kind}, which it does not declare"


def the_balance_closes(trial: Trial) -> None:
    """The census and what was read agree, per kind."""
    package = exported(trial, "package")
    assert package.manifest.balance, "nothing was read and nothing counted"
    for balance in package.manifest.balance:
        assert balance.unexplained == 0, (
            f"{balance.kind}: the census counts {balance.seen}, {balance.unexplained} of them are unexplained ({balance})"
        )


def the_census_is_another_way(trial: Trial) -> None:
    """The census is taken without the loop that reads: it is the same when reading is cut off after the first item."""
    with opened(trial) as exporter:
        before = dict(exporter.census())
    with opened(trial) as exporter:
        items = iter(exporter.items())
        next(items, None)
        if hasattr(items, "close"):
            items.close()
        after = dict(exporter.census())
    assert before == after, f"the census depends on what was read: {before}, then {after}"


def its_package_is_whole(trial: Trial) -> None:
    """Its package passes ``reversa validate``."""
    problems = validate(exported(trial, "package").folder)
    assert not problems, problems[0]


def reading_twice_gives_one_digest(trial: Trial) -> None:
    """Two exports of one source, one after the other and in different time zones, are the same data."""
    digests = set()
    for name in ZONES:
        with zone(name):
            digests.add(exported(trial, name.replace("/", "-")).manifest.digest)
    assert len(digests) == 1, f"exports of one source differ: {sorted(digests)}"


def the_source_stays_as_it_was(trial: Trial) -> None:
    """Reading changes no byte of a source on disk, and opens no connection."""
    path = Path(trial.source.address.removeprefix("sqlite:///"))
    if not path.exists():
        raise NotApplicable("the source is not a file or a folder")
    before = _bytes_of(path)
    with mock.patch.object(socket.socket, "connect", _no_network):
        exported(trial, "package")
    assert _bytes_of(path) == before, f"{path} was changed by reading it"


def _no_network(*_: object) -> None:
    raise AssertionError("reading a file opens a connection to the network")


def _bytes_of(path: Path) -> dict[str, str]:
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def private_data_stays_unless_asked_for(trial: Trial) -> None:
    """Without being asked for private data it gives no more than with, and accounts for all that it leaves out."""
    whole, public = (exported(trial, str(private), private=private) for private in (True, False))
    left = {reference for reference, _ in _held(public).items()} - _held(whole).keys()
    assert not left, f"records are given only when private data is not asked for: {sorted(left)[:3]}"
    for balance in public.manifest.balance:
        assert balance.unexplained == 0, f"{balance.kind}: what is left out as private is not accounted for ({balance})"


def a_witness_sees_the_same(trial: Trial) -> None:
    """Code written apart from the exporter finds the same records in the source, with the same values."""
    if trial.witness is None:
        raise NotApplicable("no witness was given")
    package = exported(trial, "package")
    records = _held(package)
    held = {reference: told(record) for reference, record in records.items()}
    seen: dict[Ref, list[Seen]] = {}
    for reference, values in trial.witness.look(trial.source.address):
        seen.setdefault(reference, []).append(values)
    assert seen, "the witness sees nothing in the source"
    missing = sorted(seen.keys() - held.keys())
    assert not missing, f"{len(missing)} of {len(seen)} records that the witness sees are not exported: {missing[:3]}"
    for reference, sightings in seen.items():
        alike = [held[reference], *(held[Ref(f"{reference}~{n}")] for n in range(2, len(sightings) + 1) if f"{reference}~{n}" in held)]
        for values in sightings:
            if not any(values.items() <= found.items() for found in alike):
                wrong = {name: (alike[0].get(name), value) for name, value in values.items() if alike[0].get(name) != value}
                raise AssertionError(f"{reference} is exported otherwise than the witness sees it (field: exported, seen): {wrong}")
    kinds = {reference.partition(":")[0] for reference in seen}
    for reference, record in records.items():
        twin_of, _, number = reference.rpartition("~")
        known = reference in seen or (number.isdecimal() and len(seen.get(Ref(twin_of), ())) > 1) or getattr(record, "placeholder", None)
        assert known or kind_of(record) not in kinds, f"{reference} is exported, and the witness does not see it in the source"


def told(record: Record) -> Seen:
    """A record as a witness tells it; ``text`` is the text itself of a body that is kept in JSON."""
    values = flat(record)
    if isinstance(record, Message) and record.body is not None and record.body.format == "slack-message":
        body: dict[str, Any] = msgspec.json.decode(record.body.text)
        values["text"] = body.get("text", "")
    return values


def _held(package: Package) -> dict[Ref, Record]:
    return {ref_to(record): record for kind in package.kinds() for record, _ in package.records(kind)}
