"""Whose row is it: the rows of a database that holds many customers, each claimed by the one it leads to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import duckdb

from reversa.errors import MappingError
from reversa.relational import Crossing, DividedTable, Division, Unclaimed
from reversa.systems.mapped.document import nearest
from reversa.systems.mapped.mapping import Customers
from reversa.systems.mapped.staging import ROW, Staging, place, quoted, reason
from reversa.systems.tables.contract import ForeignKey, Table

_ABOVE: Final = '"reversa above"'


class Divider:
    """Claims every row of the staged tables, and shows the rows of one customer under the tables' own names."""

    def __init__(self, staging: Staging, customers: Customers) -> None:
        self._staging, self._customers = staging, customers
        self._tables = staging.tables
        self._look_at_names()
        for table in self._tables.values():
            staging.ask(f"ALTER TABLE {place(table.name)} RENAME TO {quoted(_whole(table.name).rpartition('.')[2])}")
            staging.ask(f"CREATE TABLE {_claims(table.name)} ({ROW} BIGINT, customer VARCHAR)")
        id = f"CAST({quoted(customers.id)} AS VARCHAR)"
        staging.ask(f"INSERT INTO {_claims(customers.table)} SELECT {ROW}, {id} FROM {place(_whole(customers.table))} WHERE {id} IS NOT NULL")
        self._claim()

    def _look_at_names(self) -> None:
        node, tables = self._customers.node, self._tables
        for name in (self._customers.table, *self._customers.shared, *self._customers.several, *self._customers.claims):
            if name not in tables:
                raise node.wrong(f"there is no table {name!r}.", nearest(name, tables))
        columns = self._staging.columns(tables[self._customers.table])
        for name in (self._customers.id, self._customers.name):
            if name not in columns:
                raise node.wrong(f"{self._customers.table} has no column {name!r}.", nearest(name, columns))

    # ------------------------------------------------------------------------------------------------ claiming

    def _claim(self) -> None:
        """Follow the ways to the customers until no row is claimed any more; a way that a row has claims before a later one does."""
        ways = {name: list(self._ways(table)) for name, table in self._tables.items()}
        order = _parents_first(ways)
        claimed = True
        while claimed:
            claimed = any([self._claim_by(name, other, condition) for name in order for other, condition in ways[name]])  # noqa: C419 - all of them
        for name in self._tables:
            if name not in self._customers.several:  # nobody gets what two customers claim
                self._staging.keep(f"reversa contested {name}", f"SELECT {ROW} FROM {_claims(name)} GROUP BY {ROW} HAVING count(*) > 1")
                self._staging.ask(f"DELETE FROM {_claims(name)} WHERE {ROW} IN (SELECT {ROW} FROM {quoted(f'reversa contested {name}')})")

    def _ways(self, table: Table) -> Iterator[tuple[str, str]]:
        """The tables whose rows say whose a row of this one is, with the condition; the customers themselves first, the table itself last."""
        if table.name == self._customers.table or table.name in self._customers.shared:
            return
        declared = self._customers.claims.get(table.name)
        if declared is not None:
            for other, condition in declared.items():
                if other not in self._tables or other == table.name:
                    raise condition.node.wrong(f"there is no other table {other!r}.", nearest(other, self._tables))
                yield other, condition.sql
            return
        keys = [key for key in table.foreign_keys if key.table in self._tables and key.table not in self._customers.shared]
        keys.sort(key=lambda key: (key.table != self._customers.table, key.table == table.name, key.table in self._customers.several))
        yield from ((key.table, _condition(table.name, key)) for key in keys)

    def _claim_by(self, name: str, other: str, condition: str) -> bool:
        """Claim the rows that lead to claimed ones of another table; whether there were any."""
        above = _ABOVE if other == name else quoted(_bare(other))
        known = "" if name in self._customers.several else f" WHERE mine.{ROW} NOT IN (SELECT {ROW} FROM {_claims(name)})"
        sql = (
            f"SELECT DISTINCT {quoted(_bare(name))}.{ROW}, theirs.customer FROM {place(_whole(name))} {quoted(_bare(name))} "
            f"JOIN {place(_whole(other))} {above} ON ({condition}) JOIN {_claims(other)} theirs ON theirs.{ROW} = {above}.{ROW}"
        )
        query = f"SELECT * FROM ({sql}) mine({ROW}, customer){known} EXCEPT SELECT {ROW}, customer FROM {_claims(name)}"
        try:
            ((count,),) = self._staging.ask(f"INSERT INTO {_claims(name)} {query}").fetchall()
        except duckdb.BinderException as error:
            raise self._wrong(name, error) from error
        return int(count) > 0

    def _wrong(self, table: str, error: duckdb.Error) -> MappingError:
        claims = self._customers.claims.get(table, {})
        node = next(iter(claims.values())).node if claims else self._customers.node
        return node.wrong(f"{reason(error)}.")

    # ------------------------------------------------------------------------------------------------ what was found

    def customers(self) -> dict[str, str]:
        """Name → id. Raises MappingError where two have one name."""
        id, name = quoted(self._customers.id), quoted(self._customers.name)
        rows = self._staging.rows(f"SELECT {name}, {id} FROM {place(_whole(self._customers.table))} WHERE {id} IS NOT NULL ORDER BY {ROW}")
        found = {str(name if name is not None else id): str(id) for name, id in rows}
        if len(found) < len(rows):
            raise self._customers.node.wrong(f"two customers have one `{self._customers.name}`.", "Name a column that tells them apart.")
        return found

    def show(self, customer: str | None) -> None:
        """Give the tables' names to the rows of one customer, by its id, and to what all share; or to all rows."""
        for name in self._tables:
            everything = customer is None or name in self._customers.shared
            own = "" if everything else f" WHERE {ROW} IN (SELECT {ROW} FROM {_claims(name)} WHERE customer = {_literal(customer or '')})"
            self._staging.ask(f"CREATE OR REPLACE VIEW {place(name)} AS SELECT * FROM {place(_whole(name))}{own}")

    def count(self, table: str) -> int:
        """Rows of a table that are shown."""
        ((count,),) = self._staging.rows(f"SELECT count(*) FROM {place(table)}")
        return int(count)

    def division(self, counted: Mapping[str, int], damaged: Mapping[str, int], ignored: Mapping[str, str]) -> Division:
        """The account of every row; ``counted`` is what the source says of its tables, ``ignored`` those that are left out, and why."""
        names = {id: name for name, id in self.customers().items()}
        tables = []
        for name in self._tables:
            claims = _claims(name)
            one = dict(
                self._staging.rows(
                    f"SELECT any_value(customer), count(*) FROM (SELECT any_value(customer) AS customer FROM {claims} GROUP BY {ROW} HAVING count(*) = 1) "
                    "GROUP BY customer"
                )
            )
            ((several,),) = self._staging.rows(f"SELECT count(*) FROM (SELECT 1 FROM {claims} GROUP BY {ROW} HAVING count(*) > 1)")
            shared = name in self._customers.shared
            ((rows,),) = self._staging.rows(f"SELECT count(*) FROM {place(_whole(name))}")
            tables.append(
                DividedTable(
                    name=name,
                    rows=counted[name],
                    customers={names[id]: count for id, count in sorted(one.items()) if id in names},
                    several=several,
                    shared=rows if shared else 0,
                    unclaimed=0 if shared else rows - sum(one.values()) - several,
                    damaged=damaged.get(name, 0),
                )
            )
        tables += [DividedTable(name=name, rows=counted[name], ignored=counted[name], why=why) for name, why in ignored.items()]
        return Division(tables=tuple(tables), canaries=self._customers.canaries)

    def unclaimed(self) -> Iterator[Unclaimed]:
        """Rows that nobody gets."""
        for table in self._tables.values():
            if table.name not in self._customers.shared:
                query = f"SELECT * FROM {place(_whole(table.name))} WHERE {ROW} NOT IN (SELECT {ROW} FROM {_claims(table.name)}) ORDER BY {ROW}"
                contested = {row for (row,) in self._contested(table.name)}
                for number, key in self._keys(table, query):
                    yield Unclaimed(table.name, key, "more than one customer claims it" if number in contested else "it leads to no customer")

    def _contested(self, name: str) -> list[tuple[int]]:
        return [] if name in self._customers.several else self._staging.rows(f"SELECT {ROW} FROM {quoted(f'reversa contested {name}')}")

    def crossings(self) -> Iterator[Crossing]:
        """Rows of one customer that refer to a row of another."""
        names = {id: name for name, id in self.customers().items()}
        for table in self._tables.values():
            for other, condition in self._references(table):
                above = _ABOVE if other == table.name else quoted(_bare(other))
                own = quoted(_bare(table.name))
                query = (
                    f"SELECT {own}.*, ours.customer, any_value(theirs.customer) FROM {place(_whole(table.name))} {own} "
                    f"JOIN {_claims(table.name)} ours ON ours.{ROW} = {own}.{ROW} JOIN {place(_whole(other))} {above} ON ({condition}) "
                    f"JOIN {_claims(other)} theirs ON theirs.{ROW} = {above}.{ROW} GROUP BY ALL "
                    f"HAVING NOT bool_or(theirs.customer = ours.customer) ORDER BY {own}.{ROW}"
                )
                for row in self._staging.rows(query):
                    key = _key(table, self._staging.columns(table), row[1:-2], row[0])
                    yield Crossing(table.name, key, names.get(row[-2], row[-2]), other, names.get(row[-1], row[-1]))

    def _references(self, table: Table) -> Iterator[tuple[str, str]]:
        """All that a row refers to: foreign keys, and the conditions of its claims."""
        if table.name in self._customers.shared:
            return
        found = [(key.table, _condition(table.name, key)) for key in table.foreign_keys if key.table in self._tables]
        if table.name not in self._customers.several:  # an account in two organisations crosses nothing
            found += [(other, on.sql) for other, on in self._customers.claims.get(table.name, {}).items()]
        yield from ((other, condition) for other, condition in dict.fromkeys(found) if other not in self._customers.shared)

    def _keys(self, table: Table, query: str) -> Iterator[tuple[int, str]]:
        for row in self._staging.rows(query):
            yield row[0], _key(table, self._staging.columns(table), row[1:], row[0])


