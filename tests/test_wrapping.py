"""Waiting for a system: what is asked again, how long, and what is never sent twice."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, BinaryIO, cast

import pytest
import stamina

from reversa.adapter import Outcome, Session, Shaped
from reversa.errors import SourceError, TargetError, Unavailable
from reversa.patience import ATTEMPTS, LONGEST_WAIT
from reversa.records import Ref, Tag, User, ref, ref_to
from reversa.testing.faults import FaultyProxy
from reversa.testing.serving import Answer, Request, Serving
from reversa.web import Refused, Web, seconds_to_wait
from reversa.wrapping import Patient

pytestmark = pytest.mark.loopback


class Blobs:
    def open_blob(self, sha256: str) -> BinaryIO:
        return io.BytesIO(sha256.encode())


class Flaky:
    """An importer whose target holds what was written; every call meets the next of its troubles."""

    def __init__(self, *troubles: str, error: Exception | None = None) -> None:
        self._troubles, self._error = iter(troubles), error or Unavailable("busy")
        self.held: dict[Ref, int] = {}
        self.calls: list[str] = []

    def shape(self, unit: object) -> str:
        return f"shaped {unit}"

    def find(self, records: Sequence[Ref]) -> Mapping[Ref, tuple[str, ...]]:
        self.calls.append("find")
        if next(self._troubles, "") == "find":
            raise self._error
        return {record: (f"t/{record}",) for record in records if record in self.held}

    def write(self, units: Sequence[Shaped], session: Session) -> Iterator[Outcome]:
        session.open_blob("x").close()
        self.calls.append("write " + " ".join(record.id for unit in units for record in unit.records))
        for record in (record for unit in units for record in unit.records):
            trouble = next(self._troubles, "")
            if trouble == "before":
                raise self._error
            if trouble == "refuse":
                yield Outcome(ref_to(record), "refused", reason="no")
                continue
            self.held[ref_to(record)] = self.held.get(ref_to(record), 0) + 1
            if trouble == "after":
                raise self._error
            yield Outcome(ref_to(record), "written", (f"t/{ref_to(record)}",))


def units(count: int = 3) -> list[Shaped]:
    return [Shaped(ref("user", str(n)), (User(id=str(n), root=ref("user", str(n))),)) for n in range(count)]


def write(importer: Flaky, count: int = 3) -> dict[Ref, Outcome]:
    outcomes = {outcome.record: outcome for outcome in Patient(cast("Any", importer)).write(units(count), Blobs())}
    assert set(importer.held.values()) <= {1}, "written twice"
    return outcomes


@pytest.fixture
def quick() -> Iterator[None]:
    with stamina.set_testing(True, attempts=ATTEMPTS):
        yield


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits, as they are made instead of slept."""
    made: list[float] = []
    monkeypatch.setattr("tenacity.nap.time.sleep", made.append)
    return made


# ------------------------------------------------------------------------------------------------ the wrapper


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("troubles", "calls"),
    [
        ((), ["write 0 1 2"]),
        (("before",), ["write 0 1 2", "find", "write 0 1 2"]),
        (("after",), ["write 0 1 2", "find", "write 1 2"]),
        (("", "before"), ["write 0 1 2", "find", "write 1 2"]),
        (("", "after"), ["write 0 1 2", "find", "write 2"]),
        (("", "", "after"), ["write 0 1 2", "find", "write "]),
        (("after", "find"), ["write 0 1 2", "find", "find", "write 1 2"]),
        (("after", "", "after", "", "after"), ["write 0 1 2", "find", "write 1 2", "find", "write 2", "find", "write "]),
    ],
)
def test_what_arrived_is_not_sent_again(troubles: tuple[str, ...], calls: list[str]) -> None:
    importer = Flaky(*troubles)
    outcomes = write(importer)
    assert importer.calls == calls
    assert {(o.state, o.targets) for o in outcomes.values()} == {("written", (f"t/user:{n}",)) for n in range(3)}


@pytest.mark.usefixtures("quick")
def test_what_was_refused_is_not_taken_for_written() -> None:
    importer = Flaky("refuse", "after", "", "refuse")
    outcomes = write(importer)
    assert importer.calls == ["write 0 1 2", "find", "write 0 2"]
    assert [(o.record, o.state) for o in outcomes.values()] == [("user:0", "refused"), ("user:1", "written"), ("user:2", "written")]


@pytest.mark.usefixtures("quick")
def test_patience_ends_when_nothing_gets_through_and_only_then() -> None:
    stuck = Flaky(*["before", ""] * 99)
    with pytest.raises(Unavailable, match="busy") as stopped:
        write(stuck)
    assert sum(call.startswith("write") for call in stuck.calls) == ATTEMPTS
    assert "the same command again" in stopped.value.hint
    slow = Flaky(*["after", ""] * (3 * ATTEMPTS))
    assert len(write(slow, 3 * ATTEMPTS)) == 3 * ATTEMPTS


@pytest.mark.usefixtures("quick")
def test_only_what_is_unavailable_is_asked_again() -> None:
    for error in (TargetError("no"), SourceError("no"), ValueError("no")):
        importer = Flaky("before", error=error)
        with pytest.raises(type(error), match="no"):
            write(importer)
        assert importer.calls == ["write 0 1 2"]


@pytest.mark.usefixtures("quick")
def test_finding_is_asked_again_and_the_rest_is_the_importers_own() -> None:
    importer = Flaky("find", "find")
    importer.held[Ref("user:0")] = 1
    patient = Patient(cast("Any", importer))
    assert patient.find([Ref("user:0"), Ref("user:1")]) == {"user:0": ("t/user:0",)}
    assert importer.calls == ["find"] * 3
    assert patient.shape("x") == "shaped x"
    assert not hasattr(patient, "undo")


