"""Slack exports: known truth asserted on the package with DuckDB, an independent counter on the real ones, bad input counted."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from reversa.adapter import Locator, Options
from reversa.errors import SourceError
from reversa.exporters.slack import SlackExporter
from reversa.exporting import export
from reversa.package import Package
from reversa.validating import validate
from tests.golden import golden
from tests.paths import REAL_EXPORT, shelf

Truth = dict[str, Any]


def read(source: Path, folder: Path, **options: Any) -> Package:
    """Export a source into a package below ``folder``."""
    exporter = SlackExporter.open(Locator("slack", str(source)), Options(**options))
    try:
        return export(exporter, folder / "package", datetime(2026, 1, 1, tzinfo=UTC), lambda _step, _done, _whole: None)
    finally:
        exporter.close()


def ask(package: Package, question: str) -> list[tuple[Any, ...]]:
    """Rows of a DuckDB query; a kind's name stands for its table, an absent table is empty."""
    with duckdb.connect() as db:
        for kind in package.kinds():
            db.execute(f"CREATE VIEW \"{kind}\" AS SELECT * FROM '{package.folder}/data/tables/{kind}/*.parquet'")
        return db.execute(question).fetchall()


def one(package: Package, question: str) -> Any:
    return ask(package, question)[0][0]


# ------------------------------------------------------------------------------------------- generated, with a known truth


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Package, Truth]:
    source = shelf("samples/generated/small.zip")
    truth = json.loads(source.with_name("small.zip.truth.json").read_text(encoding="utf-8"))
    return read(source, tmp_path_factory.mktemp("small"), private=True), truth


COUNTS = {
    "authors absent from users.json": "SELECT count(*) FROM message m JOIN \"user\" u ON m.created_by = 'user:' || u.id WHERE u.placeholder AND u.id NOT LIKE 'B%'",
    "edited": "SELECT count(*) FROM message WHERE updated_at IS NOT NULL",
    "file access_denied": "SELECT count(*) FROM file WHERE availability = 'denied'",
    "file external": "SELECT count(*) FROM file WHERE availability = 'external'",
    "file hidden_by_limit": "SELECT count(*) FROM file WHERE availability = 'hidden'",
    "file hosted": "SELECT count(*) FROM file WHERE availability = 'present' AND sha256 IS NOT NULL",
    "file tombstone": "SELECT count(*) FROM file WHERE availability = 'deleted' AND state = 'deleted'",
    "from a bot": "SELECT count(*) FROM message WHERE native LIKE '%\"bot_id\":%'",
    "messages": "SELECT count(*) FROM message",
    "messages in the millisecond of another of the channel": "SELECT count(*) - count(DISTINCT (space, date_trunc('millisecond', created_at))) FROM message",
    "messages with the ts of another of the channel": "SELECT count(*) FROM message WHERE id LIKE '%~2'",
    "reactions": "SELECT count(*) FROM reaction",
    "reactions with skin tone": "SELECT count(*) FROM reaction WHERE key LIKE '%::skin-tone-%'",
    "replies": "SELECT count(*) FROM message WHERE reply_to IS NOT NULL AND reply_to = thread",
    "replies on another day than their root": """SELECT count(*) FROM message r JOIN message m ON r.reply_to = 'message:' || m.id
        WHERE (r.created_at AT TIME ZONE 'America/Los_Angeles')::DATE <> (m.created_at AT TIME ZONE 'America/Los_Angeles')::DATE""",
    "replies whose root is not in the export": "SELECT count(*) FROM message WHERE reply_to IS NOT NULL AND reply_to NOT IN (SELECT 'message:' || id FROM message)",
    "text empty, attachments present": "SELECT count(*) FROM message WHERE body.text::JSON->>'text' = '' AND json_array_length(body.text::JSON->'attachments') > 0",
    "text empty, blocks present": "SELECT count(*) FROM message WHERE body.text::JSON->>'text' = '' AND json_array_length(body.text::JSON->'blocks') > 0",
    "text over 16383 characters": "SELECT count(*) FROM message WHERE length(body.text::JSON->>'text') > 16383",
    "thread roots": "SELECT count(*) FROM message WHERE thread = root AND reply_to IS NULL",
    "subtype -": "SELECT count(*) FROM message WHERE subtype IS NULL",
}


def test_every_count_of_the_truth_holds(small: tuple[Package, Truth]) -> None:
    package, truth = small
    asked = COUNTS | {
        name: f"SELECT count(*) FROM message WHERE subtype = '{name[8:]}'"
        for name in truth["counts"]
        if name.startswith("subtype ") and name != "subtype -"
    }
    found = {name: one(package, question) for name, question in asked.items()}
    assert truth["counts"].keys() - found.keys() == {"day files"}
    assert found == {name: count for name, count in truth["counts"].items() if name != "day files"}


