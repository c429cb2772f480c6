"""Writes records into a successor's own tables, through the mapping file by which they are read back.

Facts and limits: docs/adapters/mapped.md; the mapping file: docs/mapping.md, "Writing".
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa

from reversa.adapter import Facts, Locator, Options, Outcome, Session, Shaped, Unit
from reversa.errors import LocatorError, TargetError
from reversa.records import Record, Ref, kind_of, ref_parts, ref_to
from reversa.systems.mapped.document import nearest
from reversa.systems.mapped.holding import Held
from reversa.systems.mapped.inverting import Cell, Inverse, Link, filled, not_written, shape
from reversa.systems.mapped.known import Also, Known, Waiting
from reversa.systems.mapped.mapping import SUFFIXES, Constant, Filling, OfField, read_mapping
from reversa.systems.mapped.mapping import Mapping as MappingFile
from reversa.systems.mapped.returning import read_back, table_of
from reversa.systems.mapped.rows import Place, Rows, named_key, numbered
from reversa.systems.sql.dialects import answered, connect, present
from reversa.systems.tables.opening import is_sqlite

UNDONE = 500
"""Records that are taken back together."""


@dataclass
class New:
    """A record on its way into its row."""

    record: Record
    key: str
    cells: dict[str, Cell]

    @property
    def ref(self) -> Ref:
        return ref_to(self.record)


class MappedImporter:
    """Writes one source's records; a batch of units is one transaction. Only rows that it made are ever changed or removed."""

    def __init__(self, mapping: MappingFile, options: Options) -> None:
        self._source, self._zone = options.source, mapping.zone
        self._engine, self._dialect = connect(_address(mapping), options)
        self._rows = Rows(self._engine, self._dialect)
        self._known = Known(self._dialect, self._source or mapping.source)
        self._connection: sa.Connection | None = None
        self._tables: dict[Place, sa.Table] = {}
        returned = {entry.kind: entry for entry in read_back(mapping, mapping.source).entries}
        with answered(self._engine):
            written = [entry for entry in mapping.entries if entry.write is not None]
            self._places = {entry.kind: table_of(entry) for entry in written}
            self._inverses = {}
            for entry in written:
                table = self._table(self._places[entry.kind], entry.tables.node.wrong)
                columns = {column.name: Held(column, self._dialect, mapping.zone) for column in table.columns}
                self._inverses[entry.kind] = Inverse(entry, returned[entry.kind], columns, mapping, self._dialect)
                self._look_at_also(self._inverses[entry.kind])
            self._ready = self._known.identity.name in present(self._engine)
        changes = [change for inverse in self._inverses.values() for change in inverse.changes.values()]
        kinds = tuple(self._inverses)
        # its tables are those of an application, which people use
        self.facts = Facts(system="mapped", kinds=kinds, changes=(*changes, *not_written(frozenset(kinds))), limits=self._dialect.limits, live=True)

    @classmethod
    def open(cls, locator: Locator, options: Options) -> Self:
        path = Path(locator.address)
        if path.suffix not in SUFFIXES:
            raise LocatorError(f"{path} is no mapping file.", "A database is written through one that says `write`: docs/mapping.md")
        mapping = read_mapping(path)
        if all(entry.write is None for entry in mapping.entries):
            raise LocatorError(f"{path} says how to read {mapping.source}, and not how to write it.", "Entries need `write`: docs/mapping.md")
        return cls(mapping, options)

    def shape(self, unit: Unit) -> Shaped:
        records, noted = shape(self._inverses, unit.records)
        return Shaped(unit.root, tuple(records), tuple(noted))

    def find(self, records: Sequence[Ref]) -> Mapping[Ref, tuple[str, ...]]:
        if not self._ready:
            return {}
        with answered(self._engine), self._connected().begin():
            return {record: (self._target(record, key),) for record, key in self._there(records).items()}

    def write(self, units: Sequence[Shaped], session: Session) -> Iterable[Outcome]:
        del session  # contents are not written
        with answered(self._engine):
            if not self._ready:
                with self._connected().begin():
                    self._known.metadata.create_all(self._connected())
                self._ready = True
            return self._write(units)

    def _write(self, units: Sequence[Shaped]) -> list[Outcome]:
        """Write all of these units together; if the database refuses a row, halve them until it is found."""
        try:
            with self._connected().begin():
                return self._insert([record for unit in units for record in unit.records])
        except sa.exc.DBAPIError as error:
            if not self._dialect.refuses(error):
                raise
            reason = str(error.orig.args[-1]).splitlines()[0] if error.orig is not None else ""  # further lines quote the row
        if len(units) == 1:
            return [Outcome(ref_to(record), "refused", reason=reason) for record in units[0].records]
        half = len(units) // 2
        return [*self._write(units[:half]), *self._write(units[half:])]

    # ------------------------------------------------------------------------------------------------ rows of records

    def _insert(self, records: Sequence[Record]) -> list[Outcome]:
        """Add the rows of these records, each as soon as what it cannot be without is there."""
        connection = self._connected()
        self._known.forget(connection, map(ref_to, records))  # rows of theirs may have been removed by people
        waiting = self._keyed(records)
        links = {cell.to for new in waiting for cell in new.cells.values() if isinstance(cell, Link)}
        keys = self._there(links)
        roots = {new.ref for new in waiting}
        done: dict[Ref, str] = {}
        lacking: dict[Ref, Ref] = {}
        while waiting:
            lacking = {new.ref: want for new in waiting if (want := self._lacks(new, keys, roots)) is not None}
            ready = [new for new in waiting if new.ref not in lacking]
            if not ready:
                break
            self._add(ready, keys)
            keys |= {new.ref: new.key for new in ready}
            done |= {new.ref: new.key for new in ready}
            waiting = [new for new in waiting if new.ref in lacking]
        self._arrived(done)
        outcomes = [Outcome(record, "written", (self._target(record, key),)) for record, key in done.items()]
        return [
            *outcomes,
            *(Outcome(record, "refused", reason=f"it cannot be without {want}, which is not there") for record, want in lacking.items()),
        ]

    def _keyed(self, records: Sequence[Record]) -> list[New]:
        """The records with the keys that their rows will have."""
        kinds: dict[str, list[Record]] = {}
        for record in records:
            kinds.setdefault(kind_of(record), []).append(record)
        made = []
        for kind, some in kinds.items():
            inverse, place = self._inverses[kind], self._places[kind]
            type_ = self._tables[place].c[inverse.key].type
            if numbered(type_):
                keys = self._rows.new_numbers(self._connected(), place, inverse.key, len(some))
            else:
                keys = [named_key(type_, f"urn:reversa:{self._source}:{kind}:{record.id}", record.id) for record in some]
            made += [New(record, key, inverse.row(record)) for record, key in zip(some, keys, strict=True)]
        return made

    def _lacks(self, new: New, keys: Mapping[Ref, str], coming: set[Ref]) -> Ref | None:
        """What a row cannot be without and is not there yet: its root where that comes with it, and what its table asks for."""
        if new.record.root != new.ref and new.record.root in coming and new.record.root not in keys:
            return new.record.root
        columns = self._inverses[kind_of(new.record)].columns
        needed = (cell.to for name, cell in new.cells.items() if isinstance(cell, Link) and not columns[name].nullable)
        return next((to for to in needed if to not in keys and to != new.ref), None)

    def _add(self, ready: Sequence[New], keys: Mapping[Ref, str]) -> None:
        """Add rows. What their other references lead to may come later."""
        connection, waiting = self._connected(), list[Waiting]()
        of_kind: dict[str, list[New]] = {}
        for new in ready:
            of_kind.setdefault(kind_of(new.record), []).append(new)
        for kind, some in of_kind.items():
            inverse, rows = self._inverses[kind], []
            for new in some:
                links = {name: cell.to for name, cell in new.cells.items() if isinstance(cell, Link)}
                led = {name: new.key if to == new.ref else keys.get(to) for name, to in links.items()}
                row = {inverse.key: new.key} | {name: cell for name, cell in new.cells.items() if not isinstance(cell, Link)} | led
                others = ((name, filling) for name, filling in inverse.write.columns.items() if name not in row)
                rows.append(row | {name: self._filling(filling, new, inverse.columns[name]) for name, filling in others})
                waiting += [
                    Waiting(new.ref, field, links[c]) for field, columns in inverse.linked.items() for c in columns if c in led and led[c] is None
                ]
            self._rows.add(connection, self._places[kind], rows)
            also = self._add_beside(inverse, some)
            self._known.learn(connection, [(new.record, new.key, beside) for new, beside in zip(some, also, strict=True)])
        self._known.wait(connection, waiting)

    def _filling(self, filling: Filling, new: New, held: Held) -> str | None:
        return filled(filling, new.record, held) if isinstance(filling, Constant | OfField) else new.key

    def _add_beside(self, inverse: Inverse, some: Sequence[New]) -> list[list[Also]]:
        """Add the rows of other tables that belong to these; returns by what they are found again: their key, or all that was written."""
        found: list[list[Also]] = [[] for _ in some]
        for beside in inverse.write.also:
            place = _place(beside.table)
            table = self._tables[place]
            held = {name: Held(table.c[name], self._dialect, self._zone) for name in beside.columns}
            rows = [{name: self._filling(filling, new, held[name]) for name, filling in beside.columns.items()} for new in some]
            key = _own_number(table)
            if key is not None and key not in beside.columns:
                numbers = self._rows.new_numbers(self._connected(), place, key, len(rows))
                rows = [row | {key: number} for row, number in zip(rows, numbers, strict=True)]
            self._rows.add(self._connected(), place, rows)
            for also, row in zip(found, rows, strict=True):
                also.append(Also(beside.table, {key: row[key]} if key is not None else row))
        return found

    def _arrived(self, done: Mapping[Ref, str]) -> None:
        """Put right what waited for these records."""
        connection, fields = self._connected(), self._known.awaited(self._connected(), done)
        owners = self._known.keys(connection, (owner for owner, _, _ in fields))
        for field in fields:
            kind = ref_parts(field.owner)[0]
            inverse = self._inverses.get(kind)
            if inverse is None or field.field not in inverse.linked:
                continue
            cells = inverse.field_cells(field.field, field.wanted)
            texts = {name: done[cell.to] if isinstance(cell, Link) else cell for name, cell in cells.items() if cell is not None}
            self._rows.change(connection, self._places[kind], inverse.key, [(owners[field.owner], texts)])
        self._known.arrived(connection, fields)

    # ------------------------------------------------------------------------------------------------ undo

    def undo(self, written: Iterator[tuple[Ref, tuple[str, ...]]]) -> None:
        """Remove what a run wrote: its rows, those that belong to them, and our own tables when they are empty."""
        if not self._ready:
            return
        with answered(self._engine):
            records = sorted(written, key=lambda item: -self._rank(ref_parts(item[0])[0]))
            for start in range(0, len(records), UNDONE):
                with self._connected().begin():
                    self._remove(dict(records[start : start + UNDONE]))
            with self._connected().begin():
                if self._known.is_empty(self._connected()):
                    self._known.metadata.drop_all(self._connected())
                    self._ready = False

    def _rank(self, kind: str) -> int:
        """How many kinds have to be there before one of this kind can be: those are removed after it."""
        return len(self._needed(kind, set()))

    def _needed(self, kind: str, met: set[str]) -> set[str]:
        inverse = self._inverses.get(kind)
        for other in inverse.needed_kinds if inverse is not None else ():
            if other not in met:
                self._needed(other, met | {other})
                met.add(other)
        return met

    def _remove(self, records: Mapping[Ref, tuple[str, ...]]) -> None:
        """Remove the rows of these records, if they are still the same; ours that refer to them wait for them again."""
        connection = self._connected()
        keys = {record: key for record, key in self._known.keys(connection, records).items() if self._target(record, key) in records[record]}
        for also in self._known.also(connection, keys):
            self._rows.remove_one(connection, _place(also.table), also.columns)
        of_kind: dict[str, dict[str, Ref]] = {}
        for record, key in keys.items():
            of_kind.setdefault(ref_parts(record)[0], {})[key] = record
        for kind, gone in of_kind.items():
            self._detach(kind, gone)
        for kind, gone in sorted(of_kind.items(), key=lambda item: -self._rank(item[0])):
            if kind in self._inverses:
                self._rows.remove(connection, self._places[kind], self._inverses[kind].key, list(gone))
        self._known.forget(connection, keys)

    def _detach(self, kind: str, gone: Mapping[str, Ref]) -> None:
        """Take the keys of these rows out of the rows of ours that hold them, where their table can do without."""
        connection = self._connected()
        for inverse in self._inverses.values():
            place = self._places[inverse.kind]
            for name, column, where in inverse.links_to(kind):
                if not inverse.columns[column].nullable:
                    continue
                led = dict(self._rows.leading(connection, place, inverse.key, column, list(gone), where))
                ours = self._known.ours(connection, inverse.kind, list(led))
                self._rows.change(connection, place, inverse.key, [(key, {column: None}) for key in ours])
                self._known.wait(connection, [Waiting(record, name, gone[led[key]]) for key, record in ours.items()])

    # ------------------------------------------------------------------------------------------------ the rest

    def _there(self, records: Iterable[Ref]) -> dict[Ref, str]:
        """The keys of those records whose rows are there."""
        connection, of_kind = self._connected(), dict[str, dict[Ref, str]]()
        for record, key in self._known.keys(connection, records).items():
            of_kind.setdefault(ref_parts(record)[0], {})[record] = key
        found: dict[Ref, str] = {}
        for kind, keys in of_kind.items():
            if kind in self._inverses:
                there = self._rows.there(connection, self._places[kind], self._inverses[kind].key, list(keys.values()))
                found |= {record: key for record, key in keys.items() if key in there}
        return found

    def _target(self, record: Ref, key: str) -> str:
        return f"{self._places[ref_parts(record)[0]][1]}/{key}"

    def _table(self, place: Place, wrong: Any) -> sa.Table:
        if place not in self._tables:
            schema, name = place
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", sa.exc.SAWarning)  # types that SQLAlchemy does not know are texts as well
                    self._tables[place] = sa.Table(name, sa.MetaData(), schema=schema, autoload_with=self._engine, resolve_fks=False)
            except sa.exc.NoSuchTableError:
                names = sa.inspect(self._engine).get_table_names(schema)
                raise wrong(f"there is no table {name!r}.", nearest(name, names) if names else "") from None
        return self._tables[place]

    def _look_at_also(self, inverse: Inverse) -> None:
        for beside in inverse.write.also:
            table = self._table(_place(beside.table), beside.node.wrong)
            for column in beside.columns:
                if column not in table.columns:
                    names = [each.name for each in table.columns]
                    raise beside.node.wrong(f"there is no column {column!r} in {beside.table}.", nearest(column, names))

    def _connected(self) -> sa.Connection:
        if self._source is None:
            raise TargetError("The importer was opened without a source.", "This is a defect of reversa: please report it.")
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._engine.dispose()


def _address(mapping: MappingFile) -> str:
    """The URL of the database that is written."""
    if "://" in mapping.database:
        return mapping.database
    path = Path(mapping.database)
    if not is_sqlite(path):
        raise LocatorError(f"{path} is no database that can be written.", "A SQLite file, or a URL such as postgresql://user@host/name")
    return f"sqlite:///{path}"


def _place(table: str) -> Place:
    schema, _, name = table.rpartition(".")
    return schema or None, name


def _own_number(table: sa.Table) -> str | None:
    """The one column of the key, where it is a number."""
    keys = list(table.primary_key.columns)
    return keys[0].name if len(keys) == 1 and numbered(keys[0].type) else None


ADAPTER = MappedImporter
