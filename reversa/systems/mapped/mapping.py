"""A mapping file: what the tables of a database mean, entry by entry. docs/mapping.md is its manual."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from reversa.adapter import Source
from reversa.records import ANY, KINDS
from reversa.schema import Field, fields
from reversa.systems.mapped.document import Node, nearest, read_document


@dataclass(frozen=True)
class Expression:
    """SQL over the tables of the source, of which every column is a text."""

    sql: str
    node: Node


@dataclass(frozen=True)
class Constant:
    """``{is: text}``."""

    text: str


@dataclass(frozen=True)
class Reference:
    """``{KIND: id}``: a reference to the record of that kind with that id."""

    kind: str
    id: Expression


@dataclass(frozen=True)
class Cases:
    """``{by: expression, values: {text: value}}``: an enumeration, or a polymorphic pair of a type and an id."""

    by: Expression
    values: dict[str, Value]


@dataclass(frozen=True)
class Several:
    """``[value, value]``: a list of those that are there."""

    values: tuple[Value, ...]


@dataclass(frozen=True)
class Members:
    """The members of a structured value, as a body's format and text."""

    values: dict[str, Value]


@dataclass(frozen=True)
class InColumn:
    """``{bytes: SQL}``: content that lies in the row itself."""

    bytes: Expression


Value = Expression | Constant | Reference | Cases | Several | Members


@dataclass(frozen=True)
class SameAs:
    """``{column: name}``: what that column of the record's own row holds, its key too."""

    column: str


Filling = Constant | SameAs
"""What a column gets where no field says it."""


@dataclass(frozen=True)
class Beside:
    """A row of another table that belongs to a row that is written."""

    node: Node
    table: str
    columns: dict[str, Filling]


@dataclass(frozen=True)
class Write:
    """What a new row gets besides its fields, and the rows of other tables that belong to it."""

    node: Node
    columns: dict[str, Filling]
    also: tuple[Beside, ...] = ()


@dataclass(frozen=True)
class Entry:
    """One SELECT whose rows become records of a kind."""

    node: Node
    kind: str
    tables: Expression
    where: Expression | None
    id: Expression
    root: Value | None
    values: dict[str, Value]
    content: Expression | InColumn | None
    """Of a kind that has content: its path below the folder of files, or the column that holds it."""
    native: bool
    """Whether the columns that no field carries are kept beside the record: then its rows are mapped."""
    write: Write | None = None
    """Records of the kind are written, too."""

    def given(self) -> list[tuple[str, Value]]:
        """Field → what it gets, in the order of the file."""
        return [*([("root", self.root)] if self.root is not None else []), *self.values.items()]


@dataclass(frozen=True)
class Left:
    """What becomes of those rows of a table that no entry maps: ``ignore``, or ``within`` the records of other tables."""

    node: Node
    ignore: str | None = None
    within: dict[str, Expression] = field(default_factory=dict)


@dataclass(frozen=True)
class Customers:
    """How the rows of many customers are told apart: ``customers``."""

    node: Node
    table: str
    id: str
    name: str
    shared: tuple[str, ...] = ()
    several: tuple[str, ...] = ()
    """Tables whose rows may belong to more than one customer."""
    claims: dict[str, dict[str, Expression]] = field(default_factory=dict)
    """Table → other table → condition, where foreign keys do not lead to the customer."""
    canaries: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Mapping:
    """A whole file, or what stands for one where a source has none."""

    database: str
    source: Source
    files: Path | None = None
    zone: ZoneInfo | None = None
    views: dict[str, Expression] = field(default_factory=dict)
    entries: tuple[Entry, ...] = ()
    rows: dict[str, Left] = field(default_factory=dict)
    customers: Customers | None = None


def expressions(value: Value) -> Iterator[Expression]:
    """All SQL in a value."""
    match value:
        case Expression():
            yield value
        case Reference(_, id):
            yield id
        case Cases(by, values):
            yield by
            yield from (leaf for inner in values.values() for leaf in expressions(inner))
        case Several(values):
            yield from (leaf for inner in values for leaf in expressions(inner))
        case Members(values):
            yield from (leaf for inner in values.values() for leaf in expressions(inner))
        case Constant():
            pass