def _key(table: Table, columns: Sequence[str], values: Sequence[str | None], number: int) -> str:
    """What a person finds a row by: its key, else its place."""
    row = dict(zip(columns, values, strict=True))
    key = [row.get(name) for name in table.primary_key]
    return ", ".join(map(str, key)) if key and None not in key else f"#{number}"


def _parents_first(ways: Mapping[str, Sequence[tuple[str, str]]]) -> list[str]:
    """The tables, each after those that it leads to, as far as there is no circle."""
    order: dict[str, None] = {}

    def visit(name: str, path: frozenset[str]) -> None:
        for other, _ in ways[name]:
            if other not in order and other not in path:
                visit(other, path | {other})
        order.setdefault(name)

    for name in ways:
        visit(name, frozenset({name}))
    return list(order)


def _condition(table: str, key: ForeignKey) -> str:
    own = quoted(_bare(table))
    above = _ABOVE if key.table == table else quoted(_bare(key.table))
    return " AND ".join(f"{own}.{quoted(a)} = {above}.{quoted(b)}" for a, b in zip(key.columns, key.to, strict=True))


def _bare(table: str) -> str:
    return table.rpartition(".")[2]


def _whole(table: str) -> str:
    """The name of the staged table of all rows."""
    schema, dot, name = table.rpartition(".")
    return f"{schema}{dot}reversa whole {name}"


def _claims(table: str) -> str:
    return quoted(f"reversa claims {table}")


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
