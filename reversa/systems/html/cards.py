"""One record as a piece of a page: a face for people, and below it every field with its exact value.

The fields are HTML microdata (``itemid``, ``itemprop``): what a person sees when they unfold a record is what
:mod:`reversa.systems.html.reading` reads. A reference is written ``<a href="ref:KIND:ID">``; the site replaces it by the
place of that record, which is known when all have been written.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from reversa.adapter import Source
from reversa.markup.shown import shown
from reversa.records import (
    KINDS,
    Body,
    Comment,
    File,
    Grant,
    Membership,
    Message,
    Opaque,
    Page,
    Part,
    Reaction,
    Record,
    Ref,
    Revision,
    Space,
    Table,
    User,
    kind_of,
    ref_to,
)
from reversa.schema import Field, FieldType, fields

LONG = 64_000
"""Characters of fields that a card shows; longer ones become files beside the pages."""
LABEL, LINE = 80, 2_000
"""Characters shown of a name, and of a line below it."""
_PICTURES = (".gif", ".jpeg", ".jpg", ".png", ".webp")
_GROWTH = 60 + 4 * LABEL
"""Bytes by which a reference grows when its place and name are filled in."""

KeepValue = Callable[[bytes], str]
"""Keeps a value too long or too odd for a page, as JSON; gives its path in the archive."""


class Card(NamedTuple):
    """A record ready for its page. ``size`` is an upper bound of its bytes there."""

    record: Ref
    html: str
    size: int
    label: str
    words: str
    """What the search finds it by; empty for what is found by its owner."""


@functools.cache
def _naming(struct: type[Record]) -> tuple[str, ...]:
    names = ("display_name", "full_name", "username", "title", "subject", "question", "name", "label", "native_kind")
    return tuple(name for name in names if name in struct.__struct_fields__)


def label_of(record: Record) -> str:
    """What people call a record; empty for one without a name."""
    for name in _naming(type(record)):
        text = getattr(record, name)
        if text:
            return cut(str(text))
    return ""


def cut(text: str) -> str:
    """A name on one line, of a length that fits."""
    line = " ".join(text.split())
    return line if len(line) <= LABEL else line[:LABEL] + "…"


_PLAIN = re.compile("[A-Za-z0-9_.:/@-]*").fullmatch


def escape(text: str) -> str:
    """Text for an element or an attribute in double quotes. A carriage return would otherwise be read as a line feed."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&#34;").replace("\r", "&#13;")


def anchor(reference: str) -> str:
    """A reference as the name of a place in a page, and inside addresses. ``:~:`` in one would be a command to the browser."""
    return reference if _PLAIN(reference) else quote(reference, safe=":/@").replace("~", "%7E")


@functools.cache
def _urn_of(source: Source) -> str:
    return f"urn:reversa:{quote(source.system, safe='')}:{quote(source.tenant, safe='')}:"


def urn(source: Source, record: Ref) -> str:
    """The identity of a record: source, kind and id."""
    return _urn_of(source) + anchor(record)


def card(source: Source, record: Record, content: str | None, keep: KeepValue, *, old: bool, readable: Body | None = None) -> Card:
    """A record as HTML; ``content`` is the path of its blob in the archive, ``old`` says that a newer text is shown above it.

    ``readable`` is its text in a markup that can be shown, where its own cannot.
    """
    me, kind = ref_to(record), kind_of(record)
    face, words = _face(record, content, readable, old=old)
    html = (
        f'<article class="{_classes(record)}" id="{anchor(me)}" itemscope itemtype="urn:reversa:schema:v1:{kind}" '
        f'itemid="{urn(source, me)}"><div class="face">{face}</div><details class="fields"><summary>'
        f'<span data-t="archive.fields">All fields</span></summary>{_fields(record, me, keep)}</details></article>\n'
    )
    return Card(me, html, len(html.encode()) + html.count('href="ref:') * _GROWTH, label_of(record) or cut(words or me), words)


# ----------------------------------------------------------------------------------------------------------- faces


