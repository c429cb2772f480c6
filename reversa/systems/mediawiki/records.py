"""What a dump, the API or a wiki on this machine says, as records: the same ones whichever way it is asked."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from html import unescape
from typing import BinaryIO
from urllib.parse import quote

import msgspec

from reversa.adapter import Attached, BlobRef, Change, Item, Noted, Unreadable
from reversa.records import Alias, Body, File, Opaque, Page, Ref, Revision, Space, Tag, User, ref, ref_to
from reversa.systems.mediawiki.dump import BreaksOff, Broken, Element, Event
from reversa.systems.mediawiki.values import Namespace, Site, base36, categories, category_words, instant, native, page_type, sha1_of

WIKI = ref("space", "wiki")
"""The space of the wiki itself; its namespaces lie in it."""
CHANGES = (
    Change("mediawiki.page.title-normalised", "page", "name", "converted", "source-lacks", "the title is written as the wiki itself reads it"),
    Change("mediawiki.page.id-twice", "page", "id", "converted", "source-lacks", "two pages have one id; the second gets a number"),
    Change("mediawiki.page.breaks-off", "page", None, "lost", "source-lacks", "the dump or a page ends without its end; nobody knows what followed"),
    Change("mediawiki.page.deleted", "page", None, "lost", "source-lacks", "pages that were deleted are not in a dump"),
    Change("mediawiki.revision.text-hidden", "revision", "body", "lost", "api-hides", "the wiki's administrators have hidden this text"),
    Change("mediawiki.revision.comment-hidden", "revision", "comment", "lost", "api-hides", "the wiki's administrators have hidden this comment"),
    Change("mediawiki.revision.author-hidden", "revision", "created_by", "lost", "api-hides", "the wiki's administrators have hidden this author"),
    Change("mediawiki.revision.text-missing", "revision", "body", "lost", "source-lacks", "the dump holds no text for this revision"),
    Change("mediawiki.revision.sha1-differs", "revision", "body", "converted", "source-lacks", "the text is not the one its digest was made of"),
    Change("mediawiki.file.content-missing", "file", "sha256", "lost", "source-lacks", "the dump was made without the content of files"),
    Change("mediawiki.file.sha1-differs", "file", "sha256", "converted", "source-lacks", "the content is not the one its digest was made of"),
    Change("mediawiki.alias.dangling", "alias", None, "skipped", "source-lacks", "a redirect to a page that is not there; its text is kept"),
)  # fmt: skip
NOT_IN_A_DUMP = (
    Change("mediawiki.user.only-authors", "user", None, "lost", "source-lacks", "a dump names authors only: no other account, no address, no real name"),
    Change("mediawiki.group.not-in-dump", "group", None, "lost", "source-lacks", "groups are not in a dump"),
    Change("mediawiki.membership.not-in-dump", "membership", None, "lost", "source-lacks", "who is in which group is not in a dump"),
    Change("mediawiki.grant.not-in-dump", "grant", None, "lost", "source-lacks", "the protection of pages is not in a dump"),
)  # fmt: skip
_KNOWN = {
    "page": {"title", "ns", "id", "redirect", "restrictions"},
    "revision": {"id", "parentid", "timestamp", "minor", "comment", "origin", "model", "format", "text", "sha1"},
    "upload": {"timestamp", "comment", "filename", "archivename", "src", "size", "sha1base36", "rel", "contents"},
}
_PERSON = re.compile(rb"<username>([^<]*)</username>\s*<id>([1-9]\d*)</id>")
_SPACE = re.compile(rb"<ns>(-?\d+)</ns>")


class Builder:
    """Turns events into records, page by page; holds the titles and ids of all pages, and the people met."""

    def __init__(self, site: Site, latest: Mapping[str, str] | None = None, *, archive_names: bool = False) -> None:
        """``latest``: page to current revision, where the wiki says it; ``archive_names``: earlier files have those as their ids."""
        self.site, self._latest, self._archive_names = site, latest or {}, archive_names
        self._words = category_words(site)
        self._met: set[Ref] = set()
        self._ids: dict[str, list[str]] = {}
        self._titles: dict[str, Ref] = {}
        self._redirects: list[tuple[Page, str]] = []
        self._page: _PageInHand | None = None
        self._given: Counter[str] = Counter()
        self._blob: tuple[BlobRef, BinaryIO] | None = None

    def open_blob(self, blob: BlobRef) -> BinaryIO:
        """The content of the file that was given last. Raises KeyError for an earlier one: nothing is kept of it."""
        if self._blob is None or self._blob[0] != blob:
            raise KeyError(blob)
        return self._blob[1]

    def items(self, events: Iterator[Event]) -> Iterator[Item]:
        yield self._wiki()
        for event in events:
            if isinstance(event, Broken):
                yield from self._broken(event)
            elif isinstance(event, BreaksOff):
                yield from self._page_ends()
                yield Noted("mediawiki.page.breaks-off", ref("page", "*"))
            elif event.name == "page":
                self._given.clear()
                yield from self._page_begins(event)
            elif event.name == "/page":
                yield from self._page_ends()
            elif event.name == "logitem":
                yield from self._log(event)
            elif event.name in ("revision", "upload"):
                self._given[event.name] += 1
                if self._page is not None:
                    yield from self._revision(event, self._page) if event.name == "revision" else self._upload(event, self._page)
                else:
                    yield Unreadable("revision" if event.name == "revision" else "file", "a page without a title", "its page cannot be read")
        yield from self._aliases()

    def met(self, who: Ref) -> None:
        """Somebody is known already, and not given again."""
        self._met.add(who)

    # ------------------------------------------------------------------------------------------- places and people

    def _wiki(self) -> Space:
        site = self.site
        return Space(
            id="wiki",
            root=WIKI,
            url=site.base or None,
            name=site.dbname or None,
            title=site.name or None,
            space_type="wiki",
            native=native({"generator": site.generator, "case": site.case if site.generator else None}),
        )

    def space(self, key: str) -> Iterator[Item]:
        """A namespace, the first time it is met."""
        record = ref("space", key)
        if record not in self._met:
            self._met.add(record)
            space = self.site.namespace(key)
            yield Space(
                id=key,
                root=record,
                name=space.name or None,
                space_type="namespace",
                parent=WIKI,
                native=native({"case": space.case if space.case != self.site.case else None}),
            )

    def _author(self, contributor: Element | None) -> Iterator[Item]:
        """Who did it, the first time they are met."""
        texts = contributor.texts if contributor is not None else {}
        name, ip = texts.get("username"), texts.get("ip")
        if name or ip:
            yield from self.person(name, ip, listed=texts.get("id", "0") != "0")

    def person(self, name: str | None, ip: str | None = None, *, listed: bool) -> Iterator[Item]:
        who = _author_ref(name, ip)
        if who is not None and who not in self._met:
            self._met.add(who)
            yield User(
                id=who.partition(":")[2],
                root=who,
                username=name or ip,
                user_type=None if listed else "external",
                placeholder=None if listed else True,
            )

    # ------------------------------------------------------------------------------------------- pages

    def _page_begins(self, element: Element) -> Iterator[Item]:
        texts = element.texts
        given = texts.get("title", "").strip()
        if not given:
            yield Unreadable("page", f"id {texts.get('id', 'unknown')}", "it has no title")
            if "redirect" in element.attributes:
                yield Unreadable("alias", f"id {texts.get('id', 'unknown')}", "its page has no title")
            return
        key = texts.get("ns", "").strip() or self._key_of(given)
        title = self.site.normalised(key, given)
        own = texts.get("id", "").strip() or f"title:{title}"
        titles = self._ids.setdefault(own, [])
        if title not in titles:
            titles.append(title)
        number = titles.index(title) + 1
        id = own if number == 1 else f"{own}~{number}"
        if number > 1:
            yield Noted("mediawiki.page.id-twice", ref("page", id))
        if title != given:
            yield Noted("mediawiki.page.title-normalised", ref("page", id), detail=f"{given} -> {title}")
        yield from self.space(key)
        redirect = element.attributes.get("redirect")
        page = Page(
            id=id,
            root=ref("page", id),
            url=_address(self.site.base, title),
            space=ref("space", key),
            title=self.site.local(key, title) or title,
            name=title,
            page_type=page_type(key, redirect=redirect is not None),
            native=native({"title": given if given != title else None, "restrictions": texts.get("restrictions")} | _more(element)),
        )
        self._titles[title] = ref_to(page)
        if redirect is not None:
            self._redirects.append((page, redirect.get("title", "")))
        self._page = _PageInHand(page, self._latest.get(own))

    def _key_of(self, title: str) -> str:
        prefix = title.partition(":")[0].casefold() if ":" in title else ""
        names = {space.name.casefold(): key for key, space in self.site.namespaces.items()}
        return names.get(prefix, "0") if prefix else "0"

    def _page_ends(self, *, whole: bool = True) -> Iterator[Item]:
        if self._page is None:
            return
        page, self._page = self._page, None
        yield page.done()
        if whole and page.text is not None:
            record = page.record
            for label in categories(page.text, self._words, self.site.namespace("14").case):
                yield Tag(id=f"{record.id}/{label}", root=record.root, target=record.root, label=label, scheme="category")

    def _broken(self, event: Broken) -> Iterator[Item]:
        """What came before the break stays; the rest of the page is counted."""
        named = self._page is not None
        where = self._page.record.name or event.where if self._page is not None else event.where
        page = self._page.record.root if self._page is not None else ref("page", "*")
        yield from self._page_ends(whole=False)
        for name, id in _PERSON.findall(event.rest):
            yield from self.person(unescape(name.decode(errors="replace")), listed=id != b"0")
        for key in _SPACE.findall(event.rest):
            yield from self.space(key.decode())
        left = {
            "page": event.counts["page"] - named,
            "alias": 0 if named else event.counts["redirect"],
            "revision": event.counts["revision"] - self._given["revision"],
            "file": event.counts["upload"] - self._given["upload"],
            "opaque": event.counts["logitem"],
        }
        self._given.clear()
        if not any(count > 0 for count in left.values()):
            yield Noted("mediawiki.page.breaks-off", page, detail=f"{event.where}: {event.reason}")
        for kind, count in left.items():
            if count > 0:
                yield Unreadable(kind, where, f"{event.where}: {event.reason}", count)

    def _aliases(self) -> Iterator[Item]:
        for page, to in self._redirects:
            target = self._titles.get(to) or self._titles.get(self.site.normalised(self._key_of(to), to))
            if target is None:
                yield Noted("mediawiki.alias.dangling", ref("alias", page.id), detail=to)
            else:
                yield Alias(id=page.id, root=page.root, target=target, name=page.name or page.id, alias_type="redirect")

    # ------------------------------------------------------------------------------------------- revisions and files

    def _revision(self, element: Element, page: _PageInHand) -> Iterator[Item]:
        texts, attributes = element.texts, element.attributes
        contributor = element.part("contributor")
        yield from self._author(contributor)
        page.number += 1
        given = texts.get("timestamp", "")
        at = instant(given)
        id = texts.get("id", "").strip() or f"{page.record.id}@{given}"
        record = ref("revision", id)
        hidden = [name for name in ("text", "comment", "contributor") if "deleted" in attributes.get(name, {})]
        for name, code in (
            ("text", "mediawiki.revision.text-hidden"),
            ("comment", "mediawiki.revision.comment-hidden"),
            ("contributor", "mediawiki.revision.author-hidden"),
        ):
            if name in hidden:
                yield Noted(code, record)
        text, model = texts.get("text", ""), texts.get("model") or "wikitext"
        digest = attributes.get("text", {}).get("sha1") or ("" if element.part("content") else texts.get("sha1", "").strip())
        body = None if "text" in hidden else text
        if body is not None and digest and digest != sha1_of(text):
            if text:
                yield Noted("mediawiki.revision.sha1-differs", record)
            else:
                body = None
                yield Noted("mediawiki.revision.text-missing", record)
        slots = [{"role": slot.texts.get("role"), "model": slot.texts.get("model"), "text": slot.texts.get("text")} for slot in _slots(element)]
        revision = Revision(
            id=id,
            root=page.record.root,
            order=page.number,
            state="deleted" if "text" in hidden else None,
            created_at=at,
            created_by=_author_of(contributor),
            target=page.record.root,
            minor=True if "minor" in attributes else None,
            comment=texts.get("comment") or None,
            body=None if body is None else Body(format="mediawiki" if model == "wikitext" else f"mediawiki-{model}", text=body),
            native=native({"hidden": sorted(hidden), "timestamp": given if at is None else None, "slots": slots} | _more(element)),
        )
        page.offer(revision)
        yield revision

    def _upload(self, element: Element, page: _PageInHand) -> Iterator[Item]:
        """A version of a file; the one before it is a version of it."""
        texts = element.texts
        contributor = element.part("contributor")
        yield from self._author(contributor)
        name, archive, given = texts.get("filename") or (page.record.title or ""), texts.get("archivename"), texts.get("timestamp", "")
        at = instant(given)
        id = name if not archive else archive if self._archive_names else f"{name}@{given}"
        size = texts.get("size", "")
        made = File(
            id=id,
            root=page.record.root,
            created_at=at,
            created_by=_author_of(contributor),
            target=page.record.root,
            name=name.replace("_", " "),
            size=int(size) if size.isdecimal() else None,
            availability=None if element.content is not None else "absent",
            version_of=ref("file", name) if archive else None,
            native=native({"comment": texts.get("comment"), "timestamp": given if at is None else None} | _more(element)),
        )
        if element.content is None:
            yield Noted("mediawiki.file.content-missing", ref_to(made))
            yield made
            return
        digest = hashlib.file_digest(element.content, "sha1")  # type: ignore[arg-type]  # every binary file
        element.content.seek(0)
        if texts.get("sha1base36") not in (None, base36(digest.hexdigest())):
            yield Noted("mediawiki.file.sha1-differs", ref_to(made))
        self._blob = BlobRef(id), element.content
        yield Attached(made, BlobRef(id))

    def _log(self, element: Element) -> Iterator[Item]:
        texts = element.texts
        contributor = element.part("contributor")
        yield from self._author(contributor)
        id, at = texts.get("id", "").strip(), instant(texts.get("timestamp"))
        if not id:
            yield Unreadable("opaque", "a log item", "it has no id")
            return
        hidden = sorted(name for name, attributes in element.attributes.items() if "deleted" in attributes)
        known = {"id", "timestamp" if at is not None else "", "logtitle"}
        yield Opaque(
            id=f"log/{id}",
            root=ref("opaque", f"log/{id}"),
            created_at=at,
            created_by=_author_of(contributor),
            native_kind="log item",
            name=texts.get("logtitle") or None,
            native=native({name: value for name, value in texts.items() if name not in known} | {"hidden": hidden}),
        )


class _PageInHand:
    """A page while its revisions come."""

    def __init__(self, record: Page, latest: str | None) -> None:
        self.record, self._latest, self.number = record, latest, 0
        self.text: str | None = None
        self._head: tuple[tuple[bool, float, int, int], Ref] | None = None

    def offer(self, revision: Revision) -> None:
        """The newest one is the head: of two in one second the one with the greater id."""
        number = int(revision.id) if revision.id.isascii() and revision.id.isdecimal() else 0
        rank: tuple[bool, float, int, int] = (
            revision.id == self._latest,
            revision.created_at.timestamp() if revision.created_at else 0.0,
            number,
            self.number,
        )
        if self._head is None or rank > self._head[0]:
            self._head = rank, ref_to(revision)
            self.text = revision.body.text if revision.body is not None and revision.body.format == "mediawiki" else None

    def done(self) -> Page:
        return msgspec.structs.replace(self.record, head=self._head[1] if self._head else None)


def _author_ref(name: str | None, ip: str | None) -> Ref | None:
    if ip:
        return ref("user", f"ip:{ip}")
    return ref("user", name) if name else None


def _author_of(contributor: Element | None) -> Ref | None:
    return None if contributor is None else _author_ref(contributor.texts.get("username"), contributor.texts.get("ip"))


def _slots(element: Element) -> list[Element]:
    return [part for part in element.parts if part.name == "content"]


def _more(element: Element) -> dict[str, object]:
    """Fields that no version of the format that is known here has."""
    return {name: text for name, text in element.texts.items() if name not in _KNOWN[element.name]}


def _address(base: str, title: str) -> str | None:
    """Where a page lay: as the main page, of which the dump says it."""
    start = base[: base.rfind("/") + 1] if base.count("/") > 2 else ""
    return start + quote(title.replace(" ", "_"), safe="/:@!$*(),;~'") if start else None


def site_of(element: Element) -> Site:
    """What the head of a dump says of its wiki."""
    texts = element.texts
    spaces = element.part("namespaces")
    case = texts.get("case", "first-letter")
    named = [(part.attributes[""], part.texts.get("name", "")) for part in (spaces.parts if spaces else [])]
    return Site(
        name=texts.get("sitename", ""),
        dbname=texts.get("dbname", ""),
        base=texts.get("base", ""),
        generator=texts.get("generator", ""),
        case=case,
        namespaces={attributes.get("key", ""): Namespace(name, attributes.get("case", case)) for attributes, name in named},
    )
