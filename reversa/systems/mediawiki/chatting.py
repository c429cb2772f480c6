"""Messages into a wiki: what its pages will show of a conversation, and how they are written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

import msgspec

from reversa.adapter import Change, Outcome, Shaped, Unit, Unreadable
from reversa.limiting import Held
from reversa.markup.contract import Given, changes, noted
from reversa.markup.converting import Converter
from reversa.records import Body, File, Message, Reaction, Record, Ref, Space, kind_of, ref, ref_parts, ref_to
from reversa.systems.mediawiki import chat
from reversa.systems.mediawiki.marks import Marks, cleaned
from reversa.systems.mediawiki.names import NOBODY, Names
from reversa.systems.mediawiki.pages import PageShaper
from reversa.systems.mediawiki.wiki import Wiki

PRIVATE = {
    kind: Change(
        f"mediawiki.{kind}.private", kind, None, "skipped", "policy", "not everybody was to read it, and a wiki shows a page to all its readers"
    )
    for kind in ("page", "revision", "file", "tag", "grant", "alias", "message", "comment", "reaction")
}
CHANGES = (
    *PRIVATE.values(),
    Change("mediawiki.message.deleted", "message", None, "skipped", "policy", "a message that was deleted, which a wiki would show"),
    Change("mediawiki.message.of-a-page", "message", None, "skipped", "target-cannot", "a message that is part of a page"),
    Change("mediawiki.message.body.cleaned", "message", "body", "converted", "target-cannot", "control characters and line ends; Unicode is NFC"),
    Change(
        "mediawiki.reaction.no-message",
        "reaction",
        None,
        "skipped",
        "target-cannot",
        "a reaction to something else than a message that is carried over",
    ),
    *changes("mediawiki", "message", "body"),
)
"""What becomes of messages, beside the fields that a wiki has no place for."""


class Speakers:
    """How paragraphs name people."""

    def __init__(self, names: Mapping[Ref, str]) -> None:
        self._names = names

    def title(self, record: Ref) -> str:
        name = self._names.get(record, "")
        return f"User:{name}" if name and ">" not in name else ""

    def label(self, record: Ref) -> str:
        name = self._names.get(record) or ref_parts(record)[1]
        return name.rpartition(">")[2] or name  # of an author without an account, MediaWiki says from where


class ChatShaper:
    """Says what the wiki will show of messages. It is pure."""

    def __init__(self, names: Names, held: Held, pages: PageShaper, converter: Converter) -> None:
        self._names, self._held, self._pages, self._converter = names, held, pages, converter

    def shape(self, unit: Unit) -> Shaped:
        if self._private(unit):
            marks = Marks([])
            for record in unit.records:
                marks.without(record, f"mediawiki.{kind_of(record)}.{'private' if kind_of(record) in PRIVATE else 'no-place'}")
            return Shaped(unit.root, (), tuple(marks.noted))
        limited = [self._held.limit(record) for record in unit.records]
        marks = Marks([noted for _, lost in limited for noted in lost])
        made = [record for record, _ in limited if record is not None]
        gone = {ref_to(record) for record in unit.records if isinstance(record, Message) and record.state == "deleted"}
        messages = [record for record in made if isinstance(record, Message) and ref_to(record) not in gone]
        for record in made:
            if ref_to(record) in gone:
                marks.without(record, "mediawiki.message.deleted")
        shown: list[Record] = [*self._said(messages, marks)]
        there = {ref_to(message) for message in messages}
        for record in made:
            if isinstance(record, Reaction) and record.target in there:
                shown.append(record)
            elif isinstance(record, Reaction):
                marks.without(record, "mediawiki.reaction.no-message")
        rest = [record for record in made if not isinstance(record, Message | Reaction)]
        return Shaped(unit.root, (*shown, *self._pages.shape(unit, rest, marks)), tuple(marks.noted))

    def _private(self, unit: Unit) -> bool:
        spaces = {record.space for record in unit.records if isinstance(record, Message)}
        found = (self._names.directory.get(space) for space in spaces if space is not None)
        return any(isinstance(space, Space) and space.visibility not in ("public", None) for space in found)

    def _said(self, messages: Sequence[Message], marks: Marks) -> Iterator[Message]:
        bodies = [message.body for message in messages if message.body is not None]
        converted = iter(self._converter.convert([Given(body) for body in bodies], self._pages))
        for message in messages:
            if message.body is None:
                yield message
                continue
            made = next(converted)
            text = cleaned(made.body.text)
            if message.body.format != "mediawiki":
                marks.noted += noted("mediawiki", "message", "body", ref_to(message), made)
            elif text != message.body.text:
                marks.add("mediawiki.message.body.cleaned", ref_to(message))
            yield msgspec.structs.replace(message, body=Body(format="mediawiki", text=text))


class ChatWriter:
    """Writes the paragraphs of messages, page by page."""

    def __init__(self, wiki: Wiki, source: str, names: Names) -> None:
        self._wiki, self._source, self._names = wiki, source, names
        self._speakers: Speakers | None = None

    def write(self, units: Iterable[Shaped], files: Mapping[Ref, Sequence[File]]) -> Iterator[Outcome]:
        """Write the messages and reactions of these units; ``files`` are those of each unit as its source names them."""
        told = sorted((self._page(unit), n, unit) for n, unit in enumerate(units))
        for title, on_page in groupby(told, key=lambda one: one[0]):
            yield from self._say(title, [unit for *_, unit in on_page], files)

    def _page(self, unit: Shaped) -> str:
        message = next((record for record in unit.records if isinstance(record, Message)), Message(id="?", root=unit.root))
        return chat.page_of(self._names.conversation(message.space), message)

    def _say(self, title: str, units: Sequence[Shaped], files: Mapping[Ref, Sequence[File]]) -> Iterator[Outcome]:
        held: str = self._wiki.ask("conversations", source=self._source, titles=[title]).get(title, "")
        made: dict[tuple[str, str], str] = {}
        records = [record for unit in units for record in unit.records if isinstance(record, Message | Reaction)]
        if self._speakers is None:  # people were written before what they say
            self._speakers = speakers(self._wiki, self._source)
        for unit in units:
            named = [(f"File:{name}" if (name := self._names.file(ref_to(file))) else "", file.name or file.id) for file in files.get(unit.root, ())]
            made |= {chat.key(block): block for block in chat.blocks(unit.records, self._speakers, named)}
        places = [[kind_of(record), record.id, record.root, chat.anchor(_message(record))] for record in records]
        answer = self._wiki.ask("say", source=self._source, title=title, text=chat.added(held, made), nobody=NOBODY, records=places)
        for record, (*_, place) in zip(records, places, strict=True):
            if answer["reason"]:
                yield Outcome(ref_to(record), "refused", reason=answer["reason"])
            else:
                yield Outcome(ref_to(record), "written", (f"said/{answer['page']}/{place}",))

    def undo(self, records: Iterable[Ref]) -> None:
        """Take paragraphs out; a page that is left without any is removed."""
        gone = {ref_parts(record) for record in records}
        for title, text in self._wiki.ask("conversations", source=self._source).items():
            mine = gone & {chat.key(block) for block in chat.blocks_of(text)}
            if mine:
                new = chat.without(text, mine)
                self._wiki.ask("unsay", source=self._source, title=title, text=new, nobody=NOBODY, records=sorted(mine))


def _message(record: Message | Reaction) -> Ref:
    """Whose paragraph a record stands in: the root of its unit may be a message that the wiki does not show."""
    return ref_to(record) if isinstance(record, Message) else record.target


def read_back(wiki: Wiki, source: str) -> Iterator[Message | Reaction | Unreadable]:
    """The messages and reactions of a source that the wiki shows."""
    names = speakers(wiki, source)
    for text in wiki.ask("conversations", source=source).values():
        yield from chat.read(text, names)


def speakers(wiki: Wiki, source: str) -> Speakers:
    """The people of a source, as the wiki names them."""
    return Speakers({ref("user", id): name for id, name in wiki.ask("speakers", source=source)})
