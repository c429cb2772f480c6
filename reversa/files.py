"""Files that are whole or not there, also after a power cut."""

from __future__ import annotations

import contextlib
import csv
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """A file that is written under another name, flushed to the disk and renamed last. Raises OSError; it is then as it was before."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    flush(path.parent)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file as :func:`whole` does."""
    with whole(path) as file:
        file.write(content)


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV that people filled in, also with the semicolons of a French spreadsheet. Raises OSError, ValueError, csv.Error."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        semicolons = ";" in file.readline()
        file.seek(0)
        return list(csv.DictReader(file, delimiter=";" if semicolons else ","))


def flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