def test_every_conversation_of_the_truth_is_there(small: tuple[Package, Truth]) -> None:
    package, truth = small
    found = ask(package, "SELECT s.id, s.space_type, s.visibility, count(*) FROM space s JOIN message m ON m.space = 'space:' || s.id GROUP BY ALL")
    kinds = {("channel", "public"): "public", ("channel", "private"): "private", ("group-direct", "private"): "mpim", ("direct", "private"): "dm"}
    assert {(id, kinds[type_, visibility], count) for id, type_, visibility, count in found} == {
        (id, c["kind"], c["messages"]) for id, c in truth["conversations"].items()
    }


def test_users_are_told_apart(small: tuple[Package, Truth]) -> None:
    package, truth = small
    listed = 'SELECT count(*) FROM "user" WHERE placeholder IS NULL AND '
    found = {
        "bot": one(package, listed + "user_type = 'bot' AND active"),
        "deleted": one(package, listed + "NOT active"),
        "guest": one(package, listed + "user_type = 'guest'"),
        "member": one(package, listed + "user_type = 'member' AND active"),
    }
    assert found == truth["users"]


def test_every_file_body_is_there_and_is_its_own(small: tuple[Package, Truth]) -> None:
    package, truth = small
    found = {
        id.rpartition("/")[2]: (name, size, sha256)
        for id, name, size, sha256 in ask(package, "SELECT id, name, size, sha256 FROM file WHERE sha256 IS NOT NULL")
    }
    assert found == {id: (f["name"], f["size"], f["sha256"]) for id, f in truth["files"].items()}
    reader = package.blobs()
    for _, size, sha256 in found.values():
        content = reader.open(sha256).read()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (size, sha256)
    reader.close()


PLANTED = {
    "USLACKBOT": "created_by = 'user:USLACKBOT'",
    "attachments null": """body.text LIKE '{"attachments":null%'""",
    "bot with users.json entry": "message_type = 'bot' AND created_by IN (SELECT 'user:' || id FROM \"user\" WHERE user_type = 'bot' AND placeholder IS NULL)",
    "bot without users.json entry, text only in attachments": "created_by LIKE 'user:B%' AND author_name = 'jenkins' AND body.text::JSON->>'text' = ''",
    "by a deleted user": "created_by IN (SELECT 'user:' || id FROM \"user\" WHERE NOT active)",
    "code block": "body.text::JSON->>'text' LIKE '```%&lt;%&amp;&amp;%```%'",
    "edited": "updated_by = created_by AND updated_at > created_at",
    "file access_denied": "id IN (SELECT target[9:] FROM file WHERE availability = 'denied' AND sha256 IS NULL)",
    "file external": "id IN (SELECT target[9:] FROM file WHERE availability = 'external')",
    "file hidden_by_limit": "id IN (SELECT target[9:] FROM file WHERE availability = 'hidden')",
    "file hosted": "id IN (SELECT target[9:] FROM file WHERE availability = 'present' AND sha256 IS NOT NULL)",
    "file tombstone": "id IN (SELECT target[9:] FROM file WHERE availability = 'deleted')",
    "mrkdwn and escapes": "body.text::JSON->>'text' LIKE '*gras* _ital_ ~barré~ `a &lt; b` <https://example.org/?a=1&amp;b=2|lien>%'",
    "nine files": "(SELECT count(*) FROM file f WHERE f.target = 'message:' || message.id AND f.sha256 IS NOT NULL) = 9",
    "reactions: skin tone, custom emoji, deleted user, stranger": "(SELECT count(*) FROM reaction r WHERE r.target = 'message:' || message.id AND r.key IN ('+1::skin-tone-4', 'reversa_logo')) = 8",
    "reply after midnight": "reply_to IS NOT NULL",
    "reply under a tombstone": "reply_to IN (SELECT 'message:' || id FROM message WHERE state = 'deleted')",
    "reply whose root is missing": "reply_to NOT IN (SELECT 'message:' || id FROM message)",
    "stranger with user_profile": "created_by = (SELECT 'user:' || id FROM \"user\" WHERE full_name = 'Ève Ailleurs' AND username = 'eve' AND placeholder)",
    "stranger without user_profile": "created_by IN (SELECT 'user:' || id FROM \"user\" WHERE placeholder AND full_name IS NULL)",
    "subtype U00": "created_by = 'user:U00'",
    "subtype channel_topic": "message_type = 'system' AND native LIKE '%\"topic\":%'",
    "subtype file_comment": "id IN (SELECT root[9:] FROM comment WHERE target LIKE 'file:%' AND created_by = message.created_by AND body.text <> '')",
    "subtype me_message": "message_type = 'user'",
    "subtype tombstone": "state = 'deleted' AND message_type = 'system' AND native LIKE '%\"hidden\":true%'",
    "text of 16384 characters": "body.text::JSON->>'text' = repeat('a', 16384)",
    "text of 40000 characters": "body.text::JSON->>'text' = repeat('b', 40000)",
    "text only in blocks": "body.text::JSON->>'text' = '' AND body.text LIKE '%seulement dans blocks%'",
    "thread root": "thread = root AND reply_to IS NULL",
    "thread root before midnight": "thread = root AND reply_to IS NULL",
    "thread_broadcast": "broadcast AND native LIKE '%\"root\":%'",
    "tombstone root with replies": "thread = root AND state = 'deleted'",
    "two messages in one millisecond": "true",
    "two messages with the same ts": "body.text::JSON->>'text' IN ('premier', 'second')",
    "unicode": "body.text::JSON->>'text' = 'e\u0301 é 😀 👨‍👩‍👧 \u202eabc\u202c שלום 日本 \U00020000'",
}
SYSTEM = "message_type = 'system'"


