"""What memo holds, in one SQLite file: objects with properties, links to one another and custom fields of text."""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

OF_ALL = {"created": str, "edited": str}
PROPERTIES: dict[str, dict[str, type]] = {
    "accounts": {"login": str, "name": str, "title": str, "emails": list, "active": bool, "locale": str, "timezone": str},
    "boards": {"name": str, "title": str, "topic": str, "description": str, "visibility": str},
    "notes": {"text": str},
    "reactions": {"emoji": str},
    "files": {"name": str, "media_type": str},
}
LINKS: dict[str, dict[str, str]] = {
    "accounts": {"author": "accounts"},
    "boards": {"author": "accounts", "parent": "boards"},
    "notes": {"author": "accounts", "board": "boards", "thread": "notes", "reply_to": "notes"},
    "reactions": {"author": "accounts", "note": "notes"},
    "files": {"author": "accounts", "note": "notes"},
}
"""Type → link → type of what it leads to."""
OWNER = 1
"""The account that stands for whoever holds the secret."""
_SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = OFF;
CREATE TABLE IF NOT EXISTS object (id INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT NOT NULL, properties TEXT NOT NULL,
    upload TEXT, shown_request INTEGER NOT NULL, shown_time REAL NOT NULL);
CREATE TABLE IF NOT EXISTS link (object INTEGER NOT NULL, name TEXT NOT NULL, target INTEGER NOT NULL, PRIMARY KEY (object, name));
CREATE TABLE IF NOT EXISTS field (object INTEGER NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (object, name));
CREATE TABLE IF NOT EXISTS upload (id TEXT PRIMARY KEY, content BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS field_value ON field (name, value);
CREATE INDEX IF NOT EXISTS link_target ON link (target);
"""


class Wrong(Exception):
    """A request that is answered with an HTTP status and a reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class Objects:
    """The objects in a folder. Not for several threads at once; a ``with`` around it is a transaction.

    What is created shows in lists ``late_requests`` requests and ``late_seconds`` later; by its id it is there at once.
    """

    def __init__(self, folder: Path, page: int, late_requests: int, late_seconds: float) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._page, self._late_requests, self._late_seconds = page, late_requests, late_seconds
        self.requests = 0
        """Requests that were let in."""
        self._db = sqlite3.connect(folder / "memo.sqlite", isolation_level=None, check_same_thread=False)
        self._db.executescript(_SCHEMA)
        self._db.execute("UPDATE object SET shown_request = 0, shown_time = 0")
        if not self.exists("accounts", str(OWNER)):
            self._db.execute("INSERT INTO object VALUES (?, 'accounts', ?, NULL, 0, 0)", (OWNER, json.dumps({"name": "owner of the workspace"})))

    def __enter__(self) -> None:
        self._db.execute("BEGIN")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._db.execute("COMMIT" if kind is None else "ROLLBACK")

    def close(self) -> None:
        self._db.close()

    # ------------------------------------------------------------------------------------------- one

    def exists(self, type_: str, id: str) -> bool:
        found = self._db.execute("SELECT type FROM object WHERE id = ?", (int(id),)).fetchone() if id.isdecimal() else None
        return found == (type_,)

    def create(self, type_: str, given: dict[str, Any]) -> int:
        """A new object. Author and date are those of the request unless given."""
        upload = given.pop("upload", None)
        if upload is not None and (type_ != "files" or not self._db.execute("SELECT 1 FROM upload WHERE id = ?", (upload,)).fetchone()):
            raise Wrong(400, "there is no such upload")
        shown = self.requests + self._late_requests, time.time() + self._late_seconds
        id = int(self._db.execute("INSERT INTO object VALUES (NULL, ?, '{}', ?, ?, ?)", (type_, upload, *shown)).lastrowid or 0)
        self.change(type_, id, {"created": datetime.now(UTC).isoformat(), "author": OWNER, **given})
        return id

    def change(self, type_: str, id: int, given: dict[str, Any]) -> None:
        """Set what is given and leave the rest; null takes away, among the custom fields too."""
        (held,) = self._db.execute("SELECT properties FROM object WHERE id = ?", (id,)).fetchone()
        properties = json.loads(held)
        for name, value in given.items():
            if name == "fields":
                self._set_fields(id, value)
            elif name in LINKS[type_]:
                self._link(id, name, LINKS[type_][name], value)
            elif (takes := (PROPERTIES[type_] | OF_ALL).get(name)) and (value is None or isinstance(value, takes)):
                properties[name] = _millisecond(value) if name in OF_ALL and value is not None else value
            else:
                raise Wrong(400, f"{type_} have no {name} like that")
        self._db.execute("UPDATE object SET properties = ? WHERE id = ?", (json.dumps(properties), id))

    def _set_fields(self, id: int, given: Any) -> None:
        if not isinstance(given, dict) or not all(value is None or isinstance(value, str) for value in given.values()):
            raise Wrong(400, "custom fields hold text")
        self._db.executemany("DELETE FROM field WHERE object = ? AND name = ?", [(id, name) for name in given])
        self._db.executemany("INSERT INTO field VALUES (?, ?, ?)", [(id, name, value) for name, value in given.items() if value is not None])

    def _link(self, id: int, name: str, type_: str, target: Any) -> None:
        self._db.execute("DELETE FROM link WHERE object = ? AND name = ?", (id, name))
        if target is not None:
            if not self.exists(type_, str(target)):
                raise Wrong(400, f"{name}: there is no such thing among the {type_}")
            self._db.execute("INSERT INTO link VALUES (?, ?, ?)", (id, name, target))

    def remove(self, id: int) -> None:
        """Remove an object and its content; what leads to it leads nowhere then."""
        self._db.execute("DELETE FROM upload WHERE id = (SELECT upload FROM object WHERE id = ?)", (id,))
        self._db.execute("DELETE FROM link WHERE ? IN (object, target)", (id,))
        self._db.execute("DELETE FROM field WHERE object = ?", (id,))
        self._db.execute("DELETE FROM object WHERE id = ?", (id,))

    def shown(self, id: int) -> dict[str, Any]:
        """An object as an answer shows it."""
        type_, properties, upload = self._db.execute("SELECT type, properties, upload FROM object WHERE id = ?", (id,)).fetchone()
        size = self._db.execute("SELECT length(content) FROM upload WHERE id = ?", (upload,)).fetchone() or (None,)
        return {
            "id": id,
            "type": type_,
            **dict.fromkeys([*PROPERTIES[type_], *OF_ALL, *LINKS[type_]]),
            **json.loads(properties),
            **dict(self._db.execute("SELECT name, target FROM link WHERE object = ?", (id,))),
            **({"size": size[0]} if type_ == "files" else {}),
            "fields": dict(self._db.execute("SELECT name, value FROM field WHERE object = ?", (id,))),
        }

    def upload(self, content: bytes) -> str:
        """Keep some content until a file is made of it."""
        id = secrets.token_hex(8)
        self._db.execute("INSERT INTO upload VALUES (?, ?)", (id, content))
        return id

    def content(self, id: int) -> bytes:
        row = self._db.execute("SELECT content FROM object JOIN upload ON upload.id = upload WHERE object.id = ?", (id,)).fetchone()
        if row is None:
            raise Wrong(404, "it has no content")
        return bytes(row[0])

    # ------------------------------------------------------------------------------------------- many

    def count(self, type_: str, fields: Mapping[str, Any]) -> int:
        condition, values = self._where(type_, fields)
        return int(self._db.execute(f"SELECT count(*) FROM object WHERE {condition}", values).fetchone()[0])  # noqa: S608 - our own words

    def pending(self) -> int:
        """Objects that lists do not show yet."""
        whole = int(self._db.execute("SELECT count(*) FROM object").fetchone()[0])
        return whole - sum(self.count(type_, {}) for type_ in PROPERTIES)

    def page(self, type_: str | None, fields: Mapping[str, Any], cursor: str | None, offset: str | None) -> dict[str, Any]:
        """A page, newest first. A cursor goes on below the last object given, whatever has come since; an offset counts from the newest."""
        condition, values = self._where(type_, fields)
        if cursor is not None:
            condition, values = f"{condition} AND id < ?", [*values, int(cursor)]
        query = f"SELECT id FROM object WHERE {condition} ORDER BY id DESC LIMIT ? OFFSET ?"  # noqa: S608 - our own words
        ids = [id for (id,) in self._db.execute(query, [*values, self._page + 1, int(offset or 0)])]
        items = [self.shown(id) for id in ids[: self._page]]
        return {"items": items, "next": str(items[-1]["id"]) if len(ids) > self._page and offset is None else None}

    def _where(self, type_: str | None, fields: Mapping[str, Any]) -> tuple[str, list[Any]]:
        """The condition on objects that lists show, and its values."""
        condition, values = "shown_request <= ? AND shown_time <= ?", list[Any]([self.requests, time.time()])
        if type_ is not None:
            condition, values = f"{condition} AND type = ?", [*values, type_]
        for name, wanted in fields.items():
            some = wanted if isinstance(wanted, list) else [wanted]
            if len(some) > 100:
                raise Wrong(400, "more than 100 values")
            marks = ", ".join("?" * len(some))
            condition += f" AND id IN (SELECT object FROM field WHERE name = ? AND value IN ({marks}))"  # noqa: S608 - marks only
            values += [name, *some]
        return condition, values


def _millisecond(text: Any) -> str:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise Wrong(400, f"{text} is no date") from error
    if at.tzinfo is None:
        raise Wrong(400, f"{text} has no time zone")
    return at.isoformat(timespec="milliseconds")
