"""An importer that waits for its system: what the road puts around every importer, so that none has to retry writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from reversa.adapter import Importer, Outcome, Session, Shaped
from reversa.errors import Unavailable
from reversa.patience import attempts
from reversa.records import Ref, ref_to


class Patient:
    """Asks again when ``find`` or ``write`` raise Unavailable, and never sends what has arrived; all else is the importer's own.

    Patience starts anew whenever something got through, so a service that is slow but works is never given up.
    """

    def __init__(self, importer: Importer) -> None:
        self._importer = importer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._importer, name)

    @property
    def wrapped(self) -> Importer:
        """The importer itself."""
        return self._importer

    def find(self, records: Sequence[Ref]) -> Mapping[Ref, tuple[str, ...]]:
        for attempt in attempts():
            with attempt:
                return self._importer.find(records)
        raise AssertionError("the last attempt returns or raises")

    def write(self, units: Sequence[Shaped], session: Session) -> Iterable[Outcome]:
        outcomes: dict[Ref, Outcome] = {}
        failed: Unavailable | None = None
        while True:
            for attempt in attempts():
                with attempt:
                    if attempt.num == 1 and failed is not None:
                        raise failed  # only to wait as it asks
                    before = len(outcomes)
                    left = units if failed is None else self._left(units, outcomes)
                    try:
                        for outcome in self._importer.write(left, session):
                            outcomes[outcome.record] = outcome
                    except Unavailable as error:
                        failed = error
                        if len(outcomes) == before:
                            raise
                        break
                    return outcomes.values()

    def _left(self, units: Sequence[Shaped], outcomes: dict[Ref, Outcome]) -> list[Shaped]:
        """What the target does not hold yet; what it holds, an answer having been lost, gets its outcome."""
        asked = [ref for unit in units for record in unit.records if (ref := ref_to(record)) not in outcomes or outcomes[ref].state == "refused"]
        for record, targets in self._importer.find(asked).items():
            outcomes[record] = Outcome(record, "written", tuple(targets))
        missing = set(asked) - {record for record, outcome in outcomes.items() if outcome.state == "written"}
        left = [msgspec.structs.replace(unit, records=tuple(r for r in unit.records if ref_to(r) in missing)) for unit in units]
        return [unit for unit in left if unit.records]
