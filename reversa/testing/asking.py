"""What an exporter must hold that can be asked otherwise than for everything: single records, parts, columns. It must say the same."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from reversa.adapter import Attached, Exporter, Item, Noted, Unreadable
from reversa.records import KINDS, Ref, ref_parts, ref_to
from reversa.testing.giving import opened
from reversa.testing.trial import NotApplicable, Trial, digest_of, records_of


@contextlib.contextmanager
def _offering(trial: Trial, *members: str) -> Iterator[Any]:
    """The exporter, if it has these members."""
    with opened(trial) as exporter:
        if not all(hasattr(exporter, member) for member in members):
            raise NotApplicable(f"{trial.system} does not offer {members[0]}")
        yield exporter


def _digests(exporter: Exporter, items: Iterable[Item]) -> list[str]:
    """What items say, in any order, content by the digest that the kit makes of it."""
    return sorted(map(digest_of, records_of(exporter, items)))


def _by_record(exporter: Exporter) -> dict[Ref, list[Item]]:
    held: dict[Ref, list[Item]] = {}
    for item in exporter.items():
        if not isinstance(item, Noted | Unreadable):
            held.setdefault(ref_to(item.record if isinstance(item, Attached) else item), []).append(item)
    return held


def single_records_are_given(trial: Trial) -> None:
    """``named`` gives each record that it is asked for as ``items`` does, no other, and nothing for an id that nobody has."""
    with _offering(trial, "named") as exporter:
        held = _by_record(exporter)
        for wanted in (list(held)[::2], list(held)[1::2]):
            expected = _digests(exporter, itertools.chain.from_iterable(held[record] for record in wanted))
            strange = [Ref(f"{record}x") for record in wanted[:3] if f"{record}x" not in held]
            found = _digests(exporter, exporter.named([*wanted, *strange]))
            assert found == expected, (
                f"asked for {len(wanted)} records it gives {len(found)}, and {len(set(expected) - set(found))} not as items gives them"
            )


def the_parts_are_the_whole(trial: Trial) -> None:
    """All parts together are ``items``, each record once; opened again, the parts have the same names and give the same."""
    with _offering(trial, "shards", "shard") as exporter:
        names = list(exporter.shards())
        parts = {name: _digests(exporter, exporter.shard(name)) for name in names}
        whole = _digests(exporter, exporter.items())
    given = sorted(itertools.chain.from_iterable(parts.values()))
    assert given == whole, f"the parts give {len(given)} records, items {len(whole)}; {len(set(whole) - set(given))} of these are in no part"
    with _offering(trial, "shards", "shard") as exporter:
        assert list(exporter.shards()) == names, "opened again, the parts have other names"
        for name in reversed(names):
            assert _digests(exporter, exporter.shard(name)) == parts[name], f"read again by itself, the part {name} gives something else"


def columns_say_what_records_say(trial: Trial) -> None:
    """What is given by columns is what ``items`` gives, value by value: one digest on both ways."""
    with _offering(trial, "batches") as exporter:
        held = _by_record(exporter)
        for kind in exporter.facts.kinds:
            records = _digests(exporter, itertools.chain.from_iterable(items for record, items in held.items() if ref_parts(record)[0] == kind))
            columns = sorted(digest_of(msgspec.convert(_present(row), KINDS[kind])) for batch in exporter.batches(kind) for row in _rows(kind, batch))
            assert columns == records, (
                f"{kind}: {len(records)} records and {len(columns)} rows; {len(set(records) - set(columns))} records are not the same by columns"
            )


def _rows(kind: str, batch: Any) -> Iterator[dict[str, Any]]:
    names = KINDS[kind].__struct_fields__
    yield from ({"kind": kind} | {name: row[name] for name in names} for row in batch.to_pylist())


def _present(value: Any) -> Any:
    """A value without what is absent in it."""
    if isinstance(value, dict):
        return {name: _present(member) for name, member in value.items() if member is not None}
    return [_present(item) for item in value] if isinstance(value, list) else value
