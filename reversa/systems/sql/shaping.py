"""What a database cannot hold as it is, and what it will show instead."""

from __future__ import annotations

from typing import Any

import msgspec

from reversa.adapter import Change, Noted, Shaped, Unit
from reversa.records import KINDS, Part, Record, kind_of, ref_to
from reversa.schema import fields
from reversa.systems.sql.dialects import Dialect
from reversa.systems.sql.writing import references

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
    if dialect.id_bytes is not None:
        declared += [Change(f"sql.{kind}.id.long", kind, "id", "skipped", "target-cannot", f"an id over {dialect.id_bytes} bytes cannot be indexed") for kind in KINDS]
    return tuple(declared)


def shape(dialect: Dialect, unit: Unit) -> Shaped:
    """The unit as the database will show it."""
    if dialect.holds_nul and dialect.id_bytes is None:
        return Shaped(unit.root, unit.records)
    records: list[Record] = []
    noted: list[Noted] = []
    for record in unit.records:
        refusal = _refusal(dialect, record)
        if refusal:
            noted.append(Noted(f"sql.{kind_of(record)}.id.{refusal}", ref_to(record)))
            continue
        if not dialect.holds_nul:
            record = _without_nul(record, noted)
        records.append(record)
    return Shaped(unit.root, tuple(records), tuple(noted))


def _refusal(dialect: Dialect, record: Record) -> str:
    """Why an id, the record's own or one it refers to, cannot be stored."""
    limit = dialect.id_bytes
    for reference in (ref_to(record), *references(record)):
        if not dialect.holds_nul and NUL in reference:
            return "nul"
        if limit is not None and len(reference) * 4 > limit and len(reference.encode()) > limit:
            return "long"
    return ""


def _without_nul(record: Record, noted: list[Noted]) -> Record:
    changed: dict[str, Any] = {}
    for field in fields(kind_of(record)):
        value = getattr(record, field.name)
        if value is not None and field.type in ("string", "struct"):
            shown = _shown(value)
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


