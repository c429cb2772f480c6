"""The hall of pain: one package of hard cases, each met by somebody in another tool and named after where it was told."""

from __future__ import annotations

from reversa.records import Record
from reversa.testing.pain import identities, structures, texts
from reversa.testing.pain.cases import CASES

__all__ = ["CASES", "hall_of_pain", "identities", "structures", "texts"]


def hall_of_pain() -> list[Record]:
    """Every case, each under ids of its own where the case is not about ids."""
    return [record for made in CASES.values() for record in made()]
