"""One byte form per record: RFC 8785, nothing invalid, nothing ambiguous."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from reversa.canonical import NotCanonical, check, decode, digest
from reversa.columns import from_batch, to_batch
from reversa.records import KINDS, Message, Record, Ref, Task, User, kind_of
from tests.strategies import records

any_record = st.sampled_from(list(KINDS)).flatmap(records)


@given(record=any_record)
def test_the_bytes_are_those_of_rfc_8785(record: Record) -> None:
    data = check(record)
    assert data == rfc8785.dumps(json.loads(data))


@given(record=any_record)
def test_the_bytes_give_the_record_back(record: Record) -> None:
    assert decode(kind_of(record), check(record)) == record


@given(kind=st.sampled_from(list(KINDS)), data=st.data())
def test_records_pass_through_arrow_unchanged(kind: str, data: st.DataObject) -> None:
    made = data.draw(st.lists(records(kind), max_size=5))
    digests = [digest(check(record)) for record in made]
    assert from_batch(kind, to_batch(kind, made, digests)) == list(zip(made, digests, strict=True))


def test_absent_and_empty_are_two_values() -> None:
    absent, empty = User(id="1", root=Ref("user:1")), User(id="1", root=Ref("user:1"), emails=[])
    assert check(absent) != check(empty)
    assert b"null" not in check(absent)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (User(id=5, root=Ref("user:1")), "str"),  # type: ignore[arg-type]
        (User(id="", root=Ref("user:1")), "length"),
        (User(id="\ud800", root=Ref("user:1")), "surrogates"),
        (User(id="1", root=Ref("user:1"), created_at=datetime(2024, 1, 1)), "timezone"),  # noqa: DTZ001
        (User(id="1", root=Ref("user:1"), created_at=datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=2)))), "UTC"),
        (User(id="1", root=Ref("user:1"), roles=["b", "a"]), "sorted"),
        (User(id="1", root=Ref("user:1"), roles=["a", "a"]), "repeats"),
        (User(id="1", root=Ref("nothing:1")), "nothing"),
        (User(id="1", root=Ref("user:1"), created_by=Ref("page:1")), "page"),
        (User(id="1", root=Ref("user:1"), created_by=Ref("user:")), "user:"),
        (Task(id="1", root=Ref("task:1"), assignees=[Ref("space:1")]), "space"),
        (Message(id="1", root=Ref("message:1"), order=2**53), "order"),
        (Message(id="1", root=Ref("message:1"), message_type="robot"), "robot"),  # type: ignore[arg-type]
    ],
)
def test_what_has_no_canonical_form_is_refused_with_the_reason(record: Record, reason: str) -> None:
    with pytest.raises(NotCanonical, match=reason):
        check(record)


def test_a_new_optional_field_changes_no_old_digest() -> None:
    class Newer(User, frozen=True, kw_only=True, tag="user"):
        more: str | None = None

    old, new = User(id="1", root=Ref("user:1"), title="x"), Newer(id="1", root=Ref("user:1"), title="x")
    assert msgspec.json.Encoder(order="sorted").encode(new) == check(old)


def test_the_form_is_the_documented_one() -> None:
    record = Message(id="1", root=Ref("message:1"), created_at=datetime(2019, 1, 1, 0, 1, 0, 123456, tzinfo=UTC))
    text = b'{"created_at":"2019-01-01T00:01:00.123456Z","id":"1","kind":"message","root":"message:1"}'
    assert check(record) == text
    assert digest(text) == hashlib.sha256(text).hexdigest()
