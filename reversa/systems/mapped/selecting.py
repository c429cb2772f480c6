"""One entry of a mapping as one SELECT over the staged tables; every name in it looked at, with the line of what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import duckdb

from reversa.errors import MappingError
from reversa.schema import Field, fields
from reversa.systems.mapped.document import nearest
from reversa.systems.mapped.mapping import Cases, Constant, Entry, Expression, InColumn, Left, Members, Reference, Value, expressions
from reversa.systems.mapped.secrets import is_secret
from reversa.systems.mapped.staging import ROW, Staging, place, quoted, reason
from reversa.systems.tables.contract import Table


@dataclass(frozen=True)
class Embedded:
    """A table whose rows lie within the records of another: under its name in their ``native``."""

    table: Table
    answer: str
    """The name of the staged table of ``owner`` (a row's number) and ``rows`` (JSON)."""


@dataclass(frozen=True)
class Selection:
    """An entry as SQL: the columns of its answer are the row's number, the id, ``leaves``, ``leftover`` and ``embedded``."""

    entry: Entry
    number: int
    """Its place among the entries."""
    table: Table | None
    """The table whose rows become the records; None where they come from something else, as a view."""
    sql: str
    leaves: tuple[Expression, ...]
    leftover: tuple[str, ...]
    """Columns of the table that no field carries as they are."""
    secrets: tuple[str, ...]
    embedded: tuple[Embedded, ...]
    content: str | None = None
    """The query of the content of one row, where it lies in the tables."""

    @property
    def name(self) -> str:
        """What a person calls the source of its rows: the table, or the line of the mapping."""
        return self.table.name if self.table else f"line {self.entry.node.line}"

    def rows(self) -> str:
        """The numbers of the rows that it maps."""
        return f"SELECT {ROW} FROM ({self.sql}) WHERE {ROW} IS NOT NULL"

    @property
    def maps(self) -> bool:
        """Whether its rows are mapped by it, and so not kept as rows."""
        return self.table is not None and self.entry.native


def select(staging: Staging, entry: Entry, number: int, embedded: dict[str, list[Embedded]]) -> Selection:
    """The SELECT of an entry. Raises MappingError with the line of what does not fit the tables."""
    tree = _checked(staging, entry.tables, f"SELECT 1 FROM {entry.tables.sql}")
    first = _first_table(tree["from_table"])
    table = staging.tables.get(first[0]) if first else None
    alias = quoted(first[1]) if first and table else None
    source = f"FROM {entry.tables.sql}" + (f" WHERE ({entry.where.sql})" if entry.where else "")
    if entry.where:
        _checked(staging, entry.where, f"SELECT 1 {source}")
    leaves: list[tuple[Expression, Field | None]] = [(entry.id, None)]
    of = {f.name: f for f in fields(entry.kind)}
    for name, value in entry.given():
        leaves += ((leaf, field) for leaf, field in _leaves(value, of[name]))
    inside = entry.content.bytes if isinstance(entry.content, InColumn) else None
    if entry.content is not None:
        leaves.append((inside or cast("Expression", entry.content), None))
    named = staging.columns(table) if table else []
    # a column's name needs no quotes, also when it is a word of SQL
    sqls = [f"{alias}.{quoted(leaf.sql)}" if alias and leaf.sql in named else f"({leaf.sql})" for leaf, _ in leaves]
    nodes, types = _all_checked(staging, entry, [leaf for leaf, _ in leaves], sqls, source)
    columns = [f"{alias}.{ROW}" if alias else "NULL"]
    content = None
    if inside is not None:
        if alias is None:
            raise inside.node.wrong("content is read from a column of a table, and this entry begins with none.")
        content = f"SELECT CAST({sqls[-1]} AS VARCHAR) {source} {'AND' if entry.where else 'WHERE'} {alias}.{ROW} = ?"
        sqls[-1] = f"CASE WHEN ({sqls[-1]}) IS NOT NULL THEN {alias}.{ROW} END"  # it is fetched when it is asked for
    columns += [
        f"{_as_text(leaf, sql, field, type_)} AS c{number}"
        for number, ((leaf, field), sql, type_) in enumerate(zip(leaves, sqls, types, strict=True))
    ]
    whole = [_carried(node, first[1], table) for node in nodes] if first and table else []
    carried = {column for column in whole if column is not None}
    carried -= set(_merged(entry))
    secrets = tuple(name for name in named if is_secret(name))
    for (leaf, _), column in zip(leaves, whole, strict=False):
        if column in secrets:
            raise leaf.node.wrong(f"`{column}` is called like what opens a door, and is never taken along.", "Leave it out")
    kept = entry.native and table is not None
    leftover = tuple(name for name in named if name not in carried and name not in secrets) if kept else ()
    within = tuple(embedded.get(table.name, ())) if kept and table else ()
    columns += [f"{alias}.{quoted(name)} AS n{number}" for number, name in enumerate(leftover)]
    columns += [f"(SELECT rows FROM {quoted(inner.answer)} WHERE owner = {alias}.{ROW}) AS e{number}" for number, inner in enumerate(within)]
    sql = f"SELECT {columns[0]} AS {ROW}, {', '.join(columns[1:])} {source}"
    return Selection(entry, number, table, sql, tuple(leaf for leaf, _ in leaves), leftover, secrets, within, content)


def embed(staging: Staging, table: Table, left: Left) -> list[tuple[str, Embedded]]:
    """Keep the rows of a table beside their owners: each owner's name and where they are."""
    made = []
    members = ", ".join(f"{quoted(name)} := r.{quoted(name)}" for name in staging.columns(table) if not is_secret(name))
    for number, (owner, condition) in enumerate(left.within.items()):
        if owner not in staging.tables:
            raise _unknown_table(condition, owner, staging)
        answer = f"reversa within {table.name}~{number}"
        on = f"FROM {place(owner)} JOIN {place(table.name)} ON ({condition.sql})"
        _checked(staging, condition, f"SELECT 1 {on}")
        pairs = f"SELECT {place(owner)}.{ROW} AS owner, {place(table.name)}.{ROW} AS inner_row {on}"
        staging.keep(
            answer,
            f"SELECT owner, to_json(list(struct_pack({members}) ORDER BY r.{ROW})) AS rows, list(r.{ROW}) AS inner_rows "
            f"FROM ({pairs}) p JOIN {place(table.name)} r ON r.{ROW} = p.inner_row GROUP BY owner",
        )
        made.append((owner, Embedded(table, answer)))
    return made


def _all_checked(staging: Staging, entry: Entry, leaves: list[Expression], sqls: list[str], source: str) -> tuple[list[dict[str, Any]], list[str]]:
    """The syntax trees and the types of all SQL of an entry, looked at together; where that fails, one by one for the line."""
    query = f"SELECT {', '.join(sqls)} {source}"
    try:
        tree = staging.tree(query)
        if not tree["error"] and len(tree["statements"]) == 1:
            nodes, types = tree["statements"][0]["node"]["select_list"], staging.types(query)
            if len(nodes) == len(types) == len(sqls):
                return nodes, types
    except duckdb.Error:
        pass
    for leaf, sql in zip(leaves, sqls, strict=True):
        _checked(staging, leaf, f"SELECT {sql} {source}")
    raise entry.node.wrong("the SQL of this entry does not fit together.")


def _checked(staging: Staging, expression: Expression, sql: str) -> dict[str, Any]:
    """The syntax tree of a query that a part of the mapping makes. Raises MappingError with its line."""
    try:
        tree = staging.tree(sql)
        if tree["error"] or len(tree["statements"]) != 1:
            why = tree.get("error_message", "more than one statement")
            raise expression.node.wrong(f"this is not SQL: {why}.", "A name that is also a word of SQL stands in double quotes.")
        staging.types(sql)
    except duckdb.Error as error:
        said, _, near = reason(error).partition(" Candidate bindings: ")
        said, _, meant = said.partition(" Did you mean ")
        close = near.removeprefix(":").strip() or meant.rstrip("?")
        raise expression.node.wrong(f"{said.rstrip('.!')}.", f"The nearest: {close}" if close else "") from error
    found: dict[str, Any] = tree["statements"][0]["node"]
    return found


def _unknown_table(expression: Expression, name: str, staging: Staging) -> MappingError:
    return expression.node.wrong(f"there is no table {name!r}.", nearest(name, staging.tables))


def _first_table(tree: dict[str, Any]) -> tuple[str, str] | None:
    """The name and the alias of the table that a FROM begins with."""
    while tree["type"] == "JOIN":
        tree = tree["left"]
    if tree["type"] != "BASE_TABLE":
        return None
    path = tree["qualified_name"]["path"]
    return ".".join(path), tree["alias"] or path[-1]


def _leaves(value: Value, of: Field) -> Iterator[tuple[Expression, Field]]:
    """The SQL in a value, with the field that takes what it gives."""
    parts = {part.name: part for part in of.parts}
    if isinstance(value, Members):
        yield from (leaf for name, inner in value.values.items() for leaf in _leaves(inner, parts[name]))
    else:
        yield from ((leaf, of) for leaf in expressions(value))


def _merged(entry: Entry) -> Iterator[str]:
    """Columns that a case does not carry whole: several texts become one value, or only one of several columns is looked at."""
    for value in entry.values.values():
        if isinstance(value, Cases):
            meant = [inner.text for inner in value.values.values() if isinstance(inner, Constant)]
            if len(set(meant)) < len(meant):
                yield _bare(value.by.sql)
            looked_at = {_bare(inner.id.sql) for inner in value.values.values() if isinstance(inner, Reference)}
            if len(looked_at) > 1:
                yield from looked_at


def _bare(column: str) -> str:
    return column.rpartition(".")[2].strip('"')


def _as_text(leaf: Expression, sql: str, of: Field | None, type_: str) -> str:
    """The SQL that gives texts: one, or a list of them for a field that takes a list."""
    if type_.endswith("]") and of is not None and of.is_list:
        return sql if of.type == "struct" else f"CAST({sql} AS VARCHAR[])"
    if type_.endswith("]") or type_.startswith(("STRUCT", "TUPLE", "MAP", "UNION")):
        raise leaf.node.wrong(f"one value was expected here, and this gives {type_}.")
    return f"CAST({sql} AS VARCHAR)"


def _carried(node: dict[str, Any], alias: str, table: Table) -> str | None:
    """The column that an expression carries whole: the column itself, or one between constant texts."""
    if node["class"] == "COLUMN_REF":
        *owner, name = node["column_names"]
        known = {column.name.casefold(): column.name for column in table.columns}
        return known.get(name.casefold()) if not owner or owner[-1].casefold() == alias.casefold() else None
    if node["class"] == "FUNCTION" and node["function_name"] == "||":
        inner = [argument["expression"] for argument in node["arguments"]]
        varying = [part for part in inner if part["class"] != "CONSTANT"]
        return _carried(varying[0], alias, table) if len(varying) == 1 else None
    return None
