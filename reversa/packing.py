"""Writing a package: under a temporary name, flushed to the disk, and renamed last. Under its final name it is whole or absent."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from importlib import resources
from pathlib import Path
from typing import Any, cast

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from reversa import __version__, verifier
from reversa.adapter import Noted, Source, Unreadable
from reversa.blobs import Staging, store
from reversa.canonical import encode
from reversa.columns import to_batch
from reversa.files import flush
from reversa.package import (
    BAGIT,
    BLOBS,
    FORMAT,
    GROUP_BYTES,
    MANIFEST,
    ROWS_PER_GROUP,
    TAG_MANIFEST,
    Balance,
    Happened,
    Manifest,
    Package,
    TableInfo,
    manifest_lines,
)
from reversa.records import SCHEMA_VERSION, Record
from reversa.redaction import redact
from reversa.schema import arrow_schema, fields, schema_files

PART_BYTES = 512 * 2**20


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
        line = {"event": "noted" if isinstance(event, Noted) else "unreadable", **msgspec.structs.asdict(event)}
        if line["event"] == "unreadable" and event.count == 1:
            del line["count"]
        try:
            data = msgspec.json.encode(line)
        except UnicodeEncodeError:  # half a character, in a name
            data = msgspec.json.encode({k: v.encode("utf-8", "backslashreplace").decode() if isinstance(v, str) else v for k, v in line.items()})
        self._events.write(redact(data) + b"\n")

    def write_table(self, kind: str, records: Iterable[tuple[Record, str]]) -> None:
        """Write all records of a kind, given in package order with their digests."""
        self.write_batches(kind, (to_batch(kind, [record for record, _ in group], [own for _, own in group]) for group in _grouped(records)))

    def write_batches(self, kind: str, batches: Iterable[pa.RecordBatch]) -> None:
        """Write all rows of a kind, given in package order in row groups."""
        folder = self._data / "tables" / kind
        whole, rows, parts = hashlib.sha256(), 0, list[str]()
        writer: pq.ParquetWriter | None = None
        for batch in batches:
            folder.mkdir(parents=True, exist_ok=True)
            if writer is not None and (folder / parts[-1]).stat().st_size >= PART_BYTES:
                writer.close()
                writer = None
            if writer is None:
                parts.append(f"part-{len(parts):05d}.parquet")
                writer = pq.ParquetWriter(folder / parts[-1], arrow_schema(kind), compression="zstd", write_page_checksum=True)
            writer.write_batch(batch, row_group_size=ROWS_PER_GROUP)
            whole.update("".join(cast("list[str]", batch.column("digest").to_pylist())).encode())
            rows += len(batch)
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
        since: date | None = None,
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
            blobs=len(places), blob_bytes=sum(sizes), since=since,
        )  # fmt: skip
        for name, text in schema_files().items():
            _write(self._data / "schema" / name, text)
        _write(self._data / "datapackage.json", json.dumps(_describe(manifest), ensure_ascii=False, indent=1) + "\n")
        for name in ("README.txt", "LISEZMOI.txt"):
            _write(self._partial / name, resources.files("reversa.templates").joinpath(name).read_text(encoding="utf-8"))
        _write(self._partial / verifier.NAME, verifier.page())
        _write_bag_files(self._partial, manifest)
        for path in (self._partial, *self._partial.rglob("*")):
            flush(path)
        self._partial.rename(self.folder)
        flush(self.folder.parent)
        return Package(self.folder)

    def abandon(self) -> None:
        """Remove what was begun."""
        self._events.close()
        shutil.rmtree(self._partial, ignore_errors=True)


def _grouped(records: Iterable[tuple[Record, str]]) -> Iterator[list[tuple[Record, str]]]:
    """Row groups: so many records, or fewer where they are long."""
    group: list[tuple[Record, str]] = []
    size = 0
    for record, own in records:
        group.append((record, own))
        size += len(encode(record))
        if len(group) == ROWS_PER_GROUP or size >= GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
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
