"""Pages back into records: every element with an ``itemid`` is a record, its ``itemprop`` elements are its fields.

A page may come from anywhere. What a page of ours would not hold is refused, so that nothing a person sees among the fields
escapes the reading.
"""

from __future__ import annotations

import itertools
import re
import stat
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec
from selectolax.lexbor import LexborHTMLParser, LexborNode

from reversa.adapter import Attached, BlobRef, Source, Unreadable
from reversa.records import KINDS, File, Opaque, Record
from reversa.schema import Field, fields

LARGEST_PAGE, DEEPEST, LARGEST_VALUE = 4_000_000, 100, 64 * 2**20
"""Bytes of a page that is read, elements within each other on it, bytes of a value kept as a file.

Our pages stay under 1 MB and 30. HTML parsers are quadratic in depth.
"""

_FIELDS = {kind: {field.name: field for field in fields(kind)} for kind in KINDS}
_MARK = re.compile(rb'<article class="[^"]*" id="([^"]*)" itemscope itemtype="urn:reversa:schema:v1:([a-z]+)"')
_KINDS = frozenset(kind.encode() for kind in KINDS)
_TAGS = re.compile(rb"<(/?)(?!br|hr|img|input|link|meta)[a-z]")
FILE = r"files/[0-9a-f]{2}/[0-9a-f]{64}\.[a-z0-9]{1,5}"
PAGE = r"pages/[a-z]+-[0-9]{6}/[0-9]{5}\.html"
"""Paths in an archive, as patterns: of content and values kept as files, and of pages with records."""
_LEAD = re.compile(rf"(?:\.\./\.\./{PAGE})?#(.+)", re.DOTALL)
_ARTICLE, _FIELD = {"class", "id", "itemscope", "itemtype", "itemid"}, {"itemprop", "dir", "itemscope", "data-empty", "data-file"}
_LINKS = ({"itemprop", "href"}, {"itemprop", "class", "data-ref"})
_ODD = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError, OSError, msgspec.MsgspecError)


class NotOfOurs(ValueError):
    """A page that does not say what a page of an archive says."""


def pages(archive: Path) -> Iterator[Path]:
    """The pages that may hold records, in order; a link to a folder stands for its pages, and is not followed."""
    top = archive / "pages"
    for folder in [] if top.is_symlink() else sorted(top.glob("*")):
        if folder.is_symlink():
            yield folder
        elif not folder.name.startswith("list-"):
            yield from sorted(folder.glob("*.html"))


def marks(html: bytes) -> Iterator[tuple[str, str]]:
    """The anchor and the kind of every record of a page, found in its bytes and not by an HTML parser."""
    for found in _MARK.finditer(html):
        if found[2] in _KINDS:
            yield found[1].decode(errors="replace"), found[2].decode()


def beginning(page: Path) -> bytes:
    """The bytes of a page as far as they are read: one more than a page may have, so that a larger one is known. None of a link."""
    if page.is_symlink() or not page.is_file():
        return b""
    with page.open("rb") as file:
        return file.read(LARGEST_PAGE + 1)


def source_of(archive: Path) -> Source | None:
    """Whose data an archive holds, as its first record says."""
    for page in pages(archive):
        try:
            for element in _parsed(page).css("[itemid]"):
                return _identity(element)[0]
        except _ODD:
            continue
    return None


def read(archive: Path, page: Path, source: Source) -> Iterator[Record | Attached | Unreadable]:
    """The records of a page that belong to a source. What is damaged comes as Unreadable, of a damaged page every record."""
    path = page.relative_to(archive).as_posix()
    marked = list(marks(beginning(page)))
    if not marked:
        yield Unreadable("opaque", path, "a page without records, or a link")
        return
    try:
        elements = _parsed(page).css("[itemid]")
    except _ODD as error:
        yield from (Unreadable(kind, f"{path}#{mark}", f"{type(error).__name__}: {error}") for mark, kind in marked)
        return
    for element in elements:
        try:
            yield _record(element, archive, source)
        except _ODD as error:
            kind = (element.attributes.get("itemtype") or "").rpartition(":")[2]
            yield Unreadable(kind if kind in KINDS else "opaque", f"{path}#{element.attributes.get('id')}", f"{type(error).__name__}: {error}")


def inside(archive: Path, path: str) -> Path:
    """The file at a path that a page names. Raises NotOfOurs when it is not a plain file of the archive's own."""
    if re.fullmatch(FILE, path) is None:
        raise NotOfOurs(f"{path!r} is not a file of an archive")
    whole = archive / path
    if any(step.is_symlink() for step in (whole, whole.parent, whole.parent.parent)) or not stat.S_ISREG(whole.stat().st_mode):
        raise NotOfOurs(f"{path} is not a plain file")
    return whole


