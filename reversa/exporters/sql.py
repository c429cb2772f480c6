"""Reads reversa's own tables back out of a database: how a SQL target is verified, and a source like any other."""

from __future__ import annotations

import contextlib
import functools
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any, BinaryIO, Self, cast

import pyarrow as pa
import sqlalchemy as sa

from reversa.adapter import Attached, BlobRef, Facts, Item, Locator, NotColumnar, Options, Source
from reversa.errors import SourceError
from reversa.records import KINDS, File, Opaque, Ref, ref_parts
from reversa.systems.sql.bulk import stream
from reversa.systems.sql.columns import Entities, Reader
from reversa.systems.sql.dialects import Dialect, answered, connect, damage, present
from reversa.systems.sql.reading import read_kind
from reversa.systems.sql.tables import Tables, tables_of

_IN_LIST = 500
_SHARD = 200_000


class _Content(io.RawIOBase):
    """A file over pieces that are fetched one by one."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._left = pieces, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = piece
        taken = self._left[: len(buffer)]
        buffer[: len(taken)] = taken
        self._left = self._left[len(taken) :]
        return len(taken)


class SqlExporter:
    """Reads the records of one source from the rows themselves; digests of files are made from their content."""

    def __init__(self, engine: sa.Engine, dialect: Dialect, tables: Tables, source: Source, key: int, kinds: list[str], since: date | None) -> None:
        self._engine, self._dialect, self._tables, self._key, self._kinds = engine, dialect, tables, key, kinds
        self.facts = Facts(system="sql", kinds=tuple(KINDS), source=source, limits=dialect.limits, since=since)

    @classmethod
    def open(cls, locator: Locator, options: Options) -> Self:
        engine, dialect = connect(locator.address, options, as_source=options.source is None)
        tables = tables_of(dialect.name)
        with answered(engine):
            there = present(engine)
            wrong = damage(engine) if there and dialect.name == "sqlite" and options.source is None else ""
            if wrong:
                raise SourceError(f"{locator} is damaged: {wrong}", "Ask for the file again; sqlite3 FILE .recover may save a part of it.")
            held = _sources(engine, tables) if tables.source.name in there else {}
        source = options.source or (next(iter(held)) if len(held) == 1 else None)
        if source is None:
            raise SourceError(
                f"{locator} does not hold one source's reversa tables.",
                f"It holds: {', '.join(map(str, held)) or 'none'}. A database of another system needs a mapping.",
            )
        kinds = [kind for kind in KINDS if tables.kinds[kind].name in there]
        key, held_kinds = (held[source], kinds) if source in held else (0, [])
        return cls(engine, dialect, tables, source, key, held_kinds, options.since)

    def census(self) -> Mapping[str, int]:
        with answered(self._engine):
            counts = {kind: self._count(kind) for kind in self._kinds}
        return {kind: count for kind, count in counts.items() if count}

    def _count(self, kind: str) -> int:
        own, entity = self._tables.kinds[kind], self._tables.entity
        query = sa.select(sa.func.count()).select_from(own.join(entity, entity.c.key == own.c.entity)).where(entity.c.source == self._key)
        if self.facts.since is not None:
            query = query.where(own.c.root.in_(self._roots(self.facts.since)))
        if kind == "user":  # placeholders are counted apart, as in any source
            query = query.where(sa.func.coalesce(own.c.placeholder, sa.false()) == sa.false())
        with self._engine.connect() as connection:
            return connection.execute(query).scalar_one()

    def items(self) -> Iterator[Item]:
        with answered(self._engine):
            for kind in self._kinds:
                if self.facts.since is None:
                    yield from self._read(kind, None)
                    continue
                own = self._tables.kinds[kind]
                with self._engine.connect() as connection:
                    query = sa.select(own.c.entity).where(own.c.root.in_(self._roots(self.facts.since))).order_by(own.c.entity)
                    keys = connection.execute(query).scalars().all()
                for start in range(0, len(keys), _IN_LIST):
                    yield from self._read(kind, keys[start : start + _IN_LIST])

    def _roots(self, since: date) -> sa.CompoundSelect[Any]:
        """The roots of units in which something was created or updated since that day."""
        start = datetime.combine(since, time(), UTC)
        encode = self._dialect.encoder("instant")
        first = start if encode is None else encode(start)
        owns = [self._tables.kinds[kind] for kind in self._kinds]
        return sa.union(*(sa.select(own.c.root).where((own.c.created_at >= first) | (own.c.updated_at >= first)) for own in owns))

    def shards(self) -> Sequence[str]:
        """Ranges of keys."""
        with answered(self._engine), self._engine.connect() as connection:
            entity = self._tables.entity
            query = sa.select(sa.func.min(entity.c.key), sa.func.max(entity.c.key))
            lowest, highest = connection.execute(query).one() if self._kinds else (None, None)
        return [f"{start}:{start + _SHARD}" for start in range(min(lowest or 0, 0), (highest or 0) + 1, _SHARD)]

    def shard(self, name: str) -> Iterator[Item]:
        start, _, stop = name.partition(":")
        with answered(self._engine):
            for kind in self._kinds:
                yield from self._read(kind, range(int(start), int(stop)))

    def named(self, records: Sequence[Ref]) -> Iterator[Item]:
        entity, ids = self._tables.entity, dict[str, list[str]]()
        for record in records:
            kind, id = ref_parts(record)
            ids.setdefault(kind, []).append(id)
        with answered(self._engine):
            for kind in self._kinds:
                asked = ids.get(kind, [])
                for start in range(0, len(asked), _IN_LIST):
                    these = entity.c.id.in_(asked[start : start + _IN_LIST])
                    query = sa.select(entity.c.key).where(entity.c.source == self._key, entity.c.kind == kind, these)
                    with self._engine.connect() as connection:
                        keys = connection.execute(query).scalars().all()
                    yield from self._read(kind, keys)

    def _read(self, kind: str, keys: Sequence[int] | None) -> Iterator[Item]:
        for record in read_kind(self._tables, self._dialect, kind, self._key, self._stream, keys):
            if isinstance(record, File | Opaque) and record.sha256 is not None:
                yield Attached(record, BlobRef(record.sha256))
            else:
                yield record

    def _stream(self, query: sa.Select[Any]) -> Iterator[Any]:
        """The rows of a query, fetched as they are read, on a connection of their own."""
        statement = str(query.compile(self._engine, compile_kwargs={"literal_binds": True}))
        connection = self._engine.connect().execution_options(stream_results=True)
        try:
            yield from connection.exec_driver_sql(statement)
        finally:
            with contextlib.suppress(sa.exc.SQLAlchemyError):  # it may be another stream's failure that ends this one
                connection.close()

    def batches(self, kind: str) -> Iterator[pa.RecordBatch]:
        if kind in self._kinds:
            try:
                with answered(self._engine):
                    yield from self._reader.read(kind)
            except (ValueError, TypeError, OverflowError, pa.ArrowException) as error:
                raise NotColumnar(str(error)) from error

    @functools.cached_property
    def _reader(self) -> Reader:
        return Reader(self._tables, self._dialect, Entities(self._tables, self._key, self._columns), self._columns)

    def _columns(self, query: sa.Select[Any], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        return stream(self._engine, str(query.compile(self._engine)), schema)

    def open_blob(self, blob: BlobRef) -> BinaryIO:
        position = self._tables.blob.c.position
        with answered(self._engine), self._engine.connect() as connection:
            positions = connection.execute(sa.select(position).where(self._tables.blob.c.sha256 == blob).order_by(position)).scalars().all()
        if not positions:
            raise KeyError(f"no content is stored for {blob}")
        return cast("BinaryIO", io.BufferedReader(_Content(self._chunks(blob, positions))))

    def _chunks(self, blob: BlobRef, positions: Sequence[int]) -> Iterator[bytes]:
        table = self._tables.blob
        for position in positions:
            with answered(self._engine), self._engine.connect() as connection:
                query = sa.select(table.c.content).where(table.c.sha256 == blob, table.c.position == position)
                content = connection.execute(query).scalar_one_or_none()
            yield content or b""

    def close(self) -> None:
        self._engine.dispose()


def _sources(engine: sa.Engine, tables: Tables) -> dict[Source, int]:
    with engine.connect() as connection:
        rows = connection.execute(sa.select(tables.source)).all()
    return {Source(system, tenant): key for key, system, tenant in rows if isinstance(system, str) and isinstance(tenant, str)}


ADAPTER = SqlExporter
