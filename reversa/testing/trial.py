"""What a check works with: an adapter under test, the road it is tried on, and what lies in a target, told three ways."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self
from unittest import mock

import msgspec

from reversa import importing, registry
from reversa.adapter import Attached, Exporter, Importer, Item, Locator, Noted, Options, Shaped, Source, Unit, Unreadable
from reversa.directory import KINDS as NAMED
from reversa.directory import Directory
from reversa.ledger import Ledger
from reversa.migrating import Road
from reversa.package import Package
from reversa.records import KINDS, Record, Ref, kind_of, ref_to
from reversa.reporting import Report
from reversa.testing.given import CONTENTS, Given, pack
from reversa.testing.witnesses import Seen, Witness, flat

Records = dict[Ref, Record]
Wrap = Callable[[Importer], Any]
"""Puts something around an importer; see :class:`Around`."""
KIND_ORDER = {kind: number for number, kind in enumerate(KINDS)}


class NotApplicable(Exception):
    """The check has nothing to try on this adapter; the reason is printed."""


class Trial:
    """One check of one adapter, in a folder of its own."""

    def __init__(self, system: str, folder: Path, target: Callable[[Path], str] | None, source: Locator | None, witness: Witness | None) -> None:
        self.system, self.folder, self.witness, self._target, self._source = system, folder, witness, target, source
        self._packages: dict[Source, Package] = {}

    def empty(self, name: str = "target") -> Locator:
        """An empty target."""
        if self._target is None:
            raise NotApplicable(f"{self.system} is not written")
        folder = self.folder / name
        folder.mkdir(parents=True)
        return Locator(self.system, self._target(folder))

    @property
    def source(self) -> Locator:
        """The source that an exporter is tried on."""
        if self._source is None:
            raise NotApplicable("no source was given")
        return self._source

    def package(self, records: Iterable[Record], tenant: str = "acme", contents: Mapping[str, bytes] = CONTENTS) -> Package:
        """A package of these records."""
        package = pack(self.folder / f"package-{tenant}-{sum(1 for _ in self.folder.glob('package-*'))}", records, tenant, contents)
        if package.count():
            self._packages[package.source] = package
        return package

    def run(self, package: Package, target: Locator, name: str = "run", around: Wrap | None = None) -> Run:
        """A run, planned and accepted, its importer wrapped by ``around``."""
        return Run(package, target, self.folder / name, around)

    # ------------------------------------------------------------------------------------------- what lies in a target

    def importer(self, target: Locator, source: Source, records: Iterable[Record] | None = None) -> contextlib.closing[Importer]:
        """An importer as the road opens it: it knows the names of these records, else those of the package that was made last of the source."""
        importer = registry.importer(self.system).open(target, Options(source=source))
        foresee = getattr(importer, "foresee", None)
        if foresee is not None:
            package = self._packages.get(source)
            held = (record for kind in NAMED if package and kind in package.kinds() for record, _ in package.records(kind))
            foresee(Directory(held if records is None else (record for record in records if kind_of(record) in NAMED)))
        return contextlib.closing(importer)

    def dump(self, target: Locator, source: Source) -> Records:
        """What the exporter of the same system reads, the digests of contents made here. Whatever it cannot read is an error."""
        records: Records = {}
        with contextlib.closing(registry.exporter(self.system).open(target, Options(source=source, private=True))) as exporter:
            for record in records_of(exporter, exporter.items(), strict=True):
                assert ref_to(record) not in records, f"the exporter gives {ref_to(record)} twice"
                records[ref_to(record)] = record
        return records

    def look(self, target: Locator) -> list[tuple[Ref, Seen]]:
        """What the witness sees, sorted; nothing when there is no witness."""
        return [] if self.witness is None else sorted(self.witness.look(target.address), key=lambda seen: (seen[0], sorted(seen[1].items())))

    def everything(self, target: Locator, *sources: Source) -> object:
        """All that can be told of a target, to compare it with itself later."""
        return [self.dump(target, source) for source in sources], self.look(target)

    def assert_holds(self, target: Locator, source: Source, expected: Records, when: str = "") -> None:
        """The target shows exactly these records of a source: to the exporter, and to the witness."""
        assert_equal(expected, self.dump(target, source), f"{when}read back by the exporter")
        if self.witness is not None and self.witness.complete:
            seen: dict[Ref, Seen] = {}
            for record, values in self.look(target):
                assert record not in seen, f"{when}the witness sees {record} twice in the target"
                seen[record] = values
            assert_equal({record: flat(value) for record, value in expected.items()}, seen, f"{when}seen by the witness")


class Run:
    """A run folder on the real road; the pages of the report, tried elsewhere, are left out."""

    def __init__(self, package: Package, target: Locator, folder: Path, around: Wrap | None) -> None:
        self.road, self._around = Road(folder), around or Around
        with self.wrapped():
            self.road.export(f"package:{package.folder}")
            self.plan = self.road.plan(str(target))
            self.road.accept(None, lambda _: "the conformance kit")

    @contextlib.contextmanager
    def wrapped(self, around: Wrap | None = None) -> Iterator[None]:
        """Every importer that is opened meanwhile is wrapped by ``around``, or as the run was made; wrapped, it is asked by units."""
        around, opened = around or self._around, registry.importer
        with (
            mock.patch("reversa.rendering.write_html"),
            mock.patch.object(registry, "importer", lambda system: _Opening(opened(system), around)),
        ):
            yield

    def renew(self, package: Package, around: Wrap | None = None) -> None:
        """Give the run a newer package of its source, planned and accepted. Raises RunError when the target cannot take it."""
        with self.wrapped(around):
            self.road.export(f"package:{package.folder}")
            self.plan = self.road.plan(self.plan.target)
            self.road.accept(None, lambda _: "the conformance kit")

    def import_(self, *, batch: int | None = None, around: Wrap | None = None) -> Self:
        """Import; ``batch`` records at a time, ``around`` in place of the run's own wrapper."""
        with self.wrapped(around), mock.patch.object(importing, "BATCH", batch or importing.BATCH):
            self.road.import_()
        return self

    def verify(self) -> Report:
        with self.wrapped():
            return self.road.verify()

    def states(self) -> Counter[str]:
        """How many records the ledger says are written, merged, skipped …; an intent that is still open counts as ``open``."""
        with contextlib.closing(Ledger(self.road.folder / "ledger.sqlite")) as ledger:
            states = Counter({"open": len(ledger.interrupted)} if ledger.interrupted else {})
            for counts in ledger.counts().values():
                states.update(counts)
        return states

    def outcomes(self) -> dict[Ref, tuple[str, str, str | None]]:
        """What the ledger says of each record: its state, the source's digest, and the digest that the target should show."""
        with contextlib.closing(Ledger(self.road.folder / "ledger.sqlite")) as ledger:
            entries = [ledger.entry(record) for record in self.road.package().references()]
        return {entry.record: (entry.state, entry.source_digest, entry.expected_digest) for entry in entries if entry is not None}

    def undo(self) -> None:
        with self.wrapped():
            self.road.undo()