def _parsed(page: Path) -> LexborHTMLParser:
    html = beginning(page)
    if len(html) > LARGEST_PAGE:
        raise NotOfOurs(f"a page of more than {LARGEST_PAGE:,} bytes")
    if b"<!--" in html or max(itertools.accumulate(-1 if closing else 1 for closing in _TAGS.findall(html)), default=0) > DEEPEST:
        raise NotOfOurs("a page with comments, or with elements too deep within each other")
    return LexborHTMLParser(html.decode("utf-8"))


def _identity(element: LexborNode) -> tuple[Source, str, str]:
    """Source, kind and id in an ``itemid``."""
    parts = (element.attributes.get("itemid") or "").split(":", 5)
    if len(parts) != 6 or parts[:2] != ["urn", "reversa"] or parts[4] not in KINDS:
        raise NotOfOurs(f"{element.attributes.get('itemid')!r} is not the identity of a record")
    return Source(unquote(parts[2]), unquote(parts[3])), parts[4], unquote(parts[5])


def _record(element: LexborNode, archive: Path, source: Source) -> Record | Attached:
    whose, kind, id = _identity(element)
    if whose != source or element.attributes.get("itemtype") != f"urn:reversa:schema:v1:{kind}":
        raise NotOfOurs(f"{element.attributes['itemid']} is not a record of {source}")
    _only(element, _ARTICLE)
    record = KINDS[kind](id=id, **_values(element.css("[itemprop]"), _FIELDS[kind], archive))
    if not isinstance(record, File | Opaque) or record.sha256 is None:
        return record
    content = element.css_first("a.content")
    if content is None:
        raise NotOfOurs("its content is not linked")
    return Attached(record, BlobRef((content.attributes.get("href") or "").removeprefix("../../")))


def _only(element: LexborNode, names: set[str]) -> None:
    if element.attributes.keys() - names:
        raise NotOfOurs(f"an element with {', '.join(sorted(element.attributes.keys() - names))}")


def _values(elements: list[LexborNode], known: dict[str, Field], archive: Path) -> dict[str, Any]:
    """Field values from ``itemprop`` elements in the order of the page; the parts of a part follow it."""
    values: dict[str, Any] = {}
    place = 0
    while place < len(elements):
        element, place = elements[place], place + 1
        field = known[element.attributes["itemprop"] or ""]
        if field.name in values and not (field.is_list and values[field.name]):
            raise NotOfOurs(f"{field.name} stands there twice")
        if element.tag == "a":
            value: Any = _reference(element)
        else:
            _only(element, _FIELD)
            if "data-file" in element.attributes:
                values[field.name] = _from_file(field, archive, element.attributes["data-file"] or "")
                continue
            if "data-empty" in element.attributes:
                values[field.name] = []
                continue
            if field.part is not None:
                inner = element.css("[itemprop]")
                inner = inner[1:] if inner and inner[0].mem_id == element.mem_id else inner
                place += len(inner)
                value = field.part(**_values(inner, {part.name: part for part in field.parts}, archive))
            else:
                value = _value(field, element)
        if field.is_list:
            values.setdefault(field.name, []).append(value)
        else:
            values[field.name] = value
    return values


def _reference(element: LexborNode) -> str:
    """The record that a link leads to, or names when it is not in the archive."""
    if set(element.attributes) not in _LINKS:
        raise NotOfOurs("a link that is not of an archive")
    absent = element.attributes.get("data-ref")
    if absent is not None:
        return unquote(absent)
    lead = _LEAD.fullmatch(element.attributes.get("href") or "")
    if lead is None:
        raise NotOfOurs(f"a reference that leads to {element.attributes.get('href')!r}")
    return unquote(lead[1])


def _value(field: Field, element: LexborNode) -> Any:
    inner = element.child
    if inner is not None and (inner.tag != "-text" or inner.next is not None):
        raise NotOfOurs(f"{field.name} holds more than text")
    text = "" if inner is None else element.text(deep=False)
    match field.type:
        case "ref":
            raise NotOfOurs(f"{field.name} is not a link")
        case "integer":
            return int(text) if text.isascii() else text
        case "boolean":
            return {"true": True, "false": False}[text]
        case "instant":
            return msgspec.convert(text, datetime)
        case "date":
            return date.fromisoformat(text)
    return text


def _from_file(field: Field, archive: Path, path: str) -> Any:
    """A value that was too long or too odd for its page."""
    with inside(archive, path).open("rb") as file:
        data = file.read(LARGEST_VALUE + 1)
    if len(data) > LARGEST_VALUE:
        raise NotOfOurs(f"{field.name}: a value of more than {LARGEST_VALUE:,} bytes")
    type_: Any = Any if field.part is None else list[field.part] if field.is_list else field.part  # type: ignore[name-defined]
    value = msgspec.json.decode(data, type=type_)
    if msgspec.json.encode(value) != data:  # a name twice, a number cut short
        raise NotOfOurs(f"{field.name}: JSON that an archive would write in another way")
    return value
