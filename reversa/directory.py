"""Who and what a package holds, by the names that texts and addresses use for them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping

from reversa.records import Alias, File, Page, Record, Ref, Space, User, kind_of, ref_parts, ref_to

KINDS = ("space", "user", "page", "file", "alias")
"""Kinds that have names."""


class Directory:
    """The named records of a package, held in memory: one entry per page, file, person and place, none per revision."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._records: dict[Ref, Record] = {}
        self._exact: dict[tuple[str, str], Ref] = {}
        self._folded: dict[tuple[str, str], Ref] = {}
        aliases = []
        for record in records:
            if isinstance(record, Alias):
                aliases.append(record)
                continue
            reference = ref_to(record)
            self._records[reference] = record
            for name in _names(record):
                self._enter(kind_of(record), name, reference)
        for alias in aliases:  # a name in use goes before one that was
            self._enter(ref_parts(alias.target)[0], alias.name, alias.target)

    def _enter(self, kind: str, name: str, reference: Ref) -> None:
        self._exact.setdefault((kind, name), reference)
        self._folded.setdefault((kind, folded(name)), reference)

    def find(self, kind: str, name: str) -> Ref | None:
        """The record of that kind with this name: as it is written, else but for case, Unicode form and ``_``."""
        return self._exact.get((kind, name)) or self._folded.get((kind, folded(name)))

    def get(self, reference: Ref) -> Record | None:
        """A named record."""
        return self._records.get(reference)

    def all(self, kind: str) -> Mapping[Ref, Record]:
        """The named records of a kind, in the order of the package."""
        return {reference: record for reference, record in self._records.items() if ref_parts(reference)[0] == kind}


def folded(name: str) -> str:
    """A name without what systems take for the same: case, Unicode form, ``_`` for a space."""
    return unicodedata.normalize("NFC", name).replace("_", " ").casefold()


def _names(record: Record) -> Iterable[str]:
    names: tuple[str | None, ...] = ()
    match record:
        case Page() | Space():
            names = (record.name, record.id, record.title)
        case User():
            names = (record.username, record.id, record.display_name)
        case File():
            names = (record.id, record.name)
    return dict.fromkeys(name for name in names if name)
