"""The schema is one truth: what is published is what the records say."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from referencing import Registry, Resource

from reversa import canonical, schema
from reversa.records import ANY, KINDS, Record
from tests.paths import PROJECT
from tests.strategies import records


def test_published_schemas_are_those_of_the_records() -> None:
    folder = PROJECT / "schemas" / "v1"
    assert {p.name: p.read_text(encoding="utf-8") for p in folder.iterdir()} == schema.schema_files(), "run: make schemas"
    assert (folder.parent / "mapping.json").read_text(encoding="utf-8") == schema.mapping_text(), "run: make schemas"


def test_the_tables_of_the_docs_are_those_of_the_records() -> None:
    page = (PROJECT / "docs" / "records.md").read_text(encoding="utf-8")
    assert page.split(schema.DOCS_MARK)[1] == schema.docs_tables(), "run: make schemas"


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_explained_in_two_languages_and_points_at_known_kinds(kind: str) -> None:
    for field in schema.fields(kind):
        for member in (field, *field.parts):
            assert member.doc, f"{kind}.{member.name}"
            assert member.note.fr, f"{kind}.{member.name}"
            assert (member.type == "ref") == bool(member.note.to)
            assert member.note.to == ANY or set(member.note.to) <= KINDS.keys()


def test_optional_fields_have_no_other_default_than_absent() -> None:
    for kind, cls in KINDS.items():
        required = {f.name for f in schema.fields(kind) if f.required}
        make: Callable[..., Record] = cls
        record = make(**dict.fromkeys(required, "x"))
        assert all(getattr(record, f) is None for f in cls.__struct_fields__ if f not in required), kind


def _validator() -> jsonschema.Draft202012Validator:
    texts = [json.loads(text) for text in schema.schema_files().values()]
    for text in texts:
        jsonschema.Draft202012Validator.check_schema(text)
    registry: Registry[Any] = Registry().with_resources([(t["$id"], Resource.from_contents(t)) for t in texts])
    index = next(t for t in texts if t["$id"].endswith(":record"))
    return jsonschema.Draft202012Validator(index, registry=registry)


VALIDATOR = _validator()


@given(record=st.sampled_from(list(KINDS)).flatmap(records))
def test_every_record_satisfies_its_json_schema(record: Record) -> None:
    assert VALIDATOR.is_valid(json.loads(canonical.encode(record)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "tag", "id": "1", "root": "tag:1", "target": "page:1", "label": None},
        {"kind": "tag", "id": "1", "root": "tag:1", "target": "page:1"},
        {"kind": "tag", "id": "1", "root": "tag:1", "target": "page:1", "label": "a", "more": 1},
        {"kind": "tag", "id": "", "root": "tag:1", "target": "page:1", "label": "a"},
        {"kind": "nothing", "id": "1", "root": "tag:1"},
    ],
)
def test_the_json_schema_refuses(wrong: dict[str, object]) -> None:
    assert not VALIDATOR.is_valid(wrong)
