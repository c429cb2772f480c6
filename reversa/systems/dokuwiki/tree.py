"""What hangs on what."""

from __future__ import annotations

from collections.abc import Mapping

from reversa.records import Ref


def climb(parents: Mapping[Ref, Ref | None]) -> dict[Ref, Ref]:
    """Who hangs on whom, without what is not there and without circles: who is in one hangs on nothing."""
    uppers = {}
    for record, parent in parents.items():
        met, above = {record}, parent
        while above is not None and above in parents and above not in met:
            met.add(above)
            above = parents[above]
        if parent is not None and parent in parents and above != record:
            uppers[record] = parent
    return uppers
