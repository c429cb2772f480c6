"""What one customer of Ruche did between its first day and the end of the vendor."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from reversa.demo.ruche import schema
from reversa.demo.ruche.contents import MEDIA_TYPES, body, file_content, mention, php, slugify
from reversa.demo.ruche.store import Row, Store, Value, dice
from reversa.demo.ruche.themes import FAMILY, GIVEN, MOMENTS, REMARKS, REPLIES, Customer

FIRST_DAY = datetime(2021, 1, 4, 8, tzinfo=UTC)
LAST_DAY = datetime(2026, 5, 29, 16, 30, tzinfo=UTC)
ADDRESS = "https://ruche.example"
EMOJI = ("👍", "❤️", "🎉", "👏🏽", "😄", "🐝", "+1")
SECRET_MARK = "SecretRuche"  # in every secret, so that one search finds a leak  # noqa: S105


class Filler:
    """Fills the tables of one customer: first it settles, then it works. The steps of all customers alternate, so that their ids mix."""

    def __init__(self, store: Store, customer: Customer, id: int, seed: int, *, known: Row | None = None) -> None:
        self.store, self.customer, self.id, self.known = store, customer, id, known
        self.dice = dice(seed, customer.slug)
        self.people: list[Row] = []
        self.teams: list[Row] = []
        self.members: dict[int, list[Row]] = {}  # team → accounts
        self.spaces: list[Row] = []
        self.insiders: dict[int, list[Row]] = {}  # private space → accounts that may see it
        self.tags: list[Row] = []
        self.pages: list[Row] = []
        self.slugs: set[str] = set()

    def add(self, table: str, **values: Value) -> Row:
        return self.store.add(table, self.id, **values)

    def settle(self) -> Iterator[None]:
        """The organisation, its people and its places."""
        self.organisation()
        for number in range(self.customer.people):
            self.person(number)
            yield
        for name in self.customer.teams:
            self.team(name)
            yield
        for number in range(len(self.customer.spaces)):
            self.space(number)
            yield
        self.tags = [self.add("tags", organisation_id=self.id, name=name, colour=self.colour()) for name in self.customer.tags]

    def work(self) -> Iterator[None]:
        """Pages, conversations and all that hangs on them."""
        for number in range(self.customer.pages):
            self.page()
            if number < self.customer.threads:
                thread = self.thread()
                if number < len(self.customer.polls):
                    self.poll(thread, self.customer.polls[number])
            yield

    # ------------------------------------------------------------------------------------------- chances

    def later(self, start: datetime, days: float = 30) -> datetime:
        """Some time after, within so many days and before the end, to the microsecond."""
        return start + min(timedelta(days=days), LAST_DAY - start) * self.dice.random()

    def between(self, start: datetime) -> datetime:
        """Some time between then and the end."""
        return start + (LAST_DAY - start) * self.dice.random()

    def colour(self) -> str:
        return f"#{self.dice.randrange(1 << 24):06x}"

    def token(self, length: int) -> str:
        return "".join(self.dice.choices("abcdefghijkmnpqrstuvwxyz23456789", k=length))

    def address(self) -> str:
        return f"192.0.2.{self.dice.randrange(1, 255)}" if self.dice.random() < 0.8 else f"2001:db8::{self.dice.randrange(1, 0xFFFF):x}"

    def crowd(self, space: Row) -> list[Row]:
        """Who may act in a space."""
        return self.insiders.get(space.id, self.people)

    def sentences(self, count: int) -> list[str]:
        return self.dice.sample(self.customer.sentences, count)

    # ------------------------------------------------------------------------------------------- people and places

    def organisation(self) -> None:
        settings: dict[str, Any] = {
            "langue": "fr", "theme": {"couleur": self.colour(), "logo": None}, "modules": ["pages", "fils", "sondages"],
            "webhook": {"url": f"https://{self.customer.slug}.example/ruche", "secret": f"whk_{SECRET_MARK}{self.token(20)}"},
        }  # fmt: skip
        self.add(
            "organisations", slug=self.customer.slug, name=self.customer.name, legal_form=self.customer.legal_form, country_code="FR",
            plan_id=self.dice.randint(1, 3), status=schema.ACTIVE, settings=settings, created_at=FIRST_DAY, updated_at=self.between(FIRST_DAY),
        )  # fmt: skip

    def person(self, number: int) -> None:
        if number == 1 and self.known:
            account = self.known
        else:
            names = self.dice.choice(GIVEN), self.dice.choice(FAMILY)
            account = self.account(*names, f"{slugify(names[0])}.{slugify(names[1])}.{number}@{self.customer.slug}.example")
        joined = self.later(FIRST_DAY, days=700)
        role = schema.OWNER if number == 0 else schema.ADMIN if number < 3 else schema.GUEST if number % 11 == 0 else schema.MEMBER
        left = self.between(joined) if number % 13 == 12 else None
        self.add("organisation_memberships", organisation_id=self.id, account_id=account.id, role=role, joined_at=joined, left_at=left)
        self.people.append(account)
        self.audit("member.joined", "User", account.id, joined)

    def account(self, given: str, family: str, email: str) -> Row:
        prefs = {"theme": self.dice.choice(["jour", "nuit"]), "resume": self.dice.random() < 0.5, "signature": f"{given} — à bientôt", "lignes": 25}
        created = self.later(FIRST_DAY, days=600)
        gone = self.dice.random() < 0.06
        account = self.store.add(
            "accounts", None, uuid=self.uuid(), email=email, display_name=f"{given} {family}", given_name=given, family_name=family,
            phone=f"06 39 98 {self.dice.randrange(100):02} {self.dice.randrange(100):02}", locale="fr", time_zone="Europe/Paris",
            password_digest=f"$2a$12${SECRET_MARK}{self.token(42)}", api_token=f"rch_{SECRET_MARK}{self.token(24)}",
            legacy_prefs=php(prefs), last_sign_in_at=self.between(created), deactivated_at=self.between(created) if gone else None, created_at=created,
        )  # fmt: skip
        for _ in range(self.dice.randrange(3)):
            start = self.between(created)
            self.store.add(
                "sessions", None, account_id=account.id, token=f"{SECRET_MARK}{self.token(30)}", ip_address=self.address(),
                user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:126.0)", created_at=start, expires_at=start + timedelta(days=30),
            )  # fmt: skip
        return account

    def uuid(self) -> str:
        digits = f"{self.dice.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

    def team(self, name: str) -> None:
        created = self.later(FIRST_DAY, days=200)
        team = self.add("teams", organisation_id=self.id, name=name, description=f"L'équipe « {name} ».", created_at=created)
        chosen = self.dice.sample(self.people, self.dice.randint(5, 11))
        for place, account in enumerate(chosen):
            role = schema.TEAM_MEMBER if place else schema.TEAM_LEAD
            self.add("team_members", team_id=team.id, account_id=account.id, role=role, joined_at=self.later(created, days=400))
        self.teams.append(team)
        self.members[team.id] = chosen

    def space(self, number: int) -> None:
        path = self.customer.spaces[number]
        ancestors, name = path.removeprefix("!").split(" > ")[:-1], path.removeprefix("!").split(" > ")[-1]
        last = len(self.customer.spaces) - 1  # the last one is private, the one before is a forum, the one before that is public
        visibility = schema.PRIVATE if number == last else schema.PUBLIC if number == last - 2 else schema.ORGANISATION
        space = self.add(
            "spaces", organisation_id=self.id, slug=slugify(name), name=name, description=self.sentences(1)[0] if number % 3 else "",
            kind=schema.FORUM if number == last - 1 else schema.WIKI, visibility=visibility, created_by_id=self.people[0].id,
            created_at=self.later(FIRST_DAY, days=120), archived_at=self.between(FIRST_DAY + timedelta(days=400)) if number == 2 else None,
        )  # fmt: skip
        above = [place.id for place in self.spaces if place.values["name"] in ancestors]
        for generations, ancestor in enumerate([space.id, *reversed(above)]):
            self.add("space_hierarchies", ancestor_id=ancestor, descendant_id=space.id, generations=generations)
        self.spaces.append(space)
        if number == last:
            self.private(space)
        else:
            for team in self.dice.sample(self.teams, 2):
                self.permit("Space", space.id, "Team", team.id, self.dice.choice(schema.PERMISSION_LEVELS), created=space.instant("created_at"))

    def private(self, space: Row) -> None:
        """A private space: one team sees it but for one of its members, and two other people do."""
        team, created = self.teams[0], space.instant("created_at")
        inside = self.members[team.id]
        guests = [account for account in self.people if account not in inside][:2]
        self.permit("Space", space.id, "Team", team.id, "edit", created=created)
        for guest in guests:
            self.permit("Space", space.id, "Account", guest.id, "view", created=created)
        self.permit("Space", space.id, "Account", inside[-1].id, "view", allowed=False, created=created)
        gone = {row.values["account_id"] for row in self.store.of(self.id, "organisation_memberships") if row.values["left_at"]}
        self.insiders[space.id] = [account for account in [*inside[:-1], *guests] if account.id not in gone]

    def permit(self, resource: str, id: int, subject: str, subject_id: int, level: str, *, allowed: bool = True, created: datetime) -> None:
        self.add(
            "permissions", resource_type=resource, resource_id=id, subject_type=subject, subject_id=subject_id, level=level, allowed=allowed,
            created_at=self.later(created),
        )  # fmt: skip

    # ------------------------------------------------------------------------------------------- documents

    def page(self) -> None:
        space = self.dice.choice([place for place in self.spaces if place.values["kind"] == schema.WIKI])
        siblings = [page for page in self.pages if page.values["space_id"] == space.id]
        title, slug = self.title()
        crowd, created = self.crowd(space), self.between(space.instant("created_at"))
        author = self.dice.choice(crowd)
        draft, deleted = self.dice.random() < 0.05, self.dice.random() < 0.07
        page = self.add(
            "pages", space_id=space.id, parent_id=self.dice.choice(siblings).id if siblings and self.dice.random() < 0.55 else None, slug=slug,
            title=title, position=len(siblings), author_id=author.id, created_at=created, published_at=None if draft else self.later(created, days=2),
        )  # fmt: skip
        images = [self.attachment("Page", page.id, author, created, crowd) for _ in range(self.dice.choice([0, 0, 1, 1, 2]))]
        updated = self.revisions(page, images, crowd)
        page.values |= {"updated_at": updated, "deleted_at": self.later(updated) if deleted else None}
        for tag in self.dice.sample(self.tags, self.dice.randrange(3)):
            self.add("taggings", tag_id=tag.id, taggable_type="Page", taggable_id=page.id, created_at=self.later(created))
        if self.dice.random() < 0.2:
            old = slugify(f"ancien {slug}")
            self.add("redirects", organisation_id=self.id, from_slug=old, page_id=page.id, created_at=self.later(created))
        if self.dice.random() < 0.12:
            account = self.dice.choice(self.people)
            self.permit("Page", page.id, "Account", account.id, "edit", allowed=self.dice.random() < 0.7, created=created)
        self.comments("Page", page.id, created, self.dice.choice([0, 0, 1, 2, 4]), crowd)
        self.react("Page", page.id, created, 3, crowd)
        self.audit("page.created", "App\\Entity\\Page" if created.year < 2023 else "Page", page.id, created)  # it was written in PHP before
        self.pages.append(page)

    def title(self) -> tuple[str, str]:
        """A title and a slug that the organisation does not have yet."""
        while True:
            title = f"{self.dice.choice(self.customer.titles)} — {self.dice.choice(MOMENTS)}"
            if slugify(title) not in self.slugs:
                self.slugs.add(slugify(title))
                return title, slugify(title)

    def revisions(self, page: Row, images: list[tuple[str, str]], crowd: list[Row]) -> datetime:
        """The versions of a page, each a little longer than the one before; gives the time of the last one."""
        editor = schema.MARKDOWN if self.dice.random() < 0.3 else schema.HTML
        paragraphs, moment, author = self.sentences(2), page.instant("created_at"), page.values["author_id"]
        count = self.dice.choice([1, 2, 2, 3, 3, 4, 5])
        linked = self.dice.sample(self.pages, min(len(self.pages), self.dice.randrange(3)))
        links = [(other.text("title"), f"{ADDRESS}/o/{self.customer.slug}/p/{other.text('slug')}") for other in linked]
        for number in range(1, count + 1):
            if number > 1:
                moment, author = self.later(moment), self.dice.choice(crowd).id
                paragraphs += self.sentences(1)
            if number == count and self.dice.random() < 0.4:
                person = self.dice.choice(crowd)
                paragraphs += [f"À compléter par {mention(person.id, person.text('display_name'))}."]
            self.add(
                "page_revisions", page_id=page.id, number=number, title=page.text("title"), editor_kind=editor, author_id=author, created_at=moment,
                body=body(editor, page.text("title"), paragraphs, links if number > 1 or count == 1 else [], images if number == count else []),
                summary=self.dice.choice([None, "orthographe", "mise à jour", "relu"]) if number > 1 else None, minor=self.dice.random() < 0.2,
            )  # fmt: skip
        return moment

    def attachment(self, type: str, id: int, author: Row, created: datetime, crowd: list[Row]) -> tuple[str, str]:
        """A file on the vendor's disk; gives its name and storage key."""
        subject, kind = self.dice.choice(self.customer.titles), self.dice.choice(list(MEDIA_TYPES))
        key, line = self.token(24), self.sentences(1)[0]
        content = file_content(kind, subject, line, self.colour())
        name = f"{subject}.{kind}"
        self.store.files[f"files/{self.id}/{key[:2]}/{key}"] = content
        row = self.add(
            "attachments", attachable_type=type, attachable_id=id, storage_key=key, filename=name, content_type=MEDIA_TYPES[kind], byte_size=len(content),
            uploaded_by_id=author.id, created_at=self.later(created, days=1),
        )  # fmt: skip
        if self.dice.random() < 0.15:
            self.comments("Attachment", row.id, created, 1, crowd)
        return name, key

    # ------------------------------------------------------------------------------------------- conversations

    def thread(self) -> Row:
        forum = next(place for place in self.spaces if place.values["kind"] == schema.FORUM)
        space = forum if self.dice.random() < 0.5 else self.dice.choice(self.spaces)
        created, crowd = self.between(space.instant("created_at")), self.crowd(space)
        author = self.dice.choice(crowd)
        pinned: dict[str, Value] = {"pinned_at": self.later(created), "pinned_by_id": self.people[0].id} if self.dice.random() < 0.08 else {}
        thread = self.add(
            "threads", space_id=space.id, subject=self.dice.choice(self.customer.subjects), author_id=author.id, created_at=created,
            locked=self.dice.random() < 0.05, **pinned,
        )  # fmt: skip
        written: list[Row] = []
        for number in range(self.dice.randint(2, 14)):
            written.append(self.post(thread, author, created, written, crowd))
            created, author = self.later(created, days=2), self.dice.choice(crowd)
            if number == 0:
                self.audit("thread.opened", "Thread", thread.id, created)
        return thread

    def post(self, thread: Row, author: Row, created: datetime, before: list[Row], crowd: list[Row]) -> Row:
        chance = self.dice.random()
        text = self.dice.choice(REPLIES) if before and chance < 0.6 else " ".join(self.sentences(2))
        if before and chance < 0.2:
            person = self.dice.choice(crowd)
            text = f"{mention(person.id, person.text('display_name'))} {text}"
        post = self.add(
            "posts", thread_id=thread.id, reply_to_id=self.dice.choice(before).id if before and self.dice.random() < 0.4 else None,
            author_id=author.id, body=f"<p>{text}</p>", created_at=created, edited_at=self.later(created, days=1) if chance > 0.9 else None,
            deleted_at=self.later(created, days=3) if before and 0.86 < chance < 0.9 else None,
        )  # fmt: skip
        if self.dice.random() < 0.06:
            self.attachment("Post", post.id, author, created, crowd)
        if self.dice.random() < 0.08:
            self.comments("Post", post.id, created, 1, crowd)
        self.react("Post", post.id, created, 3, crowd)
        return post

    def comments(self, type: str, id: int, start: datetime, count: int, crowd: list[Row]) -> None:
        """Remarks on a page, a post or a file; some answer the one before. Their times are local and without zone."""
        before: Row | None = None
        for _ in range(count):
            start = self.later(start, days=20)
            solved: dict[str, Value] = {}
            if self.dice.random() < 0.2:
                solved = {"resolved_at": self.later(start, days=9), "resolved_by_id": self.dice.choice(crowd).id}
            before = self.add(
                "comments", commentable_type=type, commentable_id=id, parent_id=before.id if before and self.dice.random() < 0.5 else None,
                author_id=self.dice.choice(crowd).id, body=self.dice.choice(REMARKS), created_at=start, **solved,
            )  # fmt: skip
            self.react("Comment", before.id, start, 1, crowd)

    def react(self, type: str, id: int, start: datetime, most: int, crowd: list[Row]) -> None:
        for account in self.dice.sample(crowd, self.dice.randint(0, most) if self.dice.random() < 0.5 else 0):
            emoji, moment = self.dice.choice(EMOJI), self.later(start, days=5)
            self.add("reactions", reactable_type=type, reactable_id=id, account_id=account.id, emoji=emoji, created_at=moment)

    def poll(self, thread: Row, line: str) -> None:
        question, *labels = line.split(" | ")
        created = self.later(thread.instant("created_at"), days=1)
        poll = self.add(
            "polls", thread_id=thread.id, author_id=self.people[0].id, question=question, multiple=len(labels) > 3, created_at=created,
            closes_at=self.later(created) if self.dice.random() < 0.7 else None,
        )  # fmt: skip
        options = [self.add("poll_options", poll_id=poll.id, label=label, position=place) for place, label in enumerate(labels, 1)]
        for account in self.dice.sample(self.people, self.dice.randint(8, len(self.people) - 4)):
            self.add("poll_votes", poll_option_id=self.dice.choice(options).id, account_id=account.id, created_at=self.later(created, days=5))

    def audit(self, action: str, type: str, id: int, moment: datetime) -> None:
        self.add(
            "audit_events", organisation_id=self.id, account_id=self.people[0].id, action=action, subject_type=type, subject_id=id,
            metadata={"via": "web", "id": id}, ip_address=self.address(), created_at=moment,
        )  # fmt: skip