def test_every_planted_case_is_as_it_was_planted(small: tuple[Package, Truth]) -> None:
    package, truth = small
    for case, places in truth["planted"].items():
        condition = PLANTED.get(case) or (SYSTEM if case.startswith("subtype ") else None)
        assert condition, f"no assertion for the case {case!r}"
        ids = sorted({f"{conversation}/{ts}" for conversation, ts in places})
        where = " OR ".join(f"id = '{id}' OR id LIKE '{id}~%'" for id in ids)
        found = one(package, f"SELECT count(*) FROM message WHERE ({where}) AND ({condition})")
        assert found == len(places), f"{case}: {found} of {len(places)}"


def test_tokens_never_reach_the_package(small: tuple[Package, Truth], tmp_path: Path) -> None:
    package, _ = small
    assert one(package, "SELECT count(*) FROM file WHERE native LIKE '%?t=TOKEN%' OR url LIKE '%?t=TOKEN%'") == 0
    token = "xoxe-1234567890-" + "abcdef0123456789"  # split, so that no scanner takes it for a real one
    message = {"ts": "1.000001", "text": f"{token} https://files.slack.com/files-pri/T1-F1/f?pub=1&t={token} https://youtu.be/x?t=42", "user": "U1"}
    leaky = read(_zip(tmp_path, {"general/2019-01-01.json": [message]}), tmp_path)
    for path in (p for p in leaky.folder.rglob("*") if p.is_file()):
        assert token.encode() not in path.read_bytes()
    text = one(leaky, "SELECT body.text FROM message")
    assert "https://youtu.be/x?t=42" in text
    assert [(h.change.code, h.count) for h in leaky.manifest.changes if "secret" in h.change.code] == [("message.body.secret", 1)]


def test_private_conversations_stay_out_unless_asked_for(tmp_path: Path, small: tuple[Package, Truth]) -> None:
    whole, truth = small
    package = read(shelf("samples/generated/small.zip"), tmp_path)
    private = sum(c["messages"] for c in truth["conversations"].values() if c["kind"] != "public")
    assert one(package, "SELECT count(*) FROM message") == truth["counts"]["messages"] - private
    assert one(package, "SELECT count(*) FROM space WHERE visibility <> 'public'") == 0
    left_out = {h.change.kind: h.count for h in package.manifest.changes if h.change.effect == "skipped"}
    assert left_out["message"] == private
    assert all(balance.unexplained == 0 for balance in package.manifest.balance)
    names = ask(whole, "SELECT name FROM space WHERE visibility = 'private' AND name IS NOT NULL")
    data = b"".join(p.read_bytes() for p in package.folder.rglob("*.ndjson"))
    assert not any(name.encode() in data for (name,) in names)


# ------------------------------------------------------------------------------------------- real exports

REAL = {"houstondatavis": lambda: REAL_EXPORT, "testarchive": lambda: shelf("samples/slack-export-viewer-testarchive.zip")}


def _count_independently(source: Path) -> dict[str, int]:
    """What lies in an export, by the simplest script there is."""
    count: Counter[str] = Counter()
    with zipfile.ZipFile(source) as archive:
        for name in archive.namelist():
            if name.endswith("/"):
                continue
            value = json.loads(archive.read(name))
            if name == "users.json":
                count["user"] = len(value)
            elif name == "channels.json":
                count["space"] = len(value)
                count["membership"] = sum(len(channel["members"]) for channel in value)
            elif "/" not in name:
                count["opaque"] += len(value)
            else:
                for message in value:
                    count["message"] += 1
                    files = message.get("files", []) + ([message["file"]] if "file" in message else [])
                    count["file"] += len(files)
                    for owner in [message, *files]:
                        count["reaction"] += sum(len(reaction["users"]) for reaction in owner.get("reactions", []))
                    count["comment"] += ("comment" in message) + sum("initial_comment" in file for file in files)
    return dict(count)


