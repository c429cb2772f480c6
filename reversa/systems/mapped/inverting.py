"""An entry of a mapping the other way round: from a record to the texts of a row, and what the mapping would then read of it."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import msgspec

from reversa.adapter import Change, Effect, Noted
from reversa.markup.shown import shown
from reversa.records import Body, Record, Ref, ref, ref_parts, ref_to
from reversa.schema import Field, fields
from reversa.systems.mapped.assembling import Assembler
from reversa.systems.mapped.document import Node, nearest
from reversa.systems.mapped.foretelling import Foreteller, meant
from reversa.systems.mapped.holding import Held
from reversa.systems.mapped.mapping import Cases, Constant, Entry, Expression, Filling, Members, Reference, SameAs, Several, Value, expressions
from reversa.systems.mapped.mapping import Mapping as MappingFile
from reversa.systems.mapped.plain import assert_plain, column_of, columns_of, plain, references
from reversa.systems.mapped.returning import written_entries
from reversa.systems.mapped.selecting import Selection
from reversa.systems.mapped.values import Kept
from reversa.systems.sql.dialects import Dialect
from reversa.systems.sql.shaping import NUL


@dataclass(frozen=True)
class Link:
    """Stands in a row for the key of a record."""

    to: Ref


Cell = str | Link | None
Row = dict[str, Cell]
OURS = ("id", "root", "order")
"""Fields that stay whole without a column: the target keeps them beside its own tables."""

_GRANT: dict[str, Sequence[str]] = {"effect": ("deny",), "right": (), "principal": (), "audience": (), "since": (), "until": ()}
"""What limits a grant, and by which values; none: by any."""


def limits(kind: str) -> dict[str, Sequence[str]]:
    """The fields of a kind that keep people out, and the values that do: a record without them would be open to more."""
    names = {f.name for f in fields(kind)}
    found: dict[str, Sequence[str]] = {"state": ("draft", "deleted"), "visibility": ("private",)}
    return {name: values for name, values in (found | (_GRANT if kind == "grant" else {})).items() if name in names}


class Inverse:
    """One entry that is written."""

    def __init__(self, entry: Entry, returned: Entry, columns: Mapping[str, Held], mapping: MappingFile, dialect: Dialect) -> None:
        self.kind, self.key, self.columns, self._entry = entry.kind, column_of(entry.id), columns, entry
        self._kinds, self._dialect, self._system = written_entries(mapping).keys(), dialect, mapping.source.system
        self._of = {f.name: f for f in fields(entry.kind)}
        self._returned = returned
        leaves = tuple(leaf for _, value in returned.given() for leaf in expressions(value))
        self._assembler = Assembler(Selection(returned, 0, None, "", leaves, (), (), ()), mapping.zone, None, lambda target: target)
        self._written = {name: entry.values[name] for name in returned.values if name in entry.values}
        if entry.write is None or entry.content is not None:
            raise entry.node.wrong("contents are not written.", "Leave out `content`, or `write`.")
        self.write = entry.write
        self._look_at_names()
        self.links = {
            name: [link for link in references(value) if link.kind in self._kinds]
            for name, value in self._written.items()
            if self._of[name].type == "ref"
        }
        """Field → the references that it may hold."""
        foreteller = Foreteller(columns, self.write, self._kinds, dialect)
        self._unsaid = {name: values for name, values in limits(self.kind).items() if not self._says(name, values)}
        self._harms = {name: foreteller.harms(value, self._of[name]) for name, value in self._written.items()}
        self.changes = {change.code: change for change in self._changes()}

    def _says(self, name: str, values: Sequence[str]) -> bool:
        """Whether a field's columns can hold these values, or any."""
        value = self._written.get(name)
        if isinstance(value, Cases) and values:
            return {meant(case, self._of[name]) for case in value.values.values()}.issuperset(values)
        return isinstance(value, Expression)

    @property
    def needed_kinds(self) -> set[str]:
        """Kinds without which its rows cannot be."""
        return {link.kind for links in self.links.values() for link in links if not self.columns[column_of(link.id)].nullable} - {self.kind}

    def links_to(self, kind: str) -> Iterator[tuple[str, str, dict[str, str | None]]]:
        """The fields that may lead to a kind: their columns, and what else a row holds that leads there."""
        for name, links in self.links.items():
            value = self._written[name]
            for link in links:
                if link.kind == kind:
                    texts = [text for text, case in value.values.items() if case is link] if isinstance(value, Cases) else []
                    yield name, column_of(link.id), {column_of(value.by): text for text in texts} if isinstance(value, Cases) else {}

    def keys_beside(self) -> Iterator[tuple[str, str, str]]:
        """Tables of `also`, their columns that get the key of a record, and its kind."""
        of_kind = {self.key: self.kind} | {column_of(link.id): link.kind for links in self.links.values() for link in links}
        for beside in self.write.also:
            for column, filling in beside.columns.items():
                if isinstance(filling, SameAs) and filling.column in of_kind:
                    yield beside.table, column, of_kind[filling.column]

    # ------------------------------------------------------------------------------------------------ one look beforehand

    def _look_at_names(self) -> None:
        """Raises MappingError for a column that is not there, is not given, or cannot be written as it is read."""
        self._known(self.key, self._entry.id.node)
        taken: dict[str, str] = {self.key: "id"}
        for name, value in self._entry.values.items():
            assert_plain(value, self._entry.node, is_reference=self._of[name].type == "ref")
        for name, value in self._written.items():
            for leaf in expressions(value):
                held = self._known(plain(leaf).column, leaf.node)
                if held.is_binary != plain(leaf).as_bytes:
                    raise leaf.node.wrong(f"`{held.name}` takes {'bytes' if held.is_binary else 'no bytes'}.", "utf8(column) where it takes bytes")
                if self._of[name].type == "instant" and held.needs_zone:
                    raise leaf.node.wrong(f"the times of `{name}` name no zone in this database.", "source: {zone: UTC}, or the zone it is meant in")
            for column in columns_of(value):
                if taken.setdefault(column, name) != name:
                    raise self._entry.node.wrong(f"`{column}` is read by `{taken[column]}` and by `{name}`: it can be written for one of them.")
        for column, filling in self.write.columns.items():
            self._known(column, self.write.node)
            if isinstance(filling, SameAs) and filling.column not in taken:
                raise self.write.node.wrong(f"nothing puts a value into {filling.column!r} before.", nearest(filling.column, taken))
            taken.setdefault(column, "write")
        assert_given(self.columns, taken, self._entry.tables.sql, self.write.node)
        for beside in self.write.also:
            for filling in beside.columns.values():
                if isinstance(filling, SameAs) and filling.column not in taken:
                    raise beside.node.wrong(
                        f"nothing puts a value into {filling.column!r} of {self._entry.tables.sql}.", nearest(filling.column, taken)
                    )

    def _known(self, column: str, node: Node) -> Held:
        if column not in self.columns:
            raise node.wrong(f"there is no column {column!r} in {self._entry.tables.sql}.", nearest(column, self.columns))
        if self.columns[column].generated:
            raise node.wrong(f"`{column}` is made by the database itself, and cannot be written.", "Another column")
        return self.columns[column]

    def _changes(self) -> Iterator[Change]:
        note = "its id, or that of what it belongs to, cannot be stored"
        if self._dialect.id_limit or not self._dialect.holds_nul:
            yield Change(f"mapped.{self.kind}.id.unfit", self.kind, "id", "skipped", "target-cannot", note)
        for name, values in self._unsaid.items():
            note = f"its table cannot say {' or '.join(values) or f'what its {name} says'}, and it would be open to more people"
            yield Change(f"mapped.{self.kind}.{name}.unseen", self.kind, name, "skipped", "target-cannot", note)
        for name in self._of:
            if name not in OURS and name not in self._written:
                yield Change(f"mapped.{self.kind}.{name}.not-written", self.kind, name, "lost", "not-written-yet", "the mapping has no column for it")
        for name, harms in self._harms.items():
            for effect, notes in harms.items():
                yield Change(self._code(name, effect), self.kind, name, effect, "target-cannot", "; ".join(dict.fromkeys(notes)))

    def _code(self, name: str, effect: Effect) -> str:
        return f"mapped.{self.kind}.{name}.{'needed' if effect == 'skipped' else effect}"

    # ------------------------------------------------------------------------------------------------ a record

    def shape(self, record: Record, left_out: AbstractSet[Ref]) -> tuple[Record | None, list[Noted]]:
        """The record as the mapping will read it, and what changes on the way, given what of its unit is left out."""
        reference = ref_to(record)
        if not self._storable(reference) or not self._storable(record.root):
            return None, [Noted(f"mapped.{self.kind}.id.unfit", reference)]
        row = self.row(record)
        read = self._read(row, record)
        empty = (
            name
            for name, value in self._written.items()
            for column in columns_of(value)
            if not self.columns[column].nullable and ((cell := row[column]) is None or (isinstance(cell, Link) and cell.to in left_out))
        )
        lacking = next(empty, None) or next((name for name in self._written if self._of[name].required and name not in read), None)
        if lacking is not None:
            return None, [Noted(self._code(lacking, "skipped"), reference)]
        for name, values in self._unsaid.items():
            limit = getattr(record, name)
            if limit is not None and (not values or limit in values) and read.get(name) != limit:
                return None, [Noted(f"mapped.{self.kind}.{name}.unseen", reference)]
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
        """All columns that are written; None where nothing stands for what a field holds."""
        row: Row = {self.key: Link(ref_to(record))}
        for name in self._written:
            row |= self.cells(name, getattr(record, name))
        for column, filling in self.write.columns.items():
            if row.get(column) is None:
                row[column] = _filled(filling, row)
        for column, cell in row.items():
            if cell is None and not self.columns[column].nullable:
                row[column] = self.columns[column].default
        return row

    def beside(self, row: Row) -> list[Row]:
        """The rows of other tables that belong to a row, in the order of `also`."""
        return [{column: _filled(filling, row) for column, filling in beside.columns.items()} for beside in self.write.also]

    def is_list(self, name: str) -> bool:
        return self._of[name].is_list

    def cells(self, name: str, given: Any) -> Row:
        """What a field puts into its columns."""
        return self._cells(self._written[name], given, self._of[name])

    def _cells(self, value: Value, given: Any, of: Field) -> Row:
        match value:
            case Expression() if of.is_list:
                return self._cells(Several((value,)), given, of)
            case Expression():
                return {plain(value).column: self._text(value, given)}
            case Reference(kind, id):
                fits = isinstance(given, str) and ref_parts(Ref(given))[0] == kind and self._storable(Ref(given))
                return {column_of(id): Link(Ref(given)) if fits else None}
            case Cases(by, values):
                row: Row = dict.fromkeys(columns_of(value))
                chosen = next((text for text, case in values.items() if self._fits(case, given, of)), None)
                if chosen is not None:
                    row |= self._cells(values[chosen], given, of)
                    row[column_of(by)] = chosen
                return row
            case Several(values):
                single, some = msgspec.structs.replace(of, is_list=False), given or []
                row = {}
                for place, inner in enumerate(values):
                    row |= self._cells(inner, some[place] if place < len(some) else None, single)
                return row
            case Members(values):
                parts, row = {part.name: part for part in of.parts}, {}
                given = _in_format(given, values)
                for name, inner in values.items():
                    row |= self._cells(inner, None if given is None else getattr(given, name), parts[name])
                return row
            case Constant():
                return {}

    def _fits(self, case: Value, given: Any, of: Field) -> bool:
        if isinstance(case, Reference):
            return isinstance(given, str) and case.kind in self._kinds and ref_parts(Ref(given))[0] == case.kind
        return given is not None and meant(case, of) == given

    def _text(self, leaf: Expression, given: Any) -> str | None:
        if given is None:
            return None
        how = plain(leaf)
        try:
            return self.columns[how.column].text(how.written(given) if isinstance(given, str) else given)
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
            elif name in self.links:
                leaves.append([self._led_to(self._written[name], row)])
            else:
                leaves += ([self._shown(row, leaf)] for leaf in expressions(value))
        made = self._assembler.fields(leaves, 1)
        values = {name: value.value if isinstance(value, Kept) else value for name, (value,) in made.items()}
        return {name: value for name, value in values.items() if value is not None}

    def _shown(self, row: Row, leaf: Expression) -> str | None:
        how = plain(leaf)
        cell = row[how.column]
        return how.read(self.columns[how.column].shown(cell)) if isinstance(cell, str) else None

    def _led_to(self, value: Value, row: Row) -> str | None:
        """The reference that the columns of a field give; the key of a row that is not ours is shown as the system's own."""
        match value:
            case Reference(kind, id) if kind in self._kinds:
                cell = row[column_of(id)]
                return cell.to if isinstance(cell, Link) else ref(kind, f"{self._system}/{cell}") if cell else None
            case Cases(by, values):
                case = values.get(str(row[column_of(by)]))
                return None if case is None else self._led_to(case, row)
            case Several((inner,)):
                return self._led_to(inner, row)
            case _:
                return None


def assert_given(columns: Mapping[str, Held], given: Mapping[str, Any], table: str, node: Node) -> None:
    """Raises MappingError for a column that a new row cannot be without."""
    missing = next((held.name for held in columns.values() if held.needed and held.name not in given), None)
    if missing is not None:
        raise node.wrong(f"a row of {table} cannot be without {missing!r}, and nothing gives it.", f"{missing}: TEXT, or {{column: NAME}}")


def _filled(filling: Filling, row: Row) -> Cell:
    return filling.text if isinstance(filling, Constant) else row[filling.column]


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
