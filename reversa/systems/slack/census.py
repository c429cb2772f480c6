"""What an export holds, counted another way than it is read: along the archive's listing, with typed structs.

The exporter walks conversation by conversation over plain dictionaries; an error there does not repeat itself here.
"""

from __future__ import annotations

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
    ts: str
    reactions: list[_Reaction] | None = None
    files: list[_File] | None = None
    file: _File | None = None
    comment: dict[str, msgspec.Raw] | None = None


_array = msgspec.json.Decoder(list[msgspec.Raw])
_message = msgspec.json.Decoder(_Message)


def census(archive: Archive, layout: Layout) -> Mapping[str, int]:
    """Source items per kind."""
    count: Counter[str] = Counter()
    used: set[str] = set()
    count["user"] += sum(len(_elements(archive, name)) for name in layout.users)
    for name in layout.conversations:
        elements = _elements(archive, name)
        count["space"] += len(elements)
        count["membership"] += sum(_members(element) for element in elements)
    for days in layout.days.values():
        for name in days:
            for element in _elements(archive, name):
                count["message"] += 1
                _count_message(element, count, used)
    count["space"] += _folders_without_entry(archive, layout)
    count["comment"] += sum(len(_elements(archive, name)) for days in layout.canvas_days.values() for name in days)
    count["opaque"] += sum(len(_elements(archive, name)) for name in layout.lists)
    count["opaque"] += len(layout.strangers) + len(archive.refused)
    if layout.since is None:  # else nobody knows which are used by messages of earlier days
        count["opaque"] += len(layout.bodies.keys() - used)
    return count


def _elements(archive: Archive, name: str) -> list[msgspec.Raw]:
    """The elements of a JSON list, unparsed; a list that breaks off ends with one more element, which is the break."""
    broken = msgspec.Raw(b"null")
    try:
        data = read_json_bytes(archive, name)
    except ValueError:
        return [broken]
    try:
        data.decode("utf-8")  # the decoder does not look inside what it leaves unparsed
        return _array.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        array = read_array(data)
        whole = [msgspec.Raw(to_json(element).encode()) for element in array.elements]
        return [*whole, broken] if array.broken else whole


def _count_message(element: msgspec.Raw, count: Counter[str], used: set[str]) -> None:
    try:
        message = _message.decode(element)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        message = _soft(element)
    if parse_time(message.ts) is None:
        return  # no message, so nothing of a message
    files = [*([message.file] if message.file else []), *(message.files or [])]
    used.update(file.id for file in files)
    count["file"] += len(files)
    count["comment"] += sum(comment is not None for comment in (message.comment, *(file.initial_comment for file in files)))
    reactions = [*(message.reactions or []), *(reaction for file in files for reaction in file.reactions or [])]
    count["reaction"] += sum(len([user for user in reaction.users if user]) for reaction in reactions)


def _soft(element: msgspec.Raw) -> _Message:
    """A message of which some value has another type than usual."""
    try:
        raw = msgspec.json.decode(element)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _Message("")
    if not isinstance(raw, dict) or not isinstance(raw.get("ts"), str | int | float):
        return _Message("")
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
        for element in _elements(archive, name):
            try:
                entry = msgspec.json.decode(element, type=dict[str, Any])
            except (msgspec.MsgspecError, RecursionError):
                continue
            if isinstance(entry.get("id"), str) and entry["id"]:
                named |= {prefix + entry[key] for key in ("id", "name") if isinstance(entry.get(key), str)}
    return sum(folder not in named for folder in layout.days)