@pytest.mark.parametrize("name", REAL)
def test_an_independent_counter_agrees_on_real_exports(name: str, tmp_path: Path) -> None:
    source = REAL[name]()
    package = read(source, tmp_path, private=True)
    found = {kind: one(package, f'SELECT count(*) FROM "{kind}"') for kind in package.kinds()}
    placeholders = one(package, 'SELECT count(*) FROM "user" WHERE placeholder')
    assert found | {"user": found["user"] - placeholders} == _count_independently(source)
    assert all(balance.unexplained == 0 for balance in package.manifest.balance)
    assert package.manifest.unreadable == 0


@pytest.mark.parametrize("name", [*REAL, "generated"])
def test_the_share_that_is_carried_but_not_mapped(name: str, tmp_path: Path, accept: bool) -> None:
    source = REAL[name]() if name in REAL else shelf("samples/generated/small.zip")
    package = read(source, tmp_path, private=True)
    lines = []
    for kind in package.kinds():
        keys: Counter[str] = Counter()
        for (native,) in ask(package, f'SELECT native FROM "{kind}" WHERE native IS NOT NULL'):
            keys.update(value.keys() if isinstance(value := json.loads(native), dict) else ["(whole)"])
        total = one(package, f'SELECT count(*) FROM "{kind}"')
        lines.append(f"{kind}: {total} records, {package.manifest.not_mapped.get(kind, 0)} with source fields that have no home")
        lines += [f"    {key}: {count}" for key, count in sorted(keys.items())]
    golden(f"slack-not-mapped-{name}.txt", "\n".join(lines) + "\n", accept)


def test_a_folder_and_an_archive_give_the_same_package(tmp_path: Path) -> None:
    with zipfile.ZipFile(REAL_EXPORT) as archive:
        archive.extractall(tmp_path / "unpacked")  # our own sample, known to be harmless
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert read(REAL_EXPORT, tmp_path / "a").manifest.digest == read(tmp_path / "unpacked", tmp_path / "b").manifest.digest


# ------------------------------------------------------------------------------------------- small exports made by hand


def _zip(folder: Path, files: dict[str, Any], users: Any = None) -> Path:
    path = folder / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {
            "channels.json": [{"id": "C1", "name": "general"}],
            "users.json": users or [{"id": "U1", "team_id": "T1"}],
            **files,
        }.items():
            if content is not None:
                archive.writestr(name, content if isinstance(content, str | bytes) else json.dumps(content))
    return path


def _messages(package: Package) -> int:
    return int(one(package, "SELECT count(*) FROM message")) if "message" in package.kinds() else 0


GOOD = {"ts": "1.000001", "user": "U1", "text": "ok"}
DEEP = "[" * 100_000
BAD_DAYS: dict[str, tuple[str | bytes, int, str]] = {
    "broken half way": (json.dumps([GOOD, GOOD | {"ts": "2.000001"}])[:-20], 1, "message"),
    "cut in a character": (json.dumps([GOOD, GOOD | {"ts": "2.000001", "text": "é"}], ensure_ascii=False).encode()[:-4], 1, "message"),
    "not JSON at all": ("<html>", 0, "message"),
    "an object": (json.dumps(GOOD), 0, "message"),
    "empty": ("", 0, "message"),
    "too deep": (f"[{json.dumps(GOOD)}, {DEEP}", 1, "message"),
    "not UTF-8": (b"[\xff]", 0, "message"),
    "NaN": ('[{"ts": "1.000001", "text": "x"}, {"ts": "2.000001", "x": NaN}]', 1, "message"),
    "an element that is no message": (json.dumps([GOOD, 5, None, "x", {"text": "no ts"}, {"ts": "soon"}]), 1, "message"),
    "text after the end": (json.dumps([GOOD]) + "[1]", 1, "message"),
}


@pytest.mark.parametrize("case", BAD_DAYS)
def test_a_bad_day_file_is_a_counted_line_and_the_rest_goes_on(case: str, tmp_path: Path) -> None:
    content, good, kind = BAD_DAYS[case]
    package = read(_zip(tmp_path, {"general/2019-01-01.json": content, "general/2019-01-02.json": [GOOD | {"ts": "9.000001"}]}), tmp_path)
    assert _messages(package) == good + 1
    unreadable = [event for event in package.events() if event["event"] == "unreadable"]
    assert unreadable
    assert all(event["kind"] == kind and event["where"] == "general/2019-01-01.json" and event["reason"] for event in unreadable)
    assert all(balance.unexplained == 0 for balance in package.manifest.balance), package.manifest.balance
    assert validate(package.folder) == []


