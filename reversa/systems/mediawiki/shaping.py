"""What a wiki will show of a unit: people, places and rights here, pages and files in modules of their own."""

from __future__ import annotations

from typing import Any

from reversa.adapter import Change, Noted, Shaped, Unit
from reversa.limiting import Held
from reversa.markup.contract import changes as markup_changes
from reversa.markup.converting import Converter
from reversa.records import (
    Alias,
    File,
    Grant,
    Group,
    Membership,
    Message,
    Page,
    Reaction,
    Record,
    Ref,
    Revision,
    Space,
    Tag,
    User,
    kind_of,
    ref_parts,
    ref_to,
)
from reversa.systems.mediawiki import chat
from reversa.systems.mediawiki.chatting import CHANGES as CHAT
from reversa.systems.mediawiki.chatting import PRIVATE, ChatShaper
from reversa.systems.mediawiki.marks import Marks
from reversa.systems.mediawiki.names import Names, Target
from reversa.systems.mediawiki.pages import PageShaper
from reversa.systems.mediawiki.titles import INTERFACE

HELD = {
    "user": {"username", "full_name", "emails", "created_at", "user_type", "placeholder"},
    "page": {"title", "name", "page_type", "head", "url"},
    "revision": {"target", "order", "created_at", "created_by", "minor", "comment", "body", "state", "native"},
    "file": {"target", "name", "created_at", "created_by", "size", "sha256", "version_of", "native"},
    "tag": {"target", "label", "scheme"},
}
HELD |= chat.HELD
OF_WIKIS = {
    "group": {"name"},
    "membership": {"group", "member", "left_at"},
    "space": {"name", "title", "space_type", "parent"},
    "grant": {"target", "effect", "principal", "right", "native_right", "until"},
    "alias": {"target", "name", "alias_type"},
}
"""What only another wiki has in the same way: its namespaces, groups, protections and redirects."""
PLACEHOLDER = Change(
    "mediawiki.user.placeholder.account", "user", "placeholder", "converted", "target-cannot", "said of authors without an account only"
)
CHANGES = (
    Change("mediawiki.user.username.renamed", "user", "username", "converted", "target-cannot", "an account gets a name that the wiki takes and nobody has"),
    Change("mediawiki.user.emails.first", "user", "emails", "lost", "target-cannot", "an account has one address"),
    Change("mediawiki.user.created_at.seconds", "user", "created_at", "converted", "target-cannot", "times are kept to the second"),
    Change("mediawiki.user.user_type.placeholder", "user", "user_type", "converted", "target-cannot", "an author without an account"),
    Change("mediawiki.user.full_name.cleaned", "user", "full_name", "converted", "target-cannot", "control characters are not kept; Unicode is NFC"),
    PLACEHOLDER,
    Change("mediawiki.page.name.renamed", "page", "name", "converted", "target-cannot", "a page gets a title that the wiki takes and no other page has"),
    Change("mediawiki.page.title.renamed", "page", "title", "converted", "target-cannot", "a page gets a title that the wiki takes and no other page has"),
    Change("mediawiki.page.page_type.derived", "page", "page_type", "converted", "target-cannot", "the kind of a page follows from its namespace and text"),
    Change("mediawiki.page.head.last", "page", "head", "converted", "source-lacks", "the current revision is the last one"),
    Change("mediawiki.page.empty", "page", None, "skipped", "target-cannot", "a page without any revision"),
    Change("mediawiki.revision.no-page", "revision", None, "skipped", "target-cannot", "a revision of something else than a page that is carried over"),
    Change("mediawiki.revision.order.counted", "revision", "order", "converted", "target-cannot", "revisions stand in the same order and are counted from 1"),
    Change("mediawiki.revision.created_at.unknown", "revision", "created_at", "converted", "source-lacks", "without a date: 1970-01-01"),
    Change("mediawiki.revision.created_at.seconds", "revision", "created_at", "converted", "target-cannot", "times are kept to the second"),
    Change("mediawiki.revision.created_by.unknown", "revision", "created_by", "lost", "source-lacks", "its author is not among the people of the source"),
    Change("mediawiki.revision.minor.false", "revision", "minor", "converted", "target-cannot", "a revision is minor, or nothing is said"),
    Change("mediawiki.revision.comment.cut", "revision", "comment", "lost", "target-cannot", "a comment has 500 characters"),
    Change("mediawiki.revision.comment.cleaned", "revision", "comment", "converted", "target-cannot", "control characters and line ends; Unicode is NFC"),
    Change("mediawiki.revision.body.absent", "revision", "body", "converted", "source-lacks", "a revision without a text has an empty one"),
    Change("mediawiki.revision.body.hidden", "revision", "body", "lost", "policy", "the text of a deleted revision stays behind"),
    Change("mediawiki.revision.body.cleaned", "revision", "body", "converted", "target-cannot", "control characters and line ends; Unicode is NFC"),
    Change("mediawiki.revision.body.model", "revision", "body", "converted", "target-cannot", "scripts, styles, and kinds of text that the wiki does not know arrive as plain text"),
    Change("mediawiki.revision.body.categories", "revision", "body", "converted", "target-cannot", "labels are written as categories"),
    Change("mediawiki.revision.state.visible", "revision", "state", "converted", "target-cannot", "a revision is deleted, or nothing is said"),
    Change("mediawiki.revision.native.in-part", "revision", "native", "lost", "target-cannot", "only what was hidden is kept of the fields without a home"),
    Change("mediawiki.file.no-content", "file", None, "skipped", "target-cannot", "a file whose content the source does not hold"),
    Change("mediawiki.file.name.renamed", "file", "name", "converted", "target-cannot", "a file gets a name that the wiki takes and no other file has"),
    Change("mediawiki.file.version_of.newest", "file", "version_of", "converted", "target-cannot", "an earlier version is one of the newest"),
    Change("mediawiki.file.created_at.unknown", "file", "created_at", "converted", "source-lacks", "without a date: 1970-01-01"),
    Change("mediawiki.file.created_at.seconds", "file", "created_at", "converted", "target-cannot", "times are kept to the second"),
    Change("mediawiki.file.created_by.unknown", "file", "created_by", "lost", "source-lacks", "its author is not among the people of the source"),
    Change("mediawiki.file.native.in-part", "file", "native", "lost", "target-cannot", "only the comment is kept of the fields without a home"),
    Change("mediawiki.tag.no-page", "tag", None, "skipped", "target-cannot", "a label of something else than a page with a text"),
    Change("mediawiki.tag.label.renamed", "tag", "label", "converted", "target-cannot", "a category gets a title that the wiki takes"),
    Change("mediawiki.tag.scheme.category", "tag", "scheme", "converted", "target-cannot", "every label is a category"),
)  # fmt: skip
OF_WIKIS_CHANGES = (
    Change("mediawiki.space.name.own", "space", "name", "converted", "target-cannot", "the wiki has its own name for it"),
    Change("mediawiki.space.title.own", "space", "title", "converted", "target-cannot", "the wiki has its own name"),
    Change("mediawiki.space.interface", "space", None, "skipped", "policy", "pages with the wiki's own texts, styles and scripts arrive among the others"),
    Change("mediawiki.space.no-namespace", "space", None, "skipped", "target-cannot", "a namespace that the wiki does not have; its pages keep it in their titles"),
    Change("mediawiki.page.space.other", "page", "space", "converted", "target-cannot", "the namespace that the wiki reads in the title"),
    Change("mediawiki.group.unknown", "group", None, "skipped", "target-cannot", "a group that the wiki does not have"),
    Change("mediawiki.membership.ruling", "membership", None, "skipped", "policy", "of a group that rules the wiki: its people choose those themselves"),
    Change("mediawiki.membership.unknown", "membership", None, "skipped", "target-cannot", "without an account of its own or a group of the wiki"),
    Change("mediawiki.grant.unknown", "grant", None, "skipped", "target-cannot", "a protection that the wiki does not have"),
    Change("mediawiki.tag.not-a-category", "tag", None, "skipped", "target-cannot", "the wiki does not read a category in the text"),
    Change("mediawiki.alias.not-a-redirect", "alias", None, "skipped", "target-cannot", "the wiki does not read the redirect, or its goal has another title"),
)  # fmt: skip
ACCOUNTS = tuple(
    Change(f"mediawiki.user.{field}.account", "user", field, "converted", "policy", "met in an account that exists, which stays as it is")
    for field in ("username", "full_name", "emails", "created_at", "user_type")
)
NOT_LIVE = {
    kind: Change(f"mediawiki.{kind}.not-live", kind, None, "skipped", "policy", "of a page that is deleted or a draft, which a wiki would show")
    for kind in ("page", "revision", "file", "tag", "grant", "alias", "comment", "reaction")
}
OLD_ADDRESS = Change("mediawiki.page.url", "page", "url", "converted", "target-cannot", "the old address leads to the new one in redirects.csv")


