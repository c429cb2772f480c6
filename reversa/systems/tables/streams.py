"""Files that may be compressed. What could be read before damage is given; then EOFError."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import BinaryIO, Protocol

GZIP = b"\x1f\x8b"


class Input(Protocol):
    def read(self, size: int, /) -> bytes: ...
    def close(self) -> None: ...


class Inflated:
    """What zlib makes of a stream, with a header of gzip or its own."""

    def __init__(self, source: Input) -> None:
        self._source, self._zlib = source, _inflater()
        self._position = 0

    def read(self, size: int) -> bytes:
        """As many bytes, or fewer at the end. Raises EOFError, zlib.error where there is nothing more to be had."""
        found = bytearray()
        try:
            while len(found) < size and (piece := self._piece(size - len(found))) is not None:
                found += piece
        except (EOFError, zlib.error):
            if not found:
                raise
        self._position += len(found)
        return bytes(found)

    def _piece(self, size: int) -> bytes | None:
        """At most as many bytes, perhaps none yet; nothing at the end."""
        given = self._zlib.unconsumed_tail or self._zlib.unused_data or self._source.read(1 << 16)
        if self._zlib.eof:
            if not given:
                return None
            self._zlib = _inflater()
        piece = self._zlib.decompress(given, size)
        if not piece and not given and not self._zlib.eof:
            raise EOFError("the compressed data ends too early")
        return piece

    def seek(self, position: int) -> int:
        """Forwards only."""
        while self._position < position and self.read(min(1 << 20, position - self._position)):
            pass
        return self._position

    def close(self) -> None:
        self._source.close()


def _inflater() -> zlib._Decompress:
    return zlib.decompressobj(wbits=47)  # either header


def opened(path: Path) -> BinaryIO | Inflated:
    file = path.open("rb")
    compressed = file.read(2) == GZIP
    file.seek(0)
    return Inflated(file) if compressed else file


def first_bytes(path: Path, size: int = 1 << 18) -> bytes:
    """The beginning of a file, inflated; nothing where there is no file or it cannot be read."""
    try:
        file = opened(path)
        try:
            return file.read(size)
        finally:
            file.close()
    except (OSError, EOFError, zlib.error):
        return b""
