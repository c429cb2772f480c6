"""Texts in wiki markup, made readable for the archive: headings, lists, tables, and links that lead to records."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence

from reversa.directory import Directory
from reversa.errors import MissingExtra
from reversa.markup.contract import Given
from reversa.markup.converting import Converter
from reversa.records import Body, Page, Record, Ref, Revision, ref_to
from reversa.systems.html.cards import anchor

_WIKI = frozenset({"mediawiki", "dokuwiki", "markdown"})
_IMAGE = re.compile(r'<img src="\./(ref:[^"]*)" alt="([^"]*)"[^>]*>')
_log = logging.getLogger("reversa")


class Bodies:
    """Makes HTML of wiki texts; where pandoc is not installed they are shown as they were written."""

    def __init__(self) -> None:
        self.directory = Directory()
        self._converter: Converter | None = None
        self._missing = False

    def readable(self, records: Sequence[Record]) -> Mapping[Ref, Body]:
        """The texts of those records that are in wiki markup, as HTML."""
        written = [(record, body) for record in records if isinstance(body := getattr(record, "body", None), Body) and body.format in _WIKI]
        if not written or self._missing:
            return {}
        self._converter = self._converter or Converter("html")
        try:
            made = self._converter.convert([Given(body, self._page(record)) for record, body in written], self)
        except MissingExtra as error:
            self._missing = True
            _log.warning("Wiki pages are shown as they were written: %s", error.hint)
            return {}
        return {ref_to(record): _linked(one.body) for (record, _), one in zip(written, made, strict=True)}

    def _page(self, record: Record) -> str:
        page = self.directory.get(record.target) if isinstance(record, Revision) else None
        return page.name or "" if isinstance(page, Page) else ""

    def find(self, kind: str, name: str) -> Ref | None:
        return self.directory.find(kind, name)

    def address(self, record: Ref) -> str | None:
        return f"ref:{anchor(record)}" if self.directory.get(record) is not None else None

    def close(self) -> None:
        if self._converter is not None:
            self._converter.close()
            self._converter = None


def _linked(body: Body) -> Body:
    """Links as the archive writes them; an image is a link to its file, which nothing shows by itself."""
    text = _IMAGE.sub(lambda image: f'<a href="{image[1]}">{image[2] or "⧉"}</a>', body.text).replace('href="./ref:', 'href="ref:')
    return Body(format="html", text=text)
