"""From :mod:`reversa.records` to everything made of it: Arrow schemas, JSON Schemas, the tables of the docs.

``python -m reversa.schema`` writes ``schemas/v1/`` and the tables of ``docs/records.md``; a test regenerates both
and compares. The SQL tables are made from the same :func:`fields` in :mod:`reversa.systems.sql.tables`.
"""

from __future__ import annotations

import functools
import json
import types
import typing
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from reversa import records
from reversa.records import KINDS, PROVISIONAL, SCHEMA_VERSION, Note, Part, Record

if TYPE_CHECKING:
    import pyarrow as pa

BASE_URI = "urn:reversa:schema:v1:"

FieldType = Literal["string", "integer", "boolean", "instant", "date", "local-datetime", "decimal", "sha256", "ref", "struct"]

_NAMED: dict[Any, FieldType] = {
    str: "string", int: "integer", bool: "boolean", datetime: "instant", date: "date", records.Ref: "ref",
    records.Integer: "integer", records.Instant: "instant", records.LocalDateTime: "local-datetime",
    records.Decimal: "decimal", records.Sha256: "sha256",
}  # fmt: skip


class Field(msgspec.Struct, frozen=True):
    """One field of a record or of a part: its type, whether it is a list, and what is known of it."""

    name: str
    type: FieldType
    required: bool
    is_list: bool
    doc: str
    note: Note
    choices: tuple[str, ...] = ()
    parts: tuple[Field, ...] = ()
    part: Callable[..., Part] | None = None

    @property
    def unordered(self) -> bool:
        return self.note.unordered


@functools.cache
def fields(kind: str) -> tuple[Field, ...]:
    """The fields of a kind, those that every record has first."""
    own = {f.name: f for f in _fields_of(KINDS[kind])}
    common = [f.name for f in msgspec.structs.fields(Record)]
    return tuple(own.pop(name) for name in common) + tuple(own.values())


def _fields_of(struct: type[msgspec.Struct]) -> tuple[Field, ...]:
    hints = typing.get_type_hints(struct, include_extras=True)
    return tuple(_field(f.name, hints[f.name], f.required) for f in msgspec.structs.fields(struct))


def _field(name: str, hint: Any, required: bool) -> Field:
    doc, note, choices, is_list, part = "", Note(), (), False, None
    while hint not in _NAMED:
        origin, args = typing.get_origin(hint), typing.get_args(hint)
        if origin is typing.Annotated:
            described = [m for m in args[1:] if m.description]
            if described:
                doc, note = described[0].description, described[0].extra["note"]
            hint = args[0]
        elif origin in (typing.Union, types.UnionType):
            (hint,) = (a for a in args if a is not type(None))
        elif origin is list:
            is_list, (hint,) = True, args
        elif origin is Literal:
            choices, hint = args, str
        elif issubclass(hint, Part):
            part = hint
            return Field(name, "struct", required, is_list, doc, note, parts=_fields_of(hint), part=part)
        else:
            raise TypeError(f"{name}: no home for the type {hint!r}")
    return Field(name, _NAMED[hint], required, is_list, doc, note, choices=choices)


# --------------------------------------------------------------------------------------------------------- Arrow


def arrow_schema(kind: str) -> pa.Schema:
    """The Arrow schema of a kind's table: its fields, then `digest`, the SHA-256 of the canonical bytes."""
    import pyarrow as pa

    columns = [pa.field(f.name, _arrow_type(f), nullable=not f.required) for f in fields(kind)]
    return pa.schema([*columns, pa.field("digest", pa.string(), nullable=False)])


def _arrow_type(field: Field) -> pa.DataType:
    import pyarrow as pa

    simple: dict[str, pa.DataType] = {"integer": pa.int64(), "boolean": pa.bool_(), "instant": pa.timestamp("us", "UTC"), "date": pa.date32()}
    if field.type == "struct":
        base: pa.DataType = pa.struct([pa.field(p.name, _arrow_type(p), nullable=not p.required) for p in field.parts])
    else:
        base = simple.get(field.type, pa.string())
    return pa.list_(base) if field.is_list else base


