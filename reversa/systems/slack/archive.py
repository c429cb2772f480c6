"""The files of an export, a zip or a folder, read by name and never unpacked."""

from __future__ import annotations

import stat
import zipfile
from collections import Counter
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from reversa.errors import SourceError

JSON_BYTES = 64 * 2**20
"""A JSON file above this is refused: it would be held in memory. The largest day file seen has 3 MB."""
JSON_CONTAINERS = 2_000_000
"""A JSON file with more objects and lists is refused: each takes up to 230 bytes of memory. The largest day file seen has 60,000."""
BOMB_BYTES, BOMB_RATIO = 50 * 2**20, 200
"""An entry that is larger than this and shrinks by more than this is a bomb: text shrinks by 5 to 20."""


class Archive(Protocol):
    """Named files, each with its size in bytes; `refused` are those that no honest export holds, with the reason."""

    sizes: dict[str, int]
    refused: dict[str, str]

    def open(self, name: str) -> BinaryIO: ...

    def close(self) -> None: ...


def open_archive(path: Path) -> Archive:
    """The archive at a path. Raises SourceError when it is neither a folder nor a whole zip."""
    if path.is_dir():
        return FolderArchive(path)
    try:
        return ZipArchive(path)
    except (zipfile.BadZipFile, EOFError, UnicodeDecodeError, NotImplementedError) as error:
        raise SourceError(
            f"{path} is not a whole zip archive: {error}", "Ask for the file again and compare its size; an archive cut short cannot be trusted."
        ) from error
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}", "Check the path and your right to read it.") from error


def read_json_bytes(archive: Archive, name: str) -> bytes:
    """The content of a JSON file. Raises ValueError with the reason when it must not or cannot be read."""
    if archive.sizes[name] > JSON_BYTES:
        raise ValueError(f"larger than {JSON_BYTES} bytes")
    try:
        with archive.open(name) as file:
            data = file.read(JSON_BYTES + 1)
    except (OSError, EOFError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"cannot be read: {error}") from error
    except Exception as error:  # zlib.error and its kin have no common base
        raise ValueError(f"cannot be unpacked: {error}") from error
    if len(data) > JSON_BYTES:
        raise ValueError(f"larger than {JSON_BYTES} bytes")
    if data.count(b"{") + data.count(b"[") > JSON_CONTAINERS:
        raise ValueError(f"more than {JSON_CONTAINERS:,} objects and lists")
    return data.removeprefix(b"\xef\xbb\xbf")


class ZipArchive:
    """A zip. Slack writes entry names in UTF-8 without the flag that says so."""

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path, metadata_encoding="utf-8")
        except UnicodeDecodeError:  # written by some other tool
            self._zip = zipfile.ZipFile(path)
        self.sizes: dict[str, int] = {}
        self.refused: dict[str, str] = {}
        entries = [entry for entry in self._zip.infolist() if not _is_folder(entry) or entry.file_size]
        twice = (
            {name for name, count in Counter(entry.filename for entry in entries).items() if count > 1}
            if len(self._zip.NameToInfo) < len(self._zip.filelist)
            else set()
        )
        for entry in entries:
            reason = "the archive has this name twice" if entry.filename in twice else _oddity(entry)
            if reason:
                self.refused[entry.filename] = reason
            else:
                self.sizes[entry.filename] = entry.file_size

    def open(self, name: str) -> BinaryIO:
        return cast("BinaryIO", self._zip.open(name))

    def close(self) -> None:
        self._zip.close()


def _is_folder(entry: zipfile.ZipInfo) -> bool:
    return entry.filename.endswith("/")  # ZipInfo.is_dir fails on an empty name


def _oddity(entry: zipfile.ZipInfo) -> str:
    name = entry.filename
    if not name:
        return "it has no name"
    if name.startswith("/") or "\\" in name or (".." in name and ".." in name.split("/")) or name[1:2] == ":":
        return "its name leads outside the archive"
    if _is_folder(entry):
        return "it is a folder, yet it has content"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "it is a symbolic link"
    if entry.flag_bits & 1:
        return "it is encrypted"
    if entry.file_size > BOMB_BYTES and entry.file_size > BOMB_RATIO * max(entry.compress_size, 1):
        return "it unpacks to far more than it could hold"
    return ""


class FolderArchive:
    """A folder that holds an unpacked export. Links are not followed."""

    def __init__(self, path: Path) -> None:
        self._paths: dict[str, Path] = {}
        self.sizes: dict[str, int] = {}
        self.refused: dict[str, str] = {}
        for file in sorted(path.rglob("*")):
            name = file.relative_to(path).as_posix().encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
            self._paths[name] = file
            if file.is_symlink():
                self.refused[name] = "it is a symbolic link"
            elif file.is_file():
                self.sizes[name] = file.stat().st_size
            elif not file.is_dir():
                self.refused[name] = "it is not a plain file"

    def open(self, name: str) -> BinaryIO:
        return self._paths[name].open("rb")

    def close(self) -> None:
        pass
