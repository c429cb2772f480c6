"""The reference network adapter, against memo itself and against every fault of a network, at every request."""

from __future__ import annotations

import hashlib
import itertools
import json
import socket
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, NamedTuple, cast

import httpx
import pytest
import stamina

from reversa import registry, web
from reversa.adapter import Importer, Locator, Options, Outcome, Session, Shaped
from reversa.comparing import Finding
from reversa.errors import MissingExtra, TargetError, Unavailable
from reversa.importing import import_package
from reversa.ledger import Ledger
from reversa.migrating import Road
from reversa.package import Package
from reversa.planning import Plan, plan
from reversa.records import Body, File, Group, Message, Page, Reaction, Record, Space, User, ref
from reversa.reporting import Report, make_report
from reversa.testing import ImporterSuite, memo
from reversa.testing.faults import FAULTS, Fault, FaultyProxy
from reversa.testing.memo_fields import TYPES
from reversa.testing.service import Memo
from reversa.verifying import verify
from reversa.wrapping import Patient
from tests.strategies import CONTENTS, pack

pytestmark = pytest.mark.loopback

CONTENT = next(digest for digest, content in CONTENTS.items() if len(content) > 100)
AT = datetime(2024, 2, 29, 23, 59, 59, 999_000, tzinfo=UTC)


def message(id: str, text: str, **more: Any) -> Message:
    return Message(id=id, root=ref("message", id), created_at=AT, space=ref("space", "s"), body=Body(format="plain", text=text), **more)


