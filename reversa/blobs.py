"""Content, kept once per SHA-256: large blobs as files, small ones in STORED zip packs.

Packs keep a bag of 100,000 attachments verifiable in a second instead of half a minute (docs/package-format.md).
"""

from __future__ import annotations

import hashlib
import io
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from reversa.errors import PackageError

CHUNK = 2**20
PACKED_BELOW = 2**20
PACK_ENTRIES = 65_535  # the last count that a plain (not zip64) end record holds
PACK_BYTES = 2**30


class BlobSink(Protocol):
    """Takes content and says what it was."""

    def add(self, content: BinaryIO) -> tuple[str, int]:
        """SHA-256 and size of the content, read to its end."""
        ...


def chunks(content: BinaryIO) -> Iterator[bytes]:
    """The content in pieces, so that memory stays flat whatever its size."""
    return iter(lambda: content.read(CHUNK), b"")


class Measure:
    """A sink that keeps nothing: for content that is only compared."""

    def add(self, content: BinaryIO) -> tuple[str, int]:
        digest, size = hashlib.sha256(), 0
        for chunk in chunks(content):
            digest.update(chunk)
            size += len(chunk)
        return digest.hexdigest(), size


class Staging:
    """A sink that keeps content in a folder under its digest until it is packed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True)

    def add(self, content: BinaryIO) -> tuple[str, int]:
        digest, size = hashlib.sha256(), 0
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            path = Path(folder) / "content"
            with path.open("wb") as file:
                for chunk in chunks(content):
                    digest.update(chunk)
                    size += len(chunk)
                    file.write(chunk)
            name = digest.hexdigest()
            home = self._folder / name[:2]
            home.mkdir(exist_ok=True)
            path.replace(home / name)
        return name, size

    def remove(self) -> None:
        """The folder has served."""
        shutil.rmtree(self._folder)

    def __iter__(self) -> Iterator[Path]:
        """The kept files in the order of their digests."""
        for home in sorted(p for p in self._folder.iterdir() if p.is_dir()):
            yield from sorted(home.iterdir())


def store(staging: Staging, data: Path) -> Iterator[tuple[str, int, str]]:
    """Move staged content below ``data``; yields (sha256, size, path inside ``data``) of each blob.

    The same content gives the same bytes every time: entries sorted, dates and modes fixed.
    """
    pack: zipfile.ZipFile | None = None
    name, entries, written, number = "", 0, 0, 0
    for path in staging:
        size = path.stat().st_size
        if size >= PACKED_BELOW:
            home = data / "blobs" / "sha256" / path.name[:2] / path.name
            home.parent.mkdir(parents=True, exist_ok=True)
            path.replace(home)
            yield path.name, size, home.relative_to(data).as_posix()
            continue
        if pack is None or entries == PACK_ENTRIES or written + size > PACK_BYTES:
            if pack is not None:
                pack.close()
            (data / "packs").mkdir(exist_ok=True)
            name, entries, written = f"packs/pack-{number:05d}.zip", 0, 0
            pack, number = zipfile.ZipFile(data / name, "w", zipfile.ZIP_STORED), number + 1
        entry = zipfile.ZipInfo(path.name, (1980, 1, 1, 0, 0, 0))
        entry.create_system, entry.external_attr = 3, 0o644 << 16
        pack.writestr(entry, path.read_bytes())
        entries, written = entries + 1, written + size
        yield path.name, size, name
    if pack is not None:
        pack.close()
    staging.remove()


def _pack(path: Path) -> zipfile.ZipFile:
    """A pack as :func:`store` writes it. Raises BadZipFile for one that could unpack to more than it is, or differently each time."""
    pack = zipfile.ZipFile(path)
    entries = pack.infolist()
    if any(e.compress_type != zipfile.ZIP_STORED or not e.file_size == e.compress_size < PACKED_BELOW for e in entries):
        raise zipfile.BadZipFile("an entry that is compressed or too large for a pack")
    if len(entries) != len(pack.NameToInfo):
        raise zipfile.BadZipFile("two entries with one name")
    return pack


class BlobReader:
    """Opens the blobs of a package by digest."""

    def __init__(self, data: Path, places: dict[str, str]) -> None:
        self._data, self._places = data, places
        self._pack: tuple[str, zipfile.ZipFile] | None = None

    def open(self, sha256: str) -> BinaryIO:
        """The content behind a digest. Raises PackageError if the package does not hold it whole."""
        place = self._places.get(sha256, "")
        if not place:
            raise PackageError(f"The package holds no content {sha256}.", "reversa validate PACKAGE")
        try:
            if not place.startswith("packs/"):
                return (self._data / place).open("rb")
            if self._pack is None or self._pack[0] != place:
                self.close()
                self._pack = place, _pack(self._data / place)
            return io.BytesIO(self._pack[1].read(sha256))
        except (OSError, EOFError, KeyError, ValueError, RuntimeError, zipfile.BadZipFile) as error:
            raise PackageError(f"{place} is damaged: {error}", "reversa validate PACKAGE") from error

    def close(self) -> None:
        if self._pack is not None:
            self._pack[1].close()
            self._pack = None
