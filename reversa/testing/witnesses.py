"""What lies in a system, told by code written apart from its adapters: the second witness, and the hand that tampers.

A witness gives, for every record it sees, the values it sees as flat text: ``body_text``, ``emails``, ``emails[1]``,
``participants[1]_name``; an instant as RFC 3339, a reference as ``kind:id``, ``sha256`` from the stored bytes themselves.
A value it does not look at is simply not there.
"""

from __future__ import annotations

import contextlib
import hashlib
import html.parser
import json
import shutil
import sqlite3
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote

import msgspec

from reversa.records import KINDS, Record, Ref, ref

Seen = dict[str, str]


class Witness(Protocol):
    """Knows one system, and shares no code with its exporter and importer."""

    complete: bool
    """It sees every value of every record, so what it does not see is not there."""

    def look(self, address: str) -> Iterator[tuple[Ref, Seen]]:
        """Every record in the system, of all sources."""
        ...


class Tamperer(Protocol):
    """A witness that can also change a target behind the adapters' back."""

    def tamper(self, address: str) -> Iterator[tuple[str, Callable[[], None]]]:
        """Ways of damaging a target, each on its own copy of it: what it does, and the act."""
        ...


def flat(record: Record) -> Seen:
    """A record as a complete witness would see it."""
    return dict(_flat(msgspec.to_builtins(record)))


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if name in ("kind", "id") and not prefix:
            continue
        for position, item in enumerate(value if isinstance(value, list) else [value]):
            place = f"{prefix}{name}[{position}]" if position else f"{prefix}{name}"
            if isinstance(item, dict):
                yield from _flat(item, f"{place}_")
            else:
                yield place, json.dumps(item) if isinstance(item, bool) else str(item)


# ------------------------------------------------------------------------------------------------ a SQLite target


class SqliteWitness:
    """Reads the tables of a ``sqlite:`` target with the standard library alone."""

    complete = True

    def look(self, address: str) -> Iterator[tuple[Ref, Seen]]:
        path = Path(address.partition(":///")[2])
        if not path.exists():
            return
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            names = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if "reversa_entity" not in names:
                return
            entities = {key: ref(kind, id) for key, kind, id in db.execute("SELECT key, kind, id FROM reversa_entity")}
            blobs: dict[str, Any] = {}
            for digest, piece in db.execute("SELECT sha256, content FROM reversa_blob ORDER BY sha256, position") if "reversa_blob" in names else ():
                blobs.setdefault(digest, hashlib.sha256()).update(piece)
            for kind in KINDS:
                if f"reversa_{kind}" in names:
                    yield from self._records(db, kind, names, entities, blobs)

    def _records(
        self, db: sqlite3.Connection, kind: str, names: set[str], entities: dict[int, Ref], blobs: dict[str, Any]
    ) -> Iterator[tuple[Ref, Seen]]:
        lists: dict[int, Seen] = {}
        for table in sorted(name for name in names if name.startswith(f"reversa_{kind}_")):
            field = table.removeprefix(f"reversa_{kind}_")
            for row in self._rows(db, table, entities):
                position = row.pop("position")
                place = field if position == "0" else f"{field}[{position}]"
                lists.setdefault(int(row.pop("entity")), {}).update(
                    (place if column == "value" and field != "cells" else f"{place}_{column}", value) for column, value in row.items()
                )
        for row in self._rows(db, f"reversa_{kind}", entities):
            key = int(row.pop("entity"))
            seen = {name: value for name, value in row.items() if f"reversa_{kind}_{name.removesuffix('_count')}" not in names}
            if "sha256" in seen:
                seen["sha256"] = blobs[seen["sha256"]].hexdigest() if seen["sha256"] in blobs else "no content"
            yield entities[key], seen | lists.get(key, {})

    def _rows(self, db: sqlite3.Connection, table: str, entities: dict[int, Ref]) -> Iterator[Seen]:
        references = {column[3] for column in db.execute(f"PRAGMA foreign_key_list({table})") if column[2] == "reversa_entity"} - {"entity"}
        booleans = {column[1] for column in db.execute(f"PRAGMA table_info({table})") if column[2] == "BOOLEAN"}
        cursor = db.execute(f"SELECT * FROM {table}")  # noqa: S608 - a name from the catalogue
        names = [column[0] for column in cursor.description]
        for values in cursor:
            row = {}
            for name, value in zip(names, values, strict=True):
                if value is not None:
                    row[name] = _text(value, entities if name in references else None, boolean=name in booleans)
            yield row

    def tamper(self, address: str) -> Iterator[tuple[str, Callable[[], None]]]:
        path = address.partition(":///")[2]

        def run(*statements: str) -> Callable[[], None]:
            def act() -> None:
                with closing(sqlite3.connect(path)) as db, db:
                    for statement in statements:
                        assert db.execute(statement).rowcount > 0, statement

            return act

        yield "one letter of a text is changed", run("UPDATE reversa_message SET body_text = '0123456780' WHERE body_text = '0123456789'")
        yield "an author is another", run("UPDATE reversa_message SET created_by = entity WHERE body_text = '0123456789'")
        yield (
            "a time is a microsecond off",
            run("UPDATE reversa_message SET created_at = '2024-02-29T23:59:59.999998Z' WHERE body_text = '0123456789'"),
        )
        yield "a time is no time", run("UPDATE reversa_message SET created_at = 'yesterday' WHERE body_text = '0123456789'")
        yield "a value is gone", run("UPDATE reversa_message SET body_text = NULL, body_format = NULL WHERE body_text = '0123456789'")
        yield "a record is gone", run("DELETE FROM reversa_tag WHERE entity = (SELECT max(entity) FROM reversa_tag)")
        yield (
            "a record is there that was not sent",
            run(
                "INSERT INTO reversa_entity (source, kind, id) SELECT min(key), 'tag', 'never sent' FROM reversa_source",
                "INSERT INTO reversa_tag (entity, root, target, label) SELECT key, key, key, 'x' FROM reversa_entity WHERE id = 'never sent'",
            ),
        )
        yield (
            "content is damaged",
            run("UPDATE reversa_blob SET content = x'00' WHERE rowid = (SELECT max(rowid) FROM reversa_blob WHERE length(content) > 1)"),
        )
        yield "a private space is public", run("UPDATE reversa_space SET visibility = 'public' WHERE visibility = 'private'")
        yield "a right that was refused is given", run("UPDATE reversa_grant SET effect = 'allow' WHERE effect = 'deny'")
        yield "an item of a list is another", run("UPDATE reversa_contact_phones SET value = 'other' WHERE position = 1")