RECORDS: tuple[Record, ...] = (
    User(id="ann", root=ref("user", "ann"), display_name="Ann 😀", emails=["ann@example.org"], created_at=AT, phones=["1"]),
    User(id="bea", root=ref("user", "bea"), username="bea\0", active=False),
    Space(id="s", root=ref("space", "s"), name="a\u0301", created_by=ref("user", "ann"), created_at=AT),
    message("m1", "one", created_by=ref("user", "ann"), thread=ref("message", "m1"), state="deleted"),
    message("m2", "", created_by=ref("user", "gone"), thread=ref("message", "m1"), reply_to=ref("message", "m3")),
    message("m3", "three", created_by=ref("group", "g")),
    Reaction(id="r", root=ref("message", "m1"), order=1, target=ref("message", "m1"), key="👍🏽", created_by=ref("user", "bea"), created_at=AT),
    File(id="f", root=ref("message", "m1"), order=2, target=ref("message", "m1"), name="a b.pdf", sha256=CONTENT, size=len(CONTENTS[CONTENT])),
    File(id="g", root=ref("message", "m3"), order=2, target=ref("page", "p"), size=9),
    Page(id="p", root=ref("page", "p")),
    Group(id="g", root=ref("group", "g")),
)


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Memo announced as a third party announces an adapter; nobody sleeps, no page is drawn."""
    classes = {"reversa.exporters": "MemoExporter", "reversa.importers": "MemoImporter"}
    monkeypatch.setattr(registry, "entry_points", lambda group: [EntryPoint("memo", f"reversa.testing.memo:{classes[group]}", group)])
    monkeypatch.setattr("reversa.rendering.write_html", lambda *_: None)
    with stamina.set_testing(True, attempts=8, cap=True):
        yield


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return pack(tmp_path_factory.mktemp("package") / "package", RECORDS)


SMALL = tuple(record for record in RECORDS if record.id in ("ann", "s", "m1", "m2", "r", "f"))
"""What a sweep of hundreds of migrations carries: every kind, a link to itself, an author who is not there, content."""


def carry(package: Package, address: str, run: Path) -> Report:
    road = Road(run)
    road.export(f"package:{package.folder}")
    road.plan(f"memo+{address}")
    road.accept(None, lambda _: "a test")
    road.import_()
    return road.verify()


def send(package: Package, planned: Plan, address: str, folder: Path) -> Report:
    """Import and verification without the steps around them, as a sweep of hundreds of migrations needs it."""
    folder.mkdir(exist_ok=True)
    locator, options = Locator("memo", address), Options(source=package.source, private=True)
    importer = cast("Importer", Patient(memo.MemoImporter.open(locator, options)))
    with closing(importer), closing(Ledger(folder / "ledger.sqlite")) as ledger:
        import_package(package, importer, ledger, lambda *_: None)
        findings: list[Finding] = []
        with closing(memo.MemoExporter.open(locator, options)) as exporter:
            comparison = verify(package, importer, exporter, ledger, folder, findings.append, lambda *_: None)
        return make_report(package, planned, ledger, importer.facts.changes, comparison, tuple(findings), AT)


def dump(folder: Path) -> list[Any]:
    """All that memo holds, from its own file; its ids as the records that they stand for, uploads that nothing uses left out."""
    with closing(sqlite3.connect(folder / "memo.sqlite")) as db:
        fields: dict[int, dict[str, str]] = {}
        for id, name, value in db.execute("SELECT object, name, value FROM field"):
            fields.setdefault(id, {})[name] = value
        links: dict[int, dict[str, Any]] = {}
        for id, name, target in db.execute("SELECT object, name, target FROM link"):
            links.setdefault(id, {})[name] = fields.get(target, {}).get("id", target)
        held = []
        for id, type_, text, content in db.execute("SELECT o.id, type, properties, content FROM object o LEFT JOIN upload u ON u.id = upload"):
            properties = json.loads(text)
            if "created_at" in fields.get(id, {}).get("unset", "created_at"):
                properties.pop("created", None)
            digest = None if content is None else hashlib.sha256(content).hexdigest()
            held.append((type_, fields.get(id), links.get(id), properties, digest))
    return sorted(held, key=repr)


class Calm(NamedTuple):
    """A migration in good weather: its package and plan, what memo holds afterwards, and how many requests that took."""

    package: Package
    plan: Plan
    held: list[Any]
    requests: int


def calm(package: Package, folder: Path) -> Calm:
    with stamina.set_testing(True, attempts=1), Memo(folder / "memo", page=4) as address:
        proxy = FaultyProxy(address, "busy", at=0)
        with closing(memo.MemoImporter.open(Locator("memo", address), Options(source=package.source))) as importer:
            made = plan(package, importer, address, lambda *_: None)
        with proxy as url:
            assert send(package, made, url, folder / "run").verdict == "verified"
    return Calm(package, made, dump(folder / "memo"), proxy.seen)


@pytest.fixture(scope="module")
def undisturbed(package: Package, tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """What memo holds after a migration in good weather."""
    return calm(package, tmp_path_factory.mktemp("undisturbed")).held


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Calm:
    folder = tmp_path_factory.mktemp("small")
    return calm(pack(folder / "package", SMALL), folder)


# ------------------------------------------------------------------------------------------------ in good weather


def test_a_migration_is_verified_and_what_memo_holds_is_what_was_sent(package: Package, tmp_path: Path) -> None:
    with Memo(tmp_path / "memo") as address:
        report = carry(package, address, tmp_path / "run")
    assert (report.verdict, report.reasons) == ("verified", ())
    held = {of["id"]: (links, properties, digest) for _, of, links, properties, digest in dump(tmp_path / "memo") if of}
    assert held.keys() == {f"{type(r).__name__.lower()}:{r.id}" for r in RECORDS} - {"page:p", "group:g"}
    assert held["message:m2"][0] == {"author": 1, "board": "space:s", "thread": "message:m1", "reply_to": "message:m3"}
    assert held["message:m1"][1]["text"] == "one"
    assert held["file:f"][2] == CONTENT
    assert held["user:bea"][1]["login"] == "bea\0"
    lost = {line.change.code: line.count for line in Road(tmp_path / "run")._plan().changes}
    assert lost == {"memo.user.phones.lost": 1, "memo.file.size.lost": 1, "memo.page.skipped": 1, "memo.group.skipped": 1}


def test_a_workspace_is_a_source_too(package: Package, tmp_path: Path) -> None:
    """Under memo's own ids, with the owner and the objects of others; people who write meanwhile change nothing."""
    digests = []
    with Memo(tmp_path / "memo", page=2, name="Acme") as address:
        carry(package, address, tmp_path / "run")
    for number in range(2):
        with Memo(tmp_path / "memo", page=2, name="Acme", drift=True) as address:
            exported = Road(tmp_path / f"export-{number}").export(f"memo+{address}")
        assert {b.kind: (b.seen, b.records, b.unexplained) for b in exported.manifest.balance} == {
            "user": (3, 3, 0), "space": (1, 1, 0), "message": (3, 3, 0), "reaction": (1, 1, 0), "file": (2, 2, 0),
        }  # fmt: skip
        digests.append(exported.manifest.digest)
    assert digests[0] == digests[1]
    assert str(exported.manifest.source) == "memo:Acme"
    (reply,) = [r for r, _ in exported.records("message") if isinstance(r, Message) and r.reply_to]
    assert reply.created_by == "user:1"
    assert json.loads(reply.native or "")["id"] == "message:m2"
    (file,) = [r for r, _ in exported.records("file") if isinstance(r, File) and r.sha256]
    assert (file.sha256, file.root, file.target) == (
        CONTENT,
        file.target,
        next(r.target for r, _ in exported.records("reaction") if isinstance(r, Reaction)),
    )


