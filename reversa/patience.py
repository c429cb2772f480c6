"""How often and how long a system that does not answer is asked again: one policy for all of reversa."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import stamina

from reversa.errors import Unavailable

ATTEMPTS = 8
PATIENCE = 600
"""Seconds after which nothing is asked again."""
SHORTEST_WAIT = 0.5
"""Seconds; a system that asks for less has a wrong clock or no patience, and gets the pauses that all others get."""
LONGEST_WAIT = 300
"""Seconds; a system that asks for more is left alone, and the run stops."""

_log = logging.getLogger("reversa")
logging.getLogger("stamina").addHandler(logging.NullHandler())  # its lines are for machines; ours are for the person who waits


def attempts(on: type[Unavailable] = Unavailable) -> Iterator[stamina.Attempt]:
    """Tries of something that may raise Unavailable, for ``with``, each after the wait that the last failure asked for.

    Without a word from the system they wait 0.5, 1, 2 … 32 seconds and a little more. The last failure goes through.
    """

    def wait(error: Exception) -> bool | float:
        return isinstance(error, on) and _wait(error)

    try:
        yield from stamina.retry_context(wait, attempts=ATTEMPTS, timeout=PATIENCE, wait_initial=0.5, wait_max=60)
    except on as error:
        error.given_up = True  # so that patience within patience does not multiply
        raise


def _wait(error: Unavailable) -> bool | float:
    """Whether to ask again, or after how many seconds."""
    if error.given_up:
        return False
    if error.retry_after is None or error.retry_after < SHORTEST_WAIT:
        _log.warning("%s", error.message)
        return True
    _log.warning("%s It asks to wait %g seconds.", error.message, error.retry_after)
    return error.retry_after if error.retry_after <= LONGEST_WAIT else False
