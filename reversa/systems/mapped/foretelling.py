"""What writing a field may do to it, told before anything is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import msgspec

from reversa.adapter import Change, Effect
from reversa.records import ANY, Body
from reversa.schema import Field
from reversa.systems.mapped.holding import Held
from reversa.systems.mapped.mapping import Cases, Constant, Expression, Members, Reference, Several, Value, Write
from reversa.systems.mapped.plain import columns_of, plain, references
from reversa.systems.mapped.values import converter
from reversa.systems.sql.dialects import Dialect

Harms = Mapping[Effect, list[str]]
"""What may happen to a field, and how a person would say it."""


class Foreteller:
    """Looks at the columns of one kind."""

    def __init__(self, columns: Mapping[str, Held], write: Write, kinds: AbstractSet[str], dialect: Dialect) -> None:
        self._columns, self._write, self._kinds = columns, write, kinds
        self._limits_ids = bool(dialect.id_limit) or not dialect.holds_nul

    def harms(self, value: Value, of: Field) -> Harms:
        """All that may happen to a field; `skipped`: to the whole record."""
        found: dict[Effect, list[str]] = {}
        told = list(self._to(value, of))
        for effect, note in told:
            found.setdefault("skipped" if of.required and effect == "lost" and "cut" not in note else effect, []).append(note)
        if not of.required or of.type == "ref" or any(effect == "lost" for effect, _ in told):
            for column in columns_of(value):
                for effect, note in self._to_nothing(column):
                    found.setdefault(effect, []).append(note)
        return found

    def _to_nothing(self, column: str) -> Iterator[tuple[Effect, str]]:
        """What may happen where a column has nothing to hold."""
        held, filling = self._columns[column], self._write.columns.get(column)
        if filling is not None or (not held.nullable and held.default is not None):
            yield "converted", "where it is empty, its table gets a text for it"
        if not held.nullable and not isinstance(filling, Constant) and held.default is None:
            yield "skipped", "its table needs it"

    def _to(self, value: Value, of: Field) -> Iterator[tuple[Effect, str]]:
        match value:
            case Constant(text):
                yield "converted", f"it is {text!r} for all"
            case Expression() if of.is_list:
                yield from self._to(Several((value,)), msgspec.structs.replace(of, is_list=False))
            case Expression():
                yield from self._columns[plain(value).column].harms(of)
                if plain(value).outside:
                    yield "converted", f"{plain(value).inside!r} is shown as {plain(value).outside!r}"
            case Reference() | Cases() if of.type == "ref":
                reached = {reference.kind for reference in references(value)} & self._kinds
                if of.note.to == ANY or not reached.issuperset(of.note.to):
                    yield "lost", f"it can lead to {', '.join(sorted(reached))} only"
                if self._limits_ids:
                    yield "lost", "an id that cannot be stored"
            case Cases(_, values):
                if {meant(case, of) for case in values.values()} != ({True, False} if of.type == "boolean" else {*of.choices}):
                    yield "lost", "its column has no text for it"
            case Several(values):
                yield "lost", f"the list is cut: its table has {len(values)} column{'s' if len(values) > 1 else ''} for it"
                for inner in values:
                    yield from self._to(inner, msgspec.structs.replace(of, is_list=False))
            case Members(values):
                parts = {part.name: part for part in of.parts}
                for name, inner in values.items():
                    if of.part is Body and name == "format" and isinstance(inner, Constant):
                        yield "converted", f"what is not {inner.text} becomes plain words"
                    else:
                        yield from self._to(inner, parts[name])


def meant(case: Value, of: Field) -> Any:
    """The value that a case stands for."""
    read = converter(of, None)
    return None if not isinstance(case, Constant) else read(case.text) if read else case.text


def not_written(kind: str) -> Change:
    """No entry writes this kind."""
    return Change(f"mapped.{kind}.not-written", kind, None, "skipped", "not-written-yet", "the mapping does not write this kind")
