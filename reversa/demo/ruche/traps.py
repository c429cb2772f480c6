"""What goes wrong in real databases, planted in this one. Every trap has a name, and places ``table:id``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from reversa.demo.ruche import schema
from reversa.demo.ruche.filling import SECRET_MARK, Filler
from reversa.demo.ruche.store import Row, Store

NOBODY = 987_654  # the id of accounts and records that were deleted long ago
FORMER_CUSTOMER = 9  # an organisation whose row is gone
CANARY_COLUMNS = (
    ("organisation_memberships", "title"), ("teams", "description"), ("spaces", "description"), ("pages", "title"), ("page_revisions", "body"),
    ("threads", "subject"), ("posts", "body"), ("comments", "body"), ("attachments", "filename"), ("tags", "name"), ("polls", "question"),
    ("poll_options", "label"), ("redirects", "from_slug"),
)  # fmt: skip

Traps = dict[str, list[str]]


def plant(store: Store, fillers: list[Filler]) -> Traps:
    """All traps; most are in the first customer, whom the demo follows."""
    first, second, _ = fillers
    pages = [page for page in store.of(first.id, "pages") if page.values["deleted_at"] is None and page.values["published_at"] is not None]
    return {
        **_keys(store, first, second, pages),
        **_texts(store, first, pages),
        **_times(store, first),
        **_files(store, fillers),
        **_orphans(store),
        "shared_person": [second.known.place] if second.known else [],
        "secret_in_json": [f"organisations:{filler.id}" for filler in fillers],
    }


def _keys(store: Store, first: Filler, second: Filler, pages: list[Row]) -> Traps:
    """References that lead elsewhere, nowhere, or round in a circle."""
    crossing = next(page for page in store.of(second.id, "pages") if page.values["parent_id"] is None)
    crossing.values["parent_id"] = first_canary_page(store, first).id
    roots = [page for page in pages[31:60] if page.values["parent_id"] is None and page.values["space_id"] not in first.insiders]
    circle, other = next(page for page in roots if not _children(store, page)), pages[30]
    other.values |= {"space_id": circle.values["space_id"], "parent_id": circle.id}
    circle.values["parent_id"] = other.id
    pages[10].values["author_id"] = NOBODY
    first_revision = next(row for row in store.rows["page_revisions"] if row.values["page_id"] == pages[10].id)
    first_revision.values["author_id"] = NOBODY
    post = store.of(first.id, "posts")[25]
    post.values["author_id"] = NOBODY
    untied = store.of(first.id, "comments")[12]
    untied.values["author_id"] = None
    removed = next(page for page in pages[11:] if page not in (circle, other, pages[60]) and _children(store, page))
    removed.values["deleted_at"] = first.later(removed.instant("updated_at"))
    twin = store.add("pages", first.id, **{name: value for name, value in pages[60].values.items() if name != "id"})
    twin.values["deleted_at"] = first.later(twin.instant("updated_at"))
    return {
        "parent_of_another_customer": [crossing.place],
        "circle_of_parents": [circle.place, other.place],
        "author_is_gone": [pages[10].place, first_revision.place, post.place],
        "author_unknown": [untied.place],
        "deleted_parent_of_live_page": [removed.place],
        "slug_used_again": [pages[60].place, twin.place],
        "page_without_revision": [twin.place],
    }


def _children(store: Store, page: Row) -> bool:
    return any(row.values["parent_id"] == page.id and row.values["deleted_at"] is None for row in store.rows["pages"])


def first_canary_page(store: Store, filler: Filler) -> Row:
    """The page that bears a canary in its title."""
    return next(page for page in store.of(filler.id, "pages") if "canari-" in page.text("title"))


def _texts(store: Store, first: Filler, pages: list[Row]) -> Traps:
    """Texts that break careless readers."""
    titles = {
        "emoji_title": "🐝 Fête de la ruche 👨‍👩‍👧‍👦 — programme",
        "right_to_left_title": "دليل الاستقبال — Guide en arabe",
        "script_title": "<script>alert('canard')</script> & Cie",
        "mojibake_title": "RÃ©union du comitÃ© d'Ã©tÃ©",  # valid UTF-8 that was decoded as cp1252 once
    }
    for page, title in zip(pages[1:], titles.values(), strict=False):
        page.values["title"] = title
        for revision in store.rows["page_revisions"]:
            if revision.values["page_id"] == page.id:
                revision.values["title"] = title
    posts = store.of(first.id, "posts")
    posts[5].values["body"] = ""
    posts[6].values["body"] = "<p>\\N n'est pas vide</p>\n\\.\n<pre>a\tb\\tc\r\nC:\\notes\\été\v\f\b</pre>"
    posts[7].values["body"] = '<p dir="rtl">مرحبا بكم في المركز</p><p>עברית 123 abc</p>'
    posts[8].values["body"] = "<p>Cafe\u0301 et café, l\u2019espace\u00a0fine\u202f!\u200b</p>"  # both forms of é, unseen spaces
    places = {name: [page.place] for name, page in zip(titles, pages[1:], strict=False)}
    return {
        **places,
        "empty_text": [posts[5].place],
        "copy_escapes": [posts[6].place],
        "right_to_left_text": [posts[7].place],
        "unicode_forms": [posts[8].place],
    }


def _times(store: Store, first: Filler) -> Traps:
    """Instants without a Python datetime, and an hour that happened twice."""
    never = next(account for account in first.people if account.values["deactivated_at"] is None)
    never.values["last_sign_in_at"] = "-infinity"
    poll = store.of(first.id, "polls")[1]
    poll.values["closes_at"] = "10000-01-01 00:00:00+01"
    pair = store.of(first.id, "comments")[20:22]
    for comment, hour in zip(pair, (0, 1), strict=True):  # both are 2024-10-27 02:30:00.125 in Paris
        comment.values["created_at"] = datetime(2024, 10, 27, hour, 30, 0, 125000, UTC)
    return {"minus_infinity": [never.place], "year_10000": [poll.place], "hour_that_happened_twice": [comment.place for comment in pair]}


def _files(store: Store, fillers: list[Filler]) -> Traps:
    """Files that are missing, or the same under several keys."""
    mine = store.of(fillers[0].id, "attachments")
    missing, source, copy = mine[3], mine[4], mine[9]
    elsewhere = store.of(fillers[2].id, "attachments")[2]
    del store.files[path_of(missing)]
    for twin in (copy, elsewhere):
        twin.values |= {name: source.values[name] for name in ("content_type", "byte_size", "filename")}
        store.files[path_of(twin)] = store.files[path_of(source)]
    return {"file_missing": [missing.place], "content_shared": [source.place, copy.place], "content_shared_with_another_customer": [elsewhere.place]}


def path_of(attachment: Row, organisation: int | None = None) -> str:
    """Where the vendor keeps a file: its own name is only in the table."""
    key = attachment.text("storage_key")
    return f"files/{organisation or attachment.owner}/{key[:2]}/{key}"


def _orphans(store: Store) -> Traps:
    """Rows that no customer can claim."""
    moment = datetime(2020, 11, 3, 10, 0, 0, 1, UTC)
    space = store.add(
        "spaces", None, organisation_id=None, slug="bac-a-sable", name="Bac à sable", description=None, kind=schema.WIKI, visibility=schema.ORGANISATION,
        created_by_id=NOBODY, created_at=moment,
    )  # fmt: skip
    store.add("space_hierarchies", None, ancestor_id=space.id, descendant_id=space.id, generations=0)
    page = store.add(
        "pages", None, space_id=space.id, slug="essai", title="Essai interne", position=0, author_id=NOBODY, created_at=moment, updated_at=moment,
        published_at=moment,
    )  # fmt: skip
    revision = store.add(
        "page_revisions", None, page_id=page.id, number=1, title="Essai interne", body="<p>Page d'essai, sans client.</p>", editor_kind=schema.HTML,
        minor=False, author_id=NOBODY, created_at=moment,
    )  # fmt: skip
    tag = store.add("tags", None, organisation_id=FORMER_CUSTOMER, name="ancien client", colour="#888888")
    tagging = store.add("taggings", None, tag_id=tag.id, taggable_type="Page", taggable_id=NOBODY, created_at=moment)
    system = store.add("audit_events", None, action="system.migrated", metadata={"version": "20230114093000"}, created_at=moment)
    former = [
        store.add("audit_events", None, organisation_id=FORMER_CUSTOMER, account_id=NOBODY, action="organisation.deleted", created_at=moment + timedelta(days=day))
        for day in range(3)
    ]  # fmt: skip
    lost = store.add(
        "attachments", None, attachable_type="Page", attachable_id=NOBODY, storage_key="zz9plural7zalpha9zz9plur", filename="sans page.txt",
        content_type="text/plain", byte_size=6, uploaded_by_id=NOBODY, created_at=moment,
    )  # fmt: skip
    store.files[path_of(lost, FORMER_CUSTOMER)] = b"perdu\n"
    reaction = store.add("reactions", None, reactable_type="Comment", reactable_id=NOBODY, account_id=NOBODY, emoji="👻", created_at=moment)
    staff = store.add(
        "accounts", None, uuid="00000000-0000-4000-a000-000000000000", email="support@ruche.example", display_name="Équipe Ruche", locale="fr",
        time_zone="Europe/Paris", password_digest=f"$2a$12${SECRET_MARK}{'x' * 42}", api_token=f"rch_{SECRET_MARK}support", created_at=moment,
    )  # fmt: skip
    return {
        "organisation_null": [space.place, page.place, revision.place, system.place],
        "organisation_deleted": [tag.place, tagging.place, *(event.place for event in former)],
        "target_is_gone": [lost.place, reaction.place],
        "account_of_the_vendor": [staff.place],
    }


def plant_canaries(store: Store, filler: Filler) -> dict[str, str]:
    """Texts that only one customer has: canary → where it is."""
    places: dict[str, str] = {}

    def next_canary(place: str) -> str:
        canary = f"canari-{filler.customer.slug}-{len(places) + 1:02}"
        places[canary] = place
        return canary

    for number, (table, column) in enumerate(CANARY_COLUMNS):
        rows = store.of(filler.id, table)
        row = rows[(7 + number) % len(rows)]
        value = row.values.get(column)
        row.values[column] = " ".join(filter(None, [str(value) if value else "", next_canary(f"{row.place}.{column}")]))
    _in_json(store.of(filler.id, "organisations")[0], "settings", next_canary)
    _in_json(store.of(filler.id, "audit_events")[11], "metadata", next_canary)
    note = next(row for row in store.of(filler.id, "attachments")[12:] if row.text("filename").endswith(".txt"))
    path = path_of(note)
    store.files[path] += f"{next_canary(path)}\n".encode()
    note.values["byte_size"] = len(store.files[path])
    return places


def _in_json(row: Row, column: str, next_canary: Any) -> None:
    value = row.values[column]
    if isinstance(value, dict):
        value["note"] = next_canary(f"{row.place}.{column}")
