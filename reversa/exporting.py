"""An exporter's stream into a package: checked, freed of secrets, sorted, counted against the census."""

from __future__ import annotations

import contextlib
import heapq
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, cast

import msgspec
import pyarrow as pa

from reversa.adapter import Attached, BlobRef, Change, Exporter, Item, Noted, Unreadable
from reversa.blobs import BlobSink
from reversa.canonical import NotCanonical, check, decode, digest, encode
from reversa.errors import ReversaError, SourceError
from reversa.package import GROUP_BYTES, ROWS_PER_GROUP, Balance, Happened, Package
from reversa.packing import PackageWriter
from reversa.records import KINDS, Record, Ref, Row, kind_of, ref, ref_to
from reversa.redaction import redact, suspect_rows, suspects
from reversa.relational import Tabular
from reversa.sorting import SortKey, Spool, package_order
from reversa.tablesorting import TableSpool, regrouped
from reversa.tabular import TableRows

TAKEN_BYTES = 2**18  # so many bytes of records are searched for secrets at once
Progress = Callable[[str, int, int | None], None]
"""Called with the step, how much is done, and how much there is if that is known."""


def export(exporter: Exporter, folder: Path, created_at: datetime, progress: Progress) -> Package:
    """Read all of a source into a package at ``folder``."""
    source = exporter.facts.source
    if source is None:
        raise SourceError("The source does not say whose data it holds.", "Give it a name: --tenant NAME")
    tenant = source.tenant.encode("utf-8", "backslashreplace")
    if redact(tenant) is not tenant or tenant.decode() != source.tenant:
        raise SourceError("The name of the tenant is not one that a package may carry.", "Give it another name: --tenant NAME")
    writer = PackageWriter(folder)
    try:
        with Spool(writer.scratch, package_order) as spool, contextlib.closing(TableSpool(writer.scratch)) as tables:
            intake = Intake(exporter, spool, writer.blobs, writer.note, for_package=True, tables=tables)
            intake.read(progress)
            for kind in spool.kinds():
                writer.write_table(kind, intake.settled(kind))
            writer.write_batches("row", intake.settled_rows(tables))
        return writer.close(
            source=source,
            created_at=created_at,
            balance=intake.balance(exporter.census()),
            changes=intake.happened(),
            unreadable=intake.unreadable.total(),
            not_mapped=intake.not_mapped,
            since=exporter.facts.since,
        )
    except BaseException:
        writer.abandon()
        raise


class _UnreadableContentError(Exception):
    """The source failed to give some content; a failure of our own disk is another matter."""


class _Content(io.RawIOBase):
    """Content of a source, of which every failure is the source's."""

    def __init__(self, exporter: Exporter, blob: BlobRef) -> None:
        with _as_unreadable():
            self._file = exporter.open_blob(blob)

    def read(self, size: int = -1) -> bytes:
        with _as_unreadable():
            return self._file.read(size)

    def close(self) -> None:
        self._file.close()
        super().close()


@contextlib.contextmanager
def _as_unreadable() -> Iterator[None]:
    try:
        yield
    except ReversaError:
        raise
    except Exception as error:  # decompressors and drivers have no common error
        raise _UnreadableContentError(f"{type(error).__name__}: {error}") from error


