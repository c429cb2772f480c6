"""An entry of a mapping the other way round: from a record to the texts of a row, and what the mapping would then read of it."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import msgspec

from reversa.adapter import Change, Effect, Noted
from reversa.errors import MappingError
from reversa.markup.shown import shown
from reversa.records import ANY, KINDS, Body, Record, Ref, kind_of, ref, ref_parts, ref_to
from reversa.schema import Field, fields
from reversa.systems.mapped.assembling import Assembler
from reversa.systems.mapped.document import Node, nearest
from reversa.systems.mapped.holding import Harm, Held
from reversa.systems.mapped.mapping import (
    Cases,
    Constant,
    Entry,
    Expression,
    Filling,
    Members,
    OfField,
    OwnKey,
    Reference,
    Several,
    Value,
    expressions,
)
from reversa.systems.mapped.mapping import Mapping as MappingFile
from reversa.systems.mapped.returning import NOT_PLAIN, column_of, references, written_kinds
from reversa.systems.mapped.selecting import Selection
from reversa.systems.mapped.values import Kept, converter
from reversa.systems.sql.dialects import Dialect
from reversa.systems.sql.shaping import NUL


@dataclass(frozen=True)
class Link:
    """Stands in a row for the key of a record."""

    to: Ref


OURS = ("id", "root", "order")
"""Fields that stay whole without a column: the target keeps them beside its own tables."""
Cell = str | Link | None
Row = dict[str, Cell]


class Inverse:
    """One entry that is written."""

    def __init__(self, entry: Entry, returned: Entry, columns: Mapping[str, Held], mapping: MappingFile, dialect: Dialect) -> None:
        self.entry, self.kind, self.key, self.columns = entry, entry.kind, column_of(entry.id), columns
        self._kinds, self._dialect, self._system = written_kinds(mapping), dialect, mapping.source.system
        self._of = {f.name: f for f in fields(entry.kind)}
        self._returned = returned
        leaves = tuple(leaf for _, value in returned.given() for leaf in expressions(value))
        self._assembler = Assembler(Selection(returned, None, "", leaves, (), (), ()), mapping.zone, None, lambda target: target)
        self._written = {name: entry.values[name] for name in returned.values if name in entry.values}
        if entry.write is None or entry.content is not None:
            raise entry.node.wrong("contents are not written.", "Leave out `content`, or `write`.")
        self.write = entry.write
        self._look_at_names()
        self.linked = {name: columns_of(value) for name, value in self._written.items() if self._of[name].type == "ref"}
        """Field → the columns of its reference."""
        self._harms = {name: _by_effect(self._harms_of(name, value)) for name, value in self._written.items()}
        self.changes = {change.code: change for change in self._changes()}

    @property
    def needed_kinds(self) -> set[str]:
        """Kinds without which its rows cannot be."""
        links = (link for name in self.linked for link in references(self._written[name], self._kinds))
        return {link.kind for link in links if not self.columns[column_of(link.id)].nullable} - {self.kind}

    def links_to(self, kind: str) -> Iterator[tuple[str, str, dict[str, str | None]]]:
        """The fields that may lead to a kind: their columns, and what else a row holds that leads there."""
        for name in self.linked:
            value = self._written[name]
            for link in references(value, self._kinds):
                if link.kind == kind:
                    texts = [text for text, case in value.values.items() if case is link] if isinstance(value, Cases) else []
                    yield name, column_of(link.id), {column_of(value.by): text for text in texts} if isinstance(value, Cases) else {}

    # ------------------------------------------------------------------------------------------------ one look beforehand

    def _look_at_names(self) -> None:
        """Raises MappingError for a column that is not there, or that cannot be written as it is read."""
        self._known(self.key, self.entry.id.node)
        taken: dict[str, str] = {self.key: "id"}
        for name, value in self._written.items():
            _assert_plain(value, self.entry.node)
            for leaf in expressions(value):
                self._known(column_of(leaf), leaf.node)
            for column in columns_of(value):
                if taken.setdefault(column, name) != name:
                    raise self.entry.node.wrong(f"`{column}` is read by `{taken[column]}` and by `{name}`: it can be written for one of them.")
            held = [self.columns[column] for column in columns_of(value)]
            if self._of[name].type == "instant" and any(column.needs_zone for column in held):
                raise self.entry.node.wrong(
                    f"the times of `{name}` name no zone in this database.", "source: {zone: UTC}, or the zone it is meant in"
                )
        for column, filling in self.write.columns.items():
            self._known(column, self.write.node)
            if isinstance(filling, OwnKey) and column in taken:
                raise self.write.node.wrong(f"`{column}` is read by `{taken[column]}`: where that is empty, only a text or a field can stand for it.")
            self._known_field(filling, self.write.node)
        for beside in self.write.also:
            for filling in beside.columns.values():
                self._known_field(filling, beside.node)

    def _known(self, column: str, node: Node) -> None:
        if column not in self.columns:
            raise node.wrong(f"there is no column {column!r} in {self.entry.tables.sql}.", nearest(column, self.columns))

    def _known_field(self, filling: Filling, node: Node) -> None:
        if isinstance(filling, OfField) and (filling.name not in self._of or self._of[filling.name].type in ("ref", "struct")):
            raise node.wrong(f"`{filling.name}` is no field of {self.kind} that a column can take.", nearest(filling.name, self._of))

    def _changes(self) -> Iterator[Change]:
        note = "its id, or that of what it belongs to, cannot be stored"
        if self._dialect.id_limit or not self._dialect.holds_nul:
            yield Change(f"mapped.{self.kind}.id.unfit", self.kind, "id", "skipped", "target-cannot", note)
        for name in self._of:
            if name not in OURS and name not in self._written:
                yield Change(f"mapped.{self.kind}.{name}.not-written", self.kind, name, "lost", "not-written-yet", "the mapping has no column for it")
        for name, harms in self._harms.items():
            for effect, notes in harms.items():
                yield Change(self._code(name, effect), self.kind, name, effect, "target-cannot", "; ".join(dict.fromkeys(notes)))

    def _code(self, name: str, effect: Effect) -> str:
        return f"mapped.{self.kind}.{name}.{'needed' if effect == 'skipped' else effect}"

    def _harms_of(self, name: str, value: Value) -> Iterator[tuple[Effect, str]]:
        """All that may happen to a field."""
        of = self._of[name]
        for effect, note in self._harms_to(value, of):
            yield "skipped" if of.required and effect == "lost" and "cut" not in note else effect, note
        if not of.required or any(effect == "lost" for effect, _ in self._harms_to(value, of)):
            for column in columns_of(value):
                yield from self._harms_of_nothing(column)

    def _harms_of_nothing(self, column: str) -> Iterator[tuple[Effect, str]]:
        """What may happen where a column has nothing to hold."""
        held, filling = self.columns[column], self.write.columns.get(column)
        if filling is not None or (not held.nullable and held.default is not None):
            yield "converted", "where it is empty, its table gets a text for it"
        if not held.nullable and not isinstance(filling, Constant) and held.default is None:
            yield "skipped", "its table needs it"

    def _harms_to(self, value: Value, of: Field) -> Iterator[Harm]:
        match value:
            case Constant(text):
                yield "converted", f"it is {text!r} for all"
            case Expression():
                yield from self.columns[column_of(value)].harms(of)
            case Reference() | Cases() if of.type == "ref":
                reached = {reference.kind for reference in references(value, self._kinds)}
                if of.note.to == ANY or not reached.issuperset(of.note.to):
                    yield "lost", f"it can lead to {', '.join(sorted(reached))} only"
                if self._dialect.id_limit or not self._dialect.holds_nul:
                    yield "lost", "an id that cannot be stored"
            case Cases(_, values):
                if {_meant(case, of) for case in values.values()} != ({True, False} if of.type == "boolean" else {*of.choices}):
                    yield "lost", "its column has no text for it"
            case Several(values):
                yield "lost", f"the list is cut: its table has {len(values)} column{'s' if len(values) > 1 else ''} for it"
                for inner in values:
                    yield from self._harms_to(inner, of)
            case Members(values):
                parts = {part.name: part for part in of.parts}
                for name, inner in values.items():
                    if of.part is Body and name == "format" and isinstance(inner, Constant):
                        yield "converted", f"what is not {inner.text} becomes plain words"
                    else:
                        yield from self._harms_to(inner, parts[name])

    # ------------------------------------------------------------------------------------------------ a record

    def shape(self, record: Record) -> tuple[Record | None, list[Noted]]:
        """The record as the mapping will read it, and what changes on the way."""
        reference = ref_to(record)
        if not self._storable(reference) or not self._storable(record.root):
            return None, [Noted(f"mapped.{self.kind}.id.unfit", reference)]
        row = self.row(record)
        read = self._read(row, record)
        empty = (name for name, value in self._written.items() for c in columns_of(value) if row[c] is None and not self.columns[c].nullable)
        lacking = next(empty, None) or next((name for name in self._written if self._of[name].required and name not in read), None)
        if lacking is not None:
            return None, [Noted(self._code(lacking, "skipped"), reference)]
        noted = []
        changed: dict[str, Any] = {}
        for name in self._of:
            before, after = getattr(record, name), read.get(name)
            if name in ("id", "root") or before == after:
                continue
            changed[name] = after
            noted.append(Noted(self._code_of(name, before, after), reference))
        return msgspec.structs.replace(record, **changed) if changed else record, noted

    def _code_of(self, name: str, before: Any, after: Any) -> str:
        if name not in self._written:
            return f"mapped.{self.kind}.{name}.not-written"
        lost = after is None or _shorter(before, after) or "converted" not in self._harms[name]
        return self._code(name, "lost" if lost and "lost" in self._harms[name] else "converted")

    def row(self, record: Record) -> Row:
        """The columns that fields are read from; None where nothing stands for what the field holds."""
        row: Row = {}
        for name, value in self._written.items():
            given = getattr(record, name)
            row |= self.cells(value, given, self._of[name])
        for column, cell in row.items():
            if cell is None:
                row[column] = self._filled(column, record)
        return row

    def _filled(self, column: str, record: Record) -> str | None:
        """What stands in a column for a field that is empty."""
        held, filling = self.columns[column], self.write.columns.get(column)
        found = filled(filling, record, held) if isinstance(filling, Constant | OfField) else None
        return held.default if found is None and not held.nullable else found

    def field_cells(self, name: str, given: Any) -> Row:
        """The columns of one field."""
        return self.cells(self._written[name], given, self._of[name])

    def cells(self, value: Value, given: Any, of: Field) -> Row:
        """What a value puts into its columns."""
        match value:
            case Expression():
                return {column_of(value): self._text(column_of(value), given)}
            case Reference(kind, id):
                fits = isinstance(given, str) and ref_parts(Ref(given))[0] == kind and self._storable(Ref(given))
                return {column_of(id): Link(Ref(given)) if fits else None}
            case Cases(by, values):
                row: Row = dict.fromkeys(columns_of(value))
                chosen = next((text for text, case in values.items() if self._fits(case, given, of)), None)
                if chosen is not None:
                    row |= self.cells(values[chosen], given, of)
                    row[column_of(by)] = chosen
                return row
            case Several(values):
                single, some = msgspec.structs.replace(of, is_list=False), given or []
                row = {}
                for place, inner in enumerate(values):
                    row |= self.cells(inner, some[place] if place < len(some) else None, single)
                return row
            case Members(values):
                parts, row = {part.name: part for part in of.parts}, {}
                given = _in_format(given, values)
                for name, inner in values.items():
                    row |= self.cells(inner, None if given is None else getattr(given, name), parts[name])
                return row
            case Constant():
                return {}

    def _fits(self, case: Value, given: Any, of: Field) -> bool:
        if isinstance(case, Reference):
            return isinstance(given, str) and case.kind in self._kinds and ref_parts(Ref(given))[0] == case.kind
        return given is not None and _meant(case, of) == given

    def _text(self, column: str, given: Any) -> str | None:
        if given is None:
            return None
        try:
            return self.columns[column].text(given)
        except OverflowError:
            return None

    def _storable(self, reference: Ref) -> bool:
        return (self._dialect.holds_nul or NUL not in reference) and self._dialect.takes_id(ref_parts(reference)[1])

    def _read(self, row: Row, record: Record) -> dict[str, Any]:
        """What the mapping reads of a row."""
        leaves: list[Sequence[str | None]] = []
        for name, value in self._returned.given():
            if name == "root" or (name == "order" and name not in self._written):
                leaves.append([record.root if name == "root" else None if record.order is None else str(record.order)])
            elif name in self.linked:
                leaves.append([self._led_to(self._written[name], row)])
            else:
                leaves += ([self._shown(row, column_of(leaf))] for leaf in expressions(value))
        made = self._assembler.fields(leaves, 1)
        values = {name: value.value if isinstance(value, Kept) else value for name, (value,) in made.items()}
        return {name: value for name, value in values.items() if value is not None}

    def _shown(self, row: Row, column: str) -> str | None:
        cell = row[column]
        return self.columns[column].shown(cell) if isinstance(cell, str) else None

    def _led_to(self, value: Value, row: Row) -> str | None:
        """The reference that the columns of a field give; the key of a row that is not ours is shown as the system's own."""
        match value:
            case Reference(kind, id):
                cell = row[column_of(id)]
                return cell.to if isinstance(cell, Link) else ref(kind, f"{self._system}/{cell}") if cell else None
            case Cases(by, values):
                case = values.get(str(row[column_of(by)]))
                return None if case is None else self._led_to(case, row)
            case Several((inner,)):
                return self._led_to(inner, row)
            case _:
                return None


