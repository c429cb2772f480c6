"""Slack's messages as HTML: mrkdwn, attachments, and blocks where there is no text.

The result is not safe by itself: :mod:`reversa.markup.shown` cleans whatever comes from here.
"""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import msgspec
from markupsafe import escape

_INSIDE = r"(?:<[^<>\n]*>|[^{0}<\n])+"
_TOKEN = re.compile(
    r"`(?P<code>[^`\n]+)`"
    r"|<(?P<link>[^<>\n]+)>"
    rf"|(?<![\w*])\*(?P<strong>{_INSIDE.format('*')})\*(?!\w)"
    rf"|(?<![\w_])_(?P<em>{_INSIDE.format('_')})_(?!\w)"
    rf"|(?<![\w~])~(?P<s>{_INSIDE.format('~')})~(?!\w)"
)
_MARKED = re.compile("[`<>&*_~]")
_FENCE = re.compile(r"```\n?(.*?)\n?```", re.DOTALL)
_ADDRESS = re.compile(r"<((?:https?://|mailto:|tel:)[^<>|\n]+)(?:\|([^<>\n]*))?>")
_LISTING = re.compile(r"(<pre>.*?</pre>)", re.DOTALL)
_BESIDE_A_BLOCK = re.compile(r"(?<=</blockquote>)\n|\n(?=<blockquote>)")
_MENTION = {"@": "user", "#": "space"}


def message(text: str) -> str:
    """A ``slack-message`` body: JSON of the text, blocks and attachments."""
    body = msgspec.json.decode(text)
    said = body.get("text")
    parts = [mrkdwn(said)] if isinstance(said, str) and said else list(_blocks(body.get("blocks")))
    parts += [_attachment(entry) for entry in _dicts(body.get("attachments"))]
    return "\n".join(parts)


def broken(html: str) -> str:
    """The same with each line end as an element, for readers that take it for a blank; listings have their own."""
    pieces = _LISTING.split(html)
    return "".join(piece if listing % 2 else _BESIDE_A_BLOCK.sub("", piece.strip("\n")).replace("\n", "<br>") for listing, piece in enumerate(pieces))


def text_of_message(text: str) -> str:
    """What a ``slack-message`` body says, without its marks; the whole JSON when it is not what it should be."""
    try:
        said = msgspec.json.decode(text).get("text")
    except (ValueError, AttributeError, RecursionError):
        said = None
    return said if isinstance(said, str) and said else text


def mrkdwn(text: str) -> str:
    """Text as Slack writes it: ``& < >`` come as entities, links and mentions in angle brackets."""
    if not _MARKED.search(text):
        return str(escape(text))
    pieces = _FENCE.split(text)
    return "".join(f"<pre>{_verbatim(piece)}</pre>" if fenced % 2 else _lines(piece) for fenced, piece in enumerate(pieces) if piece)


def _lines(text: str) -> str:
    made = []
    for quoted, lines in itertools.groupby(text.split("\n"), lambda line: line.startswith(("&gt;", ">"))):
        if quoted:
            inner = (_inline(line.removeprefix("&gt;").removeprefix(">").removeprefix(" ")) for line in lines)
            made.append(f"<blockquote>{'<br>'.join(inner)}</blockquote>")
        else:
            made += [_inline(line) + "\n" for line in lines]
    return "".join(made).removesuffix("\n")


def _inline(text: str) -> str:
    made, end = [], 0
    for token in _TOKEN.finditer(text):
        made.append(_plain(text[end : token.start()]))
        tag, inside = str(token.lastgroup), token[str(token.lastgroup)]
        made.append(_link(inside) if tag == "link" else f"<{tag}>{_verbatim(inside) if tag == 'code' else _inline(inside)}</{tag}>")
        end = token.end()
    return "".join([*made, _plain(text[end:])])


def _verbatim(text: str) -> str:
    """Code: Slack makes links of addresses in it too, and shows only what they say."""
    return _plain(_ADDRESS.sub(lambda link: link[2] or link[1], text))


def _plain(text: str) -> str:
    return str(escape(html.unescape(text)))


def _link(inside: str) -> str:
    target, _, label = inside.partition("|")
    sign, id = target[:1], target[1:]
    if sign in _MENTION:
        return f'<a href="ref:{_MENTION[sign]}:{quote(id, safe="")}"></a>'
    if sign == "!":  # <!here>, <!subteam^S1|@team>, <!date^…|fallback>
        return _plain(label or "@" + id.partition("^")[0])
    return f'<a href="{_plain(target)}">{_plain(label or target)}</a>'


def _dicts(value: object) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _attachment(entry: dict[str, Any]) -> str:
    """A box with the parts that Slack shows; its fallback where it has none of them."""

    def part(name: str) -> str:
        value = entry.get(name)
        return value if isinstance(value, str) else ""

    title = mrkdwn(part("title"))
    if part("title_link"):
        title = f'<a href="{_plain(part("title_link"))}">{_plain(part("title") or part("title_link"))}</a>'
    rows = [mrkdwn(part("pretext")), _plain(part("author_name")), title and f"<strong>{title}</strong>", mrkdwn(part("text"))]
    rows += [f"<strong>{_plain(str(f.get('title', '')))}</strong> {mrkdwn(str(f.get('value', '')))}" for f in _dicts(entry.get("fields"))]
    rows += ["\n".join(_blocks(entry.get("blocks"))), _plain(part("footer"))]
    shown = [row for row in rows if row] or [_plain(part("fallback") or part("from_url") or part("image_url"))]
    return f"<blockquote>{'<br>'.join(shown)}</blockquote>"


def _blocks(blocks: object) -> Iterator[str]:
    for block in _dicts(blocks):
        yield "".join(_block(block))


def _block(node: dict[str, Any]) -> Iterator[str]:
    """The text of a block and of all within it, whatever its type: new types keep coming."""
    kind, text = node.get("type"), node.get("text")
    if kind in ("user", "channel") and isinstance(node.get(f"{kind}_id"), str):
        yield _link(("@" if kind == "user" else "#") + node[f"{kind}_id"])
    elif kind == "emoji":
        yield _plain(f":{node.get('name')}:")
    elif kind == "link" and isinstance(node.get("url"), str):
        yield _link(f"{node['url']}|{text}" if isinstance(text, str) else node["url"])
    elif isinstance(text, str):
        yield mrkdwn(text) if kind == "mrkdwn" else f"<pre>{_plain(text)}</pre>" if kind == "rich_text_preformatted" else _plain(text)
    elif isinstance(text, dict):
        yield from _block(text)
    for name in ("title", "elements", "fields", "accessory"):
        inner = node.get(name)
        for child in _dicts(inner if isinstance(inner, list) else [inner]):
            yield from _block(child)
            yield "\n" if str(child.get("type")).startswith("rich_text_") else ""
