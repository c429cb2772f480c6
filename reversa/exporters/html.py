"""Reads a browsable archive back from its pages: how the archive is verified, and a source like any other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Self

from reversa.adapter import BlobRef, Facts, Item, Locator, Options, Source
from reversa.errors import SourceError
from reversa.records import KINDS
from reversa.systems.html.reading import beginning, inside, marks, pages, read, source_of


class HtmlExporter:
    """Reads what the pages show, field by field; the content of files is read from the files."""

    def __init__(self, archive: Path, source: Source) -> None:
        self._archive, self._source = archive, source
        self.facts = Facts(system="html", kinds=tuple(KINDS), source=source)

    @classmethod
    def open(cls, locator: Locator, options: Options) -> Self:
        archive = Path(locator.address)
        held = source_of(archive)
        source = options.source or held
        if source is None:
            raise SourceError(f"{archive} holds no page of an archive.", "Give the folder that html:FOLDER was written to.")
        return cls(archive, source)

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether a folder is an archive."""
        return (path / "pages").is_dir() and (path / "search").is_dir() and (path / "texts.js").is_file()

    def census(self) -> Mapping[str, int]:
        counts: Counter[str] = Counter()
        for page in pages(self._archive):
            html = beginning(page)
            counts.update([kind for _, kind in marks(html)] or ["opaque"])
            counts["user"] -= html.count(b'<dd itemprop="placeholder" dir="auto">true</dd>')
        return counts

    def items(self) -> Iterator[Item]:
        for page in pages(self._archive):
            yield from read(self._archive, page, self._source)

    def open_blob(self, blob: BlobRef) -> BinaryIO:
        return inside(self._archive, blob).open("rb")

    def close(self) -> None:
        pass


ADAPTER = HtmlExporter