def test_what_others_write_is_left_alone_and_what_they_change_is_seen(package: Package, tmp_path: Path) -> None:
    with Memo(tmp_path / "memo") as address:
        with httpx.Client(base_url=address) as other:
            other.headers["Authorization"] = f"Bearer {other.post('/token', json={'secret': ''}).json()['token']}"
            stranger = other.post("/accounts", json={"name": "Zoe"}).json()["id"]
            other.post("/notes", json={"text": "theirs", "author": stranger})
            before = dump(tmp_path / "memo")
            assert carry(package, address, tmp_path / "run").verdict == "verified"
            note = next(n for n in other.get("/notes").json()["items"] if n["fields"].get("id") == "message:m1")
            other.patch(f"/notes/{note['id']}", json={"author": stranger, "text": "changed"})
        road = Road(tmp_path / "run")
        assert road.verify().verdict == "different"
        assert {(f.id, f.field) for f in road.findings()} == {("m1", "created_by"), ("m1", "body")}
        road.undo()
    assert dump(tmp_path / "memo") == before


def test_what_memo_refuses_is_refused_and_what_belongs_to_it_is_blocked(tmp_path: Path) -> None:
    large = message("large", "x" * 2000)
    reaction = Reaction(id="r", root=ref("message", "large"), target=ref("message", "large"), key="+1")
    with Memo(tmp_path / "memo", largest=1500) as address:
        report = carry(pack(tmp_path / "package", [large, reaction, message("small", "y")]), address, tmp_path / "run")
    assert report.verdict == "incomplete"
    assert {b.kind: (b.written, b.refused, b.blocked) for b in report.import_balance} == {"message": (1, 1, 0), "reaction": (0, 0, 1)}


def test_what_comes_in_a_later_run_is_linked_then(tmp_path: Path) -> None:
    late = User(id="gone", root=ref("user", "gone"))
    with Memo(tmp_path / "memo") as address:
        for name, records in (("first", RECORDS), ("second", (*RECORDS, late))):
            assert carry(pack(tmp_path / f"package-{name}", records), address, tmp_path / name).verdict == "verified"
    held = {of["id"]: (of, links) for _, of, links, *_ in dump(tmp_path / "memo") if of}
    assert held["message:m2"][1]["author"] == "user:gone"
    assert "waiting" not in held["message:m2"][0]


# ------------------------------------------------------------------------------------------------ in foul weather


def test_undo_survives_lost_answers(package: Package, tmp_path: Path) -> None:
    with Memo(tmp_path / "memo") as address:
        before = dump(tmp_path / "memo")
        proxy = FaultyProxy(address, "lost-answer", every=3, matching=lambda method, _: method == "DELETE")
        with proxy as url:
            carry(package, url, tmp_path / "run")
            Road(tmp_path / "run").undo()
    assert len(proxy.happened) > 3
    assert dump(tmp_path / "memo") == before


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_at_every_request_is_survived(fault: Fault, small: Calm, tmp_path: Path) -> None:
    for at in itertools.count(1):
        with Memo(tmp_path / f"memo-{at}", page=4) as address:
            proxy = FaultyProxy(address, fault, at=at)
            with proxy as url:
                report = send(small.package, small.plan, url, tmp_path / f"run-{at}")
        met = f"{fault} at request {at}: {proxy.happened}"
        assert (report.verdict, report.reasons) == ("verified", ()), met
        assert not sum(balance.merged for balance in report.import_balance), met
        assert dump(tmp_path / f"memo-{at}") == small.held, met
        if not proxy.happened:
            break
    assert small.requests - 4 < at < 60  # tokens are asked for without one, and nothing can be cut from an empty answer


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_that_come_again_and_again_are_survived(fault: Fault, package: Package, undisturbed: list[Any], tmp_path: Path) -> None:
    with Memo(tmp_path / "memo", page=4) as address:
        proxy = FaultyProxy(address, fault, every=5)  # 4 would keep step with find, find, find, write
        with proxy as url:
            assert carry(package, url, tmp_path / "run").verdict == "verified"
    assert len(proxy.happened) > 5
    assert dump(tmp_path / "memo") == undisturbed


