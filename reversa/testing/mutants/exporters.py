"""Broken exporters: each wraps a real one. Those of a target are tried by what is read back, the others on a source."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from typing import Any

import msgspec

from reversa.adapter import Attached, Exporter, Outcome, Shaped
from reversa.records import Message, Reaction, Record, Ref, Revision, Tag, kind_of, ref, ref_to
from reversa.testing.mutants.importers import ARRIVES
from reversa.testing.mutants.mutant import Mutant, exporter_is, importer_is
from reversa.testing.trial import Around


class AroundExporter:
    """An exporter that passes everything on to another."""

    def __init__(self, inner: Exporter) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def giving(change: Callable[[Iterator[Any]], Iterable[Any]]) -> Callable[[Exporter], Any]:
    """An exporter whose items are changed on the way."""

    class Giving(AroundExporter):
        def items(self) -> Iterator[Any]:
            yield from change(self.inner.items())

    return Giving


def _each(change: Callable[[Record], Record | None]) -> Callable[[Iterator[Any]], Iterator[Any]]:
    def apply(items: Iterator[Any]) -> Iterator[Any]:
        for item in items:
            record = item.record if isinstance(item, Attached) else item
            if not isinstance(record, Record):
                yield item
            elif (after := change(record)) is not None:
                yield msgspec.structs.replace(item, record=after) if isinstance(item, Attached) else after

    return apply


def _replaced(kind: type[Record], **values: Any) -> Callable[[Record], Record]:
    return lambda record: msgspec.structs.replace(record, **values) if isinstance(record, kind) else record


def _without(kind: type[Record]) -> Callable[[Record], Record | None]:
    return lambda record: None if isinstance(record, kind) else record


def _text_cut(record: Record) -> Record:
    if isinstance(record, Message) and record.body is not None and len(record.body.text) > 60:
        told: dict[str, Any] = msgspec.json.decode(record.body.text)
        told["text"] = str(told.get("text", ""))[:40]
        return msgspec.structs.replace(record, body=msgspec.structs.replace(record.body, text=msgspec.json.encode(told).decode()))
    return record


class _FirstPageCounted(AroundExporter):
    """Stops after a hundred items, and its census counts what it gave."""

    def items(self) -> Iterator[Any]:
        return itertools.islice(self.inner.items(), 100)

    def census(self) -> Mapping[str, int]:
        items = (item.record if isinstance(item, Attached) else item for item in self.items())
        return Counter(kind_of(item) for item in items if isinstance(item, Record) and not getattr(item, "placeholder", None))


class _CountsAsItReads(AroundExporter):
    """Its census is a counter of its own loop."""

    def __init__(self, inner: Exporter) -> None:
        super().__init__(inner)
        self._counted: Counter[str] = Counter()

    def items(self) -> Iterator[Any]:
        for item in self.inner.items():
            record = item.record if isinstance(item, Attached) else item
            if isinstance(record, Record):
                self._counted[kind_of(record)] += 1
            yield item

    def census(self) -> Mapping[str, int]:
        return dict(self._counted)


def _verifies_with_its_own_cache() -> AbstractContextManager[Any]:
    """The importer writes wrong texts; the exporter gives what the importer was sent, and never looks at the target."""
    cache: dict[Ref, Record] = {}

    class Caching(Around):
        def write(self, units: Sequence[Shaped], session: Any) -> Iterable[Outcome]:
            cache.update({ref_to(record): record for unit in units for record in unit.records})
            wrong = [
                msgspec.structs.replace(u, records=tuple(msgspec.structs.replace(r, subject="x") if isinstance(r, Message) else r for r in u.records))
                for u in units
            ]
            return self.inner.write(wrong, session)

    def cached(items: Iterator[Any]) -> Iterator[Any]:
        for item in items:
            record = item.record if isinstance(item, Attached) else item
            kept = cache.get(ref_to(record)) if isinstance(record, Record) else None
            yield item if kept is None else msgspec.structs.replace(item, record=kept) if isinstance(item, Attached) else kept

    stack = ExitStack()
    stack.enter_context(importer_is(Caching))
    stack.enter_context(exporter_is(giving(cached)))
    return stack


def _wrapped(name: str, check: str, told: str, wrap: Callable[[Exporter], Any], system: str = "slack") -> Mutant:
    return Mutant(name, check, told, lambda: exporter_is(wrap), system)


def _given(name: str, check: str, told: str, change: Callable[[Record], Record | None], system: str = "slack") -> Mutant:
    return _wrapped(name, check, told, giving(_each(change)), system)


BALANCE, WITNESS = "the_balance_closes", "a_witness_sees_the_same"
ANYBODY = ref("user", "U0")

EXPORTERS: tuple[Mutant, ...] = (
    _wrapped("reads the first page only", BALANCE, "unexplained", giving(lambda items: itertools.islice(items, 100))),
    _wrapped("reads the first page only, and counts that", WITNESS, "not exported", _FirstPageCounted),
    _wrapped("counts what it reads", "the_census_is_another_way", "depends on what was read", _CountsAsItReads),
    _given("drops reactions", BALANCE, "unexplained", _without(Reaction)),
    _given("gives every message another author", WITNESS, "created_by", _replaced(Message, created_by=ANYBODY)),
    _given("loses the time of messages", WITNESS, "created_at", _replaced(Message, created_at=datetime(2020, 1, 1, tzinfo=UTC))),
    _given("takes answers out of their thread", WITNESS, "space", _replaced(Message, space=None)),
    _given("cuts texts", WITNESS, "text", _text_cut),
    _given("puts today into the data", "reading_twice_gives_one_digest", "differ",
           lambda record: msgspec.structs.replace(record, updated_at=datetime.now(UTC)) if isinstance(record, Message) else record),
    _wrapped("gives a kind that it does not declare", "what_it_gives_is_declared", "does not declare",
             giving(lambda items: itertools.chain(items, [Tag(id="t", root=ref("tag", "t"), target=ANYBODY, label="x")]))),
    _given("does not read edits back", ARRIVES, "missing", _without(Revision), "sql"),
    _given("reads every author back as one", ARRIVES, "created_by", _replaced(Message, created_by=ANYBODY), "sql"),
    _wrapped("reads everything back twice", ARRIVES, "twice", giving(lambda items: (item for item in items for _ in range(2))), "sql"),
    Mutant("verifies with its own cache", ARRIVES, "witness", _verifies_with_its_own_cache),
)  # fmt: skip