def test_a_day_of_junk_is_one_line_with_its_count(tmp_path: Path) -> None:
    package = read(_zip(tmp_path, {"general/2019-01-01.json": [0] * 300_000 + [GOOD]}), tmp_path)
    assert [event["count"] for event in package.events() if event["event"] == "unreadable"] == [300_000]
    balance = next(b for b in package.manifest.balance if b.kind == "message")
    assert (balance.seen, balance.records, balance.unreadable, balance.unexplained) == (300_001, 1, 300_000, 0)
    assert validate(package.folder) == []


def test_a_day_file_is_unpacked_once_and_one_that_was_not_read_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    days = [f"general/2019-01-0{day}.json" for day in (1, 2, 3)]
    source = _zip(tmp_path, {day: [GOOD | {"ts": f"{number}.000001"}] for number, day in enumerate(days, 1)})
    opened: Counter[str] = Counter()
    unpack = zipfile.ZipFile.open

    def counted(archive: zipfile.ZipFile, name: str, *arguments: Any, **options: Any) -> Any:
        opened[name] += 1
        return unpack(archive, name, *arguments, **options)

    monkeypatch.setattr(zipfile.ZipFile, "open", counted)
    package = read(source, tmp_path)
    assert [opened[day] for day in days] == [1, 1, 1]
    exporter = SlackExporter.open(Locator("slack", str(source)), Options())
    next(item for item in exporter.items() if getattr(item, "created_at", None))  # an exporter that stops at the first message
    assert exporter.census()["message"] == 3 == _messages(package)
    exporter.close()


WRONG_TYPES = {
    "user": 5, "text": ["x"], "subtype": {}, "thread_ts": 7, "reactions": "x", "files": {"id": "F"}, "file": "x", "edited": [], "blocks": 3,
    "attachments": "a", "username": False, "bot_id": 4, "comment": "x", "user_profile": 1, "bot_profile": [],
}  # fmt: skip


@pytest.mark.parametrize("key", WRONG_TYPES)
def test_a_value_of_another_type_is_carried_and_loses_no_message(key: str, tmp_path: Path) -> None:
    package = read(_zip(tmp_path, {"general/2019-01-01.json": [GOOD | {key: WRONG_TYPES[key]}]}), tmp_path)
    native, body = ask(package, "SELECT native, body.text FROM message")[0]
    carried = json.loads(native or "{}") | json.loads(body or "{}")
    assert carried[key] == WRONG_TYPES[key]
    assert all(balance.unexplained == 0 for balance in package.manifest.balance), package.manifest.balance


def test_odd_reactions_are_carried_beside_the_good_ones(tmp_path: Path) -> None:
    reactions = [{"name": "+1", "users": ["U1", 5], "count": 9}, {"name": 7, "users": []}, "x", {"name": "tada", "users": None}]
    package = read(_zip(tmp_path, {"general/2019-01-01.json": [GOOD | {"reactions": reactions}]}), tmp_path)
    assert ask(package, "SELECT key, created_by FROM reaction") == [("+1", "user:U1")]
    assert json.loads(one(package, "SELECT native FROM message"))["reactions"] == reactions
    assert [(h.change.code, h.count) for h in package.manifest.changes] == [("slack.reaction.people-not-listed", 7)]


def test_numbers_keep_their_digits(tmp_path: Path) -> None:
    day = '[{"ts": "1.000001", "x": 0.1000000000000000055511151231257827, "y": 1e400, "z": 12345678901234567890123}]'
    package = read(_zip(tmp_path, {"general/2019-01-01.json": day}), tmp_path)
    assert one(package, "SELECT native FROM message") == '{"x":0.1000000000000000055511151231257827,"y":1e400,"z":12345678901234567890123}'


def test_half_a_character_is_kept_as_its_escape_and_counted(tmp_path: Path) -> None:
    day = '[{"ts": "1.000001", "text": "a\\ud800b"}]'
    package = read(_zip(tmp_path, {"general/2019-01-01.json": day}), tmp_path)
    assert json.loads(one(package, "SELECT body.text FROM message"))["text"] == "a\\ud800b"
    assert [(h.change.code, h.count) for h in package.manifest.changes] == [("slack.message.lone-surrogate", 1)]


def test_messages_with_one_ts_are_all_kept_and_equal_ones_are_one(tmp_path: Path) -> None:
    first, second = GOOD | {"text": "a", "reactions": [{"name": "x", "users": ["U1"], "count": 1}]}, GOOD | {"text": "b"}
    package = read(_zip(tmp_path, {"general/2019-01-01.json": [second, first, second]}), tmp_path)
    rows = ask(package, "SELECT id, body.text::JSON->>'text' FROM message ORDER BY id")
    assert [id for id, _ in rows] == ["C1/1.000001", "C1/1.000001~2"]
    assert {text for _, text in rows} == {"a", "b"}
    owner = next(id for id, text in rows if text == "a")
    assert ask(package, "SELECT target FROM reaction") == [(f"message:{owner}",)]
    (balance,) = (b for b in package.manifest.balance if b.kind == "message")
    assert (balance.seen, balance.records, balance.merged, balance.unexplained) == (3, 2, 1, 0)


