"""The kit itself: how a check is judged, what an exception needs, and that its fixed packages leave nothing untried."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from reversa.records import KINDS, kind_of, ref_to
from reversa.schema import fields
from reversa.testing import Excepted, ImporterSuite
from reversa.testing.frozen import frozen_packages
from reversa.testing.given import pack
from reversa.testing.mutants import MUTANTS
from reversa.testing.pain import CASES, hall_of_pain
from reversa.testing.sample import sample_records
from reversa.testing.suite import EXPORTER_CHECKS, IMPORTER_CHECKS, judged
from reversa.testing.trial import NotApplicable, Trial
from reversa.testing.witnesses import flat
from tests.paths import PROJECT

TODAY = dt.date(2026, 11, 23)
KNOWN = Excepted(check="fails", reason="the service has no such field", owner="Ann", expires=dt.date(2026, 12, 31))


def fails(_: Trial) -> None:
    """It must hold."""
    raise AssertionError("it does not")


def holds(_: Trial) -> None:
    """It must hold."""


def asks_too_much(_: Trial) -> None:
    raise NotApplicable("there is nothing to try")


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return Trial("sql", tmp_path, None, None, None)


def test_a_check_is_judged(trial: Trial) -> None:
    assert (judged(holds, trial).state, judged(asks_too_much, trial).reason) == ("ok", "there is nothing to try")
    failed = judged(fails, trial)
    assert (failed.passed, failed.reason) == (False, "It must hold. it does not")


def test_an_exception_says_why_who_and_until_when(trial: Trial) -> None:
    excepted = judged(fails, trial, [KNOWN], TODAY)
    assert (excepted.state, excepted.reason) == ("excepted", "until 2026-12-31, Ann: the service has no such field. it does not")
    assert judged(fails, trial, [KNOWN], dt.date(2027, 1, 1)).reason.startswith("its exception expired on 2026-12-31")
    held = judged(holds, trial, [Excepted(check="holds", reason="r", owner="o", expires=TODAY)], TODAY)
    assert held.reason.startswith("it holds: remove its exception")


def test_an_exception_of_no_check_is_refused(tmp_path: Path) -> None:
    class Suite(ImporterSuite):
        system, excepted = "sql", (KNOWN,)

    with pytest.raises(AssertionError, match="there is no check named"):
        Suite().test_facts_are_stated(tmp_path)  # type: ignore[attr-defined]


def test_the_plugin_prints_what_was_not_held(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from reversa.testing import ExporterSuite

        class TestPackageless(ExporterSuite):
            system, sources = "sql", ("sqlite:///nothing.db",)

            def prepare(self, folder):
                from reversa.testing.trial import NotApplicable
                import unittest
                raise unittest.SkipTest("not applicable: a try of the plugin")
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.stdout.fnmatch_lines(["*reversa conformance: excepted or not applicable*", "*not applicable: a try of the plugin*"])


def test_the_fixed_packages_fill_every_field() -> None:
    filled = {(kind_of(record), name) for record in sample_records() for name in record.__struct_fields__ if getattr(record, name) is not None}
    assert {(kind, field.name) for kind in KINDS for field in fields(kind)} - filled == {(kind, "order") for kind in KINDS}


def test_the_hall_of_pain_is_fixed(tmp_path: Path) -> None:
    records = hall_of_pain()
    assert len({ref_to(record) for record in records}) == len(records)
    assert all((case.__doc__ or "").strip() for case in CASES.values())
    package = pack(tmp_path / "package", records)
    assert (package.count(), package.manifest.unreadable, package.manifest.changes) == (len(records), 0, ())
    assert package.manifest.digest == "0a6d547a3d6b2f6314de7192b5ff4bea79adaef840985fdb534f5767ab8b28bb"


def test_every_schema_version_has_a_frozen_package(tmp_path: Path) -> None:
    from reversa.records import SCHEMA_VERSION

    frozen = dict(frozen_packages(tmp_path))
    assert SCHEMA_VERSION in frozen
    assert frozen["1.0"].manifest.digest == "43d2c3bc5311966f170340c368c7130b593bc52ea0c74d3dc48cdb04016a4c5d"


def test_a_witness_tells_values_flat() -> None:
    [row] = [record for record in hall_of_pain() if ref_to(record) == "event:meeting"]
    told = flat(row)
    assert told["participants_person"] == "user:ben"
    assert (told["participants[1]_name"], told["locations"], told["locations[1]"]) == ("Somebody", "b", "a")


def test_the_page_lists_every_check() -> None:
    page = (PROJECT / "docs" / "conformance.md").read_text(encoding="utf-8")
    for check in (*EXPORTER_CHECKS, *IMPORTER_CHECKS):
        assert f"| `{check.__name__}` | {(check.__doc__ or '').splitlines()[0]} |" in page
    assert f"\n{len(MUTANTS)} mutants (" in page
