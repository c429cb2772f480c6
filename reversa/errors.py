"""Every error a user can meet: what happened, to what, and what to type next.

One exit code per class; docs/command-line.md lists them and a test compares. Raise these, never print:
:mod:`reversa.options` turns them into two lines without a traceback.
"""

from __future__ import annotations

EXIT_VERIFIED = 0
EXIT_DIFFERENT = 1
EXIT_USAGE = 2  # click's own
EXIT_INCOMPLETE = 3
EXIT_BUG = 70
EXIT_INTERRUPTED = 130


class ReversaError(Exception):
    """Base of all errors with an answer. `hint` is the command or the act that helps."""

    exit_code = EXIT_BUG

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class LocatorError(ReversaError):
    """The source or the target is not something reversa knows how to open."""

    exit_code = 4


class SourceError(ReversaError):
    """The source cannot be read at all."""

    exit_code = 5


class TargetError(ReversaError):
    """The target cannot be opened, read or written; what was written stays known and the run can go on."""

    exit_code = 6


class Unavailable(TargetError):
    """The system did not answer, or asks to wait. What was sent to it may have arrived all the same.

    `retry_after` is how many seconds to wait before asking again, None where the system does not say. `given_up` is set
    when it has been asked again as often as patience lasts.
    """

    given_up = False

    def __init__(self, message: str, hint: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, hint or "Nothing is lost: type the same command again and it goes on.")
        self.retry_after = retry_after


class PackageError(ReversaError):
    """A package is damaged, incomplete, or of a newer version."""

    exit_code = 7


class RunError(ReversaError):
    """The run folder belongs to something else, or a step is asked for before the one it needs."""

    exit_code = 8


class NotAccepted(ReversaError):
    """A live target and a plan that nobody has accepted."""

    exit_code = 9


class MissingExtra(ReversaError):
    """A library that an adapter needs is not installed."""

    exit_code = 10


class DiskError(ReversaError):
    """The disk that holds the run is full, read-only or failing."""

    exit_code = 11


class MappingError(ReversaError):
    """A mapping file says something that cannot be done; the message names the line."""

    exit_code = 12
