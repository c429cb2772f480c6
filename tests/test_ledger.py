"""The ledger by itself: what it is told, it says again, after it was closed and opened too."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from reversa.adapter import Noted
from reversa.errors import RunError
from reversa.ledger import EVERYTHING, SAME, Entry, Ledger
from reversa.records import Ref

ONE, TWO, FILE, USER = Ref("message:1"), Ref("message:a:b"), Ref("file:1/f"), Ref("user:u")


def written(record: Ref, digest: str = "d", **others: object) -> Entry:
    return Entry(record, "written", digest, digest, (f"t/{record}",), "", record, **others)  # type: ignore[arg-type]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Ledger]:
    with contextlib.closing(Ledger(path)) as ledger:
        yield ledger


def test_an_entry_comes_back_as_it_was(path: Path) -> None:
    entries = [
        written(ONE),
        Entry(TWO, "merged", "s", "other", ("a", 'b"c', "é"), "", ONE),
        Entry(FILE, "refused", "s", None, (), "too large", ONE),
        Entry(USER, "skipped", "", None, (), "", USER),
    ]
    with opened(path) as ledger:
        assert not ledger.begun
        assert ledger.untouched()
        ledger.settle(entries, [Noted("c.one", ONE), Noted("c.one", TWO, 2, "why"), Noted("c.two", FILE)])
        assert ledger.begun
        assert not ledger.untouched()
        assert ledger.taken == 4
        assert ledger.settled([ONE, TWO, FILE, USER]) == {ONE, TWO, FILE, USER}
    with opened(path) as ledger:
        assert ledger.begun
        assert [ledger.entry(entry.record) for entry in entries] == [
            Entry(e.record, e.state, e.source_digest, e.expected_digest, e.targets, e.reason, e.root, 1) for e in entries
        ]
        assert ledger.entry(Ref("message:2")) is None
        assert ledger.settled([ONE, Ref("message:2")]) == {ONE}
        assert ledger.changes() == {"c.one": 3, "c.two": 1}
        assert list(ledger.written()) == [(ONE, ("t/message:1",))]
        assert list(ledger.written(("merged", "written"))) == [(ONE, ("t/message:1",)), (TWO, ("a", 'b"c', "é"))]
        assert list(ledger.targets("message")) == [(["1", "a:b"], ['["t/message:1"]', '["a","b\\"c","é"]'])]
        assert list(ledger.targets("file")) == []


def test_what_most_rows_would_repeat_is_not_written_out(path: Path) -> None:
    with opened(path) as ledger:
        ledger.settle([written(ONE), Entry(TWO, "written", "s", "e", ("t",), "", ONE)], [])
    with contextlib.closing(sqlite3.connect(path)) as db:
        rows = db.execute("SELECT id, source_digest, expected_digest, root FROM outcome ORDER BY id").fetchall()
    assert rows == [("1", "d", SAME, SAME), ("a:b", "s", "e", "message:1")]


def test_an_intent_is_open_until_its_outcome(path: Path) -> None:
    with opened(path) as ledger:
        ledger.intend([ONE, TWO])
        ledger.intend([TWO])
        assert ledger.interrupted == frozenset(), "it is of this attempt"
    with opened(path) as ledger:
        assert ledger.interrupted == {ONE, TWO}
        assert not ledger.untouched()
        ledger.settle([written(ONE)], [])
    with opened(path) as ledger:
        assert ledger.interrupted == {TWO}
        ledger.withdraw()
        assert ledger.interrupted == frozenset()
    with opened(path) as ledger:
        assert ledger.interrupted == frozenset()


def test_everything_is_settled_at_once(path: Path) -> None:
    with opened(path) as ledger:
        ledger.intend([EVERYTHING])
    with opened(path) as ledger:
        assert ledger.untouched(), "the intent of everything is no record's own"
        ledger.settle_everything(
            [("message", ["1", "a:b"], ["d", "e"], [SAME, "message:1"], ['["m/1"]', '["m/2"]']), ("user", ["u"], ["f"], [SAME], ['["u/1"]'])]
        )
        assert (ledger.begun, ledger.taken) == (True, 3)
        assert ledger.entry(TWO) == Entry(TWO, "written", "e", "e", ("m/2",), "", ONE, 1)
    with opened(path) as ledger:
        assert ledger.interrupted == frozenset()
        assert ledger.entry(USER) == Entry(USER, "written", "f", "f", ("u/1",), "", USER, 1)
        assert ledger.counts() == {"user": {"written": 1}, "message": {"written": 2}}


def test_it_counts_per_kind_and_state(path: Path) -> None:
    states = ("written", "replaced", "merged", "skipped", "refused", "blocked", "conflict", "kept")
    with opened(path) as ledger:
        ledger.settle([Entry(Ref(f"message:{state}"), state, "d", root=ONE) for state in states], [])  # type: ignore[arg-type]
        ledger.settle([Entry(Ref("message:gone"), "conflict", "", root=ONE), Entry(Ref("tag:gone"), "kept", "", root=ONE), written(USER)], [])
        assert ledger.counts() == {
            "user": {"written": 1},
            "message": {"written": 2} | {state: 1 for state in states if state not in ("written", "replaced")},
        }
        assert ledger.aside() == {Ref(f"message:{state}") for state in ("refused", "blocked", "conflict", "kept")}
        assert ledger.standing() == {Ref("message:conflict"), Ref("message:kept"), Ref("message:gone"), Ref("tag:gone")}
        assert ledger.conflicts() == {Ref("message:conflict"), Ref("message:gone")}
        assert {(e.record, e.state) for e in ledger.refusals(9)} == {("message:refused", "refused"), ("message:blocked", "blocked")}
        assert len(ledger.refusals(1)) == 1


def test_it_is_about_one_package_and_one_target(path: Path) -> None:
    with opened(path) as ledger:
        ledger.bind("p", "t")
    with opened(path) as ledger:
        ledger.bind("p", "t")
        with pytest.raises(RunError, match="This run folder belongs to another package") as error:
            ledger.bind("q", "t")
        assert error.value.hint == "Give a folder of its own: --run NEW_FOLDER"
        with pytest.raises(RunError, match="belongs to another target"):
            ledger.bind("p", "p")


def test_a_newer_package_is_met(path: Path) -> None:
    with opened(path) as ledger:
        ledger.bind("p", "t")
        ledger.settle([written(ONE, "1"), written(TWO, "2"), written(USER, "3"), Entry(FILE, "refused", "4", root=ONE)], [Noted("c", FILE)])
        assert ledger.generation == 1
        ledger.advance("q")
        ledger.advance("q")
        assert ledger.generation == 2
        ledger.bind("q", "t")
        newer = [
            ("user", "u", "3", "user:u"),
            ("message", "1", "one", "message:1"),
            ("file", "1/f", "4", "message:1"),
            ("message", "9", "9", "message:9"),
        ]
        ledger.meet(newer, whole=True)
        assert ledger.delta() == {"new": {"file": 1, "message": 1}, "changed": {"message": 1}, "deleted": {"message": 1}}
        assert ledger.reopen() == {"message:1", "message:9", "message:a:b"}
        assert ledger.entry(FILE) is None, "it did not arrive, and may now"
        assert ledger.changes() == {}
        assert ledger.gone() == [TWO]
        ledger.settle([written(ONE, "one"), Entry(TWO, "removed", "", root=TWO), written(FILE, "4")], [])
        assert ledger.entry(ONE) == written(ONE, "one", generation=2)
        assert ledger.entry(USER) == written(USER, "3", generation=1)
        assert ledger.gone() == []
        assert ledger.settled([TWO]) == set()
        assert ledger.delta()["deleted"] == {"message": 1}, "after its import it says the same"


def test_of_a_part_nothing_is_gone_and_it_speaks_of_the_part(path: Path) -> None:
    with opened(path) as ledger:
        ledger.bind("p", "t")
        ledger.settle([written(ONE, "1"), written(TWO, "2"), Entry(USER, "refused", "u", root=USER)], [Noted("c", TWO)])
        ledger.advance("q")
        ledger.meet([("message", "1", "one", "message:1")], whole=False)
        assert ledger.gone() == []
        assert ledger.delta() == {"new": {}, "changed": {"message": 1}, "deleted": {}}
        assert ledger.reopen() == {"message:1"}
        assert ledger.counts() == {"message": {"written": 1}}
        assert ledger.changes() == {}
        assert ledger.refusals(9) == []
        assert list(ledger.written()) == [(ONE, ("t/message:1",))]
        assert ledger.entry(USER) is not None, "what is not in the part stays known"


def test_what_is_in_others_is_removed_first(path: Path) -> None:
    space = Ref("space:s")
    with opened(path) as ledger:
        ledger.settle([written(space), written(ONE), written(Ref("reaction:r")), written(USER)], [])
        ledger.meet([], whole=True)
        assert ledger.gone() == ["reaction:r", ONE, space, USER]


def test_what_was_undone_is_forgotten(path: Path) -> None:
    with opened(path) as ledger:
        ledger.bind("p", "t")
        ledger.settle([written(ONE)], [Noted("c", ONE)])
        ledger.intend([TWO])
        ledger.forget()
        assert not ledger.begun
        assert (ledger.entry(ONE), ledger.counts(), ledger.changes()) == (None, {}, {})
        ledger.bind("other", "t")
    with opened(path) as ledger:
        assert not ledger.begun
        assert ledger.interrupted == frozenset()
