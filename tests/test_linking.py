"""Dead links: those that were dead before, and those that the migration broke."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from reversa.adapter import Exporter, Link
from reversa.directory import Directory
from reversa.ledger import Entry, Ledger
from reversa.linking import DEAD_LINKS, Followed, follow
from reversa.records import Page, Ref, ref


class Wiki:
    """A target that follows its links."""

    def __init__(self, *links: Link) -> None:
        self._links = links

    def links(self) -> Iterator[Link]:
        yield from self._links


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with contextlib.closing(Ledger(tmp_path / "ledger.sqlite")) as made:
        made.settle([Entry(ref("page", "1"), "written", "0", "0", ("1",), root=ref("page", "1"))], [])
        made.settle([Entry(ref("page", "2"), "skipped", "0", root=ref("page", "2"))], [])
        yield made


DIRECTORY = Directory(
    [Page(id=id, root=ref("page", id), name=name) for id, name in (("1", "Home"), ("2", "Left out"))]
    + [Page(id="3", root=ref("page", "3"), name="File:Plan", title="Plan")]
)


def test_what_a_link_that_leads_nowhere_means(ledger: Ledger, tmp_path: Path) -> None:
    home = Ref("page:1")
    wiki: Any = Wiki(
        Link(home, "page", "Home", alive=True),
        Link(home, "page", "home", alive=False),
        Link(home, "page", "Left out", alive=False),
        Link(home, "page", "=never there", alive=False),
        Link(home, "page", "Plan", alive=False),
    )
    path = tmp_path / DEAD_LINKS
    assert follow(cast("Exporter", wiki), DIRECTORY, ledger, path) == Followed(links=5, dead=3, broken=1)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[1:] == [["page:1", "home", "page:1"], ["page:1", "Left out", "page:2"], ["page:1", "'=never there", ""], ["page:1", "Plan", ""]]


def test_a_target_that_follows_no_links(ledger: Ledger, tmp_path: Path) -> None:
    assert follow(cast("Exporter", object()), DIRECTORY, ledger, tmp_path / DEAD_LINKS) is None
    assert not (tmp_path / DEAD_LINKS).exists()
