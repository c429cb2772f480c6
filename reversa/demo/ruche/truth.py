"""What is truly in the generated vendor, known because it was put there: what an extraction is judged by."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reversa.demo.ruche.filling import LAST_DAY, SECRET_MARK, Filler
from reversa.demo.ruche.schema import TABLES
from reversa.demo.ruche.store import Row, Store
from reversa.demo.ruche.traps import Traps, path_of

TABLES_OF_KIND = {
    "group": ("teams",),
    "membership": ("team_members",),
    "space": ("spaces",),
    "page": ("pages",),
    "revision": ("page_revisions",),
    "message": ("posts",),
    "comment": ("comments",),
    "reaction": ("reactions", "poll_votes"),
    "file": ("attachments",),
    "tag": ("taggings",),
    "grant": ("permissions",),
    "alias": ("redirects",),
    "poll": ("polls",),
}
"""reversa's kind → the tables whose rows are records of it. Users are the accounts with a row in organisation_memberships."""


@dataclass(frozen=True)
class CustomerTruth:
    """One customer: counts by reversa's kind and by table, its canaries and where they are, and facts to look for."""

    id: int
    slug: str
    name: str
    counts: dict[str, int]
    rows: dict[str, int]
    canaries: dict[str, str]
    facts: list[dict[str, Any]]


@dataclass(frozen=True)
class Truth:
    """The whole vendor. ``unclaimed`` counts, by table, the rows of no customer; ``secret_mark`` is in every secret."""

    notice: str
    seed: int
    ended_at: str
    rows: dict[str, int]
    unclaimed: dict[str, int]
    secret_mark: str
    traps: dict[str, list[str]]
    customers: tuple[CustomerTruth, ...]

    def customer(self, slug: str) -> CustomerTruth:
        return next(customer for customer in self.customers if customer.slug == slug)

    def write(self, file: Path) -> None:
        file.write_text(json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def truth_of(store: Store, fillers: list[Filler], seed: int, traps: Traps, canaries: list[dict[str, str]]) -> Truth:
    """What is in the store now."""
    shared = {"accounts", "sessions", "countries", "plans", "schema_migrations"}
    orphans = {table: len(store.of(None, table)) for table in sorted(TABLES) if table not in shared}
    return Truth(
        notice="Ruche et ses clients sont fictifs : tout est engendré. Ruche and its customers are fictional: all of it is generated.",
        seed=seed,
        ended_at=_utc(LAST_DAY),
        rows={table: len(store.rows[table]) for table in sorted(TABLES)},
        unclaimed={table: count for table, count in orphans.items() if count},
        secret_mark=SECRET_MARK,
        traps=traps,
        customers=tuple(_customer(store, filler, own) for filler, own in zip(fillers, canaries, strict=True)),
    )


def _customer(store: Store, filler: Filler, canaries: dict[str, str]) -> CustomerTruth:
    rows = {table: len(store.of(filler.id, table)) for table in sorted(TABLES)}
    rows = {table: count for table, count in rows.items() if count}
    people = {row.values["account_id"] for row in store.of(filler.id, "organisation_memberships")}
    counts = {kind: sum(rows[table] for table in tables) for kind, tables in TABLES_OF_KIND.items()}
    return CustomerTruth(
        id=filler.id,
        slug=filler.customer.slug,
        name=filler.customer.name,
        counts={"user": len(people), **counts},
        rows=rows,
        canaries=canaries,
        facts=[*_pages(store, filler), _private_space(filler), _poll(store, filler), *_others(store, filler)],
    )


def _pages(store: Store, filler: Filler) -> list[dict[str, Any]]:
    """Some pages, with what their rows say."""
    pages = store.of(filler.id, "pages")
    return [
        {
            "fact": "page",
            "id": page.id,
            "title": page.values["title"],
            "slug": page.values["slug"],
            "author": _email(store, page.values["author_id"]),
            "created_at": _utc(page.instant("created_at")),
            "deleted": page.values["deleted_at"] is not None,
            "space": _row(store, "spaces", page.values["space_id"]).values["name"],
            "revisions": sum(row.values["page_id"] == page.id for row in store.rows["page_revisions"]),
        }
        for page in (*pages[:6], pages[len(pages) // 2], pages[-1])
    ]


def _private_space(filler: Filler) -> dict[str, Any]:
    """Who may see the private space: the allowed, less the denied, less those who left the organisation."""
    space = filler.spaces[-1]
    people = sorted(filler.insiders[space.id], key=lambda account: account.id)
    return {
        "fact": "private space",
        "id": space.id,
        "name": space.values["name"],
        "may_see": {str(account.id): account.values["email"] for account in people},
    }


def _poll(store: Store, filler: Filler) -> dict[str, Any]:
    poll = store.of(filler.id, "polls")[0]
    options = [row for row in store.of(filler.id, "poll_options") if row.values["poll_id"] == poll.id]
    votes = Counter(row.values["poll_option_id"] for row in store.of(filler.id, "poll_votes"))
    return {"fact": "poll", "id": poll.id, "question": poll.values["question"], "votes": {row.text("label"): votes[row.id] for row in options}}


def _others(store: Store, filler: Filler) -> list[dict[str, Any]]:
    posts, comments = store.of(filler.id, "posts"), store.of(filler.id, "comments")
    edited = next(post for post in posts if post.values["edited_at"])
    attached = store.of(filler.id, "attachments")
    return [
        {"fact": "edited post", "id": edited.id, "body": edited.values["body"], "edited_at": _utc(edited.instant("edited_at"))},
        {
            "fact": "comment in local time",
            "id": comments[0].id,
            "body": comments[0].values["body"],
            "created_at": _utc(comments[0].instant("created_at")),
        },
        {"fact": "deleted pages", "count": sum(page.values["deleted_at"] is not None for page in store.of(filler.id, "pages"))},
        {"fact": "deleted posts", "count": sum(post.values["deleted_at"] is not None for post in posts)},
        {"fact": "files on disk", "count": sum(path_of(row) in store.files for row in attached), "of": len(attached)},
        {"fact": "votes", "count": len(store.of(filler.id, "poll_votes"))},
    ]


def _row(store: Store, table: str, id: object) -> Row:
    return next(row for row in store.rows[table] if row.id == id)


def _email(store: Store, account: object) -> str | None:
    return next((row.text("email") for row in store.rows["accounts"] if row.id == account), None)


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
