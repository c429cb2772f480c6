"""Texts that are markup somewhere, the places where they may stand, and what shows how a target reads them."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from reversa.markup.converting import WRITERS
from tests.mediawikis import environment, wiki

FRAGMENTS = [
    "{{velocity}}", "{{velocity}}$x{{/velocity}}", "{{html}}<b>x</b>{{/html}}", "{{/code}}", "{{{x}}}", "{{subst:x}}", "{{x|y=z}}", "{{ns:f.png}}", "{{rss>http://x.org}}",
    "[[x]]", "[[x|y]]", "[[x>>y]]", "[x](y)", "![x](y)", "[x]: y", "[http://x.org y]", "[//x.org y]", "[[File:x.png]]", "[[Category:X]]", "[^1]", "[ ] x", "]]", ">>", "x|y", "|", "||", "!!", "!=x",
    "''x''", "'''x'''", "**x**", "*x*", "//x//", "__x__", "_x_", "--x--", "~~x~~", "^^x^^", ",,x,,", "##x##", "`x`", "``x``", "%%x%%", "%%", "((x))", "(((x)))", "(% style %)x(%%)", '"x"',
    "== x ==", "= x =", "=== x", "====== x ======", "# x", "#x", "## x", "* x", "- x", "+ x", "1. x", "1) x", "; x", ": x", "> x", ">x", ">>> x", "| x | y |", "^ x ^ y ^", "|= x", "|-", "|}", "{|", "{| x\n| y", "! x",
    "----", "---", "***", "===", "  x", "~~~~", "~~~", "~~~~~", "~~NOTOC~~", "~~NOCACHE~~", "__NOTOC__", "__FORCETOC__", "\\*", "\\\\", "\\\\ x", "x\\", "~x", "~", "~~",
    "<nowiki>", "</nowiki>", "<nowiki>x</nowiki>", "<pre>x</pre>", "</pre>", "</code>", "<code>x</code>", "<file>x</file>", "<script>alert(1)</script>", "<b>x</b>", "<!-- x -->", "-->", "<ref>x</ref>", "<br>", "<html>x</html>", "<php>x</php>", "<x@y.org>",
    "&lt;", "&amp;lt;", "&#91;", "&nbsp;", "& x", "http://x.org", "https://x.org/y_z", "www.x.org", "mailto:x@y.org", "x@y.org", "news:x", "image:x.png", "attach:x.png", "urn:x", "::", ":::", "->", "<->", "=>", "(c)", "...", "640x480", ":-)", "FIXME", "LOL",
    "RFC 1234", "ISBN 0123456789", "-{x}-", "$x$", "$$x$$", "```", "~~~ x", "<<x>>", "|x", "x|", "{x}", "a * b", "a_b_c", "a*b*c", "5 < 6 > 4", "a - b", "x'", "'x'", "it''s",
]  # fmt: skip

Node = dict[str, Any]


def said(text: str) -> list[Node]:
    return [{"t": "Str", "c": text}]


NO = ["", [], []]
CONTEXTS: dict[str, Callable[[str], list[Node]]] = {
    "start": lambda text: [{"t": "Para", "c": said(text)}],
    "word": lambda text: [{"t": "Para", "c": said(f"a{text}b")}],
    "broken": lambda text: [{"t": "Para", "c": [*said("a"), {"t": "LineBreak"}, *said(text)]}],
    "strong": lambda text: [{"t": "Para", "c": [*said("a "), {"t": "Strong", "c": said(text)}, *said(" b")]}],
    "split": lambda text: [{"t": "Para", "c": [*said(text[: len(text) // 2]), {"t": "Span", "c": [NO, said(text[len(text) // 2 :])]}]}],
    "item": lambda text: [{"t": "BulletList", "c": [[{"t": "Plain", "c": said(text)}], [{"t": "Plain", "c": said("b")}]]}],
    "heading": lambda text: [{"t": "Header", "c": [2, NO, said(text)]}],
    "label": lambda text: [{"t": "Para", "c": [{"t": "Link", "c": [NO, said(text), ["https://example.org/", ""]]}]}],
    "cell": lambda text: [table(said(text))],
    "code": lambda text: [{"t": "Para", "c": [*said("a "), {"t": "Code", "c": [NO, text]}, *said(" b")]}],
    "listing": lambda text: [{"t": "CodeBlock", "c": [NO, text]}],
    "box": lambda text: [{"t": "BoxBlock", "c": text}],
    "quote": lambda text: [{"t": "BlockQuote", "c": [{"t": "Para", "c": said(text)}]}],
}
TAGS = {
    "start": set(), "word": set(), "broken": {"br"}, "strong": {"strong", "b"}, "split": set(), "item": {"ul", "li", "div"}, "heading": {"h2", "h3"}, "label": {"a"},
    "cell": {"table", "tbody", "thead", "tr", "td", "th"}, "code": {"code"}, "listing": {"pre", "code"}, "box": {"pre", "code"}, "quote": {"blockquote", "div"},
}  # fmt: skip


def table(content: list[Node]) -> Node:
    def row(*cells: list[Node]) -> list[Any]:
        return [NO, [[NO, {"t": "AlignDefault"}, 1, 1, [{"t": "Plain", "c": cell}]] for cell in cells]]

    column = [{"t": "AlignDefault"}, {"t": "ColWidthDefault"}]
    return {
        "t": "Table",
        "c": [NO, [None, []], [column, column], [NO, [row(said("h"), content)]], [[NO, 0, [], [row(content, said("z"))]]], [NO, []]],
    }


class NoLinks:
    def find(self, kind: str, name: str) -> None:
        del kind, name

    def address(self, record: str) -> None:
        del record


def written(target: str, context: str, fragment: str) -> str:
    return WRITERS[target](NoLinks()).document(CONTEXTS[context](fragment))


def shown(html: str, context: str) -> tuple[str, set[str]]:
    """What a page says, and its elements beside those of the context."""
    root = LexborHTMLParser(re.sub(r"<(?=(?:br|li|t[dh]|p|div)\b)", " <", html))
    for ignored in ("a.secedit", "span.mw-editsection", "style", "div.mw-empty-elt", "div.toc", "div#toc"):
        for node in root.css(ignored):
            node.decompose()
    tags = {str(node.tag) for node in root.css("body *")} - TAGS[context] - {"p"}
    return plain(root.body.text() if root.body else ""), tags - ({"span"} if context == "heading" else set()) - {
        "div",
        "abbr",
    }  # DokuWiki explains acronyms


def plain(text: str) -> str:
    """Text without what every target may change: blanks, and the form of quotation marks."""
    return re.sub(r"\s+", " ", text.translate(str.maketrans("“”„‘’\u00a0", '"""\'\' '))).strip()


