"""The one choke point for secrets: what has the form of a credential never enters a package.

The forms are published by their issuers, so a person's words are not touched by accident. Every removal is a
counted change of its field.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

import stringzilla

from reversa.tabular import TableRows, places_of

REMOVED = b"REMOVED-BY-REVERSA"

_SECRETS = re.compile(
    rb"(?P<before>"
    rb"https:(?:\\*/){2}files\.slack\.com[^\"\s<>|]*?(?:[?&]|&amp;|%3F|%26)t(?:=|%3D)"  # the export token that opens every file of a workspace
    rb"|https://hooks\.slack\.com/(?:services|workflows|triggers)/"
    rb")[^&\"\\\s<>|]+"
    rb"|xox(?:[abcdeprs]|o(?=-\d))(?:\.xox[abcdeprs])?-[A-Za-z0-9-]{8,}|xapp-\d-[A-Za-z0-9-]{8,}"
    rb"|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{20,}"
    rb"|AKIA[0-9A-Z]{16}|AIza[0-9A-Za-z_-]{35}"
    rb"|-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----(?:[^\"\\]|\\.)*?-----END (?:[A-Z]+ )?PRIVATE KEY-----",
    re.DOTALL,
)
_HINTS = (
    b"xox", b"slack.com/", b"xapp-", b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"github_pat_", b"glpat-", b"AKIA", b"AIza", b"PRIVATE KEY",
)  # fmt: skip
"""None holds a sign that JSON writes otherwise, so they are found in texts as in canonical bytes."""


def suspects(lines: Sequence[bytes]) -> set[int]:
    """The numbers of those of many canonical bytes that :func:`redact` must see; of the others it would change nothing."""
    joined = b"\n".join(lines)  # one search in many records costs a tenth of a search in each
    ends = list(accumulate(len(line) + 1 for line in lines))
    found: set[int] = set()
    for hint in _HINTS:
        at: int = stringzilla.find(joined, hint)
        while at >= 0:
            number = bisect_right(ends, at)
            found.add(number)
            at = stringzilla.find(joined, hint, ends[number])
    return found


def suspect_rows(rows: TableRows) -> set[int]:
    """The places of those rows whose records :func:`redact` must see."""
    if any(hint in name.encode() for name in (rows.table, *rows.cells.schema.names) for hint in _HINTS):
        return set(range(len(rows)))
    return set().union(*(places_of(column, _HINTS) for column in (rows.ids, *rows.cells.columns)))


def redact(data: bytes) -> bytes:
    """The canonical bytes of a record without its secrets; the same object when there is none."""
    if not any(map(data.__contains__, _HINTS)) or not _SECRETS.search(data):
        return data
    return _SECRETS.sub(lambda match: (match["before"] or b"") + REMOVED, data)
