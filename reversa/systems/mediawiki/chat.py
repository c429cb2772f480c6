"""Conversations on wiki pages: a page per conversation and month, a paragraph per message, read back as it was written.

What a paragraph shows is also said in a comment of its wikitext, exactly: a time to the microsecond, the ids. A paragraph
that no longer shows what its comment says was edited by people, and does not pass for what was written.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any, NamedTuple, Protocol

import msgspec

from reversa.adapter import Unreadable
from reversa.markup.writing_mediawiki import literal
from reversa.records import Message, Reaction, Record, Ref, kind_of, ref_to

HELD = {
    "message": {"created_at", "created_by", "space", "thread", "reply_to", "author_name", "subject", "body", "pinned_at", "pinned_by"}
    | {"message_type", "subtype", "updated_at", "updated_by"},
    "reaction": {"target", "key", "created_by"},
}
"""What a paragraph shows of a message, and of the reactions to it."""

_INTRO = "<!-- Written by reversa: a paragraph per message, in the order of time. -->"
_BLOCK = re.compile(r"<!-- reversa \[.*? -->\n.*?\n<!-- /reversa -->", re.DOTALL)
_SAID = re.compile(r"\n<!-- says -->\n(.*)\n<!-- /says -->(?:\n\n📎 [^\n]*)*\n</div>\n<!-- /reversa -->\Z", re.DOTALL)


class Names(Protocol):
    """How the wiki names what a message mentions."""

    def title(self, record: Ref) -> str:
        """The title of its page; empty if it has none."""
        ...

    def label(self, record: Ref) -> str:
        """What people call it."""
        ...


def page_of(conversation: str, message: Message) -> str:
    """The title of the page that a message stands on."""
    return f"{conversation}/{message.created_at:%Y-%m}" if message.created_at is not None else f"{conversation}/undated"


def anchor(record: Ref) -> str:
    """The place of a message on its page."""
    return re.sub(r"[^\w.-]", lambda sign: f".{ord(sign[0]):X}", record)


def blocks(records: Iterable[Record], names: Names, files: Sequence[tuple[str, str]] = ()) -> list[str]:
    """The paragraphs of a message and of the reactions to it; of other kinds, none.

    ``files`` are those of the message: the title of each in the wiki, empty if it is not there, and its name.
    """
    found = [record for record in records if isinstance(record, Message | Reaction)]
    at = next((f"{one.created_at:%Y-%m-%dT%H:%M:%S.%f}" for one in found if isinstance(one, Message) and one.created_at is not None), "")
    return [_block(record, _Head(at, record.root, tuple(files) if isinstance(record, Message) else ()), names) for record in found]


def page(made: Iterable[str]) -> str:
    """The wikitext of a page of these paragraphs, by day; a reaction follows its message."""
    told = sorted((head.at, head.of, head.record.get("kind") != "message", block) for block in made for head in (_head(block),))
    days = itertools.groupby(told, key=lambda one: one[0][:10])
    parts = [part for day, of_day in days for part in ([f"== {day} =="] if day else []) + [block for *_, block in of_day]]
    return "\n\n".join([_INTRO, *parts]) + "\n"


def added(text: str, made: Mapping[tuple[str, str], str]) -> str:
    """A page with these paragraphs in the place of those that it has of the same records; what people wrote on it stays."""
    held = {key(block): block for block in blocks_of(text)}
    if not text or page(held.values()) == text:
        return page({**held, **made}.values())
    new = [block for of, block in made.items() if of not in held]
    for of, block in made.items():
        text = text.replace(held[of], block) if of in held else text
    return f"{text.rstrip()}\n\n" + "\n\n".join(new) + "\n" if new else text


def without(text: str, gone: AbstractSet[tuple[str, str]]) -> str | None:
    """A page without the paragraphs of these records; None when nothing is left on it."""
    held = {key(block): block for block in blocks_of(text)}
    left = [block for of, block in held.items() if of not in gone]
    if page(held.values()) == text:
        return page(left) if left else None
    for of in gone & held.keys():
        text = text.replace(f"{held[of]}\n\n", "").replace(held[of], "")
    return text


def blocks_of(text: str) -> list[str]:
    """The paragraphs of a page."""
    return [found[0] for found in _BLOCK.finditer(text)]


def key(block: str) -> tuple[str, str]:
    """The kind and the id of the record that a paragraph shows."""
    record = _head(block).record
    return str(record.get("kind")), str(record.get("id"))


def read(text: str, names: Names) -> Iterator[Message | Reaction | Unreadable]:
    """The messages and reactions that a page shows."""
    for block in blocks_of(text):
        record = _record(block)
        if record is None:
            yield Unreadable("message", block[:200], "its paragraph cannot be read back")
        elif _block(record, _head(block), names) != block:
            yield Unreadable(kind_of(record), record.id, "its paragraph no longer shows what was written")
        else:
            yield record


class _Head(NamedTuple):
    """What the comment before a paragraph says beside its record."""

    at: str
    """The time of the message, which is that of its reactions, too."""
    of: str
    """Its unit."""
    files: tuple[tuple[str, str], ...] = ()
    record: Mapping[str, Any] = {}


def _head(block: str) -> _Head:
    """Of a paragraph whose comment cannot be read: nothing."""
    try:
        return msgspec.json.decode(block.removeprefix("<!-- reversa ").partition(" -->\n")[0], type=_Head)
    except msgspec.MsgspecError:
        return _Head("", "")


def _record(block: str) -> Message | Reaction | None:
    fields, body = dict(_head(block).record), _SAID.search(block)
    if body is not None:
        fields["body"] = {"format": "mediawiki", "text": body[1]}
    try:
        return msgspec.convert(fields, Message | Reaction)
    except msgspec.MsgspecError:
        return None


def _block(record: Message | Reaction, head: _Head, names: Names) -> str:
    """A paragraph, after a comment that says it in JSON which no comment ends in."""
    fields = msgspec.to_builtins(record)
    fields.pop("body", None)
    said = msgspec.json.encode(head._replace(record=fields)).decode().replace(">", "\\u003e").replace("--", "-\\u002d")
    shown = _message(record, head.files, names) if isinstance(record, Message) else _reaction(record, names)
    return f"<!-- reversa {said} -->\n{shown}\n<!-- /reversa -->"


def _message(message: Message, files: Iterable[tuple[str, str]], names: Names) -> str:
    who = _person(message.created_by, names) if message.created_by is not None else ""
    if message.author_name is not None:
        who = f"{literal(message.author_name)} ({who})" if who else literal(message.author_name)
    told = [f"{message.created_at:%Y-%m-%d %H:%M:%S} UTC"] if message.created_at is not None else []
    thread = message.reply_to or (message.thread if message.thread != ref_to(message) else None)
    told += [f"answers [[#{anchor(thread)}|an earlier message]]"] if thread is not None else []
    kind = message.subtype or message.message_type
    told += [literal(kind)] if kind not in (None, "user") else []
    told += [_done("edited", message.updated_at, message.updated_by, names), _done("pinned", message.pinned_at, message.pinned_by, names)]
    lines = [f'<div class="reversa-message" id="{anchor(ref_to(message))}">', f"'''{who}''' <small>{' · '.join(filter(None, told))}</small>"]
    lines += [f"''{literal(message.subject)}''"] if message.subject is not None else []
    lines += ["", "<!-- says -->", message.body.text, "<!-- /says -->"] if message.body is not None else []
    for title, name in files:
        lines += ["", f"📎 [[:{title}|{literal(name)}]]" if title else f"📎 {literal(name)}"]
    return "\n".join([*lines, "</div>"])


def _done(what: str, at: datetime | None, by: Ref | None, names: Names) -> str:
    """That something was done, when and by whom; empty if it was not."""
    words = [f"{at:%Y-%m-%d %H:%M:%S} UTC"] if at is not None else []
    words += [f"by {_person(by, names)}"] if by is not None else []
    return " ".join([what, *words]) if words else ""


def _reaction(reaction: Reaction, names: Names) -> str:
    return f'<div class="reversa-reaction"><small>{literal(reaction.key)} {_person(reaction.created_by, names)}</small></div>'


def _person(person: Ref | None, names: Names) -> str:
    if person is None:
        return ""
    title, label = names.title(person), literal(names.label(person))
    return f"[[{title}|{label}]]" if title else label
