"""What a package says of itself without making records of it: one record, all ids, addresses, months and markups."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reversa.canonical import NotCanonical, check
from reversa.errors import PackageError
from reversa.package import TAG_MANIFEST, Package
from reversa.records import Body, Message, Page, Record, Tag, User, ref
from tests.strategies import pack

AT = datetime(2016, 5, 31, 23, 59, 59, tzinfo=UTC)


def message(id: str, **values: object) -> Message:
    return Message(id=id, root=ref("message", id), **values)  # type: ignore[arg-type]


ONE = message("1", created_at=AT, url="https://old.example/1", body=Body(format="plain", text="a"))
RECORDS: list[Record] = [
    User(id="u", root=ref("user", "u"), url="ftp://old.example/u"),
    ONE,
    message("2", created_at=AT, url="http://old.example/2", body=Body(format="wiki", text="b")),
    message("3", created_at=AT.replace(year=1, month=1), body=Body(format="plain", text="c")),
    message("4"),
    Page(id="p", root=ref("page", "p"), created_at=AT.replace(month=6, day=1)),
    Tag(id="t", root=ref("page", "p"), target=ref("page", "p"), label="x"),
]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return pack(tmp_path_factory.mktemp("read") / "package", RECORDS)


def test_one_record_is_found(package: Package) -> None:
    assert package.find("message", "1") == ONE
    assert package.find("message", "10") is None
    assert package.find("task", "1") is None


def test_every_record_is_named(package: Package) -> None:
    assert list(package.references()) == ["user:u", "page:p", "message:1", "message:2", "message:3", "message:4", "tag:t"]
    assert package.count() == 7
    assert [(kind, id, root) for kind, id, _, root in package.identities()][-2:] == [("message", "4", "message:4"), ("tag", "t", "page:p")]


def test_addresses_are_those_on_the_web(package: Package) -> None:
    assert list(package.addresses()) == [("message", "1", "https://old.example/1"), ("message", "2", "http://old.example/2")]


def test_months_and_markups_are_counted(package: Package) -> None:
    assert package.summary("message") == ({"0001-01": 1, "2016-05": 2}, {"plain": 2, "wiki": 1})
    assert package.summary("page") == ({"2016-06": 1}, {})
    assert package.summary("tag") == ({}, {})


def test_the_seal_is_the_digest_of_the_tag_manifest(package: Package) -> None:
    assert package.seal() == hashlib.sha256((package.folder / TAG_MANIFEST).read_bytes()).hexdigest()


def test_some_units_are_read_alone(package: Package) -> None:
    [(unit, digests)] = package.units({ref("page", "p")})
    assert [record.id for record in unit.records] == ["p", "t"]
    assert sorted(digests) == ["page:p", "tag:t"]
    assert list(package.units(set())) == []
    assert [unit.root for unit, _ in package.units()] == ["user:u", "page:p", "message:1", "message:2", "message:3", "message:4"]


def test_a_folder_that_is_no_package_says_so(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="is not a whole reversa package") as error:
        Package(tmp_path)
    assert str(tmp_path) in error.value.message
    inside = tmp_path / "run"
    inside.mkdir()
    pack(inside / "package", RECORDS)
    with pytest.raises(PackageError) as error:
        Package(inside)
    assert str(inside / "package") in error.value.hint


def test_the_value_of_another_type_is_named() -> None:
    with pytest.raises(NotCanonical, match=r"^author_name: a value of another type$"):
        check(message("1", author_name=b"bytes"))
