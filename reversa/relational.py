"""What an adapter of relational sources offers besides: rows by columns, customers told apart, a mapping that goes so far."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import msgspec

from reversa.adapter import Item, Options

if TYPE_CHECKING:
    from reversa.tabular import TableRows


class Tabular(Protocol):
    """An exporter that gives the same as :meth:`Exporter.items` with many rows of a table at once."""

    def tabular(self) -> Iterator[Item | TableRows]: ...


class DividedTable(msgspec.Struct, frozen=True, kw_only=True):
    """Whose the rows of a table are: rows = of one customer + of several + shared + unclaimed + damaged + ignored."""

    name: str
    rows: int
    """As the source counts them."""
    customers: Mapping[str, int] = {}
    several: int = 0
    shared: int = 0
    unclaimed: int = 0
    damaged: int = 0
    ignored: int = 0
    why: str = ""
    """The reason of those ignored."""

    @property
    def unexplained(self) -> int:
        return self.rows - sum(self.customers.values()) - self.several - self.shared - self.unclaimed - self.damaged - self.ignored


class Unclaimed(msgspec.Struct, frozen=True):
    """A row that no customer gets, and why."""

    table: str
    key: str
    reason: str


class Crossing(msgspec.Struct, frozen=True):
    """A row of one customer that refers to a row of another."""

    table: str
    key: str
    customer: str
    other_table: str
    other_customer: str


class Division(msgspec.Struct, frozen=True, kw_only=True):
    """How a source falls into customers, and the texts that are known to be of one of them only."""

    tables: tuple[DividedTable, ...]
    canaries: Mapping[str, tuple[str, ...]] = {}


class Divided(Protocol):
    """An exporter of a source that holds many customers: it gives one of them at a time."""

    def customers(self) -> Sequence[str]: ...

    def take(self, customer: str) -> None:
        """Give the items of this customer from now on."""
        ...

    def division(self) -> Division: ...

    def unclaimed(self) -> Iterator[Unclaimed]: ...

    def crossings(self) -> Iterator[Crossing]: ...


class Covered(msgspec.Struct, frozen=True, kw_only=True):
    """How far a mapping goes for one table: rows = mapped + within + ignored + kept."""

    table: str
    rows: int
    mapped: Mapping[str, int] = {}
    """Kind → rows that become records of it; a row may become several."""
    within: int = 0
    """Rows that lie within the records of another table."""
    ignored: str = ""
    """Why its other rows are left out."""
    kept: int = 0
    """Rows that stay rows."""
    columns: tuple[str, ...] = ()
    """Columns that fields carry."""
    beside: tuple[str, ...] = ()
    """Columns kept beside the records, in `native`."""
    secret: tuple[str, ...] = ()
    """Columns that are never taken along."""


class ByMapping(Protocol):
    """An exporter that goes by a mapping file."""

    @classmethod
    def suggest(cls, database: str, options: Options) -> str:
        """A first mapping file for a database."""
        ...

    def coverage(self) -> Sequence[Covered]:
        """How far the mapping goes."""
        ...

    def preview(self, count: int) -> Iterator[Item]:
        """The first items of each entry of the mapping."""
        ...
