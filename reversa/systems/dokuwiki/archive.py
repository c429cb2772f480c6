"""The files of a wiki: a folder, a zip or a tar, read by name and never unpacked."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import itertools
import lzma
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO, cast

from reversa.errors import SourceError
from reversa.systems.slack.archive import BOMB_BYTES, BOMB_RATIO, Archive, FolderArchive, open_archive

TEXT_BYTES = 16 * 2**20
"""A text above this is not read: it would be held in memory. The largest page met has 90 kB."""
TAR_BYTES = 2**40
"""A compressed tar is unpacked to an unnamed file first; one that is larger than this is refused."""
MEMBERS = 5_000_000
PIECE = 2**20
_PACKED: Mapping[bytes, Callable[[BinaryIO], AbstractContextManager[Any]]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": lzma.LZMAFile,
}
"""What a packed tar begins with."""
_BROKEN = (OSError, EOFError, zlib.error, lzma.LZMAError, tarfile.TarError, ValueError, NotImplementedError, RuntimeError)


def open_files(path: Path) -> Archive:
    """The files at a path. Raises SourceError when it is neither a folder nor a whole archive."""
    if path.is_dir() or path.suffix == ".zip":
        return open_archive(path)
    try:
        return TarArchive(path)
    except _BROKEN as error:
        raise SourceError(
            f"{path} is not a whole tar archive: {error}", "Ask for the file again and compare its size; an archive cut short cannot be trusted."
        ) from error


def read_bytes(archive: Archive, name: str) -> bytes:
    """The content of a small file, unpacked where its name says that it is packed. Raises ValueError with the reason."""
    try:
        with archive.open(name) as file, _unpacked(name, file) as plain:
            data = plain.read(TEXT_BYTES + 1)
    except _BROKEN as error:
        raise ValueError(f"cannot be read: {error}") from error
    if len(data) > TEXT_BYTES:
        raise ValueError(f"larger than {TEXT_BYTES} bytes")
    return data


def _unpacked(name: str, file: BinaryIO) -> AbstractContextManager[BinaryIO]:
    if name.endswith(".gz"):
        return cast("BinaryIO", gzip.GzipFile(fileobj=file))
    return cast("BinaryIO", bz2.BZ2File(file)) if name.endswith(".bz2") else contextlib.nullcontext(file)


class TarArchive:
    """A tar, packed or not. Unpacked to a file without a name, so that members can be read in any order."""

    def __init__(self, path: Path) -> None:
        self.sizes: dict[str, int] = {}
        self.refused: dict[str, str] = {}
        self._file = _plain(path)
        try:
            self._tar = tarfile.open(fileobj=self._file, mode="r:", encoding="utf-8", errors="surrogateescape")  # noqa: SIM115 - closed by close()
            self._members: dict[str, tarfile.TarInfo] = {}
            for member in itertools.islice(self._tar, MEMBERS):
                self._take(member)
            if self._tar.next() is not None:
                self.refused["the rest"] = f"the archive has more than {MEMBERS} members"
        except BaseException:
            self._file.close()
            raise

    def _take(self, member: tarfile.TarInfo) -> None:
        name = member.name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace").removeprefix("./")
        if member.isdir():
            return
        reason = _oddity(name, member)
        if not reason and name in self._members:
            reason = "the archive has this name twice"
            self._members.pop(name)
            self.sizes.pop(name)
        if reason or name in self.refused:
            self.refused[name] = reason or self.refused[name]
        else:
            self._members[name] = member
            self.sizes[name] = member.size

    def open(self, name: str) -> BinaryIO:
        content = self._tar.extractfile(self._members[name])
        if content is None:
            raise ValueError("it is not a plain file")
        return cast("BinaryIO", content)

    def close(self) -> None:
        self._tar.close()
        self._file.close()


def _oddity(name: str, member: tarfile.TarInfo) -> str:
    if not member.isreg() or member.issparse():
        return "it is not a plain file"
    if name.startswith("/") or ".." in name.split("/"):
        return "its name leads outside the archive"
    return ""


def _plain(path: Path) -> BinaryIO:
    """The bytes of a tar, unpacked if need be. Raises what decompressors raise, ValueError for a bomb."""
    packed = path.open("rb")
    start = packed.read(6)
    packed.seek(0)
    opener = next((opener for magic, opener in _PACKED.items() if start.startswith(magic)), None)
    if opener is None:
        return packed
    most = min(TAR_BYTES, max(BOMB_BYTES, BOMB_RATIO * path.stat().st_size))
    with contextlib.ExitStack() as held, packed, opener(packed) as unpacker:
        plain = held.enter_context(tempfile.TemporaryFile())
        while piece := unpacker.read(PIECE):
            plain.write(piece)
            if plain.tell() > most:
                raise ValueError("it unpacks to far more than it could hold")
        plain.seek(0)
        held.pop_all()
    return cast("BinaryIO", plain)


__all__ = ["Archive", "FolderArchive", "TarArchive", "open_files", "read_bytes"]
