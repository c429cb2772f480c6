"""The people map: what is proposed, what a person has to decide, what is obeyed."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from click.testing import CliRunner

from reversa.adapter import Account
from reversa.cli import main
from reversa.errors import RunError
from reversa.files import read_rows
from reversa.migrating import Road
from reversa.people import Met, propose, read_people, write_people
from reversa.records import User, ref
from tests.dokuwiki_wiki import write_wiki


def person(id: str, **fields: object) -> User:
    return User(id=id, root=ref("user", id), **fields)  # type: ignore[arg-type]


def met(user: User, *accounts: Account) -> Met:
    (only,) = propose([user], accounts)
    return only


ACCOUNT = Account(id="12", username="Agnes", display_name="Agnès Martin", emails=("agnes@example.org",))


@pytest.mark.parametrize(
    ("user", "account", "confidence", "decision"),
    [
        (person("U1"), Account(id="12", username="x", source_id="U1"), 1, "same"),
        (person("U1", emails=["AGNES@example.org"]), Account(id="1", username="x", emails=ACCOUNT.emails, verified=True), 1, "same"),
        (person("U1", emails=["agnes@example.org"]), ACCOUNT, 0.9, ""),
        (person("U1", username="agnes"), ACCOUNT, 0.8, ""),
        (person("U1", display_name="agnès martin"), ACCOUNT, 0.6, ""),
        (person("U1", display_name="Agnès Martin-"), ACCOUNT, 0.48, ""),
        (person("U1", display_name="Bruno"), ACCOUNT, 0, "new"),
        (person("U1", display_name="Bruno", placeholder=True), ACCOUNT, 0, "nobody"),
        (person("U1"), ACCOUNT, 0, "new"),
    ],
)
def test_what_is_proposed(user: User, account: Account, confidence: float, decision: str) -> None:
    one = met(user, account)
    assert (one.confidence, one.decision) == (confidence, decision)
    assert (one.account is None) == (confidence == 0)


def test_the_likeliest_account_is_proposed() -> None:
    other = Account(id="13", username="agnes.m", emails=("agnes@example.org",), verified=True)
    assert met(person("U1", username="agnes", emails=["agnes@example.org"]), ACCOUNT, other).account == other


def test_what_nobody_decided_stops_the_plan(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    write_people(propose([person("U1", username="agnes"), person("U2", username="bruno")], [ACCOUNT]), path)
    with pytest.raises(RunError, match="line 2: nobody has decided who U1 is") as raised:
        read_people(path)
    assert "same" in raised.value.hint


def test_decisions_are_obeyed_as_spreadsheets_give_them_back(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    write_people(propose([person("=U1", username="agnes"), person("U2"), person("U3", placeholder=True)], [ACCOUNT]), path)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["user"] == "'=U1"
    rows[0]["decision"] = " Same "
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    assert read_people(path) == {"user:=U1": "12", "user:U3": ""}


@pytest.mark.parametrize("decision", ["same", "perhaps", ""])
def test_a_decision_that_cannot_be_obeyed(tmp_path: Path, decision: str) -> None:
    path = tmp_path / "people.csv"
    path.write_text(f"user,account,decision\nU1,,{decision}\n", encoding="utf-8")
    with pytest.raises(RunError, match="line 2"):
        read_people(path)


def test_a_people_map_that_is_no_table(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RunError, match="cannot be read"):
        read_people(path)


def test_a_run_obeys(tmp_path: Path) -> None:
    source, target = write_wiki(tmp_path / "source"), write_wiki(tmp_path / "target")
    accounts = (target / "conf" / "users.auth.php").read_bytes()
    run, to = tmp_path / "run", f"dokuwiki:{target}"
    road = Road(run)
    road.export(str(source), private=True)
    path = road.people(to)
    with pytest.raises(RunError, match="may hold decisions"):
        road.people(to)
    with pytest.raises(RunError, match="nobody has decided who ann is"):
        road.plan(to)
    decided = {"ann": "same", "ben": "nobody"}
    rows = [row | {"decision": decided.get(row["user"], row["decision"])} for row in read_rows(path)]
    assert {row["user"]: (row["account"], row["confidence"], row["why"]) for row in rows if row["account"]} == {
        "ann": ("ann", "0.9", "same e-mail address"),
        "ben": ("ben", "0.9", "same e-mail address"),
    }
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    road.plan(to)
    road.accept(None, lambda _: "a test")
    road.import_()
    report = road.verify()
    assert (report.verdict, report.headline.wrong) == ("verified", 0)
    assert (target / "conf" / "users.auth.php").read_bytes() == accounts
    written = {log.parent.name + "/" + log.name: log.read_text(encoding="utf-8") for log in (target / "data" / "meta").rglob("*plan*.changes")}
    mine = next(text for name, text in written.items() if name != "team/plan.changes")
    assert {row.split("\t")[4] for row in mine.splitlines()} == {"ben_2"}, "a name that is nobody's account"
    path.write_text(path.read_text(encoding="utf-8").replace("nobody", "new"), encoding="utf-8")
    with pytest.raises(RunError, match="has changed, and people are in"):
        road.plan(to)


def test_the_command_says_what_to_type_next(tmp_path: Path) -> None:
    source, target, run = write_wiki(tmp_path / "source"), write_wiki(tmp_path / "target"), tmp_path / "run"
    Road(run).export(str(source))
    said = CliRunner().invoke(main, ["people", str(run), f"dokuwiki:{target}"])
    assert said.exit_code == 0
    assert said.output == f"Decide on each line of {run / 'people.csv'}, then: reversa plan {run} dokuwiki:{target}\n"
    refused = CliRunner().invoke(main, ["people", str(run), f"html:{tmp_path / 'archive'}"])
    assert refused.exit_code != 0


def test_a_target_without_accounts_has_no_people_map(tmp_path: Path) -> None:
    road = Road(tmp_path / "run")
    road.export(str(write_wiki(tmp_path / "source")))
    with pytest.raises(RunError, match="html has no accounts to meet people in"):
        road.people(f"html:{tmp_path / 'archive'}")
