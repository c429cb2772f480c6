"""How a case is told, and the records that cases are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from reversa.records import (
    Body,
    Message,
    Page,
    Record,
    Tag,
    ref,
)

AT = datetime(2024, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC)
US = timedelta(microseconds=1)
ANN, BEN = ref("user", "ann"), ref("user", "ben")
Case = Callable[[], Iterator[Record]]
CASES: dict[str, Case] = {}
"""Where the case was told (a repository's thread, a page of the shelf, a standard) → its records."""


def case(told: str) -> Callable[[Case], Case]:
    """Add a case; its docstring says what went wrong there."""

    def add(made: Case) -> Case:
        assert told not in CASES, told
        CASES[told] = made
        return made

    return add


def plain(text: str) -> Body:
    return Body(format="plain", text=text)


def message(id: str, text: str, **values: object) -> Message:
    return Message(**{"id": id, "root": ref("message", id), "created_at": AT, "created_by": ANN, "body": plain(text)} | values)  # type: ignore[arg-type]


def page(id: str, title: str | None = None, **values: object) -> Page:
    return Page(**{"id": id, "root": ref("page", id), "title": title} | values)  # type: ignore[arg-type]


def tag(id: str, label: str) -> Tag:
    return Tag(id=id, root=ref("page", "p"), target=ref("page", "p"), label=label)
