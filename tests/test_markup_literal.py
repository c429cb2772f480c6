"""A user's literal text stays text, whatever the target is: checked by what reads that target."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from reversa.markup.converting import WRITERS
from reversa.markup.counting import count, folded
from tests.markup_fragments import CONTEXTS, FRAGMENTS, expected, read_by_dokuwiki, read_by_mediawiki, shown, written

CASES = [(context, fragment) for context in CONTEXTS for fragment in FRAGMENTS]
_MEDIAWIKI = pytest.mark.skipif(
    not Path("/usr/share/mediawiki/maintenance/parse.php").exists() or not shutil.which("php"), reason="no MediaWiki here"
)
_DOKUWIKI = pytest.mark.skipif(not Path("/usr/share/dokuwiki/inc/init.php").exists() or not shutil.which("php"), reason="no DokuWiki here")


def read_by_markdown_it(texts: list[str]) -> list[str]:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    return [parser.render(text) for text in texts]


@pytest.mark.parametrize(
    ("target", "read"),
    [
        ("html", lambda texts: texts),
        ("markdown", read_by_markdown_it),
        pytest.param("mediawiki", read_by_mediawiki, marks=[pytest.mark.servers, _MEDIAWIKI]),
        pytest.param("dokuwiki", read_by_dokuwiki, marks=[pytest.mark.servers, _DOKUWIKI]),
    ],
)
def test_the_target_shows_the_text_and_nothing_else(target: str, read: Callable[[list[str]], list[str]]) -> None:
    """With the target's own parser: the same characters, no element that the place does not have."""
    texts = [written(target, context, fragment) for context, fragment in CASES]
    wrong = []
    for (context, fragment), text, page in zip(CASES, texts, read(texts), strict=True):
        said, tags = shown(page, context)
        if _bracketed(said, target, context) != _bracketed(expected(context, fragment), target, context) or tags:
            wrong.append((context, fragment, text, said, tags))
    assert wrong == []


def _bracketed(text: str, target: str, context: str) -> str:
    """DokuWiki's labels know no square brackets: the writer makes them round, and says so."""
    return text.translate(str.maketrans("[]", "()")) if (target, context) == ("dokuwiki", "label") else text


@pytest.mark.parametrize("target", sorted(WRITERS))
@pytest.mark.parametrize("context", CONTEXTS)
def test_another_parser_finds_only_the_words(target: str, context: str) -> None:
    """The everyday approximation: what counts in the target finds no link, picture, heading or cell but those of the place."""
    wrong = []
    for fragment in FRAGMENTS:
        text = written(target, context, fragment)
        tally = count(target, text, source=False)
        labels = [link for link in tally.links if context != "label" or folded(link.name) != "httpsexampleorg"]
        found = (
            len(labels),
            len(tally.images),
            tally.headings - (context == "heading" and target != "plain"),
            max(0, tally.cells - 4 * (context == "cell")),
        )
        words = "".join(tally.words().elements())
        if any(found) or sorted(words) != sorted(folded_as_is(expected(context, fragment))):
            wrong.append((fragment, text, found, words))
    assert wrong == []


def folded_as_is(text: str) -> str:
    return "".join(char for char in text if char.isalnum())


@pytest.mark.parametrize("context", CONTEXTS)
def test_in_xwiki_every_sign_of_a_user_is_escaped(context: str) -> None:
    """There is no XWiki here: of what the writer did not make itself nothing may be left that opens or ends a construct."""
    if context in ("listing", "box"):
        pytest.skip("verbatim: tested below")
    wrong = []
    for fragment in FRAGMENTS:
        text = re.sub("~.", "", written("xwiki", context, fragment), flags=re.DOTALL)
        for own in ("[[", ">>url:https://example.org/]]", "|=", "|", "**", "##", "== ", " =="):
            text = text.replace(own, " ", 99 if own[0] in "|#" else 1 if context in ("label", "heading") else 2)
        if re.search(r"\{\{|\}\}|\[\[|\]\]|\(\(\(|\(%|>>|\|\||//|__|--|,,|\^\^", text):
            wrong.append((fragment, text))
    assert wrong == []


@pytest.mark.parametrize("context", ["listing", "box"])
def test_in_xwiki_a_listing_ends_where_it_ends(context: str) -> None:
    for fragment in [*FRAGMENTS, "}}}", "x}}}{{velocity}}", "}}}}", "~}}}", "~"]:
        text = written("xwiki", context, fragment).strip()
        if text.startswith("{{{"):
            assert re.fullmatch(r"\{\{\{(?:~.|(?!\}\}\})[^~])*\}\}\}", text, re.DOTALL), text
        else:
            assert text.count("{{") == 2
            assert text.endswith("\n{{/code}}")
