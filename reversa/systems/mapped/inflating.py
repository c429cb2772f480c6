"""Texts that an application compressed before it put them into a column: old versions of pages, mostly."""

from __future__ import annotations

import zlib
from typing import Final

LARGEST: Final = 64 << 20
"""Bytes that a text may have when it is inflated: more is taken for a bomb."""
_ANY_HEADER, _NO_HEADER = zlib.MAX_WBITS | 32, -zlib.MAX_WBITS


def inflated(written: str | None) -> str | None:
    r"""The text behind bytes written as ``\x…``, compressed with zlib, gzip or bare deflate; None where there is none."""
    if written is None or not written.startswith("\\x"):
        return None
    try:
        data = bytes.fromhex(written[2:])
    except ValueError:
        return None
    for header in (_ANY_HEADER, _NO_HEADER):
        try:
            return _whole(data, header).decode()
        except (zlib.error, EOFError, UnicodeDecodeError):
            pass
    return None


def _whole(data: bytes, header: int) -> bytes:
    """All members. Raises EOFError where they are cut, or too large."""
    found = bytearray()
    while data:
        stream = zlib.decompressobj(header)
        found += stream.decompress(data, LARGEST - len(found) + 1)
        if not stream.eof or len(found) > LARGEST:
            raise EOFError
        data = stream.unused_data
    return bytes(found)