@pytest.mark.usefixtures("quick")
def test_units_keep_their_shape_when_part_of_them_has_arrived() -> None:
    root = ref("user", "u")
    unit = Shaped(root, (User(id="u", root=root), Tag(id="t", root=root, target=root, label="x")))
    importer = Flaky("after")
    outcomes = list(Patient(cast("Any", importer)).write([unit], Blobs()))
    assert importer.calls == ["write u t", "find", "write t"]
    assert [o.record for o in outcomes] == ["user:u", "tag:t"]


def test_it_waits_as_it_is_told_and_says_so(waits: list[float], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "reversa"):
        write(Flaky("before", error=Unavailable("https://acme is busy.", retry_after=30)))
    assert waits == [30]
    assert [record.message for record in caplog.records if record.name == "reversa"] == ["https://acme is busy. It asks to wait 30 seconds."]


def test_asked_to_wait_for_nothing_it_waits_as_always(waits: list[float]) -> None:
    write(Flaky("before", error=Unavailable("busy", retry_after=0)))
    assert len(waits) == 1
    assert waits[0] > 0.1


def test_progress_does_not_shorten_the_wait(waits: list[float]) -> None:
    write(Flaky("after", "", "after", error=Unavailable("busy", retry_after=7)))
    assert waits == [7, 7]


def test_it_does_not_wait_longer_than_a_person_would(waits: list[float]) -> None:
    with pytest.raises(Unavailable):
        write(Flaky("before", error=Unavailable("busy", retry_after=LONGEST_WAIT + 1)))
    assert waits == []


def test_without_a_word_the_waits_grow(waits: list[float]) -> None:
    with pytest.raises(Unavailable):
        write(Flaky(*["before", ""] * 99))
    assert len(waits) == ATTEMPTS - 1
    assert all(0.5 * 2**n <= wait <= 0.5 * 2**n + 1 for n, wait in enumerate(waits))


# ------------------------------------------------------------------------------------------------ HTTP


class Told(Serving):
    """Gives the answers it was told, in turn, and keeps the requests."""

    def __init__(self, *answers: Answer | None) -> None:
        self._answers, self.requests = iter(answers), list[Request]()

    def answer(self, request: Request) -> Answer | None:
        self.requests.append(request)
        return next(self._answers)


def connected(address: str, tokens: Sequence[str] = ("one", "two")) -> Web:
    given = iter(tokens)
    return Web(address, lambda _: next(given))


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    "bad",
    [
        None,
        Answer(500),
        Answer(503, b"later", [("Retry-After", "3")]),
        Answer(429, b"", [("Retry-After", "3")]),
        Answer(408),
        Answer(200, b'{"half'),
        Answer(200, b'{"half', length=99),
        Answer(401),
    ],
)
def test_a_question_is_asked_again(bad: Answer | None) -> None:
    service = Told(bad, Answer(200, b'{"a": 1}'))
    with service as address:
        web = connected(address)
        assert web.ask("GET", "/x") == {"a": 1}
        web.close()
    assert [r.headers["Authorization"] for r in service.requests] == ["Bearer one", "Bearer two" if bad and bad.status == 401 else "Bearer one"]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("bad", [None, Answer(500), Answer(503), Answer(200, b'{"half', length=99), Answer(200, b"<html>")])
def test_what_may_have_been_done_is_not_sent_again(bad: Answer | None) -> None:
    service = Told(bad)
    with service as address:
        web = connected(address)
        with pytest.raises(Unavailable):
            web.send("POST", "/x", json={})
        web.close()
    assert len(service.requests) == 1


@pytest.mark.usefixtures("quick")
def test_what_was_certainly_not_done_is_sent_again() -> None:
    service = Told(Answer(429), Answer(401), Answer(201, b'{"id": 1}'))
    content = io.BytesIO(b"content")
    with service as address:
        web = connected(address)
        assert web.send("POST", "/x", content=content) == {"id": 1}
        web.close()
    assert [request.body for request in service.requests] == [b"content"] * 3


@pytest.mark.usefixtures("quick")
def test_a_refusal_is_final() -> None:
    service = Told(Answer(404, b"there is no such thing"))
    with service as address:
        web = connected(address)
        with pytest.raises(Refused, match="404: there is no such thing"):
            web.ask("GET", "/x")
        web.close()


@pytest.mark.usefixtures("quick")
def test_content_is_whole_or_asked_for_again() -> None:
    good = [("Content-Digest", "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:")]  # of "hello"
    service = Told(Answer(200, b"hel", length=5), Answer(200, b"hel", good), Answer(200, b"hello", good))
    with service as address:
        web = connected(address)
        with web.download("/x") as content:
            assert content.read() == b"hello"
        web.close()
    assert len(service.requests) == 3


@pytest.mark.usefixtures("quick")
def test_silence_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reversa.web.TIMEOUT", 0.1)
    service = Told(Answer(200, b"{}"), Answer(200, b"{}"))
    with service as upstream:
        proxy = FaultyProxy(upstream, "time-out", at=1, silence=5)
        with proxy as address:
            web = connected(address)
            with pytest.raises(Unavailable, match="ReadTimeout"):
                web.send("POST", "/x")
            assert web.ask("GET", "/x") == {}
            web.close()
    assert proxy.happened == ["POST /x"]


def test_retry_after_is_a_number_or_a_date() -> None:
    assert seconds_to_wait("120") == 120
    assert seconds_to_wait(None) is None
    assert seconds_to_wait("soon") is None
    assert seconds_to_wait("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    soon = seconds_to_wait(format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True))
    assert soon is not None
    assert 50 < soon <= 60
