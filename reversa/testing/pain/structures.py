"""Cases about trees, threads, rights, contents and tables."""

from __future__ import annotations

from collections.abc import Iterator

from reversa.records import (
    Association,
    Cell,
    Choice,
    Column,
    Comment,
    Event,
    File,
    Grant,
    Membership,
    Message,
    Opaque,
    Participant,
    Poll,
    Reaction,
    Record,
    Revision,
    Row,
    Space,
    Table,
    ref,
)
from reversa.testing.given import content
from reversa.testing.pain.cases import ANN, AT, BEN, US, case, message, page, plain


@case("dnnsoftware/Dnn.Platform#2280")
def _() -> Iterator[Record]:
    """A parent that comes later, a page that is its own parent (mnylc/islandora_multi_importer#14), a circle of two, a tree of thirty levels."""
    yield page("child", "Child", parent=ref("page", "zz-parent"))
    yield page("zz-parent", "Parent")
    yield page("self", "Self", parent=ref("page", "self"))
    yield page("circle-1", "Circle", parent=ref("page", "circle-2"))
    yield page("circle-2", "Circle", parent=ref("page", "circle-1"))
    for level in range(30):
        yield page(f"level-{level}", f"Level {level}", parent=ref("page", f"level-{level - 1}") if level else None)


@case("alxnbl/onenote-md-exporter#34")
def _() -> Iterator[Record]:
    """Two pages with one title under one parent: the second overwrote the first."""
    for number in (1, 2):
        yield page(f"twin-{number}", "Twin", parent=ref("page", "zz-parent"))
        yield Revision(id=f"twin-{number}-1", root=ref("page", f"twin-{number}"), target=ref("page", f"twin-{number}"), body=plain(f"twin {number}"))


@case("nextcloud/user_migration#334")
def _() -> Iterator[Record]:
    """One comment on something that is not there stopped everything after it."""
    yield Comment(id="orphan", root=ref("file", "nowhere"), target=ref("file", "nowhere"), created_at=AT, created_by=BEN, body=plain("on nothing"))
    yield message("after-orphan", "still here", reply_to=ref("message", "nowhere"), thread=ref("message", "nowhere"))


@case("threads")
def _() -> Iterator[Record]:
    """A deleted first message with answers, answers out of order, an answer to an answer."""
    yield Message(id="t1", root=ref("message", "t1"), state="deleted", thread=ref("message", "t1"), created_at=AT, created_by=ANN)
    yield message("t3", "second answer", thread=ref("message", "t1"), reply_to=ref("message", "t2"), created_at=AT + 2 * US)
    yield message("t2", "first answer", thread=ref("message", "t1"), reply_to=ref("message", "t1"), created_at=AT + US, broadcast=True)
    yield message("t4", "a page of a system", message_type="system", subtype="channel_join", pinned_at=AT, pinned_by=BEN)


@case("reactions")
def _() -> Iterator[Record]:
    """One person with two reactions, two people with one, and a skin tone."""
    for who in (ANN, BEN):
        for key in ("+1", "👍🏽", "👍"):
            yield Reaction(id=f"{who} {key}", root=ref("message", "t2"), target=ref("message", "t2"), key=key, created_by=who, created_at=AT)


@case("states")
def _() -> Iterator[Record]:
    """Drafts, archived and deleted items are not live ones."""
    for state in ("live", "draft", "archived", "deleted"):
        yield page(f"state-{state}", state, state=state)


@case("rights")
def _() -> Iterator[Record]:
    """A private space that became public; a right refused that became one given (peers.md, mutant 20)."""
    yield Space(id="secret", root=ref("space", "secret"), name="secret", visibility="private")
    yield Space(id="open", root=ref("space", "open"), name="open", visibility="public")
    yield Membership(
        id="secret/ann", root=ref("space", "secret"), group=ref("space", "secret"), member=ANN, role="owner", joined_at=AT, left_at=AT + US
    )
    for effect in ("allow", "deny"):
        yield Grant(
            id=f"{effect} ben",
            root=ref("space", "secret"),
            target=ref("space", "secret"),
            effect=effect,
            principal=BEN,
            right="view",
            native_right="r--",
        )
    yield Grant(id="anyone", root=ref("space", "open"), target=ref("space", "open"), effect="allow", audience="anyone", right="view")


def file(id: str, data: bytes, name: str, **values: object) -> File:
    held = {"sha256": content(data), "size": len(data)}
    return File(**{"id": id, "root": ref("page", "files"), "target": ref("page", "files"), "name": name} | held | values)  # type: ignore[arg-type]


@case("chatmail/core#1722")
def _() -> Iterator[Record]:
    """Contents: empty, binary, larger than a buffer, twice the same, one name twice, names no disk takes, a type that lies."""
    yield page("files", "Files")
    yield file("empty", b"", "empty.txt")
    yield file("large", bytes(range(256)) * 5000, "large.bin")
    yield file("same-1", b"the same", "a.txt", created_by=ANN, version="1", version_of=ref("file", "same-2"))
    yield file("same-2", b"the same", "A.TXT", created_by=BEN, version="2")
    for number, name in enumerate(("..", "con", "a/b", "a\nb", "n" * 300, "gnp.\u202eexe", "é.txt", "e\u0301.txt")):
        yield file(f"name-{number}", b"%d" % number, name)
    yield file("lie", b"<html><script>alert(1)</script>", "picture.png", media_type="image/png")
    yield File(
        id="absent",
        root=ref("page", "files"),
        target=ref("page", "files"),
        name="gone.pdf",
        size=12,
        availability="deleted",
        url="http://127.0.0.1/x",
    )


@case("dlt discard_value")
def _() -> Iterator[Record]:
    """Cells: absent, empty, the word NULL, numbers that are text, columns that differ by case."""
    names = ("id", "Name", "name", "naïve", "select", "a b", "")
    yield Table(id="t", root=ref("table", "t"), name="t", columns=[Column(name=n, native_type="text") for n in names], primary_key=["id"])
    values = (None, "", "NULL", "007", "1e3", "1.10", "true")
    yield Row(id="t/1", root=ref("table", "t"), table=ref("table", "t"), cells=[Cell(column=n, value=v) for n, v in zip(names, values, strict=True)])
    yield Row(id="t/2", root=ref("table", "t"), table=ref("table", "t"), cells=[])


@case("XWiki filter, unknown events")
def _() -> Iterator[Record]:
    """What has no home is kept whole, source fields too."""
    yield Opaque(id="odd", root=ref("opaque", "odd"), native_kind="widget", native='{"a":[1,2.50,null,"\\u0000"],"A":{"b":true}}')
    yield message("native", "x", native='{"client_msg_id":"x","blocks":[{"type":"rich_text"}]}')


@case("lists and parts")
def _() -> Iterator[Record]:
    """Lists whose order means something; parts of which only some are known; the largest whole number."""
    people = [Participant(person=BEN, role="chair"), Participant(name="Somebody", email="s@example.org"), Participant(person=ANN, status="declined")]
    yield Event(
        id="meeting",
        root=ref("event", "meeting"),
        title="x",
        participants=people,
        recurrence=["RRULE:FREQ=DAILY", "EXDATE:20240101"],
        locations=["b", "a"],
    )
    yield Poll(id="poll", root=ref("poll", "poll"), question="?", multiple=False, choices=[Choice(id="2", label="no"), Choice(id="1", label="yes")])
    yield Association(id="link", root=ref("contact", "lists-1"), order=2**53 - 1, source=ref("contact", "lists-1"), target=ref("deal", "deal"))
