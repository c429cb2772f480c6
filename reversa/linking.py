"""The links of what was written, as the target itself follows them: how many there are, and which lead nowhere."""

from __future__ import annotations

import codecs
import csv
from pathlib import Path

import msgspec

from reversa.adapter import Exporter, Link
from reversa.directory import Directory, folded
from reversa.files import whole
from reversa.ledger import Ledger
from reversa.records import Page, Ref

DEAD_LINKS = "dead-links.csv"
_HELD = ("written", "replaced", "merged")


class Followed(msgspec.Struct, frozen=True, kw_only=True):
    """What following every link showed."""

    links: int
    dead: int
    """They lead nowhere, as they did in the source or because what they lead to was left out."""
    broken: int
    """They lead nowhere, and what they named was carried over."""


def follow(target: Exporter, directory: Directory, ledger: Ledger, path: Path) -> Followed | None:
    """Follow every link between records in a target that can be asked for them; None of another one.

    The dead ones are listed in ``path``. Raises OSError.
    """
    links = getattr(target, "links", None)
    if links is None:
        return None
    followed = dead = broken = 0
    with whole(path) as file:
        writer = csv.writer(codecs.getwriter("utf-8")(file))
        writer.writerow(["record", "leads to", "carried over"])
        for link in links():
            followed += 1
            if link.alive:
                continue
            meant = _named(directory, link)
            entry = None if meant is None else ledger.entry(meant)
            carried = entry is not None and entry.state in _HELD
            broken += carried
            dead += not carried
            writer.writerow([link.record, f"'{link.name}" if link.name.startswith(("=", "+", "-", "@", "\t", "\r")) else link.name, meant or ""])
    return Followed(links=followed, dead=dead, broken=broken)


def _named(directory: Directory, link: Link) -> Ref | None:
    """What a link names, by the name in its address: the title of a page may be that of several."""
    meant = directory.find(link.kind, link.name)
    record = None if meant is None else directory.get(meant)
    other = isinstance(record, Page) and record.name is not None and folded(record.name) != folded(link.name)
    return None if other else meant
