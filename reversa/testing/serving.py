"""A small HTTP server on loopback: what the service and the faulty proxy of the tests stand on."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Sequence
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple


class Request(NamedTuple):
    method: str
    path: str
    """With its query."""
    headers: Message
    body: bytes


class Answer(NamedTuple):
    status: int
    body: bytes = b""
    headers: Sequence[tuple[str, str]] = ()
    length: int | None = None
    """The Content-Length stated, where it is not that of the body."""


class Serving:
    """Answers requests while it is entered, each on a connection of its own; entering gives the address."""

    def answer(self, request: Request) -> Answer | None:
        """The answer to a request; None cuts the connection. Called from several threads."""
        raise NotImplementedError

    def __enter__(self) -> str:
        self._server = _Server(self.answer)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, answer: Callable[[Request], Answer | None]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name.startswith("do_"):
            return self._handle
        raise AttributeError(name)

    def _handle(self) -> None:
        assert isinstance(self.server, _Server)
        self.close_connection = True
        answer = self.server.answer(Request(self.command, self.path, self.headers, self._body()))
        if answer is None:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, not a polite end
            return
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body) if answer.length is None else answer.length))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(pieces)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""