class _Opening:
    """A class of importers, each wrapped when it is opened."""

    def __init__(self, opened: type[Importer], around: Wrap) -> None:
        self._opened, self._around = opened, around

    def open(self, locator: Locator, options: Options) -> Any:
        return self._around(self._opened.open(locator, options))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._opened, name)


class Around:
    """An importer that passes everything on to another. Wrappers override what they change."""

    def __init__(self, inner: Importer) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


# ------------------------------------------------------------------------------------------------ told by the kit alone


def units_of(records: Iterable[Record]) -> list[Unit]:
    """The units of some records, put together without the package."""
    of_root: dict[Ref, list[Record]] = {}
    for record in records:
        of_root.setdefault(record.root, []).append(record)
    return [Unit(root, tuple(sorted(members, key=lambda r: (ref_to(r) != root, KIND_ORDER[kind_of(r)])))) for root, members in of_root.items()]


def shaped(importer: Importer, records: Iterable[Record]) -> list[Shaped]:
    return [importer.shape(unit) for unit in units_of(records)]


def expected_of(importer: Importer, records: Iterable[Record]) -> Records:
    """What a target should show for some records, as the importer's own shape says."""
    return {ref_to(record): record for unit in shaped(importer, records) for record in unit.records}


def digest_of(record: Record) -> str:
    """The SHA-256 of a record's RFC 8785 form, which the standard library's JSON gives for data without floats and with ASCII keys."""
    text = json.dumps(msgspec.to_builtins(record), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def records_of(exporter: Exporter, items: Iterable[Item], *, strict: bool = False) -> Iterator[Record]:
    """The records among some items, with digests of contents made here; ``strict``: an item that cannot be read is an error."""
    for item in items:
        if isinstance(item, Unreadable):
            assert not strict, f"{item.kind} at {item.where} could not be read back: {item.reason}"
        elif isinstance(item, Attached):
            with contextlib.closing(exporter.open_blob(item.blob)) as content:
                digest = hashlib.file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type]  # every binary file
            yield msgspec.structs.replace(item.record, sha256=digest)
        elif not isinstance(item, Noted):
            yield item


def assert_equal(expected: Mapping[Ref, Any], found: Mapping[Ref, Any], where: str) -> None:
    """Both hold the same records with the same values; else a sentence names the first that differ."""
    missing, extra = sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys())
    assert not missing, f"{len(missing)} of {len(expected)} records are missing, {where}: {_some(missing)}"
    assert not extra, f"{len(extra)} records are there that should not be, {where}: {_some(extra)}"
    for record, wanted in expected.items():
        if wanted != found[record]:
            one, other = (value if isinstance(value, dict) else msgspec.to_builtins(value) for value in (wanted, found[record]))
            fields = sorted(name for name in {*one, *other} if one.get(name) != other.get(name))
            told = "; ".join(f"{name} is {_cut(other.get(name))}, expected {_cut(one.get(name))}" for name in fields[:3])
            raise AssertionError(f"{record} differs, {where}: {told}")


def _some(records: list[Ref]) -> str:
    return ", ".join(_cut(record) for record in records[:3]) + (" …" if len(records) > 3 else "")


def _cut(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "…"


class Stated(Given):
    """Given records, and whatever else an exporter may say: a census of its own, items that are no records."""

    def __init__(self, records: Iterable[Record], tenant: str, items: Iterable[Any] = (), census: Mapping[str, int] | None = None) -> None:
        super().__init__(records, tenant, CONTENTS)
        self._items, self._stated = list(items), census

    def census(self) -> Mapping[str, int]:
        return super().census() if self._stated is None else self._stated

    def items(self) -> Iterator[Any]:
        yield from super().items()
        yield from self._items
