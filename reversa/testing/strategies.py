"""Valid records of every kind, with the values that break systems, made from the schema itself (hypothesis)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import msgspec
from hypothesis import strategies as st

from reversa.adapter import Unit
from reversa.records import ANY, KINDS, Record, Ref, ref, ref_to
from reversa.schema import Field, fields
from reversa.testing.given import CONTENTS, SAMPLE_CONTENTS

_NASTY = (
    "", " ", "a\0b", "\0", "é", "e\u0301", "É", "trailing ", "trailing", "trailing\u00a0", "\u2028\u2029\r\n\t", "\u202eabc\u202c שלום",
    "😀👍🏽", "\U0010ffff", "\ufeffbom", "\uffff", "İıßſ", "'\"\\;--%s{{x}}", "\\N", "\\.", "NULL", "null", "1e3", "007", "2024-02-30", "\x7f\x80\x1f",
)  # fmt: skip
_TWINS = ("u1", "U1", "u1 ", " u1", "u1\0", "u1:2", "é", "e\u0301", "É", "日本", "😀", "ss", "ß", "1", "01", "%", "x/y", "a\u0308", "ä")
"""Ids that some comparison takes for each other."""

_any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
texts = st.sampled_from(_NASTY) | _any_text
ids = st.sampled_from(_TWINS) | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
_naive = st.sampled_from([datetime.min, datetime.max, datetime(1969, 12, 31, 23, 59, 59, 999_999), datetime(2024, 2, 29)]) | st.datetimes()  # noqa: DTZ001, DTZ901
_references: dict[tuple[str, ...], st.SearchStrategy[Ref]] = {}


def _reference(field: Field) -> st.SearchStrategy[Ref]:
    kinds = tuple(KINDS) if field.note.to == ANY else field.note.to
    return _references.setdefault(kinds, st.builds(ref, st.sampled_from(kinds), ids))


def _one(field: Field) -> st.SearchStrategy[Any]:
    if field.part is not None:
        return _filled(field.part, field.parts)
    if field.choices:
        return st.sampled_from(field.choices)
    if field.type == "ref":
        return _reference(field)
    simple: dict[str, st.SearchStrategy[Any]] = {
        "string": texts,
        "integer": st.sampled_from([0, -1, 2**53 - 1, -(2**53) + 1, 2**31, -(2**31) - 1]) | st.integers(-(2**53) + 1, 2**53 - 1),
        "boolean": st.booleans(),
        "instant": _naive.map(lambda at: at.replace(tzinfo=UTC)),
        "date": st.sampled_from([date.min, date.max]) | st.dates(),
        "local-datetime": _naive.map(datetime.isoformat),
        "decimal": st.from_regex(r"-?[0-9]{1,30}(\.[0-9]{1,20})?", fullmatch=True),
        "sha256": st.sampled_from(SAMPLE_CONTENTS),
    }
    return simple[field.type]


def _value(field: Field) -> st.SearchStrategy[Any]:
    if not field.is_list:
        return _one(field)
    if field.unordered:
        return st.sets(_one(field), max_size=3).map(sorted)
    return st.lists(_one(field), max_size=3)


def _filled(struct: Any, members: tuple[Field, ...]) -> st.SearchStrategy[Any]:
    """Required fields always, the others now and then."""
    values = {f.required: {m.name: _value(m) for m in members if m.required == f.required} for f in members}
    return st.fixed_dictionaries(values.get(True, {}), optional=values.get(False, {})).map(lambda given: struct(**given))


def _plain_records(kind: str) -> st.SearchStrategy[Record]:
    members = tuple(f for f in fields(kind) if f.name not in ("id", "sha256"))
    digest = st.none() | _one(next(f for f in fields("file") if f.name == "sha256")) if kind in ("file", "opaque") else st.none()

    def make(id: str, digest: str | None, values: dict[str, Any]) -> Record:
        content = {} if digest is None else {"sha256": digest, "size": len(CONTENTS[digest])}
        return KINDS[kind](id=id, **values | content)

    return st.builds(make, ids, digest, _filled(dict, members))


_RECORDS = {kind: _plain_records(kind) for kind in KINDS}


def records(kind: str) -> st.SearchStrategy[Record]:
    """Records of a kind that may enter a package; what has a digest has its content in CONTENTS, and its true size."""
    return _RECORDS[kind]


@st.composite
def units(draw: st.DrawFn) -> Unit:
    """A root and what belongs to it, of any kinds. Now and then the root itself is not there."""
    members = draw(st.lists(st.sampled_from(tuple(KINDS)).flatmap(records), min_size=1, max_size=4, unique_by=ref_to))
    root = ref_to(members[0])
    owned = [msgspec.structs.replace(record, root=root) for record in members]
    missing = len(owned) > 1 and draw(st.integers(0, 9)) == 9
    return Unit(root, tuple(owned[1:] if missing else owned))
