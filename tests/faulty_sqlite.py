"""SQLite on a disk whose n-th write or flush fails: apsw's SQLite with a file layer of ours, behind the face of :mod:`sqlite3`."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import apsw

Mode = Literal["crash", "disk full", "input/output error"]
MODES: tuple[Mode, ...] = ("crash", "disk full", "input/output error")


class FaultyFiles(apsw.VFS):  # type: ignore[misc,unused-ignore]
    """The file layer; ``fail_at`` counts writes, flushes and cuts from 1."""

    def __init__(self, name: str, fail_at: int, mode: Mode) -> None:
        self.name, self._fail_at, self._mode = name, fail_at, mode
        self.operations = 0
        super().__init__(name, base="")

    @property
    def struck(self) -> bool:
        return self.operations >= self._fail_at

    def xOpen(self, name: Any, flags: list[int]) -> _File:  # noqa: N802 - SQLite's name
        return _File(self, name, flags)

    def operate(self) -> None:
        """Count an operation. Raises what the one that fails raises; after a crash all fail, of a failing disk one."""
        self.operations += 1
        if self.operations == self._fail_at or (self.struck and self._mode == "crash"):
            raise apsw.FullError("disk full") if self._mode == "disk full" else apsw.IOError(self._mode)


class _File(apsw.VFSFile):  # type: ignore[misc,unused-ignore]
    def __init__(self, files: FaultyFiles, name: Any, flags: list[int]) -> None:
        self._files = files
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._files.operate()
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._files.operate()
        super().xSync(flags)

    def xTruncate(self, size: int) -> None:  # noqa: N802
        self._files.operate()
        super().xTruncate(size)


class Connection:
    """As much of :class:`sqlite3.Connection` as the ledger uses."""

    def __init__(self, path: Path, files: FaultyFiles) -> None:
        self._db = apsw.Connection(str(path), vfs=files.name)

    def execute(self, statement: str, values: Iterable[Any] = ()) -> apsw.Cursor:
        return self._answered(self._db.execute, statement, tuple(values))

    def executemany(self, statement: str, rows: Iterable[Any]) -> apsw.Cursor:
        return self._answered(self._db.executemany, statement, rows)

    def executescript(self, script: str) -> apsw.Cursor:
        return self._answered(self._db.execute, script)

    def _answered(self, call: Any, *arguments: Any) -> apsw.Cursor:
        try:
            cursor: apsw.Cursor = call(*arguments)
        except apsw.Error as error:
            raise sqlite3.OperationalError(str(error)) from error
        return cursor

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.execute("COMMIT")
        elif not self._db.getautocommit():
            self.execute("ROLLBACK")

    def close(self) -> None:
        with contextlib.suppress(apsw.Error):  # as sqlite3 does: what was not committed is not there
            self._db.close(True)
