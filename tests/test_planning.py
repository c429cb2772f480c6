"""The plan by itself: what it counts, the list that people fill in, and what is taken for acceptance."""

from __future__ import annotations

import csv
from pathlib import Path

import msgspec
import pytest

from reversa.adapter import Change, Facts, Noted, Shaped, Unit
from reversa.errors import NotAccepted, RunError
from reversa.planning import Plan, accept, losses, plan, write_losses
from reversa.records import Message, Tag, kind_of, ref, ref_to
from tests.strategies import pack

SKIPPED = Change("t.tag", "tag", None, "skipped", "target-cannot", "it has no tags")
CUT = Change("t.message.subject", "message", "subject", "lost", "target-cannot", '=it has none, "really"; none')
TURNED = Change("t.message.body", "message", "body", "converted", "policy", "made plain")


def messages(count: int) -> list[Message]:
    return [Message(id=str(n), root=ref("message", str(n)), subject="s") for n in range(count)]


class Target:
    """Takes messages without their subject, and no tags."""

    facts = Facts(system="t", kinds=("message",), changes=(SKIPPED, CUT, TURNED), live=True)

    def shape(self, unit: Unit) -> Shaped:
        noted = [Noted((SKIPPED if kind_of(record) == "tag" else CUT).code, ref_to(record)) for record in unit.records]
        return Shaped(unit.root, tuple(record for record in unit.records if kind_of(record) != "tag"), tuple(noted))


def made(folder: Path) -> tuple[Plan, list[tuple[str, int, int | None]]]:
    tag = Tag(id="t", root=ref("message", "0"), target=ref("message", "0"), label="x")
    told: list[tuple[str, int, int | None]] = []
    package = pack(folder / "package", [*messages(3), tag])
    return plan(package, Target(), "t:there", lambda *step: told.append(step)), told  # type: ignore[arg-type]


def test_it_counts_what_will_be_there_and_what_changes(tmp_path: Path) -> None:
    found, told = made(tmp_path)
    assert (found.target, found.live, found.records, found.accepted_by) == ("t:there", True, {"message": 3}, None)
    assert [(line.change, line.side, line.count) for line in found.changes] == [(CUT, "target", 3), (SKIPPED, "target", 1)]
    assert losses(found.changes) == 4
    assert losses([msgspec.structs.replace(found.changes[0], change=TURNED)]) == 0, "what is converted is not lost"
    assert told[-1] == ("plan", 4, 4)


def test_a_change_that_is_not_declared_stops_the_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Target, "facts", msgspec.structs.replace(Target.facts, changes=(CUT,)))
    with pytest.raises(AssertionError, match=r"t makes changes that it does not declare: t\.tag$"):
        made(tmp_path)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def filled(path: Path, answers: list[tuple[str, str]], delimiter: str = ",") -> Path:
    lines = rows(path)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(line | {"accepted": accepted, "by": by} for line, (accepted, by) in zip(lines, answers, strict=True))
    return path


def test_the_list_says_what_is_to_be_accepted(tmp_path: Path) -> None:
    found, _ = made(tmp_path)
    write_losses(found, tmp_path / "losses.csv")
    assert rows(tmp_path / "losses.csv") == [
        {"code": "t.message.subject", "kind": "message", "field": "subject", "effect": "lost", "why": "target-cannot", "count": "3",
         "note": "'=it has none, \"really\"; none", "accepted": "", "by": ""},
        {"code": "t.tag", "kind": "tag", "field": "", "effect": "skipped", "why": "target-cannot", "count": "1",
         "note": "it has no tags", "accepted": "", "by": ""},
    ]  # fmt: skip


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_every_line_accepted_is_the_plan_accepted(tmp_path: Path, delimiter: str) -> None:
    found, _ = made(tmp_path)
    write_losses(found, tmp_path / "losses.csv")
    taken = accept(found, filled(tmp_path / "losses.csv", [(" Yes ", " Zoé "), ("OUI", "Ann")], delimiter))
    assert taken == msgspec.structs.replace(found, accepted_by="Ann, Zoé")


def test_who_accepted_may_be_left_open(tmp_path: Path) -> None:
    found, _ = made(tmp_path)
    write_losses(found, tmp_path / "losses.csv")
    assert accept(found, filled(tmp_path / "losses.csv", [("yes", ""), ("yes", " ")])).accepted_by == "unnamed"


@pytest.mark.parametrize("answer", ["", "no", "y", "non"])
def test_a_line_that_is_not_accepted_is_named(tmp_path: Path, answer: str) -> None:
    found, _ = made(tmp_path)
    write_losses(found, tmp_path / "losses.csv")
    with pytest.raises(NotAccepted, match=r"^losses\.csv does not accept: t\.tag \(1\)$") as error:
        accept(found, filled(tmp_path / "losses.csv", [("yes", "Ann"), (answer, "Ann")]))
    assert error.value.hint == "Fill the column `accepted` with yes (or oui) and `by` with a name on every line."


def test_another_count_is_not_what_was_accepted(tmp_path: Path) -> None:
    found, _ = made(tmp_path)
    write_losses(found, tmp_path / "losses.csv")
    path = filled(tmp_path / "losses.csv", [("yes", "Ann"), ("yes", "Ann")])
    more = msgspec.structs.replace(found, changes=(msgspec.structs.replace(found.changes[0], count=4), *found.changes[1:]))
    with pytest.raises(NotAccepted, match=r"t\.message\.subject \(4\)$"):
        accept(more, path)


def test_a_list_that_cannot_be_read_says_what_to_type(tmp_path: Path) -> None:
    found, _ = made(tmp_path)
    with pytest.raises(RunError, match=r"losses\.csv cannot be read: ") as error:
        accept(found, tmp_path / "losses.csv")
    assert error.value.hint == "Write it with: reversa plan"
    (tmp_path / "losses.csv").write_bytes(b"code;accepted\n\xff\xfe;yes\n")
    with pytest.raises(RunError, match="cannot be read"):
        accept(found, tmp_path / "losses.csv")
