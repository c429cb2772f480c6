"""Texts of other systems as DokuWiki writes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reversa.adapter import Noted
from reversa.directory import Directory
from reversa.markup.contract import Given, noted
from reversa.records import Body, Ref, Revision, ref_parts, ref_to
from reversa.systems.dokuwiki.places import Places


class Bodies:
    """Converts one text at a time; the converter's programs start with the first one."""

    def __init__(self, directory: Directory, places: Places, converter: Callable[[], Any], *, own: bool) -> None:
        self._directory, self._places, self._converter, self._own = directory, places, converter, own

    def find(self, kind: str, name: str) -> Ref | None:
        """What the source calls so; see :class:`reversa.markup.contract.Links`."""
        return self._directory.find(kind, name)

    def address(self, record: Ref) -> str | None:
        """What links write for it, from wherever they stand."""
        if self._own and not self._places.is_renamed(record):
            return None  # a link that is right stays as it was written
        name = self._places.name(record)
        kind, _ = ref_parts(record)
        return f":{name}" if name is not None and kind in ("page", "file") else name

    def converted(self, revision: Revision) -> tuple[Body, list[Noted]]:
        """The text of a version in DokuWiki's markup, and what that meant."""
        assert revision.body is not None  # noqa: S101 - asked for those that have one only
        page = self._directory.get(revision.target)
        name = getattr(page, "name", None) or getattr(page, "title", None) or ref_parts(revision.target)[1]
        [made] = self._converter().convert([Given(revision.body, name)], self)
        losses = noted("dokuwiki", "revision", "body", ref_to(revision), made)
        if made.body != revision.body and not losses and not made.disagreements:  # only names in links are others
            losses = [Noted("dokuwiki.revision.body.converted", ref_to(revision))]
        return made.body, losses
