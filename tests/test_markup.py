"""Texts from one markup to another."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reversa.markup import slack
from reversa.markup.contract import Given
from reversa.markup.converting import WRITERS, Converter
from reversa.records import Body, Ref, ref


class Names:
    """Links by a table: what the source calls something → what the target calls it; None: it stays behind."""

    def __init__(self, **known: dict[str, str | None]) -> None:
        self._known = {(kind, name): address for kind, names in known.items() for name, address in names.items()}

    def find(self, kind: str, name: str) -> Ref | None:
        return ref(kind, name) if (kind, name) in self._known else None

    def address(self, record: Ref) -> str | None:
        kind, _, name = record.partition(":")
        return self._known.get((kind, name))


NAMES = Names(page={"Foo bar": "new:foo_bar"}, file={"A b.png": "new:a.png"}, user={"U1": "jane"})


@pytest.fixture(scope="module", params=sorted(WRITERS))
def converter(request: pytest.FixtureRequest) -> Iterator[Converter]:
    with Converter(request.param) as made:
        yield made


@pytest.mark.parametrize(
    ("format", "text"),
    [
        ("mediawiki", "[[foo_bar|label]] [[File:a b.png]]"),
        ("dokuwiki", "**label** text"),
        ("markdown", "[label](Foo%20bar.md)"),
        ("html", '<p><a href="Foo bar">label</a></p>'),
        ("slack-mrkdwn", "<https://example.org|label> <@U1>"),
        ("slack-message", '{"text": "label"}'),
        ("plain", "label\n\n= [[x]] ="),
        ("unknown", "label"),
    ],
)
def test_every_markup_is_written_in_every_other(converter: Converter, format: str, text: str) -> None:
    (made,) = converter.convert([Given(Body(format=format, text=text))], NAMES)
    assert "label" in made.body.text
    assert made.disagreements == ()


@pytest.mark.parametrize(
    ("format", "text", "edited"),
    [
        ("mediawiki", "[[foo_bar#x|label]] [[foo bar]]s {{t}} [[Else]]", "[[new:foo_bar#x|label]] [[new:foo_bar|foo bar]]s {{t}} [[Else]]"),
        ("mediawiki", "<nowiki>[[Foo bar]]</nowiki> [[File:a b.png|thumb]]", "<nowiki>[[Foo bar]]</nowiki> [[File:new:a.png|thumb]]"),
        ("markdown", "[x](Foo%20bar.md#y) [[Foo bar|z]] `[[Foo bar]]`", "[x](new:foo_bar#y) [[new:foo_bar|z]] `[[Foo bar]]`"),
        ("html", '<p title="x"><a href="Foo%20bar">y</a>  </p>', '<p title="x"><a href="new:foo_bar">y</a>  </p>'),
        ("mediawiki", "''a''\r\n  b\t", "''a''\r\n  b\t"),
    ],
)
def test_a_text_that_stays_in_its_markup_is_edited_in_place(format: str, text: str, edited: str) -> None:
    with Converter(format) as converter:
        (made,) = converter.convert([Given(Body(format=format, text=text))], NAMES)
    assert made.body.text == edited


def test_what_happened_is_said() -> None:
    text = "[[Foo bar]] [[Nowhere]] {{Box|x}} <!-- c --> [[Category:X]] [[File:A b.png|thumb|cap]]"
    with Converter("dokuwiki") as converter:
        (made,) = converter.convert([Given(Body(format="mediawiki", text=text))], NAMES)
    assert {loss.what: loss.count for loss in made.losses} == {"converted": 1, "boxed": 1, "dangling": 2, "hidden": 1, "style": 1}
    assert "[[:new:foo_bar|Foo bar]]" in made.body.text
    assert "[[:Nowhere|Nowhere]]" in made.body.text
    assert "''%%▣ {{Box|x}}%%''" in made.body.text


def test_a_text_that_comes_back_is_converted_once() -> None:
    first, other = (Given(Body(format="mediawiki", text=text), "Page") for text in ("'''a'''", "b"))
    elsewhere = Given(first.body, "Other page")
    with Converter("dokuwiki") as converter:
        made = converter.convert([first, other, first, elsewhere], NAMES)
    assert [one.body.text.strip() for one in made] == ["**a**", "b", "**a**", "**a**"]
    assert made[0] is made[2]
    assert made[0] is not made[3], "links of another page may lead elsewhere"


def test_nothing_active_arrives() -> None:
    text = '<p onclick="x()">seen</p><script>unseen()</script><a href="javascript:x()">label</a><iframe src="http://x"></iframe>'
    for target in WRITERS:
        with Converter(target) as converter:
            (made,) = converter.convert([Given(Body(format="html", text=text))], NAMES)
        assert "seen" in made.body.text
        assert not any(word in made.body.text for word in ("onclick", "unseen", "javascript", "iframe"))
        assert {loss.what: loss.count for loss in made.losses}["active"] == 4


def test_who_is_mentioned_has_the_name_of_the_target() -> None:
    with Converter("mediawiki") as converter:
        (made,) = converter.convert([Given(Body(format="slack-mrkdwn", text="ask <@U1> or <@U2>"))], NAMES)
    assert made.body.text == "ask [[jane|jane]] or [[U2|U2]]\n"


def test_footnotes_stand_at_the_end_of_a_mediawiki_page() -> None:
    text = "one((first **note**)) two\n\n^ cell((second [[https://example.org|note]])) |\n\n  * item((third))"
    with Converter("mediawiki") as converter:
        (made,) = converter.convert([Given(Body(format="dokuwiki", text=text))], NAMES)
    assert made.disagreements == ()
    assert made.body.text.startswith("one<sup>[1]</sup> two\n")
    notes = "<li>first '''note'''</li><li>second [https://example.org note]</li><li>third</li>"
    assert made.body.text.endswith(f"* item<sup>[3]</sup>\n\n----\n<ol>{notes}</ol>\n")
    assert "<ref" not in made.body.text


@pytest.mark.parametrize(("target", "link"), [("dokuwiki", "[[:cats:x_y|Category:x_y]]"), ("markdown", "[Category:x\\_y](cats:x_y)")])
def test_a_category_leads_to_its_page(target: str, link: str) -> None:
    with Converter(target) as converter:
        (made,) = converter.convert([Given(Body(format="mediawiki", text="text [[category:x_y|key]]"))], Names(page={"Category:X y": "cats:x_y"}))
    assert made.body.text.endswith(f"\n\n{link}\n")
    assert made.disagreements == ()
    assert [loss.what for loss in made.losses] == ["converted"]


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("see `<https://example.org/a|a.org> <b>` here", "see <code>a.org &lt;b&gt;</code> here"),
        (
            "```curl <https://example.org/a?b=1&amp;c=2>\n<mailto:a@b.org|a@b.org> &lt;x&gt;```",
            "<pre>curl https://example.org/a?b=1&amp;c=2\na@b.org &lt;x&gt;</pre>",
        ),
    ],
)
def test_addresses_in_code_are_shown_without_the_brackets_of_slack(said: str, shown: str) -> None:
    assert slack.mrkdwn(said) == shown
    with Converter("mediawiki") as converter:
        (made,) = converter.convert([Given(Body(format="slack-mrkdwn", text=said))], NAMES)
    assert made.disagreements == ()


@pytest.mark.parametrize(
    ("format", "target", "text", "shown"),
    [
        ("mediawiki", "markdown", "<tt>a'''b<span style='x'>c</span>d'''e</tt>", "`a`**`bcd`**`e`\n"),
        ("mediawiki", "html", "[[File:a.pdf[b c]]\n\n[File:x.png]\n\n[[Foo bar|c]]", "<p>[[File:a.pdf[b c]]</p>\n<p>[File:x.png]</p>\n<p>"),
        ("mediawiki", "html", "<nowiki>a <nowiki> b</nowiki>", "<p>a &lt;nowiki&gt; b</p>\n"),
        ("dokuwiki", "html", "a\n\tlisting\nb", "<p>a</p>\n<pre><code>listing</code></pre>\n<p>b</p>\n"),
        ("dokuwiki", "mediawiki", "[[one]]s", "[[one|one]]&#115;\n"),
    ],
)
def test_what_real_pages_hold(format: str, target: str, text: str, shown: str) -> None:
    with Converter(target) as converter:
        (made,) = converter.convert([Given(Body(format=format, text=text))], NAMES)
    assert made.disagreements == ()
    assert made.body.text.startswith(shown)


@pytest.mark.parametrize(
    ("target", "made"),
    [
        ("mediawiki", "a<br />b<br /><br />* c\n\n<pre>\n1\n2\n</pre>\n\nd\n\n<blockquote>\nq<br />r\n</blockquote>\n\ne\n"),
        ("html", "<p>a<br>b<br><br>* c</p>\n<pre><code>1\n2</code></pre>\n<p>d</p>\n<blockquote>q<br>r</blockquote>\n<p>e</p>\n"),
    ],
)
def test_lines_of_chat_stay_lines(target: str, made: str) -> None:
    with Converter(target) as converter:
        (converted,) = converter.convert([Given(Body(format="slack-mrkdwn", text="a\nb\n\n* c\n```1\n2```\nd\n&gt; q\n&gt; r\ne"))], NAMES)
    assert (converted.body.text, converted.disagreements) == (made, ())