# --------------------------------------------------------------------------------------------------------- JSON Schema

_JSON_TYPES: dict[str, dict[str, Any]] = {
    "string": {"type": "string"},
    "integer": {"type": "integer", "minimum": -(2**53) + 1, "maximum": 2**53 - 1},
    "boolean": {"type": "boolean"},
    "instant": {"type": "string", "format": "date-time", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z$"},
    "date": {"type": "string", "format": "date"},
    "local-datetime": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?$"},
    "decimal": {"type": "string", "pattern": r"^-?\d+(\.\d+)?$"},
    "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    "ref": {"type": "string", "pattern": "^[a-z]+:[\\s\\S]+$"},
}


def json_schema(kind: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a record's canonical form: absent values are absent, never null."""
    schema = _json_object(fields(kind))
    schema["properties"] = {"kind": {"const": kind}, **schema["properties"]}
    schema["required"] = ["kind", *schema["required"]]
    schema["properties"]["id"]["minLength"] = 1
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{BASE_URI}{kind}",
        "title": kind,
        "description": " ".join((KINDS[kind].__doc__ or "").split()),
        "x-stability": "provisional" if kind in PROVISIONAL else "stable",
    }
    return head | schema


def _json_object(members: tuple[Field, ...]) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [f.name for f in members if f.required],
        "properties": {f.name: _json_field(f) for f in members},
    }


def _json_field(field: Field) -> dict[str, Any]:
    schema = _json_object(field.parts) if field.type == "struct" else dict(_JSON_TYPES[field.type])
    if field.choices:
        schema["enum"] = list(field.choices)
    if field.is_list:
        schema = {"type": "array", "items": schema} | ({"uniqueItems": True} if field.unordered else {})
    note = {
        "x-description-fr": field.note.fr,
        "x-standard": field.note.standard,
        "x-refers-to": list(field.note.to),
        "x-personal-data": field.note.personal,
    }
    return {"description": field.doc} | schema | {key: value for key, value in note.items() if value}


def index() -> dict[str, Any]:
    """One schema that accepts a record of any kind."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{BASE_URI}record",
        "title": "record",
        "description": f"A record of the reversa common schema, version {SCHEMA_VERSION}.",
        "oneOf": [{"$ref": f"{BASE_URI}{kind}"} for kind in KINDS],
    }


def schema_files() -> dict[str, str]:
    """File name → text of every published schema."""
    schemas = {f"{kind}.json": json_schema(kind) for kind in KINDS} | {"record.json": index()}
    return {name: json.dumps(schema, ensure_ascii=False, indent=1) + "\n" for name, schema in schemas.items()}


# --------------------------------------------------------------------------------------------------------- mapping files


def mapping_schema() -> dict[str, Any]:
    """The JSON Schema of a mapping file (docs/mapping.md): what an editor completes it from. The reader's own messages say more."""
    text, texts = {"type": "string"}, {"type": "object", "additionalProperties": {"type": "string"}}
    listed = {"type": "array", "items": text}
    kinds = [kind for kind in KINDS if kind not in ("table", "row")]
    by_table = {"type": "object", "additionalProperties": texts}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:reversa:schema:mapping:v1",
        "title": "reversa mapping file",
        "type": "object",
        "required": ["source"],
        "additionalProperties": False,
        "properties": {
            "mapping": {"const": 1},
            "source": _closed(dict.fromkeys(("system", "tenant", "database", "files", "zone"), text), ["system", "tenant", "database"]),
            "views": texts,
            "records": {"type": "array", "items": {"oneOf": [_mapping_entry(kind) for kind in kinds]}},
            "rows": {
                "type": "object",
                "additionalProperties": {"oneOf": [_closed({"ignore": text}, ["ignore"]), _closed({"within": texts}, ["within"])]},
            },
            "customers": _closed(
                dict.fromkeys(("table", "id", "name"), text)
                | {"shared": listed, "several": listed, "claims": by_table, "canaries": {"type": "object", "additionalProperties": listed}},
                ["table", "id", "name"],
            ),
        },
    }


