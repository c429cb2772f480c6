"""The kit rejects every mutant, and says why; the kit knows none of them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from reversa import registry
from reversa.adapter import Locator
from reversa.migrating import migrate
from reversa.testing.mutants import MUTANTS, Mutant
from reversa.testing.sample import write_sample_package
from reversa.testing.suite import EXPORTER_CHECKS, IMPORTER_CHECKS, judged
from reversa.testing.trial import Trial
from reversa.testing.witnesses import WITNESSES
from tests.paths import PROJECT, REAL_EXPORT

CHECKS = {check.__name__: check for check in (*EXPORTER_CHECKS, *IMPORTER_CHECKS)}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_kit_rejects(mutant: Mutant, tmp_path: Path) -> None:
    of_exporters = CHECKS[mutant.check] in EXPORTER_CHECKS
    source = Locator(mutant.system, str(REAL_EXPORT) if mutant.system == "slack" else written(tmp_path)) if of_exporters else None
    target = None if source else registry.importer(mutant.system).scratch_target  # type: ignore[attr-defined]
    with mutant.broken():
        result = judged(CHECKS[mutant.check], Trial(mutant.system, tmp_path, target, source, WITNESSES[mutant.system]))
    assert result.state == "FAIL", f"the kit takes an adapter that {mutant.name}"
    assert mutant.told in result.reason, result.reason


def written(folder: Path) -> str:
    """A database that holds the sample package."""
    address = f"sqlite:///{folder / 'source.db'}"
    write_sample_package(folder / "sample")
    migrate(f"package:{folder / 'sample'}", address, folder / "run")
    return address


def test_the_kit_knows_no_mutant() -> None:
    kit = [path for path in (PROJECT / "reversa" / "testing").rglob("*.py") if "mutants" not in path.parts]
    for path in kit:
        imports = {
            alias for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.ImportFrom) for alias in [node.module]
        }
        assert not any("mutants" in (name or "") for name in imports), path


def test_there_are_enough_of_each() -> None:
    assert len({mutant.name for mutant in MUTANTS if mutant.system == "sql"}) >= 20
    assert len({mutant.check for mutant in MUTANTS}) >= 15
