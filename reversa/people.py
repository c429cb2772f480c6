"""The people map: whom of the source the target knows already. reversa proposes, a person decides, the run obeys."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterable, Iterator, Mapping
from difflib import SequenceMatcher
from pathlib import Path

import msgspec

from reversa.adapter import Account
from reversa.directory import folded
from reversa.errors import RunError
from reversa.files import read_rows, whole
from reversa.records import Ref, User, ref_to

_COLUMNS = ("user", "username", "name", "emails", "account", "account_username", "account_name", "confidence", "why", "decision")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
SAME, NEW, NOBODY = "same", "new", "nobody"
"""Decisions: is this account; gets an account of their own; gets none, and stays a name."""
ALIKE = 0.85
"""Share of equal letters from which two names are proposed for one person."""


class Met(msgspec.Struct, frozen=True):
    """A person of the source, the account that may be theirs, how sure that is (0 to 1) and why."""

    user: User
    account: Account | None = None
    confidence: float = 0
    why: str = ""

    @property
    def decision(self) -> str:
        """What needs nobody to decide it; empty where a person has to."""
        if self.account is not None:
            return SAME if self.confidence == 1 else ""
        return NOBODY if self.user.placeholder else NEW


def propose(users: Iterable[User], accounts: Iterable[Account]) -> Iterator[Met]:
    """The likeliest account of each person: by id, by an address that the target has verified, else by likeness."""
    existing = list(accounts)
    for user in users:
        likely = ((confidence, why, account) for account in existing for confidence, why in _likeness(user, account))
        confidence, why, account = max(likely, key=lambda one: one[0], default=(0.0, "", None))
        yield Met(user, account, confidence, why)


def _likeness(user: User, account: Account) -> Iterator[tuple[float, str]]:
    """The ways in which an account is like a person, each with how much it says."""
    addresses = {address.casefold() for address in user.emails or ()} & {address.casefold() for address in account.emails}
    if account.source_id == user.id:
        yield 1, "the account carries this id"
    elif addresses:
        yield (1, "same e-mail address, verified") if account.verified else (0.9, "same e-mail address")
    if user.username and folded(user.username) == folded(account.username):
        yield 0.8, "same user name"
    names = {folded(name) for name in (user.display_name, user.full_name, user.username) if name}
    others = {folded(name) for name in (account.display_name, account.username) if name}
    if names & others:
        yield 0.6, "same name"
    else:
        alike = max((SequenceMatcher(None, one, other).ratio() for one in names for other in others), default=0)
        if alike >= ALIKE:
            yield round(alike / 2, 2), "a similar name"


def write_people(met: Iterable[Met], path: Path) -> None:
    """The list that a person decides on, line by line. Raises OSError."""
    with whole(path) as file:
        writer = csv.writer(codecs.getwriter("utf-8")(file))
        writer.writerow(_COLUMNS)
        for one in met:
            user, account = one.user, one.account
            row = [user.id, user.username or "", user.display_name or user.full_name or "", " ".join(user.emails or ())]
            row += ["", "", ""] if account is None else [account.id, account.username, account.display_name or ""]
            row += [f"{one.confidence:g}" if account is not None else "", one.why, one.decision]
            writer.writerow([f"'{text}" if text.startswith(_FORMULA) else text for text in row])  # an export may come from anywhere


def read_people(path: Path) -> Mapping[Ref, str]:
    """What was decided: the account of each person that has one, and nothing for those who get none. New ones are left out.

    Raises RunError when a line is not decided, or is decided in a way that cannot be obeyed.
    """
    try:
        rows = read_rows(path)
    except (OSError, ValueError, csv.Error) as error:
        raise RunError(f"{path} cannot be read: {error}", "Write it with: reversa people RUN") from error
    people: dict[Ref, str] = {}
    for number, row in enumerate(rows, 2):
        id, account = ((row.get(name) or "").removeprefix("'") for name in ("user", "account"))
        decision = (row.get("decision") or "").strip().lower()
        if decision not in (SAME, NEW, NOBODY) or (decision == SAME and not account):
            raise RunError(
                f"{path}, line {number}: nobody has decided who {id} is.",
                "Fill in `decision`: same (is the account in `account`), new (gets one), nobody (gets none).",
            )
        if decision != NEW:
            people[ref_to(User(id=id, root=Ref(f"user:{id}")))] = account if decision == SAME else ""
    return people