def _classes(record: Record) -> str:
    classes = [kind_of(record)]
    if isinstance(record, Message):
        if record.thread is not None and record.thread != ref_to(record):
            classes.append("reply")
        classes.append(record.message_type or "user")
    if record.state is not None:
        classes.append(record.state)
    return " ".join(classes)


def _face(record: Record, content: str | None, readable: Body | None, *, old: bool) -> tuple[str, str]:
    """What people see of a record, and the words it is found by."""
    label = label_of(record) or cut(record.id)
    if isinstance(record, Reaction):
        return f"{escape(cut(record.key))} {_person(record.created_by)}", ""
    if isinstance(record, Membership):
        return f"{_person(record.member)} {escape(cut(record.role or ''))}", ""
    if isinstance(record, Grant):
        audience = f'<span data-t="archive.{record.audience}">{record.audience}</span>' if record.audience else ""
        right = escape(cut(record.right or record.native_right or ""))
        return f'<span data-t="archive.{record.effect}">{record.effect}</span> {_person(record.principal)}{audience} {right}', ""
    if isinstance(record, File | Opaque):
        return _content_face(record, content), label_of(record)
    body = readable or getattr(record, "body", None)
    made, said, was_cut = shown(body) if isinstance(body, Body) else ("", "", False)
    lines = _lines(record)
    told = "".join(f'<p dir="auto">{escape(line[:LINE])}</p>' for line in lines)
    head = f"{_author(record)}{_moment(record.created_at)}{_badges(record)}"
    if isinstance(record, Message | Comment | Revision | Space | Page | Table):  # the last three stand under the heading of their page
        title = f"<bdi>{escape(label)}</bdi> " if isinstance(record, Revision) else ""
    else:
        title = f"<h3>{escape(label)}</h3>"
    more = ' <p class="note" data-t="archive.cut">Cut here; the whole text is among the fields.</p>' if was_cut else ""
    text = f'<div class="body" dir="auto">{made}</div>{more}' if made else ""
    if old and text:
        text = f'<details class="old"><summary data-t="archive.old-text">Earlier text</summary>{text}</details>'
    return f"{title}{head}{text}{told}", " ".join(filter(None, (label_of(record), said, *lines)))


def _author(record: Record) -> str:
    name = getattr(record, "author_name", None)
    return _person(record.created_by) + (f" <bdi>{escape(cut(name))}</bdi>" if name else "")


def _person(person: Ref | None) -> str:
    return f'<b class="who">{_link(person)}</b>' if person is not None else ""


def _link(to: Ref) -> str:
    return f'<a href="ref:{anchor(to)}"></a>'


def _moment(at: datetime | None) -> str:
    if at is None:
        return ""
    exact = _instant(at)
    return f' <time datetime="{exact}">{exact[:10]} {exact[11:16]} UTC</time>'


def _badges(record: Record) -> str:
    badges: list[str] = [record.state] if record.state not in (None, "live") else []
    if record.updated_at is not None and isinstance(record, Message):
        badges.append("edited")
    if getattr(record, "pinned_at", None) is not None or getattr(record, "pinned_by", None) is not None:
        badges.append("pinned")
    return "".join(f' <span class="badge" data-t="archive.{badge}">{badge}</span>' for badge in badges)


def _lines(record: Record) -> list[str]:
    """The one or two fields that tell most of a record."""
    names = {User: ("title", "emails"), Space: ("description", "topic"), Page: ("name",), Table: ("columns",)}.get(type(record), ())
    values = [value for name in names if (value := getattr(record, name))]
    return [value if isinstance(value, str) else ", ".join(str(getattr(item, "name", item)) for item in value) for value in values]