def mapping_text() -> str:
    """The text of ``schemas/mapping.json``."""
    return json.dumps(mapping_schema(), ensure_ascii=False, indent=1) + "\n"


def _mapping_entry(kind: str) -> dict[str, Any]:
    own = {f.name: {"description": f.doc} for f in fields(kind) if f.name not in ("id", "root", "native")}
    required = [f.name for f in fields(kind) if f.required and f.name in own]
    entry = {
        "kind": {"const": kind, "description": " ".join((KINDS[kind].__doc__ or "").split())},
        "from": {"type": "string", "description": "SQL: tables with their joins; the first one gives the rows"},
        "where": {"type": "string"},
        "id": {"description": "SQL, unique among the records of this kind"},
        "root": {},
        "fields": _closed(own, required),
        "native": {"type": "boolean", "description": "false: the columns that no field takes are not kept here, another entry keeps them"},
        "write": _fillings("Records of this kind are written too: what a new row gets where no field says it"),
        "also": {
            "type": "array",
            "items": {"type": "object", "additionalProperties": _fillings("The columns of a row of this table, which belongs to the record")},
        },
    } | ({"content": _content()} if "sha256" in {f.name for f in fields(kind)} else {})
    return _closed(entry, ["kind", "from", "id", *(["fields"] if required else [])])


def _content() -> dict[str, Any]:
    path = {"type": "string", "description": "SQL of the path below `files`"}
    return {"oneOf": [path, _closed({"bytes": {"type": "string", "description": "SQL of the content itself"}}, ["bytes"])]}


def _fillings(description: str) -> dict[str, Any]:
    filling = {"oneOf": [{"type": ["string", "number", "boolean"]}, _closed({"column": {"type": "string"}}, ["column"])]}
    return {"type": "object", "description": description, "additionalProperties": filling}


def _closed(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties, "required": required}


# --------------------------------------------------------------------------------------------------------- docs


def docs_tables() -> str:
    """The tables of docs/records.md, in Markdown."""
    lines = ["## On every record", "", *_docs_rows(fields("tag")[: len(msgspec.structs.fields(Record))])]
    common = {f.name for f in msgspec.structs.fields(Record)}
    for kind in KINDS:
        mark = " (provisional)" if kind in PROVISIONAL else ""
        own = tuple(f for f in fields(kind) if f.name not in common)
        lines += ["", f"## {kind}{mark}", "", " ".join((KINDS[kind].__doc__ or "").split()), "", *_docs_rows(own)]
    return "\n".join(lines) + "\n"


def _docs_rows(members: tuple[Field, ...]) -> list[str]:
    head = ["| field | type | meaning | en français | standard | personal data |", "| --- | --- | --- | --- | --- | --- |"]
    return head + [
        f"| `{f.name}`{'' if f.required else '?'} | {_docs_type(f)} | {f.doc} | {f.note.fr} | {f.note.standard or ''} | {f.note.personal or ''} |"
        for f in members
    ]


def _docs_type(field: Field) -> str:
    name: str = field.type
    if field.type == "ref":
        name = "ref to " + ("any" if field.note.to == records.ANY else ", ".join(field.note.to))
    elif field.type == "struct":
        name = "{" + ", ".join(p.name + ("" if p.required else "?") for p in field.parts) + "}"
    elif field.choices:
        name = " · ".join(field.choices)
    return f"list of {name}" if field.is_list else name


DOCS_MARK = "<!-- made by python -m reversa.schema -->\n"


def write_all(project: Path) -> None:
    """Regenerate ``schemas/`` and the tables of ``docs/records.md`` below ``project``."""
    folder = project / "schemas" / "v1"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in schema_files().items():
        (folder / name).write_text(text, encoding="utf-8")
    (project / "schemas" / "mapping.json").write_text(mapping_text(), encoding="utf-8")
    page = project / "docs" / "records.md"
    intro = page.read_text(encoding="utf-8").split(DOCS_MARK)[0]
    page.write_text(intro + DOCS_MARK + docs_tables(), encoding="utf-8")


if __name__ == "__main__":
    write_all(Path.cwd())
