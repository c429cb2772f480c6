"""Names in a target: deterministic, no two alike, as near to the wanted ones as the target allows."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from reversa.directory import Directory
from reversa.naming import Rules, assign
from reversa.records import Alias, File, Page, Ref, User, ref

RULES = Rules(
    clean=lambda name: unicodedata.normalize("NFC", name).replace("/", "-").strip(),
    fold=lambda name: unicodedata.normalize("NFC", name).casefold(),
    longest=20,
)


def test_a_name_that_the_target_takes_stays() -> None:
    assert assign([(Ref("page:1"), "Home")], RULES) == {Ref("page:1"): "Home"}


def test_who_has_its_name_unchanged_keeps_it() -> None:
    wanted = [(Ref("page:1"), "a/b"), (Ref("page:2"), "a-b"), (Ref("page:3"), "A-B")]
    assert assign(wanted, RULES) == {Ref("page:2"): "a-b (2)", Ref("page:3"): "A-B", Ref("page:1"): "a-b (3)"}


def test_unicode_forms_and_names_of_others_collide() -> None:
    wanted = [(Ref("page:1"), "e\u0301te\u0301"), (Ref("page:2"), "\u00e9t\u00e9"), (Ref("page:3"), "Main")]
    assert assign(wanted, RULES, taken=["main"]) == {
        Ref("page:2"): "\u00e9t\u00e9",
        Ref("page:1"): "\u00e9t\u00e9 (2)",
        Ref("page:3"): "Main (2)",
    }


def test_nothing_left_of_a_name() -> None:
    assert assign([(Ref("page:1"), "  "), (Ref("page:2"), "")], RULES) == {Ref("page:2"): "unnamed", Ref("page:1"): "unnamed (2)"}


@given(st.lists(st.text(max_size=40), max_size=30), st.randoms())
def test_no_two_alike_and_the_same_in_any_order(names: list[str], random: object) -> None:
    wanted = [(ref("page", str(number)), name.encode(errors="ignore").decode()) for number, name in enumerate(names)]
    made = assign(wanted, RULES)
    assert len({RULES.fold(name) for name in made.values()}) == len(wanted)
    assert all(0 < len(name.encode()) <= 20 and "/" not in name for name in made.values())
    random.shuffle(wanted)  # type: ignore[attr-defined]
    assert assign(wanted, RULES) == made


def test_a_directory_finds_by_name_as_written_first() -> None:
    page, other = Page(id="1", root=ref("page", "1"), name="Foo bar"), Page(id="2", root=ref("page", "2"), name="foo bar")
    file, user = File(id="A.png", root=ref("page", "1"), target=ref("page", "1")), User(id="7", root=ref("user", "7"), username="Bob")
    old = Alias(id="a", root=ref("page", "2"), target=ref("page", "2"), name="Old name")
    directory = Directory([old, page, other, file, user])
    assert directory.find("page", "foo bar") == "page:2"
    assert directory.find("page", "FOO_BAR") == "page:1"
    assert directory.find("page", "Old_name") == "page:2"
    assert directory.find("file", "a.png") == "file:A.png"
    assert directory.find("user", "Bob") == "user:7"
    assert directory.find("user", "A.png") is None
    assert directory.get(Ref("user:7")) == user
    assert list(directory.all("page")) == ["page:1", "page:2"]
