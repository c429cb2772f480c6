"""ZIP files from outside: names, links, duplicates and sizes are looked at before anything is read."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path, PurePosixPath

from reversa.errors import SourceError

_MOST_ENTRIES = 1_000_000
_RATIO, _LARGE = 1000, 100 << 20
"""So much smaller than its content, a large entry was made to fill memory or disks."""


def open_zip(path: Path) -> zipfile.ZipFile:
    """Raises SourceError for an archive that is broken or made to do harm."""
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile) as error:
        raise SourceError(f"{path} cannot be read as a ZIP file: {error}", "Copy it again from where it was made.") from error
    if problem := _problem(archive):
        archive.close()
        raise SourceError(f"{path} is refused: {problem}", "Ask for the archive again, as the tool wrote it.")
    return archive


def _problem(archive: zipfile.ZipFile) -> str:
    names = set()
    entries = archive.infolist()
    if len(entries) > _MOST_ENTRIES:
        return f"it has more than {_MOST_ENTRIES} entries"
    for entry in entries:
        name = entry.filename
        if name in names:
            return f"two entries are called {name!r}"
        names.add(name)
        if "\\" in name or "\0" in name or name.startswith("/") or name[1:2] == ":" or ".." in PurePosixPath(name).parts:
            return f"an entry is called {name!r}"
        if stat.S_ISLNK(entry.external_attr >> 16):
            return f"the entry {name!r} is a link"
        if entry.flag_bits & 1:
            return f"the entry {name!r} is encrypted"
        if entry.file_size > max(_LARGE, entry.compress_size * _RATIO):
            return f"the entry {name!r} is {entry.file_size} bytes from {entry.compress_size}"
    return ""
