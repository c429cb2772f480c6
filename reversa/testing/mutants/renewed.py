"""Broken ways of taking a newer export, and of being asked otherwise than for everything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from unittest import mock

import msgspec
import pyarrow as pa

from reversa import delta, ledger
from reversa.adapter import Item, Outcome, Shaped
from reversa.records import Ref, ref_to
from reversa.systems.sql.dialects import Dialect
from reversa.testing.mutants.exporters import AroundExporter
from reversa.testing.mutants.mutant import Mutant, exporter_is, importer_is
from reversa.testing.trial import Around


class _ReplacesNothing(Around):
    def replace(self, units: Sequence[Shaped], _: Any) -> Iterable[Outcome]:
        records = [ref_to(record) for unit in units for record in unit.records]
        return [Outcome(record, "written", self.inner.find([record])[record]) for record in records]


class _LosesTimes(Around):
    """Brings everything up to date but the time of creation, which it loses."""

    inner: Any

    def replace(self, units: Sequence[Shaped], session: Any) -> Any:
        cut = [msgspec.structs.replace(u, records=tuple(msgspec.structs.replace(r, created_at=None) for r in u.records)) for u in units]
        return self.inner.replace(cut, session)


class _RemovesNothing(Around):
    def remove(self, records: Mapping[Ref, tuple[str, ...]]) -> None:
        """Say that it is done."""


class _RemovesTooMuch(Around):
    """Takes what a reaction belongs to out with it."""

    inner: Any

    def remove(self, records: Mapping[Ref, tuple[str, ...]]) -> None:
        more = dict(records)
        if any(record.startswith("reaction:") for record in records):
            more |= self.inner.find([Ref("message:t2")])
        self.inner.remove(more)


class _NamesSome(AroundExporter):
    """Gives the first half of what it is asked for."""

    inner: Any

    def named(self, records: Sequence[Ref]) -> Any:
        return self.inner.named(records[: len(records) // 2])


class _NamesMore(AroundExporter):
    """Gives everything, whatever it is asked for."""

    def named(self, _: Sequence[Ref]) -> Iterator[Item]:
        return self.inner.items()


class _LosesAPart(AroundExporter):
    inner: Any

    def shards(self) -> list[str]:
        return list(self.inner.shards())[1:]


class _CutsParts(AroundExporter):
    """Loses the last record of each part."""

    inner: Any

    def shard(self, name: str) -> Iterator[Item]:
        items = list(self.inner.shard(name))
        return iter(items[:-1])


class _LosesTimesByColumns(AroundExporter):
    inner: Any

    def batches(self, kind: str) -> Iterator[pa.RecordBatch]:
        for batch in self.inner.batches(kind):
            at = batch.schema.get_field_index("created_at")
            yield batch.set_column(at, batch.schema.field(at), pa.nulls(len(batch), batch.schema.field(at).type))


def _cut(real: Callable[..., Any]) -> Callable[..., Any]:
    """Instants lose what is below the second on the way into the columns."""

    def bulk(self: Dialect, type_: str, column: Any) -> Any:
        if type_ == "instant":
            column = column.cast(pa.timestamp("s", "UTC"), safe=False).cast(column.type)
        return real(self, type_, column)

    return bulk


def _overwrites(self: delta.Carrier, one: delta.Wanted, theirs: str | None) -> ledger.State | None:
    decided = _decide(self, one, theirs)
    return None if decided == "conflict" else decided


_decide = delta.Carrier._decide  # noqa: SLF001


def _renewed(name: str, told: str, wrap: Callable[[Any], Any]) -> Mutant:
    return Mutant(name, NEWER, told, lambda: importer_is(wrap))


def _asked(name: str, check: str, told: str, wrap: Callable[[Any], Any]) -> Mutant:
    return Mutant(name, check, told, lambda: exporter_is(wrap))


NEWER, NAMED, PARTS, PEOPLE = (
    "a_newer_export_brings_the_target_up",
    "single_records_are_given",
    "the_parts_are_the_whole",
    "what_people_changed_is_not_overwritten",
)

RENEWED: tuple[Mutant, ...] = (
    _renewed("replaces nothing", "differs", _ReplacesNothing),
    _renewed("loses a time when it replaces", "created_at", _LosesTimes),
    _renewed("removes nothing", "should not be", _RemovesNothing),
    _renewed("removes too much", "missing", _RemovesTooMuch),
    _asked("names some of what it is asked for", NAMED, "asked for", _NamesSome),
    _asked("names more than it is asked for", NAMED, "asked for", _NamesMore),
    _asked("loses a part", PARTS, "no part", _LosesAPart),
    _asked("loses the end of each part", PARTS, "no part", _CutsParts),
    _asked("gives no times by columns", "columns_say_what_records_say", "by columns", _LosesTimesByColumns),
    Mutant("cuts milliseconds when it loads columns", "columns_and_units_leave_the_same", "by columns",
           lambda: mock.patch.object(Dialect, "bulk", _cut(Dialect.bulk))),
    Mutant("what people changed is overwritten", PEOPLE, "overwritten", lambda: mock.patch.object(delta.Carrier, "_decide", _overwrites)),
    Mutant("what is gone stays", NEWER, "should not be", lambda: mock.patch.object(ledger.Ledger, "gone", return_value=[])),
    Mutant("a replacement has no intent", "killed_while_brought_up_it_resumes", "half way through",
           lambda: mock.patch.object(ledger.Ledger, "intend")),
)  # fmt: skip
