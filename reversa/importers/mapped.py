"""Writes records into a successor's own tables, through the mapping file by which they are read back.

Facts and limits: docs/adapters/mapped.md; the mapping file: docs/mapping.md, "Writing".
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

import sqlalchemy as sa

from reversa.adapter import Facts, Locator, Noted, Options, Outcome, Session, Shaped, Unit
from reversa.errors import LocatorError, ReversaError, TargetError
from reversa.records import KINDS, Record, Ref, kind_of, ref_parts, ref_to
from reversa.systems.mapped.document import nearest
from reversa.systems.mapped.foretelling import not_written
from reversa.systems.mapped.holding import Held
from reversa.systems.mapped.inverting import Cell, Inverse, Link, Row, assert_given
from reversa.systems.mapped.known import Also, Known, Waiting
from reversa.systems.mapped.mapping import SUFFIXES, Beside, Expression, read_mapping
from reversa.systems.mapped.mapping import Mapping as MappingFile
from reversa.systems.mapped.plain import column_of, table_of
from reversa.systems.mapped.returning import read_back, written_entries
from reversa.systems.mapped.rows import Rows, named_key, numbered
from reversa.systems.sql.dialects import answered, connect, present
from reversa.systems.tables.opening import is_sqlite

T = TypeVar("T")
UNDONE = 500
"""Records that are taken back together."""


@dataclass(frozen=True)
class New:
    """A record on its way into its row."""

    record: Record
    key: str
    row: Row

    @property
    def ref(self) -> Ref:
        return ref_to(self.record)


class MappedImporter:
    """Writes one source's records; a batch of units is one transaction. Only rows that it made are ever changed or removed."""

    def __init__(self, mapping: MappingFile, options: Options) -> None:
        self._source = options.source
        self._engine, self._dialect = connect(_address(mapping), options)
        self._rows = Rows(self._dialect)
        self._known = Known(self._dialect, self._source or mapping.source)
        self._connection: sa.Connection | None = None
        self._tables: dict[tuple[str | None, str], sa.Table] = {}
        written = written_entries(mapping)
        returned = {entry.kind: entry for entry in read_back(mapping, mapping.source).entries}
        self._places: dict[str, sa.Table] = {}
        """Kind → the table of its rows."""
        self._inverses: dict[str, Inverse] = {}
        with answered(self._engine):
            for kind, entry in written.items():
                self._places[kind] = table = self._table(*table_of(entry), entry.tables.node.wrong)
                columns = {column.name: Held(column, self._dialect, mapping.zone) for column in table.columns}
                self._assert_unique(table, entry.id)
                self._inverses[kind] = inverse = Inverse(entry, returned[kind], columns, mapping, self._dialect)
                for beside in inverse.write.also:
                    self._look_at(beside)
            self._ready = self._known.identity.name in present(self._engine)
        self._keyed = {kind: self._tables_with_keys_of(kind) for kind in written}
        changes = [change for inverse in self._inverses.values() for change in inverse.changes.values()]
        # its tables are those of an application, which people use
        self.facts = Facts(
            system="mapped",
            kinds=tuple(written),
            changes=(*changes, *map(not_written, KINDS.keys() - written.keys())),
            limits=self._dialect.limits,
            live=True,
        )

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
        records: list[Record] = []
        noted: list[Noted] = []
        left_out: set[Ref] = set()
        for record in sorted(unit.records, key=lambda record: ref_to(record) != unit.root):
            inverse = self._inverses.get(kind_of(record))
            shaped, some = (
                inverse.shape(record, left_out) if inverse is not None else (None, [Noted(not_written(kind_of(record)).code, ref_to(record))])
            )
            noted += some
            if shaped is not None:
                records.append(shaped)
            else:
                left_out.add(ref_to(record))
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
        self._known.forget(self._connected(), map(ref_to, records))  # rows of theirs may have been removed by people
        waiting = self._with_keys(records)
        keys = self._there({cell.to for new in waiting for cell in new.row.values() if isinstance(cell, Link)})
        coming = {new.ref for new in waiting}
        done: dict[Ref, str] = {}
        while True:
            lacking = {new.ref: want for new in waiting if (want := self._lacks(new, keys, coming)) is not None}
            ready = [new for new in waiting if new.ref not in lacking]
            if not ready:
                break
            added = {new.ref: new.key for new in ready}
            self._add(ready, keys | added)
            keys |= added
            done |= added
            waiting = [new for new in waiting if new.ref in lacking]
        self._arrived(done)
        outcomes = [Outcome(record, "written", (self._target(record, key),)) for record, key in done.items()]
        return [
            *outcomes,
            *(Outcome(record, "refused", reason=f"it cannot be without {want}, which is not there") for record, want in lacking.items()),
        ]

    def _with_keys(self, records: Sequence[Record]) -> list[New]:
        """The records with the keys that their rows will have."""
        made = []
        for kind, some in _by_kind(records, kind_of).items():
            inverse, table = self._inverses[kind], self._places[kind]
            type_ = table.c[inverse.key].type
            if numbered(type_):
                keys = self._rows.new_numbers(self._connected(), self._keyed[kind], len(some))
            else:
                keys = [named_key(type_, f"urn:reversa:{self._source}:{kind}:{record.id}", record.id) for record in some]
            made += [New(record, key, inverse.row(record)) for record, key in zip(some, keys, strict=True)]
        return made

    def _tables_with_keys_of(self, kind: str) -> dict[sa.Table, str]:
        """The tables whose rows have the keys of a kind, its own first, and their columns of the key: a new one must be free in all."""
        found = {self._places[kind]: self._inverses[kind].key}
        for inverse in self._inverses.values():
            for name, column, of_kind in inverse.keys_beside():
                table = self._tables[_place(name)]
                if of_kind == kind and _own_number(table) == column:
                    found[table] = column
        return found

    def _lacks(self, new: New, keys: Mapping[Ref, str], coming: set[Ref]) -> Ref | None:
        """What a row cannot be without and is not there yet: its root where that comes with it, and what its table asks for."""
        if new.record.root != new.ref and new.record.root in coming and new.record.root not in keys:
            return new.record.root
        columns = self._inverses[kind_of(new.record)].columns
        needed = (cell.to for name, cell in new.row.items() if isinstance(cell, Link) and not columns[name].nullable)
        return next((to for to in needed if to not in keys and to != new.ref), None)

    def _add(self, ready: Sequence[New], keys: Mapping[Ref, str]) -> None:
        """Add rows. What their references lead to may come later."""
        connection, waiting = self._connected(), list[Waiting]()
        for kind, some in _by_kind(ready, lambda new: kind_of(new.record)).items():
            inverse = self._inverses[kind]
            self._rows.add(connection, self._places[kind], [_resolved(new.row, keys) for new in some])
            for new in some:
                for field in inverse.links:
                    cells = inverse.cells(field, getattr(new.record, field)).values()
                    waiting += [Waiting(new.ref, field, cell.to) for cell in cells if isinstance(cell, Link) and cell.to not in keys]
            also = self._add_beside(inverse, some, keys)
            self._known.learn(connection, [(new.record, new.key, also[new.ref]) for new in some])
        self._known.wait(connection, waiting)

    def _add_beside(self, inverse: Inverse, some: Sequence[New], keys: Mapping[Ref, str]) -> dict[Ref, list[Also]]:
        """Add the rows of other tables that belong to these; returns by what they are found again: their key, or all that was written."""
        found: dict[Ref, list[Also]] = {new.ref: [] for new in some}
        rows = {new.ref: inverse.beside(new.row) for new in some}
        for place, beside in enumerate(inverse.write.also):
            table = self._tables[_place(beside.table)]
            made = {new.ref: _resolved(rows[new.ref][place], keys) for new in some}
            primary = [column.name for column in table.primary_key.columns]
            number = _own_number(table)
            if number is not None and number not in beside.columns:
                numbers = self._rows.new_numbers(self._connected(), {table: number}, len(made))
                made = {record: row | {number: key} for (record, row), key in zip(made.items(), numbers, strict=True)}
            elif primary and all(name in beside.columns for name in primary):  # of several records with one key, the last one has the row
                made = dict({tuple(row[name] for name in primary): (record, row) for record, row in made.items()}.values())
            self._rows.add(self._connected(), table, list(made.values()))
            if number is not None and number in beside.columns:
                self._rows.pass_over(self._connected(), table, number)
            for record, row in made.items():
                named = primary if primary and all(name in row for name in primary) else list(row)
                found[record].append(Also(beside.table, {name: row[name] for name in named}))
        return found

    def _arrived(self, done: Mapping[Ref, str]) -> None:
        """Put right what waited for these records."""
        connection, fields = self._connected(), self._known.awaited(self._connected(), done)
        owners = self._known.keys(connection, (owner for owner, _, _ in fields))
        for field in fields:
            kind = ref_parts(field.owner)[0]
            inverse = self._inverses.get(kind)
            if inverse is not None and field.field in inverse.links:
                wanted = [field.wanted] if inverse.is_list(field.field) else field.wanted
                cells = {name: cell for name, cell in inverse.cells(field.field, wanted).items() if cell is not None}
                self._rows.change(connection, self._places[kind], inverse.key, owners[field.owner], _resolved(cells, done))
        self._known.arrived(connection, fields)

    # ------------------------------------------------------------------------------------------------ undo

    def undo(self, written: Iterator[tuple[Ref, tuple[str, ...]]]) -> None:
        """Remove what a run wrote: its rows, those that belong to them, and our own tables when they are empty."""
        if not self._ready:
            return
        with answered(self._engine):
            ranks = {kind: self._rank(kind) for kind in self._inverses}
            records = sorted(written, key=lambda item: -ranks.get(ref_parts(item[0])[0], 0))
            for start in range(0, len(records), UNDONE):
                with self._connected().begin():
                    self._remove(dict(records[start : start + UNDONE]))
            with self._connected().begin():
                if self._known.is_empty(self._connected()):
                    self._known.metadata.drop_all(self._connected())
                    self._ready = False

    def _rank(self, kind: str) -> int:
        """How many kinds have to be there before one of this kind can be: those are removed after it."""
        needed, asked = {kind}, [kind]
        while asked:
            inverse = self._inverses.get(asked.pop())
            asked += (inverse.needed_kinds if inverse is not None else set()) - needed
            needed |= set(asked)
        return len(needed)

    def _remove(self, records: Mapping[Ref, tuple[str, ...]]) -> None:
        """Remove the rows of these records, if they are still the same; ours that refer to them wait for them again."""
        connection = self._connected()
        gone_from_file = next((kind for kind, _ in map(ref_parts, records) if kind not in self._places), None)
        if gone_from_file is not None:
            raise TargetError(f"The mapping does not write {gone_from_file} any more.", "Undo with the file as it was when it was written.")
        keys = {record: key for record, key in self._known.keys(connection, records).items() if self._target(record, key) in records[record]}
        of_kind = _by_kind(keys, lambda record: ref_parts(record)[0])
        for kind, gone in of_kind.items():
            self._detach(kind, {keys[record]: record for record in gone})
        for kind in sorted(of_kind, key=self._rank, reverse=True):
            for also in self._known.also(connection, of_kind[kind]):
                self._rows.remove(connection, self._table(*_place(also.table), TargetError), also.columns)
            for record in of_kind[kind]:
                self._rows.remove(connection, self._places[kind], {self._inverses[kind].key: keys[record]})
        self._known.forget(connection, keys)

    def _detach(self, kind: str, gone: Mapping[str, Ref]) -> None:
        """Take the keys of these rows out of the rows of ours that hold them, where their table can do without."""
        connection = self._connected()
        for inverse in self._inverses.values():
            table = self._places[inverse.kind]
            for field, column, where in inverse.links_to(kind):
                if inverse.columns[column].nullable:
                    led = dict(self._rows.leading(connection, table, inverse.key, column, list(gone), where))
                    ours = self._known.ours(connection, inverse.kind, list(led))
                    for key in ours:
                        self._rows.change(connection, table, inverse.key, key, {column: None})
                    self._known.wait(connection, [Waiting(record, field, gone[led[key]]) for key, record in ours.items()])

    # ------------------------------------------------------------------------------------------------ the rest

    def _there(self, records: Iterable[Ref]) -> dict[Ref, str]:
        """The keys of those records whose rows are there."""
        found = self._known.keys(self._connected(), records)
        there: dict[Ref, str] = {}
        for kind, some in _by_kind(found, lambda record: ref_parts(record)[0]).items():
            if kind in self._inverses:
                keys = self._rows.there(self._connected(), self._places[kind], self._inverses[kind].key, [found[record] for record in some])
                there |= {record: found[record] for record in some if found[record] in keys}
        return there

    def _target(self, record: Ref, key: str) -> str:
        return f"{self._places[ref_parts(record)[0]].name}/{key}"

    def _table(self, schema: str | None, name: str, wrong: Callable[[str, str], ReversaError]) -> sa.Table:
        """Raises what ``wrong`` makes where there is no such table."""
        if (schema, name) not in self._tables:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", sa.exc.SAWarning)  # types that SQLAlchemy does not know are texts as well
                    self._tables[schema, name] = sa.Table(name, sa.MetaData(), schema=schema, autoload_with=self._engine, resolve_fks=False)
            except sa.exc.NoSuchTableError:
                names = sa.inspect(self._engine).get_table_names(schema)
                raise wrong(f"there is no table {name!r}.", nearest(name, names) if names else "") from None
        return self._tables[schema, name]

    def _assert_unique(self, table: sa.Table, id: Expression) -> None:
        """Raises MappingError where the column of the id may be the same in two rows: undo would take both."""
        own, inspector, name = [column_of(id)], sa.inspect(self._engine), table.name
        keys: list[Sequence[str | None]] = [[column.name for column in table.primary_key.columns]]
        keys += [of["column_names"] for of in inspector.get_unique_constraints(name, table.schema)]
        keys += [
            of["column_names"] for of in inspector.get_indexes(name, table.schema) if of["unique"] and not any(of.get("dialect_options", {}).values())
        ]
        if own[0] in table.columns and own not in keys:
            raise id.node.wrong(f"`{own[0]}` is no key of {table.name}: two rows may have the same.", "The column of its primary key")

    def _look_at(self, beside: Beside) -> None:
        """Raises MappingError for a row of another table that cannot be added."""
        table = self._table(*_place(beside.table), beside.node.wrong)
        for name in beside.columns:
            if name not in table.columns:
                raise beside.node.wrong(f"there is no column {name!r} in {beside.table}.", nearest(name, [column.name for column in table.columns]))
        primary = [column.name for column in table.primary_key.columns]
        if not primary or not ({*primary} <= beside.columns.keys() or primary == [_own_number(table)]):
            raise beside.node.wrong(f"rows of {beside.table} could not be told from those of others.", "A table with a key, and what that gets")
        columns = {column.name: Held(column, self._dialect, None) for column in table.columns if column.name != _own_number(table)}
        assert_given(columns, beside.columns, beside.table, beside.node)

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


def _place(table: str) -> tuple[str | None, str]:
    """The schema and the name of a table."""
    schema, _, name = table.rpartition(".")
    return schema or None, name


def _own_number(table: sa.Table) -> str | None:
    """The one column of the key, where it is a number."""
    keys = list(table.primary_key.columns)
    return keys[0].name if len(keys) == 1 and numbered(keys[0].type) else None


def _by_kind(items: Iterable[T], kind: Callable[[T], str]) -> dict[str, list[T]]:
    found: dict[str, list[T]] = {}
    for item in items:
        found.setdefault(kind(item), []).append(item)
    return found


def _resolved(row: Mapping[str, Cell], keys: Mapping[Ref, str]) -> dict[str, str | None]:
    """A row with the keys of those records that are there."""
    return {name: keys.get(cell.to) if isinstance(cell, Link) else cell for name, cell in row.items()}


ADAPTER = MappedImporter
