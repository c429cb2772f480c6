"""Law 2 by columns: what the target holds and is proved equal is counted here; all else is left to be compared by records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO, Self, cast

import pyarrow as pa
import pyarrow.compute

from reversa import columnar
from reversa.adapter import OWN_ID, Attached, BlobRef, ColumnarExporter, Exporter, Importer, Item, Locator, NotColumnar, Options
from reversa.blobs import Measure
from reversa.canonical import encode
from reversa.columns import from_batch
from reversa.ledger import Ledger
from reversa.matching import matched, same
from reversa.package import Package
from reversa.records import KINDS, File, Opaque, Record, Ref, ref, ref_parts
from reversa.schema import fields
from reversa.sorting import Spool

pc: Any = pyarrow.compute  # the stubs refuse much of what its kernels take


class Remainder:
    """Stands for the target's exporter, and gives of its items those that were not proved equal.

    The source's side of these goes into ``expected``. NotColumnar, at once or while items are read: compare by records.
    """

    def __init__(self, package: Package, importer: Importer, target: Exporter, ledger: Ledger, expected: Spool) -> None:
        taker = columnar.columnar(importer)
        if taker is None or not hasattr(type(target), "batches") or ledger.aside() or package.count() > columnar.MOST:
            raise NotColumnar
        self.facts = target.facts
        self._package, self._importer, self._ledger, self._expected = package, taker, ledger, expected
        self._columns, self._target = cast("ColumnarExporter", target), target
        self._watched: dict[str, list[str]] = {}
        self._contents: dict[str, bool] = {}
        self.equal: Counter[str] = Counter()
        """Kind → records proved equal."""
        self.present: Counter[tuple[str, str]] = Counter()
        """Kind, field → values proved equal."""
        self.misplaced: list[Ref] = []
        """Records that the target may not show under the id in the ledger."""

    @classmethod
    def open(cls, locator: Locator, options: Options) -> Self:
        raise NotImplementedError

    def watch(self, records: Iterable[Ref]) -> None:
        """Give these in any case."""
        for record in records:
            kind, id = ref_parts(record)
            self._watched.setdefault(kind, []).append(id)

    def census(self) -> Mapping[str, int]:
        return self._target.census()

    def open_blob(self, blob: BlobRef) -> BinaryIO:
        return self._target.open_blob(blob)

    def close(self) -> None:
        self._target.close()

    def items(self) -> Iterator[Item]:
        for kind in KINDS:
            own_ids: list[pa.Table] = []
            for wanted, shown, met in matched(self._wanted(kind), self._columns.batches(kind)):
                if len(shown):
                    own_ids.append(shown.select(["id", OWN_ID]))
                rest = pc.invert(self._proved(kind, wanted, shown)) if met else None
                for record in _records(kind, wanted, rest):
                    self._expected.add(record, encode(record))
                for record in _records(kind, shown, rest):
                    if isinstance(record, File | Opaque) and record.sha256 is not None:
                        yield Attached(record, BlobRef(record.sha256))
                    else:
                        yield record
            self._meet_ledger(kind, own_ids)

    def _wanted(self, kind: str) -> Iterator[pa.RecordBatch]:
        if kind in self._package.kinds():
            for batch in self._package.batches(kind, [field.name for field in fields(kind)]):
                if not self._importer.keeps(kind, batch):
                    raise NotColumnar(f"some {kind} are expected to change")
                yield batch

    def _proved(self, kind: str, wanted: pa.Table, shown: pa.Table) -> Any:
        """Which rows hold the same in every field, content included; they are counted."""
        if not len(wanted):
            return pa.array([], pa.bool_())
        equal = pc.invert(pc.is_in(wanted["id"], value_set=pa.array(self._watched.get(kind, []), pa.string()))).combine_chunks()
        for field in fields(kind):
            equal = pc.and_(equal, same(wanted[field.name].combine_chunks(), shown[field.name].combine_chunks()))
        if kind in ("file", "opaque"):
            held = [digest is None or self._holds(digest) for digest in shown["sha256"].to_pylist()]
            equal = pc.and_(equal, pa.array(held, pa.bool_()))
        count = pc.sum(equal).as_py()
        if count:
            self.equal[kind] += count
            for field in fields(kind):
                column = wanted[field.name]
                present = pc.count(column if count == len(column) else column.filter(equal)).as_py()
                if present:
                    self.present[kind, field.name] += present
        return equal

    def _holds(self, digest: str) -> bool:
        """Whether the target's content behind a digest is what the digest says, read once."""
        if digest not in self._contents:
            try:
                with self._target.open_blob(BlobRef(digest)) as content:
                    self._contents[digest] = Measure().add(content)[0] == digest
            except Exception:  # noqa: BLE001 - whatever it was, it is met again, and told, where the record is read
                self._contents[digest] = False
        return self._contents[digest]

    def _meet_ledger(self, kind: str, own_ids: list[pa.Table]) -> None:
        held = pa.concat_tables(own_ids) if own_ids else pa.table({"id": pa.array([], pa.string()), OWN_ID: pa.array([], pa.string())})
        rows = [(pa.array(ids, pa.string()), pa.array(targets, pa.string())) for ids, targets in self._ledger.targets(kind)]
        asked, targets = (pa.chunked_array(column, pa.string()) for column in (zip(*rows, strict=True) if rows else ([], [])))
        found = pc.take(held[OWN_ID].combine_chunks(), pc.index_in(asked, value_set=held["id"]))
        as_json = pc.binary_join_element_wise('["', found, '"]', "")  # what JSON would escape is asked for singly
        wrong = pc.invert(same(targets, as_json))
        if pc.any(wrong).as_py():
            self.misplaced += [ref(kind, str(id)) for id in asked.filter(wrong).to_pylist()]


def _records(kind: str, rows: pa.Table, chosen: Any) -> Iterator[Record]:
    if chosen is not None:
        rows = rows.filter(chosen)
    if "digest" not in rows.schema.names and len(rows):
        rows = rows.append_column("digest", pa.nulls(len(rows), pa.string()))
    for batch in rows.to_batches():
        try:
            yield from (record for record, _ in from_batch(kind, batch))
        except (ValueError, OverflowError, TypeError) as error:
            raise NotColumnar(str(error)) from error