def test_pins_are_on_their_messages_and_pins_of_nothing_are_carried(tmp_path: Path) -> None:
    pins = [{"id": "1.000001", "type": "C", "created": 5, "user": "U1"}, {"id": "7.000007", "created": 6, "user": "U1"}]
    package = read(_zip(tmp_path, {"channels.json": [{"id": "C1", "name": "general", "pins": pins}], "general/2019-01-01.json": [GOOD]}), tmp_path)
    assert ask(package, "SELECT pinned_by, epoch(pinned_at)::INT FROM message") == [("user:U1", 5)]
    assert json.loads(one(package, "SELECT native FROM space"))["pins"] == pins[1:]


def test_two_conversations_of_one_name_are_said(tmp_path: Path) -> None:
    channels = [{"id": "C1", "name": "general"}, {"id": "C2", "name": "general"}]
    package = read(_zip(tmp_path, {"channels.json": channels, "general/2019-01-01.json": [GOOD]}), tmp_path)
    assert ask(package, "SELECT space FROM message") == [("space:C1",)]
    assert [(h.change.code, h.count) for h in package.manifest.changes] == [("slack.space.folder-shared", 1)]


def test_a_folder_that_no_list_names_is_private_until_asked_for(tmp_path: Path) -> None:
    source = _zip(tmp_path, {"general/2019-01-01.json": [GOOD], "secret/2019-01-01.json": [GOOD]})
    assert _messages(read(source, tmp_path)) == 1
    (tmp_path / "all").mkdir()
    package = read(source, tmp_path / "all", private=True)
    assert ask(package, "SELECT id, visibility FROM space WHERE visibility = 'unknown'") == [("secret", "unknown")]
    assert all(balance.unexplained == 0 for balance in package.manifest.balance)


def test_strange_files_are_kept_whole(tmp_path: Path) -> None:
    files = {
        "general/2019-01-01.json": [GOOD],
        "general/notes.txt": b"\x00\xff",
        "readme.txt": "hello",
        "lists.json": [{"a": 1}],
        "odd.json": {"not": "a list"},
    }
    package = read(_zip(tmp_path, files), tmp_path)
    kept = ask(package, "SELECT id, native_kind, size FROM opaque ORDER BY id")
    assert kept == [("general/notes.txt", "file", 2), ("lists.json#0", "lists", None), ("readme.txt", "file", 5)]
    assert [e["where"] for e in package.events() if e["event"] == "unreadable"] == ["odd.json"]


def test_a_grid_export_keeps_its_workspaces_apart(tmp_path: Path) -> None:
    files = {
        "users.json": None, "org_users.json": [{"id": "W1", "team_id": "E1"}],
        "general/2019-01-01.json": [GOOD], "teams/sales/channels.json": [{"id": "C2", "name": "general"}],
        "teams/sales/general/2019-01-01.json": [GOOD | {"user": "W1"}],
    }  # fmt: skip
    package = read(_zip(tmp_path, files), tmp_path)
    assert ask(package, "SELECT id FROM message ORDER BY id") == [("C1/1.000001",), ("C2/1.000001",)]
    assert ask(package, 'SELECT id, placeholder FROM "user" ORDER BY id') == [("U1", True), ("W1", None)]


def test_missing_users_are_a_counted_loss(tmp_path: Path) -> None:
    package = read(_zip(tmp_path, {"users.json": None, "general/2019-01-01.json": [GOOD | {"user_profile": {"real_name": "Ann"}}]}), tmp_path)
    assert ask(package, 'SELECT id, full_name, placeholder FROM "user"') == [("U1", "Ann", True)]
    assert ("slack.user.list-missing", 1) in [(h.change.code, h.count) for h in package.manifest.changes]


# ------------------------------------------------------------------------------------------- hostile archives


