"""No test reaches a network: an audit hook refuses what Python's sockets are asked to do, and remembers it.

Tests marked ``servers`` talk to the servers and the browser that they start; ``loopback`` marks those that talk to
a port of this machine, where they listen themselves or nobody does. What a test's own child processes do is not seen.
"""

from __future__ import annotations

import socket
import sys

_ASKED = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname", "socket.bind"})


class _Watch:
    allowed = True
    attempts: list[str]


_watch = _Watch()
_watch.attempts = []


class NetworkDenied(RuntimeError):
    """A test without a server asked for the network."""


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if event in _ASKED and not _watch.allowed and getattr(arguments[0], "family", None) != socket.AF_UNIX:
        _watch.attempts.append(f"{event}{arguments!r}")
        raise NetworkDenied(_watch.attempts[-1])


sys.addaudithook(_hook)


def watch(*, allowed: bool) -> None:
    """From now on sockets may be used or not."""
    _watch.allowed = allowed
    _watch.attempts = []


def attempts() -> list[str]:
    """What was asked for since the last :func:`watch`, also where the program took the refusal for an answer."""
    return _watch.attempts