def _content_face(record: File | Opaque, content: str | None) -> str:
    name = f"<bdi>{escape(label_of(record) or cut(record.id))}</bdi>"
    size = f" <span>{record.size} B</span>" if record.size is not None else ""
    if content is not None:
        preview = f'<img src="top:{escape(content)}" alt="" loading="lazy">' if content.endswith(_PICTURES) else ""
        return f'<a class="content" href="top:{escape(content)}" download="{escape(cut(record.name or "file"))}">{preview}{name}</a>{size}'
    if isinstance(record, File):
        why = record.availability or "absent"
        return f'{name}{size} <span class="badge" data-t="archive.content-{why}">{why}</span>'
    return f"{name}{size}"


# ---------------------------------------------------------------------------------------------------------- fields


class _Named(NamedTuple):
    """A field or part ready to be written: its name, what stands around a value, and how a value is written."""

    name: str
    is_list: bool
    start: str
    before: str
    after: str
    written: Callable[[Any], str]


def _ready(of: str, field: Field) -> _Named:
    start = f'<dt data-t="{of}.{field.name}">{escape(field.doc)}</dt>'
    if field.type == "ref":
        return _Named(field.name, field.is_list, start, f'<dd><a itemprop="{field.name}" href="ref:', '"></a></dd>', anchor)
    if field.type == "struct":
        return _Named(field.name, field.is_list, start, f'<dd itemprop="{field.name}" itemscope><dl>', "</dl></dd>", _part)
    return _Named(field.name, field.is_list, start, f'<dd itemprop="{field.name}" dir="auto">', "</dd>", _WRITTEN.get(field.type, escape))


def _part(value: Part) -> str:
    rows = (n.start + n.before + n.written(inner) + n.after for n in _PARTS[type(value)] if (inner := getattr(value, n.name)) is not None)
    return "".join(rows)


def _instant(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


_WRITTEN: dict[FieldType, Callable[[Any], str]] = {
    "boolean": lambda value: "true" if value else "false",
    "integer": str,
    "instant": _instant,
    "date": date.isoformat,
}
_NAMED = {kind: tuple(_ready(kind, field) for field in fields(kind)[1:]) for kind in KINDS}
_PARTS = {field.part: tuple(_ready("part", part) for part in field.parts) for kind in KINDS for field in fields(kind) if field.part is not None}


def _fields(record: Record, me: Ref, keep: KeepValue) -> str:
    made = _rows(record, me, {})
    if len(made) > LONG or "\0" in made:
        made = _rows(record, me, {name: keep(value) for name, value in _beside(record).items()})
    return f"<dl>{made}</dl>"


def _beside(record: Record) -> dict[str, bytes]:
    """The fields that go to files: what HTML cannot hold, and the longest ones until the rest fits."""
    known = {named.name: value for named in _NAMED[kind_of(record)] if (value := getattr(record, named.name)) is not None}
    encoded = {name: msgspec.json.encode(value) for name, value in known.items()}
    kept = {name: value for name, value in encoded.items() if b"\\u0000" in value}
    left = sum(len(value) for name, value in encoded.items() if name not in kept)
    for name in sorted(encoded.keys() - kept.keys(), key=lambda name: (-len(encoded[name]), name)):
        if left <= LONG // 2:
            break
        kept[name] = encoded[name]
        left -= len(encoded[name])
    return kept


def _rows(record: Record, me: Ref, kept: dict[str, str]) -> str:
    """The fields with their values; ``kept`` are those that lie in files, by their paths."""
    rows = []
    for name, is_list, start, before, after, written in _NAMED[kind_of(record)]:
        value = getattr(record, name)
        if value is None:
            continue
        if name in kept:
            link = f'<a href="top:{kept[name]}" data-t="archive.in-file">in a file of its own</a>'
            rows.append(f'{start}<dd itemprop="{name}" data-file="{kept[name]}">{link}</dd>')
        elif is_list:
            rows.append(start + ("".join([before + written(item) + after for item in value]) or f'<dd itemprop="{name}" data-empty="">–</dd>'))
        elif value == me and written is anchor:
            rows.append(f'{start}<dd><a itemprop="{name}" href="#{anchor(me)}">↑</a></dd>')
        else:
            rows.append(start + before + written(value) + after)
    return "".join(rows)
