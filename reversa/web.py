"""A service over HTTP, as adapters need it: what may be repeated is asked again; what may not is done once.

An adapter tells :meth:`Web.ask` and :meth:`Web.send` apart; the rest (waiting, tokens, answers cut short) is done here.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import ssl
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, BinaryIO, cast

import httpx

from reversa.errors import TargetError, Unavailable
from reversa.patience import attempts

TIMEOUT = 60
"""Seconds without a sign of life after which a service counts as not answering."""
IN_MEMORY = 2**20
"""Bytes of content kept in memory; longer content waits on disk."""


class Refused(Exception):
    """The service answered that it will not: asking again changes nothing."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status}: {reason}")
        self.status = status


class NotDone(Unavailable):
    """The service has certainly not done what it was asked: it is busy, or was not reached."""


class Web:
    """One service. ``login`` gets a client without a token and returns a token, or raises a ReversaError."""

    def __init__(self, address: str, login: Callable[[httpx.Client], str]) -> None:
        self.address = address.rstrip("/")
        self._http = httpx.Client(base_url=self.address, timeout=TIMEOUT, verify=_authorities())
        self._login = login
        self._token = ""

    def ask(self, method: str, path: str, **request: Any) -> Any:
        """The JSON answer to a request that may be repeated: it only reads, or done twice it has the effect of once.

        Raises Unavailable when patience ends, Refused.
        """
        for attempt in attempts():
            with attempt:
                return self._json(method, path, **request)
        raise AssertionError("the last attempt returns or raises")

    def send(self, method: str, path: str, **request: Any) -> Any:
        """The JSON answer to a request that must not be done twice. Raises Unavailable, after which it may have been done; Refused."""
        for attempt in attempts(on=NotDone):
            with attempt:
                return self._json(method, path, **request)
        raise AssertionError("the last attempt returns or raises")

    def _json(self, method: str, path: str, **request: Any) -> Any:
        with self._answered(method, path, **request) as response:
            content = response.read()
            if not content:
                return None
            try:
                return response.json()
            except ValueError as error:
                raise Unavailable(f"{self.address} gave half an answer.") from error

    def download(self, path: str) -> BinaryIO:
        """Some content, whole: against its Content-Length and, if the service gives one, its Content-Digest (RFC 9530)."""
        for attempt in attempts():
            with attempt, self._answered("GET", path) as response, ExitStack() as opened:
                content, digest = opened.enter_context(tempfile.SpooledTemporaryFile(IN_MEMORY)), hashlib.sha256()
                for chunk in response.iter_bytes():
                    digest.update(chunk)
                    content.write(chunk)
                stated = response.headers.get("Content-Digest", "")
                if stated.startswith("sha-256=") and stated != content_digest(digest.digest()):
                    raise Unavailable(f"{self.address} gave {path} other than it is.")
                content.seek(0)
                opened.pop_all()  # the caller closes it
                return cast("BinaryIO", content)
        raise AssertionError("the last attempt returns or raises")

    @contextmanager
    def _answered(self, method: str, path: str, **request: Any) -> Iterator[httpx.Response]:
        """An answer that is a success. What went wrong on the way is Unavailable, also while the answer is read."""
        try:
            response = self._once(method, path, **request)
            if response.status_code == httpx.codes.UNAUTHORIZED:  # it was not done; a token lives for a while only
                response.close()
                self._token = ""
                response = self._once(method, path, **request)
            try:
                self._check(response)
                yield response
            finally:
                response.close()
        except httpx.ConnectError as error:
            raise NotDone(f"{self.address} could not be reached ({error}).") from error
        except httpx.RequestError as error:
            raise Unavailable(f"{self.address} did not answer ({type(error).__name__}).") from error

    def _once(self, method: str, path: str, **request: Any) -> httpx.Response:
        if not self._token:
            self._token = self._login(self._http)
        content = request.get("content")
        if content is not None:
            content.seek(0)
        made = self._http.build_request(method, path, headers={"Authorization": f"Bearer {self._token}"}, **request)
        return self._http.send(made, stream=True)

    def _check(self, response: httpx.Response) -> None:
        if response.is_success:
            return
        status, reason = response.status_code, response.read()[:300].decode(errors="replace")
        if status == httpx.codes.UNAUTHORIZED:
            raise TargetError(f"{self.address} does not take its own new token.", "Ask who runs it, then type the same command again.")
        kind = NotDone if status == httpx.codes.TOO_MANY_REQUESTS else Unavailable
        if kind is NotDone or status == httpx.codes.REQUEST_TIMEOUT or response.is_server_error:
            raise kind(f"{self.address} answered {status}.", retry_after=seconds_to_wait(response.headers.get("Retry-After")))
        raise Refused(status, reason)

    def close(self) -> None:
        self._http.close()


@functools.cache
def _authorities() -> ssl.SSLContext:
    """The certificates that are trusted; reading them takes a tenth of a second."""
    return httpx.create_ssl_context()


def content_digest(sha256: bytes) -> str:
    """The Content-Digest header of a content with this SHA-256."""
    return f"sha-256=:{base64.b64encode(sha256).decode()}:"


def seconds_to_wait(header: str | None) -> float | None:
    """The seconds in a Retry-After header, which holds a number or a date (RFC 9110); None if it says nothing of use."""
    if header is None:
        return None
    if header.isdecimal():
        return float(header)
    try:
        at = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - datetime.now(UTC).timestamp())
