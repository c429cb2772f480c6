"""Slack's JSON put together again from what reversa wrote: a SQLite database by plain SQL, an archive by its pages.

reversa's own readers are not used. ``native`` is the column of source fields that have no field of their own.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from selectolax.lexbor import LexborHTMLParser, LexborNode

from benchmarks.slack_json import ROLES, Export

Row = dict[str, Any]
"""One record: its fields by name; those of LISTS are lists, all else is text; a reference is ``kind:id``."""
LISTS = ("emails", "phones", "roles")
KINDS = ("user", "space", "membership", "message", "comment", "reaction", "file", "opaque")


def rows_of_database(path: Path) -> dict[str, list[Row]]:
    """Every record of a SQLite target, by kind. A file whose content is there gets the digest of these bytes as ``content``."""
    rows: dict[str, list[Row]] = {}
    with closing(sqlite3.connect(path)) as db:
        entities = {key: f"{kind}:{id}" for key, kind, id in db.execute("SELECT key, kind, id FROM reversa_entity")}
        blobs: dict[str, Any] = {}
        for sha256, content in db.execute("SELECT sha256, content FROM reversa_blob ORDER BY sha256, position"):
            blobs.setdefault(sha256, hashlib.sha256()).update(content)
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        for kind in KINDS:
            table = f"reversa_{kind}"
            references = {column[3] for column in db.execute(f"PRAGMA foreign_key_list({table})")}
            cursor = db.execute(f"SELECT * FROM {table}")
            names = [column[0] for column in cursor.description]
            found = {}
            for values in cursor:
                row: Row = {n: entities[v] if n in references else str(v) for n, v in zip(names, values, strict=True) if v is not None}
                row["id"] = row["entity"].partition(":")[2]
                if row.get("sha256") in blobs:
                    row["content"] = blobs[row["sha256"]].hexdigest()
                found[row["entity"]] = row
            for list_ in LISTS:
                if f"{table}_{list_}" in tables:
                    for entity, value in db.execute(f"SELECT entity, value FROM {table}_{list_} ORDER BY entity, position"):
                        found[entities[entity]].setdefault(list_, []).append(value)
            rows[kind] = list(found.values())
    return rows


def rows_of_pages(archive: Path) -> dict[str, list[Row]]:
    """Every record of an archive, by kind, from the microdata of its pages."""
    rows: dict[str, list[Row]] = {kind: [] for kind in KINDS}
    for page in sorted((archive / "pages").rglob("*.html")):
        for element in LexborHTMLParser(page.read_bytes().decode()).css("article[itemid]"):
            kind, id = unquote(element.attributes["itemid"] or "").split(":", 5)[4:]
            row: Row = {"id": id}
            for name, value in _properties(element, archive):
                if name in LISTS:
                    row.setdefault(name, []).append(value)
                else:
                    row[name] = value
            content = element.css_first("a.content")
            if content is not None:
                row["content"] = hashlib.sha256((page.parent / unquote(content.attributes["href"] or "")).read_bytes()).hexdigest()
            rows[kind].append(row)
    return rows


def _properties(element: LexborNode, archive: Path) -> Iterator[tuple[str, str]]:
    for property in element.css("[itemprop]"):
        attributes = property.attributes
        name, file, address = attributes["itemprop"] or "", attributes.get("data-file"), attributes.get("href")
        if file:  # too long for its page
            value = json.loads((archive / file).read_bytes())
            yield ("body_text", value["text"]) if name == "body" else (name, value)
        elif address is not None:
            yield name, unquote(address.partition("#")[2])
        elif name != "body":
            yield {"text": "body_text", "format": "body_format"}.get(name, name), property.text(deep=True)


def rebuild(rows: dict[str, list[Row]], *, native: bool) -> Export:
    """The export that the records tell, with what ``native`` holds or without it."""
    export = Export()

    def whole(row: Row, told: dict[str, Any]) -> dict[str, Any]:
        joined: dict[str, Any] = _joined(json.loads(row["native"]) if native and "native" in row else {}, told)
        return joined

    for row in rows["user"]:
        export.users[row["id"]] = whole(row, _user(row))
    spaces = {row["id"]: _space(row) for row in rows["space"]}
    for row in rows["membership"]:
        spaces[_id(row["group"])]["members"].append(_id(row["member"]))
    comments, files = dict[str, list[dict[str, Any]]](), dict[str, list[dict[str, Any]]]()
    reactions = dict[str, dict[str, list[str]]]()
    for row in rows["reaction"]:
        reactions.setdefault(row["target"], {}).setdefault(row["key"], []).append(_id(row["created_by"]))
    for row in rows["comment"]:
        told = {
            "id": row["id"].rpartition("/")[2],
            "user": _id(row.get("created_by")),
            "timestamp": _seconds(row["created_at"]),
            "comment": row["body_text"],
        }
        if row["target"].startswith("opaque:"):
            told = {"user": told["user"], "ts": _ts(row["created_at"]), "text": told["comment"]}
            export.others.append(whole(row, told))
            continue
        owner = row["id"].rpartition("/")[0]  # the file that it introduces, or the message that it is
        comments.setdefault(owner, []).append(whole(row, told))
    for row in sorted(rows["file"], key=lambda row: int(row["order"])):
        told = _file(row) | _reactions(reactions.get(f"file:{row['id']}", {}))
        if row["id"] in comments:
            told["initial_comment"] = comments[row["id"]][0]
        files.setdefault(row["target"], []).append(whole(row, told))
        if "content" in row:
            export.contents[told["id"]] = row["content"]
    for row in rows["message"]:
        told = _message(row) | _reactions(reactions.get(f"message:{row['id']}", {})) | {"files": files.get(f"message:{row['id']}", [])}
        if row["id"] in comments:
            told["comment"] = comments[row["id"]][0]
        space = _id(row["space"])
        if "pinned_by" in row:
            spaces[space]["pins"].append({"id": told["ts"], "type": "C", "user": _id(row["pinned_by"]), "created": _seconds(row["pinned_at"])})
        export.messages.setdefault(space, []).append(whole(row, told))
    for row in rows["space"]:
        export.spaces[row["id"]] = whole(row, spaces[row["id"]])
        export.visibility[row["id"]] = row["visibility"]
    if native:
        export.others += [json.loads(row["native"]) for row in rows["opaque"] if "native" in row]
    return export


def _user(row: Row) -> dict[str, Any]:
    roles, kind, photo = row.get("roles", []), row["user_type"], row.get("photo_url")
    flags = {flag: role.replace(" ", "-") in roles for flag, role in ROLES.items() if role not in ("guest", "single-channel guest")}
    return {
        "id": row["id"],
        "name": row.get("username"),
        "real_name": row.get("full_name"),
        "deleted": None if "active" not in row else row["active"] not in ("1", "true"),
        "is_bot": kind == "bot",
        "is_restricted": kind == "guest",
        **flags,
        "tz": row.get("timezone"),
        "updated": _seconds(row.get("updated_at")),
        "profile": {
            "real_name": row.get("full_name"),
            "display_name": row.get("display_name"),
            "first_name": row.get("given_name"),
            "last_name": row.get("family_name"),
            "title": row.get("title"),
            "email": row.get("emails", [None])[0],
            "phone": row.get("phones", [None])[0],
            "image_original": photo,  # the largest one, whichever that was
            "image_512": photo,
            "image_72": photo,
        },
    }


def _space(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "name": row.get("name"),
        "created": _seconds(row.get("created_at")),
        "creator": _id(row.get("created_by")),
        "is_archived": row.get("state") == "archived",
        "topic": {"value": row.get("topic"), "creator": _id(row.get("topic_by")), "last_set": _seconds(row.get("topic_at"))},
        "purpose": {"value": row.get("description")},
        "members": [],
        "pins": [],
    }


def _message(row: Row) -> dict[str, Any]:
    author = _id(row.get("created_by"))
    return {
        "type": "message",
        "ts": _ts(row["created_at"]),
        "bot_id" if author.startswith("B") else "user": author,
        "subtype": row.get("subtype"),
        "username": row.get("author_name"),
        "thread_ts": row["thread"].rpartition("/")[2].partition("~")[0] if "thread" in row else None,
        "edited": {"user": _id(row["updated_by"]), "ts": _ts(row["updated_at"])} if "updated_at" in row else None,
        **json.loads(row.get("body_text", "{}")),
    }


def _file(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"].rpartition("/")[2].partition("~")[0],
        "created": _seconds(row.get("created_at")),
        "updated": _seconds(row.get("updated_at")),
        "user": _id(row.get("created_by")),
        "name": row.get("name"),
        "title": row.get("title"),
        "mimetype": row.get("media_type"),
        "size": row.get("size"),
        "permalink": row.get("url"),
    }


def _reactions(people: dict[str, list[str]]) -> dict[str, Any]:
    return {"reactions": [{"name": name, "users": users, "count": len(users)} for name, users in people.items()]} if people else {}


def _id(reference: str | None) -> str:
    return (reference or "").partition(":")[2]


def _ts(instant: str) -> str:
    at = datetime.fromisoformat(instant)
    return f"{int(at.timestamp())}.{at.microsecond:06d}"


def _seconds(instant: str | None) -> int | None:
    return None if instant is None else int(datetime.fromisoformat(instant).timestamp())


def _joined(kept: Any, told: Any) -> Any:
    """Both in one; where both tell a value, that of ``native`` is the source's own."""
    if isinstance(kept, dict) and isinstance(told, dict):
        return {key: _joined(kept.get(key), told.get(key)) for key in kept | told}
    if isinstance(kept, list) and isinstance(told, list):
        return told + kept
    return told if kept is None else kept
