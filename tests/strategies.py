"""Runs over packages of given records."""

from __future__ import annotations

from pathlib import Path

from reversa.migrating import Road
from reversa.package import Package
from reversa.testing.given import CONTENTS, pack
from reversa.testing.strategies import ids, records, units

__all__ = ["CONTENTS", "carried", "ids", "pack", "planned", "records", "units"]


def planned(package: Package, target: str, folder: Path) -> Road:
    """A run that is ready to import."""
    road = Road(folder)
    road.export(f"package:{package.folder}")
    road.plan(target)
    road.accept(None, lambda _: "a test")
    return road


def carried(package: Package, target: str, folder: Path) -> Road:
    """A run that has been imported and verified."""
    road = planned(package, target, folder)
    road.import_()
    road.verify()
    return road
