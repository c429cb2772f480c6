"""Which file of a wiki is what, by the names alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast, get_args

import msgspec

from reversa.systems.dokuwiki.accounts import told
from reversa.systems.dokuwiki.archive import Archive, read_bytes
from reversa.systems.dokuwiki.names import Encoding, decoded

DATA = ("pages", "attic", "meta", "media", "media_attic", "media_meta")
"""Folders of a data directory that hold what people wrote. All others can be made anew: index, cache, locks, tmp."""
_MADE_ANEW = re.compile(r"(.*/)?(_[^/]*\.changes|_htcookiesalt2?|[^/]*\.indexed|_dummy|\.htaccess|_reversa/.*)")
"""Files of these folders that are no source: a recent part of what others hold whole, secrets, marks of the index, reversa's own."""
_SECRET = re.compile(
    r"token|jwt|secret|oauth|2fa|passw|session|credential|auth(?!or)|(?<![a-z])[ht]?otp|(?<![a-z])keys?(?![a-z])"
    r"|(api|access|private|public|ssh|gpg|master)_?keys?|\.(pem|p12|pfx)$",
    re.IGNORECASE,
)
"""What the path of a plugin's file says that holds what lets somebody in: never taken along, whatever else it may be."""
_PAGE = re.compile(r"(.+)\.txt")
_OLD_PAGE = re.compile(r"(.+)\.(\d{1,12})\.txt(?:\.gz|\.bz2)?")
_OLD_MEDIUM = re.compile(r"(.+)\.(\d{1,12})\.([^./]+)")
_SETTING = re.compile(r"""^\s*\$conf\['(\w+)'\]\s*=\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|(-?\w+))\s*;""")


class Layout(msgspec.Struct):
    """The files of a wiki; what they are of → the name in the archive."""

    data: str
    """What the names of all data files begin with."""
    conf: str
    pages: dict[str, str] = {}
    attic: dict[str, dict[int, str]] = {}
    changes: dict[str, str] = {}
    meta: dict[str, str] = {}
    subscribers: dict[str, str] = {}
    """By page; those of a namespace by its name and a colon."""
    media: dict[str, str] = {}
    media_attic: dict[str, dict[int, str]] = {}
    media_changes: dict[str, str] = {}
    strangers: list[str] = []
    """What only plugins know."""
    secrets: int = 0
    """Files of plugins that may hold what lets somebody in."""
    drafts: int = 0
    """What somebody wrote and has not shown anybody."""

    @property
    def page_ids(self) -> list[str]:
        """Every page that there is or was."""
        return sorted({*self.pages, *self.attic, *self.changes})

    @property
    def media_ids(self) -> list[str]:
        """Every medium that there is or was."""
        return sorted({*self.media, *self.media_attic, *self.media_changes})


def data_prefixes(names: Iterable[str]) -> Iterator[str]:
    """What the names of the data files may begin with, the shortest first."""
    homes: dict[str, set[str]] = {}
    for name in names:
        parts = name.split("/")
        for place in range(min(len(parts) - 1, 6)):
            if parts[place] in DATA:
                homes.setdefault("".join(f"{part}/" for part in parts[:place]), set()).add(parts[place])
    for prefix in sorted(homes, key=lambda prefix: (prefix.count("/"), prefix)):
        if "pages" in homes[prefix] and len(homes[prefix]) > 1:
            yield prefix


def empty(folder: Path) -> Layout | None:
    """The layout of a wiki without a file; None when the folder is none."""
    if (folder / "data" / "pages").is_dir():
        return Layout("data/", "conf/")
    return Layout("", "conf/") if (folder / "pages").is_dir() else None


def sort_files(archive: Archive, at: Path) -> Layout | None:
    """The files of the wiki in an archive of what lies at a path; None when it holds none."""
    layout = empty(at)
    if layout is None:
        prefix = next(data_prefixes(archive.sizes), None)
        if prefix is None:
            return None
        layout = Layout(prefix, f"{prefix.removesuffix('data/') if prefix.endswith('data/') else prefix}conf/")
    encoding = encoding_of(archive, layout)
    for name in archive.sizes:
        folder, _, path = name.removeprefix(layout.data).partition("/")
        if name.startswith(layout.data) and folder in DATA and not _MADE_ANEW.fullmatch(path):
            _take(layout, folder, path, name, encoding)
    return layout


def _take(layout: Layout, folder: str, path: str, name: str, encoding: Encoding) -> None:
    def id_of(part: str) -> str:
        return decoded(part, encoding)

    met = None
    if folder == "pages" and (met := _PAGE.fullmatch(path)):
        layout.pages[id_of(met[1])] = name
    elif folder == "attic" and (met := _OLD_PAGE.fullmatch(path)):
        layout.attic.setdefault(id_of(met[1]), {})[int(met[2])] = name
    elif folder == "meta":
        stem, dot, ending = path.rpartition(".")
        home = {"changes": layout.changes, "meta": layout.meta, "mlist": layout.subscribers}.get(ending) if dot else None
        if home is not None:
            home[id_of(stem)] = name
            return
    elif folder == "media":
        layout.media[id_of(path)] = name
        return
    elif folder == "media_attic" and (met := _OLD_MEDIUM.fullmatch(path)):
        layout.media_attic.setdefault(id_of(f"{met[1]}.{met[3]}"), {})[int(met[2])] = name
    elif folder == "media_meta" and path.endswith(".changes"):
        layout.media_changes[id_of(path.removesuffix(".changes"))] = name
        return
    if met is None and path.endswith(".draft"):
        layout.drafts += 1
    elif met is None and _SECRET.search(path):
        layout.secrets += 1
    elif met is None:
        layout.strangers.append(name)


def settings(archive: Archive, layout: Layout) -> dict[str, str]:
    """The plain settings of a wiki, the later files over the earlier ones. One that cannot be read says nothing."""
    found: dict[str, str] = {}
    for file in ("dokuwiki.php", "local.php", "local.protected.php"):
        try:
            lines = read_bytes(archive, layout.conf + file).decode(errors="replace").splitlines() if layout.conf + file in archive.sizes else []
        except ValueError:
            continue
        for line in lines:
            if met := _SETTING.match(line):
                found[met[1]] = next(value for value in met.groups()[1:] if value is not None)
    return found


def encoding_of(archive: Archive, layout: Layout) -> Encoding:
    """How the file names are encoded: as the wiki says, else as they look."""
    said = settings(archive, layout).get("fnencode")
    for encoding in get_args(Encoding):
        if said == encoding:
            return cast("Encoding", encoding)
    names = [name for name in archive.sizes if name.startswith(layout.data)]
    if any(not name.isascii() for name in names):
        return "utf-8"
    return "safe" if any("]" in name for name in names) else "url"


def conf_lines(archive: Archive, layout: Layout, file: str) -> list[str]:
    """The lines of a configuration file; none when it is not there. Raises ValueError when it cannot be read."""
    name = layout.conf + file
    return told(read_bytes(archive, name)) if name in archive.sizes else []
