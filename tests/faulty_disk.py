"""A disk below one folder whose n-th operation fails, in one of five ways.

Seen are the files that Python writes and ``pyarrow``'s, and the calls that make, rename, remove and flush. SQLite's own
files go past it (:mod:`tests.faulty_sqlite`). Names are taken for durable at once; contents only when they were flushed.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import pyarrow.parquet as pq
import pytest

Mode = Literal["crash", "power cut", "short write", "disk full", "input/output error"]
MODES: tuple[Mode, ...] = ("crash", "power cut", "short write", "disk full", "input/output error")


class Crash(BaseException):
    """The process is gone: nothing it would still have done happens."""


class FaultyDisk:
    """While it is entered, the operation number ``fail_at`` below ``folder`` fails."""

    def __init__(self, folder: Path, fail_at: int, mode: Mode) -> None:
        self._folder, self._fail_at, self._mode = str(folder), fail_at, mode
        self._patch = pytest.MonkeyPatch()
        self._open = io.open
        self._unflushed: dict[int, int] = {}
        """File → how much of it is on the disk."""
        self.operations = 0
        self.struck = self.dead = False

    def __enter__(self) -> Self:
        for name in ("mkdir", "rename", "replace", "unlink", "rmdir", "fsync"):
            self._patch.setattr(os, name, self._watched(name, getattr(os, name)))
        self._patch.setattr(io, "open", self._opened)
        self._patch.setattr(builtins, "open", self._opened)
        real, disk = pq.ParquetWriter, self

        class Writer(real):  # type: ignore[misc,valid-type]
            """Writes through a file of ours instead of pyarrow's own."""

            def __init__(self, where: Path, *arguments: Any, **options: Any) -> None:
                self._file = disk._opened(where, "wb")
                super().__init__(self._file, *arguments, **options)

            def close(self) -> None:
                super().close()
                self._file.close()

        self._patch.setattr(pq, "ParquetWriter", Writer)
        self._patch.setattr("pyarrow.parquet.core.ParquetWriter", Writer)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._patch.undo()
        if self._mode == "power cut":
            for path in (path for path in Path(self._folder).rglob("*") if path.is_file()):
                kept = self._unflushed.get(path.stat().st_ino)
                if kept is not None:
                    os.truncate(path, kept)

    def goes_wrong(self) -> bool:
        """Count an operation; whether it is the one that fails. After a crash nothing counts."""
        self.operations += not self.dead
        if self.operations != self._fail_at or self.struck:
            return False
        self.struck = True
        self.dead = self._mode in ("crash", "power cut")
        return True

    def fail(self) -> None:
        """Raise what the operation that goes wrong raises."""
        if self.dead:
            raise Crash
        if self._mode == "disk full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self._mode == "input/output error":
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def write(self, file: io.FileIO, content: memoryview) -> int:
        """Write as a failing disk does: a process dies half way, a full disk takes a half and then no more."""
        if self.dead:
            return len(content)
        full = self.struck and self._mode == "disk full"
        wrong = self.goes_wrong()
        if full or (wrong and self._mode == "input/output error"):
            self.fail()
        self._unflushed.setdefault(os.fstat(file.fileno()).st_ino, os.fstat(file.fileno()).st_size)
        written = io.FileIO.write(file, content[: (len(content) + 1) // 2] if wrong else content)
        if self.dead:
            self.fail()
        return int(written)

    def opened(self, file: io.FileIO) -> None:
        """A file was opened for writing: what it holds now is on the disk."""
        self._unflushed.setdefault(os.fstat(file.fileno()).st_ino, os.fstat(file.fileno()).st_size)

    def _watched(self, name: str, real: Any) -> Any:
        def operation(*arguments: Any, **options: Any) -> Any:
            place = Path(f"/proc/self/fd/{arguments[0]}").readlink() if isinstance(arguments[0], int) else os.fspath(arguments[0])
            if not str(place).startswith(self._folder) and not options.get("dir_fd"):
                return real(*arguments, **options)
            if self.dead:
                return None
            if self.goes_wrong():
                self.fail()
            if name == "fsync":
                self._unflushed.pop(os.fstat(arguments[0]).st_ino, None)
                return None
            return real(*arguments, **options)

        return operation

    def _opened(
        self,
        file: Any,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
        opener: Any = None,
    ) -> Any:
        ours = not isinstance(file, int) and str(file).startswith(self._folder) and any(letter in mode for letter in "wax+")
        if not ours:
            return self._open(file, mode, buffering, encoding, errors, newline, closefd, opener)
        if self.goes_wrong():
            self.fail()
        if self.dead:
            return self._open(os.devnull, mode)
        raw = _File(self, file, mode.replace("b", "").replace("t", ""))
        buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        return buffered if "b" in mode else io.TextIOWrapper(buffered, encoding, errors, newline)


class _File(io.FileIO):
    """A file on that disk, below Python's buffers."""

    def __init__(self, disk: FaultyDisk, file: str, mode: str) -> None:
        super().__init__(file, mode)
        self._disk = disk
        disk.opened(self)

    def write(self, data: Any, /) -> int:
        return self._disk.write(self, memoryview(data).cast("B"))