@pytest.mark.parametrize(
    "awkward",
    [{"token_lasts": 3}, {"busy_every": 3}, {"late_requests": 5}, {"late_seconds": 0.05}, {"drift": True}],
    ids=lambda switches: next(iter(switches)),
)
def test_an_awkward_service_is_written_and_read_back(
    awkward: dict[str, Any], package: Package, undisturbed: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stamina.set_testing(True, attempts=500)  # as long as it takes, without sleeping
    with Memo(tmp_path / "memo", page=2, secret="geheim", **awkward) as address:  # noqa: S106 - of this test
        monkeypatch.setenv("REVERSA_PASSWORD", "geheim")
        assert carry(package, address, tmp_path / "run").verdict == "verified"
    assert [row for row in dump(tmp_path / "memo") if "umbrella" not in repr(row)] == undisturbed


def test_an_answer_lost_while_nothing_new_is_shown_makes_nothing_twice(package: Package, undisturbed: list[Any], tmp_path: Path) -> None:
    with Memo(tmp_path / "memo", late_requests=4) as address:
        proxy = FaultyProxy(address, "lost-answer", every=2, matching=creates)
        with proxy as url:
            assert carry(package, url, tmp_path / "run").verdict == "verified"
    assert len(proxy.happened) >= 4
    assert dump(tmp_path / "memo") == undisturbed


def creates(method: str, path: str) -> bool:
    return method == "POST" and path.split("/")[1] in TYPES.values()


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "expired-token"])
def test_when_patience_ends_the_same_command_goes_on(fault: Fault, package: Package, undisturbed: list[Any], tmp_path: Path) -> None:
    created: list[str] = []

    def after_five(method: str, path: str) -> bool:
        if creates(method, path):
            created.append(path)
        return len(created) > 5

    with Memo(tmp_path / "memo", page=4) as address:
        proxy = FaultyProxy(address, fault, every=1, matching=after_five)
        with proxy as url:
            with pytest.raises(Unavailable) as stopped:
                carry(package, url, tmp_path / "run")
            assert "type the same command again" in stopped.value.hint
            assert stopped.value.exit_code == 6
            assert 8 <= len(proxy.happened) <= 9, "once, and as often as patience lasts"
            proxy.mend()
            report = carry(package, url, tmp_path / "run")
    assert report.verdict == "verified"
    assert (sum(b.written for b in report.import_balance), sum(b.merged for b in report.import_balance)) == (9, 0)
    assert dump(tmp_path / "memo") == undisturbed


def test_a_token_is_renewed_once_then_the_run_stops(package: Package, tmp_path: Path) -> None:
    with Memo(tmp_path / "memo") as address:
        proxy = FaultyProxy(address, "expired-token", every=1)
        with proxy as url, pytest.raises(TargetError, match="its own new token"):
            carry(package, url, tmp_path / "run")
    assert len(proxy.happened) == 2


# ------------------------------------------------------------------------------------------------ broken adapters are caught


class Mutant(memo.MemoImporter):
    """An importer with a fault of its own in how it sends."""

    def write(self, units: Sequence[Shaped], session: Session) -> Iterator[Outcome]:
        self._whole, self._web._once = self._web._once, self.once  # type: ignore[method-assign]
        try:
            yield from super().write(units, session)
        finally:
            self._web._once = self._whole  # type: ignore[method-assign]

    def once(self, method: str, path: str, **request: Any) -> httpx.Response:
        raise NotImplementedError


