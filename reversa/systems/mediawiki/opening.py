"""The files of a dump: plain or compressed, one or several."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from pathlib import Path
from typing import BinaryIO, cast

from reversa.systems.tables.xmls import Refused

_BEGINNING = 1 << 16


def opened(path: Path) -> BinaryIO:
    """The XML of a dump. What is compressed is told by its first bytes."""
    with path.open("rb") as file:
        magic = file.read(4)
    if magic[:2] == b"\x1f\x8b":
        return cast("BinaryIO", _Unpacked(cast("BinaryIO", gzip.open(path))))
    if magic[:3] == b"BZh":
        return cast("BinaryIO", _Unpacked(cast("BinaryIO", bz2.open(path))))
    return path.open("rb")


class _Unpacked:
    """Compressed bytes that break off are refused as XML is that breaks off."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
            raise Refused(f"the compressed file is damaged: {error}") from error

    def close(self) -> None:
        self._file.close()


def is_dump(path: Path) -> bool:
    """Whether a file begins as a dump does."""
    if not path.is_file():
        return False
    try:
        file = opened(path)
        beginning = file.read(_BEGINNING)
        file.close()
    except (Refused, OSError):
        return False
    return beginning.removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"<mediawiki", b"<?xml", b"<!--")) and b"<mediawiki" in beginning


def dumps_in(path: Path) -> list[Path]:
    """The dumps at a path: itself, or those in a folder, by name."""
    return [path] if path.is_file() else sorted(file for file in path.iterdir() if is_dump(file)) if path.is_dir() else []
