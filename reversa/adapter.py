"""What an adapter is: an exporter reads a system, an importer writes one. Both are plain classes, no base class.

An adapter knows its system and nothing else: retry, throttling, progress, sorting, the ledger, comparison,
redaction and reports live on the road. docs/write-an-adapter.md walks through a complete one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, BinaryIO, Literal, NewType, Protocol, Self

import msgspec

from reversa.records import File, Opaque, Record, Ref

if TYPE_CHECKING:
    import pyarrow as pa

    from reversa.directory import Directory

BlobRef = NewType("BlobRef", str)
"""An exporter's own name for some content, given back to its ``open_blob``."""

Effect = Literal["converted", "lost", "skipped"]
Why = Literal["target-cannot", "api-hides", "source-lacks", "policy", "not-written-yet"]


class Locator(msgspec.Struct, frozen=True):
    """Where a system is: ``Locator("slack", "export.zip")``, ``Locator("sql", "sqlite:///acme.db")``."""

    system: str
    address: str

    def __str__(self) -> str:
        return self.address if self.system == "sql" else f"{self.system}:{self.address}"


class Source(msgspec.Struct, frozen=True):
    """Whose data: the system and the tenant (workspace, organisation) in it. Part of every identity."""

    system: str
    tenant: str

    def __str__(self) -> str:
        return f"{self.system}:{self.tenant}"


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a person may decide about opening a system."""

    private: bool = False
    """Export direct messages and private spaces too."""
    tenant: str | None = None
    """Name of the tenant where the source does not say it."""
    password: str | None = None
    """For systems that ask one; from the environment, never from the command line."""
    source: Source | None = None
    """Of an exporter that reads a target back: whose records to read."""
    since: date | None = None
    """Read only units with something created or updated since that day. An exporter that does so says it in its facts."""
    people: Mapping[Ref, str] = {}
    """Of an importer or its reader, as a person decided: users who have an account in the target, and its id."""
    nobody: frozenset[Ref] = frozenset()
    """Users who get no account, as a person decided: what they wrote keeps their name."""

    def __repr__(self) -> str:
        return f"Options(private={self.private}, tenant={self.tenant!r}, source={self.source!r})"


class Change(msgspec.Struct, frozen=True):
    """Something that does not stay as it was, declared before it happens. `code` is stable: people sign it."""

    code: str
    kind: str
    field: str | None
    effect: Effect
    why: Why
    note: str


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an opened source or target."""

    system: str
    kinds: tuple[str, ...]
    """Kinds that it can give or take."""
    changes: tuple[Change, ...] = ()
    """Every change it may make; one that happens without being declared is a defect."""
    limits: Mapping[str, str] = {}
    """Limits of the target, in words."""
    settles: float = 0
    """Of a target: seconds until it shows what was written; 0: at once."""
    live: bool = False
    """A service that people use: never written without an accepted plan."""
    source: Source | None = None
    """Of an exporter: whose data it reads."""
    since: date | None = None
    """Of an exporter: it gives what is of that day or later. None: everything."""


class Noted(msgspec.Struct, frozen=True):
    """A declared change that happened: to which record, how often."""

    code: str
    record: Ref
    count: int = 1
    detail: str = ""


class Unreadable(msgspec.Struct, frozen=True):
    """Source items that could not be turned into records, and why. They are counted, never dropped."""

    kind: str
    where: str
    reason: str
    count: int = 1


class Attached(msgspec.Struct, frozen=True):
    """A record with content: the road reads the blob and fills in `sha256` and `size`."""

    record: File | Opaque
    blob: BlobRef


Item = Record | Attached | Unreadable | Noted


class Exporter(Protocol):
    """Reads a system. Items come once each, in any order; broken ones come as Unreadable."""

    facts: Facts

    @classmethod
    def open(cls, locator: Locator, options: Options) -> Self: ...

    def census(self) -> Mapping[str, int]:
        """Source items per kind, counted another way than :meth:`items` reads them."""
        ...

    def items(self) -> Iterator[Item]: ...

    def open_blob(self, blob: BlobRef) -> BinaryIO: ...

    def close(self) -> None: ...


class Unit(msgspec.Struct, frozen=True):
    """A record and all that belongs to it: a message with its reactions and files. Written whole or not at all."""

    root: Ref
    records: tuple[Record, ...]


class Shaped(msgspec.Struct, frozen=True):
    """A unit as the target should show it, and the changes on the way. A record left out is skipped."""

    root: Ref
    records: tuple[Record, ...]
    noted: tuple[Noted, ...] = ()


class Outcome(msgspec.Struct, frozen=True):
    """What became of a record. `targets` are the target's own ids for it; a refusal has its reason."""

    record: Ref
    state: Literal["written", "refused"]
    targets: tuple[str, ...] = ()
    reason: str = ""


