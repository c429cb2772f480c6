"""What the export is compared with: a plain msgspec script that opens the zip the same way and writes the same kinds, rows and columns.

    python -m benchmarks.plain_package EXPORT.zip FOLDER

Each row has its SHA-256 and each table is Parquet, compressed as in a package. It takes values where it finds them,
keeps the order of the zip, checks nothing beyond JSON, counts nothing, removes no secrets, and stops at the first surprise.
"""

from __future__ import annotations

import hashlib
import sys
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from reversa.schema import arrow_schema
from reversa.systems.slack.messages import SYSTEM_SUBTYPES

BATCH = 16_384
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Json = dict[str, Any]

decode = msgspec.json.Decoder().decode
encode = msgspec.json.Encoder(order="sorted").encode


def when(ts: str) -> datetime:
    seconds, _, micros = ts.partition(".")
    return EPOCH + timedelta(seconds=int(seconds), microseconds=int(micros or 0))


def text(value: Any) -> str | None:
    return encode(value).decode() if value else None


class Tables:
    """One Parquet file per kind, written in batches."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.waiting: dict[str, list[Json]] = {}
        self.writers: dict[str, pq.ParquetWriter] = {}

    def add(self, kind: str, row: Json) -> None:
        row = {key: value for key, value in row.items() if value is not None}
        row["digest"] = hashlib.sha256(encode({"kind": kind} | row)).hexdigest()
        rows = self.waiting.setdefault(kind, [])
        rows.append(row)
        if len(rows) == BATCH:
            self.flush(kind)

    def flush(self, kind: str) -> None:
        schema = arrow_schema(kind)
        if kind not in self.writers:
            self.writers[kind] = pq.ParquetWriter(self.folder / f"{kind}.parquet", schema, compression="zstd", write_page_checksum=True)
        self.writers[kind].write_table(pa.Table.from_pylist(self.waiting.pop(kind), schema))

    def close(self) -> None:
        for kind in list(self.waiting):
            self.flush(kind)
        for writer in self.writers.values():
            writer.close()


def copy(source: str, tables: Tables) -> None:
    """Read the export conversation by conversation and write what is in it."""
    with zipfile.ZipFile(source, metadata_encoding="utf-8") as archive:
        names = archive.namelist()
        for entry in decode(archive.read("users.json")):
            user(entry, tables)
        folders: dict[str, str] = {}
        for file in ("channels.json", "groups.json", "mpims.json", "dms.json"):
            for entry in decode(archive.read(file)) if file in names else []:
                folders[entry.get("name") or entry["id"]] = entry["id"]
                space(entry, file, tables)
        for name in sorted(names):
            folder, _, file = name.partition("/")
            if folder in folders and file[:1] == "2":
                for entry in decode(archive.read(name)):
                    message(entry, folders[folder], tables)


def user(raw: Json, tables: Tables) -> None:
    profile, id = raw.pop("profile"), raw.pop("id")
    bot = raw.pop("is_bot", False)
    email = profile.pop("email", None)
    tables.add("user", {
        "id": id, "root": f"user:{id}", "updated_at": when(str(raw.pop("updated"))), "username": raw.pop("name"), "full_name": raw.pop("real_name", None),
        "display_name": profile.pop("display_name", None) or None, "title": profile.pop("title", None) or None, "emails": [email] if email else None,
        "user_type": "bot" if bot else "guest" if raw.pop("is_restricted", None) else "member", "active": not raw.pop("deleted"),
        "timezone": raw.pop("tz", None), "photo_url": profile.pop("image_72", None), "native": text(raw | {"profile": profile}),
    })  # fmt: skip


def space(raw: Json, file: str, tables: Tables) -> None:
    id, topic, purpose = raw.pop("id"), raw.pop("topic", {}), raw.pop("purpose", {})
    me = f"space:{id}"
    for member in raw.pop("members", None) or []:
        tables.add("membership", {"id": f"{id}/{member}", "root": me, "group": me, "member": f"user:{member}"})
    creator, set_at = raw.pop("creator", None), topic.pop("last_set", 0)
    tables.add("space", {
        "id": id, "root": me, "state": "archived" if raw.pop("is_archived", False) else None, "created_at": when(str(raw.pop("created"))),
        "created_by": f"user:{creator}" if creator else None, "name": raw.pop("name", None), "space_type": file.removesuffix("s.json"),
        "visibility": "public" if file == "channels.json" else "private", "description": purpose.pop("value", None) or None,
        "topic": topic.pop("value", None) or None, "topic_at": when(str(set_at)) if set_at else None,
        "native": text(raw | {"topic": topic, "purpose": purpose}),
    })  # fmt: skip


def message(raw: Json, space: str, tables: Tables) -> None:
    """One message, its reactions and files."""
    ts = raw.pop("ts")
    raw.pop("type", None)
    id = f"{space}/{ts}"
    me = f"message:{id}"
    author, thread, edited, subtype = (
        raw.pop("user", None) or raw.get("bot_id"),
        raw.pop("thread_ts", None),
        raw.pop("edited", None),
        raw.pop("subtype", None),
    )
    body = {key: raw.pop(key) for key in ("text", "blocks", "attachments") if key in raw}
    for reaction in raw.pop("reactions", ()):
        for who in reaction["users"]:
            key = reaction["name"]
            tables.add("reaction", {"id": f"{id}/{key}/{who}", "root": me, "created_by": f"user:{who}", "target": me, "key": key})
    single = raw.pop("file", None)
    for order, entry in enumerate([*([single] if single else ()), *raw.pop("files", ())]):
        file(entry, order, id, me, tables)
    tables.add("message", {
        "id": id, "root": me, "state": "deleted" if subtype == "tombstone" else None, "created_at": when(ts), "created_by": f"user:{author}" if author else None,
        "updated_at": when(edited["ts"]) if edited else None, "updated_by": f"user:{edited['user']}" if edited else None, "space": f"space:{space}",
        "thread": f"message:{space}/{thread}" if thread else None, "reply_to": f"message:{space}/{thread}" if thread and thread != ts else None,
        "message_type": "system" if subtype in SYSTEM_SUBTYPES else "bot" if subtype == "bot_message" or "bot_id" in raw else "user", "subtype": subtype,
        "author_name": raw.pop("username", None), "body": {"format": "slack-message", "text": text(body)} if body else None,
        "broadcast": subtype == "thread_broadcast" or None, "native": text(raw),
    })  # fmt: skip


def file(raw: Json, order: int, message_id: str, message: str, tables: Tables) -> None:
    author, created, updated = raw.pop("user", None), raw.pop("created", None), raw.pop("updated", None)
    mode = raw.get("mode")
    tables.add("file", {
        "id": f"{message_id}/{raw.get('id', '-')}", "root": message, "order": order, "state": "deleted" if mode == "tombstone" else None,
        "created_at": when(str(created)) if created else None, "created_by": f"user:{author}" if author else None,
        "updated_at": when(str(updated)) if updated else None, "url": raw.pop("permalink", None), "target": message, "name": raw.pop("name", None),
        "title": raw.pop("title", None), "media_type": raw.pop("mimetype", None), "size": raw.pop("size", None),
        "availability": {"tombstone": "deleted", "hidden_by_limit": "hidden", "external": "external"}.get(mode or "", "absent"), "native": text(raw),
    })  # fmt: skip


def main() -> None:
    folder = Path(sys.argv[2])
    folder.mkdir(parents=True)
    tables = Tables(folder)
    copy(sys.argv[1], tables)
    tables.close()


if __name__ == "__main__":
    main()
