"""Pandoc as a set of long-lived workers: a text goes in, its document tree and pandoc's own log come out.

A process per page costs most of its time in starting. A worker is `pandoc lua` in a loop; it reads one text at a time, with
an empty file system, and it is expendable: when it dies or does not answer in time, one text has failed and another worker starts.
"""

from __future__ import annotations

import itertools
import os
import select
import subprocess
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import IO, Any, NamedTuple, Self, cast

import msgspec

from reversa.errors import MissingExtra

LIMIT = 1 << 20
"""Characters of a text that is still parsed."""
SECONDS = 10.0
"""Time that one text may take."""
PAGES = 500
"""Texts after which a worker is replaced, so that its memory stays flat whatever it has read."""
AHEAD = 8
"""Texts per worker that may wait for their turn or for being used."""
MEMORY = "512m"
"""Heap of one worker: a text that wants more is one that cannot be parsed."""

SCRIPT = Path(__file__).with_name("worker.lua")


class Tree(NamedTuple):
    """A document as pandoc's JSON tree (API 1.23): its blocks, and what pandoc says it skipped."""

    blocks: list[Any]
    log: list[Any]


class Request(NamedTuple):
    """A text in a format that pandoc reads, and other ways to write it, tried in their order when it does not parse."""

    format: str
    text: str
    repaired: Iterable[str] = ()


class Failed(Exception):
    """This text gives no tree: pandoc refused it, took too long, or died of it."""


class Pool:
    """Workers side by side. They start when they are first needed and end with :meth:`close`."""

    def __init__(self, workers: int, seconds: float | None = None) -> None:
        self._seconds = SECONDS if seconds is None else seconds
        self._count = workers
        self._idle: SimpleQueue[Worker] = SimpleQueue()
        self._threads: ThreadPoolExecutor | None = None
        self._all: list[Worker] = []

    def read(self, requests: Iterable[Request | None]) -> Iterator[Tree | None]:
        """The tree of each text, in order; None where there is none. Only a few are held at a time."""
        waiting: deque[Future[Tree | None] | None] = deque()
        source = iter(requests)
        while True:
            for request in itertools.islice(source, AHEAD * self._count - len(waiting)):
                waiting.append(self._started().submit(self._one, request) if request else None)
            if not waiting:
                return
            future = waiting.popleft()
            yield future.result() if future else None

    def _started(self) -> ThreadPoolExecutor:
        if self._threads is None:
            pandoc = program()
            self._all = [Worker([pandoc, "+RTS", f"-M{MEMORY}", "-RTS", "lua", str(SCRIPT)], self._seconds) for _ in range(self._count)]
            for worker in self._all:
                self._idle.put(worker)
            self._threads = ThreadPoolExecutor(self._count, thread_name_prefix="pandoc")
        return self._threads

    def _one(self, request: Request) -> Tree | None:
        worker = self._idle.get()
        try:
            for text in itertools.chain([request.text], request.repaired):
                with suppress(Failed):
                    return worker.read(request.format, text)
        finally:
            self._idle.put(worker)
        return None

    def close(self) -> None:
        """Ends the workers; the pool may be used again."""
        if self._threads:
            self._threads.shutdown(cancel_futures=True)
            self._threads = None
        for worker in self._all:
            worker.end()
        self._all, self._idle = [], SimpleQueue()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class Worker:
    """One pandoc process. Used by one thread at a time: it is never sent a text before it has answered the last one."""

    def __init__(self, command: list[str], seconds: float) -> None:
        self._command = command
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._read = 0

    def read(self, format: str, text: str) -> Tree:
        """The tree of a text. Raises Failed when there is none; a worker that is at fault is replaced at the next text."""
        process = self._running()
        data = f"{text}\n".encode()  # readers take a list apart that ends without a line end
        until = time.monotonic() + self._seconds
        try:
            stdin = cast("IO[bytes]", process.stdin)
            stdin.write(f"{format} {len(data)}\n".encode() + data)
            stdin.flush()
            handle = cast("IO[bytes]", process.stdout).fileno()
            word, length, log_length = self._line(handle, until).split()
            body, log = self._bytes(handle, int(length), until), self._bytes(handle, int(log_length), until)
        except (OSError, ValueError) as error:
            self.end()
            raise Failed from error
        except Failed:
            self.end()
            raise
        if word != b"ok":
            raise Failed(body.decode("utf-8", "replace"))
        try:
            return Tree(msgspec.json.decode(body)["blocks"], msgspec.json.decode(log) or [])
        except RecursionError as error:  # nested deeper than any page that a person wrote
            raise Failed from error

    def _running(self) -> subprocess.Popen[bytes]:
        if self._read >= PAGES:
            self.end()
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={"LC_ALL": "C.UTF-8", "HOME": "/nonexistent"},
            )
            self._read, self._buffer = 0, b""
        self._read += 1
        return self._process

    def _line(self, handle: int, until: float) -> bytes:
        while b"\n" not in self._buffer:
            self._buffer += self._some(handle, until)
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _bytes(self, handle: int, length: int, until: float) -> bytes:
        parts, have = [self._buffer], len(self._buffer)
        while have < length:
            parts.append(self._some(handle, until))
            have += len(parts[-1])
        data = b"".join(parts)
        self._buffer = data[length:]
        return data[:length]

    def _some(self, handle: int, until: float) -> bytes:
        ready, _, _ = select.select([handle], [], [], max(0.0, until - time.monotonic()))
        got = os.read(handle, 1 << 18) if ready else b""
        if not got:  # too late, or it died
            raise Failed
        return got

    def end(self) -> None:
        """Ends the process, if there is one, without waiting for what it is doing."""
        if self._process is None:
            return
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with suppress(OSError):
                    pipe.close()
        self._process.wait()
        self._process = None


def program() -> str:
    """Where pandoc is. Raises MissingExtra when it is not installed."""
    try:
        import pypandoc
    except ImportError as error:
        raise MissingExtra("Converting bodies from one markup to another needs pandoc.", "pip install 'reversa[documents]'") from error
    return str(pypandoc.get_pandoc_path())