class Intake:
    """Takes everything an exporter gives into a spool; what is not fit to be kept becomes a counted line."""

    def __init__(
        self,
        exporter: Exporter,
        spool: Spool,
        blobs: BlobSink,
        note: Callable[[Noted | Unreadable], None],
        *,
        for_package: bool = False,
        tables: TableSpool | None = None,
    ) -> None:
        self._tables = tables
        self._exporter, self._spool, self._blobs, self._note, self._for_package = exporter, spool, blobs, note, for_package
        self._declared = {change.code: change for change in exporter.facts.changes}
        self.noted: Counter[str] = Counter()
        self.unreadable: Counter[str] = Counter()
        self.not_mapped: Counter[str] = Counter()
        self._placeholders: Counter[str] = Counter()
        self._records: Counter[str] = Counter()
        self._merged: Counter[str] = Counter()
        self._taken: list[tuple[str, Record, bytes]] = []
        self._size = 0
        self._numbered: set[Ref] = set()  # ids that twins may not be given

    def read(self, progress: Progress, expected: int | None = None, items: Iterable[Item] | None = None) -> None:
        """Take every item, or these."""
        done = 0
        for item in self._given() if items is None else items:
            before = done // 1000
            if self._tables is not None and isinstance(item, TableRows):
                self._take_rows(item, self._tables)
                done += len(item)
            else:
                self._take_item(cast("Item", item))
                done += 1
            if done // 1000 > before:
                progress("export", done, expected)
        self._keep()
        if self._tables is not None and not (self._tables.in_order() and "row" not in self._spool.kinds()):
            self._take_apart(self._tables)
        progress("export", expected or done, expected)

    def _given(self) -> Iterable[Item | TableRows]:
        tabular = getattr(self._exporter, "tabular", None) if self._tables is not None else None
        return self._exporter.items() if tabular is None else cast("Tabular", self._exporter).tabular()

    def _take_item(self, item: Item) -> None:
        if isinstance(item, Record):
            self._take(item)
        elif isinstance(item, Attached):
            self._take(self._with_blob(item))
        elif isinstance(item, Noted):
            self._happen(item)
        else:
            self._refuse(item)

    def _take_rows(self, rows: TableRows, tables: TableSpool) -> None:
        """Put rows aside as they are; those that are not fit, or hold secrets, are looked at one by one."""
        if not rows.fit():
            for record in rows.records():
                self._take(record)
            return
        wrong = suspect_rows(rows)
        if wrong:
            clean = [cast("Row", self._without_secrets("row", row, encode(row))[0]) for row in rows.take(sorted(wrong)).records()]
            again = rows.like(clean)
            if again is None:
                for row in clean:
                    self._take(row)
            else:
                tables.add(again)
            rows = rows.take(pa.array([place for place in range(len(rows)) if place not in wrong], pa.int64()))
        tables.add(rows)

    def _take_apart(self, tables: TableSpool) -> None:
        """Go on with records where columns do not give package order."""
        for rows in tables.sorted(ROWS_PER_GROUP, GROUP_BYTES):
            for record in rows.records():
                self._take(record)
        self._keep()
        tables.clear()

    def _take(self, record: Record) -> None:
        kind = kind_of(record)
        try:
            data = check(record)
        except NotCanonical as error:
            return self._refuse(Unreadable(kind, str(record.id).encode(errors="backslashreplace").decode(), str(error)))
        self._taken.append((kind, record, data))
        self._size += len(data)
        if self._size >= TAKEN_BYTES:
            self._keep()
        return None

    def _keep(self) -> None:
        """Put what was taken into the spool, free of secrets."""
        taken, self._taken, self._size = self._taken, [], 0
        suspicious = suspects([data for _, _, data in taken]) if self._for_package else set[int]()
        for number, (kind, record, data) in enumerate(taken):
            if number in suspicious:
                record, data = self._without_secrets(kind, record, data)  # noqa: PLW2901
            if kind == "user" and getattr(record, "placeholder", None):
                self._placeholders[kind] += 1
            if record.native is not None:
                self.not_mapped[kind] += 1
            if "~" in record.id:
                self._numbered.add(ref_to(record))
            self._spool.add(record, data)

    def _with_blob(self, item: Attached) -> Record:
        kind, record = kind_of(item.record), ref_to(item.record)
        try:
            with _Content(self._exporter, item.blob) as content:
                sha256, size = self._blobs.add(cast("BinaryIO", content))
        except _UnreadableContentError as error:
            change = Change(f"{kind}.sha256.unreadable", kind, "sha256", "lost", "source-lacks", "its content could not be read")
            self._happen(Noted(change.code, record, detail=str(error)), change)
            return msgspec.structs.replace(item.record, sha256=None)
        if not self._for_package:  # what a target says of itself is compared, not mended
            return msgspec.structs.replace(item.record, sha256=sha256)
        if item.record.size not in (None, size):
            change = Change(f"{kind}.size.differs", kind, "size", "converted", "source-lacks", "the source states another size than its content has")
            self._happen(Noted(change.code, record, detail=f"stated {item.record.size}, found {size}"), change)
        return msgspec.structs.replace(item.record, sha256=sha256, size=size)

    def _without_secrets(self, kind: str, record: Record, data: bytes) -> tuple[Record, bytes]:
        clean = redact(data)
        if clean is data:
            return record, data
        redacted = decode(kind, clean)
        for field in record.__struct_fields__:
            if getattr(record, field) != getattr(redacted, field):
                change = Change(f"{kind}.{field}.secret", kind, field, "converted", "policy", "a credential was removed")
                self._happen(Noted(change.code, ref_to(redacted)), change)
        return redacted, clean

    def _happen(self, noted: Noted, change: Change | None = None) -> None:
        """Count a declared change; ``change`` is given for those that the road itself makes."""
        if change is not None:
            self._declared.setdefault(change.code, change)
        elif noted.code not in self._declared:
            raise AssertionError(f"{self._exporter.facts.system} did not declare the change {noted.code!r}")
        self.noted[noted.code] += noted.count
        self._note(noted)

    def _refuse(self, item: Unreadable) -> None:
        self.unreadable[item.kind] += item.count
        self._note(item)

    def settled(self, kind: str) -> Iterator[tuple[Record, str]]:
        """The records of a kind in package order with their digests, each id once.

        Items with one id, in one unit or in several: equal ones are one record; others become ``id~2``, ``id~3`` in package order.
        """
        waiting: list[tuple[SortKey, Record]] = []  # twins, each kept back until its new id is due
        repeated = self._spool.repeated(kind)
        met: dict[str, set[str]] = {}
        for record, data in self._spool.sorted(kind):
            while waiting and waiting[0][0] < package_order(record):
                yield self._settle(kind, heapq.heappop(waiting)[1])
            own = digest(data)
            if hash(record.id) in repeated:
                seen = met.setdefault(record.id, set())
                if own in seen:
                    self._merged[kind] += 1
                    continue
                seen.add(own)
                if len(seen) > 1:
                    twin = self._twin(kind, record)
                    heapq.heappush(waiting, (package_order(twin), twin))
                    continue
            self._records[kind] += 1
            yield record, own
        while waiting:
            yield self._settle(kind, heapq.heappop(waiting)[1])

    def settled_rows(self, tables: TableSpool) -> Iterator[pa.RecordBatch]:
        """Rows of tables that columns give in package order, in row groups of the package."""
        for batch in regrouped((rows.batch() for rows in tables.sorted(ROWS_PER_GROUP, GROUP_BYTES)), ROWS_PER_GROUP, GROUP_BYTES):
            self._records["row"] += len(batch)
            yield batch

    def _settle(self, kind: str, record: Record) -> tuple[Record, str]:
        self._records[kind] += 1
        return record, digest(encode(record))

    def _twin(self, kind: str, record: Record) -> Record:
        number = 2
        while (new := ref(kind, f"{record.id}~{number}")) in self._numbered:
            number += 1
        self._numbered.add(new)
        old = ref_to(record)
        change = Change(f"{kind}.id.twin", kind, "id", "converted", "source-lacks", "the source has this id more than once")
        self._happen(Noted(change.code, new), change)
        return msgspec.structs.replace(record, id=f"{record.id}~{number}", root=new if record.root == old else record.root)

    def balance(self, census: Mapping[str, int]) -> list[Balance]:
        """Law 1, per kind."""
        ignored: Counter[str] = Counter()
        for code, count in self.noted.items():
            if self._declared[code].effect == "skipped":
                ignored[self._declared[code].kind] += count
        counted = {*census, *self._records, *ignored, *self.unreadable}
        return [
            Balance(
                kind=kind,
                seen=census.get(kind, 0),
                placeholders=self._placeholders[kind],
                records=self._records[kind],
                merged=self._merged[kind],
                ignored=ignored[kind],
                unreadable=self.unreadable[kind],
            )
            for kind in KINDS
            if kind in counted
        ]

    def happened(self) -> list[Happened]:
        """Every declared change that happened, with its count."""
        return [Happened(change=self._declared[code], count=count) for code, count in sorted(self.noted.items())]
