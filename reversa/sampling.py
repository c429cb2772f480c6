"""A few records for people to look at, source beside target, that nobody chose.

The seed is the digest of the package, so whoever holds the package can draw the sample again: the records with the
smallest SHA-256 of seed and reference. What lies in a space that is not public is never drawn.
"""

from __future__ import annotations

import hashlib
import heapq
from typing import Any

import msgspec

from reversa.package import Package
from reversa.records import Opaque, Record, Ref, Space, ref_to

SIZE = 20
_PLACES = ("space", "target", "group", "table")
"""Fields that say what a root lies in."""


class Drawn(msgspec.Struct, kw_only=True):
    """One record of the sample; ``found`` is None when the target does not show it."""

    ref: Ref
    key: str
    source: dict[str, Any] = {}
    expected: dict[str, Any] = {}
    found: dict[str, Any] | None = None


class Sample(msgspec.Struct, kw_only=True):
    """The sample of a verification."""

    seed: str
    eligible: int
    records: tuple[Drawn, ...]


class Draw:
    """Offered every record that is compared, keeps those with the smallest keys: flat memory, one digest per record."""

    def __init__(self, package: Package) -> None:
        self.seed = package.manifest.digest
        self.eligible = 0
        self._open = _public_spaces(package)
        self._kept: list[tuple[int, Ref]] = []  # the largest key first, as a heap of negative numbers

    def offer(self, root: Record | None, refs: list[Ref]) -> None:
        """Consider the compared records of one unit, given with its root."""
        if root is None or not self._may_be_shown(root):
            return
        self.eligible += len(refs)
        for ref in refs:
            key = -int.from_bytes(hashlib.sha256(f"{self.seed}{ref}".encode()).digest())
            if len(self._kept) < SIZE:
                heapq.heappush(self._kept, (key, ref))
            elif key > self._kept[0][0]:
                heapq.heapreplace(self._kept, (key, ref))

    def _may_be_shown(self, root: Record) -> bool:
        """Whether it lies in a public space, or is of a kind that lies in no space. What does not say where it lies is not shown."""
        if isinstance(root, Opaque):
            return False
        if isinstance(root, Space):
            return ref_to(root) in self._open
        places = [getattr(root, name) for name in _PLACES if hasattr(root, name)]
        return all(place is not None and (place in self._open or place.startswith("group:")) for place in places)

    def drawn(self) -> dict[Ref, Drawn]:
        """The records drawn so far, by reference, in the order of their keys."""
        return {ref: Drawn(ref=ref, key=f"{-key:064x}") for key, ref in sorted(self._kept, reverse=True)}


def _public_spaces(package: Package) -> set[Ref]:
    """The spaces that are public, as are all that they lie in."""
    spaces: dict[Ref, Space] = {}
    if "space" in package.kinds():
        spaces = {ref_to(space): space for space, _ in package.records("space") if isinstance(space, Space) and space.visibility == "public"}
    found = set()
    for ref, space in spaces.items():
        above, seen = space.parent, {ref}
        while above is not None and above in spaces and above not in seen:
            seen.add(above)
            above = spaces[above].parent
        if above is None:
            found.add(ref)
    return found