def _text(value: Any, entities: Mapping[int, Ref] | None, *, boolean: bool) -> str:
    if entities is not None:
        return entities.get(value, ref(str(value), "where nothing is"))
    return json.dumps(bool(value)) if boolean else str(value).replace(".000000Z", "Z")


# ------------------------------------------------------------------------------------------------ an archive


class _Page(html.parser.HTMLParser):
    """The records of one page of an archive, by its tags alone."""

    def __init__(self, archive: Path, page: Path) -> None:
        super().__init__(convert_charrefs=True)
        self._archive, self._page = archive, page
        self.records: list[tuple[Ref, Seen]] = []
        self._seen: Seen = {}
        self._counts: dict[str, int] = {}
        self._open: list[tuple[int, str]] = []  # depth and place of the values we are inside of
        self._text: str | None = None
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag not in ("meta", "link", "img", "input", "br", "hr"):
            self._depth += 1
        if "itemid" in attributes:
            kind, id = attributes["itemid"].split(":", 5)[4:]
            self._seen, self._counts = {}, {}
            self.records.append((ref(kind, unquote(id)), self._seen))
        elif "itemprop" in attributes:
            self._property(tag, attributes)
        elif tag == "a" and attributes.get("class") == "content":
            self._seen["sha256"] = hashlib.sha256((self._page.parent / unquote(attributes["href"])).read_bytes()).hexdigest()

    def _property(self, tag: str, attributes: dict[str, str]) -> None:
        name = (self._open[-1][1] if self._open else "") + attributes["itemprop"]
        position = self._counts.get(name, 0)
        self._counts[name] = position + 1
        place = f"{name}[{position}]" if position else name
        if "data-file" in attributes:
            value = json.loads((self._archive / attributes["data-file"]).read_bytes())
            self._seen.update(_flat({place: value}, "") if not isinstance(value, list) else _flat({name: value}))
        elif "itemscope" in attributes:
            self._open.append((self._depth, f"{place}_"))
        elif "data-ref" in attributes:
            self._seen[place] = unquote(attributes["data-ref"])
        elif tag == "a":
            self._seen[place] = unquote(attributes["href"].partition("#")[2])
        elif "data-empty" not in attributes:
            self._text, self._seen[place] = place, ""

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._seen[self._text] += data

    def handle_endtag(self, _tag: str) -> None:
        self._text = None
        if self._open and self._open[-1][0] == self._depth:
            self._open.pop()
        self._depth -= 1


