"""Any relational database, dump or folder of tables, through a mapping file.

What no entry of the mapping takes is kept as rows of tables, so nothing is lost before the mapping is finished.
Facts and limits: docs/adapters/mapped.md; the mapping file: docs/mapping.md.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import BinaryIO, Self

import msgspec

from reversa.adapter import Attached, BlobRef, Facts, Item, Locator, Noted, Options, Source, Unreadable
from reversa.errors import SourceError
from reversa.records import KINDS, Record, User, ref
from reversa.relational import Covered, Crossing, Division, Unclaimed
from reversa.schema import fields
from reversa.systems.mapped.assembling import IN_ROW, Assembler, changes_of, content_path
from reversa.systems.mapped.dividing import Divider
from reversa.systems.mapped.document import nearest
from reversa.systems.mapped.left import ESCAPED, SECRET, ignored, table_record, table_rows
from reversa.systems.mapped.mapping import SUFFIXES, read_mapping
from reversa.systems.mapped.mapping import Mapping as MappingFile
from reversa.systems.mapped.returning import IDENTITY, read_back
from reversa.systems.mapped.staged import Staged, stage
from reversa.systems.tables.opening import open_reader, recognises
from reversa.tabular import TableRows


class MappedExporter:
    """Reads the tables once into a scratch database of texts, and the records out of it."""

    def __init__(self, mapping: MappingFile, staged: Staged, *, since: date | None, written: Source | None) -> None:
        self._mapping, self._staged, self._taken = mapping, staged, staged.divider is None
        self._written = written
        """Of a target that is read back: whose records, and nothing else."""
        changes = [change for entry in mapping.entries for change in changes_of(entry)]
        changes += [ignored(name, left.ignore) for name, left in mapping.rows.items() if left.ignore is not None]
        self.facts = Facts(
            system="mapped",
            kinds=tuple(dict.fromkeys([*(entry.kind for entry in mapping.entries), *(() if written else ("user", "table", "row"))])),
            changes=(*{change.code: change for change in changes}.values(), SECRET, ESCAPED),
            source=written or mapping.source,
            since=since,
        )

    @classmethod
    def open(cls, locator: Locator, options: Options) -> Self:
        path = Path(locator.address)
        if path.suffix in SUFFIXES:
            mapping = read_mapping(path)
        else:
            mapping = MappingFile(locator.address, Source("database", options.tenant or path.name.split(".")[0]))
        reader = open_reader(mapping.database, options)
        if options.source is not None:
            mapping = read_back(mapping, options.source)
            if all(table.name != IDENTITY for table in reader.tables()):  # nothing was written there yet
                mapping = replace(mapping, views={}, entries=())
        staged = stage(reader, mapping)
        try:
            exporter = cls(mapping, staged, since=options.since, written=options.source)
            if staged.divider is None:
                exporter._show(None)
            elif options.tenant is not None:
                exporter.take(options.tenant)
        except BaseException:
            staged.close()
            raise
        return exporter

    @property
    def _divider(self) -> Divider:
        if self._staged.divider is None:
            raise SourceError(
                f"The mapping of {self._mapping.source} does not say how customers are told apart.", "It needs `customers`: docs/mapping.md"
            )
        return self._staged.divider

    def customers(self) -> Sequence[str]:
        return list(self._divider.customers())

    def take(self, customer: str) -> None:
        known = self._divider.customers()
        if customer not in known:
            raise SourceError(f"{self._mapping.source} has no customer {customer!r}.", nearest(customer, known))
        self._show(known[customer])
        self._taken = True
        self.facts = msgspec.structs.replace(self.facts, source=Source(self._mapping.source.system, customer))

    def _show(self, customer: str | None) -> None:
        self._staged.take(customer)
        if self.facts.since is not None:
            self._staged.keep_since(self.facts.since)

    @classmethod
    def suggest(cls, database: str, options: Options) -> str:
        from reversa.systems.mapped.suggest.writing import suggest

        return suggest(database, options)

    def coverage(self) -> Sequence[Covered]:
        if not self._taken:
            self._staged.take()
        return list(self._staged.coverage())

    def preview(self, count: int) -> Iterator[Item]:
        return self._staged.preview(count)

    def division(self) -> Division:
        counted = {table.name: self._staged.reader.count(table) for table in self._staged.tables.values()}
        return self._divider.division(
            counted, self._staged.damaged_rows(), {name: left.ignore for name, left in self._mapping.rows.items() if left.ignore}
        )

    def unclaimed(self) -> Iterator[Unclaimed]:
        return self._divider.unclaimed()

    def crossings(self) -> Iterator[Crossing]:
        return self._divider.crossings()

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether a path is a mapping file, a dump or a folder of tables."""
        return path.suffix in SUFFIXES or recognises(path)

    def census(self) -> Mapping[str, int]:
        self._refuse_all_at_once()
        return self._staged.census()

    def _refuse_all_at_once(self) -> None:
        if not self._taken:
            names = self.customers()
            shown = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
            raise SourceError(
                f"{self._mapping.source} holds {len(names)} customers.", f"Take one with --tenant NAME ({shown}), or all of them with reversa split"
            )

    def items(self) -> Iterator[Item]:
        for item in self.tabular():
            if isinstance(item, TableRows):
                yield from item.records()
            else:
                yield item

    def tabular(self) -> Iterator[Item | TableRows]:
        self._refuse_all_at_once()
        if self._written is not None:
            yield from self._returned()
            return
        people = self._staged.people()
        met: set[str] = set()
        root_of = self._staged.root_of()
        for selection in self._staged.selections:
            assembler = Assembler(selection, self._mapping.zone, self._mapping.files, root_of)
            for batch in self._staged.answers(selection):
                for item in assembler.items(batch):
                    record = item.record if isinstance(item, Attached) else item
                    if isinstance(record, Record):
                        met.update(_people(record))
                        if isinstance(record, User):
                            people.add(record.id)
                    yield item
            hidden = self._staged.secrets(selection)
            if hidden:
                yield Noted(
                    f"mapped.{selection.entry.kind}.native.secret",
                    ref(selection.entry.kind, selection.name),
                    hidden,
                )
        yield from self._left()
        for id in sorted(met - people):
            yield User(id=id, root=ref("user", id), placeholder=True)

    def _returned(self) -> Iterator[Item]:
        """What was written. What a field could not take is not noted: it differs from what is expected, or was planned."""
        for selection in self._staged.selections:
            assembler = Assembler(selection, self._mapping.zone, None, lambda target: target)
            for batch in self._staged.answers(selection):
                for item in assembler.items(batch):
                    if not isinstance(item, Noted):
                        yield msgspec.structs.replace(item, native=None) if isinstance(item, Record) else item

    def _left(self) -> Iterator[Item | TableRows]:
        for table, count in self._staged.left.items():
            left = self._mapping.rows.get(table.name)
            if left is not None and left.ignore is not None:
                if count:
                    yield Noted(ignored(table.name, left.ignore).code, ref("table", table.name), count)
            elif count or table.name not in self._staged.mapped:
                if self.facts.since is None:
                    yield table_record(table)
                yield from table_rows(table, self._staged.rest(table))
        for damaged in self._staged.damaged:
            if damaged.count:
                yield Unreadable("row", f"{damaged.table}: {damaged.where}", damaged.reason, damaged.count)
            else:
                yield Noted(ESCAPED.code, ref("table", damaged.table), detail=damaged.where)

    def open_blob(self, blob: BlobRef) -> BinaryIO:
        if blob.startswith(IN_ROW):
            return io.BytesIO(self._staged.content(blob))
        path = content_path(self._mapping.files or Path(), blob)
        if path is None:
            raise FileNotFoundError(blob)
        return path.open("rb")

    def close(self) -> None:
        self._staged.close()


_PEOPLE = {kind: tuple((f.name, f.is_list) for f in fields(kind) if f.type == "ref" and "user" in f.note.to) for kind in KINDS}


def _people(record: Record) -> Iterator[str]:
    """Ids of the users that a record names."""
    for name, is_list in _PEOPLE[str(record.__struct_config__.tag)]:
        value = getattr(record, name)
        for reference in value or () if is_list else (value,):
            if reference is not None and reference.startswith("user:"):
                yield reference[5:]


ADAPTER = MappedExporter
