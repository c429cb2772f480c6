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
from reversa.systems.slack.census import Census
from reversa.systems.slack.layout import CONVERSATIONS, Layout, list_kind, sort_files, split_prefix
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
KEY_TWICE = {
    kind: Change(f"slack.{kind}.key-twice", kind, None, "lost", "source-lacks", "an object names one key twice; the last value was read")
    for kind in ("user", "space", "message", "comment", "opaque")
}
PRIVATE_MARKS = ("is_private", "is_im", "is_mpim", "is_group")
SOMEWHERE_PRIVATE = "(private)"
"""Stands for the name of what is private and was not asked for: names say too much."""
SAME_ID = Change("slack.space.id-twice", "space", "id", "converted", "source-lacks", "two conversations have one id; the second gets a number")
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
        self._people, self._census = People(), Census(archive, layout)
        self._public: set[str] = set()  # folders and ids of public conversations
        self._ids: Counter[str] = Counter()
        self._used_bodies: set[str] = set()
        self.facts = Facts(
            system="slack",
            kinds=KINDS,
            changes=(*CHANGES, *PRIVATE.values(), *SURROGATE.values(), *KEY_TWICE.values(), SAME_ID, SHARED_FOLDER, NO_USERS),
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
        return self._census.total()

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
                    homes = [home for key in ("name", "id") if isinstance(entry.get(key), str) and (home := prefix + entry[key]) in self._layout.days]
                    private = file != "channels.json" or any(entry.get(mark) not in (None, False, 0) for mark in PRIVATE_MARKS)
                    days = sorted(day for home in dict.fromkeys(homes) for day in folders.pop(home, []))
                    if homes and not days:
                        yield Noted(SHARED_FOLDER.code, ref("space", SOMEWHERE_PRIVATE if self._leaves_out(private) else entry["id"]))
                    yield from self._conversation(entry, CONVERSATIONS[file], private, days)
        for folder, days in folders.items():
            name = folder.rpartition("/")[2]
            yield from self._conversation({"id": name, "name": name}, None, True, days)

    def _leaves_out(self, private: bool) -> bool:
        return private and not self._options.private

    def _conversation(self, entry: dict[str, Any], space_type: str | None, private: bool, days: list[str]) -> Iterator[Item]:
        """A conversation and all in it; a private one that nobody asked for is counted and left out, its name too."""
        self._ids[entry["id"]] += 1
        number = self._ids[entry["id"]]
        if number > 1:  # messages of the one must not land in the other, which may be public
            entry = entry | {"id": f"{entry['id']}~{number}"}
            yield Noted(SAME_ID.code, ref("space", SOMEWHERE_PRIVATE if self._leaves_out(private) else entry["id"]))
        if not private:
            self._public.update((entry["id"], *(name.rpartition("/")[0] for name in days)))
        if not self._leaves_out(private):
            yield from self._conversation_items(entry, space_type, private, days, self._people)
            return
        nobody = People()  # who is met in private only is not exported either
        left_out: Counter[str] = Counter()
        for item in self._conversation_items(entry, space_type, private, days, nobody):
            if isinstance(item, Unreadable):
                yield Unreadable(item.kind, SOMEWHERE_PRIVATE, item.reason, item.count)
            elif not isinstance(item, Noted):
                left_out[kind_of(item.record if isinstance(item, Attached) else item)] += 1
        for kind, count in left_out.items():
            yield Noted(PRIVATE[kind].code, ref("space", SOMEWHERE_PRIVATE), count)

    def _conversation_items(self, entry: dict[str, Any], space_type: str | None, private: bool, days: list[str], people: People) -> Iterator[Item]:
        raw = dict(entry)
        id = raw.pop("id")
        listed = raw["pins"] if isinstance(raw.get("pins"), list) else []
        pins: dict[str, dict[str, Any]] = {}
        for pin in listed:
            if isinstance(pin, dict) and isinstance(pin.get("id"), str):
                pins.setdefault(pin["id"], pin)
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
            raw["pins"] = [left for pin in raw["pins"] if (left := _without_what_the_message_has(pin, pins_met))]
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
                    if self._leaves_out(private=True):  # no list says where a canvas is shown
                        yield self._left_out(entry, "comment")
                        continue
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
            for number, entry in enumerate(self._array(name, "opaque")):
                if self._is_private(name) or (not isinstance(entry, Unreadable | Noted) and self._names_private(entry)):
                    yield self._left_out(entry, "opaque")
                    continue
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
                yield Noted(PRIVATE["opaque"].code, ref("opaque", SOMEWHERE_PRIVATE))
                continue
            yield Attached(Opaque(id=name, root=ref("opaque", name), native_kind="file", name=name), BlobRef(name))

    def _is_private(self, name: str) -> bool:
        """Whether a file is left out: it lies in a folder that is not known to be of a public conversation."""
        prefix, path = split_prefix(name)
        folder = path.rpartition("/")[0].removesuffix("attachments").removesuffix("/")
        return not self._options.private and folder != "" and prefix + folder not in self._public

    def _names_private(self, entry: object) -> bool:
        """Whether an item of a list is left out: it is of a conversation that is not public, or shared in direct messages."""
        if self._options.private or not isinstance(entry, dict):
            return False
        channels = entry["channels"] if isinstance(entry.get("channels"), list) else []
        named = [*channels, *([entry["channel"]] if "channel" in entry else [])]
        return bool(entry.get("dm_mpdm_users_with_file_access")) or any(id not in self._public for id in named if isinstance(id, str))

    def _left_out(self, entry: object, kind: str) -> Item:
        """The count of an item that is left out as private; its name is not told."""
        if isinstance(entry, Unreadable):
            return Unreadable(kind, SOMEWHERE_PRIVATE, entry.reason)
        return Noted(PRIVATE[kind].code, ref(kind, SOMEWHERE_PRIVATE), 0 if isinstance(entry, Noted) else 1)

    # ------------------------------------------------------------------------------------------- reading

    def _array(self, name: str, kind: str) -> Iterator[Any]:
        """The elements of a JSON file, with what is to be said of them: Noted, and Unreadable where it breaks off."""
        try:
            data = read_json_bytes(self._archive, name)
            if kind == "message":
                self._census.day(name, data)
            array = read_array(data)
        except ValueError as error:
            array = Array([], str(error))
        for number in array.escaped:
            yield Noted(SURROGATE[kind].code, ref(kind, f"{name}#{number}"))
        for number in array.repeated:
            yield Noted(KEY_TWICE[kind].code, ref(kind, f"{name}#{number}"))
        yield from array.elements
        if array.broken:
            yield Unreadable(kind, name, array.broken)


def _without_what_the_message_has(pin: object, pins_met: set[str]) -> object:
    """What is left of an entry of `pins` when its message tells who pinned it and when."""
    if not isinstance(pin, dict) or pin.get("id") not in pins_met:
        return pin
    pins_met.discard(pin["id"])  # a second pin of one message stays whole
    left = {key: value for key, value in pin.items() if key not in ("created", "user") and (key, value) != ("type", "C")}
    return left if left.keys() - {"id"} else None


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
