"""A source under its mapping: its tables staged, its entries as SQL, and every row accounted for."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any

import duckdb
import pyarrow as pa

from reversa.adapter import Attached, Item
from reversa.records import KINDS, Record, Ref, ref
from reversa.relational import Covered
from reversa.systems.mapped.assembling import IN_ROW, ROOTS, Assembler
from reversa.systems.mapped.dividing import Divider
from reversa.systems.mapped.document import nearest
from reversa.systems.mapped.mapping import Cases, Constant, InColumn, Reference, Value, expressions
from reversa.systems.mapped.mapping import Mapping as MappingFile
from reversa.systems.mapped.secrets import is_secret
from reversa.systems.mapped.selecting import Embedded, Selection, embed, select
from reversa.systems.mapped.staging import ROW, Staging, place, quoted, reason
from reversa.systems.tables.contract import Damaged, Reader, Table

_BYTES = re.compile(r"\\x(?:[0-9a-f]{2})*")
SEEN = "reversa seen"
"""The staged table of all records, where only a part of them is taken."""


class Staged:
    """What an exporter, a check of coverage and a split ask."""

    def __init__(self, reader: Reader, mapping: MappingFile) -> None:
        self.reader, self.mapping = reader, mapping
        self.tables = {table.name: table for table in reader.tables()}
        self._staging = Staging()
        self.selections: list[Selection] = []
        self.mapped: dict[str, int] = {}
        """Table → how many of its rows entries map, or lie within records."""
        self.divider: Divider | None = None
        self._part = False

    def stage(self) -> None:
        """Take in the tables that the mapping speaks of. Raises MappingError for one that is not there."""
        for name, left in self.mapping.rows.items():
            if name not in self.tables:
                raise left.node.wrong(f"there is no table {name!r}.", nearest(name, self.tables))
        spoken = self._spoken_of()
        for table in self.tables.values():
            if table.name in spoken:
                self._staging.add(self.reader, table)
        if self.mapping.customers is not None:
            self.divider = Divider(self._staging, self.mapping.customers)

    def take(self, customer: str | None = None) -> None:
        """Look at every name in the mapping, and account for every row: of all, or of one customer, by its id. Raises MappingError."""
        if self.divider is not None:
            self.divider.show(customer)
        for name, view in self.mapping.views.items():
            try:
                self._staging.define(name, view.sql)
            except duckdb.Error as error:
                raise view.node.wrong(f"{reason(error)}.") from error
        embedded: dict[str, list[Embedded]] = {}
        for name, left in self.mapping.rows.items():
            for owner, inner in embed(self._staging, self.tables[name], left) if left.within else ():
                embedded.setdefault(owner, []).append(inner)
        self.selections = [select(self._staging, entry, number, embedded) for number, entry in enumerate(self.mapping.entries)]
        for selection in self.selections:  # all of it once: a cast may fail on a single row
            with self._asked(selection):
                self._staging.rows(f"SELECT {', '.join(f'max(c{n})' for n in range(len(selection.leaves)))} FROM ({selection.sql})")
        self._account()
        self._refuse_one_id_twice()

    def keep_since(self, since: date) -> None:
        """Keep the units in which something was created or updated since that day.

        Rows that nothing maps have no date and are left out; what cannot be read has none, and stays.
        """
        start, root_of = datetime.combine(since, time(), UTC), self.root_of()
        self._staging.keep(SEEN, "SELECT '' AS kind, '' AS id, '' AS root, false AS late LIMIT 0")
        for selection in self.selections:
            assembler = Assembler(selection, self.mapping.zone, self.mapping.files, root_of)
            for batch in self._staging.stream(selection.sql):
                items = (item.record if isinstance(item, Attached) else item for item in assembler.items(batch))
                records = [item for item in items if isinstance(item, Record)]
                late = [any(at is not None and at >= start for at in (record.created_at, record.updated_at)) for record in records]
                columns: list[list[Any]] = [
                    [selection.entry.kind] * len(records),
                    [record.id for record in records],
                    [record.root for record in records],
                    late,
                ]
                self._staging.fill(SEEN, pa.table(dict(zip(("kind", "id", "root", "late"), columns, strict=True))))
        self.selections = [
            replace(
                selection,
                sql=f"SELECT * FROM ({selection.sql}) WHERE c0 IS NULL OR c0 NOT IN (SELECT id FROM {quoted(SEEN)} WHERE kind = '{selection.entry.kind}'"
                f" GROUP BY id HAVING NOT bool_or(root IN (SELECT root FROM {quoted(SEEN)} WHERE late)))",  # an id may be there twice
            )
            for selection in self.selections
        ]
        self._part = True

    @contextlib.contextmanager
    def _asked(self, selection: Selection) -> Iterator[None]:
        """Turn what goes wrong with the SQL of an entry, on some row, into an error that names the entry."""
        try:
            yield
        except duckdb.Error as error:
            hint = "TRY_CAST(column AS INTEGER) gives NULL where a text is no number; try(expression) NULL where anything fails."
            raise selection.entry.node.wrong(f"the SQL of this entry fails on a row: {reason(error)}.", hint) from error

    def _spoken_of(self) -> set[str]:
        """Tables whose name occurs in the SQL of the mapping; others are not staged, unless they have to be divided."""
        if self.mapping.customers is not None:
            return {name for name in self.tables if name not in self.mapping.rows or self.mapping.rows[name].ignore is None}
        texts = [view.sql for view in self.mapping.views.values()]
        for entry in self.mapping.entries:
            texts += [entry.tables.sql, entry.id.sql, *([entry.where.sql] if entry.where else [])]
            texts += [leaf.sql for _, value in entry.given() for leaf in expressions(value)]
            content = entry.content.bytes if isinstance(entry.content, InColumn) else entry.content
            texts += [content.sql] if content else []
        texts += [text for left in self.mapping.rows.values() for owner, on in left.within.items() for text in (owner, on.sql)]
        whole = "\n".join(texts).casefold()
        within = {name for name, left in self.mapping.rows.items() if left.within}
        return {name for name in self.tables if name in within or (name.rpartition(".")[2].casefold() or "\0") in whole}

    def _account(self) -> None:
        """Which rows of each table are mapped: those of its entries, and those within a record."""
        rows: dict[str, list[str]] = {}
        self.mapped = {}
        for selection in self.selections:
            if selection.maps and selection.table:
                rows.setdefault(selection.table.name, []).append(selection.rows())
        for selection in self.selections:
            for inner in selection.embedded if selection.maps else ():
                query = f"SELECT unnest(inner_rows) AS {ROW} FROM {quoted(inner.answer)} WHERE owner IN ({selection.rows()})"
                rows.setdefault(inner.table.name, []).append(query)
        for name, queries in rows.items():
            self._staging.keep(_covered(name), " UNION ".join(queries))
            ((count,),) = self._staging.rows(f"SELECT count(*) FROM {quoted(_covered(name))}")
            self.mapped[name] = count

    def _refuse_one_id_twice(self) -> None:
        """Raises MappingError where an entry makes two records of one row, or two entries put their rows on one id."""
        kinds: dict[str, list[Selection]] = {}
        for selection in self.selections:
            kinds.setdefault(selection.entry.kind, []).append(selection)
            if selection.table is not None:
                ((rows, one),) = self._staging.rows(f"SELECT count(*), count(DISTINCT {ROW}) FROM ({selection.sql})")
                if rows > one:
                    message = f"{rows} records come of {one} rows of {selection.table.name}: a join finds several rows."
                    raise selection.entry.tables.node.wrong(message, "Join on a key, or gather them: (SELECT list(column) FROM ... WHERE ...)")
        for kind, several in kinds.items():
            for number, later in enumerate(several[1:], 1):
                earlier = " UNION ALL ".join(f"SELECT c0 FROM ({selection.sql})" for selection in several[:number])
                both = self._staging.rows(f"SELECT c0 FROM ({later.sql}) WHERE c0 IN ({earlier}) LIMIT 1")
                if both:
                    hint = "Give the ids of one of them a mark of their own, as id: \"'c' || id\""
                    raise later.entry.id.node.wrong(f"another entry has made a {kind} with the id {both[0][0]!r}.", hint)

    # ------------------------------------------------------------------------------------------------ what is asked

    def people(self) -> set[str]:
        """Ids of the users that the source has and a part may leave out: nobody else stands in for them."""
        return {id for (id,) in self._staging.rows(f"SELECT id FROM {quoted(SEEN)} WHERE kind = 'user'")} if self._part else set()

    @property
    def damaged(self) -> list[Damaged]:
        """What was broken in the tables that were staged, and what is found broken in the others while they are read."""
        return self._staging.damaged

    @property
    def left(self) -> dict[Table, int]:
        """Table → how many of its rows nothing maps, damaged ones included; counted at the source, or by whose they are."""
        if self._part:
            return {self.tables[name]: count for name, count in self.damaged_rows().items() if count}
        return {table: self._count(table) - self.mapped.get(table.name, 0) for table in self.tables.values()}

    def _count(self, table: Table) -> int:
        if self.divider is None:
            return self.reader.count(table)
        shown = self.divider.count(table.name) if table.name in self._staging.tables else 0
        return shown + self.damaged_rows().get(table.name, 0)

    def census(self) -> Mapping[str, int]:
        """Items of each kind: rows that an entry maps, tables, and rows that nothing maps."""
        counts: Counter[str] = Counter()
        for selection in self.selections:
            ((count,),) = self._staging.rows(f"SELECT count(*) FROM ({selection.sql})")
            counts[selection.entry.kind] += count
        for table, count in self.left.items():
            rule = self.mapping.rows.get(table.name)
            counts["row"] += count
            counts["table"] += not self._part and (rule is None or rule.ignore is None) and (count > 0 or table.name not in self.mapped)
        return +counts

    def answers(self, selection: Selection) -> Iterator[pa.RecordBatch]:
        """The answer of an entry, in the order of the rows."""
        return self._staging.stream(f"{selection.sql} ORDER BY 1")

    def content(self, blob: str) -> bytes:
        """Content that lies in a row, as :data:`IN_ROW` says."""
        entry, row = (int(number) for number in blob.removeprefix(IN_ROW).split("/"))
        text = self._staging.text(self.selections[entry].content or "", row) or ""
        return bytes.fromhex(text[2:]) if _BYTES.fullmatch(text) else text.encode()

    def rest(self, table: Table) -> Iterator[pa.RecordBatch]:
        """The rows of a table that nothing maps, with their numbers."""
        if self._part:
            return
        if table.name in self._staging.tables:
            covered = f"WHERE {ROW} NOT IN (SELECT {ROW} FROM {quoted(_covered(table.name))})" if table.name in self.mapped else ""
            yield from self._staging.stream(f"SELECT * FROM {place(table.name)} {covered} ORDER BY {ROW}")
            return
        yield from self._staging.numbered(self.reader, table)

    def secrets(self, selection: Selection) -> int:
        """How many values of the rows of an entry are never taken along."""
        if not selection.secrets or not selection.maps or selection.table is None:
            return 0
        counts = " + ".join(f"count({quoted(name)})" for name in selection.secrets)
        query = f"SELECT {counts} FROM {place(selection.table.name)} WHERE {ROW} IN ({selection.rows()})"
        ((count,),) = self._staging.rows(query)
        return int(count)

    def root_of(self) -> Callable[[Ref], Ref]:
        """Gives the root of the unit that a record belongs to, by what it is attached to: a reaction to a comment on a page is of the page."""
        above = self._above()

        def root_of(target: Ref) -> Ref:
            seen = {target}
            while (upper := above.get(target)) is not None and upper not in seen:
                seen.add(upper)
                target = upper
            return target

        return root_of

    def _above(self) -> dict[Ref, Ref]:
        """What each record that others may be attached to is attached to itself."""
        attached: set[str] = set()
        for selection in self.selections:
            value = selection.entry.values.get(ROOTS.get(selection.entry.kind, ""))
            attached |= _kinds_of(value) & ROOTS.keys()
        found: dict[Ref, Ref] = {}
        for selection in self.selections:
            kind = selection.entry.kind
            if kind in attached:
                assembler = Assembler(selection, None, None, lambda target: target)
                for batch in self._staging.stream(selection.sql):
                    found.update((ref(kind, id), Ref(target)) for id, target in assembler.field(ROOTS[kind], batch) if id and isinstance(target, str))
        return found

    def coverage(self) -> Iterator[Covered]:
        """How far the mapping goes, table by table."""
        for table, left in self.left.items():
            mapping = [selection for selection in self.selections if selection.table == table]
            mapped = Counter[str]()
            for selection in mapping:
                ((count,),) = self._staging.rows(f"SELECT count(*) FROM ({selection.sql})")
                mapped[selection.entry.kind] += count
            columns = self._staging.columns(table)
            beside = {name for selection in mapping if selection.maps for name in selection.leftover}
            secret = tuple(name for name in columns if is_secret(name))
            rule = self.mapping.rows.get(table.name)
            yield Covered(
                table=table.name,
                rows=self._count(table),
                mapped=mapped,
                within=self.mapped.get(table.name, 0) if rule and rule.within and not mapping else 0,
                ignored=(rule.ignore if rule else None) or "",
                kept=0 if rule and rule.ignore is not None else left,
                columns=tuple(name for name in columns if mapping and name not in beside and name not in secret),
                beside=tuple(name for name in columns if name in beside),
                secret=secret,
            )

    def preview(self, count: int) -> Iterator[Item]:
        """The first items of each entry."""
        for selection in self.selections:
            assembler = Assembler(selection, self.mapping.zone, self.mapping.files, lambda target: target)
            for batch in self._staging.stream(f"{selection.sql} ORDER BY 1 LIMIT {count}"):
                yield from assembler.items(batch)

    def damaged_rows(self) -> Mapping[str, int]:
        """Table → rows that could not be read."""
        counts: Counter[str] = Counter()
        for found in self.damaged:
            counts[found.table] += found.count
        return counts

    def close(self) -> None:
        self._staging.close()
        self.reader.close()


def stage(reader: Reader, mapping: MappingFile) -> Staged:
    """The tables of a source under a mapping."""
    staged = Staged(reader, mapping)
    try:
        staged.stage()
    except BaseException:
        staged.close()
        raise
    return staged


def _covered(table: str) -> str:
    """The name of the staged table that holds the numbers of the mapped rows of a table."""
    return f"reversa covered {table}"


def _kinds_of(value: Value | None) -> set[str]:
    """Kinds of the records that a value may refer to."""
    match value:
        case Reference(kind, _):
            return {kind}
        case Cases(_, values):
            return {kind for inner in values.values() for kind in _kinds_of(inner)}
        case None | Constant():
            return set()
        case _:
            return set(KINDS)
