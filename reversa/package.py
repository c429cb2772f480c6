"""The package on disk: a BagIt 1.0 bag of Parquet tables, blobs and what happened (docs/package-format.md).

Read here; written by :mod:`reversa.packing`, checked by :mod:`reversa.validating`.
"""

from __future__ import annotations

import contextlib
import hashlib
import heapq
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from reversa.adapter import Change, Source, Unit
from reversa.blobs import BlobReader
from reversa.columns import from_batch
from reversa.errors import PackageError
from reversa.records import KINDS, SCHEMA_VERSION, Record, Ref, kind_of, ref
from reversa.schema import arrow_schema
from reversa.sorting import package_order

_BLOB_COLUMNS: dict[str, pa.DataType] = {"sha256": pa.string(), "size": pa.int64(), "path": pa.string()}
BLOBS = pa.schema(_BLOB_COLUMNS)
ROWS_PER_GROUP = 5_000
GROUP_BYTES = 2**26
"""Of a row group, about, where its rows are long: one is held in memory at a time."""
FORMAT = "reversa-package/1"
BAGIT = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
MANIFEST, TAG_MANIFEST = "manifest-sha256.txt", "tagmanifest-sha256.txt"
_BLOB_PLACE = re.compile(r"blobs/sha256/([0-9a-f]{2})/(\1[0-9a-f]{62})|packs/pack-[0-9]{5}\.zip")


class _Noted(msgspec.Struct, tag_field="event", tag="noted", forbid_unknown_fields=True):
    code: str
    record: str
    count: int
    detail: str


class _Unreadable(msgspec.Struct, tag_field="event", tag="unreadable", forbid_unknown_fields=True, omit_defaults=True):
    kind: str
    where: str
    reason: str
    count: int = 1


_event = msgspec.json.Decoder(_Noted | _Unreadable)


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """Law 1 for one kind at export: seen + placeholders = records + merged + ignored + unreadable + unexplained."""

    kind: str
    seen: int
    placeholders: int = 0
    records: int = 0
    merged: int = 0
    ignored: int = 0
    unreadable: int = 0

    @property
    def unexplained(self) -> int:
        return self.seen + self.placeholders - self.records - self.merged - self.ignored - self.unreadable


class TableInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One table: its rows, its parts, and the SHA-256 over its row digests in order."""

    rows: int
    parts: tuple[str, ...]
    digest: str


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """A declared change of the export and how often it happened."""

    change: Change
    count: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the package says of itself: the ``reversa`` member of datapackage.json."""

    format: str
    schema_version: str
    source: Source
    created_at: datetime
    balance: tuple[Balance, ...]
    changes: tuple[Happened, ...]
    unreadable: int
    not_mapped: dict[str, int]
    tables: dict[str, TableInfo]
    blobs: int
    blob_bytes: int
    since: date | None = None
    """Only units with something created or updated since that day were read. None: everything."""

    @property
    def records(self) -> int:
        """Records in all."""
        return sum(table.rows for table in self.tables.values())

    @property
    def digest(self) -> str:
        """The identity of the content: the same source exported twice has the same one."""
        lines = [
            str(self.source),
            *([f"since {self.since}"] if self.since else []),
            *(f"{kind} {table.digest}" for kind, table in sorted(self.tables.items())),
        ]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def manifest_lines(bag: Path, names: Iterable[str]) -> str:
    """The text of a BagIt manifest over these files; what ``sha256sum -c`` reads."""
    return "".join(f"{file_digest(bag / name)}  {name}\n" for name in names)