class Shaper:
    """Says what the wiki will show of each unit. It is pure: nothing is asked of the wiki once it is made."""

    def __init__(self, target: Target, names: Names, converter: Converter, *, people: bool) -> None:
        """``people``: whether some may be met in accounts that exist."""
        self.target, self.names, self.of_a_wiki = target, names, names.of_a_wiki
        kinds = HELD | (OF_WIKIS | {"page": HELD["page"] | {"space"}} if self.of_a_wiki else {})
        self._held = Held("mediawiki", kinds)
        held = tuple(change for change in self._held.changes if change.code != OLD_ADDRESS.code)
        own = (
            *CHANGES,
            OLD_ADDRESS,
            *NOT_LIVE.values(),
            *PRIVATE.values(),
            *(OF_WIKIS_CHANGES if self.of_a_wiki else ()),
            *(ACCOUNTS if people else ()),
        )
        declared = {change.code: change for change in (*held, *own, *CHAT, *markup_changes("mediawiki", "revision", "body"))}
        self.changes = tuple(declared.values())
        self._pages = PageShaper(target, names, converter)
        self._chat = ChatShaper(names, self._held, self._pages, converter)

    def shape(self, unit: Unit) -> Shaped:
        root = next((record for record in unit.records if ref_to(record) == unit.root), None)
        if not isinstance(root, Page) and any(isinstance(record, Message) for record in unit.records):
            return self._chat.shape(unit)
        gone = isinstance(root, Page) and root.state in ("deleted", "draft")
        left = PRIVATE if root is not None and self._closed(unit, root) else NOT_LIVE if gone else {}
        records: list[Record] = []
        noted: list[Noted] = []
        for record in unit.records:
            if kind_of(record) in left:
                noted.append(Noted(left[kind_of(record)].code, ref_to(record)))
                continue
            made, lost = self._held.limit(record)
            noted += lost
            if made is not None:
                records.append(made)
        marks = Marks(noted)
        whole = self._pages.shape(unit, [record for record in records if isinstance(record, Page | Revision | Tag | File | Alias | Grant)], marks)
        for record in records:
            made_ = self._other(record, marks)
            if made_ is not None:
                whole.append(made_)
        return Shaped(unit.root, tuple(whole), tuple(marks.noted))

    def _closed(self, unit: Unit, root: Record) -> bool:
        """Whether a page or a file, or a place that it lies in, was closed to some."""
        if any(isinstance(record, Grant) and record.effect == "deny" and record.right in (None, "view") for record in unit.records):
            return True
        at = root.space if isinstance(root, Page) else root.target if isinstance(root, File) else None
        met: set[Ref] = set()
        while at is not None and at not in met:
            met.add(at)
            place = self.names.directory.get(at)
            if isinstance(place, Space) and place.visibility == "private":
                return True
            at = place.parent if isinstance(place, Space) else place.space if isinstance(place, Page) else None
        return False

    def _other(self, record: Record, marks: Marks) -> Record | None:
        match record:
            case User():
                return self._user(record, marks)
            case Space():
                return self._space(record, marks)
            case Group():
                known = record.name == record.id and record.id in {*self.target.groups, *self.target.levels}
                code = None if known else "mediawiki.group.unknown"
            case Message():
                code = "mediawiki.message.of-a-page"
            case Reaction():
                code = "mediawiki.reaction.no-message"
            case Membership():
                member = self.names.directory.get(record.member)
                group = ref_parts(record.group)[1] in self.target.groups and record.group.startswith("group:")
                mine = isinstance(member, User) and not self.names.external(member) and record.member not in self.names.accounts
                ruling = ref_parts(record.group)[1] in self.target.ruling
                code = "mediawiki.membership.ruling" if group and ruling else None if group and mine else "mediawiki.membership.unknown"
            case _:
                return None
        if code is None:
            return record
        marks.without(record, code)
        return None

    def _user(self, user: User, marks: Marks) -> User:
        who = ref_to(user)
        account = self.names.accounts.get(who)
        if account is not None:
            made = User(id=user.id, root=user.root, username=account)
            for change in (*ACCOUNTS, PLACEHOLDER):
                if getattr(user, change.field or "") != getattr(made, change.field or ""):
                    marks.add(change.code, who)
            return made
        name = self.names.user(who) or user.username or user.id
        outside = self.names.external(user)
        values: dict[str, Any] = {"username": name, "user_type": "external" if outside else None, "placeholder": True if outside else None}
        values["full_name"] = None if outside else marks.clean(user.full_name)
        values["emails"] = user.emails[:1] if user.emails and not outside else None
        values["created_at"] = user.created_at.replace(microsecond=0) if user.created_at and not outside else None
        codes = {
            "username": "mediawiki.user.username.renamed",
            "user_type": "mediawiki.user.user_type.placeholder",
            "placeholder": "mediawiki.user.placeholder.account",
            "full_name": "mediawiki.user.full_name.cleaned",
            "emails": "mediawiki.user.emails.first",
            "created_at": "mediawiki.user.created_at.seconds",
        }
        shown: User = marks.changed(user, values, codes)
        return shown

    def _space(self, space: Space, marks: Marks) -> Space | None:
        if space.id == "wiki":
            values = {"name": self.target.dbname or None, "title": self.target.name or None}
        elif space.id == INTERFACE:
            marks.without(space, "mediawiki.space.interface")
            return None
        elif space.id in self.target.namespaces:
            values = {"name": self.target.namespaces[space.id].name or None, "title": None}
        else:
            marks.without(space, "mediawiki.space.no-namespace")
            return None
        made: Space = marks.changed(space, values, {"name": "mediawiki.space.name.own", "title": "mediawiki.space.title.own"})
        return made
