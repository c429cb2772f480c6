"""The package on disk: a BagIt 1.0 bag of Parquet tables, blobs and what happened (docs/package-format.md).

It is written under a temporary name, flushed to the disk, and renamed last: under its final name it is whole or absent.
"""

from __future__ import annotations

import contextlib
import hashlib
import heapq
import itertools
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from reversa import __version__, verifier
from reversa.adapter import Change, Noted, Source, Unit, Unreadable
from reversa.blobs import BlobReader, Staging, store
from reversa.columns import from_batch, to_batch
from reversa.errors import PackageError
from reversa.records import KINDS, SCHEMA_VERSION, Record, kind_of
from reversa.redaction import redact
from reversa.schema import arrow_schema, fields, schema_files
from reversa.sorting import package_order

_BLOB_COLUMNS: dict[str, pa.DataType] = {"sha256": pa.string(), "size": pa.int64(), "path": pa.string()}
BLOBS = pa.schema(_BLOB_COLUMNS)
ROWS_PER_GROUP = 5_000
PART_BYTES = 512 * 2**20
FORMAT = "reversa-package/1"
BAGIT = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
MANIFEST, TAG_MANIFEST = "manifest-sha256.txt", "tagmanifest-sha256.txt"
_event = msgspec.json.Decoder(dict[str, Any])


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


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
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

    @property
    def digest(self) -> str:
        """The identity of the content: the same source exported twice has the same one."""
        lines = [str(self.source), *(f"{kind} {table.digest}" for kind, table in sorted(self.tables.items()))]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


# --------------------------------------------------------------------------------------------------------- writing


