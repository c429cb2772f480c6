"""One database of many customers into one package each, with the proof that nothing foreign got in and nothing was left over."""

from __future__ import annotations

import codecs
import contextlib
import csv
import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import msgspec

from reversa import registry
from reversa.adapter import Options
from reversa.canonical import encode
from reversa.errors import EXIT_DIFFERENT, EXIT_INCOMPLETE, EXIT_VERIFIED, RunError, SourceError
from reversa.exporting import Progress, export
from reversa.files import whole, write_whole
from reversa.package import Package
from reversa.relational import Divided, DividedTable
from reversa.runfolder import password


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """The package of one customer."""

    customer: str
    folder: str
    records: int
    seal: str
    """SHA-256 of its tag manifest."""
    canaries: int
    """Texts known to be this customer's that were found in it, of those that were looked for."""
    looked_for: int
    foreign: tuple[str, ...] = ()
    """Records that hold a text known to be another's."""


class Split(msgspec.Struct, frozen=True, kw_only=True):
    """What a split made, and its proof: ``split.json``."""

    source: str
    parts: tuple[Part, ...]
    tables: tuple[DividedTable, ...]
    crossings: int
    unclaimed: int

    @property
    def holds(self) -> bool:
        """Whether every row is accounted for, and nothing foreign was found in any package."""
        return not any(table.unexplained for table in self.tables) and not any(part.foreign or part.canaries < part.looked_for for part in self.parts)

    @property
    def exit_code(self) -> int:
        if not self.holds:
            return EXIT_DIFFERENT
        return EXIT_INCOMPLETE if self.crossings or self.unclaimed or any(table.damaged for table in self.tables) else EXIT_VERIFIED


def split(source: str, folder: Path, progress: Progress) -> Split:
    """Write a package for each customer of a source below ``folder``, with ``split.json``, ``crossings.csv`` and ``unclaimed.csv``.

    Raises SourceError when the source does not say how its customers are told apart, RunError when the folder is not empty.
    """
    locator = registry.locate(source)
    if not hasattr(registry.exporter(locator.system), "customers"):
        raise SourceError(f"{locator} cannot be split: {locator.system} holds one customer.", "A database of many needs a mapping: docs/mapping.md")
    if folder.exists() and any(folder.iterdir()):
        raise RunError(f"{folder} is not empty.", "Give the split a new folder.")
    folder.mkdir(parents=True, exist_ok=True)
    exporter = registry.exporter(locator.system).open(locator, Options(password=password()))
    with contextlib.closing(exporter):
        divided = cast("Divided", exporter)
        names = folder_names(divided.customers())
        packages = {}
        for customer, name in names.items():
            divided.take(customer)
            packages[customer] = export(exporter, folder / name, datetime.now(UTC), progress)
        division = divided.division()
        made = Split(
            source=str(locator),
            parts=tuple(_part(customer, package, division.canaries) for customer, package in packages.items()),
            tables=division.tables,
            crossings=_write(folder / "crossings.csv", ("table", "row", "customer", "refers to", "of customer"), divided.crossings()),
            unclaimed=_write(folder / "unclaimed.csv", ("table", "row", "reason"), divided.unclaimed()),
        )
    write_whole(folder / "split.json", msgspec.json.format(msgspec.json.encode(made), indent=1))
    return made


def folder_names(customers: Any) -> dict[str, str]:
    """Customer → a folder name that no other has, on any file system."""
    names: dict[str, str] = {}
    for customer in customers:
        plain = unicodedata.normalize("NFKD", customer).encode("ascii", "ignore").decode().lower()
        wanted = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60] or "customer"
        name, number = wanted, 2
        while name in names.values():
            name, number = f"{wanted}-{number}", number + 1
        names[customer] = name
    return names


def _part(customer: str, package: Package, canaries: Mapping[str, tuple[str, ...]]) -> Part:
    own = {_as_json(text) for text in canaries.get(customer, ())}
    others = {_as_json(text) for name, texts in canaries.items() if name != customer for text in texts} - own
    found: set[bytes] = set()
    foreign = []
    for kind in package.kinds() if own or others else ():
        for record, _ in package.records(kind):
            data = encode(record)
            found.update(text for text in own - found if text in data)
            if any(text in data for text in others):
                foreign.append(f"{kind}:{record.id}")
    return Part(
        customer=customer,
        folder=package.folder.name,
        records=package.count(),
        seal=package.seal(),
        canaries=len(found),
        looked_for=len(own),
        foreign=tuple(foreign),
    )


def _as_json(text: str) -> bytes:
    """A text as it stands inside canonical bytes."""
    return msgspec.json.encode(text)[1:-1]


def _write(path: Path, names: tuple[str, ...], rows: Iterator[msgspec.Struct]) -> int:
    """Write a list for people; how many lines it has."""
    count = 0
    with whole(path) as file:
        lines = csv.writer(codecs.getwriter("utf-8")(file))
        lines.writerow(names)
        for count, row in enumerate(rows, 1):  # noqa: B007 - the count is the answer
            lines.writerow(msgspec.structs.astuple(row))
    return count
