"""A mapping as it reads back what reversa wrote: only the rows that the target knows of one source, under that source's ids."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Final

from reversa.adapter import Source
from reversa.schema import fields
from reversa.systems.mapped.mapping import Cases, Constant, Entry, Expression, Mapping, Members, Reference, Several, Value
from reversa.systems.mapped.staging import quoted

IDENTITY: Final = "reversa_identity"
"""The table that says which row stands for which record."""
WAITING: Final = "reversa_waiting"
"""The table of references to records that are not there yet."""
NOT_PLAIN: Final = "a kind that is written is read by plain columns."
_PLAIN = re.compile(r'\w+|"[^"]+"')
_PLAIN_TABLE = re.compile(r'(?:(?:\w+|"[^"]+")\.)?(?:\w+|"[^"]+")')


def column_of(expression: Expression) -> str:
    """The column that an expression is. Raises MappingError where it is more than that."""
    if not _PLAIN.fullmatch(expression.sql):
        raise expression.node.wrong(NOT_PLAIN, "The name of a column")
    return expression.sql.strip('"')


def table_of(entry: Entry) -> tuple[str | None, str]:
    """The schema and the name of the one table that an entry reads. Raises MappingError where it reads more than one."""
    if not _PLAIN_TABLE.fullmatch(entry.tables.sql):
        raise entry.tables.node.wrong(NOT_PLAIN, "The name of a table")
    schema, _, name = entry.tables.sql.rpartition(".")
    return schema.strip('"') or None, name.strip('"')


def written_kinds(mapping: Mapping) -> frozenset[str]:
    """Kinds that the mapping writes, each by one entry. Raises MappingError."""
    kinds: set[str] = set()
    for entry in mapping.entries:
        if entry.write is not None:
            if entry.kind in kinds:
                raise entry.write.node.wrong(f"another entry writes {entry.kind} already.", "Leave out `write` in one of them.")
            kinds.add(entry.kind)
    return frozenset(kinds)


def read_back(mapping: Mapping, source: Source) -> Mapping:
    """The mapping of a target, reading only what was written of a source."""
    kinds = written_kinds(mapping)
    written = [entry for entry in mapping.entries if entry.write is not None]
    views = {}
    for entry in written:
        of = f"source = {_text(str(source))} AND kind = {_text(entry.kind)}"
        views[_known(entry.kind)] = Expression(f"SELECT id, root, place, row_key FROM {IDENTITY} WHERE {of}", entry.node)
        awaited = (
            f"SELECT field, row_key, wanted_kind || ':' || wanted_id AS wanted FROM {WAITING} JOIN {IDENTITY} USING (source, kind, id) WHERE {of}"
        )
        views[_awaited(entry.kind)] = Expression(awaited, entry.node)
    entries = tuple(_returned(entry, kinds, mapping.source.system) for entry in written)
    return replace(mapping, views=views, entries=entries, rows={}, customers=None, files=None)


def _returned(entry: Entry, kinds: AbstractSet[str], system: str) -> Entry:
    table = quoted(table_of(entry)[1])
    key = f"{table}.{quoted(column_of(entry.id))}"
    known = f"{key} IN (SELECT row_key FROM {_known(entry.kind)})"
    node = entry.node
    of = {f.name: f for f in fields(entry.kind)}
    values: dict[str, Value] = {"order": Expression(_of_row(entry.kind, "place", key), node)}
    for name, value in entry.values.items():
        if of[name].type != "ref":
            values[name] = value
        elif references(value, kinds):
            awaited = f"SELECT any_value(w.wanted) FROM {_awaited(entry.kind)} w WHERE w.row_key = {key} AND w.field = {_text(name)}"
            read = Expression(f"coalesce({_leads_to(value, table, kinds, system)}, ({awaited}))", node)
            values[name] = Several((read,)) if of[name].is_list else read
    return replace(
        entry,
        where=Expression(f"({entry.where.sql}) AND {known}" if entry.where else known, node),
        id=Expression(_of_row(entry.kind, "id", key), node),
        root=Expression(_of_row(entry.kind, "root", key), node),
        values=values,
        content=None,
        native=False,
        write=None,
    )


def references(value: Value, kinds: AbstractSet[str]) -> list[Reference]:
    """The references in the value of a field that lead to kinds that are written. Raises MappingError where they are not plain."""
    match value:
        case Reference(kind, id):
            column_of(id)
            return [value] if kind in kinds else []
        case Cases(by, values):
            column_of(by)
            return [inner for case in values.values() for inner in references(case, kinds)]
        case Several((inner,)):
            return references(inner, kinds)
        case Expression(_, node):
            raise node.wrong(NOT_PLAIN, "{KIND: column}, or {by: column, values: {text: {KIND: column}}}")
        case Constant() | Members() | Several():
            return []


def _leads_to(value: Value, table: str, kinds: AbstractSet[str], system: str) -> str:
    """SQL that gives ``kind:id``. The key of a row that is not of the source is shown as the system's own."""
    match value:
        case Reference(kind, id) if kind in kinds:
            column = f"nullif({table}.{quoted(column_of(id))}, '')"
            return f"{_text(kind + ':')} || coalesce({_of_row(kind, 'id', column)}, {_text(system + '/')} || {column})"
        case Cases(by, values):
            cases = (f"WHEN {_text(text)} THEN {_leads_to(case, table, kinds, system)}" for text, case in values.items())
            return f"CASE {table}.{quoted(column_of(by))} {' '.join(cases)} END"
        case Several((inner,)):
            return _leads_to(inner, table, kinds, system)
        case _:
            return "NULL"


def _of_row(kind: str, what: str, key: str) -> str:
    return f"(SELECT any_value(i.{what}) FROM {_known(kind)} i WHERE i.row_key = {key})"


def _known(kind: str) -> str:
    return f"reversa_known_{kind}"


def _awaited(kind: str) -> str:
    return f"reversa_awaited_{kind}"


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
