"""MediaWiki: an XML dump, a wiki on this machine, or its API.

Facts and limits: docs/adapters/mediawiki.md.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

import msgspec

from reversa.adapter import BlobRef, Change, Facts, Item, Link, Locator, Noted, Options, Source
from reversa.errors import SourceError
from reversa.records import Record, ref
from reversa.systems.mediawiki.census import census
from reversa.systems.mediawiki.chatting import read_back
from reversa.systems.mediawiki.dump import Element, Event, events
from reversa.systems.mediawiki.opening import dumps_in, is_dump, opened
from reversa.systems.mediawiki.records import CHANGES, NOT_IN_A_DUMP, Builder, site_of
from reversa.systems.mediawiki.returning import Returning
from reversa.systems.mediawiki.rights import Person, account, groups, protection
from reversa.systems.mediawiki.values import Site
from reversa.systems.mediawiki.wiki import Wiki
from reversa.systems.tables.xmls import Refused

if TYPE_CHECKING:
    from reversa.systems.mediawiki.api import Api

KINDS = ("user", "group", "space", "membership", "page", "revision", "file", "tag", "grant", "alias", "message", "reaction", "opaque")
PAGES = ("--full", "--uploads", "--include-files")
LOGS = ("--logs",)
ADDRESSES = Change("mediawiki.user.addresses", "user", "emails", "lost", "api-hides", "the API tells neither addresses nor real names")


class DumpExporter:
    """Reads one or several dumps of one wiki, page by page."""

    def __init__(self, paths: list[Path], site: Site, tenant: str) -> None:
        self._paths, self._site = paths, site
        self._builder = Builder(site)
        self.facts = Facts(system="mediawiki", kinds=KINDS, changes=(*CHANGES, *NOT_IN_A_DUMP), source=Source("mediawiki", tenant))

    @classmethod
    def open(cls, locator: Locator, options: Options) -> Self:
        path = Path(locator.address)
        paths = dumps_in(path)
        if not paths:
            raise SourceError(f"{path} holds no dump of a MediaWiki.", "A dump begins with <mediawiki>; a folder may hold several.")
        site = _site(paths[0])
        return cls(paths, site, options.tenant or site.dbname or site.name or path.name.partition(".")[0])

    def census(self) -> Mapping[str, int]:
        return census((opened(path) for path in self._paths), self._site)

    def items(self) -> Iterator[Item]:
        self._builder = Builder(self._site)
        yield from self._builder.items(self._events())
        for change in (*NOT_IN_A_DUMP, CHANGES[3]):
            yield Noted(change.code, ref(change.kind, "*"))

    def _events(self) -> Iterator[Event]:
        for path in self._paths:
            with contextlib.closing(opened(path)) as stream:
                yield from events(stream)

    def open_blob(self, blob: BlobRef) -> BinaryIO:
        return self._builder.open_blob(blob)

    def close(self) -> None:
        pass


def _site(path: Path) -> Site:
    """What the head of a dump says. Raises SourceError."""
    with contextlib.closing(opened(path)) as stream:
        try:
            first = next((event for event in events(stream) if isinstance(event, Element)), None)
        except Refused as error:
            raise SourceError(f"{path} cannot be read: {error}", "Ask for the dump again; nothing of it is trusted.") from error
    return site_of(first) if first is not None and first.name == "siteinfo" else Site()


class WikiExporter:
    """Reads a wiki on this machine: its own dump as it is written, and what a dump lacks. With ``Options.source``, what it holds of that source."""

    def __init__(self, wiki: Wiki, options: Options) -> None:
        self._wiki, self._said = wiki, wiki.ask("hello")
        self._site, self._back = wiki.site(), options.source
        self._builder = Builder(self._site)
        tenant = options.tenant or self._site.dbname
        self.facts = Facts(system="mediawiki", kinds=KINDS, changes=CHANGES, source=options.source or Source("mediawiki", tenant))

    @classmethod
    def open(cls, locator: Locator, options: Options) -> Self:
        return cls(Wiki.at(locator.address), options)

    def census(self) -> Mapping[str, int]:
        counted = census((self._wiki.dump(*options) for options in (PAGES, LOGS)), self._site)
        asked: dict[str, int] = self._wiki.ask("counts")
        return counted | asked | {"group": len(self._groups())}

    def items(self) -> Iterator[Item]:
        self._builder = Builder(self._site, self._wiki.ask("latest"), archive_names=self._back is not None)
        if self._back is None:
            yield from self._people()
            yield from self._builder.items(self._events(PAGES, LOGS))
            yield from self._protections()
            yield Noted("mediawiki.page.deleted", ref("page", "*"))
            return
        returning = Returning(self._wiki.ask("map", source=str(self._back)))
        yield from returning.outside()
        yield from returning.items(self._people())
        yield from returning.items(self._builder.items(self._events(PAGES)))
        yield from returning.items(self._protections())
        yield from read_back(self._wiki, str(self._back))

    def _events(self, *dumps: tuple[str, ...]) -> Iterator[Event]:
        for options in dumps:
            with contextlib.closing(self._wiki.dump(*options)) as stream:
                yield from events(stream)

    def _groups(self) -> list[str]:
        return sorted({*self._said["groups"], *self._said["levels"]})

    def _people(self) -> Iterator[Record]:
        yield from groups(self._groups())
        for person in msgspec.convert(self._wiki.ask("users"), list[Person]):
            self._builder.met(ref("user", person.name))
            yield from account(person)

    def links(self) -> Iterator[Link]:
        """The links on pages of the source, from the wiki's own tables of links."""
        for page, kind, name, alive in self._wiki.ask("links", source=str(self._back)) if self._back is not None else ():
            yield Link(ref("page", page), kind, name, alive=alive)

    def _protections(self) -> Iterator[Record]:
        for page, action, level, until in self._wiki.ask("protections"):
            yield protection(page, action, level, until)

    def open_blob(self, blob: BlobRef) -> BinaryIO:
        return self._builder.open_blob(blob)

    def close(self) -> None:
        self._wiki.close()