SUFFIXES = (".yaml", ".yml")


def read_mapping(file: Path) -> Mapping:
    """A mapping file, every name in it that does not depend on the database looked at. Raises MappingError with a line."""
    document = read_document(file).members(("mapping", "source", "views", "records", "rows", "customers"))
    version = document.get("mapping")
    if version is not None and version.text() != "1":
        raise version.wrong(
            f"this reversa reads mappings of version 1, and this is one of version {version.text()}.", "pip install --upgrade reversa"
        )
    if "source" not in document:
        raise read_document(file).wrong("`source` is missing: where the database is.", "source: {system: NAME, tenant: NAME, database: PATH_OR_URL}")
    source = document["source"].members(("system", "tenant", "database", "files", "zone"))
    for name in ("system", "tenant", "database"):
        if name not in source:
            raise document["source"].wrong(f"`{name}` is missing in `source`.")
    return Mapping(
        database=_beside(file, source["database"].text()),
        source=Source(source["system"].text(), source["tenant"].text()),
        files=file.parent / source["files"].text() if "files" in source else None,
        zone=_zone(source["zone"]) if "zone" in source else None,
        views={name: _expression(node) for name, node in _members(document, "views").items()},
        entries=tuple(_entry(node) for node in (document["records"].items() if "records" in document else ())),
        rows={name: _left(node) for name, node in _members(document, "rows").items()},
        customers=_customers(document["customers"]) if "customers" in document else None,
    )


def _members(document: dict[str, Node], name: str) -> dict[str, Node]:
    return document[name].members() if name in document else {}


def _beside(file: Path, address: str) -> str:
    return address if "://" in address else str(file.parent / address)


def _zone(node: Node) -> ZoneInfo:
    try:
        return ZoneInfo(node.text())
    except (ValueError, OSError, KeyError) as error:  # ZoneInfoNotFoundError is a KeyError, a folder's name an OSError
        raise node.wrong(f"there is no time zone {node.text()!r}.", "As Europe/Paris, or UTC") from error


def _expression(node: Node) -> Expression:
    return Expression(node.text(), node)


def _entry(node: Node) -> Entry:
    members = node.members(("kind", "from", "where", "id", "root", "fields", "content", "native", "write", "also"))
    for name in ("kind", "from", "id"):
        if name not in members:
            raise node.wrong(f"`{name}` is missing in this entry.")
    if "also" in members and "write" not in members:
        raise members["also"].wrong("rows that belong to a row that is written: `write` is missing in this entry.", "write: {}")
    kind = members["kind"].text()
    if kind not in KINDS:
        raise members["kind"].wrong(f"there is no kind {kind!r}.", nearest(kind, KINDS))
    if kind in ("table", "row"):
        raise members["kind"].wrong(f"a {kind} is what becomes of rows that nothing maps.")
    own = {f.name: f for f in fields(kind) if f.name not in ("id", "root", "native")}
    given = members["fields"].members(own) if "fields" in members else {}
    for name, of in own.items():
        if of.required and name not in given:
            raise node.wrong(f"a {kind} needs its field `{name}`.")
    if "content" in members and "sha256" not in own:
        raise members["content"].wrong(f"a {kind} has no content.", "Only these have: file, opaque")
    return Entry(
        node=node,
        kind=kind,
        tables=_expression(members["from"]),
        where=_expression(members["where"]) if "where" in members else None,
        id=_expression(members["id"]),
        root=_value(members["root"], next(f for f in fields(kind) if f.name == "root")) if "root" in members else None,
        values={name: _value(value, own[name]) for name, value in given.items()},
        content=_content(members["content"]) if "content" in members else None,
        native="native" not in members or _boolean(members["native"]),
        write=_write(members) if "write" in members else None,
    )


def _content(node: Node) -> Expression | InColumn:
    if node.is_text:
        return _expression(node)
    members = node.members(("bytes",))
    if not members:
        raise node.wrong("content is the SQL of a path, or {bytes: column}.")
    return InColumn(_expression(members["bytes"]))