def _entries(write: Callable[[zipfile.ZipFile], None]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = _zip(folder, {"general/2019-01-01.json": [GOOD]})
        with zipfile.ZipFile(path, "a") as archive:
            write(archive)
        return path

    return make


def _link(archive: zipfile.ZipFile) -> None:
    info = zipfile.ZipInfo("general/2019-01-02.json")
    info.external_attr = 0o120777 << 16
    archive.writestr(info, "/etc/passwd")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_entries(lambda a: a.writestr("../evil.json", "[]")), "outside"),
        (_entries(lambda a: a.writestr("/evil.json", "[]")), "outside"),
        (_entries(_link), "link"),
        (_entries(lambda a: a.writestr("general/2019-01-01.json", "[]")), "twice"),
        (_entries(lambda a: a.writestr("general/2019-01-02.json", "[" + " " * 60_000_000, zipfile.ZIP_BZIP2)), "unpacks"),
    ],
)
def test_an_entry_that_no_honest_export_holds_is_refused_and_named(make: Callable[[Path], Path], reason: str, tmp_path: Path) -> None:
    package = read(make(tmp_path), tmp_path)
    refused = [event for event in package.events() if event["event"] == "unreadable"]
    assert [reason in event["reason"] for event in refused] == [True]
    assert all(balance.unexplained == 0 for balance in package.manifest.balance)
    assert {p.name for p in tmp_path.iterdir()} == {"export.zip", "package"}


def test_a_damaged_entry_is_a_counted_line(tmp_path: Path) -> None:
    path = _zip(
        tmp_path, {"general/2019-01-01.json": json.dumps([GOOD | {"text": "findme"}]), "general/2019-01-02.json": [GOOD | {"ts": "2.000001"}]}
    )
    path.write_bytes(path.read_bytes().replace(b"findme", b"foundm"))
    package = read(path, tmp_path)
    assert _messages(package) == 1
    assert [e["where"] for e in package.events() if e["event"] == "unreadable"] == ["general/2019-01-01.json"]