class Swallows(Mutant):
    """Takes 429 for a success."""

    def once(self, method: str, path: str, **request: Any) -> httpx.Response:
        response = self._whole(method, path, **request)
        return httpx.Response(201, json={"id": 1, "type": path.strip("/")}) if response.status_code == 429 else response


class Repeats(Mutant):
    """Sends again without asking what arrived."""

    def once(self, method: str, path: str, **request: Any) -> httpx.Response:
        for _ in range(3):
            with suppress(httpx.TransportError):
                response = self._whole(method, path, **request)
                if response.status_code < 500:
                    return response
        raise AssertionError


class Hurries(memo.MemoImporter):
    """Searches before memo shows what it was sent."""

    def _wait_until_shown(self) -> None:
        pass


@pytest.mark.parametrize(
    ("mutant", "fault", "late"),
    [(Swallows, "busy", 0), (Repeats, "lost-answer", 0), (Repeats, "time-out", 0), (Hurries, "lost-answer", 4)],
)
def test_a_broken_importer_does_not_pass(
    mutant: type[memo.MemoImporter], fault: Fault, late: int, package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same faults that memo's own importer survives."""
    verdicts = {}
    for importer in (memo.MemoImporter, mutant):
        monkeypatch.setattr(registry, "importer", lambda _, importer=importer: importer)
        with Memo(tmp_path / importer.__name__, late_requests=late) as address:
            proxy = FaultyProxy(address, fault, at=5, matching=creates)
            with proxy as url:
                verdicts[importer] = carry(package, url, tmp_path / f"run-{importer.__name__}").verdict
        assert proxy.happened
        ids = [fields["id"] for _, fields, *_ in dump(tmp_path / importer.__name__) if fields]
        assert len(ids) - len(set(ids)) == (importer in (Repeats, Hurries)), "what was written twice"
    assert verdicts == {memo.MemoImporter: "verified", mutant: "different"}


def test_an_exporter_that_pages_by_offset_does_not_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One note comes twice and one never, and the total is right."""

    def by_offset(service: web.Web, type_: str, **of: str) -> Iterator[dict[str, Any]]:
        for offset in itertools.count(0, 1):
            items = service.ask("GET", f"/{type_}", params={f"field.{n}": v for n, v in of.items()} | {"offset": str(offset)})["items"]
            if not items:
                return
            yield from items

    records = [message(f"m{n}", str(n)) for n in range(6)]
    with Memo(tmp_path / "memo", page=1) as address:
        carry(pack(tmp_path / "package", records), address, tmp_path / "run")
    monkeypatch.setattr(memo, "listed", by_offset)
    with Memo(tmp_path / "memo", page=1) as address:
        calm = Road(tmp_path / "calm").export(f"memo+{address}")
    assert all(balance.unexplained == 0 for balance in calm.manifest.balance)
    with Memo(tmp_path / "memo", page=1, drift=True) as address:
        drifted = Road(tmp_path / "drifted").export(f"memo+{address}")
    assert drifted.manifest.digest != calm.manifest.digest


# ------------------------------------------------------------------------------------------------ what a person meets


def test_a_wrong_secret_says_where_the_right_one_goes(package: Package, tmp_path: Path) -> None:
    with Memo(tmp_path / "memo", secret="geheim") as address, pytest.raises(TargetError, match="does not take the secret") as refused:  # noqa: S106
        carry(package, address, tmp_path / "run")
    assert "REVERSA_PASSWORD" in refused.value.hint


def test_nobody_there_is_said() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    with pytest.raises(Unavailable, match="could not be reached"):
        memo.MemoExporter.open(Locator("memo", f"http://127.0.0.1:{port}"), Options())


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    monkeypatch.delitem(sys.modules, "reversa.testing.memo")
    with pytest.raises(MissingExtra) as missing:
        registry.importer("memo")
    assert missing.value.hint == "pip install 'reversa[testing]'"


class TestMemoImporter(ImporterSuite):
    """The whole kit, on a service of its own for every target, a faulty network before it too."""

    system = "memo"

    def setup_method(self) -> None:
        self._running = ExitStack()

    def teardown_method(self) -> None:
        self._running.close()

    def target(self, folder: Path) -> str:
        return self._running.enter_context(Memo(folder))
