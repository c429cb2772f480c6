"""Generates Ruche and writes its dump and its files."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path

from reversa.demo.ruche.dump import write_dump
from reversa.demo.ruche.filling import Filler
from reversa.demo.ruche.store import Store
from reversa.demo.ruche.themes import CUSTOMERS
from reversa.demo.ruche.traps import plant, plant_canaries
from reversa.demo.ruche.truth import Truth, truth_of


def write_ruche(folder: Path, seed: int = 2026) -> Truth:
    """Write ``ruche.sql`` and ``files/`` into the folder: the same bytes for the same seed."""
    store = Store()
    _vendor(store)
    fillers = [Filler(store, customer, number, seed) for number, customer in enumerate(CUSTOMERS, 1)]
    fillers[1].known = fillers[0].account("Camille", "Passereau", "camille.passereau@example.org")  # a member of two customers
    fillers[0].known = fillers[1].known
    for phase in (Filler.settle, Filler.work):
        for _ in zip_longest(*map(phase, fillers)):
            pass
    canaries = [plant_canaries(store, filler) for filler in fillers]
    traps = plant(store, fillers)
    truth = truth_of(store, fillers, seed, traps, canaries)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ruche.sql").write_text(write_dump(store), encoding="utf-8", newline="")
    for path, content in store.files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return truth


def _vendor(store: Store) -> None:
    """What belongs to all customers."""
    for version in ("20190402101500", "20210618083000", "20230114093000", "20260311154500"):
        store.add("schema_migrations", None, version=version)
    for code, name, rate in (("BE", "Belgique", "21.00"), ("CH", "Suisse", "8.10"), ("FR", "France", "20.00"), ("LU", "Luxembourg", None)):
        store.add("countries", None, code=code, name=name, vat_rate=rate)
    for code, name, price, places in (("essaim", "Essaim", 0, 10), ("ruche", "Ruche", 4900, 50), ("rucher", "Rucher", 14900, None)):
        store.add("plans", None, code=code, name=name, price_cents=price, quotas={"membres": places, "stockage_go": 10, "sso": price > 5000})