def _not_archives() -> Iterator[tuple[str, bytes]]:
    whole = REAL_EXPORT.read_bytes()
    yield "cut short", whole[: len(whole) // 2]
    yield "empty", b""
    yield "text", b"hello"


@pytest.mark.parametrize(("case", "content"), list(_not_archives()))
def test_an_archive_that_is_not_one_is_a_clear_error(case: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "export.zip"
    path.write_bytes(content)
    with pytest.raises(SourceError, match="not a whole zip archive") as caught:
        SlackExporter.open(Locator("slack", str(path)), Options())
    assert caught.value.hint, case


# ------------------------------------------------------------------------------------------- what an attacker tried

LEAK = "LEAKED"
LEAKS: dict[str, dict[str, Any]] = {
    "a private channel of a Grid workspace": {
        "teams/T1/channels.json": [{"id": "C9", "name": "open"}], "teams/T1/groups.json": [{"id": "G9", "name": f"g{LEAK}"}],
        f"teams/T1/g{LEAK}/2020-01-01.json": [GOOD | {"text": LEAK}], f"teams/T1/g{LEAK}/attachments/FPRIV4-x.txt": LEAK,
        f"teams/T1/g{LEAK}/plan.txt": LEAK, f"teams/T1/g{LEAK}/canvas_in_the_conversation.json": [{"id": "F9", "title": LEAK}],
        "teams/T1/__uploads/FPRIV5/x": LEAK,
    },
    "comments on a canvas": {f"FC:F0AAAAAAA:{LEAK}/2020-01-01.json": [{"ts": "1500000003.1", "user": f"U{LEAK}", "text": LEAK}]},
    "a canvas of a direct message": {"canvases.json": [{"id": "F1", "title": LEAK, "channels": ["D1"]}, {"id": "F2", "title": LEAK, "dm_mpdm_users_with_file_access": ["U1"]}]},
    "names of what is left out": {"dms.json": [{"id": f"D{LEAK}", "members": [f"U{LEAK}"]}], f"D{LEAK}/2020-01-01.json": "{broken", f"un{LEAK}/2020-01-01.json": [GOOD]},
    "a broken list in a private folder": {f"un{LEAK}/2020-01-01.json": [GOOD], f"un{LEAK}/canvas_in_the_conversation.json": "{"},
    **{
        f"channels.json with {mark}": {"channels.json": [{"id": "C1", "name": "general"}, {"id": "C2", "name": LEAK} | mark], f"{LEAK}/2020-01-01.json": [GOOD | {"text": LEAK}]}
        for mark in ({"is_private": 1}, {"is_private": "true"}, {"is_im": True}, {"is_mpim": True})
    },
}  # fmt: skip


@pytest.mark.parametrize("case", LEAKS)
def test_nothing_private_is_told_unless_asked_for(case: str, tmp_path: Path) -> None:
    source = _zip(tmp_path, {"general/2019-01-01.json": [GOOD]} | LEAKS[case])
    package = read(source, tmp_path)
    assert _messages(package) == 1
    for table in package.folder.rglob("*.parquet"):
        assert LEAK not in str(pq.read_table(table).to_pylist()), table
    for path in (p for p in package.folder.rglob("*") if p.is_file()):
        assert LEAK.encode() not in path.read_bytes(), path
    assert all(balance.unexplained == 0 for balance in package.manifest.balance), package.manifest.balance
    (tmp_path / "all").mkdir()
    whole = read(source, tmp_path / "all", private=True)
    assert all(balance.unexplained == 0 for balance in whole.manifest.balance), whole.manifest.balance


def test_a_private_conversation_with_the_id_of_a_public_one_stays_apart(tmp_path: Path) -> None:
    files = {"general/2019-01-01.json": [GOOD], "groups.json": [{"id": "C1", "name": "sec"}], "sec/2019-01-01.json": [GOOD | {"text": "private"}]}
    package = read(_zip(tmp_path, files), tmp_path, private=True)
    assert ask(package, "SELECT space, body.text::JSON->>'text' FROM message ORDER BY space") == [("space:C1", "ok"), ("space:C1~2", "private")]
    assert ask(package, "SELECT id, visibility FROM space ORDER BY id") == [("C1", "public"), ("C1~2", "private")]


def test_a_damaged_attachment_is_a_counted_loss(tmp_path: Path) -> None:
    path = _zip(
        tmp_path,
        {"general/2019-01-01.json": [GOOD | {"files": [{"id": "FABC", "size": 7}]}], "__uploads/FABC/a": b"AAAABBBB", "notes.txt": b"CCCCBBBB"},
    )
    path.write_bytes(path.read_bytes().replace(b"AAAABBBB", b"ZZZZBBBB").replace(b"CCCCBBBB", b"ZZZZBBBB"))
    package = read(path, tmp_path)
    assert ask(package, "SELECT sha256 FROM file UNION ALL SELECT sha256 FROM opaque") == [(None,), (None,)]
    assert [(h.change.code, h.count) for h in package.manifest.changes] == [("file.sha256.unreadable", 1), ("opaque.sha256.unreadable", 1)]


def test_a_body_of_another_size_than_stated_is_said(tmp_path: Path) -> None:
    package = read(
        _zip(tmp_path, {"general/2019-01-01.json": [GOOD | {"files": [{"id": "FABC", "size": 123456}]}], "__uploads/FABC/a": b"short"}), tmp_path
    )
    assert one(package, "SELECT size FROM file") == 5
    assert [(e["code"], e["detail"]) for e in package.events()] == [("file.size.differs", "stated 123456, found 5")]


def test_one_ts_on_two_days_and_twice_on_one(tmp_path: Path) -> None:
    files = {"general/2019-01-01.json": [GOOD, GOOD | {"text": "b"}], "general/2019-01-02.json": [GOOD | {"text": "c"}]}
    package = read(_zip(tmp_path, files), tmp_path)
    assert [id for (id,) in ask(package, "SELECT id FROM message ORDER BY id")] == ["C1/1.000001", "C1/1.000001~2", "C1/1.000001~3"]
    assert validate(package.folder) == []


MISCOUNTS: dict[str, dict[str, Any]] = {
    "no time": {"general/2019-01-01.json": [GOOD | {"ts": "0", "reactions": [{"name": "x", "users": ["U1"]}], "files": [{"id": "F1"}]}]},
    "a number for ts": {"general/2019-01-01.json": [GOOD | {"ts": 1500000009, "reactions": [{"name": "x", "users": ["U1"]}]}]},
    "nobody among the users": {"general/2019-01-01.json": [GOOD | {"reactions": [{"name": "x", "users": ["U1", ""]}]}]},
    "a byte that is not UTF-8": {"general/2019-01-01.json": json.dumps([GOOD, GOOD | {"ts": "2.000001", "text": "é"}], ensure_ascii=False).encode("latin-1")},
    "such a byte in users.json": {"users.json": b'[{"id": "U1"}, {"id": "U2", "name": "\xe9"}]', "general/2019-01-01.json": [GOOD]},
    "two folders": {"general/2019-01-01.json": [GOOD], "C1/2019-01-02.json": [GOOD | {"ts": "2.000001"}]},
    "an entry without id": {"channels.json": [{"id": "C1", "name": "general"}, {"name": "lost"}], "lost/2019-01-01.json": [GOOD]},
    "a folder called None": {"channels.json": [{"id": "C1"}], "None/2019-01-01.json": [GOOD], "C1/2019-01-01.json": [GOOD]},
    "nested too deeply beside half a character": {"general/2019-01-01.json": '[{"ts": "1.000001", "text": "\\ud800", "x": ' + "[" * 700 + "]" * 700 + "}]"},
}  # fmt: skip


@pytest.mark.parametrize("case", MISCOUNTS)
@pytest.mark.parametrize("private", [False, True])
def test_both_counts_agree_on_odd_input(case: str, private: bool, tmp_path: Path) -> None:
    package = read(_zip(tmp_path, MISCOUNTS[case]), tmp_path, private=private)
    assert all(balance.unexplained == 0 for balance in package.manifest.balance), package.manifest.balance