def stated_digests(bag: Path) -> dict[str, str]:
    """Path → SHA-256 as the payload manifest of a bag says. Raises OSError, UnicodeDecodeError."""
    return {line[66:]: line[:64] for line in (bag / MANIFEST).read_text(encoding="utf-8").splitlines()}


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Package:
    """A package on disk, open for reading."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._data = folder / "data"
        try:
            described = json.loads((self._data / "datapackage.json").read_text(encoding="utf-8"), object_pairs_hook=_once)
            stated = described["reversa"]
            if stated["format"] != FORMAT or stated["schema_version"].split(".")[0] != SCHEMA_VERSION.split(".")[0]:
                raise PackageError(
                    f"{folder} is of format {stated['format']}, schema {stated['schema_version']}; this reversa reads {FORMAT}, schema {SCHEMA_VERSION}.",
                    "pip install --upgrade reversa",
                )
            self.manifest = msgspec.json.decode(msgspec.json.encode(stated), type=Manifest)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, msgspec.ValidationError) as error:
            inside = folder / "package"
            hint = f"{folder} is a run folder; its package is {inside}" if inside.is_dir() else f"reversa validate {folder}"
            raise PackageError(f"{folder} is not a whole reversa package: {error}", hint) from error
        for kind, table in self.manifest.tables.items():
            if kind not in KINDS or table.parts != tuple(f"tables/{kind}/part-{n:05d}.parquet" for n in range(len(table.parts))):
                raise PackageError(f"{folder} names parts of {kind} that no package has.", f"reversa validate {folder}")

    @property
    def source(self) -> Source:
        return self.manifest.source

    def seal(self) -> str:
        """SHA-256 of the tag manifest, which stands for every byte of the package: what is signed, or kept elsewhere."""
        return file_digest(self.folder / TAG_MANIFEST)

    def kinds(self) -> list[str]:
        return [kind for kind in KINDS if kind in self.manifest.tables]

    def count(self) -> int:
        """Records in all."""
        return self.manifest.records

    def records(self, kind: str, only: AbstractSet[Ref] | None = None) -> Iterator[tuple[Record, str]]:
        """The records of a kind in package order, each with its stored digest; of the units with these roots only, if they are given.

        Raises PackageError when a part is damaged or the rows are not those that the package states.
        """
        table, whole = self.manifest.tables[kind], hashlib.sha256()
        for part in table.parts:
            with self._damage(part):
                for batch in self._groups(kind, part):
                    if only is not None:
                        yield from from_batch(kind, batch.filter(pa.array([root in only for root in batch["root"].to_pylist()], pa.bool_())))
                        continue
                    for record, row_digest in from_batch(kind, batch):
                        whole.update(row_digest.encode())
                        yield record, row_digest
        if only is None and whole.hexdigest() != table.digest:
            raise PackageError(f"The rows of {kind} are not those that the package states.", f"reversa validate {self.folder}")

    def units(self, only: AbstractSet[Ref] | None = None) -> Iterator[tuple[Unit, dict[str, str]]]:
        """The units in order, each with the stored digests of its records by reference; those with these roots only, if they are given."""
        streams = [self.records(kind, only) for kind in self.kinds()]
        merged = heapq.merge(*streams, key=lambda item: package_order(item[0])[:2])
        for root, members in itertools.groupby(merged, key=lambda item: item[0].root):
            unit = list(members)
            yield Unit(root, tuple(r for r, _ in unit)), {f"{kind_of(r)}:{r.id}": row_digest for r, row_digest in unit}

    def identities(self) -> Iterator[tuple[str, str, str, str]]:
        """Kind, id, digest and root of every record, read from those columns alone."""
        for kind in self.kinds():
            for batch in self.batches(kind, ["id", "digest", "root"]):
                ids, digests, roots = (batch[name].to_pylist() for name in ("id", "digest", "root"))
                yield from ((kind, str(id), str(digest), str(root)) for id, digest, root in zip(ids, digests, roots, strict=True))

    def batches(self, kind: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Some columns of a kind, as they lie in the file: records are not made of them."""
        for part in self.manifest.tables[kind].parts:
            with self._damage(part):
                yield from self._groups(kind, part, list(columns))

    def references(self) -> Iterator[Ref]:
        """Every record of the package."""
        for kind in self.kinds():
            for batch in self.batches(kind, ["id"]):
                yield from (ref(kind, str(id)) for id in batch["id"].to_pylist())

    def find(self, kind: str, id: str) -> Record | None:
        """One record by its id."""
        if kind not in self.manifest.tables:
            return None
        parts = [self._data / part for part in self.manifest.tables[kind].parts]
        with self._damage(f"tables/{kind}"):
            checked = ds.ParquetFileFormat(default_fragment_scan_options=ds.ParquetFragmentScanOptions(page_checksum_verification=True))
            table = ds.dataset(parts, schema=arrow_schema(kind), format=checked).to_table(filter=ds.field("id") == id)
            rows = [row for batch in table.to_batches() for row in from_batch(kind, batch)]
        return rows[0][0] if rows else None

    def addresses(self) -> Iterator[tuple[str, str, str]]:
        """Kind, id and old address of every record that had an address on the web."""
        for kind in self.kinds():
            for batch in self.batches(kind, ["id", "url"]):
                for id, url in zip(batch["id"].to_pylist(), batch["url"].to_pylist(), strict=True):
                    if url is not None and url.startswith(("https://", "http://")):
                        yield kind, str(id), url

    def summary(self, kind: str) -> tuple[dict[str, int], dict[str, int]]:
        """Records created per month (``2016-05``), and bodies per markup."""
        import pyarrow.compute as pc

        schema = arrow_schema(kind)
        months: Counter[date] = Counter()
        formats: Counter[str] = Counter()
        for batch in self.batches(kind, ["created_at", *(["body.format"] if "body" in schema.names else [])]):
            first = pc.floor_temporal(batch["created_at"].drop_null(), unit="month")
            months.update(dict(_counted(first.cast(pa.date32()))))
            if batch.num_columns > 1:
                formats.update(dict(_counted(pc.struct_field(batch["body"], "format").drop_null())))
        return {str(month)[:7]: count for month, count in sorted(months.items())}, dict(formats)

    def _groups(self, kind: str, part: str, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Its row groups, one after the other: rows of two would make a batch of any size."""
        file = self._part(kind, part)
        for number in range(file.num_row_groups):
            yield from file.iter_batches(ROWS_PER_GROUP, row_groups=[number], columns=columns)

    def _part(self, kind: str, part: str) -> pq.ParquetFile:
        """One file of a table, with the columns that it should have; damaged pages raise an error when they are read."""
        file = pq.ParquetFile(self._data / part, page_checksum_verification=True, pre_buffer=False)
        if not file.schema_arrow.equals(arrow_schema(kind)):
            raise PackageError(f"{part} does not have the columns of {kind}.", "pip install --upgrade reversa")
        return file

    @contextlib.contextmanager
    def _damage(self, name: str) -> Iterator[None]:
        """Turn what a library raises on a damaged file into an error with an answer."""
        try:
            yield
        except (OSError, ValueError, TypeError, OverflowError, RecursionError, pa.ArrowException, msgspec.MsgspecError) as error:
            raise PackageError(f"{name} is damaged: {error}", f"reversa validate {self.folder}") from error

    def events(self) -> Iterator[dict[str, Any]]:
        """The lines about single items that changed or could not be read. Raises PackageError for a line that no reversa wrote."""
        with self._damage("changes.ndjson"), (self._data / "changes.ndjson").open("rb") as lines:
            for number, line in enumerate(lines, 1):
                event = _event.decode(line)
                if msgspec.json.encode(event) + b"\n" != line:  # a name twice, another order: readers would differ about it
                    raise ValueError(f"line {number} is not in its canonical form")
                yield msgspec.to_builtins(event)

    def blobs(self) -> BlobReader:
        return BlobReader(self._data, self.blob_places())

    def blob_places(self) -> dict[str, str]:
        """SHA-256 → path inside ``data`` of every blob. Raises PackageError for a path that leads elsewhere."""
        with self._damage("blobs.parquet"):
            table = pq.read_table(self._data / "blobs.parquet", schema=BLOBS, page_checksum_verification=True)
            places = {str(row["sha256"]): str(row["path"]) for row in table.to_pylist()}
            for sha256, path in places.items():
                place = _BLOB_PLACE.fullmatch(path)
                if place is None or place[2] not in (None, sha256):
                    raise ValueError(f"{path!r} is no place of the content {sha256!r}")
        return places


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose names are all different: of a name twice, readers take one or the other."""
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError(f"an object with a name twice, among {', '.join(sorted(members))}")
    return members


def _counted(column: Any) -> list[tuple[Any, int]]:
    """Value → how often it stands there."""
    counts = column.value_counts()
    return list(zip(counts.field(0).to_pylist(), counts.field(1).to_pylist(), strict=True))
