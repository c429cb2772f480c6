"""Writes records into a SQL database: every field its own column or child row, identity by source id.

Facts and limits of each database: docs/adapters/sql.md.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa

from reversa.adapter import Facts, Locator, Options, Outcome, Session, Shaped, Unit
from reversa.blobs import CHUNK
from reversa.errors import TargetError
from reversa.records import KINDS, File, Opaque, Record, Ref, kind_of, ref_parts, ref_to
from reversa.systems.sql.dialects import Dialect, connect, target_error
from reversa.systems.sql.shaping import changes, shape
from reversa.systems.sql.tables import PREFIX, Tables, views
from reversa.systems.sql.writing import Keys, Row, RowMaker, references

_REFUSED = (sa.exc.DataError, sa.exc.IntegrityError)


class SqlImporter:
    """Writes one source's records; a batch of units is one transaction."""

    def __init__(self, locator: Locator, options: Options) -> None:
        self._locator, self._source = locator, options.source
        self._engine, self._dialect = connect(locator.address, options)
        self._tables = Tables(self._dialect)
        self._makers = {kind: RowMaker(self._tables, self._dialect, kind) for kind in KINDS}
        self._connection: sa.Connection | None = None
        self._keys: Keys | None = None
        present = self._present()
        foreign = {name for name in present if not name.startswith(PREFIX)}
        self._ready = {kind for kind in KINDS if PREFIX + kind in present}
        self.facts = Facts(
            system="sql", kinds=tuple(KINDS), changes=changes(self._dialect), limits=self._dialect.limits, live=bool(foreign)
        )

    @classmethod
    def open(cls, locator: Locator, options: Options) -> Self:
        try:
            return cls(locator, options)
        except sa.exc.SQLAlchemyError as error:
            raise target_error(error, str(locator)) from error

    def _present(self) -> set[str]:
        """Names of the tables that are there. A SQLite file is not made by looking."""
        file = self._engine.url.database
        if self._dialect.name == "sqlite" and file and file != ":memory:":
            if not Path(file).exists():
                return set()
        return set(sa.inspect(self._engine).get_table_names())

    def shape(self, unit: Unit) -> Shaped:
        return shape(self._dialect, unit)

    def find(self, records: Sequence[Ref]) -> Mapping[Ref, tuple[str, ...]]:
        if not self._present():
            return {}
        try:
            held = self._ready_keys().held(records)
        except sa.exc.SQLAlchemyError as error:
            raise target_error(error, str(self._locator)) from error
        return {record: (_target(record, key),) for record, (key, missing) in held.items() if not missing}

    def write(self, units: Sequence[Shaped], session: Session) -> Iterable[Outcome]:
        try:
            return self._write_together(units, session)
        except _REFUSED as error:
            if len(units) == 1:
                reason = " ".join(str(error.orig).split())[:500]
                return [Outcome(ref_to(record), "refused", reason=reason) for record in units[0].records]
            return [outcome for unit in units for outcome in self.write([unit], session)]
        except sa.exc.SQLAlchemyError as error:
            raise target_error(error, str(self._locator)) from error

    def _write_together(self, units: Sequence[Shaped], session: Session) -> list[Outcome]:
        """All of these units, or none."""
        records = [record for unit in units for record in unit.records]
        keys = self._ready_keys()
        self._create({kind_of(record) for record in records})
        connection = self._connected()
        try:
            self._insert(connection, keys, records, session)
            connection.commit()
        except BaseException:
            connection.rollback()
            self._keys = None  # keys given in the transaction are free again
            raise
        held = keys.held([ref_to(record) for record in records])
        return [Outcome(reference, "written", (_target(reference, key),)) for reference, (key, _) in held.items()]

    def _insert(self, connection: sa.Connection, keys: Keys, records: Sequence[Record], session: Session) -> None:
        entity = self._tables.entity
        own = {ref_to(record) for record in records}
        wanted = list(dict.fromkeys([*own, *(reference for record in records for reference in references(record))]))
        held = keys.held(wanted)
        arrived = [{"k": held[reference][0]} for reference in own if reference in held]
        if arrived:
            connection.execute(sa.update(entity).where(entity.c.key == sa.bindparam("k")).values(missing=False), arrived)
        source = self._source_key(connection)
        key_of = {reference: key for reference, (key, _) in held.items()}
        new: list[Row] = []
        for reference in wanted:
            if reference not in held:
                key_of[reference] = keys.give(reference, missing=reference not in own)
                new.append((key_of[reference], source, *ref_parts(reference), reference not in own))
        rows: dict[sa.Table, list[Row]] = {entity: new}
        for record in records:
            for table, row in self._makers[kind_of(record)].rows(record, key_of.__getitem__):
                rows.setdefault(table, []).append(row)
        for table in self._tables.metadata.sorted_tables:
            if rows.get(table):
                self._dialect.insert(connection, table, rows[table])
        for digest in {r.sha256 for r in records if isinstance(r, File | Opaque) and r.sha256 is not None}:
            self._store(connection, digest, session)
        keys.arrived(own)

    def _store(self, connection: sa.Connection, digest: str, session: Session) -> None:
        blob = self._tables.blob
        if connection.execute(sa.select(blob.c.position).where(blob.c.sha256 == digest).limit(1)).first():
            return
        with session.open_blob(digest) as content:
            position = 0
            while (chunk := content.read(CHUNK)) or position == 0:
                connection.execute(sa.insert(blob).values(sha256=digest, position=position, content=chunk))
                position += 1

    # ------------------------------------------------------------------------------------------- tables and keys

    def _connected(self) -> sa.Connection:
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection

    def _ready_keys(self) -> Keys:
        if self._keys is None:
            self._create(set())
            connection = self._connected()
            self._keys = Keys(connection, self._tables, self._source_key(connection))
            connection.commit()
        return self._keys

    def _source_key(self, connection: sa.Connection) -> int:
        if self._source is None:
            raise TargetError("The importer was opened without a source.", "This is a defect of reversa: please report it.")
        table = self._tables.source
        held = connection.execute(sa.select(table.c.key).where(table.c.system == self._source.system, table.c.tenant == self._source.tenant)).scalar()
        if held is None:
            held = (connection.execute(sa.select(sa.func.max(table.c.key))).scalar() or 0) + 1
            connection.execute(sa.insert(table).values(key=held, system=self._source.system, tenant=self._source.tenant))
        return int(held)

    def _create(self, kinds: set[str]) -> None:
        """Create what these kinds need and is not there yet."""
        if self._connection is not None and kinds <= self._ready:
            return
        connection = self._connected()
        tables = [*self._tables.shared(), *(table for kind in kinds for table in self._tables.of_kind(kind))]
        self._tables.metadata.create_all(connection, tables=tables)
        self._ready |= kinds
        held = set(sa.inspect(connection).get_view_names())
        for name, (needs, select) in views(self._dialect, connection.dialect.identifier_preparer).items():
            if needs <= self._ready and name not in held:
                connection.exec_driver_sql(f"CREATE VIEW {name} AS {select}")
        connection.commit()

    # ------------------------------------------------------------------------------------------- undo

    def undo(self, written: Iterator[tuple[Ref, tuple[str, ...]]]) -> None:
        """Remove what a run wrote: its rows, the placeholders and blobs that nothing else needs, the tables when empty."""
        try:
            with self._engine.begin() as connection:
                self._remove(connection, written)
        except sa.exc.SQLAlchemyError as error:
            raise target_error(error, str(self._locator)) from error

    def _remove(self, connection: sa.Connection, written: Iterator[tuple[Ref, tuple[str, ...]]]) -> None:
        entity = self._tables.entity
        while batch := list(itertools.islice(written, 1000)):
            keys: dict[str, list[dict[str, int]]] = {}
            for record, targets in batch:
                keys.setdefault(ref_parts(record)[0], []).extend({"k": int(target.rpartition("/")[2])} for target in targets)
            for kind, rows in keys.items():
                for table in reversed(self._tables.of_kind(kind)):
                    connection.execute(sa.delete(table).where(table.c.entity == sa.bindparam("k")), rows)
                connection.execute(sa.update(entity).where(entity.c.key == sa.bindparam("k")).values(missing=True), rows)
        present = set(sa.inspect(connection).get_table_names())
        used = [sa.select(column).where(column.is_not(None)) for table, column in self._tables.references() if table.name in present]
        connection.execute(sa.delete(entity).where(entity.c.missing, entity.c.key.not_in(sa.union_all(*used))))
        self._remove_blobs(connection, present)
        source = self._tables.source
        connection.execute(sa.delete(source).where(source.c.key.not_in(sa.select(entity.c.source))))
        if connection.execute(sa.select(sa.func.count()).select_from(source)).scalar() == 0:
            for name in views(self._dialect, connection.dialect.identifier_preparer):
                connection.exec_driver_sql(f"DROP VIEW IF EXISTS {name}")
            self._tables.metadata.drop_all(connection)

    def _remove_blobs(self, connection: sa.Connection, present: set[str]) -> None:
        blob = self._tables.blob
        for_kinds: list[Any] = [self._tables.kinds[kind] for kind in ("file", "opaque")]
        used = [sa.select(t.c.sha256).where(t.c.sha256.is_not(None)) for t in for_kinds if t.name in present]
        connection.execute(sa.delete(blob).where(blob.c.sha256.not_in(sa.union_all(*used))) if used else sa.delete(blob))

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._engine.dispose()


def _target(record: Ref, key: int) -> str:
    return f"{PREFIX}{ref_parts(record)[0]}/{key}"


ADAPTER = SqlImporter
