"""The generated vendor is what its truth says: read back from the dump by keys alone, and by a real PostgreSQL."""

from __future__ import annotations

import json
import os
import re
import subprocess
import zlib
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from reversa.demo.ruche import Truth, write_ruche
from tests.servers import Server

Row = dict[str, str | None]
Tables = dict[str, list[Row]]

PARENTS: dict[str, tuple[str, str]] = {
    "space_hierarchies": ("descendant_id", "spaces"),
    "team_members": ("team_id", "teams"),
    "pages": ("space_id", "spaces"),
    "page_revisions": ("page_id", "pages"),
    "threads": ("space_id", "spaces"),
    "posts": ("thread_id", "threads"),
    "polls": ("thread_id", "threads"),
    "poll_options": ("poll_id", "polls"),
    "poll_votes": ("poll_option_id", "poll_options"),
    "taggings": ("tag_id", "tags"),
}
POLYMORPHIC = {"comments": "commentable", "reactions": "reactable", "attachments": "attachable", "permissions": "resource"}
TYPES = {"Page": "pages", "Post": "posts", "Comment": "comments", "Attachment": "attachments", "Space": "spaces"}
GLOBAL = {"accounts", "sessions", "countries", "plans", "schema_migrations"}
CUSTOMERS = {"1": "cordee-solidaire", "2": "atelier-bleu-pastel", "3": "trois-rives"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ruche")


@pytest.fixture(scope="module")
def truth(folder: Path) -> Truth:
    return write_ruche(folder)


@pytest.fixture(scope="module")
def tables(folder: Path, truth: Truth) -> Tables:
    assert truth.seed == 2026
    return read_dump((folder / "ruche.sql").read_bytes().decode())


@pytest.fixture(scope="module")
def owners(tables: Tables) -> dict[str, list[str | None]]:
    """The customer of each row, found by following keys."""
    return {table: [owner(tables, table, row) for row in rows] for table, rows in tables.items() if table not in GLOBAL}


def read_dump(text: str) -> Tables:
    """The rows of each COPY block."""
    found: Tables = {}
    for table, names, block in re.findall(r"^COPY public\.(\w+) \((.*)\) FROM stdin;\n((?:.*\n)*?)\\\.\n", text, re.MULTILINE):
        columns = names.replace('"', "").split(", ")
        found[table] = [dict(zip(columns, map(unescaped, line.split("\t")), strict=True)) for line in block.split("\n")[:-1]]
    return found


def unescaped(field: str) -> str | None:
    signs = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
    return None if field == "\\N" else re.sub(r"\\(.)", lambda sign: signs.get(sign[1], sign[1]), field)


def by_id(tables: Tables, table: str, id: str | None) -> Row:
    """The row with that id, or an empty one: ids are places."""
    number = int(id or 0)
    return tables[table][number - 1] if 0 < number <= len(tables[table]) else {}


def owner(tables: Tables, table: str, row: Row) -> str | None:
    if table == "organisations":
        return row["id"]
    if "organisation_id" in row:
        return row["organisation_id"] if row["organisation_id"] in CUSTOMERS else None
    if table in POLYMORPHIC:
        prefix = POLYMORPHIC[table]
        parent, id = TYPES[str(row[f"{prefix}_type"])], row[f"{prefix}_id"]
    else:
        key, parent = PARENTS[table]
        id = row[key]
    above = by_id(tables, parent, id)
    return owner(tables, parent, above) if above else None


def planted(tables: Tables, truth: Truth, trap: str) -> list[Row]:
    """The rows of a trap."""
    return [by_id(tables, *place.split(":")) for place in truth.traps[trap]]


# ------------------------------------------------------------------------------------------------------------ tests


def test_the_same_seed_gives_the_same_bytes(folder: Path, truth: Truth, tmp_path: Path) -> None:
    again = write_ruche(tmp_path / "again")
    assert again == truth
    assert contents(tmp_path / "again") == contents(folder)
    write_ruche(tmp_path / "other", seed=7)
    assert contents(tmp_path / "other") != contents(folder)


def contents(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_seed_has_the_traps(truth: Truth, tmp_path: Path, seed: int) -> None:
    other = write_ruche(tmp_path, seed)
    tables = read_dump((tmp_path / "ruche.sql").read_bytes().decode())
    assert other.traps.keys() == truth.traps.keys()
    assert all(planted(tables, other, trap) for trap in other.traps)
    test_references_lead_nowhere_and_round_in_a_circle(tables, other)
    test_one_foreign_key_crosses_customers(tables, other)


def test_truth_is_written_as_json(truth: Truth, tmp_path: Path) -> None:
    truth.write(tmp_path / "truth.json")
    read = json.loads((tmp_path / "truth.json").read_text(encoding="utf-8"))
    assert "fictifs" in read["notice"]
    assert [customer["slug"] for customer in read["customers"]] == list(CUSTOMERS.values())


def test_the_keys_of_the_dump_give_the_counts_of_the_truth(tables: Tables, owners: dict[str, list[str | None]], truth: Truth) -> None:
    assert {table: len(rows) for table, rows in tables.items()} == truth.rows
    assert 6_000 <= sum(truth.rows.values()) <= 10_000
    counted = {table: Counter(found) for table, found in owners.items()}
    assert {table: count[None] for table, count in counted.items() if count[None]} == truth.unclaimed
    for customer in truth.customers:
        rows = {table: count[str(customer.id)] for table, count in counted.items() if count[str(customer.id)]}
        assert rows == customer.rows
        people = {row["account_id"] for row in tables["organisation_memberships"] if row["organisation_id"] == str(customer.id)}
        assert customer.counts == {
            "user": len(people), "group": rows["teams"], "membership": rows["team_members"], "space": rows["spaces"], "page": rows["pages"],
            "revision": rows["page_revisions"], "message": rows["posts"], "comment": rows["comments"],
            "reaction": rows["reactions"] + rows["poll_votes"], "file": rows["attachments"], "tag": rows["taggings"],
            "grant": rows["permissions"], "alias": rows["redirects"], "poll": rows["polls"],
        }  # fmt: skip
    assert 2_000 <= sum(truth.customer("cordee-solidaire").rows.values()) <= 3_000


def test_ids_of_the_customers_mix(owners: dict[str, list[str | None]]) -> None:
    for table in ("pages", "posts", "comments", "spaces"):
        assert set(owners[table][:60]) >= set(CUSTOMERS), table


def test_canaries_lie_in_rows_of_their_own_customer_only(tables: Tables, owners: dict[str, list[str | None]], truth: Truth, folder: Path) -> None:
    seen: dict[str, set[str | None]] = defaultdict(set)
    for table, found in owners.items():
        for row, of in zip(tables[table], found, strict=True):
            for value in row.values():
                for canary in re.findall(r"canari-[a-z-]+-\d\d", value or ""):
                    seen[canary].add(of)
    for file in folder.glob("files/*/*/*"):
        for canary in re.findall(rb"canari-[a-z-]+-\d\d", file.read_bytes()):
            seen[canary.decode()].add(file.relative_to(folder).parts[1])
    for customer in truth.customers:
        assert len(customer.canaries) >= 15
        assert len({place.split(":")[0] for place in customer.canaries.values()}) >= 14
    assert seen == {canary: {str(customer.id)} for customer in truth.customers for canary in customer.canaries}
    assert not any("canari-" in (value or "") for table in GLOBAL for row in tables[table] for value in row.values())


def test_one_foreign_key_crosses_customers(tables: Tables, truth: Truth) -> None:
    crossing = [
        page
        for page in tables["pages"]
        if page["parent_id"] and owner(tables, "pages", by_id(tables, "pages", page["parent_id"])) != owner(tables, "pages", page)
    ]
    assert crossing == planted(tables, truth, "parent_of_another_customer")
    (page,) = crossing
    parent = by_id(tables, "pages", page["parent_id"])
    assert (owner(tables, "pages", page), owner(tables, "pages", parent)) == ("2", "1")
    assert "canari-cordee-solidaire-" in str(parent["title"])
    for table, key, target in (("posts", "reply_to_id", "posts"), ("comments", "parent_id", "comments"), ("redirects", "page_id", "pages")):
        for row in tables[table]:
            assert not row[key] or owner(tables, target, by_id(tables, target, row[key])) == owner(tables, table, row)


def test_one_person_is_a_member_of_two_customers(tables: Tables, truth: Truth) -> None:
    of = defaultdict(set)
    for row in tables["organisation_memberships"]:
        of[row["account_id"]].add(row["organisation_id"])
    (shared,) = planted(tables, truth, "shared_person")
    assert {account: found for account, found in of.items() if len(found) > 1} == {shared["id"]: {"1", "2"}}
    assert [row["email"] for row in tables["accounts"] if row["id"] not in of] == ["support@ruche.example"]
    assert [row["email"] for row in planted(tables, truth, "account_of_the_vendor")] == ["support@ruche.example"]


def test_references_lead_nowhere_and_round_in_a_circle(tables: Tables, truth: Truth) -> None:
    one, other = planted(tables, truth, "circle_of_parents")
    assert (one["parent_id"], other["parent_id"]) == (other["id"], one["id"])
    assert all(not by_id(tables, "accounts", row["author_id"]) for row in planted(tables, truth, "author_is_gone"))
    (unknown,) = planted(tables, truth, "author_unknown")
    assert unknown["author_id"] is None
    (deleted,) = planted(tables, truth, "deleted_parent_of_live_page")
    assert deleted["deleted_at"]
    assert any(page["parent_id"] == deleted["id"] and not page["deleted_at"] for page in tables["pages"])
    live, gone = planted(tables, truth, "slug_used_again")
    assert (live["space_id"], live["slug"], live["deleted_at"]) == (gone["space_id"], gone["slug"], None)
    assert gone["deleted_at"]
    (bare,) = planted(tables, truth, "page_without_revision")
    assert not any(row["page_id"] == bare["id"] for row in tables["page_revisions"])


def test_rows_that_nobody_claims(tables: Tables, truth: Truth) -> None:
    space, page, revision, event = planted(tables, truth, "organisation_null")
    assert space["organisation_id"] is event["organisation_id"] is None
    assert (page["space_id"], revision["page_id"]) == (space["id"], page["id"])
    tag, tagging, *events = planted(tables, truth, "organisation_deleted")
    assert {row["organisation_id"] for row in (tag, *events)} == {"9"}
    assert tagging["tag_id"] == tag["id"]
    lost, reaction = planted(tables, truth, "target_is_gone")
    assert not by_id(tables, "pages", lost["attachable_id"])
    assert not by_id(tables, "comments", reaction["reactable_id"])


def test_texts_that_break_careless_readers(tables: Tables, truth: Truth) -> None:
    def title(trap: str) -> str:
        (page,) = planted(tables, truth, trap)
        return str(page["title"])

    assert "👨‍👩‍👧‍👦" in title("emoji_title")
    assert re.match("[\u0600-\u06ff]", title("right_to_left_title"))
    assert title("script_title").startswith("<script>")
    assert "é" in title("mojibake_title").encode("cp1252").decode()
    assert [row["body"] for row in planted(tables, truth, "empty_text")] == [""]
    (escapes,) = planted(tables, truth, "copy_escapes")
    assert escapes["body"] == "<p>\\N n'est pas vide</p>\n\\.\n<pre>a\tb\\tc\r\nC:\\notes\\été\v\f\b</pre>"
    assert re.search("[\u0590-\u05ff]", str(planted(tables, truth, "right_to_left_text")[0]["body"]))
    assert "e\u0301" in str(planted(tables, truth, "unicode_forms")[0]["body"])


def test_times_without_a_datetime_and_local_times(tables: Tables, truth: Truth) -> None:
    (never,) = planted(tables, truth, "minus_infinity")
    assert never["last_sign_in_at"] == "-infinity"
    (poll,) = planted(tables, truth, "year_10000")
    assert poll["closes_at"] == "10000-01-01 00:00:00+01"
    assert {comment["created_at"] for comment in planted(tables, truth, "hour_that_happened_twice")} == {"2024-10-27 02:30:00.125"}
    assert {str(page["created_at"])[-3:] for page in tables["pages"]} == {"+01", "+02"}
    assert sum(len(str(post["created_at"]).partition(".")[2]) == len("123456+01") for post in tables["posts"]) > 1000
    for customer in truth.customers:
        (fact,) = facts(customer.facts, "comment in local time")
        local = datetime.fromisoformat(str(by_id(tables, "comments", str(fact["id"]))["created_at"])).replace(tzinfo=ZoneInfo("Europe/Paris"))
        assert local.astimezone(UTC) == datetime.fromisoformat(fact["created_at"])


def facts(found: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [fact for fact in found if fact["fact"] == name]


def test_leftovers_of_the_php_era(tables: Tables) -> None:
    assert {row["subject_type"] for row in tables["audit_events"]} >= {"Page", "App\\Entity\\Page"}
    for prefs in filter(None, (row["legacy_prefs"] for row in tables["accounts"])):
        texts = re.findall(rb's:(\d+):"(.*?)";', prefs.encode())
        assert len(texts) == 6
        assert all(len(text) == int(length) for length, text in texts)


def test_secrets_bear_one_mark(tables: Tables, truth: Truth, folder: Path) -> None:
    secret = [row[column] for row in tables["accounts"] for column in ("password_digest", "api_token")] + [row["token"] for row in tables["sessions"]]
    inside = [json.loads(str(row["settings"]))["webhook"]["secret"] for row in tables["organisations"]]
    assert all(truth.secret_mark in str(value) for value in [*secret, *inside])
    assert (folder / "ruche.sql").read_text(encoding="utf-8").count(truth.secret_mark) == len(secret) + len(inside)
    assert truth.traps["secret_in_json"] == [f"organisations:{id}" for id in CUSTOMERS]


def test_files_lie_under_their_keys(tables: Tables, owners: dict[str, list[str | None]], truth: Truth, folder: Path) -> None:
    held = contents(folder / "files")
    (missing,) = planted(tables, truth, "file_missing")
    for row, of in zip(tables["attachments"], owners["attachments"], strict=True):
        content = held.pop(f"{of or 9}/{str(row['storage_key'])[:2]}/{row['storage_key']}", None)
        assert (content is None) == (row == missing)
        if content is not None:
            assert len(content) == int(str(row["byte_size"]))
            assert content.startswith({"application/pdf": b"%PDF-", "image/png": b"\x89PNG"}.get(str(row["content_type"]), b""))
    assert held == {}
    shared = [*planted(tables, truth, "content_shared"), *planted(tables, truth, "content_shared_with_another_customer")]
    found = [next((folder / "files").rglob(str(row["storage_key"]))) for row in shared]
    assert len({file.read_bytes() for file in found}) == 1
    assert [file.parent.parent.name for file in found] == ["1", "1", "3"]


def test_pictures_and_documents_are_well_formed(folder: Path, truth: Truth) -> None:
    assert truth.rows["attachments"]
    for file in folder.glob("files/*/*/*"):
        content = file.read_bytes()
        if content.startswith(b"\x89PNG"):
            length = int.from_bytes(content[33:37], "big")
            assert len(zlib.decompress(content[41 : 41 + length])) == 12 * (1 + 12 * 3)
        if content.startswith(b"%PDF"):
            table = int(content.rsplit(b"startxref\n", 1)[1].split(b"\n")[0])
            assert content[table:].startswith(b"xref\n")
            assert all(content[int(place) :].startswith(b"%d 0 obj" % n) for n, place in enumerate(re.findall(rb"(\d{10}) 00000 n", content), 1))


def test_links_and_mentions_stay_with_their_customer(tables: Tables, owners: dict[str, list[str | None]]) -> None:
    slugs = {(CUSTOMERS.get(of or ""), page["slug"]) for page, of in zip(tables["pages"], owners["pages"], strict=True)}
    people = {(row["organisation_id"], row["account_id"]) for row in tables["organisation_memberships"]}
    keys = {(of, row["storage_key"]) for row, of in zip(tables["attachments"], owners["attachments"], strict=True)}
    counts: Counter[str] = Counter()
    for table in ("page_revisions", "posts"):
        for row, of in zip(tables[table], owners[table], strict=True):
            text = str(row["body"])
            links, mentions = re.findall(r"ruche\.example/o/([\w-]+)/p/([\w-]+)", text), re.findall(r'data-mention="account:(\d+)"', text)
            files = re.findall(r'(?:data-attachment="|\(attachment:)(\w+)', text)
            assert {(customer, slug) for customer, slug in links} <= slugs
            assert {customer for customer, _ in links} <= {CUSTOMERS.get(of or "")}
            assert {(of, account) for account in mentions} <= people
            assert {(of, key) for key in files} <= keys
            counts.update(links=len(links), mentions=len(mentions), files=len(files))
    assert min(counts.values()) > 100


def test_facts_are_in_the_dump(tables: Tables, truth: Truth) -> None:
    for customer in truth.customers:
        assert len(facts(customer.facts, "page")) == 8
        for fact in facts(customer.facts, "page"):
            page = by_id(tables, "pages", str(fact["id"]))
            assert (page["title"], page["slug"], bool(page["deleted_at"])) == (fact["title"], fact["slug"], fact["deleted"])
            assert datetime.fromisoformat(str(page["created_at"]) + ":00") == datetime.fromisoformat(fact["created_at"])
            assert by_id(tables, "accounts", page["author_id"]).get("email") == fact["author"]
        (poll,) = facts(customer.facts, "poll")
        labels = {row["id"]: str(row["label"]) for row in tables["poll_options"] if row["poll_id"] == str(poll["id"])}
        votes = Counter(labels[row["poll_option_id"]] for row in tables["poll_votes"] if row["poll_option_id"] in labels)
        assert poll["votes"] == {label: votes[label] for label in labels.values()}


def test_who_may_see_the_private_space_follows_from_the_permissions(tables: Tables, truth: Truth) -> None:
    for customer in truth.customers:
        (space,) = [row for row in tables["spaces"] if row["organisation_id"] == str(customer.id) and row["visibility"] == "0"]
        allowed: set[str | None] = set()
        denied: set[str | None] = set()
        for row in tables["permissions"]:
            if (row["resource_type"], row["resource_id"]) == ("Space", space["id"]):
                team = {member["account_id"] for member in tables["team_members"] if member["team_id"] == row["subject_id"]}
                (allowed if row["allowed"] == "t" else denied).update(team if row["subject_type"] == "Team" else {row["subject_id"]})
        left = {row["account_id"] for row in tables["organisation_memberships"] if row["left_at"] and row["organisation_id"] == str(customer.id)}
        (fact,) = facts(customer.facts, "private space")
        assert (fact["id"], set(fact["may_see"])) == (int(str(space["id"])), allowed - denied - left)
        assert denied & allowed
        inside = {page["id"] for page in tables["pages"] if page["space_id"] == space["id"]}
        authors = {row["author_id"] for row in tables["page_revisions"] if row["page_id"] in inside}
        assert {author for author in authors if by_id(tables, "accounts", author)} <= set(fact["may_see"])


def test_addresses_belong_to_nobody(tables: Tables, folder: Path) -> None:
    assert all(re.search(r"@([\w-]+\.example|example\.org)$", str(row["email"])) for row in tables["accounts"])
    hosts = set(re.findall(r"https?://([\w.-]+)", (folder / "ruche.sql").read_text(encoding="utf-8")))
    assert all(host.endswith(".example") for host in hosts)
    assert all(str(row["ip_address"]).startswith(("192.0.2.", "2001:db8::")) for row in tables["sessions"])


@pytest.mark.servers
def test_postgresql_loads_the_dump_and_dumps_it_again_to_the_byte(postgresql: Server, folder: Path, truth: Truth) -> None:
    with postgresql() as database:
        loaded = subprocess.run(
            ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database.url, "-f", folder / "ruche.sql"], capture_output=True, text=True, check=False
        )
        assert (loaded.returncode, loaded.stderr) == (0, "")
        assert database.run("SELECT count(*) FROM posts") == [(truth.rows["posts"],)]
        command = ["pg_dump", "--no-owner", "--no-privileges", "-d", database.url]
        dumped = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "PGTZ": "Europe/Paris"}).stdout
    for again, ours in zip(comparable(dumped), comparable((folder / "ruche.sql").read_bytes().decode()), strict=True):
        assert again == ours


def comparable(dump: str) -> tuple[str, list[list[str]]]:
    """The dump, without what differs between releases of pg_dump, and the lines of each block.

    The lines are sorted: PostgreSQL puts a short row where there is room.
    """
    dump = re.sub(r"^\\(un)?restrict .*\n\n", "", re.sub("^-- Dumped .*\n", "", dump, flags=re.MULTILINE), flags=re.MULTILINE)
    block = re.compile(r"(?<= FROM stdin;\n)(.*?)(?=^\\\.$)", re.MULTILINE | re.DOTALL)
    return block.sub("", dump), [sorted(lines.splitlines()) for lines in block.findall(dump)]
