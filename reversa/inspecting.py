"""What is in a source, without writing anything."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from reversa import registry
from reversa.adapter import Attached, Item, Locator, Noted, Options, Unreadable
from reversa.package import Package
from reversa.records import kind_of
from reversa.relational import Covered
from reversa.runfolder import password

SHOWN = 20


def inspect(source: str, *, private: bool = False, tenant: str | None = None) -> dict[str, Any]:
    """Counts by kind from the census, first and last dates, declared changes met, and what cannot be read."""
    locator = registry.locate(source)
    if locator.system == "package":
        return _inspect_package(Package(Path(locator.address)))
    exporter = registry.exporter(locator.system).open(locator, Options(private=private, tenant=tenant, password=password()))
    dates: dict[str, list[datetime]] = {}
    changes: Counter[str] = Counter()
    unreadable: list[dict[str, str]] = []
    with contextlib.closing(exporter):
        census = exporter.census()
        for item in exporter.items():
            if isinstance(item, Noted):
                changes[item.code] += item.count
            elif isinstance(item, Unreadable):
                if len(unreadable) < SHOWN:
                    unreadable.append({"kind": item.kind, "where": item.where, "reason": item.reason})
            else:
                record = item.record if isinstance(item, Attached) else item
                if record.created_at is not None:
                    span = dates.setdefault(kind_of(record), [record.created_at, record.created_at])
                    span[:] = min(span[0], record.created_at), max(span[1], record.created_at)
    return {
        "system": locator.system,
        "source": str(exporter.facts.source),
        "kinds": {kind: count for kind, count in census.items() if count},
        "dates": {kind: [at.isoformat() for at in span] for kind, span in dates.items()},
        "changes": dict(changes),
        "unreadable": unreadable,
    }


def suggest(source: str) -> str:
    """A first mapping file for a database, given as a path or an address."""
    return str(_mapped().suggest(source if "://" in source else source.removeprefix("mapped:"), Options(password=password())))


def check(mapping: Path, records: int, tenant: str | None) -> tuple[Sequence[Covered], list[Item]]:
    """How far a mapping file goes, and the first ``records`` of each of its entries."""
    exporter = _mapped().open(Locator("mapped", str(mapping)), Options(tenant=tenant, password=password()))
    with contextlib.closing(exporter):
        return exporter.coverage(), list(exporter.preview(records)) if records else []


def _mapped() -> Any:
    return registry.exporter("mapped")


def _inspect_package(package: Package) -> dict[str, Any]:
    unreadable = [event for event in package.events() if event["event"] == "unreadable"]
    return {
        "system": "package",
        "source": str(package.source),
        "kinds": {kind: package.manifest.tables[kind].rows for kind in package.kinds()},
        "dates": {kind: [min(months), max(months)] for kind in package.kinds() if (months := package.summary(kind)[0])},
        "changes": {happened.change.code: happened.count for happened in package.manifest.changes},
        "unreadable": [{key: event[key] for key in ("kind", "where", "reason")} for event in unreadable[:SHOWN]],
    }
