"""A vendor's database changes while its customers move: newer dumps, by digest and by watermark, up to the cut-over."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from reversa import migrate
from reversa.demo.ruche import write_ruche
from reversa.package import Package
from reversa.reporting import Report

CUSTOMER = "cordee-solidaire"
DAY = date(2031, 5, 2)
"""After everything in the generated dump."""


class Vendor:
    """Ruche's dump, which may be written anew, and the run that carries one customer home."""

    def __init__(self, folder: Path) -> None:
        write_ruche(folder)
        self.dump, self.mapping, self.target = folder / "ruche.sql", folder / "mapping.yaml", folder / "home.db"
        self.run = folder / "run"
        self.mapping.write_text((resources.files("reversa.demo.ruche") / "mapping.yaml").read_text())

    def migrate(self, since: date | None = None) -> Report:
        return migrate(str(self.mapping), f"sqlite:///{self.target}", self.run, tenant=CUSTOMER, since=since)

    def delta(self) -> dict[str, dict[str, int]]:
        """What the last plan brought."""
        delta = json.loads((self.run / "plan.json").read_bytes())["delta"]
        return {name: delta[name] for name in ("new", "changed", "deleted")}

    def rows(self, table: str) -> list[dict[str, str]]:
        names, block = self._block(table)
        return [dict(zip(names, line.split("\t"), strict=True)) for line in block.splitlines()]

    def write(self, table: str, change: Callable[[list[dict[str, str]]], None]) -> None:
        rows = self.rows(table)
        change(rows)
        lines = "".join("\t".join(row.values()) + "\n" for row in rows)
        _, block = self._block(table)
        self.dump.write_text(self.dump.read_text().replace(block + "\\.\n", lines + "\\.\n"))

    def _block(self, table: str) -> tuple[list[str], str]:
        found = re.search(rf"^COPY public\.{table} \((.*)\) FROM stdin;\n((?:.*\n)*?)\\\.\n", self.dump.read_text(), re.MULTILINE)
        assert found
        return found[1].replace('"', "").split(", "), found[2]

    def at_home(self, kind: str, id: str) -> list[dict[str, Any]]:
        """What the target holds under an id of the vendor's."""
        with closing(sqlite3.connect(self.target)) as database:
            database.row_factory = sqlite3.Row
            query = f"SELECT k.* FROM reversa_{kind} k JOIN reversa_entity e ON e.key = k.entity WHERE e.id = ?"
            return [dict(row) for row in database.execute(query, (id,))]


@pytest.fixture
def vendor(tmp_path: Path) -> Vendor:
    vendor = Vendor(tmp_path)
    assert vendor.migrate().verdict == "verified"
    return vendor


def of_a_page(vendor: Vendor) -> tuple[str, list[str]]:
    """The id of a live page of the customer, and of the comments on it that nobody answered."""
    spaces = {row["id"] for row in vendor.rows("spaces") if row["organisation_id"] == "1"}
    comments = vendor.rows("comments")
    answered = {row["parent_id"] for row in comments}
    reacted = {row["reactable_id"] for row in vendor.rows("reactions") if row["reactable_type"] == "Comment"}
    for page in vendor.rows("pages"):
        on_it = [row["id"] for row in comments if (row["commentable_type"], row["commentable_id"]) == ("Page", page["id"])]
        alone = [id for id in on_it if id not in answered | reacted]
        if page["space_id"] in spaces and page["deleted_at"] == "\\N" and alone:
            return page["id"], alone
    raise AssertionError("no page with such a comment")


def life_goes_on(vendor: Vendor) -> str:
    """While the customer moves, a page gets another title, somebody writes a comment; returns the page."""
    page, _ = of_a_page(vendor)

    def retitle(rows: list[dict[str, str]]) -> None:
        for row in rows:
            if row["id"] == page:
                row |= {"title": "Written after the dump", "updated_at": f"{DAY} 10:00:00"}

    def speak(rows: list[dict[str, str]]) -> None:
        rows.append(rows[0] | {"id": "99999", "commentable_type": "Page", "commentable_id": page, "created_at": f"{DAY} 11:00:00"})

    vendor.write("pages", retitle)
    vendor.write("comments", speak)
    return page


