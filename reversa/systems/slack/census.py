"""What an export holds, counted another way than it is read: along the archive's listing, with typed structs.

The exporter walks conversation by conversation over plain dictionaries; an error there does not repeat itself here.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec

from reversa.systems.slack.archive import Archive, read_json_bytes
from reversa.systems.slack.layout import Layout
from reversa.systems.slack.values import parse_time, read_array, to_json


class _Reaction(msgspec.Struct):
    name: str
    users: list[str]


class _File(msgspec.Struct):
    id: str = ""
    initial_comment: dict[str, msgspec.Raw] | None = None
    reactions: list[_Reaction] | None = None


class _Message(msgspec.Struct):
    ts: str | float = ""
    reactions: list[_Reaction] | None = None
    files: list[_File] | None = None
    file: _File | None = None
    comment: dict[str, msgspec.Raw] | None = None


_array = msgspec.json.Decoder(list[msgspec.Raw])
_message = msgspec.json.Decoder(_Message)
_messages = msgspec.json.Decoder(list[_Message])


class Census:
    """Counts the files of the listing. A day file that is read for its records is counted then, and not unpacked twice."""

    def __init__(self, archive: Archive, layout: Layout) -> None:
        self._archive, self._layout = archive, layout
        self._count: Counter[str] = Counter()
        self._counted: set[str] = set()
        self._used: set[str] = set()

    def day(self, name: str, data: bytes) -> None:
        """Count what lies in a day file, once."""
        if name in self._counted:
            return
        self._counted.add(name)
        try:
            data.decode("utf-8")  # the decoder does not look inside what it skips
            messages = _messages.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            elements = _elements(data)
            messages = [_read(element) for element in elements]
        self._count["message"] += len(messages)
        for message in messages:
            if parse_time(str(message.ts)) is not None:  # else no message, so nothing of a message
                self._parts(message)

    def total(self) -> Mapping[str, int]:
        """Source items per kind."""
        archive, layout = self._archive, self._layout
        for name in itertools.chain.from_iterable(layout.days.values()):
            if name not in self._counted:
                self.day(name, _bytes(archive, name))
        count = self._count.copy()
        count["user"] += sum(len(_listed(archive, name)) for name in layout.users)
        for name in layout.conversations:
            elements = _listed(archive, name)
            count["space"] += len(elements)
            count["membership"] += sum(_members(element) for element in elements)
        count["space"] += _folders_without_entry(archive, layout)
        count["comment"] += sum(len(_listed(archive, name)) for days in layout.canvas_days.values() for name in days)
        count["opaque"] += sum(len(_listed(archive, name)) for name in layout.lists)
        count["opaque"] += len(layout.strangers) + len(layout.bodies.keys() - self._used) + len(archive.refused)
        return count

    def _parts(self, message: _Message) -> None:
        """Count what belongs to a message."""
        reactions, files, comment = message.reactions or [], message.files or [], message.comment
        if message.file is not None:
            files = [message.file, *files]
        for file in files:
            self._used.add(file.id)
            self._count["comment"] += file.initial_comment is not None
            reactions = [*reactions, *(file.reactions or [])]
        if files:
            self._count["file"] += len(files)
        if comment is not None:
            self._count["comment"] += 1
        for reaction in reactions:
            self._count["reaction"] += len(reaction.users) - reaction.users.count("")


def _bytes(archive: Archive, name: str) -> bytes:
    """The content of a JSON file; one that cannot be read is one item."""
    try:
        return read_json_bytes(archive, name)
    except ValueError:
        return b"["


def _listed(archive: Archive, name: str) -> list[msgspec.Raw]:
    return _elements(_bytes(archive, name))


def _elements(data: bytes) -> list[msgspec.Raw]:
    """The elements of a JSON list, unparsed; a list that breaks off ends with one more element, which is the break."""
    try:
        data.decode("utf-8")
        return _array.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        array = read_array(data)
        whole = [msgspec.Raw(to_json(element).encode()) for element in array.elements]
        return [*whole, msgspec.Raw(b"null")] if array.broken else whole


def _read(element: msgspec.Raw) -> _Message:
    if not bytes(element).startswith(b"{"):
        return _Message()
    try:
        return _message.decode(element)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _soft(element)


def _soft(element: msgspec.Raw) -> _Message:
    """A message of which some value has another type than usual."""
    try:
        raw = msgspec.json.decode(element)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _Message()
    if not isinstance(raw, dict) or not isinstance(raw.get("ts"), str | int | float):
        return _Message()
    files = raw.get("files")
    return _Message(
        str(raw["ts"]),
        reactions=_soft_reactions(raw),
        files=[_soft_file(f) for f in files if isinstance(f, dict)] if isinstance(files, list) else [],
        file=_soft_file(raw["file"]) if isinstance(raw.get("file"), dict) else None,
        comment=raw["comment"] if isinstance(raw.get("comment"), dict) else None,
    )


def _soft_file(raw: dict[str, Any]) -> _File:
    intro, id = raw.get("initial_comment"), raw.get("id")
    return _File(id if isinstance(id, str) else "", intro if isinstance(intro, dict) else None, _soft_reactions(raw))


def _soft_reactions(raw: dict[str, Any]) -> list[_Reaction]:
    entries = raw.get("reactions")
    return [
        _Reaction(entry["name"], [user for user in entry["users"] if isinstance(user, str) and user])
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict) and isinstance(entry.get("name"), str) and isinstance(entry.get("users"), list)
    ]


def _members(element: msgspec.Raw) -> int:
    try:
        members = msgspec.json.decode(element, type=dict[str, Any]).get("members")
    except (msgspec.MsgspecError, RecursionError):
        return 0
    return len(members) if isinstance(members, list) and all(isinstance(m, str) and m for m in members) else 0


def _folders_without_entry(archive: Archive, layout: Layout) -> int:
    """Folders of messages that no list of conversations names."""
    named: set[str] = set()
    for name in layout.conversations:
        prefix = name.removesuffix(name.rpartition("/")[2])
        for element in _listed(archive, name):
            try:
                entry = msgspec.json.decode(element, type=dict[str, Any])
            except (msgspec.MsgspecError, RecursionError):
                continue
            if isinstance(entry.get("id"), str) and entry["id"]:
                named |= {prefix + entry[key] for key in ("id", "name") if isinstance(entry.get(key), str)}
    return sum(folder not in named for folder in layout.days)
