"""Wiki texts in the archive: read by people as pages, and by reversa as they were written."""

from __future__ import annotations

import sys

import pytest

from reversa.directory import Directory
from reversa.markup.shown import shown
from reversa.records import Body, File, Page, Ref, Revision, User, ref
from reversa.systems.html.bodies import Bodies

PAGE = Page(id="1", root=ref("page", "1"), name="Home", head=Ref("revision:1"))
OTHER = Page(id="a:b/ü", root=ref("page", "2"), name="Other place")
PLAN = File(id="Plan.png", root=ref("page", "1"), target=ref("page", "1"))


def revision(format: str, text: str) -> Revision:
    return Revision(id="1", root=PAGE.root, target=ref("page", "1"), body=Body(format=format, text=text))


@pytest.mark.parametrize(
    ("format", "text", "html"),
    [
        ("mediawiki", "== Plan ==\n* ''one''", "<h2>Plan</h2>\n<ul><li><em>one</em></li></ul>"),
        ("mediawiki", "See [[other place|there]].", '<p>See <a href="ref:page:a:b/%C3%BC" rel="noopener noreferrer">there</a>.</p>'),
        ("mediawiki", "See [[Nowhere]].", '<p>See <a rel="noopener noreferrer">Nowhere</a>.</p>'),
        ("dokuwiki", "**strong**", "<p><strong>strong</strong></p>"),
        ("markdown", "**strong** <script>alert(1)</script>", "<p><strong>strong</strong> "),
    ],
)
def test_a_text_is_shown_as_a_page(format: str, text: str, html: str) -> None:
    bodies = Bodies()
    bodies.directory = Directory([PAGE, OTHER, PLAN])
    readable = bodies.readable([revision(format, text)])
    bodies.close()
    assert shown(readable[Ref("revision:1")]).html.strip().startswith(html)


def test_an_image_is_a_link_to_its_file() -> None:
    bodies = Bodies()
    bodies.directory = Directory([PAGE, PLAN])
    readable = bodies.readable([revision("mediawiki", "[[File:Plan.png|thumb|The plan]]")])
    bodies.close()
    assert '<a href="ref:file:Plan.png" rel="noopener noreferrer">⧉</a>\nThe plan' in shown(readable[Ref("revision:1")]).html


def test_only_wiki_markup_needs_it() -> None:
    bodies = Bodies()
    assert bodies.readable([revision("slack-mrkdwn", "*strong*"), User(id="1", root=ref("user", "1"))]) == {}


def test_without_pandoc_texts_are_shown_as_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypandoc", None)
    bodies = Bodies()
    assert bodies.readable([revision("mediawiki", "== Plan ==")]) == {}
    assert bodies.readable([revision("mediawiki", "== Plan ==")]) == {}
    bodies.close()
