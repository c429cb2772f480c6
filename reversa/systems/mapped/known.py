"""What the target itself knows of the records in it: which row stands for which record, and which references wait.

Two tables of ours beside those of the application, written in the same transactions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from reversa.adapter import Source
from reversa.records import Record, Ref, ref, ref_parts, ref_to
from reversa.systems.mapped.returning import IDENTITY, WAITING, known_as
from reversa.systems.sql.dialects import Dialect
from reversa.systems.sql.shaping import NUL

AT_ONCE = 400
"""Values of one question."""


class Also(NamedTuple):
    """A row of another table that belongs to a record, and the columns by which it is found."""

    table: str
    columns: dict[str, str | None]


class Waiting(NamedTuple):
    """A field of a record that is to refer to another one, once that is there."""

    owner: Ref
    field: str
    wanted: Ref


class Known:
    """Of one source. The root and the order are kept here as well: they say what is one unit, which no application has a column for."""

    def __init__(self, dialect: Dialect, source: Source) -> None:
        self._source, self._dialect = known_as(source), dialect
        metadata = sa.MetaData()

        def named(length: int, name: str) -> sa.Column[str]:
            short = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_nopad_bin") if dialect.name == "mariadb" else sa.Text()
            return sa.Column(name, short, primary_key=True)

        self.identity = sa.Table(
            IDENTITY, metadata, named(150, "source"), named(20, "kind"), sa.Column("id", dialect.id, primary_key=True),
            sa.Column("root", dialect.text, nullable=False), sa.Column("place", sa.BigInteger), sa.Column("row_key", dialect.id, nullable=False, index=True), sa.Column("also", dialect.text),
        )  # fmt: skip
        self.waiting = sa.Table(
            WAITING, metadata, named(150, "source"), named(20, "kind"), sa.Column("id", dialect.id, primary_key=True), named(40, "field"),
            sa.Column("wanted_kind", mysql.VARCHAR(20) if dialect.name == "mariadb" else sa.Text(), nullable=False),
            sa.Column("wanted_id", dialect.id, nullable=False, index=True),
        )  # fmt: skip
        self.metadata = metadata

    def keys(self, connection: sa.Connection, records: Iterable[Ref]) -> dict[Ref, str]:
        """The keys of the rows that stand for these records."""
        columns = self.identity.c
        return {
            ref(kind, id): key
            for kind, ids in _by_kind(record for record in records if self._dialect.holds_nul or NUL not in record)
            for id, key in connection.execute(sa.select(columns.id, columns.row_key).where(*self._are(self.identity, kind, ids)))
        }

    def also(self, connection: sa.Connection, records: Iterable[Ref]) -> Iterator[Also]:
        """The rows of other tables that belong to these records."""
        for kind, ids in _by_kind(records):
            for (text,) in connection.execute(sa.select(self.identity.c.also).where(*self._are(self.identity, kind, ids))).all():
                yield from msgspec.json.decode(text or "[]", type=list[Also])

    def learn(self, connection: sa.Connection, rows: Sequence[tuple[Record, str, Sequence[Also]]]) -> None:
        """Put down records, the keys of their rows, and what belongs to them."""
        values = [
            self._named(ref_to(record))
            | {"root": record.root, "place": record.order, "row_key": key, "also": msgspec.json.encode(also).decode() if also else None}
            for record, key, also in rows
        ]
        if values:
            connection.execute(sa.insert(self.identity), values)

    def wait(self, connection: sa.Connection, fields: Sequence[Waiting]) -> None:
        values: list[dict[str, Any]] = []
        for owner, field, wanted in fields:
            kind, id = ref_parts(wanted)
            values.append(self._named(owner) | {"field": field, "wanted_kind": kind, "wanted_id": id})
        if values:
            connection.execute(sa.insert(self.waiting), values)

    def awaited(self, connection: sa.Connection, records: Iterable[Ref]) -> list[Waiting]:
        """The fields that wait for one of these records."""
        c = self.waiting.c
        found = []
        for kind, ids in _by_kind(records):
            query = sa.select(c.kind, c.id, c.field, c.wanted_id).where(c.source == self._source, c.wanted_kind == kind, c.wanted_id.in_(ids))
            found += [Waiting(ref(owner, id), field, ref(kind, wanted)) for owner, id, field, wanted in connection.execute(query)]
        return found

    def arrived(self, connection: sa.Connection, fields: Sequence[Waiting]) -> None:
        """These fields wait no longer."""
        c = self.waiting.c
        gone = [{"of_kind": ref_parts(owner)[0], "of_id": ref_parts(owner)[1], "of_field": field} for owner, field, _ in fields]
        if gone:
            which = (c.kind == sa.bindparam("of_kind"), c.id == sa.bindparam("of_id"), c.field == sa.bindparam("of_field"))
            connection.execute(sa.delete(self.waiting).where(c.source == self._source, *which), gone)

    def forget(self, connection: sa.Connection, records: Iterable[Ref]) -> None:
        for kind, ids in _by_kind(records):
            for table in (self.waiting, self.identity):
                connection.execute(sa.delete(table).where(*self._are(table, kind, ids)))

    def ours(self, connection: sa.Connection, kind: str, keys: Sequence[str]) -> dict[str, Ref]:
        """Key → record, of those rows of a kind that stand for one."""
        c = self.identity.c
        of = (c.source == self._source, c.kind == kind)
        rows = (row for some in chunks(keys) for row in connection.execute(sa.select(c.row_key, c.id).where(*of, c.row_key.in_(some))))
        return {key: ref(kind, id) for key, id in rows}

    def is_empty(self, connection: sa.Connection) -> bool:
        return connection.execute(sa.select(self.identity.c.id).limit(1)).first() is None

    def _named(self, record: Ref) -> dict[str, Any]:
        kind, id = ref_parts(record)
        return {"source": self._source, "kind": kind, "id": id}

    def _are(self, table: sa.Table, kind: str, ids: Sequence[str]) -> tuple[sa.ColumnElement[bool], ...]:
        return table.c.source == self._source, table.c.kind == kind, table.c.id.in_(ids)


def _by_kind(records: Iterable[Ref]) -> Iterator[tuple[str, Sequence[str]]]:
    """Ids by kind, not too many at once."""
    kinds: dict[str, dict[str, None]] = {}
    for record in records:
        kind, id = ref_parts(record)
        kinds.setdefault(kind, {})[id] = None
    for kind, ids in kinds.items():
        for some in chunks(list(ids)):
            yield kind, some


def chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), AT_ONCE):
        yield values[start : start + AT_ONCE]
