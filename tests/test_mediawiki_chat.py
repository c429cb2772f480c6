"""Conversations on wiki pages: what is written is read back, what was edited is noticed."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from reversa.adapter import Unreadable
from reversa.records import Body, Message, Reaction, Record, Ref, ref
from reversa.systems.mediawiki import chat

AT = datetime(2016, 5, 3, 14, 3, 22, 123456, tzinfo=UTC)


class Wiki:
    """Names as a wiki has them."""

    def title(self, record: Ref) -> str:
        return "User:Agnes" if record == "user:U1" else ""

    def label(self, record: Ref) -> str:
        return "Agnès" if record == "user:U1" else record


def message(id: str, text: str | None = "Hello", **fields: object) -> Message:
    body = None if text is None else Body(format="mediawiki", text=text)
    values = {"created_at": AT, "created_by": Ref("user:U1"), "space": Ref("space:C1"), "body": body} | fields
    return Message(id=id, root=ref("message", id), **values)  # type: ignore[arg-type]


def written(*units: list[Record]) -> str:
    files = [("File:Plan.png", "Plan|.png"), ("", "lost.txt")]
    return chat.page(block for unit in units for block in chat.blocks(unit, Wiki(), files))


def test_a_page_shows_people_times_and_threads() -> None:
    first, answer = message("C1/1"), message("C1/2", "''Yes''", created_at=AT.replace(day=4), thread=Ref("message:C1/1"), author_name="[[x]]")
    liked = Reaction(id="r", root=first.root, target=first.root, key="tada", created_by=Ref("user:U9"))
    text = written([answer], [first, liked])
    assert (
        text.index("== 2016-05-03 ==") < text.index("Hello") < text.index("tada user&#58;U9") < text.index("== 2016-05-04 ==") < text.index("''Yes''")
    )
    assert "'''[[User:Agnes|Agnès]]''' <small>2016-05-03 14:03:22 UTC</small>\n\n<!-- says -->\nHello" in text
    assert f"answers [[#{chat.anchor(first.root)}|an earlier message]]" in text
    assert f'id="{chat.anchor(first.root)}"' in text
    assert "'''&#91;&#91;x&#93;&#93; ([[User:Agnes|Agnès]])'''" in text
    assert "📎 [[:File:Plan.png|Plan&#124;.png]]\n\n📎 lost.txt\n</div>" in text
    assert list(map(chat.key, chat.blocks_of(text))) == [("message", "C1/1"), ("reaction", "r"), ("message", "C1/2")]
    assert list(chat.read(text, Wiki())) == [first, liked, answer]
    assert chat.page(chat.blocks_of(text)) == text


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), max_size=80)


@given(st.lists(st.tuples(texts, st.none() | texts, texts), max_size=5, unique_by=lambda one: one[0]))
def test_what_is_written_is_read_back(given_: list[tuple[str, str | None, str]]) -> None:
    units: list[list[Record]] = []
    for id, text, key in given_:
        sent = message(f"m{id}", text, subject=key)
        units.append([sent, Reaction(id=f"r{id}", root=sent.root, target=sent.root, key=key)])
    found = [record for record in chat.read(written(*units), Wiki()) if not isinstance(record, Unreadable)]
    assert {record.id: record for record in found} == {r.id: r for unit in units for r in unit}


def test_an_edited_paragraph_does_not_pass() -> None:
    text = written([message("1")], [message("2", "Bye")])
    (one, two) = chat.read(text.replace("14:03:22 UTC", "15:03:22 UTC", 1).replace("Bye", "Adieu"), Wiki())
    assert one == Unreadable("message", "1", "its paragraph no longer shows what was written")
    assert two == message("2", "Adieu")
    (broken, *_) = chat.read(text.replace('"kind":"message"', '"kind":"page"', 1), Wiki())
    assert isinstance(broken, Unreadable)
    (broken, *_) = chat.read(text.replace('["2016', '["2016"', 1), Wiki())
    assert isinstance(broken, Unreadable)


def test_the_page_of_a_message() -> None:
    assert chat.page_of("general", message("1")) == "general/2016-05"
    assert chat.page_of("general", message("1", created_at=None)) == "general/undated"


def test_what_people_wrote_on_a_page_stays() -> None:
    made = {chat.key(block): block for block in chat.blocks([message("1")], Wiki())}
    more = {chat.key(block): block for block in chat.blocks([message("2", "Bye", created_at=AT.replace(hour=9))], Wiki())}
    text = chat.added("", made)
    assert text == chat.page(made.values())
    assert chat.added(text, more) == chat.page([*made.values(), *more.values()])
    edited = text + "\n== Summary ==\na week of work\n"
    grown = chat.added(edited, more)
    assert "a week of work" in grown
    assert {record.id for record in chat.read(grown, Wiki()) if not isinstance(record, Unreadable)} == {"1", "2"}
    assert chat.without(text, frozenset(made)) is None
    assert chat.without(chat.added(text, more), frozenset(made)) == chat.page(more.values())
    left = chat.without(grown, frozenset(made) | frozenset(more))
    assert left is not None
    assert "a week of work" in left
    assert chat.blocks_of(left) == []
