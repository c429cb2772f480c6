"""A proxy that makes the faults of real networks, in front of any HTTP service.

As in::

proxy = FaultyProxy("http://127.0.0.1:8080", "lost-answer", at=3)
with proxy as url:
    ...                       # talk to url instead
assert proxy.happened         # otherwise nothing was tried
"""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable
from typing import Literal, get_args
from urllib.parse import urlsplit

from reversa.testing.serving import Answer, Request, Serving

Fault = Literal["busy", "lost-answer", "time-out", "refused-connection", "truncated", "expired-token"]
FAULTS: tuple[Fault, ...] = get_args(Fault)

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "content-length"})


class FaultyProxy(Serving):
    """Passes requests on, and makes one fault at the ``at``-th of those that ``matching`` takes, or at every ``every``-th.

    * busy: 429 with Retry-After; the service never hears of the request
    * lost-answer: the service does it, the client gets 500
    * time-out: the service does it, the client hears nothing for ``silence`` seconds, then the connection ends
    * refused-connection: reset before the service hears of it
    * truncated: the service does it, half of the answer arrives under its whole Content-Length
    * expired-token: 401 for the token of that request, then and ever after; only requests with a token match
    """

    def __init__(
        self,
        upstream: str,
        fault: Fault,
        *,
        at: int | None = None,
        every: int | None = None,
        matching: Callable[[str, str], bool] = lambda _method, _path: True,
        retry_after: int = 1,
        silence: float = 0,
    ) -> None:
        self._upstream = urlsplit(upstream)
        self._fault, self._at, self._every, self._matching = fault, at, every, matching
        self._retry_after, self._silence = retry_after, silence
        self._lock = threading.Lock()
        self._expired: set[str] = set()
        self._mended = False
        self.seen = 0
        """Requests that the fault could have met."""
        self.happened: list[str] = []
        """The requests that it met, as ``POST /notes``."""

    def mend(self) -> None:
        """From now on all goes well."""
        self._mended = True

    def answer(self, request: Request) -> Answer | None:
        if self._mended:
            return self._passed_on(request)
        before = {"busy": self._busy, "refused-connection": self._cut, "expired-token": self._expire}.get(self._fault)
        if before is not None:
            return before(request) if self._meets(request) else self._passed_on(request)
        answer = self._passed_on(request)
        if (self._fault == "truncated" and not answer.body) or not self._meets(request):
            return answer
        if self._fault == "lost-answer":
            return Answer(500, b"the answer was lost")
        if self._fault == "truncated":
            return answer._replace(body=answer.body[: len(answer.body) // 2], length=len(answer.body))
        time.sleep(self._silence)
        return None

    def _meets(self, request: Request) -> bool:
        """Whether the fault meets this request, and note it."""
        token = request.headers.get("Authorization")
        if not self._matching(request.method, request.path) or (self._fault == "expired-token" and token is None):
            return False
        with self._lock:
            self.seen += 1
            due = self.seen == self._at or (self._every is not None and self.seen % self._every == 0)
            if self._fault == "expired-token":
                if due:
                    self._expired.add(str(token))
                due = token in self._expired
            if due:
                self.happened.append(f"{request.method} {request.path}")
        return due

    def _busy(self, _: Request) -> Answer:
        return Answer(429, b"too many requests", [("Retry-After", str(self._retry_after))])

    def _cut(self, _: Request) -> None:
        return None

    def _expire(self, _: Request) -> Answer:
        return Answer(401, b"the token has expired", [("WWW-Authenticate", 'Bearer error="invalid_token"')])

    def _passed_on(self, request: Request) -> Answer:
        """The service's own answer. The Host header stays, so that addresses in the answer lead through the proxy."""
        kind = http.client.HTTPSConnection if self._upstream.scheme == "https" else http.client.HTTPConnection
        connection = kind(self._upstream.netloc)
        try:
            headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
            connection.request(request.method, self._upstream.path.rstrip("/") + request.path, request.body or None, headers)
            response = connection.getresponse()
            kept = [(name, value) for name, value in response.getheaders() if name.lower() not in _HOP_BY_HOP]
            return Answer(response.status, response.read(), kept, response.length if request.method == "HEAD" else None)
        finally:
            connection.close()
