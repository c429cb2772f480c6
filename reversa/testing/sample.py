"""A package with every kind and every field, made from the schema itself: what an importer is tried on."""

from __future__ import annotations

import io
import itertools
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from reversa.adapter import Source
from reversa.canonical import check, digest
from reversa.package import Balance, Package
from reversa.packing import PackageWriter
from reversa.records import KINDS, Record, kind_of, ref
from reversa.schema import Field, fields
from reversa.testing.given import content

NASTY = "é e\u0301 \u202eabc\u202c שלום 日本 😀 \U00020000 '\"\\;--{{velocity}} <script>\ttab \u2028 end "
CONTENT = b"\x00\xffcontent of a file\n"


def sample_records() -> list[Record]:
    """Three records per kind: every field filled, only the required ones, and one with the nastiest text."""
    made = (("1", "plain"), ("2", None), ("3 é/%", NASTY))
    return [_record(kind, id, text) for kind in KINDS for id, text in made]


def write_sample_package(folder: Path) -> Package:
    """The sample records as a package."""
    writer = PackageWriter(folder)
    writer.blobs.add(io.BytesIO(CONTENT))
    for kind, records in itertools.groupby(sample_records(), key=kind_of):
        writer.write_table(kind, [(record, digest(check(record))) for record in records])
    return writer.close(
        source=Source("sample", "every field"),
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        balance=[Balance(kind=kind, seen=3, records=3) for kind in KINDS],
        changes=[],
        unreadable=0,
        not_mapped={},
    )


def _record(kind: str, id: str, text: str | None) -> Record:
    sha256, size = content(CONTENT), len(CONTENT)
    special = {"id": id, "root": ref(kind, id), "order": None, "sha256": sha256, "size": size, "native": None if text is None else '{"a":1}'}
    values: dict[str, Any] = {}
    for field in fields(kind):
        if field.required or text is not None:
            value = special[field.name] if field.name in special else _value(field, text or "only what is required")
            if value is not None:
                values[field.name] = value
    return KINDS[kind](**values)


def _value(field: Field, text: str) -> Any:
    if field.is_list:
        one = _value_of(field, text)
        return [one]
    return _value_of(field, text)


def _value_of(field: Field, text: str) -> Any:
    if field.part is not None:
        return field.part(**{member.name: _value(member, text) for member in field.parts})
    if field.choices:
        return field.choices[-1]
    if field.type == "ref":
        target = "user" if field.note.to == ("*",) else field.note.to[0]
        return ref(target, "1")
    return {
        "string": text,
        "integer": 2**53 - 1,
        "boolean": False,
        "instant": datetime(2024, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC),
        "date": date(2024, 2, 29),
        "local-datetime": "2024-02-29T23:59:59",
        "decimal": "-12345678901234567890.1200",
        "sha256": "0" * 64,
    }[field.type]
