"""Lines of a mapping file that is being suggested, and the SQL in them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache

import duckdb

from reversa.systems.mapped.staging import quoted
from reversa.systems.mapped.suggest.relating import Known

NAMES = ("name", "label", "title", "nom", "libelle", "titre", "display_name", "code")
"""Columns by which people know a row."""
_PLAIN = re.compile(r"[^\W_]([\w ()|'=<>./+*-]*[\w)'])?|\w+|\(([\w ()|'=<>./+*-]*)\)")
_SHOWN = re.compile("[ -~\xa0-\u2027\u2030-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_NO_NAMES = frozenset(
    ("user", "current_user", "session_user", "current_date", "current_time", "current_timestamp", "localtime", "localtimestamp", "rowid")
)


@dataclass(frozen=True)
class Line:
    """A field and what it gets, as YAML."""

    field: str
    value: str
    sure: float
    why: str
    columns: tuple[str, ...] = ()


@dataclass
class Draft:
    """An entry that is being made."""

    known: Known
    kind: str
    sure: float
    why: str
    where: str = ""
    mark: str = ""
    """What its ids begin with, where another entry of the kind has ids of its own."""
    topic: Known | None = None
    """The table of conversations that a table of messages is joined with."""
    native: bool = True
    lines: list[Line] = field(default_factory=list)

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that make the id: the key, or the two that a row joins."""
        if self.known.key:
            return (self.known.key,)
        keys = self.known.table.primary_key or tuple(self.known.leads)
        return keys if 2 <= len(keys) <= 4 and set(keys) <= set(self.known.usable) and (self.known.table.primary_key or len(keys) == 2) else ()

    def column(self, name: str) -> str:
        """A column where it is the whole of an expression."""
        if self.topic:
            return self.part(name)
        return name if name == name.strip() else quoted(name)

    def part(self, name: str) -> str:
        """A column within an expression."""
        return f"{word(last(self.known.name))}.{word(name)}" if self.topic else word(name)

    @property
    def id(self) -> str:
        if len(self.keys) == 1 and not self.mark:
            return self.column(self.keys[0])
        joined = " || '/' || ".join(self.part(name) for name in self.keys)
        return f"{literal(self.mark)} || {joined}" if self.mark else joined


@cache
def _reserved() -> frozenset[str]:
    with duckdb.connect() as connection:
        rows = connection.execute("SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category <> 'unreserved'").fetchall()
    return frozenset(name for (name,) in rows) | _NO_NAMES


def word(name: str) -> str:
    """A name as SQL takes it, without quotes where it needs none."""
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) and name.lower() not in _reserved() else quoted(name)


def placed(table: str) -> str:
    schema, _, name = table.rpartition(".")
    return f"{word(schema)}.{word(name)}" if schema else word(name)


def last(table: str) -> str:
    return table.rpartition(".")[2]


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def scalar(text: str) -> str:
    """A text as YAML takes it, on one line."""
    return text if _PLAIN.fullmatch(text) else f'"{escaped(text)}"'


def escaped(text: str) -> str:
    """A text without what would end a line or a quotation."""
    return "".join(f"\\{c}" if c in '"\\' else c if _SHOWN.fullmatch(c) else f"\\U{ord(c):08x}" for c in text)


def truth(one: Known, column: str) -> tuple[str, str]:
    """How true and false are written in a column."""
    met = {value.lower() for value in one.profiles[column].values}
    for true, false in (("t", "f"), ("true", "false"), ("1", "0"), ("yes", "no"), ("\\x01", "\\x00")):
        if met & {true, false}:
            return (true, false) if met == met & {true, false} and met <= set(one.profiles[column].values) else (true.upper(), false.upper())
    return ("t", "f") if "bool" in one.type(column) else ("1", "0")
