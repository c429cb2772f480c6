"""A mapping as it reads back what reversa wrote: only the rows that the target knows of one source, under that source's ids."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Final

from reversa.adapter import Source
from reversa.schema import fields
from reversa.systems.mapped.mapping import Cases, Entry, Expression, Mapping, Reference, Several, Value
from reversa.systems.mapped.plain import column_of, references, table_of
from reversa.systems.mapped.staging import place, quoted

IDENTITY: Final = "reversa_identity"
"""The table that says which row stands for which record."""
WAITING: Final = "reversa_waiting"
"""The table of references to records that are not there yet."""


def known_as(source: Source) -> str:
    """How the target names a source: no two by one name, also where a system's name has a colon."""
    return f"{source.system.replace('%', '%25').replace(':', '%3A')}:{source.tenant}"


def written_entries(mapping: Mapping) -> dict[str, Entry]:
    """Kind → the one entry that writes it. Raises MappingError where there are two."""
    found: dict[str, Entry] = {}
    for entry in mapping.entries:
        if entry.write is not None and found.setdefault(entry.kind, entry) is not entry:
            raise entry.write.node.wrong(f"another entry writes {entry.kind} already.", "Leave out `write` in one of them.")
    return found


def read_back(mapping: Mapping, source: Source) -> Mapping:
    """The mapping of a target, reading only what was written of a source."""
    written = written_entries(mapping)
    views = {}
    for kind, entry in written.items():
        of = f"source = {_text(known_as(source))} AND kind = {_text(kind)}"
        views[_known(kind)] = Expression(f"SELECT id, root, place, row_key FROM {IDENTITY} WHERE {of}", entry.node)
        awaited = (
            f"SELECT field, row_key, wanted_kind || ':' || wanted_id AS wanted FROM {WAITING} JOIN {IDENTITY} USING (source, kind, id) WHERE {of}"
        )
        views[_awaited(kind)] = Expression(awaited, entry.node)
    entries = tuple(_returned(entry, written.keys(), mapping.source.system) for entry in written.values())
    return replace(mapping, views=views, entries=entries, rows={}, customers=None, files=None)


def _returned(entry: Entry, kinds: AbstractSet[str], system: str) -> Entry:
    schema, name = table_of(entry)
    table = place(f"{schema}.{name}" if schema else name)
    key = f"{table}.{quoted(column_of(entry.id))}"
    known = f"{key} IN (SELECT row_key FROM {_known(entry.kind)})"
    of = {f.name: f for f in fields(entry.kind)}
    values: dict[str, Value] = {"order": Expression(_of_row(entry.kind, "place", key), entry.node)}
    for field, value in entry.values.items():
        if of[field].type != "ref":
            values[field] = value
        elif any(reference.kind in kinds for reference in references(value)):
            awaited = f"SELECT any_value(w.wanted) FROM {_awaited(entry.kind)} w WHERE w.row_key = {key} AND w.field = {_text(field)}"
            read = Expression(f"coalesce({_leads_to(value, table, kinds, system)}, ({awaited}))", entry.node)
            values[field] = Several((read,)) if of[field].is_list else read
    return replace(
        entry,
        where=Expression(f"({entry.where.sql}) AND {known}" if entry.where else known, entry.node),
        id=Expression(_of_row(entry.kind, "id", key), entry.node),
        root=Expression(_of_row(entry.kind, "root", key), entry.node),
        values=values,
        content=None,
        native=False,
        write=None,
    )


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