def expected(context: str, fragment: str) -> str:
    whole = {
        "word": f"a{fragment}b", "broken": f"a {fragment}", "strong": f"a {fragment} b", "item": f"{fragment} b", "cell": f"h {fragment} {fragment} z", "code": f"a {fragment} b", "box": f"▣ {fragment}",
    }  # fmt: skip
    return plain(whole.get(context, fragment))


_MEDIAWIKI = r"""<?php
require_once '/usr/share/mediawiki/maintenance/Maintenance.php';
class ParseAll extends Maintenance {
    public function execute() {
        $services = MediaWiki\MediaWikiServices::getInstance();
        $parser = $services->getParser();
        $user = $services->getUserFactory()->newAnonymous();
        $made = [];
        foreach (json_decode(stream_get_contents(STDIN)) as $text) {
            $title = Title::newFromText('Test');
            $options = ParserOptions::newFromAnon();
            $saved = $parser->preSaveTransform($text, $title, $user, $options);
            $made[] = $parser->parse($saved, $title, $options)->getText(['enableSectionEditLinks' => false]);
        }
        echo json_encode($made, JSON_INVALID_UTF8_SUBSTITUTE);
    }
}
$maintClass = ParseAll::class;
require_once RUN_MAINTENANCE_IF_MAIN;
"""
_DOKUWIKI = r"""<?php
error_reporting(0);
$_SERVER['HTTP_HOST'] = 'localhost';
define('NOSESSION', 1);
require_once '/usr/share/dokuwiki/inc/init.php';
$made = [];
foreach (json_decode(stream_get_contents(STDIN)) as $text) {
    $info = [];
    $made[] = p_render('xhtml', p_get_instructions($text), $info);
}
echo json_encode($made, JSON_INVALID_UTF8_SUBSTITUTE);
"""


@cache
def _mediawiki() -> Path:
    """A throw-away wiki."""
    settings = wiki(Path(mkdtemp(prefix="reversa-mediawiki-")))
    settings.with_name("parse.php").write_text(_MEDIAWIKI)
    return settings


def read_by_mediawiki(texts: list[str]) -> list[str]:
    """The pages as MediaWiki shows them after saving."""
    settings = _mediawiki()
    return _php([settings.with_name("parse.php")], texts, **environment(settings))


def read_by_dokuwiki(texts: list[str]) -> list[str]:
    """The pages as DokuWiki shows them."""
    script = Path(mkdtemp(prefix="reversa-dokuwiki-")) / "render.php"
    script.write_text(_DOKUWIKI)
    return _php([script], texts)


def _php(command: list[Path], texts: list[str], **environment: str) -> list[str]:
    done = subprocess.run(["php", *command], input=json.dumps(texts), env=os.environ | environment, capture_output=True, text=True, check=True)
    return list(json.loads(done.stdout[done.stdout.index("[") :]))
