"""Counts in Slack's messages: from their JSON."""

from __future__ import annotations

import html
import re
from typing import Any

import msgspec

from reversa.markup.counting import Link, Tally

_TOKEN = re.compile(r"<([^<>\n]+)>|```|(?<![\w*])\*|\*(?!\w)|(?<![\w_])_|_(?!\w)")


def count(tally: Tally, text: str, source: bool) -> None:
    del source
    try:
        body = msgspec.json.decode(text)
    except ValueError:
        body = {"text": text}
    if not isinstance(body, dict):
        body = {"text": text}
    _said(tally, body["text"]) if body.get("text") else _blocks(tally, body.get("blocks"))
    for entry in body.get("attachments") or []:
        _attachment(tally, entry)


def _said(tally: Tally, text: str) -> None:
    for place, piece in enumerate(re.split(r"```(.*?)```", text, flags=re.DOTALL)):
        tally.gap()
        if place % 2:
            tally.codes += 1
            tally.text(_verbatim(piece))
        else:
            for number, part in enumerate(re.split(r"`([^`\n]+)`", piece)):
                tally.text(_verbatim(part)) if number % 2 else _marked(tally, part)
    tally.gap()


def _verbatim(text: str) -> str:
    """Of an address in code its label is shown, or itself."""
    shown = re.sub(r"<(?=https?:|mailto:|tel:)([^<>\n]+)>", lambda link: link[1].partition("|")[2] or link[1].partition("|")[0], text)
    return html.unescape(shown)


def _marked(tally: Tally, text: str) -> None:
    end = 0
    for token in re.finditer(r"<([^<>\n]+)>", text):
        tally.text(html.unescape(text[end : token.start()].replace("`", "")))
        end = token.end()
        name, _, label = token[1].partition("|")
        if name[0] in "@#":
            tally.links.append(Link(None, f"ref:{'user' if name[0] == '@' else 'space'}:{name[1:]}"))
        elif name[0] == "!":
            tally.text(label or "@" + name[1:].partition("^")[0])
        else:
            with tally.link(html.unescape(name)):
                tally.text(html.unescape(label or name))
    tally.text(html.unescape(text[end:].replace("`", "")))


def _attachment(tally: Tally, entry: dict[str, Any]) -> None:
    for name in ("pretext", "author_name", "title", "text"):
        if isinstance(entry.get(name), str):
            if name == "title" and entry.get("title_link"):
                tally.gap()
                with tally.link(entry["title_link"]):
                    tally.text(html.unescape(entry[name]))
                tally.gap()
            else:
                _said(tally, entry[name])
    if isinstance(entry.get("footer"), str):
        tally.gap()
        tally.text(html.unescape(entry["footer"]))
    if not any(entry.get(name) for name in ("pretext", "author_name", "title", "title_link", "text", "fields", "blocks", "footer")):
        tally.gap()
        tally.text(html.unescape(str(entry.get("fallback") or entry.get("from_url") or entry.get("image_url") or "")))
    for field in entry.get("fields") or []:
        _said(tally, str(field.get("title", "")))
        _said(tally, str(field.get("value", "")))


def _blocks(tally: Tally, blocks: Any) -> None:
    for block in blocks or []:
        if isinstance(block, dict):
            if isinstance(block.get("text"), str):
                _said(tally, block["text"])
            for inner in block.values():
                _blocks(tally, inner if isinstance(inner, list) else [inner] if isinstance(inner, dict) else [])
