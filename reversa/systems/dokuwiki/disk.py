"""Files of a wiki that are whole or not there, and belong to whom the wiki belongs to."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from reversa.errors import TargetError

SUFFIX = ".reversa-partial"


@contextlib.contextmanager
def whole(path: Path, at: int | None = None) -> Iterator[BinaryIO]:
    """A file that is written under another name, flushed, dated ``at`` and renamed last. Raises OSError; it is then as it was before."""
    make_folder(path.parent)
    partial = path.with_name(f"{os.urandom(4).hex()}{SUFFIX}")  # a name of its own length: the real one may be as long as a name can be
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _belongs(partial, path if path.exists() else path.parent)
        if at is not None:
            os.utime(partial, (at, at))
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    _flush(path.parent)


def put(path: Path, content: bytes, at: int | None = None) -> None:
    """Write a file as :func:`whole` does."""
    with whole(path, at) as file:
        file.write(content)


def digest_of(path: Path) -> str | None:
    """The SHA-256 of a file; None when there is none."""
    if path.is_symlink() or not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove(path: Path, top: Path) -> None:
    """Take a file away, and the folders below ``top`` that are empty then."""
    path.unlink(missing_ok=True)
    remove_folder(path.parent, top)


def remove_folder(folder: Path, top: Path) -> None:
    """Take a folder away if it is empty, and those below ``top`` that are empty then."""
    while folder != top and top in folder.parents:
        try:
            folder.rmdir()
        except FileNotFoundError:
            pass
        except OSError:  # somebody has something there
            return
        folder = folder.parent


def make_folder(path: Path) -> None:
    """A folder and those that it lies in."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        _belongs(path, path.parent)


def _belongs(path: Path, like: Path) -> None:
    """Give a file to the owner of another: the wiki must be able to change it. Only root can."""
    stat = like.stat()
    path.chmod(stat.st_mode & (0o777 if like.is_dir() == path.is_dir() else 0o666))
    if os.geteuid() == 0:
        os.chown(path, stat.st_uid, stat.st_gid)


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def answered() -> Iterator[None]:
    """Turn what the disk raises into an error with an answer."""
    try:
        yield
    except OSError as error:
        raise TargetError(
            f"{error.filename or 'A file'} cannot be written: {error.strerror or error}",
            "Mend its rights or the disk, then type the same command again.",
        ) from error
