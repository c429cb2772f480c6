"""DokuWiki's links to other sites by their short names."""

from __future__ import annotations

import re

import pytest

from reversa.markup.contract import Given
from reversa.markup.converting import WRITERS, Converter
from reversa.markup.interwiki import expanded, split
from reversa.records import Body
from tests.test_markup import NAMES, Names


@pytest.mark.parametrize(
    ("name", "address"),
    [  # as DokuWiki 2022-07-31b makes them
        ("wp>Foo_bar/b#Sec (1)", "https://en.wikipedia.org/wiki/Foo_bar/b#Sec%20%281%29"),
        ("wpde>Übung", "https://de.wikipedia.org/wiki/%C3%9Cbung"),
        ("WP>C#", "https://en.wikipedia.org/wiki/C"),
        ("doku>wiki:a b", "https://www.dokuwiki.org/wiki%3Aa%20b"),
        ("rfc>2822", "https://tools.ietf.org/html/rfc2822"),
        ("man>ls(1)", "http://man.cx/ls%281%29"),
        ("go>a/b", "https://www.google.com/search?q=a%2Fb&btnI=lucky"),
        ("callto>+49 1", "callto://+49%201"),
        ("tel>+491", "tel:+491"),
        ("this>path", ""),
        ("nowhere>x", ""),
    ],
)
def test_a_shortcut_leads_where_dokuwiki_leads(name: str, address: str) -> None:
    parts = split(name)
    assert parts
    assert expanded(*parts) == address


@pytest.mark.parametrize("target", [name for name in sorted(WRITERS) if name != "dokuwiki"])
def test_known_shortcuts_are_links_and_others_are_shown(target: str) -> None:
    text = "a [[doku>wiki:x|the page]] b [[wp>Foo/Bar]] c [[Skype>jane|call]] [[tel>+49123]]\n\n  * [[odd>x y|{{wiki:pic.png}}]]\n\n^ [[this>a|b]] |\n\nd [[odd>*q*|**l**]]s"
    with Converter(target) as converter:
        (made,) = converter.convert([Given(Body(format="dokuwiki", text=text))], NAMES)
    assert made.disagreements == ()
    assert {loss.what: loss.count for loss in made.losses}["dangling"] == 4
    if target != "plain":
        assert "https://www.dokuwiki.org/wiki%3Ax" in made.body.text
        assert "https://en.wikipedia.org/wiki/Foo/Bar" in made.body.text
    shown = re.sub(r"&#(\d+);", lambda found: chr(int(found[1])), made.body.text).replace("\\", "").replace("~", "").replace("&gt;", ">")
    for name in ("odd>x y", "this>a", "odd>*q*"):
        assert f"[[{name}]]" in shown


def test_a_shortcut_to_a_user_is_a_page() -> None:
    with Converter("html") as converter:
        (made,) = converter.convert([Given(Body(format="dokuwiki", text="[[user>Jane Doe]]"))], Names(page={"user:jane_doe": "people/jane"}))
    assert made.body.text == '<p><a href="people/jane">Jane Doe</a></p>\n'
    assert made.disagreements == ()