class ArchiveWitness:
    """Reads the pages of an archive with the standard library alone."""

    complete = True

    def look(self, address: str) -> Iterator[tuple[Ref, Seen]]:
        archive = Path(address.removeprefix("html:"))
        for page in sorted((archive / "pages").rglob("*.html")):
            parser = _Page(archive, page)
            parser.feed(page.read_bytes().decode())
            yield from parser.records

    def tamper(self, address: str) -> Iterator[tuple[str, Callable[[], None]]]:
        archive = Path(address.removeprefix("html:"))

        def replace(old: str, new: str) -> Callable[[], None]:
            def act() -> None:
                for page in sorted(archive.glob("pages/*/*.html")):
                    text = page.read_bytes().decode()
                    if old in text:
                        page.write_bytes(text.replace(old, new, 1).encode())
                        return
                raise AssertionError(f"{old} is on no page")

            return act

        field = '<dd itemprop="text" dir="auto">0123456789</dd>'
        yield "one letter of a text is changed", replace(field, field.replace("789", "780"))
        yield "a value is gone", replace(field, "")
        yield "a folder of pages is gone", lambda: shutil.rmtree(min(archive.glob("pages/space-*")))


# ------------------------------------------------------------------------------------------------ a Slack export


class SlackWitness:
    """Reads an export's JSON with the standard library: who wrote what, when, where, and who reacted how."""

    complete = False

    def look(self, address: str) -> Iterator[tuple[Ref, Seen]]:
        with zipfile.ZipFile(address) as archive:
            names = archive.namelist()

            def listed(name: str) -> list[Any]:
                return json.loads(archive.read(name)) if name in names else []

            for user in listed("users.json"):
                profile = user.get("profile") or {}
                yield ref("user", user["id"]), _told(username=user.get("name"), full_name=profile.get("real_name") or user.get("real_name"))
            folders = {}
            for file in ("channels.json", "groups.json", "mpims.json", "dms.json"):
                for space in listed(file):
                    folders[space["id"] if file == "dms.json" else space["name"]] = space["id"]
                    topic = (space.get("topic") or {}).get("value")
                    yield ref("space", space["id"]), _told(name=space.get("name"), topic=topic, created_at=_time(space.get("created")))
                    for member in space.get("members") or []:
                        yield ref("membership", f"{space['id']}/{member}"), {"group": ref("space", space["id"]), "member": ref("user", member)}
            for name in names:
                folder, _, day = _as_utf8(name).rpartition("/")
                if folder in folders and day.endswith(".json"):
                    for message in json.loads(archive.read(name)):
                        if "ts" in message:
                            yield from self._message(folders[folder], message)

    def _message(self, space: str, message: dict[str, Any]) -> Iterator[tuple[Ref, Seen]]:
        own = ref("message", f"{space}/{message['ts']}")
        author = message.get("user")
        yield (
            own,
            _told(
                created_at=_time(message["ts"]),
                created_by=author and ref("user", author),
                space=ref("space", space),
                thread=message.get("thread_ts") and ref("message", f"{space}/{message['thread_ts']}"),
                text=message.get("text"),
            ),
        )
        yield from self._reactions(own, message)
        for file in [*(message.get("files") or []), *([message["file"]] if message.get("file") else [])]:
            if "id" in file:
                use = ref("file", f"{space}/{message['ts']}/{file['id']}")
                yield use, _told(target=own, name=file.get("name"))
                yield from self._reactions(use, file)

    def _reactions(self, target: Ref, reacted: dict[str, Any]) -> Iterator[tuple[Ref, Seen]]:
        for reaction in reacted.get("reactions") or []:
            for user in reaction["users"]:
                id = f"{target.partition(':')[2]}/{reaction['name']}/{user}"
                yield ref("reaction", id), {"target": target, "key": reaction["name"], "created_by": ref("user", user)}


def _told(**values: str | None) -> Seen:
    return {name: value for name, value in values.items() if value}


def _as_utf8(name: str) -> str:
    """A name that was stored as UTF-8 without the flag that says so."""
    with contextlib.suppress(UnicodeError):
        return name.encode("cp437").decode()
    return name


def _time(seconds: str | int | None) -> str | None:
    if not seconds:
        return None
    whole, _, part = str(seconds).partition(".")
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(whole), microseconds=int(part.ljust(6, "0")) if part else 0)
    return at.isoformat().replace("+00:00", "Z")


WITNESSES: dict[str, Witness] = {"sql": SqliteWitness(), "html": ArchiveWitness(), "slack": SlackWitness()}
"""Those of the adapters that come with reversa. Others give their own to their suite."""
