"""The ``.meta`` file of a page: what DokuWiki keeps of it beside its text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

import msgspec

from reversa.adapter import Change
from reversa.records import instant
from reversa.systems.mapped.php import php_to_json

CONTAINERS = 100_000
"""A file that announces more arrays is refused: each takes memory."""
_TOLD_ELSEWHERE = ("last_change", "date", "user")
"""What the log says, and who made the page and when."""


class Meta(msgspec.Struct, frozen=True):
    """Who made a page and when, and what has no field here."""

    CHANGE: ClassVar[Change] = Change("dokuwiki.page.native", "page", "native", "lost", "source-lacks", "the .meta file of the page cannot be read")

    created: datetime | None = None
    user: str = ""
    left: Mapping[str, Any] = {}


def read_meta(data: bytes) -> Meta:
    """What a file says. Raises ValueError when it is no serialised data.

    Only what is kept between renderings: ``current`` is made from the text each time it is shown. Rendering adds empty values.
    """
    if data.count(b"{") > CONTAINERS:
        raise ValueError(f"more than {CONTAINERS:,} arrays")
    text = php_to_json(data.decode())
    if text is None:
        raise ValueError("it is no serialised data")
    value = json.loads(text)
    held = value.get("persistent") if isinstance(value, dict) else None
    if not isinstance(held, dict):
        return Meta()
    left = {name: member for name, member in held.items() if name not in _TOLD_ELSEWHERE and member not in ("", [], {})}
    date = held.get("date")
    seconds = date.get("created") if isinstance(date, dict) else None
    created = None
    if isinstance(seconds, int) and 0 < seconds < 253_402_300_800:
        created = instant(seconds * 1_000_000)
    user = held.get("user")
    return Meta(created, user if isinstance(user, str) else "", {"meta": left} if left else {})
