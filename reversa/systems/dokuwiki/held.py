"""What a wiki has a place for."""

from __future__ import annotations

from collections.abc import Mapping

from reversa.adapter import Source

HELD: Mapping[str, frozenset[str]] = {
    "user": frozenset({"username", "display_name", "emails"}),
    "group": frozenset({"name"}),
    "space": frozenset({"name", "visibility", "parent"}),
    "membership": frozenset({"group", "member"}),
    "page": frozenset({"state", "created_at", "created_by", "updated_at", "updated_by", "space", "parent", "title", "name", "head"}),
    "revision": frozenset({"order", "state", "created_at", "created_by", "target", "minor", "comment", "body"}),
    "file": frozenset({"created_at", "created_by", "target", "name", "size", "sha256", "version_of"}),
    "grant": frozenset({"target", "effect", "principal", "audience", "right"}),
}
"""Of any source: kind → fields."""
_OWN: Mapping[str, frozenset[str]] = {
    "space": frozenset({"title", "space_type", "native"}),
    "page": frozenset({"page_type", "native"}),
    "revision": frozenset({"native"}),
    "file": frozenset({"state", "availability", "version", "native"}),
    "grant": frozenset({"native_right"}),
    "opaque": frozenset({"native_kind", "name", "size", "sha256", "native"}),
}
"""Of another DokuWiki, in addition."""


def is_own(source: Source) -> bool:
    """Whether a source is a DokuWiki, too."""
    return source.system == "dokuwiki"


def held(source: Source) -> dict[str, frozenset[str]]:
    """The kinds and fields that a wiki has a place for, of a source."""
    if not is_own(source):
        return dict(HELD)
    return {kind: HELD.get(kind, frozenset()) | _OWN.get(kind, frozenset()) for kind in {**HELD, **_OWN}}
