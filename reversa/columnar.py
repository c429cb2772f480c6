"""The road by columns: whole kinds as Arrow batches, where no record needs a look of its own. The road by units is the reference."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, cast

import pyarrow.compute
from msgspec.json import encode

from reversa.adapter import Columnar, Importer, NotColumnar, Session
from reversa.exporting import Progress
from reversa.ledger import EVERYTHING, SAME, Ledger
from reversa.package import Package
from reversa.schema import fields

pc: Any = pyarrow.compute  # the stubs refuse much of what its kernels take

MOST = 4_000_000
"""Records. Their ids are held in memory, some 400 bytes for each; a larger package goes by units, in flat memory."""


def columnar(importer: Importer) -> Columnar | None:
    """The importer, if it takes columns by its own class: one that is wrapped, to write otherwise, is asked by units."""
    bare = getattr(importer, "wrapped", importer)  # the road's own wrapper waits and changes nothing
    return cast("Columnar", bare) if hasattr(type(bare), "load") else None


def unchanged(package: Package, importer: Importer) -> bool:
    """Whether an importer takes every record of a package as it is, as far as columns tell."""
    taker = columnar(importer)
    return taker is not None and all(
        taker.keeps(kind, batch) for kind in package.kinds() for batch in package.batches(kind, [field.name for field in fields(kind)])
    )


def load(package: Package, importer: Importer, ledger: Ledger, session: Session, progress: Progress) -> bool:
    """Give the whole package to an importer that takes it by columns; whether it did."""
    taker = columnar(importer)
    if taker is None or not ledger.untouched() or not 0 < package.count() <= MOST:
        return False
    ledger.intend([EVERYTHING])
    progress("import", 0, package.count())
    try:
        targets = taker.load(package, session)
    except NotColumnar:
        if EVERYTHING not in ledger.interrupted:  # else an earlier load may have arrived, and its records are ours
            ledger.withdraw()
        return False
    ledger.settle_everything(_outcomes(package, targets))
    progress("import", package.count(), package.count())
    return True


def _outcomes(package: Package, targets: Mapping[str, Iterator[str]]) -> Iterator[tuple[str, list[Any], list[Any], list[Any], list[str]]]:
    for kind in package.kinds():
        for batch in package.batches(kind, ["id", "digest", "root"]):
            own = pc.equal(pc.binary_join_element_wise(kind, batch["id"], ":"), batch["root"])
            roots = pc.if_else(own, SAME, batch["root"])
            ids = [encode((target,)).decode() for target in itertools.islice(targets[kind], len(batch))]
            yield kind, batch["id"].to_pylist(), batch["digest"].to_pylist(), roots.to_pylist(), ids
