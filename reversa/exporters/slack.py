"""Slack exports: a zip or a folder, any plan, old and new layouts, with or without the files that tools add.

Facts and limits: docs/adapters/slack.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Self

from reversa.adapter import Attached, BlobRef, Change, Facts, Item, Locator, Noted, Options, Source, Unreadable
from reversa.errors import SourceError
from reversa.records import Body, Comment, Opaque, Space, kind_of, ref
from reversa.systems.slack.archive import Archive, open_archive, read_json_bytes
from reversa.systems.slack.census import census
from reversa.systems.slack.layout import CONVERSATIONS, Layout, list_kind, sort_files
from reversa.systems.slack.messages import CHANGES, MessageReader
from reversa.systems.slack.people import People
from reversa.systems.slack.values import Array, native, parse_time, read_array, take, take_seconds, take_text, to_json

KINDS = ("user", "space", "membership", "message", "comment", "reaction", "file", "opaque")
PRIVATE = {
    kind: Change(f"slack.{kind}.private", kind, None, "skipped", "policy", "in a private conversation; --private exports it")
    for kind in ("space", "membership", "message", "comment", "reaction", "file", "opaque")
}
SURROGATE = {
    kind: Change(f"slack.{kind}.lone-surrogate", kind, None, "converted", "source-lacks", "half a character, written as its escape")
    for kind in ("user", "space", "message", "comment", "opaque")
}
SHARED_FOLDER = Change(
    "slack.space.folder-shared",
    "space",
    "name",
    "converted",
    "source-lacks",
    "conversations of one name share a folder; their messages go to the first",
)
NO_USERS = Change("slack.user.list-missing", "user", None, "lost", "source-lacks", "users.json is missing: people are known by their messages only")


class SlackExporter:
    """Reads one export, streaming: memory holds the zip's directory, the people, and one day of messages."""

    def __init__(self, archive: Archive, layout: Layout, options: Options, tenant: str) -> None:
        self._archive, self._layout, self._options = archive, layout, options
        self._people = People()
        self._public: set[str] = set()
        self._used_bodies: set[str] = set()
        self.facts = Facts(
            system="slack",
            kinds=KINDS,
            changes=(*CHANGES, *PRIVATE.values(), *SURROGATE.values(), SHARED_FOLDER, NO_USERS),
            source=Source("slack", tenant),
        )

    @classmethod
    def open(cls, locator: Locator, options: Options) -> Self:
        path = Path(locator.address)
        archive = open_archive(path)
        layout = sort_files(iter(archive.sizes))
        if not layout.days and not layout.conversations:
            archive.close()
            raise SourceError(f"{path} holds no Slack conversations.", "A Slack export has channels.json and one folder per channel.")
        tenant = options.tenant or _team(archive, layout) or path.stem
        return cls(archive, layout, options, tenant)

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether a path looks like a Slack export."""
        try:
            archive = open_archive(path)
        except SourceError:
            return False
        layout = sort_files(iter(archive.sizes))
        archive.close()
        return bool(layout.conversations) and bool(layout.days or layout.users)

    def census(self) -> Mapping[str, int]:
        return census(self._archive, self._layout)

    def open_blob(self, blob: BlobRef) -> BinaryIO:
        return self._archive.open(blob)

    def close(self) -> None:
        self._archive.close()

    def items(self) -> Iterator[Item]:
        for name, reason in self._archive.refused.items():
            yield Unreadable("opaque", name, reason)
        yield from self._users()
        yield from self._conversations()
        yield from self._canvas_comments()
        yield from self._lists()
        yield from self._strangers()
        yield from self._people.placeholders()

    # ------------------------------------------------------------------------------------------- people

    def _users(self) -> Iterator[Item]:
        if not self._layout.users:
            yield Noted(NO_USERS.code, ref("user", "users.json"))
        for name in self._layout.users:
            for entry in self._array(name, "user"):
                if isinstance(entry, Unreadable | Noted):
                    yield entry
                elif not isinstance(entry, dict) or not isinstance(entry.get("id"), str) or not entry["id"]:
                    yield Unreadable("user", name, "an entry without an id")
                else:
                    yield self._people.list(entry, entry["id"])

    # ------------------------------------------------------------------------------------------- conversations

    def _conversations(self) -> Iterator[Item]:
        folders = dict(self._layout.days)
        for name in self._layout.conversations:
            file = name.rpartition("/")[2]
            prefix = name.removesuffix(file)
            for entry in self._array(name, "space"):
                if isinstance(entry, Unreadable | Noted):
                    yield entry
                elif not isinstance(entry, dict) or not isinstance(entry.get("id"), str) or not entry["id"]:
                    yield Unreadable("space", name, "an entry without an id")
                else:
                    folder = self._folder(entry, prefix)
                    if folder in self._layout.days and folder not in folders:
                        yield Noted(SHARED_FOLDER.code, ref("space", entry["id"]), detail=folder)
                    private = file != "channels.json" or entry.get("is_private") is True
                    yield from self._conversation(entry, CONVERSATIONS[file], private, folders.pop(folder, []))
        for folder, days in folders.items():
            name = folder.rpartition("/")[2]
            yield from self._conversation({"id": name, "name": name}, None, True, days)

    def _folder(self, entry: dict[str, Any], prefix: str) -> str:
        by_name, by_id = f"{prefix}{entry.get('name')}", f"{prefix}{entry['id']}"
        return by_name if entry.get("name") and by_name in self._layout.days else by_id

    def _conversation(self, entry: dict[str, Any], space_type: str | None, private: bool, days: list[str]) -> Iterator[Item]:
        """A conversation and all in it; a private one that nobody asked for is counted and left out."""
        if not private:
            self._public.update(name.rpartition("/")[0] for name in days)
        if not private or self._options.private:
            yield from self._conversation_items(entry, space_type, private, days, self._people)
            return
        nobody = People()  # who is met in private only is not exported either
        left_out: Counter[str] = Counter()
        for item in self._conversation_items(entry, space_type, private, days, nobody):
            if isinstance(item, Unreadable):
                yield item
            elif not isinstance(item, Noted):
                left_out[kind_of(item.record if isinstance(item, Attached) else item)] += 1
        for kind, count in left_out.items():
            yield Noted(PRIVATE[kind].code, ref("space", entry["id"]), count)

    def _conversation_items(self, entry: dict[str, Any], space_type: str | None, private: bool, days: list[str], people: People) -> Iterator[Item]:
        raw = dict(entry)
        id = raw.pop("id")
        listed = raw["pins"] if isinstance(raw.get("pins"), list) else []
        pins = {pin["id"]: pin for pin in listed if isinstance(pin, dict) and isinstance(pin.get("id"), str)}
        reader = MessageReader(id, pins, self._layout.bodies, people)
        for name in days:
            elements = []
            for element in self._array(name, "message"):
                if isinstance(element, Unreadable | Noted):
                    yield element
                else:
                    elements.append(element)
            for item in reader.day(elements, name):
                if isinstance(item, Attached):
                    self._used_bodies.add(item.blob)
                yield item
        members = raw.get("members")
        if isinstance(members, list) and all(isinstance(m, str) and m for m in members):
            del raw["members"]
            for member in members:
                yield people.membership(id, member)
        yield self._space(raw, id, space_type, private, reader.pins_met, people)

    def _space(self, raw: dict[str, Any], id: str, space_type: str | None, private: bool, pins_met: set[str], people: People) -> Space:
        if pins_met:
            raw["pins"] = [pin for pin in raw["pins"] if not (isinstance(pin, dict) and pin.get("id") in pins_met)]
            if not raw["pins"]:
                del raw["pins"]
        topic, purpose = dict(take(raw, "topic", dict) or {}), dict(take(raw, "purpose", dict) or {})
        creator, topic_by = take_text(raw, "creator"), take_text(topic, "creator")
        return Space(
            id=id,
            root=ref("space", id),
            state="archived" if take(raw, "is_archived", bool) else None,
            created_at=take_seconds(raw, "created"),
            created_by=people.met(creator) if creator else None,
            name=take_text(raw, "name"),
            space_type=space_type,
            visibility="unknown" if space_type is None else "private" if private else "public",
            description=take_text(purpose, "value"),
            topic=take_text(topic, "value"),
            topic_at=take_seconds(topic, "last_set"),
            topic_by=people.met(topic_by) if topic_by else None,
            native=native(raw | ({"topic": topic} if topic else {}) | ({"purpose": purpose} if purpose else {})),
        )

    # ------------------------------------------------------------------------------------------- what has no home

    def _canvas_comments(self) -> Iterator[Item]:
        """Comments on canvases lie in day files of folders named after the canvas."""
        for canvas, days in self._layout.canvas_days.items():
            for name in days:
                for number, entry in enumerate(self._array(name, "comment")):
                    if isinstance(entry, Unreadable | Noted):
                        yield entry
                        continue
                    if not isinstance(entry, dict):
                        yield Unreadable("comment", name, f"element {number} is not an object")
                        continue
                    raw = dict(entry)
                    ts, user, text = take_text(raw, "ts"), take_text(raw, "user"), take(raw, "text", str)
                    yield Comment(
                        id=f"{canvas}/{ts or f'{name}#{number}'}",
                        root=ref("opaque", canvas),
                        created_at=parse_time(ts),
                        created_by=self._people.met(user, raw) if user else None,
                        target=ref("opaque", canvas),
                        body=None if text is None else Body(format="slack-mrkdwn", text=text),
                        native=native(raw),
                    )

    def _lists(self) -> Iterator[Item]:
        for name in self._layout.lists:
            if self._is_private(name):
                left_out = sum(not isinstance(entry, Unreadable | Noted) for entry in self._array(name, "opaque"))
                yield Noted(PRIVATE["opaque"].code, ref("opaque", name), left_out)
                continue
            for number, entry in enumerate(self._array(name, "opaque")):
                if isinstance(entry, Unreadable | Noted):
                    yield entry
                    continue
                kind = list_kind(name)
                own = entry.get("id") if isinstance(entry, dict) and kind in ("canvases", "canvas_in_the_conversation") else None
                id = own if isinstance(own, str) and own else f"{name}#{number}"
                title = entry.get("title") if isinstance(entry, dict) else None
                yield Opaque(id=id, root=ref("opaque", id), native_kind=kind, name=title if isinstance(title, str) else None, native=to_json(entry))

    def _strangers(self) -> Iterator[Item]:
        unused = (name for name in self._layout.bodies.values() if name not in self._used_bodies)
        for name in (*self._layout.strangers, *unused):
            if self._is_private(name):
                yield Noted(PRIVATE["opaque"].code, ref("opaque", name))
                continue
            yield Attached(Opaque(id=name, root=ref("opaque", name), native_kind="file", name=name), BlobRef(name))

    def _is_private(self, name: str) -> bool:
        """Whether a file is left out because it lies in a folder that is not known to be of a public conversation."""
        folder = name.rpartition("/")[0].removesuffix("/attachments")
        return not self._options.private and folder != "" and not folder.startswith("teams/") and folder not in self._public

    # ------------------------------------------------------------------------------------------- reading

    def _array(self, name: str, kind: str) -> Iterator[Any]:
        """The elements of a JSON file, with what is to be said of them: Noted, and Unreadable where it breaks off."""
        try:
            array = read_array(read_json_bytes(self._archive, name))
        except ValueError as error:
            array = Array([], str(error))
        for number in array.escaped:
            yield Noted(SURROGATE[kind].code, ref(kind, f"{name}#{number}"))
        yield from array.elements
        if array.broken:
            yield Unreadable(kind, name, array.broken)


def _team(archive: Archive, layout: Layout) -> str | None:
    """The workspace, as its users name it."""
    for name in layout.users[:1]:
        try:
            users = read_array(read_json_bytes(archive, name)).elements
        except ValueError:
            return None
        teams: Counter[str] = Counter(u["team_id"] for u in users if isinstance(u, dict) and isinstance(u.get("team_id"), str) and u["team_id"])
        if teams:
            return min(teams, key=lambda team: (-teams[team], team))
    return None


ADAPTER = SlackExporter
