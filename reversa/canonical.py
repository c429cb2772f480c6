"""One byte form and one SHA-256 per record.

The canonical form is RFC 8785 JSON of the record, its ``kind`` included: sorted keys, no spaces, UTF-8, absent
values never written. Record fields have ASCII names and hold no floats, so msgspec's sorted encoder gives exactly
those bytes; a test holds it equal to the ``rfc8785`` package.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from reversa.records import ANY, KINDS, Record, kind_of
from reversa.schema import fields

_encoder = msgspec.json.Encoder(order="sorted")
_decoders = {kind: msgspec.json.Decoder(cls) for kind, cls in KINDS.items()}
_list_decoders: dict[str, msgspec.json.Decoder[list[Record]]] = {kind: msgspec.json.Decoder(list[cls]) for kind, cls in KINDS.items()}  # type: ignore[valid-type]
_instants = {kind: tuple(f.name for f in fields(kind) if f.type == "instant") for kind in KINDS}
_references = {
    kind: tuple((f.name, frozenset(KINDS) if f.note.to == ANY else frozenset(f.note.to), f.is_list) for f in fields(kind) if f.type == "ref")
    for kind in KINDS
}
_sets = {kind: tuple(f.name for f in fields(kind) if f.unordered) for kind in KINDS}


class NotCanonical(ValueError):
    """A record that has no canonical form.

    It has a wrong type, a lone surrogate, a time that is not UTC, an unsorted set, or a reference that its field does not take.
    """


def encode(record: Record) -> bytes:
    """The canonical bytes of a record, as they are; :func:`check` says whether they stand for a valid record."""
    return _encoder.encode(record)


def decode(kind: str, data: bytes) -> Record:
    """The record behind canonical bytes, every type checked."""
    return _decoders[kind].decode(data)


def decode_all(kind: str, lines: Sequence[bytes]) -> list[Record]:
    """The records of one kind behind their canonical bytes."""
    return _list_decoders[kind].decode(b"[%b]" % b",".join(lines))


def digest(data: bytes) -> str:
    """SHA-256 of canonical bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def check(record: Record) -> bytes:
    """The canonical bytes of a record that is fit to be kept.

    Struct constructors check nothing, so this is the gate through which every record enters a package.
    Raises NotCanonical with the reason.
    """
    kind = kind_of(record)
    try:
        data = _encoder.encode(record)
        decoded = _decoders[kind].decode(data)
    except (ValueError, TypeError, UnicodeEncodeError, msgspec.MsgspecError) as error:
        raise NotCanonical(str(error)) from error
    if decoded != record:  # JSON takes bytes for a text, a text for an instant
        changed = [name for name in record.__struct_fields__ if getattr(decoded, name) != getattr(record, name)]
        raise NotCanonical(f"{changed[0]}: a value of another type")
    for name in _instants[kind]:
        value: datetime | None = getattr(record, name)
        if value is not None and value.tzinfo is not UTC:
            raise NotCanonical(f"{name}: {value.isoformat()} is not in UTC")
    for name, kinds, is_list in _references[kind]:
        targets = getattr(record, name)
        if targets is not None:
            for target in targets if is_list else (targets,):
                target_kind, _, id = target.partition(":")
                if target_kind not in kinds or not id:
                    raise NotCanonical(f"{name}: {target!r} is not a reference that it may hold")
    for name in _sets[kind]:
        values: list[str] | None = getattr(record, name)
        if values is not None and values != sorted(set(values)):
            raise NotCanonical(f"{name}: a set is written sorted and without repeats")
    return data