def unsay(vendor: Vendor) -> str:
    """Somebody removes a comment; returns its id."""
    _, alone = of_a_page(vendor)
    vendor.write("comments", lambda rows: rows.remove(next(row for row in rows if row["id"] == alone[0])))
    return alone[0]


def test_a_newer_dump_carries_what_is_new_changed_and_deleted(vendor: Vendor) -> None:
    gone = unsay(vendor)
    page = life_goes_on(vendor)
    assert len(vendor.at_home("comment", gone)) == 1
    report = vendor.migrate()
    assert report.verdict == "verified"
    assert vendor.delta() == {"new": {"comment": 1}, "changed": {"page": 1}, "deleted": {"comment": 1}}
    assert [row["title"] for row in vendor.at_home("page", page)] == ["Written after the dump"]
    assert len(vendor.at_home("comment", gone)) == 0
    assert len(vendor.at_home("comment", "99999")) == 1


def test_the_days_before_the_cut_over_go_by_watermark_and_the_last_delta_closes_the_books(vendor: Vendor) -> None:
    page, gone = life_goes_on(vendor), unsay(vendor)
    part = vendor.migrate(since=DAY)
    assert (part.verdict, part.reasons) == ("incomplete", ("part",))
    assert all(line.unexplained == 0 for line in part.export_balance)
    assert vendor.delta() == {"new": {"comment": 1}, "changed": {"page": 1}, "deleted": {}}
    units = {unit.root for unit, _ in Package(vendor.run / "package").units() if not unit.root.startswith("user:")}
    assert units == {f"page:{page}"}, "the unit that changed, whole, and nothing else"
    last = vendor.migrate()
    assert last.verdict == "verified"
    assert vendor.delta() == {"new": {}, "changed": {}, "deleted": {"comment": 1}}
    assert len(vendor.at_home("comment", gone)) == 0


def test_a_part_holds_what_changed_also_where_its_id_is_there_twice(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "vendor.db")) as database:
        database.executescript("""
            CREATE TABLE notes (id TEXT, title TEXT, at TEXT);
            INSERT INTO notes VALUES ('1', 'old', '2020-01-01'), ('1', 'new', '2031-05-03'), ('2', 'old', '2020-01-01');
        """)
    (tmp_path / "mapping.yaml").write_text(
        "source: {system: vendor, tenant: t, database: vendor.db, zone: UTC}\nrecords:\n"
        "  - kind: page\n    from: notes\n    id: id\n    fields: {title: title, created_at: at}\n"
    )
    migrate(str(tmp_path / "mapping.yaml"), f"sqlite:///{tmp_path / 'home.db'}", tmp_path / "run", since=DAY)
    assert "new" in {getattr(record, "title", "") for record, _ in Package(tmp_path / "run" / "package").records("page")}


def test_a_part_balances_also_where_a_record_is_broken_and_rows_have_no_entry(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "vendor.db")) as database:
        database.executescript("""
            CREATE TABLE notes (id INTEGER PRIMARY KEY, page TEXT, at TEXT); CREATE TABLE other (id INTEGER PRIMARY KEY, word TEXT);
            INSERT INTO notes VALUES (1, 'a', '2020-01-01'), (2, 'b', '2031-05-03'), (3, NULL, '2031-05-03'), (4, NULL, '2020-01-01');
            INSERT INTO other VALUES (1, 'a'), (2, 'b');
        """)
    (tmp_path / "mapping.yaml").write_text(
        "source: {system: vendor, tenant: t, database: vendor.db, zone: UTC}\nrecords:\n"
        "  - kind: comment\n    from: notes\n    id: id\n    fields: {target: {page: page}, created_at: at}\n"
    )
    report = migrate(str(tmp_path / "mapping.yaml"), f"sqlite:///{tmp_path / 'home.db'}", tmp_path / "run", since=DAY)
    assert report.reasons == ("source-unreadable", "part")
    assert all(line.unexplained == 0 for line in report.export_balance)
    package = Package(tmp_path / "run" / "package")
    assert [record.id for record, _ in package.records("comment")] == ["2"]
    assert package.kinds() == ["comment"]
