"""The intake: whatever an exporter gives, everything is counted, and only what is fit is kept."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Self

import pytest

from reversa.adapter import Attached, BlobRef, Change, Facts, Item, Locator, Noted, Options, Source, Unreadable
from reversa.exporting import export
from reversa.package import Package
from reversa.records import File, Message, Opaque, Reaction, Tag, ref
from reversa.redaction import redact, suspects
from reversa.validating import validate

LOST = Change("demo.tag.colour", "tag", "native", "lost", "source-lacks", "no colour")


class Scripted:
    """An exporter that gives the items it was made with."""

    def __init__(self, items: list[Item], census: Mapping[str, int]) -> None:
        self._items, self._census = items, census
        self.facts = Facts(system="demo", kinds=("tag",), changes=(LOST,), source=Source("demo", "t"))

    @classmethod
    def open(cls, locator: Locator, options: Options) -> Self:
        raise NotImplementedError

    def census(self) -> Mapping[str, int]:
        return self._census

    def items(self) -> Iterator[Item]:
        return iter(self._items)

    def open_blob(self, blob: BlobRef) -> BinaryIO:
        if blob == "broken":
            raise OSError("the disk says no")
        return io.BytesIO(blob.encode())

    def close(self) -> None:
        pass


def take(folder: Path, items: list[Item], census: Mapping[str, int] | None = None) -> Package:
    exporter = Scripted(items, {} if census is None else census)
    package = export(exporter, folder / "p", datetime(2026, 1, 1, tzinfo=UTC), lambda _step, _done, _whole: None)
    assert validate(package.folder) == []
    return package


def tag(id: str, label: str = "l", root: str | None = None) -> Tag:
    return Tag(id=id, root=ref("tag", root or id), target=ref("page", "p"), label=label)


def test_an_exporter_that_stops_after_the_first_page_does_not_balance(tmp_path: Path) -> None:
    (balance,) = take(tmp_path, [tag("1")], {"tag": 1000}).manifest.balance
    assert balance.unexplained == 999


def test_what_is_not_fit_to_be_kept_is_counted_with_its_reason(tmp_path: Path) -> None:
    bad = Tag(id="2", root=ref("tag", "2"), target=ref("page", "p"), label=5)  # type: ignore[arg-type]
    package = take(tmp_path, [tag("1"), bad, Unreadable("tag", "line 3", "torn"), Noted(LOST.code, ref("tag", "1"), 2)], {"tag": 3})
    (balance,) = package.manifest.balance
    assert (balance.records, balance.unreadable, balance.unexplained) == (1, 2, 0)
    reasons = [event["reason"] for event in package.events() if event["event"] == "unreadable"]
    assert reasons[1] == "torn"
    assert "label" in reasons[0]
    assert [(h.change.code, h.count) for h in package.manifest.changes] == [(LOST.code, 2)]


def test_a_change_that_was_not_declared_is_a_defect(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"did not declare the change 'demo\.secret'"):
        take(tmp_path, [Noted("demo.secret", ref("tag", "1"))])
    assert list(tmp_path.iterdir()) == []


def test_one_id_twice_equal_ones_merge_others_get_a_number_in_any_order(tmp_path: Path) -> None:
    items: list[Item] = [tag("a", "x"), tag("a", "y"), tag("a", "x"), tag("a", "z"), tag("aB"), tag("a~1")]
    digests = set()
    for n in range(6):
        (tmp_path / str(n)).mkdir()
        package = take(tmp_path / str(n), random.Random(n).sample(items, len(items)), {"tag": 6})
        found = {record.id: record for record, _ in package.records("tag")}
        assert list(found) == ["a", "aB", "a~1", "a~2", "a~3"]
        assert {r.label for r in found.values() if isinstance(r, Tag)} == {"x", "y", "z", "l"}
        assert found["a~2"].root == "tag:a~2"
        (balance,) = package.manifest.balance
        assert (balance.records, balance.merged, balance.unexplained) == (5, 1, 0)
        digests.add(package.manifest.digest)
    assert len(digests) == 1


def test_units_hold_a_record_and_all_that_belongs_to_it(tmp_path: Path) -> None:
    root = ref("message", "m")
    items: list[Item] = [
        Reaction(id="m/x", root=root, target=root, key="x"),
        Message(id="n", root=ref("message", "n")),
        File(id="m/f", root=root, target=root),
        Message(id="m", root=root),
        tag("t"),
    ]
    units = [(unit.root, [record.id for record in unit.records]) for unit, _ in take(tmp_path, items).units()]
    assert units == [("message:m", ["m", "m/x", "m/f"]), ("message:n", ["n"]), ("tag:t", ["t"])]


def test_content_is_kept_once_and_a_broken_one_is_a_counted_loss(tmp_path: Path) -> None:
    files: list[Item] = [
        Attached(File(id=id, root=ref("file", id), target=ref("page", "p"), sha256="0" * 64), BlobRef(blob))
        for id, blob in (("1", "same"), ("2", "same"), ("3", "broken"), ("4", "x" * 2**20))
    ]
    package = take(tmp_path, files, {"file": 4})
    found = {record.id: record for record, _ in package.records("file")}
    assert package.manifest.blobs == 2
    assert sorted(
        p.parent.name[:4] for p in package.folder.rglob("*") if "blobs/" in p.as_posix() or "packs/" in p.as_posix() if p.is_file()
    ) == sorted(
        ["pack", package.blob_places()[str(getattr(found["4"], "sha256"))].split("/")[2]]  # noqa: B009 - a field of File
    )
    assert getattr(found["3"], "sha256") is None  # noqa: B009 - a field of File
    assert [(h.change.code, h.count) for h in package.manifest.changes] == [("file.sha256.unreadable", 1)]


SECRETS = [
    "xoxb-" + "123456789012-abcdefghijkl", "xoxe.xoxp-" + "1-Mi0yLTEyMzQ1Njc4OTA", "xapp-" + "1-A0123456-987654321-abcdef", "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2",
    "AKIA" + "ABCDEFGHIJKLMNOP", "-----BEGIN RSA PRIVATE " + "KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
    "https://hooks.slack.com/services/" + "T000/B000/XXXXXXXX", "https://files.slack.com/files-pri/T1-F1/a.png?t=" + "xyz123",
]  # fmt: skip
HARMLESS = [
    "xoxo-hugs-and-kisses",
    "https://youtu.be/x?t=42",
    "https://acme.slack.com/archives/C1/p1?t=2",
    "AKIAshort",
    "xox",
    "BEGIN PRIVATE KEY in words",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_removed_from_every_field_and_counted(secret: str, tmp_path: Path) -> None:
    opaque = Opaque(
        id="1", root=ref("opaque", "1"), native_kind="k", name=f"before {secret} after", native=f'{{"token":"{secret}"}}'.replace("\n", "\\n")
    )
    package = take(tmp_path, [opaque])
    ((record, _),) = package.records("opaque")
    assert isinstance(record, Opaque)
    kept = secret.partition("services/")[0] if "hooks" in secret else secret.partition("?t=")[0]
    assert secret not in f"{record.name}{record.native}"
    assert record.name is not None
    assert record.name.startswith("before ")
    assert record.name.endswith(" after")
    assert ("https" not in secret) or kept in record.name
    assert sorted(h.change.code for h in package.manifest.changes) == ["opaque.name.secret", "opaque.native.secret"]
    assert all(secret.encode() not in path.read_bytes() for path in package.folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("text", HARMLESS)
def test_a_persons_words_are_not_touched(text: str) -> None:
    data = text.encode()
    assert redact(data) is data


def test_every_secret_among_many_records_is_found() -> None:
    lines = [text.encode() for text in (*SECRETS, *HARMLESS, *["é" * 50] * 40)]
    random.Random(1).shuffle(lines)
    assert {number for number, line in enumerate(lines) if redact(line) is not line} <= suspects(lines)
    assert suspects([b"nothing here", b""]) == set()
    assert suspects([b"xo", b"x-12345678"]) == set(), "a hint across the border of two records"


def test_a_secret_far_into_an_export_is_removed_from_its_record_alone(tmp_path: Path) -> None:
    secret = "AKIA" + "A" * 16
    package = take(tmp_path, [tag(f"{n:05d}", secret if n in (0, 2_999, 3_000) else "x" * 200) for n in range(4_000)])
    labels = [record.label for record, _ in package.records("tag") if isinstance(record, Tag)]
    assert [number for number, label in enumerate(labels) if label == "REMOVED-BY-REVERSA"] == [0, 2_999, 3_000]
    assert labels.count("x" * 200) == 3_997


def test_a_key_that_seems_to_go_on_in_another_field_does_not_take_the_fields_between(tmp_path: Path) -> None:
    record = File(id="1", root=ref("file", "1"), target=ref("page", "p"), name="-----BEGIN PRIVATE KEY-----", native="-----END PRIVATE KEY-----")
    package = take(tmp_path, [record], {"file": 1})
    assert [found for found, _ in package.records("file")] == [record]


def test_a_key_in_lines_of_nested_json_is_removed(tmp_path: Path) -> None:
    """Inside one text, escaped quotes stand between its lines."""
    lines = '["-----BEGIN PRIVATE KEY-----","MIIEvQIBADANBg","-----END PRIVATE KEY-----"]'
    package = take(tmp_path, [File(id="1", root=ref("file", "1"), target=ref("page", "p"), native=lines)], {"file": 1})
    ((found, _),) = package.records("file")
    assert found.native == '["REMOVED-BY-REVERSA"]'
