"""What a MediaWiki will show: nothing that was closed to somebody, and messages as paragraphs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reversa.adapter import Options, Unit
from reversa.directory import Directory
from reversa.markup.converting import Converter
from reversa.records import Body, Comment, File, Grant, Message, Page, Reaction, Record, Revision, Space, ref, ref_to
from reversa.systems.mediawiki.names import Names, Target
from reversa.systems.mediawiki.shaping import Shaper
from reversa.systems.mediawiki.titles import Titles
from reversa.systems.mediawiki.values import Namespace

PLACES = (
    Space(id="open", root=ref("space", "open"), name="Open", visibility="public"),
    Space(id="board", root=ref("space", "board"), name="Board", visibility="private"),
    Space(id="inner", root=ref("space", "inner"), name="Inner", parent=ref("space", "board")),
    Space(id="nobody-knows", root=ref("space", "nobody-knows"), visibility="unknown"),
)


@pytest.fixture
def converter() -> Iterator[Converter]:
    with Converter("mediawiki") as made:
        yield made


def shaper(converter: Converter, *records: Record) -> Shaper:
    namespaces = {"0": Namespace(""), "6": Namespace("File"), "14": Namespace("Category")}
    target = Target(
        name="Wiki", dbname="wiki", namespaces=namespaces, models=["wikitext"], redirects=["#REDIRECT"],
        groups=[], ruling=[], protections=[], levels=[], prohibited=[], interwikis=[],
    )  # fmt: skip
    taken: dict[str, object] = {"names": {}, "titles": [], "accounts": [], "system": [], "people": {}}
    names = Names(Titles(namespaces, (), (), spaces=False), Directory([*PLACES, *records]), taken, Options(), of_a_wiki=False)
    return Shaper(target, names, converter, people=False)


def page(space: str) -> tuple[Page, Revision]:
    root = ref("page", "1")
    place = Page(id="1", root=root, space=ref("space", space), name="Plan", head=ref("revision", "1"))
    return place, Revision(id="1", root=root, target=root, body=Body(format="mediawiki", text="Secret"))


@pytest.mark.parametrize(("space", "shown"), [("open", True), ("nobody-knows", True), ("board", False), ("inner", False)])
def test_a_page_of_a_private_space_stays_behind(converter: Converter, space: str, shown: bool) -> None:
    records = page(space)
    shaped = shaper(converter, *records).shape(Unit(ref("page", "1"), records))
    assert bool(shaped.records) == shown
    assert {noted.code for noted in shaped.noted if "private" in noted.code} == (
        set() if shown else {"mediawiki.page.private", "mediawiki.revision.private"}
    )


def test_a_page_that_is_closed_to_one_stays_behind(converter: Converter) -> None:
    records = page("open")
    closed = Grant(id="g", root=records[0].root, target=records[0].root, effect="deny", right="view", audience="anyone")
    writing = Grant(id="g", root=records[0].root, target=records[0].root, effect="deny", right="edit", audience="anyone")
    assert shaper(converter, *records).shape(Unit(records[0].root, (*records, closed))).records == ()
    assert shaper(converter, *records).shape(Unit(records[0].root, (*records, writing))).records != ()


def test_a_file_of_a_private_space_stays_behind(converter: Converter) -> None:
    file = File(id="f", root=ref("file", "f"), target=ref("space", "inner"), name="plan.png", sha256="0" * 64)
    assert shaper(converter, file).shape(Unit(file.root, (file,))).records == ()


def message(space: str, **fields: object) -> Message:
    body = Body(format="slack-mrkdwn", text="Look: *{{this}}*")
    return Message(id="m", root=ref("message", "m"), space=ref("space", space), body=body, **fields)  # type: ignore[arg-type]


def test_a_message_of_a_public_conversation_is_shown(converter: Converter) -> None:
    said = message("open")
    liked = Reaction(id="r", root=said.root, target=said.root, key="tada")
    other = Reaction(id="o", root=said.root, target=ref("message", "gone"), key="tada")
    comment = Comment(id="c", root=said.root, target=said.root)
    shaped = shaper(converter).shape(Unit(said.root, (said, liked, other, comment)))
    assert [ref_to(record) for record in shaped.records] == ["message:m", "reaction:r"]
    assert isinstance(shaped.records[0], Message)
    assert shaped.records[0].body == Body(format="mediawiki", text="Look: '''&#123;&#123;this&#125;&#125;'''\n")
    codes = {noted.code for noted in shaped.noted}
    assert codes == {"mediawiki.message.body.converted", "mediawiki.reaction.no-message", "mediawiki.comment.no-place"}


@pytest.mark.parametrize("space", ["board", "nobody-knows"])
def test_a_private_conversation_stays_behind(converter: Converter, space: str) -> None:
    said = message(space)
    shaped = shaper(converter).shape(Unit(said.root, (said,)))
    assert shaped.records == ()
    assert [noted.code for noted in shaped.noted] == ["mediawiki.message.private"]


def test_a_deleted_message_stays_behind(converter: Converter) -> None:
    said = message("open", state="deleted")
    shaped = shaper(converter).shape(Unit(said.root, (said,)))
    assert shaped.records == ()
    assert [noted.code for noted in shaped.noted] == ["mediawiki.message.deleted"]
