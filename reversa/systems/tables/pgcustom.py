"""The archives of pg_dump: custom (-Fc), a table of contents and then blocks of data in chunks; directory (-Fd), a file for each block."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

import pyarrow as pa

from reversa.errors import SourceError
from reversa.systems.tables.contract import text_of
from reversa.systems.tables.streams import Inflated, Input, opened

MAGIC = b"PGDMP"
CONTENTS = "toc.dat"
"""The table of contents of a directory."""
_OLDEST, _NEWEST = (1, 12), (1, 16)  # PostgreSQL 9.0 to 18
_CUSTOM, _TAR, _DIRECTORY = 1, 3, 5
_DATA, _BLOBS = 1, 3
_CODECS = {0: "", 1: "gzip", 2: "lz4", 3: "zstd"}
_COMPRESSED: dict[str, Any] = {".lz4": "lz4", ".zst": "zstd"}
_CUT = "the dump ends in the middle of its data"
_MOST = 64 << 20  # bytes of a definition


class Entry(NamedTuple):
    """A line of the table of contents."""

    number: int
    kind: str
    name: str
    schema: str
    definition: str
    copy: str
    has_data: bool
    file: str
    """Of a directory: where its data is."""


class Archive:
    """What is in a dump, and where. Offsets that the table of contents gives are not needed: all blocks are passed once."""

    def __init__(self, path: Path) -> None:
        self._folder = path if path.is_dir() else None
        self._path = path / CONTENTS if self._folder else path
        self._found: dict[int, Path] = {}
        self.broken = ""
        """Why the blocks could not be passed to the end."""
        with self._path.open("rb") as file:
            try:
                self.entries = self._contents(file)
            except (EOFError, OverflowError) as error:
                raise SourceError(f"{path} ends in its table of contents", "Copy the dump again from where it was made.") from error
            self.blocks = self._files(self._folder) if self._folder else self._passed(file)
            """Entry → where its first chunk is; in a directory, the number of the file."""
        named = {entry.number for entry in self.entries}
        files = {file.name.partition(".")[0] for file in self._folder.glob("*.dat*")} if self._folder else set()
        strange = len(self.blocks.keys() - named) + sum(name.isdigit() for name in files - {entry.file.partition(".")[0] for entry in self.entries})
        if strange:
            raise SourceError(f"The table of contents of {path} leaves out {strange} blocks of data.", "Copy the dump again from where it was made.")

    def stream(self, block: int) -> Input:
        """The data of a block."""
        if self._folder:
            path = self._found[block]
            return opened(path) if path.suffix not in _COMPRESSED else pa.CompressedInputStream(str(path), _COMPRESSED[path.suffix])
        chunks = _Chunks(self._path, block, self._int_size)
        if self._codec == "gzip":
            return Inflated(chunks)
        return pa.CompressedInputStream(pa.PythonFile(cast("Any", chunks), "r"), cast("Any", self._codec)) if self._codec else chunks

    def _contents(self, file: BinaryIO) -> list[Entry]:
        file.seek(len(MAGIC))
        version = (_byte(file), _byte(file))
        _byte(file)
        if not _OLDEST <= version <= _NEWEST:
            raise SourceError(f"{self._path} is a dump of format {version[0]}.{version[1]}, which is not known", 'Write it again with "pg_dump -Fp".')
        self._int_size, offset_size = _byte(file), _byte(file)
        format_ = _byte(file)
        if format_ != _CUSTOM and not (self._folder and format_ in (_TAR, _DIRECTORY)):
            raise SourceError(f"{self._path} is not in the custom format of pg_dump", "Give the folder that it lies in, or a dump of pg_dump -Fc.")
        if version >= (1, 15):
            self._codec = _CODECS.get(_byte(file), "unknown")
        else:
            self._codec = "gzip" if self._int(file) else ""
        if self._codec == "unknown":
            raise SourceError(f"{self._path} is compressed in an unknown way", 'Write it again with "pg_dump -Fc -Z0".')
        for _ in range(7):
            self._int(file)  # of the date
        for _ in range(3):
            self._text(file)  # names of the database and of versions
        return [self._entry(file, version, offset_size) for _ in range(self._int(file))]

    def _entry(self, file: BinaryIO, version: tuple[int, int], offset_size: int) -> Entry:
        number, has_data = self._int(file), self._int(file) != 0
        for _ in range(2):
            self._text(file)  # object identifiers
        name, kind = self._text(file), self._text(file)
        self._int(file)  # section
        definition, _, copy, schema, _ = (self._text(file) for _ in range(5))
        if version >= (1, 14):
            self._text(file)  # access method
        if version >= (1, 16):
            self._int(file)  # kind of relation
        for _ in range(2):
            self._text(file)  # owner, and whether there are OIDs
        while self._bytes(file) is not None:
            pass  # dependencies
        place = self._text(file) if self._folder else ""
        if not self._folder:
            _exactly(file, 1 + offset_size)
        return Entry(number, kind, name, schema, definition, copy, has_data, place)

    def _files(self, folder: Path) -> dict[int, int]:
        """The files of the entries that are there: names of files, never of folders, as pg_dump writes them."""
        for entry in self.entries:
            places = (folder / (entry.file + suffix) for suffix in ("", ".gz", *_COMPRESSED) if re.fullmatch(r"\d+\.dat", entry.file))
            if path := next((place for place in places if place.is_file() and not place.is_symlink()), None):
                self._found[entry.number] = path
        return {number: number for number in self._found}

    def _passed(self, file: BinaryIO) -> dict[int, int]:
        blocks: dict[int, int] = {}
        size = self._path.stat().st_size
        try:
            while kind := file.read(1):
                number = self._int(file)
                if kind[0] not in (_DATA, _BLOBS):
                    raise EOFError(f"byte {file.tell()} begins no block")  # noqa: TRY301 - as where the file ends
                if kind[0] == _DATA:
                    blocks[number] = file.tell()
                while kind[0] == _DATA or self._int(file):  # large objects: each has its number before its chunks
                    self._pass_chunks(file, size)
                    if kind[0] == _DATA:
                        break
        except EOFError as error:
            self.broken = str(error)
        return blocks

    def _pass_chunks(self, file: BinaryIO, size: int) -> None:
        while length := self._int(file):
            if not 0 <= length <= size or file.seek(length, 1) > size:
                raise EOFError(_CUT)

    def _int(self, file: BinaryIO) -> int:
        return _int(file, self._int_size)

    def _bytes(self, file: BinaryIO) -> bytes | None:
        length = self._int(file)
        if length > _MOST:
            raise EOFError("a text of the table of contents is too long")
        return None if length < 0 else _exactly(file, length)

    def _text(self, file: BinaryIO) -> str:
        return text_of(self._bytes(file) or b"")[0]


class _Chunks:
    """The chunks of a block as one file."""

    closed = False

    def __init__(self, path: Path, start: int, int_size: int) -> None:
        self._file, self._int_size = path.open("rb"), int_size
        self._file.seek(start)
        self._left, self._ended = 0, False

    def read(self, size: int) -> bytes:
        """As many bytes, or fewer. Raises EOFError where the dump ends before the block does."""
        found = bytearray()
        try:
            while len(found) < size and not self._ended:
                if not self._left:
                    self._left = _int(self._file, self._int_size)
                    self._ended = self._left <= 0
                    continue
                part = self._file.read(min(size - len(found), self._left))
                if not part:
                    raise EOFError(_CUT)  # noqa: TRY301 - as where the stream ends
                found += part
                self._left -= len(part)
        except EOFError:
            if not found:
                raise
        return bytes(found)

    def close(self) -> None:
        self._file.close()


def _exactly(file: BinaryIO, size: int) -> bytes:
    found = file.read(size)
    if len(found) < size:
        raise EOFError(_CUT)
    return found


def _byte(file: BinaryIO) -> int:
    return _exactly(file, 1)[0]


def _int(file: BinaryIO, size: int) -> int:
    sign, *digits = _exactly(file, 1 + size)
    return int.from_bytes(digits, "little") * (-1 if sign else 1)
