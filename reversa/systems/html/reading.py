"""Pages back into records: every element with an ``itemid`` is a record, its ``itemprop`` elements are its fields."""

from __future__ import annotations

import re
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

_FIELDS = {kind: {field.name: field for field in fields(kind)} for kind in KINDS}
_MARK = re.compile(rb'<article class="[^"]*" id="([^"]*)" itemscope itemtype="urn:reversa:schema:v1:([a-z]+)"')


class NotOfOurs(ValueError):
    """A page that does not say what a page of an archive says."""


def pages(archive: Path) -> Iterator[Path]:
    """The pages that may hold records, in order."""
    for folder in sorted(p for p in (archive / "pages").glob("*") if p.is_dir() and not p.is_symlink() and not p.name.startswith("list-")):
        yield from sorted(p for p in folder.glob("*.html") if p.is_file() and not p.is_symlink())


def marks(page: Path) -> Iterator[tuple[str, str]]:
    """The anchor and the kind of every record of a page, found in its bytes and not by an HTML parser."""
    for found in _MARK.finditer(page.read_bytes()):
        yield found[1].decode(), found[2].decode()


def source_of(archive: Path) -> Source | None:
    """Whose data an archive holds, as its first record says."""
    for page in pages(archive):
        for element in _parsed(page).css("[itemid]"):
            return _identity(element)[0]
    return None


def read(archive: Path, page: Path) -> Iterator[Record | Attached | Unreadable]:
    """The records of a page. What is damaged comes as Unreadable."""
    for element in _parsed(page).css("[itemid]"):
        where = f"{page.relative_to(archive).as_posix()}#{element.attributes.get('id')}"
        try:
            yield _record(element, archive)
        except (ValueError, KeyError, TypeError, OSError, msgspec.MsgspecError) as error:
            kind = (element.attributes.get("itemtype") or "").rpartition(":")[2]
            yield Unreadable(kind if kind in KINDS else "opaque", where, f"{type(error).__name__}: {error}")


def _parsed(page: Path) -> LexborHTMLParser:
    return LexborHTMLParser(page.read_bytes().decode("utf-8"))


def _identity(element: LexborNode) -> tuple[Source, str, str]:
    """Source, kind and id in an ``itemid``."""
    parts = (element.attributes.get("itemid") or "").split(":", 5)
    if len(parts) != 6 or parts[:2] != ["urn", "reversa"] or parts[4] not in KINDS:
        raise NotOfOurs(f"{element.attributes.get('itemid')!r} is not the identity of a record")
    return Source(unquote(parts[2]), unquote(parts[3])), parts[4], unquote(parts[5])


def _record(element: LexborNode, archive: Path) -> Record | Attached:
    _, kind, id = _identity(element)
    record = KINDS[kind](id=id, **_values(element.css("[itemprop]"), _FIELDS[kind], archive))
    if not isinstance(record, File | Opaque) or record.sha256 is None:
        return record
    content = element.css_first("a.content")
    if content is None:
        raise NotOfOurs("its content is not linked")
    return Attached(record, BlobRef((content.attributes.get("href") or "").removeprefix("../../")))


def _values(elements: list[LexborNode], known: dict[str, Field], archive: Path) -> dict[str, Any]:
    """Field values from ``itemprop`` elements in the order of the page; the parts of a part follow it."""
    values: dict[str, Any] = {}
    place = 0
    while place < len(elements):
        element, place = elements[place], place + 1
        attributes = element.attributes
        field = known[attributes["itemprop"] or ""]
        if "data-file" in attributes:
            values[field.name] = _from_file(field, archive, attributes["data-file"] or "")
            continue
        if "data-empty" in attributes:
            values[field.name] = []
            continue
        if field.part is not None:
            inner = element.css("[itemprop]")
            inner = inner[1:] if inner and inner[0].mem_id == element.mem_id else inner
            place += len(inner)
            value: Any = field.part(**_values(inner, {part.name: part for part in field.parts}, archive))
        else:
            value = _value(field, element)
        if field.is_list:
            values.setdefault(field.name, []).append(value)
        else:
            values[field.name] = value
    return values


def _value(field: Field, element: LexborNode) -> Any:
    if field.type == "ref":
        absent = element.attributes.get("data-ref")
        return unquote((element.attributes.get("href") or "").partition("#")[2] if absent is None else absent)
    text = element.text(deep=True)
    match field.type:
        case "integer":
            return int(text)
        case "boolean":
            return {"true": True, "false": False}[text]
        case "instant":
            return msgspec.convert(text, datetime)
        case "date":
            return date.fromisoformat(text)
    return text


def _from_file(field: Field, archive: Path, path: str) -> Any:
    """A value that was too long or too odd for its page."""
    data = inside(archive, path).read_bytes()
    if field.part is None:
        return msgspec.json.decode(data)
    return msgspec.json.decode(data, type=list[field.part] if field.is_list else field.part)  # type: ignore[name-defined]


def inside(archive: Path, path: str) -> Path:
    """The file at a path that a page names. Raises NotOfOurs when it is not one of the archive's own."""
    if re.fullmatch(r"files/[0-9a-f]{2}/[0-9a-f]{64}\.[a-z0-9]{1,5}", path) is None:
        raise NotOfOurs(f"{path!r} is not a file of an archive")
    return archive / path
