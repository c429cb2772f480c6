"""The road taken out of order, with a changed package, with a mistaken target, and back again from what it wrote."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from reversa.adapter import Change
from reversa.errors import PackageError, ReversaError, RunError
from reversa.migrating import migrate
from reversa.planning import Plan, Planned, accept
from reversa.records import Record, User, ref
from tests.strategies import carried, pack, planned


def test_placeholders_of_a_target_of_ours_are_counted_once(tmp_path: Path) -> None:
    """What reversa wrote is a source like any other: its census leaves out the people that were only met."""
    made: list[Record] = [User(id="u", root=ref("user", "u")), User(id="p", root=ref("user", "p"), placeholder=True)]
    for target in (f"sqlite:///{tmp_path / 'one.db'}", f"html:{tmp_path / 'two'}"):
        name = target.rpartition("/")[2]
        carried(pack(tmp_path / f"package-{name}", made), target, tmp_path / f"run-{name}")
        report = migrate(target, f"sqlite:///{tmp_path / f'copy-{name}.db'}", tmp_path / f"again-{name}")
        assert (report.verdict, [(b.seen, b.placeholders, b.unexplained) for b in report.export_balance]) == ("verified", [(1, 1, 0)])


@pytest.mark.parametrize("step", ["plan", "import", "verify"])
def test_a_package_changed_inside_its_run_is_not_used(step: str, tmp_path: Path) -> None:
    source = pack(tmp_path / "package", [User(id="u", root=ref("user", "u"))])
    road = carried(source, f"sqlite:///{tmp_path / 'a.db'}", tmp_path / "run")
    part = next((source.folder / "data" / "tables").rglob("*.parquet"))
    part.write_bytes(part.read_bytes()[:-9] + b"x" + part.read_bytes()[-8:])
    steps: dict[str, Callable[[], object]] = {
        "plan": lambda: road.plan(f"sqlite:///{tmp_path / 'a.db'}"),
        "import": road.import_,
        "verify": road.verify,
    }
    with pytest.raises(PackageError, match="is not what was exported"):
        steps[step]()


def test_what_was_not_imported_is_not_verified(tmp_path: Path) -> None:
    source = pack(tmp_path / "package", [User(id="u", root=ref("user", "u"))])
    road = planned(source, f"sqlite:///{tmp_path / 'a.db'}", tmp_path / "run")
    with pytest.raises(RunError, match="has not been imported"):
        road.verify()
    road.import_()
    road.undo()
    with pytest.raises(RunError, match="was undone"):
        road.verify()


def test_a_mistaken_target_costs_no_export(tmp_path: Path) -> None:
    source = pack(tmp_path / "package", [User(id="u", root=ref("user", "u"))])
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    for target in ("nope:x", f"html:{tmp_path / 'mine'}"):
        with pytest.raises(ReversaError):
            migrate(f"package:{source.folder}", target, tmp_path / "run")
        assert not (tmp_path / "run").exists()


def test_losses_come_back_from_a_french_spreadsheet(tmp_path: Path) -> None:
    losses = tmp_path / "losses.csv"
    change = Change("a.b", "user", "name", "lost", "target-cannot", "x")
    made = Plan(package="p", target="t", live=True, records={}, changes=(Planned(change=change, side="target", count=3),))
    losses.write_text("code;kind;field;effect;why;count;note;accepted;by\r\na.b;user;name;lost;target-cannot;3;x;oui;Ana\r\n", encoding="utf-8-sig")
    assert accept(made, losses).accepted_by == "Ana"