class PackageWriter:
    """Writes a package: records per kind in package order, blobs, what happened; then :meth:`close`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._partial = folder.with_name(folder.name + ".partial")
        if self._partial.exists():
            shutil.rmtree(self._partial)
        self._data = self._partial / "data"
        self._data.mkdir(parents=True)
        self.blobs = Staging(self._partial / "staging")
        self._events = (self._data / "changes.ndjson").open("wb")
        self._tables: dict[str, TableInfo] = {}

    @property
    def scratch(self) -> Path:
        """A folder for files that do not outlive the writing."""
        return self._partial

    def note(self, event: Noted | Unreadable) -> None:
        """Keep a line about one item that changed or could not be read."""
        texts = {k: v.encode("utf-8", "backslashreplace").decode() if isinstance(v, str) else v for k, v in msgspec.structs.asdict(event).items()}
        self._events.write(redact(msgspec.json.encode({"event": type(event).__name__.lower(), **texts})) + b"\n")

    def write_table(self, kind: str, records: Iterable[tuple[Record, str]]) -> None:
        """Write all records of a kind, given in package order with their digests."""
        folder = self._data / "tables" / kind
        whole, rows, parts = hashlib.sha256(), 0, list[str]()
        writer: pq.ParquetWriter | None = None
        for group in _batched(records):
            folder.mkdir(parents=True, exist_ok=True)
            if writer is not None and (folder / parts[-1]).stat().st_size >= PART_BYTES:
                writer.close()
                writer = None
            if writer is None:
                parts.append(f"part-{len(parts):05d}.parquet")
                writer = pq.ParquetWriter(folder / parts[-1], arrow_schema(kind), compression="zstd", write_page_checksum=True)
            digests = [row_digest for _, row_digest in group]
            writer.write_batch(to_batch(kind, [record for record, _ in group], digests), row_group_size=ROWS_PER_GROUP)
            whole.update("".join(digests).encode())
            rows += len(group)
        if writer is not None:
            writer.close()
            self._tables[kind] = TableInfo(rows=rows, parts=tuple(f"tables/{kind}/{p}" for p in parts), digest=whole.hexdigest())

    def close(
        self,
        *,
        source: Source,
        created_at: datetime,
        balance: Iterable[Balance],
        changes: Iterable[Happened],
        unreadable: int,
        not_mapped: Mapping[str, int],
    ) -> Package:
        """Write what is left, flush everything, and give the package its name."""
        self._events.close()
        places = list(store(self.blobs, self._data))
        sizes = [size for _, size, _ in places]
        blobs = pa.Table.from_pylist([{"sha256": sha256, "size": size, "path": path} for sha256, size, path in places], schema=BLOBS)
        pq.write_table(blobs, self._data / "blobs.parquet", compression="zstd", write_page_checksum=True)
        manifest = Manifest(
            format=FORMAT, schema_version=SCHEMA_VERSION, source=source, created_at=created_at, balance=tuple(balance),
            changes=tuple(changes), unreadable=unreadable, not_mapped=dict(not_mapped), tables=self._tables,
            blobs=len(places), blob_bytes=sum(sizes),
        )  # fmt: skip
        for name, text in schema_files().items():
            _write(self._data / "schema" / name, text)
        _write(self._data / "datapackage.json", json.dumps(_describe(manifest), ensure_ascii=False, indent=1) + "\n")
        for name in ("README.txt", "LISEZMOI.txt"):
            _write(self._partial / name, resources.files("reversa.templates").joinpath(name).read_text(encoding="utf-8"))
        _write(self._partial / verifier.NAME, verifier.page())
        _write_bag_files(self._partial, manifest)
        _flush(self._partial)
        self._partial.rename(self.folder)
        _flush_folder(self.folder.parent)
        return Package(self.folder)

    def abandon(self) -> None:
        """Remove what was begun."""
        self._events.close()
        shutil.rmtree(self._partial, ignore_errors=True)


def _batched(records: Iterable[tuple[Record, str]]) -> Iterator[tuple[tuple[Record, str], ...]]:
    iterator = iter(records)
    while group := tuple(itertools.islice(iterator, ROWS_PER_GROUP)):
        yield group


def _describe(manifest: Manifest) -> dict[str, Any]:
    """The Frictionless data package: every table and field, with its standard, and ours under `reversa`."""
    resources_ = [
        {
            "name": kind,
            "path": list(table.parts) if len(table.parts) > 1 else table.parts[0],
            "format": "parquet",
            "rows": table.rows,
            "schema": {
                "primaryKey": ["id"],
                "fields": [
                    {
                        "name": f.name,
                        "type": _frictionless(f.type, f.is_list),
                        "description": f.doc,
                        "rdfType": f.note.standard,
                        "personalData": f.note.personal,
                    }
                    for f in fields(kind)
                ]
                + [{"name": "digest", "type": "string", "description": "SHA-256 of the canonical record"}],
            },
        }
        for kind, table in manifest.tables.items()
    ]
    return {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": f"{manifest.source.system}-{hashlib.sha256(manifest.source.tenant.encode()).hexdigest()[:12]}",
        "created": manifest.created_at.isoformat(),
        "resources": [*resources_, {"name": "blobs", "path": "blobs.parquet", "format": "parquet"}],
        "reversa": json.loads(msgspec.json.encode(manifest)),
    }


def _frictionless(type_: str, is_list: bool) -> str:
    if is_list:
        return "list" if type_ != "struct" else "array"
    return {"integer": "integer", "boolean": "boolean", "instant": "datetime", "date": "date", "struct": "object"}.get(type_, "string")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def _write_bag_files(bag: Path, manifest: Manifest) -> None:
    payload = sorted(path.relative_to(bag).as_posix() for path in (bag / "data").rglob("*") if path.is_file())
    octets = sum((bag / name).stat().st_size for name in payload)
    _write(bag / "bagit.txt", BAGIT)
    info = {
        "Bag-Software-Agent": f"reversa {__version__}",
        "Bagging-Date": manifest.created_at.date().isoformat(),
        "External-Identifier": "urn:reversa:" + " ".join(str(manifest.source).split()),
        "Payload-Oxum": f"{octets}.{len(payload)}",
    }
    _write(bag / "bag-info.txt", "".join(f"{key}: {value}\n" for key, value in info.items()))
    _write(bag / MANIFEST, manifest_lines(bag, payload))
    _write(bag / TAG_MANIFEST, manifest_lines(bag, sorted(path.name for path in bag.iterdir() if path.is_file())))


def manifest_lines(bag: Path, names: Iterable[str]) -> str:
    """The text of a BagIt manifest over these files; what ``sha256sum -c`` reads."""
    return "".join(f"{file_digest(bag / name)}  {name}\n" for name in names)


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# --------------------------------------------------------------------------------------------------------- reading


class Package:
    """A package on disk, open for reading."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._data = folder / "data"
        try:
            described = json.loads((self._data / "datapackage.json").read_text(encoding="utf-8"))
            stated = described["reversa"]
            if stated["format"] != FORMAT or stated["schema_version"].split(".")[0] != SCHEMA_VERSION.split(".")[0]:
                raise PackageError(
                    f"{folder} is of format {stated['format']}, schema {stated['schema_version']}; this reversa reads {FORMAT}, schema {SCHEMA_VERSION}.",
                    "pip install --upgrade reversa",
                )
            self.manifest = msgspec.convert(stated, Manifest)
        except (OSError, ValueError, KeyError, TypeError, msgspec.ValidationError) as error:
            raise PackageError(f"{folder} is not a whole reversa package: {error}", f"reversa validate {folder}") from error
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
        return sum(table.rows for table in self.manifest.tables.values())

    def records(self, kind: str) -> Iterator[tuple[Record, str]]:
        """The records of a kind in package order, each with its stored digest.

        Raises PackageError when a part is damaged or the rows are not those that the package states.
        """
        table, whole = self.manifest.tables[kind], hashlib.sha256()
        for part in table.parts:
            with self._damage(part):
                file = pq.ParquetFile(self._data / part, page_checksum_verification=True, pre_buffer=False)
                if not file.schema_arrow.equals(arrow_schema(kind)):
                    raise PackageError(f"{part} does not have the columns of {kind}.", "pip install --upgrade reversa")
                for batch in file.iter_batches(batch_size=ROWS_PER_GROUP):
                    for record, row_digest in from_batch(kind, batch):
                        whole.update(row_digest.encode())
                        yield record, row_digest
        if whole.hexdigest() != table.digest:
            raise PackageError(f"The rows of {kind} are not those that the package states.", f"reversa validate {self.folder}")

    def units(self) -> Iterator[tuple[Unit, dict[str, str]]]:
        """The units in order, each with the stored digests of its records by reference."""
        streams = [self.records(kind) for kind in self.kinds()]
        merged = heapq.merge(*streams, key=lambda item: package_order(item[0])[:2])
        for root, members in itertools.groupby(merged, key=lambda item: item[0].root):
            unit = list(members)
            yield Unit(root, tuple(r for r, _ in unit)), {f"{kind_of(r)}:{r.id}": row_digest for r, row_digest in unit}

    def batches(self, kind: str, columns: list[str]) -> Iterator[pa.RecordBatch]:
        """Some columns of a kind, as they lie in the file: records are not made of them."""
        for part in self.manifest.tables[kind].parts:
            with self._damage(part):
                yield from pq.ParquetFile(self._data / part, pre_buffer=False).iter_batches(batch_size=ROWS_PER_GROUP, columns=columns)

    def find(self, kind: str, id: str) -> Record | None:
        """One record by its id."""
        if kind not in self.manifest.tables:
            return None
        parts = [self._data / part for part in self.manifest.tables[kind].parts]
        with self._damage(f"tables/{kind}"):
            table = ds.dataset(parts, schema=arrow_schema(kind)).to_table(filter=ds.field("id") == id)
            rows = [row for batch in table.to_batches() for row in from_batch(kind, batch)]
        return rows[0][0] if rows else None

    def addresses(self) -> Iterator[tuple[str, str, str]]:
        """Kind, id and old address of every record that had an address on the web."""
        for kind in self.kinds():
            for part in self.manifest.tables[kind].parts:
                with self._damage(part):
                    for batch in pq.ParquetFile(self._data / part, pre_buffer=False).iter_batches(ROWS_PER_GROUP, columns=["id", "url"]):
                        for id, url in zip(batch["id"].to_pylist(), batch["url"].to_pylist(), strict=True):
                            if url is not None and url.startswith(("https://", "http://")):
                                yield kind, str(id), url

    def summary(self, kind: str) -> tuple[dict[str, int], dict[str, int]]:
        """Records created per month (``2016-05``), and bodies per markup."""
        import pyarrow.compute as pc

        schema = arrow_schema(kind)
        months: Counter[str] = Counter()
        formats: Counter[str] = Counter()
        columns = ["created_at", *(["body"] if "body" in schema.names else [])]
        for batch in self.batches(kind, columns):
            months.update(str(month) for month in pc.strftime(batch["created_at"], format="%Y-%m").drop_null().to_pylist())
            if len(columns) > 1:
                formats.update(str(name) for name in pc.struct_field(batch["body"], "format").drop_null().to_pylist())
        return dict(sorted(months.items())), dict(formats)

    @contextlib.contextmanager
    def _damage(self, name: str) -> Iterator[None]:
        """Turn what a library raises on a damaged file into an error with an answer."""
        try:
            yield
        except (OSError, ValueError, TypeError, OverflowError, pa.ArrowException, msgspec.MsgspecError) as error:
            raise PackageError(f"{name} is damaged: {error}", f"reversa validate {self.folder}") from error

    def events(self) -> Iterator[dict[str, Any]]:
        """The lines about single items that changed or could not be read."""
        with self._damage("changes.ndjson"), (self._data / "changes.ndjson").open("rb") as lines:
            yield from (_event.decode(line) for line in lines)

    def blobs(self) -> BlobReader:
        return BlobReader(self._data, self.blob_places())

    def blob_places(self) -> dict[str, str]:
        """SHA-256 → path inside ``data`` of every blob."""
        with self._damage("blobs.parquet"):
            table = pq.read_table(self._data / "blobs.parquet", schema=BLOBS, page_checksum_verification=True)
        return {str(row["sha256"]): str(row["path"]) for row in table.to_pylist()}
