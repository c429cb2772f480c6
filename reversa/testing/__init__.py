"""The shared suite: what every adapter must hold, ours and those of others.

An exporter is tried on a source of its system, an importer on an empty target. In pytest, one line per adapter::

    class TestAcme(ExporterSuite):
        system, sources = "acme", ["tests/data/acme-export.zip"]

or, without writing any test, ``reversa conformance acme tests/data/acme-export.zip``.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from reversa import registry
from reversa.adapter import Attached, Exporter, Locator, Noted, Options, Unreadable
from reversa.exporting import export
from reversa.migrating import Road
from reversa.package import Package
from reversa.records import KINDS, kind_of
from reversa.testing.sample import write_sample_package
from reversa.validating import validate


class Result(msgspec.Struct, frozen=True):
    """One check: whether it held, and if not, why."""

    check: str
    passed: bool
    reason: str = ""


# --------------------------------------------------------------------------------------------------------- exporters


@contextlib.contextmanager
def opened(locator: Locator) -> Iterator[Exporter]:
    """An exporter open on a source, private data included."""
    exporter = registry.exporter(locator.system).open(locator, Options(private=True))
    with contextlib.closing(exporter):
        yield exporter


def _export(locator: Locator, folder: Path) -> Package:
    with opened(locator) as exporter:
        return export(exporter, folder, datetime.now(UTC), lambda _step, _done, _whole: None)


def facts_hold(locator: Locator, _: Path) -> None:
    """What it gives and what it changes was declared."""
    with opened(locator) as exporter:
        facts = exporter.facts
        assert facts.source is not None, "facts.source is not set"
        assert set(facts.kinds) <= KINDS.keys(), f"unknown kinds: {set(facts.kinds) - KINDS.keys()}"
        codes = [change.code for change in facts.changes]
        assert len(codes) == len(set(codes)), "two changes have one code"
        for item in exporter.items():
            if isinstance(item, Noted):
                assert item.code in codes, f"the change {item.code} was not declared"
            elif not isinstance(item, Unreadable):
                kind = kind_of(item.record if isinstance(item, Attached) else item)
                assert kind in facts.kinds, f"gives {kind}, which it does not declare"


def balance_closes(locator: Locator, folder: Path) -> None:
    """The census and what was read agree, per kind."""
    for balance in _export(locator, folder / "package").manifest.balance:
        assert balance.unexplained == 0, f"{balance.kind}: {balance.unexplained} unexplained ({balance})"


def package_is_whole(locator: Locator, folder: Path) -> None:
    """Its package passes ``reversa validate``."""
    _export(locator, folder / "package")
    problems = validate(folder / "package")
    assert not problems, problems[0]


def reading_twice_gives_one_digest(locator: Locator, folder: Path) -> None:
    """Two exports of one source are the same data."""
    one, two = _export(locator, folder / "one"), _export(locator, folder / "two")
    assert one.manifest.digest == two.manifest.digest, "two exports differ"


# --------------------------------------------------------------------------------------------------------- importers


def _road(locator: Locator, folder: Path, name: str) -> Road:
    package = folder / "sample"
    if not package.exists():
        write_sample_package(package)
    road = Road(folder / name)
    road.export(f"package:{package}")
    road.plan(str(locator))
    road.accept(None, lambda _: "a test")
    return road


def migration_verifies(locator: Locator, folder: Path) -> None:
    """A package with every kind and every field arrives as planned."""
    road = _road(locator, folder, "run")
    road.import_()
    report = road.verify()
    assert report.verdict == "verified", f"{report.verdict}: {report.reasons}; first: {report.findings[:1]}"


def writing_twice_writes_once(locator: Locator, folder: Path) -> None:
    """A second run finds everything by source id and writes nothing."""
    for name in ("first", "second"):
        road = _road(locator, folder, name)
        road.import_()
    report = road.verify()
    assert report.verdict == "verified", f"after a second run: {report.verdict} {report.reasons}"
    written = {balance.kind: balance.written for balance in report.import_balance if balance.written}
    assert not written, f"the second run wrote {written}"


def undo_leaves_nothing(locator: Locator, folder: Path) -> None:
    """After undo, what was written is found no more."""
    road = _road(locator, folder, "run")
    importer = registry.importer(locator.system).open(locator, Options(source=road.package().source))
    with contextlib.closing(importer):
        if not hasattr(importer, "undo"):
            return
    road.import_()
    road.undo()
    package = road.package()
    importer = registry.importer(locator.system).open(locator, Options(source=package.source))
    with contextlib.closing(importer):
        held = [record for unit, _ in package.units() for record in importer.find([unit.root])]
    assert not held, f"still there: {held[:3]}"


EXPORTER_CHECKS = (facts_hold, balance_closes, package_is_whole, reading_twice_gives_one_digest)
IMPORTER_CHECKS = (migration_verifies, writing_twice_writes_once, undo_leaves_nothing)
Check = Callable[[Locator, Path], None]


class ExporterSuite:
    """Subclass it, name the system and at least one source."""

    system: str
    sources: tuple[str, ...]

    def test_conformance(self, tmp_path: Path) -> None:
        assert self.sources, "a suite without a source proves nothing"
        for number, source in enumerate(self.sources):
            _raise_failures(EXPORTER_CHECKS, lambda source=source: Locator(self.system, source), tmp_path / str(number))  # type: ignore[misc]


class ImporterSuite:
    """Subclass it, name the system; ``target`` gives the address of an empty one each time."""

    system: str

    def target(self, folder: Path) -> str:
        raise NotImplementedError

    def test_conformance(self, tmp_path: Path) -> None:
        for check in IMPORTER_CHECKS:
            folder = tmp_path / check.__name__
            folder.mkdir()
            _raise_failures((check,), lambda folder=folder: Locator(self.system, self.target(folder)), folder)  # type: ignore[misc]


def _raise_failures(checks: tuple[Check, ...], locator: Callable[[], Locator], folder: Path) -> None:
    for check in checks:
        scratch = folder / check.__name__
        scratch.mkdir(parents=True)
        check(locator(), scratch)


def run_suite(adapter: str, address: str | None) -> list[Result]:
    """The suite for ``reversa conformance``: on the source at ``address``, and for importers on a target made for it."""
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        if adapter in registry.names("exporters") and address is not None:
            results += [_run(check, Locator(adapter, address), Path(scratch) / f"out-{check.__name__}") for check in EXPORTER_CHECKS]
        if adapter in registry.names("importers"):
            for check in IMPORTER_CHECKS:
                folder = Path(scratch) / f"in-{check.__name__}"
                target = registry.importer(adapter).scratch_target(folder)  # type: ignore[attr-defined]
                results.append(_run(check, Locator(adapter, target), folder))
    if not results:
        registry.exporter(adapter)  # says which adapters there are
        results = [Result("a source to try it on", passed=False, reason=f"give one: reversa conformance {adapter} SOURCE")]
    return results


def _run(check: Check, locator: Locator, folder: Path) -> Result:
    folder.mkdir(parents=True, exist_ok=True)
    name = (check.__doc__ or check.__name__).splitlines()[0].rstrip(".")
    try:
        check(locator, folder)
    except Exception as error:  # noqa: BLE001 - an adapter under test may fail in any way; that is the finding
        return Result(name, passed=False, reason=f"{type(error).__name__}: {error}")
    return Result(name, passed=True)
