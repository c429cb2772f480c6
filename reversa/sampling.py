"""A few records for people to look at, source beside target, that nobody chose.

The seed is the digest of the package, and whoever holds the package can draw the sample again: its records whose digest,
XOR the seed, is smallest. The digests are in the package already, so drawing costs no hashing. What lies in a space that
is not public is never drawn.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute

from reversa.package import Package
from reversa.records import KINDS, Opaque, Record, Ref, Space, ref_to

pc: Any = pyarrow.compute  # the stubs refuse much of what its kernels take
SIZE = 20
_PLACES = {type_: tuple(name for name in ("space", "target", "group", "table") if name in type_.__struct_fields__) for type_ in KINDS.values()}
"""The fields of each kind that say what a root of that kind lies in."""


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
    """Offered every record that is compared, keeps those with the smallest keys, in flat memory."""

    def __init__(self, package: Package) -> None:
        self.seed = package.manifest.digest
        self.eligible = 0
        self._seed = int(self.seed, 16)
        self._open = _public_spaces(package)
        self._kept: list[tuple[int, Ref]] = []

    def offer(self, root: Record, digests: Iterable[tuple[Ref, str]]) -> None:
        """Consider the compared records of one unit, given with its root."""
        if not self._may_be_shown(root):
            return
        for ref, digest in digests:
            self.eligible += 1
            self._consider(ref, digest)

    def offer_package(self, package: Package) -> None:
        """Consider every record of a package, by columns."""
        open_spaces = pa.array(sorted(self._open), pa.string())
        roots, members, masks = list[Any](), list[Any](), list[Any]()
        for kind in package.kinds():
            places = [] if kind in ("space", "opaque") else list(_PLACES[KINDS[kind]])
            for batch in package.batches(kind, ["id", "root", *places]):
                own = pc.binary_join_element_wise(kind, batch["id"], ":")
                is_root = pc.equal(own, batch["root"])
                shown = pc.and_(is_root, pa.scalar(kind != "opaque"))
                for place in [own] if kind == "space" else [batch[name] for name in places]:
                    is_open = pc.or_(pc.is_in(place, value_set=open_spaces), pc.starts_with(place, "group:"))
                    shown = pc.and_(shown, pc.fill_null(is_open, fill_value=False))
                roots.append(pc.filter(own, shown))
                members.append(pc.filter(batch["root"], pc.invert(is_root)))
                masks.append((is_root, shown))
        follows = pc.is_in(pa.chunked_array(members, pa.string()), value_set=pa.chunked_array(roots, pa.string())).combine_chunks()
        done, asked = 0, iter(masks)
        for kind in package.kinds():
            for batch in package.batches(kind, ["id", "digest"]):
                is_root, shown = next(asked)
                others = len(is_root) - is_root.true_count
                eligible = pc.replace_with_mask(shown, pc.invert(is_root), follows.slice(done, others))
                done += others
                self.eligible += eligible.true_count
                near = batch.filter(pc.and_(eligible, pc.starts_with(batch["digest"], self._shared())))
                for id, digest in zip(near["id"].to_pylist(), near["digest"].to_pylist(), strict=True):
                    self._consider(Ref(f"{kind}:{id}"), str(digest))

    def _shared(self) -> str:
        """How the digests begin that can still be drawn: with as much of the seed as the last one kept."""
        if len(self._kept) < SIZE:
            return ""
        return self.seed[: len(self.seed) - len(f"{self._kept[-1][0]:x}")]

    def _consider(self, ref: Ref, digest: str) -> None:
        key = int(digest, 16) ^ self._seed
        if len(self._kept) < SIZE or key < self._kept[-1][0]:
            bisect.insort(self._kept, (key, ref))
            del self._kept[SIZE:]

    def _may_be_shown(self, root: Record) -> bool:
        """Whether it lies in a public space, or is of a kind that lies in no space. What does not say where it lies is not shown."""
        if isinstance(root, Space):
            return ref_to(root) in self._open
        for name in _PLACES[type(root)]:
            place = getattr(root, name)
            if place is None or not (place in self._open or place.startswith("group:")):
                return False
        return not isinstance(root, Opaque)

    def drawn(self) -> dict[Ref, Drawn]:
        """The records drawn so far, by reference, in the order of their keys."""
        return {ref: Drawn(ref=ref, key=f"{key:064x}") for key, ref in self._kept}


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
