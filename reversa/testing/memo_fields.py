"""What memo has a place for, and what becomes of the rest: the wire format that its exporter and its importer share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from reversa.adapter import Change, Noted
from reversa.markup.shown import shown
from reversa.records import KINDS, Body, Record, kind_of, ref_to
from reversa.schema import fields

TYPES = {"user": "accounts", "space": "boards", "message": "notes", "reaction": "reactions", "file": "files"}
KIND_OF = {type_: kind for kind, type_ in TYPES.items()}
TIMES = {"created_at": "created", "updated_at": "edited"}
PROPERTIES: dict[str, dict[str, str]] = {
    "user": {
        "username": "login", "display_name": "name", "title": "title", "emails": "emails", "active": "active", "locale": "locale",
        "timezone": "timezone",
    },
    "space": {"name": "name", "title": "title", "topic": "topic", "description": "description", "visibility": "visibility"},
    "message": {"body": "text"},
    "reaction": {"key": "emoji"},
    "file": {"name": "name", "media_type": "media_type"},
}  # fmt: skip
LINKS: dict[str, dict[str, tuple[str, str]]] = {
    "user": {},
    "space": {"parent": ("parent", "space")},
    "message": {"space": ("board", "space"), "thread": ("thread", "message"), "reply_to": ("reply_to", "message")},
    "reaction": {"target": ("note", "message")},
    "file": {"target": ("note", "message")},
}
"""Kind → field → memo's link, and the one kind that it can lead to. All kinds also have an author."""
for _links in LINKS.values():
    _links["created_by"] = ("author", "user")
FIELDS = ("root", "order", "state")
"""Kept in custom fields: memo has no place for them, and without them a record is not what it was."""
_KEPT = {kind: {"id", *FIELDS, *TIMES, *PROPERTIES[kind], *LINKS[kind]} | ({"size", "sha256"} if kind == "file" else set()) for kind in TYPES}


def changes() -> Iterator[Change]:
    """Every change that memo makes."""
    for kind in KINDS.keys() - TYPES.keys():
        yield Change(f"memo.{kind}.skipped", kind, None, "skipped", "target-cannot", "memo has nothing of the kind")
    for kind in TYPES:
        for name in {field.name for field in fields(kind)} - _KEPT[kind]:
            yield Change(f"memo.{kind}.{name}.lost", kind, name, "lost", "target-cannot", "memo has no place for it")
        for name in TIMES:
            yield Change(f"memo.{kind}.{name}.milliseconds", kind, name, "converted", "target-cannot", "memo keeps milliseconds")
    yield Change("memo.message.body.plain", "message", "body", "converted", "target-cannot", "memo keeps plain text")
    yield Change("memo.file.size.lost", "file", "size", "lost", "target-cannot", "memo knows the size of contents only")


def shape(record: Record) -> tuple[Record | None, list[Noted]]:
    """A record as memo will show it, and what changes on the way."""
    kind, reference = kind_of(record), ref_to(record)
    if kind not in TYPES:
        return None, [Noted(f"memo.{kind}.skipped", reference)]
    changed: dict[str, Any] = {}
    codes: list[str] = []
    for name in record.__struct_fields__:
        value = getattr(record, name)
        if value is None:
            continue
        if name not in _KEPT[kind] or (name == "size" and getattr(record, "sha256", None) is None):
            changed[name] = None
            codes.append(f"{name}.lost")
        elif name in TIMES and value.microsecond % 1000:
            changed[name] = value.replace(microsecond=value.microsecond // 1000 * 1000)
            codes.append(f"{name}.milliseconds")
        elif name == "body" and value.format != "plain":
            changed[name] = Body(format="plain", text=shown(value).words)
            codes.append("body.plain")
    return msgspec.structs.replace(record, **changed), [Noted(f"memo.{kind}.{code}", reference) for code in codes]
