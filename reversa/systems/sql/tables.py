"""The SQL tables, made from the common schema: one table per kind, one column per field, one child table per list.

``reversa_entity`` holds (source, kind, id) of every record that is there or is referred to; every reference is a
foreign key into it. A record is there when its kind's table has a row for it. Nothing is stored twice: no digest, no copy.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Any

import sqlalchemy as sa

from reversa.records import KINDS
from reversa.schema import Field, fields
from reversa.systems.sql.dialects import DIALECTS, Dialect

PREFIX = "reversa_"


class Tables:
    """The tables of one dialect. They are created when a kind first needs them."""

    def __init__(self, dialect: type[Dialect]) -> None:
        self._dialect = dialect
        self.metadata = sa.MetaData()
        self.source = self._table(
            "source", sa.Column("key", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("system", dialect.id, nullable=False), sa.Column("tenant", dialect.id, nullable=False),
        )  # fmt: skip
        self.entity = self._table(
            "entity", sa.Column("key", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
            sa.Column("source", sa.ForeignKey(self.source.c.key), nullable=False),
            sa.Column("kind", sa.String(20), nullable=False), sa.Column("id", dialect.id, nullable=False),
            sa.UniqueConstraint("source", "kind", "id", name=f"{PREFIX}entity_identity"),
        )  # fmt: skip
        self.blob = self._table(
            "blob", sa.Column("sha256", sa.String(64), primary_key=True), sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("content", dialect.binary, nullable=False),
        )  # fmt: skip
        self.kinds = {kind: self._kind_table(kind) for kind in KINDS}
        self.lists = {(kind, f.name): self._list_table(kind, f) for kind in KINDS for f in fields(kind) if f.is_list}

    def _table(self, name: str, *columns: Any) -> sa.Table:
        table = sa.Table(
            PREFIX + name, self.metadata, *columns,
            mysql_engine="InnoDB", mysql_charset="utf8mb4", mysql_collate="utf8mb4_nopad_bin",
            mariadb_engine="InnoDB", mariadb_charset="utf8mb4", mariadb_collate="utf8mb4_nopad_bin",
        )  # fmt: skip
        for column in table.columns:  # without an index, taking a record back asks every row of every table
            if column.name == "sha256" or (column.foreign_keys and not self._dialect.indexes_references):
                held = column.is_not(None) if column.nullable else None
                if not column.primary_key:
                    sa.Index(f"{table.name}_{column.name}", column, sqlite_where=held, postgresql_where=held)
        return table

    def _kind_table(self, kind: str) -> sa.Table:
        key: sa.Column[int] = sa.Column("entity", sa.ForeignKey(self.entity.c.key), primary_key=True, autoincrement=False)
        return self._table(kind, key, *(column for f in fields(kind) if f.name != "id" for column in self._columns(f)))

    def _list_table(self, kind: str, field: Field) -> sa.Table:
        owner: sa.Column[int] = sa.Column("entity", sa.ForeignKey(self.kinds[kind].c.entity), primary_key=True, autoincrement=False)
        position = sa.Column("position", sa.Integer, primary_key=True, autoincrement=False)
        members = field.parts or (Field("value", field.type, True, False, field.doc, field.note),)
        return self._table(f"{kind}_{field.name}", owner, position, *(c for member in members for c in self._columns(member)))

    def _columns(self, field: Field) -> Iterator[sa.Column[Any]]:
        if field.is_list:  # NULL: no list; the items are rows of their own
            yield sa.Column(f"{field.name}_count", sa.Integer)
        elif field.type == "struct":
            for member in field.parts:
                yield sa.Column(f"{field.name}_{member.name}", self._type(member))
        elif field.type == "ref":
            yield sa.Column(field.name, sa.ForeignKey(self.entity.c.key), nullable=not field.required)
        else:
            yield sa.Column(field.name, self._type(field), nullable=not field.required)

    def _type(self, field: Field) -> Any:
        special = {
            "integer": sa.BigInteger(),
            "boolean": sa.Boolean(),
            "instant": self._dialect.instant,
            "date": self._dialect.date,
            "sha256": sa.String(64),
        }
        return special.get(field.type, self._dialect.text)

    def of_kind(self, kind: str) -> list[sa.Table]:
        """The table of a kind and those of its lists, owners first."""
        return [self.kinds[kind], *(table for (owner, _), table in self.lists.items() if owner == kind)]

    def shared(self) -> list[sa.Table]:
        """The tables that every kind needs."""
        return [self.source, self.entity, self.blob]

    def uses(self, kind: str) -> Iterator[sa.Column[Any]]:
        """Every column of a kind that holds the key of an entity: of its records, and of those that they refer to."""
        yield self.kinds[kind].c.entity
        for table in self.of_kind(kind):
            yield from (column for column in table.columns if column.name != "entity" and column.foreign_keys)


@functools.cache
def tables_of(system: str) -> Tables:
    """The tables of a dialect by its name, described once."""
    return Tables(DIALECTS[system])


def views(dialect: Dialect, prepare: sa.sql.compiler.IdentifierPreparer, kinds: AbstractSet[str]) -> dict[str, str]:
    """Name → SELECT of the views that people want first, as far as the tables of these kinds allow."""
    text = dialect.json_text.format(column="m.body_text")
    who = "COALESCE(u.display_name, u.full_name, u.username, ue.id)"
    key, group = prepare.quote("key"), prepare.quote("group")
    messages = (
        f"SELECT e.id AS message, COALESCE(s.name, se.id) AS space, {who} AS author, m.created_at, "  # noqa: S608 - our own names
        f"CASE WHEN m.body_format = 'slack-message' THEN {text} ELSE m.body_text END AS text, te.id AS thread, m.message_type, m.state "
        f"FROM {PREFIX}message m JOIN {PREFIX}entity e ON e.{key} = m.entity "
        f"LEFT JOIN {PREFIX}entity se ON se.{key} = m.space LEFT JOIN {PREFIX}space s ON s.entity = m.space "
        f"LEFT JOIN {PREFIX}entity ue ON ue.{key} = m.created_by LEFT JOIN {PREFIX}user u ON u.entity = m.created_by "
        f"LEFT JOIN {PREFIX}entity te ON te.{key} = m.thread"
    )
    members = (
        f"SELECT COALESCE(s.name, se.id) AS space, {who} AS member, m.role FROM {PREFIX}membership m "  # noqa: S608 - our own names
        f"JOIN {PREFIX}entity se ON se.{key} = m.{group} LEFT JOIN {PREFIX}space s ON s.entity = m.{group} "
        f"JOIN {PREFIX}entity ue ON ue.{key} = m.member LEFT JOIN {PREFIX}user u ON u.entity = m.member"
    )
    here = "".join(f" AND NOT EXISTS (SELECT 1 FROM {PREFIX}{kind} r WHERE r.entity = e.{key})" for kind in sorted(kinds))  # noqa: S608 - our own names
    missing = (
        f"SELECT o.{prepare.quote('system')}, o.tenant, e.kind, e.id FROM {PREFIX}entity e "  # noqa: S608 - our own names
        f"JOIN {PREFIX}source o ON o.{key} = e.source WHERE 1 = 1{here}"
    )
    made = {f"{PREFIX}v_missing": missing} if kinds else {}
    if kinds >= {"message", "space", "user"}:
        made[f"{PREFIX}v_message"] = messages
    if kinds >= {"membership", "space", "user"}:
        made[f"{PREFIX}v_member"] = members
    return made