def _write(members: dict[str, Node]) -> Write:
    also = members["also"].items() if "also" in members else []
    rows = [(table, columns) for item in also for table, columns in item.members().items()]
    return Write(members["write"], _fillings(members["write"]), tuple(Beside(columns, table, _fillings(columns)) for table, columns in rows))


def _fillings(node: Node) -> dict[str, Filling]:
    return {column: _filling(value) for column, value in node.members().items()}


def _filling(node: Node) -> Filling:
    if node.is_text:
        return Constant(node.verbatim())
    members = node.members(("column",))
    if not members:
        raise node.wrong("a column takes a text or {column: name} here.")
    return SameAs(members["column"].text())


def _boolean(node: Node) -> bool:
    if node.text() not in ("true", "false"):
        raise node.wrong(f"true or false was expected, and this is {node.text()!r}.")
    return node.text() == "true"


def _value(node: Node, of: Field) -> Value:
    """What a field gets: see the classes above."""
    if node.is_text:
        return _expression(node)
    if node.is_list:
        if not of.is_list:
            raise node.wrong(f"`{of.name}` takes one value, not a list.")
        return Several(tuple(_value(item, of) for item in node.items()))
    members = node.members()
    if set(members) == {"is"}:
        return _constant(members["is"], of)
    if set(members) == {"by", "values"}:
        return Cases(_expression(members["by"]), {text: _case(value, of) for text, value in members["values"].members().items()})
    if of.type == "ref":
        return _reference(node, members, of)
    if of.type == "struct":
        parts = {part.name: part for part in of.parts}
        if of.name == "body" and len(members) == 1 and not set(members) & set(parts):  # body: {html: column}
            ((format_, text),) = members.items()
            return Members({"format": Constant(format_), "text": _expression(text)})
        for part in of.parts:
            if part.required and part.name not in members:
                raise node.wrong(
                    f"`{of.name}` needs its `{part.name}`.", "As {html: column}, {markdown: column}, {plain: column}" if of.name == "body" else ""
                )
        return Members({name: _value(value, parts[name]) for name, value in node.members(parts).items()})
    raise node.wrong(f"`{of.name}` takes SQL, {{is: text}}, or {{by: column, values: {{text: value}}}}.")


def _constant(node: Node, of: Field) -> Constant:
    text = node.text()
    if of.choices and text not in of.choices:
        raise node.wrong(f"{text!r} is not one of the values of `{of.name}`.", nearest(text, of.choices))
    return Constant(text)


def _case(node: Node, of: Field) -> Value:
    return _constant(node, of) if node.is_text else _value(node, of)


def _reference(node: Node, members: dict[str, Node], of: Field) -> Reference:
    kinds = KINDS if of.note.to == ANY else of.note.to
    if len(members) != 1:
        raise node.wrong(f"`{of.name}` takes one reference, as {{{next(iter(kinds))}: id}}.")
    ((kind, id),) = node.members(kinds).items()
    return Reference(kind, _expression(id))


def _left(node: Node) -> Left:
    members = node.members(("ignore", "within"))
    if len(members) != 1:
        raise node.wrong("either `ignore` with a reason or `within` with conditions is expected here.")
    if "ignore" in members:
        return Left(node, ignore=members["ignore"].text())
    return Left(node, within={owner: _expression(on) for owner, on in members["within"].members().items()})


def _customers(node: Node) -> Customers:
    members = node.members(("table", "id", "name", "shared", "several", "claims", "canaries"))
    for name in ("table", "id", "name"):
        if name not in members:
            raise node.wrong(f"`{name}` is missing in `customers`.")
    return Customers(
        node=node,
        table=members["table"].text(),
        id=members["id"].text(),
        name=members["name"].text(),
        shared=_texts(members, "shared"),
        several=_texts(members, "several"),
        claims={table: {other: _expression(on) for other, on in ways.members().items()} for table, ways in _members(members, "claims").items()},
        canaries={name: tuple(item.text() for item in texts.items()) for name, texts in _members(members, "canaries").items()},
    )


def _texts(members: dict[str, Node], name: str) -> tuple[str, ...]:
    return tuple(item.text() for item in members[name].items()) if name in members else ()
