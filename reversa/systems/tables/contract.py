"""What a relational source is, whether it is a running server, a dump or a folder of files: tables of texts.

Every value is the text in which the source itself writes it, so nothing is rounded, guessed or refused on the way in: a
38-digit decimal, ``0000-00-00`` and ``t`` stay what they are. NULL is null. Bytes are backslash, x and two hexadecimal digits
each, as PostgreSQL writes them. What a value means is decided by the mapping, field by field.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec
import pyarrow as pa

BATCH = 10_000
"""Rows of a batch, about: readers end one earlier when its values are long."""


class Column(msgspec.Struct, frozen=True):
    """A column, and its type in the words of the source; empty where it has none (CSV)."""

    name: str
    type: str = ""


class ForeignKey(msgspec.Struct, frozen=True):
    """These columns hold the key of a row of another table."""

    columns: tuple[str, ...]
    table: str
    to: tuple[str, ...]


class Table(msgspec.Struct, frozen=True):
    """A table by the name that a mapping calls it: of another schema than the main one, ``schema.name``."""

    name: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()


class Damaged(msgspec.Struct, frozen=True):
    """Rows that could not be read, or were read in part, and why. ``count`` is 0 where the row is given all the same."""

    table: str
    where: str
    reason: str
    count: int = 1


class Reader(Protocol):
    """Reads one relational source. Nothing in it is executed."""

    def tables(self) -> Sequence[Table]: ...

    def batches(self, table: Table) -> Iterator[pa.RecordBatch | Damaged]:
        """The rows, in the columns of the table, all of them ``pa.string()``; what is broken comes between them."""
        ...

    def count(self, table: Table) -> int:
        """How many rows there are, damaged ones included, counted another way than :meth:`batches` reads them."""
        ...

    def close(self) -> None: ...


def text_of(data: bytes) -> tuple[str, bool]:
    """Bytes that should be UTF-8, as text, and whether they were: each byte that is not becomes its escape."""
    try:
        return data.decode("utf-8"), True
    except UnicodeDecodeError:
        return data.decode("utf-8", "backslashreplace"), False
