"""What reversa is compared with: a plain script that opens the zip the same way and writes the same kinds, rows and columns.

It takes values where it finds them, keeps no package, checks nothing, cannot go on after a stop, and proves nothing.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

BATCH = 1000


def when(ts: str) -> str:
    """ISO 8601 with six digits, as the SQL importer writes it."""
    seconds, _, micros = ts.partition(".")
    return datetime.fromtimestamp(int(seconds), UTC).replace(microsecond=int(micros or 0)).isoformat(timespec="microseconds")


class Target:
    """The tables that the SQL importer makes, filled row by row."""

    def __init__(self, path: str, schema: list[str]) -> None:
        self.db = sqlite3.connect(path, isolation_level=None)
        for statement in schema:
            self.db.execute(statement)
        self.columns = {t: [r[1] for r in self.db.execute(f"PRAGMA table_info({t})")] for t in ("message", "reaction", "file", "user", "space", "membership", "comment", "opaque")
                        for t in [f"reversa_{t}"]}  # fmt: skip
        self.db.execute("INSERT INTO reversa_source VALUES (1, 'slack', 'plain')")
        self.keys: dict[tuple[str, str], int] = {}
        self.waiting: dict[str, list[tuple[Any, ...]]] = {}
        self.rows = 0
        self.db.execute("BEGIN")

    def key(self, kind: str, id: str) -> int:
        found = self.keys.get((kind, id))
        if found is None:
            found = self.keys[kind, id] = len(self.keys) + 1
            self.add("reversa_entity", (found, 1, kind, id))
        return found

    def record(self, kind: str, id: str, values: dict[str, Any]) -> None:
        table = f"reversa_{kind}"
        values["entity"] = self.key(kind, id)
        self.add(table, tuple(values.get(column) for column in self.columns[table]))
        self.rows += 1
        if self.rows % BATCH == 0:
            self.flush()

    def add(self, table: str, row: tuple[Any, ...]) -> None:
        self.waiting.setdefault(table, []).append(row)

    def flush(self) -> None:
        for table, rows in self.waiting.items():
            self.db.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
        self.waiting = {}
        self.db.execute("COMMIT")
        self.db.execute("BEGIN")

    def close(self) -> None:
        self.flush()
        self.db.execute("COMMIT")
        self.db.close()


def load(source: str, target: Target) -> None:
    """Read the export conversation by conversation and write what is in it."""
    with zipfile.ZipFile(source, metadata_encoding="utf-8") as archive:
        names = archive.namelist()
        for user in json.loads(archive.read("users.json")):
            profile = user.pop("profile")
            target.record("user", user["id"], {"root": target.key("user", user["id"]), "username": user["name"], "full_name": profile.get("real_name"),
                                               "display_name": profile.get("display_name"), "active": not user["deleted"], "timezone": user.get("tz"),
                                               "title": profile.get("title"), "native": json.dumps([user, profile])})  # fmt: skip
        folders: dict[str, str] = {}
        for file in ("channels.json", "groups.json", "mpims.json", "dms.json"):
            for space in json.loads(archive.read(file)) if file in names else []:
                folders[space.get("name") or space["id"]] = space["id"]
                me = target.key("space", space["id"])
                topic = space.pop("topic", {})
                target.record(
                    "space",
                    space["id"],
                    {"root": me, "name": space.get("name"), "created_at": when(str(space["created"])), "topic": topic.get("value")},
                )
                for member in space.get("members") or []:
                    target.record("membership", f"{space['id']}/{member}", {"root": me, "group": me, "member": target.key("user", member)})
        for name in sorted(names):
            folder, _, _ = name.partition("/")
            if folder in folders and name.count("/") == 1 and name.endswith(".json") and not name.endswith("canvas_in_the_conversation.json"):
                for message in json.loads(archive.read(name)):
                    put(target, folders[folder], message)


def put(target: Target, space: str, message: dict[str, Any]) -> None:
    """One message, its reactions and files."""
    ts = message.pop("ts")
    id = f"{space}/{ts}"
    me = target.key("message", id)
    user, thread, edited = message.pop("user", None), message.pop("thread_ts", None), message.pop("edited", None)
    body = {key: message.pop(key) for key in ("text", "blocks", "attachments") if key in message}
    reactions, files = message.pop("reactions", None) or [], message.pop("files", None) or []
    target.record("message", id, {
        "root": me, "space": target.key("space", space), "created_at": when(ts), "created_by": target.key("user", user) if user else None,
        "thread": target.key("message", f"{space}/{thread}") if thread else None, "subtype": message.pop("subtype", None),
        "reply_to": target.key("message", f"{space}/{thread}") if thread and thread != ts else None, "message_type": "user",
        "updated_at": when(edited["ts"]) if edited else None, "body_format": "slack-message", "body_text": json.dumps(body, ensure_ascii=False),
        "native": json.dumps(message, ensure_ascii=False),
    })  # fmt: skip
    for reaction in reactions:
        for who in reaction["users"]:
            target.record(
                "reaction",
                f"{id}/{reaction['name']}/{who}",
                {"root": me, "target": me, "key": reaction["name"], "created_by": target.key("user", who)},
            )
    for file in files:
        target.record("file", f"{id}/{file['id']}", {"root": me, "target": me, "name": file.get("name"), "title": file.get("title"), "media_type": file.get("mimetype"),
                                                     "size": file.get("size"), "native": json.dumps(file)})  # fmt: skip


def schema() -> Iterator[str]:
    """The statements that create the tables and indexes of the SQL importer."""
    from sqlalchemy.dialects import sqlite
    from sqlalchemy.schema import CreateIndex, CreateTable

    from reversa.systems.sql.tables import tables_of

    for table in tables_of("sqlite").metadata.sorted_tables:
        yield str(CreateTable(table).compile(dialect=sqlite.dialect()))
        yield from (str(CreateIndex(index).compile(dialect=sqlite.dialect())) for index in table.indexes)


if __name__ == "__main__":
    made = Target(sys.argv[2], list(schema()))
    load(sys.argv[1], made)
    made.close()
