"""Writes records into a SQL database: every field its own column or child row, identity by source id.

Facts and limits of each database: docs/adapters/sql.md.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pyarrow as pa
import sqlalchemy as sa

from reversa.adapter import Facts, Locator, NotColumnar, Options, Outcome, Rows, Session, Shaped, Source, Unit
from reversa.blobs import CHUNK
from reversa.errors import TargetError
from reversa.records import KINDS, File, Opaque, Record, Ref, kind_of, ref_parts, ref_to
from reversa.systems.sql.bulk import bulk
from reversa.systems.sql.dialects import answered, connect, present
from reversa.systems.sql.loading import Loader
from reversa.systems.sql.shaping import changes, keeps, shape
from reversa.systems.sql.tables import PREFIX, tables_of, views
from reversa.systems.sql.writing import Keys, Row, RowMaker, references


@dataclass
class Unneeded:
    """Entities and contents that may have lost their last use."""

    entities: set[int] = field(default_factory=set)
    contents: set[str] = field(default_factory=set)


class SqlImporter:
    """Writes one source's records; a batch of units is one transaction."""

    def __init__(self, locator: Locator, options: Options) -> None:
        self._source = options.source
        self._engine, self._dialect = connect(locator.address, options)
        self._tables = tables_of(self._dialect.name)
        self._makers = {kind: RowMaker(self._tables, self._dialect, kind) for kind in KINDS}
        self._connection: sa.Connection | None = None
        self._keys: Keys | None = None
        with answered(self._engine):
            self._there = present(self._engine)
        live = any(not name.startswith(PREFIX) for name in self._there)
        self.facts = Facts(system="sql", kinds=tuple(KINDS), changes=changes(self._dialect), limits=self._dialect.limits, live=live)

    @classmethod
    def open(cls, locator: Locator, options: Options) -> Self:
        return cls(locator, options)

    @staticmethod
    def scratch_target(folder: Path) -> str:
        """An empty target for the shared suite."""
        folder.mkdir(parents=True, exist_ok=True)
        return f"sqlite:///{folder / 'target.db'}"

    def shape(self, unit: Unit) -> Shaped:
        return shape(self._dialect, unit)

    def find(self, records: Sequence[Ref]) -> Mapping[Ref, tuple[str, ...]]:
        if self._tables.entity.name not in self._there:
            return {}
        with answered(self._engine), self._connected().begin():
            keys = self._keys_if_known()
            here = keys.here(records) if keys is not None else {}
        return {record: (_target(record, key),) for record, key in here.items()}

    def write(self, units: Sequence[Shaped], session: Session) -> Iterable[Outcome]:
        with answered(self._engine):
            self._create({kind_of(record) for unit in units for record in unit.records})
            return self._write(units, session)

    def keeps(self, kind: str, batch: pa.RecordBatch) -> bool:
        return keeps(self._dialect, kind, batch)

    def load(self, rows: Rows, session: Session) -> Mapping[str, Iterator[str]]:
        if any(table.name in self._there for table in self._tables.shared()):
            raise NotColumnar("the tables are there already")
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        kinds = rows.kinds()
        made = views(self._dialect, self._engine.dialect.identifier_preparer, set(kinds))
        try:
            with bulk(self._engine) as database:
                loader = Loader(database, self._dialect, self._tables, self._engine.dialect, _Kept(rows, self.keeps))
                loader.load(self._whose(), session, [f"CREATE VIEW {name} AS {select}" for name, select in made.items()])
        finally:
            self._there = present(self._engine)
        return {kind: map(f"{PREFIX}{kind}/{{}}".format, loader.keys.of_kind(kind)) for kind in kinds}

    def replace(self, units: Sequence[Shaped], session: Session) -> Iterable[Outcome]:
        with answered(self._engine):
            self._create({kind_of(record) for unit in units for record in unit.records})
            return self._write(units, session, anew=True)

    def remove(self, records: Mapping[Ref, tuple[str, ...]]) -> None:
        if self._tables.entity.name not in self._there:
            return
        with answered(self._engine), self._connected().begin():
            self._clean(self._delete(list(records)))

    def _write(self, units: Sequence[Shaped], session: Session, *, anew: bool = False) -> list[Outcome]:
        """Write all of these units together, ``anew`` in the place of their rows; if the database refuses a row, halve them until it is found."""
        records = [record for unit in units for record in unit.records]
        try:
            with self._connected().begin():
                before = self._delete([ref_to(record) for record in records]) if anew else Unneeded()
                keys = self._insert(records, session)
                self._clean(before)
        except BaseException as error:
            self._keys = None  # keys given in the transaction are free again
            if not (isinstance(error, sa.exc.DBAPIError) and self._dialect.refuses(error)):
                raise
            reason = str(error.orig.args[-1]).splitlines()[0] if error.orig is not None else ""  # further lines quote the row
        else:
            return [Outcome(record, "written", (_target(record, key),)) for record, key in keys.items()]
        if len(units) == 1:
            return [Outcome(ref_to(record), "refused", reason=reason) for record in units[0].records]
        half = len(units) // 2
        return [*self._write(units[:half], session, anew=anew), *self._write(units[half:], session, anew=anew)]

    def _insert(self, records: Sequence[Record], session: Session) -> dict[Ref, int]:
        """Add the rows of these records; returns their keys."""
        connection, keys = self._connected(), self._keys_made()
        own = [ref_to(record) for record in records]
        wanted = list(dict.fromkeys([*own, *(reference for record in records for reference in references(record))]))
        key_of = keys.held(wanted)
        new: list[Row] = []
        for reference in wanted:
            if reference not in key_of:
                key_of[reference] = keys.give(reference)
                new.append((key_of[reference], keys.source, *ref_parts(reference)))
        if new:
            self._dialect.insert(connection, self._tables.entity, new)
        of_kind: dict[str, list[Record]] = {}
        for record in records:
            of_kind.setdefault(kind_of(record), []).append(record)
        for kind, some in of_kind.items():
            for table, rows in self._makers[kind].rows(some, key_of):
                self._dialect.insert(connection, table, rows)
        for digest in sorted({r.sha256 for r in records if isinstance(r, File | Opaque) and r.sha256 is not None}):
            self._store(connection, digest, session)
        return {record: key_of[record] for record in own}

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

    def _keys_if_known(self) -> Keys | None:
        """The keys of the source, if the target knows it."""
        if self._keys is None:
            source, table = self._whose(), self._tables.source
            query = sa.select(table.c.key).where(table.c.system == source.system, table.c.tenant == source.tenant)
            key = self._connected().execute(query).scalar()
            if key is not None:
                self._keys = Keys(self._connected(), self._tables, key, self._there)
        return self._keys

    def _keys_made(self) -> Keys:
        """The keys of the source, which is made known to the target."""
        keys = self._keys_if_known()
        if keys is None:
            connection, source, table = self._connected(), self._whose(), self._tables.source
            key = (connection.execute(sa.select(sa.func.max(table.c.key))).scalar() or 0) + 1
            connection.execute(sa.insert(table).values(key=key, system=source.system, tenant=source.tenant))
            keys = self._keys = Keys(connection, self._tables, key, self._there)
        return keys

    def _whose(self) -> Source:
        if self._source is None:
            raise TargetError("The importer was opened without a source.", "This is a defect of reversa: please report it.")
        return self._source

    def _kinds(self) -> set[str]:
        """The kinds whose tables are there."""
        return {kind for kind in KINDS if self._tables.kinds[kind].name in self._there}

    def _create(self, kinds: set[str]) -> None:
        """Create what these kinds need and is not there yet."""
        tables = [*self._tables.shared(), *(table for kind in kinds for table in self._tables.of_kind(kind))]
        if all(table.name in self._there for table in tables):
            return
        with self._connected().begin():
            connection, before = self._connected(), self._kinds()
            self._tables.metadata.create_all(connection, tables=tables)
            self._drop_views(before)
            self._create_views(before | kinds)
        self._there |= {table.name for table in tables}

    def _create_views(self, kinds: set[str]) -> None:
        for name, select in views(self._dialect, self._connected().dialect.identifier_preparer, kinds).items():
            self._connected().exec_driver_sql(f"CREATE VIEW {name} AS {select}")

    def _drop_views(self, kinds: set[str]) -> None:
        for name in views(self._dialect, self._connected().dialect.identifier_preparer, kinds):
            self._connected().exec_driver_sql(f"DROP VIEW IF EXISTS {name}")

    # ------------------------------------------------------------------------------------------- single records

    def _delete(self, records: Sequence[Ref]) -> Unneeded:
        """Delete the rows of these records; returns the entities and contents that nothing may need any more."""
        keys, left = self._keys_if_known(), Unneeded()
        doomed: dict[str, list[int]] = {}
        for record, key in (keys.here(records) if keys is not None else {}).items():
            doomed.setdefault(ref_parts(record)[0], []).append(key)
        connection = self._connected()
        for kind, rows in doomed.items():
            own = self._tables.kinds[kind]
            for column in self._tables.uses(kind):
                left.entities.update(connection.execute(sa.select(column).where(column.table.c.entity.in_(rows), column.is_not(None))).scalars())
            if kind in ("file", "opaque"):
                left.contents.update(connection.execute(sa.select(own.c.sha256).where(own.c.entity.in_(rows), own.c.sha256.is_not(None))).scalars())
            for table in reversed(self._tables.of_kind(kind)):
                connection.execute(sa.delete(table).where(table.c.entity.in_(rows)))
        return left

    def _clean(self, left: Unneeded) -> None:
        """Delete those of the entities and contents that nothing needs."""
        connection, kinds = self._connected(), self._kinds()
        entities, contents = left.entities, left.contents
        for column in (column for kind in kinds for column in self._tables.uses(kind)):
            if entities:
                entities -= set(connection.execute(sa.select(column).where(column.in_(entities))).scalars())
        for kind in kinds & {"file", "opaque"}:
            sha256 = self._tables.kinds[kind].c.sha256
            contents -= set(connection.execute(sa.select(sha256).where(sha256.in_(contents))).scalars()) if contents else set()
        if entities:
            connection.execute(sa.delete(self._tables.entity).where(self._tables.entity.c.key.in_(entities)))
            self._keys = None  # it remembers them
        if contents:
            connection.execute(sa.delete(self._tables.blob).where(self._tables.blob.c.sha256.in_(contents)))

    # ------------------------------------------------------------------------------------------- undo

    def undo(self, written: Iterator[tuple[Ref, tuple[str, ...]]]) -> None:
        """Remove what a run wrote: its rows, the tables left empty, the entities and contents that nothing else needs.

        Each step may be repeated after an interruption.
        """
        if self._tables.entity.name not in self._there:
            return
        with answered(self._engine):
            with self._connected().begin():
                self._remove_rows(written)
            with self._connected().begin():
                self._drop_empty()
            if self._kinds():
                with self._connected().begin():
                    self._remove_unneeded()
            self._keys = None

    def _remove_rows(self, written: Iterator[tuple[Ref, tuple[str, ...]]]) -> None:
        keys = self._keys_if_known()
        while keys is not None and (batch := dict(itertools.islice(written, 1000))):
            doomed: dict[str, list[int]] = {}
            for record, key in keys.here(list(batch)).items():
                if _target(record, key) in batch[record]:  # else a later run wrote it anew
                    doomed.setdefault(ref_parts(record)[0], []).append(key)
            for kind, rows in doomed.items():
                for table in reversed(self._tables.of_kind(kind)):
                    self._connected().execute(sa.delete(table).where(table.c.entity.in_(rows)))

    def _drop_empty(self) -> None:
        """Drop the tables of kinds that have no record, and all when no kind is left."""
        connection, before = self._connected(), self._kinds()
        empty = {kind for kind in before if connection.execute(sa.select(self._tables.kinds[kind].c.entity).limit(1)).first() is None}
        tables = [table for kind in empty for table in self._tables.of_kind(kind)]
        if empty == before:
            tables += self._tables.shared()
        self._drop_views(before)
        self._tables.metadata.drop_all(connection, tables=tables)
        self._create_views(before - empty)
        self._there -= {table.name for table in tables}

    def _remove_unneeded(self) -> None:
        """Remove entities of the source without a record or a reference to it, the source without entities, contents without a use."""
        connection, kinds, source = self._connected(), self._kinds(), self._whose()
        entity, known, blob = self._tables.entity, self._tables.source, self._tables.blob
        own = sa.select(known.c.key).where(known.c.system == source.system, known.c.tenant == source.tenant).scalar_subquery()
        used = sa.union(*(sa.select(column.label("key")) for kind in kinds for column in self._tables.uses(kind))).subquery()
        connection.execute(sa.delete(entity).where(entity.c.source == own, ~sa.exists().where(used.c.key == entity.c.key)))
        connection.execute(
            sa.delete(known).where(
                known.c.system == source.system, known.c.tenant == source.tenant, ~sa.exists().where(entity.c.source == known.c.key)
            )
        )
        holders = [self._tables.kinds[kind].c.sha256 for kind in kinds & {"file", "opaque"}]
        connection.execute(sa.delete(blob).where(*(~sa.exists().where(sha256 == blob.c.sha256) for sha256 in holders)))

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._engine.dispose()


def _target(record: Ref, key: int) -> str:
    return f"{PREFIX}{ref_parts(record)[0]}/{key}"


class _Kept:
    """Rows of which each is taken as it is. Raises NotColumnar at one that is not."""

    def __init__(self, rows: Rows, keeps: Callable[[str, pa.RecordBatch], bool]) -> None:
        self._rows, self._keeps = rows, keeps
        self.kinds = rows.kinds

    def batches(self, kind: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        for batch in self._rows.batches(kind, columns):
            if not self._keeps(kind, batch):
                raise NotColumnar(f"some {kind} would be changed")
            yield batch


ADAPTER = SqlImporter
