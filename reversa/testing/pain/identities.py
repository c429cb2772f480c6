"""Cases about who is who, who wrote what, and when."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from datetime import UTC, date, datetime

from reversa.records import (
    Deal,
    Event,
    Record,
    Revision,
    Task,
    User,
    ref,
)
from reversa.testing.pain.cases import ANN, AT, BEN, US, case, message, page, plain, tag


@case("imapsync/imapsync#24")
def _() -> Iterator[Record]:
    """Two mails with equal headers and other bodies became one."""
    yield message("headers-1", "the first text", subject="Re:")
    yield message("headers-2", "another text !", subject="Re:")


@case("dtinit/data-transfer-project mail key")
def _() -> Iterator[Record]:
    """Identity by length: two texts of one length became one."""
    yield message("length-1", "0123456789")
    yield message("length-2", "9876543210")


@case("dtinit/data-transfer-project calendar hashCode")
def _() -> Iterator[Record]:
    """Identity by a 32-bit hash: these ids and texts collide in Java's String.hashCode, and in CRC-32 the next two."""
    yield message("Aa", "AaAa")
    yield message("BB", "BBBB")
    yield message("plumless", "plumless")
    yield message("buckeroo", "buckeroo")


@case("dtinit/data-transfer-project Blogger title")
def _() -> Iterator[Record]:
    """Identity by title: everything without a title, or with the same, became one."""
    yield page("untitled-1")
    yield page("untitled-2")
    yield page("same-1", "Minutes")
    yield page("same-2", "Minutes")


@case("merging on equal content")
def _() -> Iterator[Record]:
    """Items that differ by nothing but their id are still two."""
    yield message("+1", "+1")
    yield message("+1 again", "+1")


@case("imapsync/imapsync#519")
def _() -> Iterator[Record]:
    """Names and ids that differ by case only."""
    for id in ("readme", "README", "Readme"):
        yield page(id, id)


@case("moinwiki/moin-1.9#59")
def _() -> Iterator[Record]:
    """Names and ids that differ by Unicode form only (NFC, NFD)."""
    for form in ("NFC", "NFD"):
        name = unicodedata.normalize(form, "Résumé")
        yield page(name, name)


@case("hostile-input R3")
def _() -> Iterator[Record]:
    """Ids that some comparison takes for each other: spaces at the end, zeros in front, compatibility forms, U+0000."""
    for id in ("1", "01", "1 ", " 1", "1\0", "１", "1.0", "ß", "ss", "ſs", "İ", "i̇", "x~2", "x"):
        yield tag(id, f"<{id}>")


@case("hostile-input D6")
def _() -> Iterator[Record]:
    """Ids used as they are in paths, SQL, addresses, markup."""
    for id in (
        "'; DROP TABLE message; --",
        "../../evil",
        "/etc/passwd",
        "con",
        "a/b?c=d&e#f",
        "%2e%2e",
        "a:b",
        "\n",
        "{{x}}",
        "<b>",
        '"',
        "$(id)",
        "x" * 300,
    ):
        yield tag(id, "an id")


@case("google/support-tools#74")
def _() -> Iterator[Record]:
    """Gaps in the numbers."""
    for number in (1, 7, 1000):
        yield Revision(id=f"gap-{number}", root=ref("page", "gaps"), order=number, target=ref("page", "gaps"), number=str(number), body=plain("x"))
    yield page("gaps", "Gaps", head=ref("revision", "gap-1000"))


@case("go-gitea/gitea#38839")
def _() -> Iterator[Record]:
    """Everything was written by the account that migrated, now."""
    yield User(
        id="ann", root=ANN, username="ann", display_name="Ann", active=True, emails=["b@example.org", "a@example.org"], roles=["admin", "member"]
    )
    yield User(id="ben", root=BEN, username="ben", display_name="Ben", active=True)
    yield message("by-ann", "x", created_by=ANN, updated_at=AT + US, updated_by=BEN)
    yield message("by-ben", "x", created_by=BEN, updated_at=AT + US, updated_by=ANN)


@case("go-gitea/gitea#9741")
def _() -> Iterator[Record]:
    """Times at the edge: none, 1970, before it, the first and the last year."""
    for name, at in {
        "none": None,
        "1970": datetime(1970, 1, 1, tzinfo=UTC),
        "before": datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    }.items():
        yield message(f"time-{name}", "x", created_at=at, updated_at=at)
    yield message("time-0001", "x", created_at=datetime.min.replace(tzinfo=UTC), updated_at=datetime.max.replace(tzinfo=UTC))


@case("objectstack-ai/objectstack#8485")
def _() -> Iterator[Record]:
    """Times shifted by the zone of the machine; local times that a zone has twice or never."""
    for number, start in enumerate(("2024-03-31T02:30:00", "2024-10-27T02:30:00", "2024-06-15T12:00:00.000001")):
        yield Event(id=f"zone-{number}", root=ref("event", f"zone-{number}"), title="x", start=start, time_zone="Europe/Paris", created_at=AT)


@case("opf/openproject#24914")
def _() -> Iterator[Record]:
    """Edits within one minute were merged; here they are a microsecond apart, and each has its own author and comment."""
    yield page("edits", "Edits", head=ref("revision", "edit-3"), updated_at=AT + 3 * US, updated_by=BEN)
    for number in range(4):
        who = (ANN, BEN)[number % 2]
        yield Revision(
            id=f"edit-{number}", root=ref("page", "edits"), order=number, target=ref("page", "edits"), number=str(number), comment=f"edit {number}",
            minor=number == 2, created_at=AT + number * US, created_by=who, title="Edits", body=plain(f"text {number}"),
        )  # fmt: skip


@case("chat edits")
def _() -> Iterator[Record]:
    """The text of a message before it was edited."""
    yield message("edited", "after", updated_at=AT + US, updated_by=BEN)
    yield Revision(
        id="edited-1", root=ref("message", "edited"), order=0, target=ref("message", "edited"), created_at=AT, created_by=ANN, body=plain("before")
    )


@case("mattermost/mattermost#11856")
def _() -> Iterator[Record]:
    """An author who is gone from the list of users: known as a placeholder, or not at all."""
    yield User(id="gone", root=ref("user", "gone"), full_name="Gone Away", active=False, placeholder=True)
    yield message("by-gone", "x", created_by=ref("user", "gone"))
    yield message("by-nobody", "x", created_by=ref("user", "never listed"), author_name="A name only")


@case("unicef/iogt#588")
def _() -> Iterator[Record]:
    """Two people with one name; one person renamed to another's name."""
    yield User(id="smith-1", root=ref("user", "smith-1"), username="smith", display_name="J. Smith", emails=["j@example.org"])
    yield User(id="smith-2", root=ref("user", "smith-2"), username="smith", display_name="J. Smith", emails=["j@example.org"])


@case("hostile-input R5")
def _() -> Iterator[Record]:
    """Dates without a time, and without a zone."""
    yield Deal(id="deal", root=ref("deal", "deal"), title="x", amount="-12345678901234567890.1200", probability="1.0", close_date=date(2024, 2, 29))
    yield Deal(id="deal-2", root=ref("deal", "deal-2"), title="x", amount="0.00", probability="1", close_date=date(1, 1, 1))
    yield Task(id="task", root=ref("task", "task"), title="x", due="9999-12-31T23:59:59.999999", percent_complete=0, assignees=[ANN, BEN])
