"""What a conversion is given and what it gives: the words that importers, readers and writers share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from reversa.adapter import Change, Effect, Noted, Why
from reversa.records import Body, Ref

LOSSES: Mapping[str, tuple[Effect, Why, str]] = {
    "converted": ("converted", "target-cannot", "written in the markup of the target: same words, same links"),
    "boxed": ("converted", "target-cannot", "a macro or template that the target does not know is shown as a box with its original text"),
    "dangling": ("converted", "source-lacks", "a link to something that is not carried over is kept as it was, and marked"),
    "unparsed": ("converted", "target-cannot", "a text that cannot be parsed is shown as it was written"),
    "style": ("converted", "target-cannot", "an appearance that the target's markup does not know: colour, alignment, width"),
    "hidden": ("lost", "target-cannot", "what readers never saw: comments, switches, anchors"),
    "active": ("lost", "policy", "scripts and other active content are not carried over"),
}
"""What may happen to a text on the way: the last word of a change's code, and what it means."""


class Given(msgspec.Struct, frozen=True):
    """A text to convert. ``page`` is the source's name of the page it stands on, from which relative links start."""

    body: Body
    page: str = ""


class Loss(msgspec.Struct, frozen=True):
    """Something that happened to a text: a word of LOSSES, how often, and to what."""

    what: str
    count: int = 1
    detail: str = ""


class Converted(msgspec.Struct, frozen=True):
    """A text in the target's markup, what that meant, and where the counts of both ends disagree (then it is not trusted)."""

    body: Body
    losses: tuple[Loss, ...] = ()
    disagreements: tuple[str, ...] = ()


class Links(Protocol):
    """What names in a text lead to, and where that lies in the target."""

    def find(self, kind: str, name: str) -> Ref | None:
        """The page, file or user that the source calls so."""
        ...

    def address(self, record: Ref) -> str | None:
        """The target's own name of a record, as its links write it, unescaped; None: it is not carried over."""
        ...


def changes(system: str, kind: str, field: str) -> tuple[Change, ...]:
    """What a target that converts this field declares."""
    return tuple(Change(f"{system}.{kind}.{field}.{what}", kind, field, *meaning) for what, meaning in LOSSES.items())


def noted(system: str, kind: str, field: str, record: Ref, converted: Converted) -> list[Noted]:
    """What happened to one text. One whose counts disagree is not said to be converted: it will count as different."""
    if converted.disagreements:
        return []
    return [Noted(f"{system}.{kind}.{field}.{loss.what}", record, loss.count, loss.detail) for loss in converted.losses]
