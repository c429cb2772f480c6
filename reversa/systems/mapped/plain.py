"""The part of a mapping's SQL that can be written as well as read: a column, or a function of one that has a way back."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from reversa.systems.mapped.document import Node
from reversa.systems.mapped.mapping import Cases, Constant, Entry, Expression, Members, Reference, Several, Value, expressions

NOT_PLAIN: Final = "a kind that is written is read by plain columns."
_NAME = r'(?:\w+|"[^"]+")'
_COLUMN = re.compile(_NAME)
_BYTES = re.compile(rf"utf8\(\s*({_NAME})\s*\)", re.IGNORECASE)
_REPLACED = re.compile(rf"replace\(\s*({_NAME})\s*,\s*'([^']+)'\s*,\s*'([^']+)'\s*\)", re.IGNORECASE)
_TABLE = re.compile(rf"(?:({_NAME})\.)?({_NAME})")


@dataclass(frozen=True)
class Plain:
    """A column, and how a text lies in it."""

    column: str
    as_bytes: bool = False
    """``utf8(column)``."""
    inside: str = ""
    """``replace(column, inside, outside)``: what stands in the column for ``outside``."""
    outside: str = ""

    def written(self, text: str) -> str:
        return text.replace(self.outside, self.inside) if self.outside else text

    def read(self, text: str) -> str:
        return text.replace(self.inside, self.outside) if self.inside else text


@functools.lru_cache(1024)
def plain(expression: Expression) -> Plain:
    """Raises MappingError where an expression is more than that."""
    sql = expression.sql
    if _COLUMN.fullmatch(sql):
        return Plain(sql.strip('"'))
    if found := _BYTES.fullmatch(sql):
        return Plain(found[1].strip('"'), as_bytes=True)
    if found := _REPLACED.fullmatch(sql):
        return Plain(found[1].strip('"'), inside=found[2], outside=found[3])
    raise expression.node.wrong(NOT_PLAIN, "column, utf8(column) or replace(column, 'a', 'b')")


def column_of(expression: Expression) -> str:
    """The column that an expression is. Raises MappingError where it is more than that."""
    found = plain(expression)
    if found != Plain(found.column):
        raise expression.node.wrong(NOT_PLAIN, f"The column alone is taken here: {found.column}")
    return found.column


def table_of(entry: Entry) -> tuple[str | None, str]:
    """The schema and the name of the one table that an entry reads. Raises MappingError where it reads more than one."""
    found = _TABLE.fullmatch(entry.tables.sql)
    if found is None:
        raise entry.tables.node.wrong(NOT_PLAIN, "The name of one table")
    schema, name = found.groups()
    return schema.strip('"') if schema else None, name.strip('"')


def columns_of(value: Value) -> list[str]:
    """The columns that a value is read from."""
    return list(dict.fromkeys(plain(leaf).column for leaf in expressions(value)))


def references(value: Value) -> Iterator[Reference]:
    """The references in a value."""
    match value:
        case Reference():
            yield value
        case Cases(_, values):
            yield from (inner for case in values.values() for inner in references(case))
        case Several(values):
            yield from (inner for case in values for inner in references(case))
        case _:
            pass


def assert_plain(value: Value, node: Node, *, is_reference: bool) -> None:
    """Raises MappingError for a value that cannot be turned round."""
    match value:
        case Cases(by, values):
            column_of(by)
            texts = [case.text for case in values.values() if isinstance(case, Constant)]
            kinds = [case.kind for case in values.values() if isinstance(case, Reference)]
            if len(texts) + len(kinds) < len(values) or len(set(texts)) < len(texts) or len(set(kinds)) < len(kinds):
                raise node.wrong(NOT_PLAIN, "Each of `values` once: a text, or {KIND: column}")
            for case in values.values():
                assert_plain(case, node, is_reference=is_reference)
        case Several(values):
            if (is_reference and len(values) > 1) or not all(isinstance(inner, Expression | Reference) for inner in values):
                raise node.wrong(NOT_PLAIN, "A list of columns, or of one reference")
            for inner in values:
                assert_plain(inner, node, is_reference=is_reference)
        case Members(values):
            for inner in values.values():
                if not isinstance(inner, Expression | Constant):
                    raise node.wrong(NOT_PLAIN, "{member: column}")
                assert_plain(inner, node, is_reference=False)
        case Reference(_, id):
            column_of(id)
        case Expression():
            plain(value)
            if is_reference:
                raise value.node.wrong(NOT_PLAIN, "{KIND: column}, or {by: column, values: {text: {KIND: column}}}")
        case Constant():
            pass
