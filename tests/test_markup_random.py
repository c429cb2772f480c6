"""Random documents in every target, counted by the parser of that target: the same words, the same links."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reversa.markup.converting import WRITERS
from reversa.markup.counting import Tally, count, folded
from reversa.markup.writing import words
from tests.markup_fragments import FRAGMENTS, NO, NoLinks, table

WORDS = st.lists(st.sampled_from(["fox", "houses", "Élan", "über", "狐", "x2"]), min_size=1, max_size=4).map(" ".join)
TEXT = st.one_of(WORDS, st.sampled_from([f"a {fragment} b" for fragment in FRAGMENTS if "\n" not in fragment])).map(
    lambda text: {"t": "Str", "c": text}
)
LINK = st.tuples(WORDS, st.integers(0, 99)).map(
    lambda two: {"t": "Link", "c": [NO, [{"t": "Str", "c": two[0]}], [f"https://example.org/{two[1]}", ""]]}
)
CODE = st.sampled_from(FRAGMENTS).map(lambda text: {"t": "Code", "c": [NO, f"c {text} c"]})
SPACED = st.lists(
    st.one_of(TEXT, LINK, CODE, TEXT.map(lambda text: {"t": "Emph", "c": [text]}), TEXT.map(lambda text: {"t": "Strong", "c": [text]})),
    min_size=1,
    max_size=4,
).map(lambda nodes: [part for node in nodes for part in (node, {"t": "Space"})][:-1])
PARA = SPACED.map(lambda nodes: {"t": "Para", "c": nodes})
ITEMS = st.lists(SPACED.map(lambda nodes: [{"t": "Plain", "c": nodes}]), min_size=1, max_size=3)
BLOCK = st.one_of(
    PARA,
    st.tuples(st.integers(1, 6), WORDS).map(lambda two: {"t": "Header", "c": [two[0], NO, [{"t": "Str", "c": two[1]}]]}),
    ITEMS.map(lambda items: {"t": "BulletList", "c": items}),
    st.lists(st.tuples(SPACED, ITEMS), min_size=1, max_size=2).map(
        lambda pairs: {"t": "BulletList", "c": [[{"t": "Plain", "c": nodes}, {"t": "BulletList", "c": items}] for nodes, items in pairs]}
    ),
    SPACED.map(table),
    st.sampled_from(FRAGMENTS).map(lambda text: {"t": "CodeBlock", "c": [NO, f"c\n{text}\nc"]}),
    PARA.map(lambda para: {"t": "BlockQuote", "c": [para]}),
)


def links(nodes: Any) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    if isinstance(nodes, list):
        for node in nodes:
            found += links(node)
    elif isinstance(nodes, dict):
        if nodes["t"] == "Link":
            found[folded(words(nodes["c"][1])), folded(nodes["c"][2][0])] += 1
        elif isinstance(nodes.get("c"), list):
            found += links(nodes["c"])
    return found


def said(nodes: list[Any]) -> str:
    """All letters and digits, in any order: where words end is a matter of blocks."""
    tally = Tally()
    tally.text(words(nodes))
    return "".join(sorted("".join(tally.words().elements())))


@pytest.mark.parametrize("target", [name for name in sorted(WRITERS) if name != "plain"])
@settings(max_examples=25, deadline=None)
@given(blocks=st.lists(BLOCK, min_size=1, max_size=4))
def test_random_documents_keep_their_words_and_links(target: str, blocks: list[Any]) -> None:
    text = WRITERS[target](NoLinks()).document(blocks)
    tally = count(target, text, source=False)
    assert "".join(sorted("".join(tally.words().elements()))) == said(blocks)
    assert Counter((folded(link.label or ""), folded(link.name)) for link in tally.links) == links(blocks)
