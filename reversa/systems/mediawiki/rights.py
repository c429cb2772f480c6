"""Accounts, groups and protection as records: what a dump lacks, from a wiki that can be asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from reversa.records import Grant, Group, Membership, User, ref
from reversa.systems.mediawiki.values import instant


class Person(msgspec.Struct, frozen=True):
    """An account, and the groups it is in until when."""

    id: str
    name: str
    real: str = ""
    email: str = ""
    created: str | None = None
    groups: list[tuple[str, str | None]] = []


def groups(names: Iterable[str]) -> Iterator[Group]:
    for name in sorted(set(names)):
        yield Group(id=name, root=ref("group", name), name=name)


def account(person: Person) -> Iterator[User | Membership]:
    """An account and its memberships."""
    who = ref("user", person.name)
    emails = [person.email] if person.email else None
    yield User(id=person.name, root=who, created_at=instant(person.created), username=person.name, full_name=person.real or None, emails=emails)
    for group, until in person.groups:
        yield Membership(id=f"{person.id}/{group}", root=who, group=ref("group", group), member=who, left_at=instant(until))


def protection(page: str, action: str, level: str, until: str | None) -> Grant:
    """Who may do something with a page."""
    root = ref("page", page)
    return Grant(
        id=f"{page}/{action}/{level}",
        root=root,
        target=root,
        effect="allow",
        principal=ref("group", level),
        right="edit" if action == "edit" else None,
        native_right=action,
        until=instant(until),
    )
