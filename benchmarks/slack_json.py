"""A Slack export as plain JSON, and the facts in it that a migration can keep or lose. Shares no code with reversa.

Whatever is compared (the source, the CSV, a database, a folder of pages) is first brought into the form of
:class:`Export`, so that one function, :func:`facts`, judges all of them.
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Fact = tuple[str, ...]
"""The line of the table it counts in, then what it says: ``("member", "C1", "U1")``."""

LISTS = {"channels.json": "public", "groups.json": "private", "mpims.json": "private", "dms.json": "private"}
DAY = re.compile(r"(?P<folder>.+)/\d{4}-\d\d-\d\d\.json")
CONTENT = re.compile(r"__uploads/(?P<file>F[A-Z0-9]+)/.+|(?:.+/)?attachments/(?P<other>F[A-Z0-9]+)-.+")
ROLES = {
    "is_admin": "admin",
    "is_owner": "owner",
    "is_primary_owner": "primary owner",
    "is_restricted": "guest",
    "is_ultra_restricted": "single-channel guest",
}


@dataclass
class Export:
    """What Slack's JSON says, or as much of it as could be put together again."""

    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    spaces: dict[str, dict[str, Any]] = field(default_factory=dict)
    visibility: dict[str, str] = field(default_factory=dict)
    messages: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """By conversation. The older key ``file`` is written as a ``files`` list of one."""
    others: list[Any] = field(default_factory=list)
    """Items of all other JSON files: canvases, logs, lists."""
    contents: dict[str, str] = field(default_factory=dict)
    """Id of a file → SHA-256 of its content."""


def read_zip(path: Path) -> Export:
    """The export of one workspace, read with the standard library only."""
    export, days = Export(), dict[str, list[Any]]()
    with zipfile.ZipFile(path, metadata_encoding="utf-8") as archive:
        for name in sorted(archive.namelist()):
            content, day = CONTENT.fullmatch(name), DAY.fullmatch(name)
            if content:
                export.contents[content["file"] or content["other"]] = hashlib.sha256(archive.read(name)).hexdigest()
            elif not name.endswith(".json"):
                continue
            elif name in ("users.json", "org_users.json"):
                export.users |= {user["id"]: user for user in json.loads(archive.read(name))}
            elif name in LISTS:
                for space in json.loads(archive.read(name)):
                    export.spaces[space["id"]] = space
                    export.visibility[space["id"]] = "private" if space.get("is_private") else LISTS[name]
            elif day:
                days.setdefault(day["folder"], []).extend(json.loads(archive.read(name)))
            else:
                export.others.extend(json.loads(archive.read(name)))
    for id, space in export.spaces.items():
        export.messages[id] = [with_files(message) for message in days.pop(space.get("name") or id, [])]
    for left in days.values():  # comments on canvases
        export.others.extend(left)
    return export


def with_files(message: dict[str, Any]) -> dict[str, Any]:
    if "file" not in message:
        return message
    return {key: value for key, value in message.items() if key != "file"} | {"files": [message["file"], *(message.get("files") or [])]}


def words_of(message: dict[str, Any]) -> str:
    """What a person reads: the text or, where it is empty, the texts of the blocks or of the attachments."""
    if message.get("text"):
        return str(message["text"])
    found = [value for part in ("blocks", "attachments") for path, value in leaves(message.get(part), part) if path.endswith((".text", ".fallback"))]
    return "\n".join(dict.fromkeys(found))


def author_of(message: dict[str, Any], bots: dict[str, str]) -> str | None:
    """Who wrote a message; a bot that is among the users goes by its id there."""
    author = message.get("user") or (message.get("comment") or {}).get("user") or message.get("bot_id")
    return None if author is None else bots.get(author, author)


def bots_of(export: Export) -> dict[str, str]:
    """Id as a bot → id as a user."""
    return {user["profile"]["bot_id"]: id for id, user in export.users.items() if (user.get("profile") or {}).get("bot_id")}


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Path and text of every value that says something: not null, not "", not an empty list. Items of one list share their path."""
    if isinstance(value, dict):
        for key, inner in sorted(value.items()):  # JSON objects have no order
            yield from leaves(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, f"{path}[]")
    elif value is not None and value != "":
        yield path, str(value)


def facts(export: Export) -> Counter[Fact]:
    """All that is counted, each with how often it is there."""
    return Counter(_facts(export))


def _facts(export: Export) -> Iterator[Fact]:
    bots = bots_of(export)
    everybody = set(export.users)
    yield from (("other", *leaf) for leaf in leaves(export.others))
    for id, space in export.spaces.items():
        everybody |= {*(space.get("members") or [])}
        everybody |= {author for message in export.messages.get(id, []) if (author := author_of(message, bots))}
    for id, user in export.users.items():
        yield "person", id
        yield from (("field", f"user {id}", *leaf) for leaf in leaves(user))
        yield from (("role", id, role) for flag, role in ROLES.items() if user.get(flag))
        if user.get("deleted"):
            yield "deactivated", id
        if user.get("is_bot"):
            yield "bot", id
    for id, space in export.spaces.items():
        yield from (("field", f"space {id}", *leaf) for leaf in leaves(space))
        yield from (("member", id, member) for member in dict.fromkeys(space.get("members") or []))
        yield from (("pin", id, pin["id"], pin["user"]) for pin in space.get("pins") or [] if "user" in pin)
        if id in export.visibility:
            yield "visibility", id, export.visibility[id]
        times = {message["ts"] for message in export.messages.get(id, [])}
        for message in export.messages.get(id, []):
            me = f"{id}/{message['ts']}"
            yield from (("field", me, *leaf) for leaf in leaves(message))
            yield "words", me, words_of(message)
            if author := author_of(message, bots):
                yield "author", me, author
            thread = message.get("thread_ts")
            if thread and thread != message["ts"] and thread in times:
                yield "reply", me, thread
            if message.get("subtype") == "thread_broadcast":
                yield "broadcast", me
            if message.get("subtype") == "tombstone":
                yield "deletion", me
            if message.get("edited"):
                yield "edit", me, str(message["edited"].get("user")), str(message["edited"].get("ts"))
            for kind, target in re.findall(r"<([@#])([A-Z0-9]+)(?:\|[^>]*)?>", message.get("text") or ""):
                if target in (everybody if kind == "@" else export.spaces):
                    yield "mention" if kind == "@" else "channel", me, target
            yield from (("address", me, address) for address in re.findall(r"<((?:https?|mailto):[^|>]+)", message.get("text") or ""))
            yield from _with_files(message, me, export.contents)


def _with_files(message: dict[str, Any], me: str, contents: dict[str, str]) -> Iterator[Fact]:
    files = message.get("files") or []
    for place, owner in ((me, message), *((f"{me} file", file) for file in files)):
        for reaction in owner.get("reactions") or []:
            yield "reaction count", place, reaction["name"], str(reaction.get("count"))
            yield from (("reaction", place, reaction["name"], person) for person in reaction.get("users") or [])
    for comment in (message.get("comment"), *(file.get("initial_comment") for file in files)):
        if comment:
            yield "comment", me, str(comment.get("user")), str(comment.get("comment"))
    for file in files:
        yield from (("file " + key, me, file[key]) for key in ("name", "url_private", "permalink") if file.get(key))
        if file.get("id") in contents:
            yield "file content", me, contents[file["id"]]
