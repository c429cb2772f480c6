"""From the answer of a selection to records: column by column, then row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

import msgspec
import pyarrow as pa

from reversa.adapter import Attached, BlobRef, Change, Item, Noted, Unreadable
from reversa.records import KINDS, File, Opaque, Record, Ref, kind_of, ref, ref_to
from reversa.schema import Field, fields
from reversa.systems.mapped.mapping import Cases, Constant, Entry, Expression, Members, Reference, Several, Value, expressions
from reversa.systems.mapped.secrets import cleaned, hide_value
from reversa.systems.mapped.selecting import Selection
from reversa.systems.mapped.staging import ROW
from reversa.systems.mapped.values import Kept, convert

IN_ROW: Final = "\0"
"""How the name of a content begins that lies in a row, after it the place of the entry and the number of the row: no path has it."""
ROOTS = {"membership": "group", **dict.fromkeys(("revision", "comment", "reaction", "file", "tag", "grant", "alias"), "target")}
"""Kinds that belong to another record, and the field that names it."""
_encoder = msgspec.json.Encoder(order="sorted")
Columns = list[Sequence[Any]]


def changes_of(entry: Entry) -> Iterator[Change]:
    """Every change that reading an entry may make."""
    for name, _ in entry.given():
        yield _unfit(entry.kind, name)
        yield _doubtful(entry.kind, name)
    if "sha256" in KINDS[entry.kind].__struct_fields__:
        yield _missing(entry.kind)
    yield secret(entry.kind)


def _unfit(kind: str, field: str) -> Change:
    return Change(
        f"mapped.{kind}.{field}.unfit", kind, field, "lost", "source-lacks", "a value that this field cannot hold; its text is kept beside the record"
    )


def _doubtful(kind: str, field: str) -> Change:
    note = "a time finer than microseconds, without a time of day, or in an hour that occurs twice; its text is kept beside the record"
    return Change(f"mapped.{kind}.{field}.doubtful", kind, field, "converted", "source-lacks", note)


def _missing(kind: str) -> Change:
    return Change(f"mapped.{kind}.sha256.missing", kind, "sha256", "lost", "source-lacks", "its content is not among the files")


def secret(kind: str) -> Change:
    """Columns that are never taken along."""
    return Change(f"mapped.{kind}.native.secret", kind, "native", "lost", "policy", "passwords, tokens and keys are never taken along")


class Assembler:
    """Makes the records of one selection."""

    def __init__(self, selection: Selection, zone: ZoneInfo | None, files: Path | None, root_of: Callable[[Ref], Ref]) -> None:
        self._selection, self._entry, self._zone, self._files, self._root_of = selection, selection.entry, zone, files, root_of
        self._fields = {f.name: f for f in fields(self._entry.kind)}
        self._place = {id(leaf): number for number, leaf in enumerate(selection.leaves)}
        self._make = cast("Callable[..., Record]", KINDS[self._entry.kind])

    def items(self, batch: pa.RecordBatch) -> Iterator[Item]:
        """The records of a batch, and what changed on the way."""
        rows = batch.column(ROW).to_pylist()
        leaves = self._leaves(batch)
        values = self.fields(leaves, len(rows))
        natives, hidden = self._natives(batch)
        if hidden:
            yield Noted(secret(self._entry.kind).code, ref(self._entry.kind, self._selection.name), hidden)
        contents = leaves[-1] if self._entry.content is not None else None
        names = list(values)
        for number, members in enumerate(zip(*values.values(), strict=True) if values else [()] * len(rows)):
            given = {name: value for name, value in zip(names, members, strict=True) if value is not None}
            kept = {name: value for name, value in given.items() if isinstance(value, Kept)}
            given |= {name: value.value for name, value in kept.items() if value.value is not None}
            for name, value in kept.items():
                if value.value is None:
                    del given[name]
            yield from self._item(leaves[0][number], rows[number], given, kept, natives[number], contents[number] if contents else None)

    def fields(self, leaves: Columns, count: int) -> dict[str, Sequence[Any]]:
        """The values of each field, given the texts of the leaves."""
        return {name: self._values(value, self._fields[name], leaves, count) for name, value in self._entry.given()}

    def field(self, name: str, batch: pa.RecordBatch) -> Iterator[tuple[str | None, Any]]:
        """The id and the value of one field, row by row."""
        leaves = self._leaves(batch)
        return zip(leaves[0], self._values(self._entry.values[name], self._fields[name], leaves, len(batch)), strict=True)

    def _leaves(self, batch: pa.RecordBatch) -> Columns:
        return [batch.column(f"c{number}").to_pylist() for number in range(len(self._selection.leaves))]

    def _item(
        self, id: str | None, row: int | None, given: dict[str, Any], kept: dict[str, Kept], native: dict[str, Any], content: str | None
    ) -> Iterator[Item]:
        kind = self._entry.kind
        where = f"{self._selection.table.name if self._selection.table else 'line'} {row if row is not None else self._entry.node.line}"
        lacking = [f.name for f in self._fields.values() if f.required and f.name not in ("id", "root") and f.name not in given]
        if not id or lacking:
            why = f"{lacking[0]}: {kept[lacking[0]].text!r}" if lacking and lacking[0] in kept else f"without {lacking[0] if id else 'an id'}"
            yield Unreadable(kind, where, why)
            return
        for name, value in kept.items():
            native.setdefault(name, value.text)
            yield Noted((_unfit if value.value is None else _doubtful)(kind, name).code, ref(kind, id), detail=value.text[:200])
        own = ref(kind, id)
        if "sha256" in given and not self._found(content):
            native.setdefault("sha256", given.pop("sha256"))  # the package holds no content of this digest
            if content is None:
                yield Noted(_missing(kind).code, own)
        root = given.pop("root", None) or (self._root_of(given[ROOTS[kind]]) if kind in ROOTS else own)
        record = self._make(id=id, root=root, **given, **({"native": _encoder.encode(native).decode()} if native else {}))
        if content is None:
            yield record
        else:
            yield from self._with_content(cast("File | Opaque", record), content)

    def _with_content(self, record: File | Opaque, path: str) -> Iterator[Item]:
        if self._selection.content is not None:
            yield Attached(record, BlobRef(f"{IN_ROW}{self._selection.number}/{path}"))
            return
        if self._found(path):
            yield Attached(record, BlobRef(path))
            return
        yield Noted(_missing(kind_of(record)).code, ref_to(record), detail=path[:200])
        yield msgspec.structs.replace(record, availability="absent") if isinstance(record, File) and record.availability is None else record

    def _found(self, path: str | None) -> bool:
        if path is None or self._selection.content is not None:
            return path is not None
        return self._files is not None and content_path(self._files, path) is not None

    def _natives(self, batch: pa.RecordBatch) -> tuple[list[dict[str, Any]], int]:
        """What no field carries, row by row, and how many secrets were in it."""
        hidden = 0
        made: list[dict[str, Any]] = [{} for _ in range(len(batch))]
        for number, name in enumerate(self._selection.leftover):
            texts, count = cleaned(batch.column(f"n{number}"))
            hidden += count
            for native, value in zip(made, texts.to_pylist(), strict=True):
                if value is not None:
                    native[name] = value
        for number, inner in enumerate(self._selection.embedded):
            for native, value in zip(made, batch.column(f"e{number}").to_pylist(), strict=True):
                if value is not None:
                    rows = [{k: v for k, v in row.items() if v is not None} for row in msgspec.json.decode(value)]
                    hidden += sum(map(hide_value, rows))
                    native[inner.table.name] = rows
        return made, hidden

    def _values(self, value: Value, of: Field, leaves: Columns, count: int) -> Sequence[Any]:
        """A value of the mapping, for every row."""
        match value:
            case Constant(text):
                return convert([text] * count, of, self._zone)
            case Expression():
                return self._converted(leaves[self._place[id(value)]], of)
            case Reference(kind, inner):
                return [_referred(kind, given, is_list=of.is_list) for given in leaves[self._place[id(inner)]]]
            case Several(values):
                columns = [self._values(inner, msgspec.structs.replace(of, is_list=False), leaves, count) for inner in values]
                given = ([v for v in row if v is not None] for row in zip(*columns, strict=True))
                return [_listed(row, of) if row else None for row in given]
            case Members(values):
                return self._parts(values, of, leaves, count)
            case Cases(by, values):
                return self._cases(value, leaves[self._place[id(by)]], {t: self._values(v, of, leaves, count) for t, v in values.items()}, leaves)

    def _converted(self, given: Sequence[Any], of: Field) -> Sequence[Any]:
        if not of.is_list:
            return convert(given, of, self._zone)
        single = msgspec.structs.replace(of, is_list=False)
        lists = [given_ if isinstance(given_, list) else None if given_ is None else [given_] for given_ in given]
        if of.type == "struct":
            return [None if items is None else _structures(items, of) for items in lists]
        return [None if items is None else _listed(convert([i for i in items if i is not None], single, self._zone), of) for items in lists]

    def _parts(self, values: Mapping[str, Value], of: Field, leaves: Columns, count: int) -> Sequence[Any]:
        """Structured values; one that lacks what it needs is none."""
        parts = {part.name: part for part in of.parts}
        columns = {name: self._values(inner, parts[name], leaves, count) for name, inner in values.items()}
        varying = [name for name, inner in values.items() if not isinstance(inner, Constant)]
        made: list[Any] = []
        for row in zip(*columns.values(), strict=True):
            members = dict(zip(columns, row, strict=True))
            kept = [member for member in members.values() if isinstance(member, Kept)]
            there = {name: member for name, member in members.items() if member is not None}
            if kept:
                made.append(Kept(" ".join(member.text for member in kept)))
            elif any(part.required and part.name not in there for part in of.parts) or not any(name in there for name in varying):
                made.append(None)
            else:
                made.append(of.part(**there) if of.part else None)
        return made

    def _cases(self, value: Cases, given: Sequence[Any], columns: Mapping[str, Sequence[Any]], leaves: Columns) -> Sequence[Any]:
        """The value of the case that a row's text names; another text stays beside the record, with what it would have named."""
        inner = [leaves[self._place[id(leaf)]] for case in value.values.values() for leaf in expressions(case)]
        made: list[Any] = []
        for number, text in enumerate(given):
            if text is None:
                made.append(None)
            elif text in columns:
                made.append(columns[text][number])
            else:
                made.append(Kept(" ".join([text, *dict.fromkeys(str(column[number]) for column in inner if column[number] is not None)])))
        return made


def _referred(kind: str, given: Any, *, is_list: bool) -> Any:
    if isinstance(given, list):
        return sorted({ref(kind, id) for id in given if id})
    reference = ref(kind, given) if given else None
    return [reference] if reference and is_list else reference


def _listed(values: Sequence[Any], of: Field) -> Any:
    kept = [value for value in values if isinstance(value, Kept)]
    if kept:
        return Kept(" ".join(value.text for value in kept))
    return sorted(set(values)) if of.unordered else list(values)


def _structures(items: Sequence[Any], of: Field) -> Any:
    try:
        return [
            of.part(**{k: v if v is None else str(v) for k, v in item.items() if v is not None}) for item in items if of.part and item is not None
        ]
    except TypeError:
        return Kept(_encoder.encode(items).decode())


def content_path(files: Path, path: str) -> Path | None:
    """The file below the folder of files that a path of the source names; None where there is none, or it leads elsewhere."""
    try:
        found = (files / path).resolve(strict=True)
    except (OSError, ValueError, RuntimeError):
        return None
    return found if found.is_file() and found.is_relative_to(files.resolve()) else None
