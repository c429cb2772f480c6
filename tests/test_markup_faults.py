"""Faults set between the reader and the reader of the result: each shows as a disagreement, and its text is not trusted."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from reversa.markup import converting
from reversa.markup.contract import Given
from reversa.markup.converting import WRITERS, Converter
from reversa.records import Body
from tests.test_markup import NAMES

PAGE = """\
== Plan ==
The '''red''' fox has seven houses and {{Infobox|name=Reynard|age=7}} friends &lt;b&gt;.

See [[Foo bar|the bar]], [[Other place]] and [https://example.org/x the site].

[[File:A b.png|thumb|A picture]]

=== Figures ===
{| class="wikitable"
! Year !! Sum
|-
| 2024 || 17
|-
| 2025 || 19
|}

{{Warning|text=mind the gap}}

* first thing
* second thing
** third thing

<pre>print("code")</pre>

Last words are here.<ref>A note below</ref>
"""

Fault = Callable[[str], str]


def swap(text: str, one: str, other: str) -> str:
    return text.replace(one, "\0").replace(other, one).replace("\0", other)


TEXT_FAULTS: dict[str, Fault] = {
    "a lost cell": lambda text: text.replace("<td><p>17</p></td>", "", 1),
    "an emptied cell": lambda text: text.replace("<p>19</p>", "", 1),
    "two cells run together": lambda text: text.replace("</p></td><td><p>", " ", 1),
    "a lost row": lambda text: text[: text.index("<tr><td><p>2025")] + text[text.index("</tbody>") :],
    "a lost table": lambda text: text[: text.index("<table>")] + text[text.index("</table>") + 8 :],
    "swapped links": lambda text: swap(text, "new:foo_bar", "Other%20place" if "Other%20place" in text else "Other place"),
    "a link elsewhere": lambda text: text.replace("https://example.org/x", "https://example.org/y"),
    "a link without its address": lambda text: text.replace('<a href="https://example.org/x">the site</a>', "the site"),
    "a lost label": lambda text: text.replace(">the bar<", "><"),
    "a link twice": lambda text: text.replace('<a href="https://example.org/x">the site</a>', '<a href="https://example.org/x">the site</a>' * 2),
    "a lost macro": lambda text: text.replace("<code>▣ {{Infobox|name=Reynard|age=7}}</code>", ""),
    "a macro that is no box any more": lambda text: text.replace("▣ {{Infobox", "{{Infobox"),
    "a cut macro": lambda text: text.replace("|age=7}}", "}}"),
    "a lost block macro": lambda text: text.replace("<pre>▣ {{Warning|text=mind the gap}}</pre>", ""),
    "a truncated tail": lambda text: text[: text.index("Last words")],
    "a truncated middle": lambda text: text.replace("has seven houses", ""),
    "one word less": lambda text: text.replace("seven ", ""),
    "a doubled word": lambda text: text.replace("seven", "seven seven"),
    "another word": lambda text: text.replace("seven", "eight"),
    "a letter less": lambda text: text.replace("houses", "house"),
    "words run together": lambda text: text.replace("seven houses", "sevenhouses"),
    "a doubled paragraph": lambda text: text + "<p>Last words are here.</p>",
    "a lost image": lambda text: text[: text.index("<img")] + text[text.index(">", text.index("<img")) + 1 :],
    "another image": lambda text: text.replace("new:a.png", "new:b.png"),
    "a lost caption": lambda text: text.replace("A picture", ""),
    "a heading as a paragraph": lambda text: text.replace("<h3>", "<p>").replace("</h3>", "</p>"),
    "a lost heading": lambda text: text.replace("<h2>Plan</h2>", ""),
    "a listing as a paragraph": lambda text: text.replace("<pre><code>", "<p>", 1).replace("</code></pre>", "</p>", 1),
    "a lost listing": lambda text: text.replace('<pre><code>print("code")</code></pre>', ""),
    "a lost item": lambda text: text.replace("third thing", ""),
    "a lost footnote": lambda text: text.replace("A note below", ""),
    "text that became a heading": lambda text: text.replace("<p>Last words are here.", "<h4>Last words are here.</h4><p>"),
    "text that became markup": lambda text: text.replace("fox has", '<a href="x">fox</a> has'),
    "an escaped tag that became one": lambda text: text.replace("&lt;b&gt;", "<code>b</code>x"),
    "nothing at all": lambda _text: "",
}
TREE_FAULTS: dict[str, Callable[[str], str]] = {
    "a string of the tree": lambda tree: tree.replace("seven houses", "seven"),
    "a link of the tree": lambda tree: tree.replace("urn:reversa:page:Foo%20bar", "urn:reversa:dangling:page:Else"),
    "a heading of the tree": lambda tree: tree.replace('{"t": "Header", "c": [3, ["figures", [], []], ', '{"t": "Para", "c": ').replace(
        '"Figures"}]]}', '"Figures"}]}'
    ),
    "a box of the tree": lambda tree: tree.replace('"t": "BoxBlock"', '"t": "Null"'),
    "a listing of the tree": lambda tree: tree.replace('"t": "CodeBlock"', '"t": "Null"'),
    "a word of the tree twice": lambda tree: tree.replace("Last words", "Last Last words"),
}


def converted(monkeypatch: pytest.MonkeyPatch, text_fault: Fault = str, tree_fault: Fault = str) -> tuple[str, tuple[str, ...]]:
    base: Any = WRITERS["html"]

    class Faulty(base):  # type: ignore[misc]
        def document(self, blocks: list[Any]) -> str:
            return text_fault(super().document(json.loads(tree_fault(json.dumps(blocks)))))

        def null(self, _content: None) -> str:
            return ""

    monkeypatch.setitem(converting.WRITERS, "html", Faulty)
    with Converter("html", workers=1) as converter:
        (made,) = converter.convert([Given(Body(format="mediawiki", text=PAGE))], NAMES)
    return made.body.text, made.disagreements


@pytest.fixture(scope="module")
def clean() -> str:
    with pytest.MonkeyPatch.context() as patch:
        text, disagreements = converted(patch)
    assert disagreements == ()
    return text


@pytest.mark.parametrize("fault", TEXT_FAULTS)
def test_a_fault_in_the_text_is_found(monkeypatch: pytest.MonkeyPatch, clean: str, fault: str) -> None:
    text, disagreements = converted(monkeypatch, text_fault=TEXT_FAULTS[fault])
    assert text != clean, "the fault is none"
    assert disagreements


@pytest.mark.parametrize("fault", TREE_FAULTS)
def test_a_fault_in_the_tree_is_found(monkeypatch: pytest.MonkeyPatch, clean: str, fault: str) -> None:
    text, disagreements = converted(monkeypatch, tree_fault=TREE_FAULTS[fault])
    assert text != clean, "the fault is none"
    assert disagreements
