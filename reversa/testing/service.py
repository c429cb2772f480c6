"""memo, a small service over HTTP: accounts, boards, notes with replies, reactions, files. What network adapters are tried on.

It does as the services that people use do, the awkward parts included. Everything lies in ``memo.sqlite``, so that a test
can look at it without asking the service.

==============================  ==========================================================================================
POST /token                     ``{"secret"}`` → ``{"token"}``; every other request carries it (Authorization: Bearer)
GET /workspace                  its name, and how many objects are not yet shown in lists (as a wiki tells its job queue)
GET /notes                      a page, newest first; ``cursor=`` of the page before, or ``offset=``; ``field.NAME=VALUE``
GET /notes/count                how many; ``field.NAME=VALUE``
POST /search                    ``{"fields": {name: value or up to 100 values}, "cursor"}`` → a page of objects of any type
POST /notes, GET PATCH DELETE   one object, ``/notes/17``; author and date may be given
POST /uploads                   content → ``{"upload"}``, to be named when a file is created
GET /files/17/content           with its Content-Digest
==============================  ==========================================================================================
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from reversa.testing.service_objects import PROPERTIES, Objects, Wrong
from reversa.testing.serving import Answer, Request, Serving


class Memo(Serving):
    """The service over a folder. Its switches make it as awkward as real ones; left alone, it is kind.

    A token lasts ``token_lasts`` requests; every ``busy_every``-th request is answered 429; what is created is shown in lists
    ``late_requests`` requests and ``late_seconds`` later; with ``drift`` somebody posts and removes notes while they are listed.
    """

    def __init__(
        self,
        folder: Path,
        *,
        name: str = "memo",
        secret: str = "",
        page: int = 100,
        largest: int = 2**30,
        token_lasts: int | None = None,
        busy_every: int | None = None,
        late_requests: int = 0,
        late_seconds: float = 0,
        drift: bool = False,
    ) -> None:
        self._name, self._secret, self._largest = name, secret, largest
        self._token_lasts, self._busy_every, self._drift = token_lasts, busy_every, drift
        self._objects = Objects(folder, page, late_requests, late_seconds)
        self._lock = threading.Lock()
        self._tokens: dict[str, int] = {}
        self._posted: int | None = None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        super().__exit__(kind, error, trace)
        with self._lock:
            self._objects.close()

    def answer(self, request: Request) -> Answer:
        with self._lock:
            try:
                return self._answer(request)
            except Wrong as error:
                return _json({"error": error.reason}, error.status, *([("Retry-After", "1")] if error.status == 429 else []))

    def _answer(self, request: Request) -> Answer:
        address = urlsplit(request.path)
        path, query = address.path.strip("/").split("/"), dict(parse_qsl(address.query, keep_blank_values=True))
        if len(request.body) > self._largest:
            raise Wrong(413, f"more than {self._largest} bytes")
        if (request.method, path) == ("POST", ["token"]):
            return self._give_token(_decoded(request.body))
        self._admit(request.headers.get("Authorization", ""))
        with self._objects:
            return self._done(request.method, path, query, request.body)

    def _give_token(self, given: dict[str, Any]) -> Answer:
        if given.get("secret") != self._secret:
            raise Wrong(403, "that is not the secret")
        token = secrets.token_hex(16)
        self._tokens[token] = self._token_lasts or 2**62
        return _json({"token": token}, 201)

    def _admit(self, authorization: str) -> None:
        token = authorization.removeprefix("Bearer ")
        if self._tokens.get(token, 0) < 1:
            raise Wrong(401, "the token is unknown or has expired")
        self._tokens[token] -= 1
        self._objects.requests += 1
        if self._busy_every is not None and self._objects.requests % self._busy_every == 0:
            raise Wrong(429, "too many requests")

    def _done(self, method: str, path: list[str], query: dict[str, str], body: bytes) -> Answer:
        objects = self._objects
        fields = {name.removeprefix("field."): value for name, value in query.items() if name.startswith("field.")}
        match method, path:
            case "GET", ["workspace"]:
                return _json({"name": self._name, "pending": objects.pending()})
            case "POST", ["search"]:
                given = _decoded(body)
                return _json(objects.page(None, given.get("fields") or {}, given.get("cursor"), None))
            case "POST", ["uploads"]:
                return _json({"upload": objects.upload(body)}, 201)
            case "GET", [type_] if type_ in PROPERTIES:
                page = objects.page(type_, fields, query.get("cursor"), query.get("offset"))
                if self._drift and type_ == "notes":
                    self._post_or_remove()
                return _json(page)
            case "GET", [type_, "count"] if type_ in PROPERTIES:
                return _json({"count": objects.count(type_, fields)})
            case "POST", [type_] if type_ in PROPERTIES:
                return _json(objects.shown(objects.create(type_, _decoded(body))), 201)
            case method, [type_, id, *rest] if objects.exists(type_, id):
                return self._answer_about(method, type_, int(id), rest, body)
        raise Wrong(404, "there is no such thing")

    def _answer_about(self, method: str, type_: str, id: int, rest: list[str], body: bytes) -> Answer:
        match method, rest:
            case "GET", []:
                return _json(self._objects.shown(id))
            case "GET", ["content"]:
                content = self._objects.content(id)
                digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
                return Answer(200, content, [("Content-Type", "application/octet-stream"), ("Content-Digest", f"sha-256=:{digest}:")])
            case "PATCH", []:
                self._objects.change(type_, id, _decoded(body))
                return _json(self._objects.shown(id))
            case "DELETE", []:
                self._objects.remove(id)
                return Answer(204)
        raise Wrong(404, "there is no such thing")

    def _post_or_remove(self) -> None:
        """After one page somebody has posted a note, after the next it is gone: by offset one note comes twice and one never, and the total is right."""
        if self._posted is None:
            self._posted = self._objects.create("notes", {"text": "has anybody seen my umbrella?"})
        else:
            self._objects.remove(self._posted)
            self._posted = None


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError as error:
        raise Wrong(400, "the body is not JSON") from error
    if not isinstance(value, dict):
        raise Wrong(400, "the body is not a JSON object")
    return value


def _json(value: Mapping[str, Any], status: int = 200, *headers: tuple[str, str]) -> Answer:
    return Answer(status, json.dumps(value).encode(), [("Content-Type", "application/json"), *headers])
