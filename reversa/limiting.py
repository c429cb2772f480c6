"""What a target has a place for: the fields it holds of each kind, and the changes that all others mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

import msgspec

from reversa.adapter import Change, Noted
from reversa.records import KINDS, Record, kind_of, ref_to

ALWAYS = frozenset({"id", "root"})


class Held:
    """The kinds and fields that a system holds; ``Held("wiki", {"page": {"title", "space"}})``."""

    def __init__(self, system: str, kinds: Mapping[str, AbstractSet[str]]) -> None:
        self._system = system
        self._kinds = {kind: frozenset(fields) | ALWAYS for kind, fields in kinds.items()}
        self.changes = tuple(self._declared())

    def _declared(self) -> Iterator[Change]:
        for kind, struct in KINDS.items():
            held = self._kinds.get(kind)
            if held is None:
                yield Change(f"{self._system}.{kind}.no-place", kind, None, "skipped", "target-cannot", "the target has no place for it")
                continue
            for field in struct.__struct_fields__:
                if field not in held:
                    note = "the target has no place for it"
                    yield Change(f"{self._system}.{kind}.{field}.no-place", kind, field, "lost", "target-cannot", note)

    def limit(self, record: Record) -> tuple[Record | None, list[Noted]]:
        """The record with what the target holds of it, None if it holds nothing of its kind, and what that means."""
        kind = kind_of(record)
        held = self._kinds.get(kind)
        if held is None:
            return None, [Noted(f"{self._system}.{kind}.no-place", ref_to(record))]
        lost = [field for field in record.__struct_fields__ if field not in held and getattr(record, field) is not None]
        noted = [Noted(f"{self._system}.{kind}.{field}.no-place", ref_to(record)) for field in lost]
        return (msgspec.structs.replace(record, **dict.fromkeys(lost)) if lost else record), noted
