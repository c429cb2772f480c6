"""What is fuzzed: the readers of files, each given a small sound input with changed bytes.

A reader may refuse with a :class:`ReversaError` or count what it cannot read; anything else it raises is a defect.
:mod:`tests.test_fuzzing` does it every day for seconds; for longer, guided by coverage, with a corpus that grows::

    python -m tests.fuzz slack-zip --seconds 600

What such a run finds is mended, and its input kept in ``tests/corpus/TARGET``, which every day's run reads first.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from reversa.adapter import Locator, Options
from reversa.errors import ReversaError
from reversa.exporters.html import HtmlExporter
from reversa.exporters.slack import SlackExporter
from reversa.exporting import export
from reversa.inspecting import inspect
from reversa.package import MANIFEST, TAG_MANIFEST, Package
from reversa.packing import _write_bag_files
from reversa.records import Body, File, Message, Space, User, ref
from reversa.systems.slack.values import read_array, to_json
from reversa.validating import validate
from tests.strategies import CONTENTS, carried, pack

CORPUS = Path(__file__).parent / "corpus"
TOKENS = (
    b"[",
    b"]",
    b"{",
    b"}",
    b'"',
    b"null",
    b"1e999",
    b"-0",
    b"\\ud800",
    b"\\u0000",
    b"\xff",
    b"\0",
    b"../",
    b"PK\1\2",
    b"<div>",
    b"&amp;",
    b"\x80" * 9,
)


class Target(NamedTuple):
    """A sound input, and what reads it."""

    seed: bytes
    read: Callable[[bytes], None]


def targets(folder: Path) -> dict[str, Target]:
    """Every target; sources and packages are made below ``folder``."""
    digest, content = next((d, c) for d, c in CONTENTS.items() if c)
    records = [
        User(id="u", root=ref("user", "u"), display_name="Ana"),
        Space(id="s", root=ref("space", "s"), name="general"),
        Message(id="m", root=ref("message", "m"), space=ref("space", "s"), created_by=ref("user", "u"), body=Body(format="plain", text="a\0b")),
        File(id="f", root=ref("message", "m"), target=ref("message", "m"), name="x.txt", sha256=digest, size=len(content)),
    ]
    bag, archive = folder / "bag", folder / "archive"
    carried(pack(bag, records), f"html:{archive}", folder / "run")
    [page] = (archive / "pages").glob("space-*/0*.html")
    [value] = (archive / "files").rglob("*.json")
    return {
        "slack-json": Target(_messages(), _read_json),
        "slack-zip": Target(_export(), lambda data: _read_slack(data, folder)),
        "html-page": Target(page.read_bytes(), lambda data: _read_archive(data, page, archive, folder)),
        "html-value": Target(value.read_bytes(), lambda data: _read_archive(data, value, archive, folder)),
        **{
            f"package-{path.stem.split('-')[0]}": Target(path.read_bytes(), lambda data, path=path: _read_package(data, path, bag))  # type: ignore[misc]
            for path in (
                bag / "data" / "datapackage.json",
                bag / "data" / "blobs.parquet",
                bag / "data" / "tables" / "message" / "part-00000.parquet",
                *(bag / "data" / "packs").iterdir(),
            )
        },
        "package-changes": Target(
            b'{"event":"noted","code":"a.b","record":"user:u","count":1,"detail":""}\n{"event":"unreadable","kind":"user","where":"x","reason":"y"}\n',
            lambda data: _read_package(data, bag / "data" / "changes.ndjson", bag),
        ),
    }


def _messages() -> bytes:
    first = {"ts": "1.000001", "user": "U1", "text": "é :tada:", "reactions": [{"name": "x", "users": ["U1"], "count": 2}], "thread_ts": "1.000001"}
    second = {
        "ts": "2.000001",
        "subtype": "file_share",
        "files": [{"id": "F1", "size": 1, "initial_comment": {"id": "c", "comment": "x"}}],
        "edited": {"ts": "3.0"},
    }
    return json.dumps([first, second]).encode()


def _export() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("users.json", '[{"id":"U1","team_id":"T1","profile":{"email":"a@b"}}]')
        made.writestr("channels.json", '[{"id":"C1","name":"g","members":["U1"],"pins":[{"id":"1.000001","user":"U1","created":5}]}]')
        made.writestr("g/2019-01-01.json", _messages())
        made.writestr("__uploads/F1/x", "x")
    return archive.getvalue()


def _read_json(data: bytes) -> None:
    for element in read_array(data).elements:
        to_json(element)


def _read_slack(data: bytes, folder: Path) -> None:
    path = folder / "export.zip"
    path.write_bytes(data)
    with contextlib.suppress(ReversaError), contextlib.closing(SlackExporter.open(Locator("slack", str(path)), Options(private=True))) as exporter:
        _check(exporter, folder)


def _read_archive(data: bytes, file: Path, archive: Path, folder: Path) -> None:
    sound = file.read_bytes()
    file.write_bytes(data)
    try:
        with contextlib.suppress(ReversaError), contextlib.closing(HtmlExporter.open(Locator("html", str(archive)), Options())) as exporter:
            _check(exporter, folder, balanced=False)  # a mark changed in its bytes is counted, and not found as a record: that is said
    finally:
        file.write_bytes(sound)


def _check(exporter: SlackExporter | HtmlExporter, folder: Path, *, balanced: bool = True) -> None:
    """Export it: the package is whole, and both counts agree."""
    made = folder / "made"
    shutil.rmtree(made, ignore_errors=True)
    package = export(exporter, made, datetime(2026, 1, 1, tzinfo=UTC), lambda _step, _done, _whole: None)
    assert validate(made) == []
    assert not balanced or all(balance.unexplained == 0 for balance in package.manifest.balance), package.manifest.balance


def _read_package(data: bytes, file: Path, bag: Path) -> None:
    manifest, sound = Package(bag).manifest, file.read_bytes()
    file.write_bytes(data)
    for name in (MANIFEST, TAG_MANIFEST):
        (bag / name).unlink()
    _write_bag_files(bag, manifest)
    try:
        validate(bag)
        with contextlib.suppress(ReversaError):
            inspect(f"package:{bag}")
    finally:
        file.write_bytes(sound)