def filled(filling: Constant | OfField, record: Record, held: Held) -> str | None:
    """The text of a column that is filled with the same for all, or with a field."""
    if isinstance(filling, Constant):
        return filling.text
    given = getattr(record, filling.name)
    first = (given or [None])[0] if isinstance(given, list) else given
    return None if first is None else held.text(first)


def _meant(case: Value, of: Field) -> Any:
    """The value that a case stands for."""
    read = converter(of, None)
    return None if not isinstance(case, Constant) else read(case.text) if read else case.text


def columns_of(value: Value) -> list[str]:
    """The columns that a value is read from."""
    return list(dict.fromkeys(column_of(leaf) for leaf in expressions(value)))


def _assert_plain(value: Value, node: Node) -> None:
    """Raises MappingError for a value that cannot be turned round."""
    match value:
        case Cases(_, values):
            texts = [case.text for case in values.values() if isinstance(case, Constant)]
            kinds = [case.kind for case in values.values() if isinstance(case, Reference)]
            if len(texts) + len(kinds) < len(values) or len(set(texts)) < len(texts) or len(set(kinds)) < len(kinds):
                raise _not_plain(node, "each of `values` once: a text, or {KIND: column}")
        case Several(values):
            for inner in values:
                if not isinstance(inner, Expression | Reference):
                    raise _not_plain(node, "a list of columns")
        case Members(values):
            for inner in values.values():
                if not isinstance(inner, Expression | Constant):
                    raise _not_plain(node, "{member: column}")
        case Expression() | Reference() | Constant():
            pass