class ApiExporter:
    """Reads a wiki over its API, page by page."""

    def __init__(self, api: Api, options: Options) -> None:
        self._api, self._builder = api, Builder(api.site)
        self.facts = Facts(
            system="mediawiki", kinds=KINDS, changes=(*CHANGES, ADDRESSES), source=Source("mediawiki", options.tenant or api.site.dbname)
        )

    @classmethod
    def open(cls, locator: Locator, options: Options) -> Self:
        from reversa.systems.mediawiki.api import Api

        return cls(Api(locator.address, options.password), options)

    def census(self) -> Mapping[str, int]:
        return self._api.census()

    def items(self) -> Iterator[Item]:
        self._builder = Builder(self._api.site)
        self._api.protections.clear()
        yield from groups(self._api.groups)
        for person in self._api.people():
            self._builder.met(ref("user", person.name))
            yield from account(person)
        yield from self._builder.items(self._api.events())
        for page, action, level, until in self._api.protections:
            yield protection(page, action, level, until)
        for change in (CHANGES[3], ADDRESSES):
            yield Noted(change.code, ref(change.kind, "*"))

    def open_blob(self, blob: BlobRef) -> BinaryIO:
        return self._builder.open_blob(blob)

    def close(self) -> None:
        self._api.close()


class MediaWikiExporter:
    """Chooses how a locator is read."""

    @classmethod
    def open(cls, locator: Locator, options: Options) -> DumpExporter | WikiExporter | ApiExporter:
        if locator.address.startswith(("http://", "https://")):
            return ApiExporter.open(locator, options)
        path = Path(locator.address)
        here = path.suffix == ".php" or (path / "LocalSettings.php").is_file()
        return WikiExporter.open(locator, options) if here else DumpExporter.open(locator, options)

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether a file is a dump, or a folder holds one."""
        return is_dump(path) if path.is_file() else any(is_dump(file) for file in path.glob("*.xml*"))


ADAPTER = MediaWikiExporter
