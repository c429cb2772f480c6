"""One Slack message into records: the message, its reactions, files and comments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec

from reversa.adapter import Attached, BlobRef, Change, Item, Noted, Unreadable
from reversa.records import Body, Comment, File, Message, Reaction, Ref, ref
from reversa.systems.slack.people import People
from reversa.systems.slack.values import native, parse_time, take, take_seconds, take_text, to_json

SYSTEM_SUBTYPES = frozenset(
    [
        "bot_add",
        "bot_disable",
        "bot_enable",
        "bot_remove",
        "canvas_updated",
        "channel_archive",
        "channel_canvas_updated",
        "channel_convert_to_private",
        "channel_convert_to_public",
        "channel_join",
        "channel_leave",
        "channel_name",
        "channel_posting_permissions",
        "channel_purpose",
        "channel_topic",
        "channel_unarchive",
        "ekm_access_denied",
        "file_mention",
        "group_archive",
        "group_join",
        "group_leave",
        "group_name",
        "group_purpose",
        "group_topic",
        "group_unarchive",
        "huddle_thread",
        "mpim_join",
        "pinned_item",
        "reminder_add",
        "sh_room_created",
        "tabbed_canvas_updated",
        "tombstone",
        "unpinned_item",
    ]
)
Availability = Literal["present", "absent", "external", "deleted", "hidden", "denied"]
_NOT_IN_EXPORT: dict[Availability, str] = {
    "absent": "slack.file.body-not-in-export",
    "deleted": "slack.file.body-deleted",
    "hidden": "slack.file.body-hidden-by-plan",
    "denied": "slack.file.body-denied",
}

CHANGES = (
    Change("slack.file.body-not-in-export", "file", "sha256", "lost", "source-lacks", "Slack exports links to files, not the files"),
    Change("slack.file.body-deleted", "file", "sha256", "lost", "source-lacks", "the file had been deleted in Slack"),
    Change("slack.file.body-hidden-by-plan", "file", "sha256", "lost", "source-lacks", "hidden by the limit of the Slack plan"),
    Change("slack.file.body-denied", "file", "sha256", "lost", "source-lacks", "Slack gave no access to the file"),
    Change("slack.reaction.people-not-listed", "reaction", "created_by", "lost", "source-lacks", "Slack counts more people than it lists"),
)


class MessageReader:
    """Reads the messages of one conversation."""

    def __init__(self, conversation: str, pins: Mapping[str, dict[str, Any]], bodies: Mapping[str, str], people: People) -> None:
        self._conversation, self._pins, self._bodies, self._people = conversation, pins, bodies, people
        self._space = ref("space", conversation)
        self.pins_met: set[str] = set()

    def day(self, elements: list[Any], where: str) -> Iterator[Item]:
        """The records of one day file. Two messages with one ``ts`` (merged exports) are told apart by their content."""
        found = [(element, *stamp) for element in elements if (stamp := _stamp(element))]
        if missing := len(elements) - len(found):
            what = "an element is no message: it has" if missing == 1 else f"{missing} elements are no messages: they have"
            yield Unreadable("message", where, f"{what} no usable ts", missing)
        twins = _twins(found) if len({ts for _, ts, _ in found}) < len(found) else {}
        for element, ts, at in found:
            place = twins[ts][to_json(element)] if ts in twins else 1
            yield from self._message(element, ts, at, f"~{place}" if place > 1 else "")

    def _message(self, raw: dict[str, Any], ts: str, at: datetime, suffix: str) -> list[Item]:
        del raw["ts"]
        space = self._conversation
        id = f"{space}/{ts}{suffix}"
        me = ref("message", id)
        if raw.get("type") == "message":
            del raw["type"]
        subtype = take_text(raw, "subtype")
        comment = take(raw, "comment", dict)
        author = self._author(raw, comment)
        body = {key: raw.pop(key) for key in ("text", "blocks", "attachments") if key in raw}
        thread_ts = take_text(raw, "thread_ts")
        thread = None if thread_ts is None else me if thread_ts == ts else ref("message", f"{space}/{thread_ts}")
        edited_at = edited_by = None
        edited = take(raw, "edited", dict)
        if edited:
            edited_at, edited_by = take_seconds(edited, "ts"), self._person(take_text(edited, "user"))
            if edited:
                raw["edited"] = edited
        pin = self._pins.get(ts) if not suffix else None
        if pin is not None:
            self.pins_met.add(ts)
        children: list[Item] = []
        if "reactions" in raw:
            children += self._reactions(raw, me, id, me)
        if "files" in raw or "file" in raw:
            children += self._files(raw, me, id)
        if comment is not None:
            children.append(self._comment(comment, me, id, _first_file(children) or me))
        message = Message(
            id=id,
            root=me,
            state="deleted" if subtype == "tombstone" else None,
            created_at=at,
            created_by=author,
            updated_at=edited_at,
            updated_by=edited_by,
            space=self._space,
            thread=thread,
            reply_to=thread if thread != me else None,
            message_type="system" if subtype in SYSTEM_SUBTYPES else "bot" if subtype == "bot_message" or "bot_id" in raw else "user",
            subtype=subtype,
            author_name=take_text(raw, "username"),
            body=Body(format="slack-message", text=to_json(body)) if body else None,
            broadcast=True if subtype == "thread_broadcast" else None,
            pinned_at=parse_time(pin.get("created")) if pin else None,
            pinned_by=self._person(pin.get("user")) if pin else None,
            native=native(raw),
        )
        return [message, *children]

    def _person(self, id: object) -> Ref | None:
        return self._people.met(id) if isinstance(id, str) and id else None

    def _author(self, raw: dict[str, Any], comment: dict[str, Any] | None) -> Ref | None:
        user = take_text(raw, "user")
        if user is not None:
            return self._people.met(user, hints=raw)
        if comment is not None:
            return self._person(comment.get("user"))
        bot = raw.get("bot_id")
        return self._people.bot(bot, hints=raw) if isinstance(bot, str) and bot else None

    def _reactions(self, raw: dict[str, Any], target: Ref, target_id: str, root: Ref) -> Iterator[Item]:
        """One record per person; entries of another form stay in ``raw``."""
        entries, odd = take(raw, "reactions", list) or [], []
        for entry in entries:
            if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or not isinstance(entry.get("users"), list):
                odd.append(entry)
                continue
            name, users, count = entry["name"], entry["users"], entry.get("count")
            listed = [user for user in users if isinstance(user, str) and user]
            for user in listed:
                yield Reaction(id=f"{target_id}/{name}/{user}", root=root, target=target, key=name, created_by=self._people.met(user))
            unlisted = count - len(users) if isinstance(count, int) and not isinstance(count, bool) else None
            if unlisted is not None and unlisted > 0:
                yield Noted("slack.reaction.people-not-listed", target, min(unlisted, 2**31), f":{name}:")
            told = len(listed) == len(users) and entry.keys() <= {"name", "users", "count"} and (unlisted is None or unlisted >= 0)
            if not told or (unlisted is None and count is not None):
                odd.append(entry)
        if odd:
            raw["reactions"] = odd

    def _files(self, raw: dict[str, Any], message: Ref, message_id: str) -> Iterator[Item]:
        entries = take(raw, "files", list) or []
        single = take(raw, "file", dict)
        odd = [entry for entry in entries if not isinstance(entry, dict)]
        if odd:
            raw["files"] = odd
        met: dict[str, int] = {}
        for order, entry in enumerate([*([single] if single is not None else []), *(e for e in entries if isinstance(e, dict))]):
            file = dict(entry)
            file_id = take_text(file, "id") or "-"
            met[file_id] = met.get(file_id, 0) + 1
            suffix = f"~{met[file_id]}" if met[file_id] > 1 else ""
            yield from self._file(file, file_id, f"{message_id}/{file_id}{suffix}", message, order)

    def _file(self, raw: dict[str, Any], file_id: str, id: str, message: Ref, order: int) -> Iterator[Item]:
        me = ref("file", id)
        intro = take(raw, "initial_comment", dict)
        children = list(self._reactions(raw, me, id, message))
        if intro is not None:
            children.append(self._comment(intro, message, id, me))
        blob = self._bodies.get(file_id)
        availability = _availability(raw, blob)
        record = File(
            id=id,
            root=message,
            order=order,
            state="deleted" if availability == "deleted" else None,
            created_at=take_seconds(raw, "created"),
            created_by=self._person(take_text(raw, "user")),
            updated_at=take_seconds(raw, "updated"),
            url=take_text(raw, "permalink"),
            target=message,
            name=take_text(raw, "name"),
            title=take_text(raw, "title"),
            media_type=take_text(raw, "mimetype"),
            size=take(raw, "size", int),
            availability=availability,
            native=native({"id": file_id} | raw),
        )
        yield record if blob is None else Attached(record, BlobRef(blob))
        if availability in _NOT_IN_EXPORT:
            yield Noted(_NOT_IN_EXPORT[availability], me)
        yield from children

    def _comment(self, entry: dict[str, Any], root: Ref, owner_id: str, target: Ref) -> Comment:
        raw = dict(entry)
        id = take_text(raw, "id") or "comment"
        text = take(raw, "comment", str)
        return Comment(
            id=f"{owner_id}/{id}",
            root=root,
            created_at=take_seconds(raw, "timestamp") or take_seconds(raw, "created"),
            created_by=self._person(take_text(raw, "user")),
            target=target,
            body=None if text is None else Body(format="slack-mrkdwn", text=text),
            native=native(raw),
        )


def _availability(raw: dict[str, Any], blob: str | None) -> Availability:
    mode, access = raw.get("mode"), raw.get("file_access")
    if blob is not None:
        return "present"
    if mode == "tombstone":
        return "deleted"
    if mode == "hidden_by_limit":
        return "hidden"
    if access in ("access_denied", "file_not_found"):
        return "denied"
    return "external" if mode == "external" or raw.get("is_external") is True else "absent"


def _first_file(items: list[Item]) -> Ref | None:
    for item in items:
        record = item.record if isinstance(item, Attached) else item
        if isinstance(record, File):
            return ref("file", record.id)
    return None


def _twins(found: list[tuple[dict[str, Any], str, datetime]]) -> dict[str, dict[str, int]]:
    """For each ``ts`` that several messages have: message as JSON → its number among them, whatever their order."""
    several = {ts for ts, count in Counter(ts for _, ts, _ in found).items() if count > 1}
    groups: dict[str, set[str]] = {ts: set() for ts in several}
    for element, ts, _ in found:
        if ts in several:
            groups[ts].add(to_json(element))
    return {ts: {text: number for number, text in enumerate(sorted(group), 1)} for ts, group in groups.items()}


def _stamp(element: object) -> tuple[str, datetime] | None:
    """The ``ts`` of a message as text and as an instant; None of what is no message."""
    if not isinstance(element, dict):
        return None
    ts = element.get("ts")
    if isinstance(ts, msgspec.Raw):
        ts = bytes(ts).decode()
    elif isinstance(ts, int) and not isinstance(ts, bool):
        ts = str(ts)
    if not isinstance(ts, str):
        return None
    at = parse_time(ts)
    return None if at is None else (ts, at)