def _not_plain(node: Node, hint: str) -> MappingError:
    return node.wrong(NOT_PLAIN, hint)


def _by_effect(harms: Iterator[tuple[Effect, str]]) -> dict[Effect, list[str]]:
    found: dict[Effect, list[str]] = {}
    for effect, note in harms:
        found.setdefault(effect, []).append(note)
    return found


def _shorter(before: Any, after: Any) -> bool:
    """Whether a part of a value is gone."""
    if isinstance(before, Body) and isinstance(after, Body):
        return before.format == after.format and _shorter(before.text, after.text)
    return isinstance(before, str | list) and isinstance(after, str | list) and len(after) < len(before) and before[: len(after)] == after


def _in_format(given: Any, values: Mapping[str, Value]) -> Any:
    """A body in the markup that a column holds: what is written in another one goes over as its words."""
    format_ = values.get("format")
    if not isinstance(given, Body) or not isinstance(format_, Constant) or given.format == format_.text:
        return given
    words = given.text if given.format == "plain" else shown(given).words
    text = html.escape(words).replace("\n", "<br>\n") if format_.text == "html" else words
    return Body(format=format_.text, text=text)


def not_written(kinds: AbstractSet[str]) -> Iterator[Change]:
    """The kinds that no entry writes."""
    for kind in KINDS.keys() - kinds:
        yield Change(f"mapped.{kind}.not-written", kind, None, "skipped", "not-written-yet", "the mapping does not write this kind")


def shape(inverses: Mapping[str, Inverse], records: Sequence[Record]) -> tuple[list[Record], list[Noted]]:
    """Records as the mapping will read them, and what changes on the way."""
    made: list[Record] = []
    noted: list[Noted] = []
    for record in records:
        inverse = inverses.get(kind_of(record))
        if inverse is None:
            noted.append(Noted(f"mapped.{kind_of(record)}.not-written", ref_to(record)))
            continue
        shaped, some = inverse.shape(record)
        noted += some
        made += [shaped] if shaped is not None else []
    return made, noted
