"""What a folder of Markdown has a place for."""

from __future__ import annotations

from collections.abc import Mapping

from reversa.adapter import Source

_HELD: Mapping[str, frozenset[str]] = {
    "space": frozenset({"name", "parent"}),
    "page": frozenset({"created_at", "created_by", "updated_at", "space", "parent", "title", "name", "head"}),
    "revision": frozenset({"target", "body"}),
    "file": frozenset({"target", "name", "size", "sha256"}),
    "tag": frozenset({"target", "label"}),
    "alias": frozenset({"target", "name"}),
}
_OWN: Mapping[str, frozenset[str]] = {
    "space": frozenset({"space_type"}),
    "page": frozenset({"native"}),
    "file": frozenset({"availability"}),
    "alias": frozenset({"alias_type"}),
}


def is_own(source: Source) -> bool:
    """Whether a source is a folder of Markdown, too."""
    return source.system == "markdown"


def held(source: Source) -> dict[str, frozenset[str]]:
    """Kind → fields, of a source."""
    return {kind: fields | (_OWN.get(kind, frozenset()) if is_own(source) else frozenset()) for kind, fields in _HELD.items()}