class Session(Protocol):
    """What an importer may ask of the road while it writes."""

    def open_blob(self, sha256: str) -> BinaryIO: ...


class Importer(Protocol):
    """Writes a system. The source id is stored in the target, so that nothing is ever written twice."""

    facts: Facts

    @classmethod
    def open(cls, locator: Locator, options: Options) -> Self: ...

    def shape(self, unit: Unit) -> Shaped:
        """Pure: plan, import and verification all ask it."""
        ...

    def find(self, records: Sequence[Ref]) -> Mapping[Ref, tuple[str, ...]]:
        """The target's ids of those records that it holds, looked up by source id in the target itself."""
        ...

    def write(self, units: Sequence[Shaped], session: Session) -> Iterable[Outcome]: ...

    def close(self) -> None: ...


class Undo(Protocol):
    """An importer that can take back what it wrote."""

    def undo(self, written: Iterator[tuple[Ref, tuple[str, ...]]]) -> None:
        """Remove these records and what was made for them; leave all else as it was."""
        ...


class Replace(Protocol):
    """An importer that can bring single records to a newer state. Without it, a newer export of a source needs a new target."""

    def replace(self, units: Sequence[Shaped], session: Session) -> Iterable[Outcome]:
        """Write these records in the place of what the target holds of them; what refers to them goes on doing so.

        A record that is refused stays as it was.
        """
        ...

    def remove(self, records: Mapping[Ref, tuple[str, ...]]) -> None:
        """Take these records out, given with the target's ids; one that is not there any more is no error."""
        ...


class Selective(Protocol):
    """An exporter that can be asked for single records."""

    def named(self, records: Sequence[Ref]) -> Iterator[Item]:
        """The items of those records that are there, in any order, without reading the others."""
        ...


class Link(msgspec.Struct, frozen=True):
    """A link between records, as the target follows it: on which record it stands, the kind and name of what it leads to, whether that is there."""

    record: Ref
    kind: str
    name: str
    alive: bool


class Linked(Protocol):
    """An exporter that can say where the links of a target lead, by another way than the texts it reads."""

    def links(self) -> Iterator[Link]:
        """Every link that stands on a record of the source it was opened for."""
        ...


class Sharded(Protocol):
    """An exporter that can be read in parts, by several processes at once, and again from where reading was interrupted."""

    def shards(self) -> Sequence[str]:
        """The names of the parts; the same ones as long as nothing is written."""
        ...

    def shard(self, name: str) -> Iterator[Item]:
        """The items of one part: all parts in order, kind by kind, are :meth:`Exporter.items`."""
        ...


class Finish(Protocol):
    """An importer with work that waits until everything is written: pages made of all records, links between them."""

    def finish(self) -> None:
        """Do it; repeated after an interruption, and called again when there is nothing left to do."""
        ...


class Foresee(Protocol):
    """An importer that has to know all names before it can shape a unit: to follow links, to keep two names apart."""

    def foresee(self, directory: Directory) -> None:
        """Called once, before anything is shaped, found or written."""
        ...


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A person's account that a target has already."""

    id: str
    username: str
    display_name: str | None = None
    emails: tuple[str, ...] = ()
    verified: bool = False
    """The target has made sure that the addresses are theirs."""
    source_id: str | None = None
    """The id in the source, where the target says it of an account."""


class Accounts(Protocol):
    """An importer that can say who has an account already, for the people map."""

    def accounts(self) -> Iterator[Account]: ...


class Address(Protocol):
    """An importer that knows where a person finds a record."""

    def address(self, targets: Sequence[str]) -> str:
        """The new address of a record, given its ids in the target; empty when there is none."""
        ...


class Rows(Protocol):
    """A package by columns: the rows of a kind in package order, in the columns of :func:`reversa.schema.arrow_schema`."""

    def kinds(self) -> list[str]: ...

    def batches(self, kind: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]: ...


OWN_ID = "own_id"
"""The column of the system's own id of each record."""


class NotColumnar(Exception):
    """By columns it cannot be done here; the road by units and records says what there is to say."""


class Columnar(Protocol):
    """An importer that takes a whole package by columns, where it takes every record as it is."""

    def keeps(self, kind: str, batch: pa.RecordBatch) -> bool:
        """Whether :meth:`Importer.shape` leaves all of these rows as they are."""
        ...

    def load(self, rows: Rows, session: Session) -> Mapping[str, Iterator[str]]:
        """Write all rows or none: kind → the target's own ids of its records, in order.

        Raises NotColumnar when nothing was written: the target holds records already, would change one or refuses one.
        """
        ...


class ColumnarExporter(Protocol):
    """An exporter that gives its records by columns too."""

    def batches(self, kind: str) -> Iterator[pa.RecordBatch]:
        """The records of a kind in any order, in the columns of their schema without `digest`, and OWN_ID.

        A digest of content is what the system says of it. Raises NotColumnar when a record cannot be given so.
        """
        ...
