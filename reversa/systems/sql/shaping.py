"""What a database cannot hold as it is, and what it will show instead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute
import stringzilla

from reversa.adapter import Change, Noted, Shaped, Unit
from reversa.records import KINDS, Part, Record, kind_of, ref_parts, ref_to
from reversa.schema import fields
from reversa.systems.sql.dialects import Dialect
from reversa.systems.sql.writing import references

pc: Any = pyarrow.compute  # the stubs refuse much of what its kernels take
NUL, SYMBOL_FOR_NUL = "\0", "\u2400"


def changes(dialect: Dialect) -> tuple[Change, ...]:
    """Every change that a database makes."""
    declared = []
    if not dialect.holds_nul:
        declared += [
            Change(f"sql.{kind}.{field.name}.nul", kind, field.name, "converted", "target-cannot", "U+0000 is shown as U+2400")
            for kind in KINDS
            for field in fields(kind)
            if field.name not in ("id", "root") and field.type in ("string", "struct") and not field.choices
        ]
        declared += [Change(f"sql.{kind}.id.nul", kind, "id", "skipped", "target-cannot", "an id with U+0000 cannot be stored") for kind in KINDS]
    if dialect.id_limit:
        declared += [
            Change(f"sql.{kind}.id.long", kind, "id", "skipped", "target-cannot", f"an id over {dialect.id_limit} cannot be indexed")
            for kind in KINDS
        ]
    if dialect.largest_record is not None:
        note = f"a record over {dialect.largest_record:,} bytes cannot be sent"
        declared += [Change(f"sql.{kind}.large", kind, None, "skipped", "target-cannot", note) for kind in KINDS]
    return tuple(declared)


def shape(dialect: Dialect, unit: Unit) -> Shaped:
    """The unit as the database will show it."""
    if dialect.holds_nul and not dialect.id_limit:
        return Shaped(unit.root, unit.records)
    records: list[Record] = []
    noted: list[Noted] = []
    for record in unit.records:
        reason = _reason_to_skip(dialect, record)
        if reason:
            noted.append(Noted(f"sql.{kind_of(record)}.{reason}", ref_to(record)))
            continue
        records.append(record if dialect.holds_nul else _without_nul(record, noted))
    return Shaped(unit.root, tuple(records), tuple(noted))


def keeps(dialect: Dialect, kind: str, batch: pa.RecordBatch) -> bool:
    """Whether :func:`shape` leaves all of these rows as they are, as far as these columns tell. Where that is dear to know: no."""
    if dialect.largest_record is not None:
        return False
    if dialect.holds_nul and not dialect.id_limit:
        return True
    holders = {f.name for f in fields(kind) if f.name == "id" or f.type == "ref" or any(member.type == "ref" for member in f.parts)}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        for texts in _texts(column):
            if not dialect.holds_nul and _has_nul(texts):
                return False
            if name in holders and not all(dialect.takes_id(id) for id in _longest(texts)):
                return False
    return True


def _has_nul(texts: Any) -> bool:
    _, _, data = texts.buffers()  # of rows beside these, too
    maybe = data is not None and stringzilla.find(memoryview(data), b"\0") >= 0
    return maybe and bool(pc.any(pc.match_substring(texts, NUL)).as_py())


def _texts(column: Any) -> Iterator[Any]:
    """The columns of text inside a column."""
    if pa.types.is_list(column.type):
        yield from _texts(pc.list_flatten(column))
    elif pa.types.is_struct(column.type):
        for place in range(column.type.num_fields):
            yield from _texts(pc.struct_field(column, [place]))
    elif pa.types.is_string(column.type):
        yield column


def _longest(texts: Any) -> list[str]:
    """The longest text in bytes, if there is one."""
    sizes = pc.binary_length(texts)
    longest = pc.max(sizes).as_py()
    return [] if longest is None else [texts[pc.index(sizes, longest).as_py()].as_py()]


def _reason_to_skip(dialect: Dialect, record: Record) -> str:
    """Why an id, the record's own or one it refers to, or the whole of it cannot be stored."""
    for reference in (ref_to(record), *references(record)):
        if not dialect.holds_nul and NUL in reference:
            return "id.nul"
        if not dialect.takes_id(ref_parts(reference)[1]):
            return "id.long"
    if dialect.largest_record is not None and len(msgspec.json.encode(record)) > dialect.largest_record:
        return "large"
    return ""


def _without_nul(record: Record, noted: list[Noted]) -> Record:
    if b"\\u0000" not in msgspec.json.encode(record):
        return record
    changed: dict[str, Any] = {}
    for field in fields(kind_of(record)):
        value = getattr(record, field.name)
        if value is not None and field.type in ("string", "struct"):
            shown = _shown(value)
            if field.unordered:
                shown = sorted(set(shown))
            if shown != value:
                changed[field.name] = shown
                noted.append(Noted(f"sql.{kind_of(record)}.{field.name}.nul", ref_to(record)))
    return msgspec.structs.replace(record, **changed) if changed else record


def _shown(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace(NUL, SYMBOL_FOR_NUL)
    if isinstance(value, list):
        return [_shown(item) for item in value]
    if isinstance(value, Part):
        return msgspec.structs.replace(value, **{name: _shown(getattr(value, name)) for name in value.__struct_fields__})
    return value
