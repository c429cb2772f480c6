"""Reads reversa's own tables back out of a database: how a SQL target is verified, and a source like any other."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Self, cast

import sqlalchemy as sa

from reversa.adapter import Attached, BlobRef, Facts, Item, Locator, Options, Source
from reversa.errors import SourceError
from reversa.records import KINDS, File, Opaque
from reversa.systems.sql.dialects import Dialect, connect, target_error
from reversa.systems.sql.reading import read_kind
from reversa.systems.sql.tables import PREFIX, Tables


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

    def __init__(self, engine: sa.Engine, dialect: Dialect, tables: Tables, source: Source, key: int, present: list[str]) -> None:
        self._engine, self._dialect, self._tables, self._key, self._present = engine, dialect, tables, key, present
        self.facts = Facts(system="sql", kinds=tuple(KINDS), source=source, limits=dialect.limits)

    @classmethod
    def open(cls, locator: Locator, options: Options) -> Self:
        engine, dialect = connect(locator.address, options)
        tables = Tables(dialect)
        try:
            present = set(sa.inspect(engine).get_table_names())
            if tables.source.name not in present:
                raise SourceError(f"{locator} holds no reversa tables.", "A database of another system needs a mapping; reversa reads only what it wrote.")
            with engine.connect() as connection:
                held = {Source(system, tenant): key for key, system, tenant in connection.execute(sa.select(tables.source))}
        except sa.exc.SQLAlchemyError as error:
            raise target_error(error, str(locator)) from error
        source = options.source or (next(iter(held)) if len(held) == 1 else None)
        if source not in held:
            raise SourceError(f"{locator} does not hold {source or 'one source only'}.", f"It holds: {', '.join(map(str, held)) or 'nothing'}")
        return cls(engine, dialect, tables, source, held[source], [kind for kind in KINDS if PREFIX + kind in present])

    def census(self) -> Mapping[str, int]:
        entity = self._tables.entity
        query = sa.select(entity.c.kind, sa.func.count()).where(entity.c.source == self._key, sa.not_(entity.c.missing)).group_by(entity.c.kind)
        with self._engine.connect() as connection:
            return {kind: count for kind, count in connection.execute(query)}

    def items(self) -> Iterator[Item]:
        try:
            for kind in self._present:
                for record in read_kind(self._tables, self._dialect, kind, self._key, self._stream):
                    if isinstance(record, File | Opaque) and record.sha256 is not None:
                        yield Attached(record, BlobRef(record.sha256))
                    else:
                        yield record
        except sa.exc.SQLAlchemyError as error:
            raise target_error(error, str(self._engine.url)) from error

    def _stream(self, query: sa.Select[Any]) -> Iterator[Any]:
        """The rows of a query, fetched as they are read, on a connection of their own."""
        statement = str(query.compile(self._engine, compile_kwargs={"literal_binds": True}))
        with self._engine.connect().execution_options(stream_results=True) as connection:
            yield from connection.exec_driver_sql(statement)

    def open_blob(self, blob: BlobRef) -> BinaryIO:
        table = self._tables.blob
        with self._engine.connect() as connection:
            count = connection.execute(sa.select(sa.func.count()).where(table.c.sha256 == blob)).scalar_one()
        if not count:
            raise KeyError(f"no content is stored for {blob}")
        return cast("BinaryIO", io.BufferedReader(_Content(self._chunks(blob, count))))

    def _chunks(self, blob: BlobRef, count: int) -> Iterator[bytes]:
        table = self._tables.blob
        with self._engine.connect() as connection:
            for position in range(count):
                query = sa.select(table.c.content).where(table.c.sha256 == blob, table.c.position == position)
                yield connection.execute(query).scalar_one_or_none() or b""

    def close(self) -> None:
        self._engine.dispose()


ADAPTER = SqlExporter
