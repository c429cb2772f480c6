"""How much a wiki holds, counted from bare names and bare lines: no id is decoded, no line is understood."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping

from reversa.systems.dokuwiki.archive import Archive, read_bytes

_LISTED = re.compile(rb"^(-?\d{1,12})\t[^\n\t]*\t[^\n\t]*\t[^\n]*", re.MULTILINE)
_ANY = re.compile(rb"^.*\S.*$", re.MULTILINE)


def count(archive: Archive, data: str, conf: str) -> Mapping[str, int]:
    """Items by kind. ``data`` and ``conf`` are what the names of the files begin with."""
    names = {name.removeprefix(data) for name in archive.sizes if name.startswith(data)}
    found: Counter[str] = Counter(opaque=len(archive.refused))
    pages = dict(_split(names, "pages/", re.compile(r"(.+)()\.txt")))
    attic = _grouped(names, "attic/", re.compile(r"(.+)\.(\d{1,12})\.txt(?:\.gz|\.bz2)?"))
    media = dict(_split(names, "media/", re.compile(r"(.+)()")))
    old_media = _grouped(names, "media_attic/", re.compile(r"(.+)\.(\d{1,12})(\.[^./]+)"))
    logs = {name: f"{data}meta/{name}.changes" for name, _ in _split(names, "meta/", re.compile(r"((?:.*/)?[^_/][^/]*)()\.changes"))}
    media_logs = {
        name: f"{data}media_meta/{name}.changes" for name, _ in _split(names, "media_meta/", re.compile(r"((?:.*/)?[^_/][^/]*)()\.changes"))
    }
    for page in {*pages, *attic, *logs}:
        found["page"] += 1
        lines, times = _log(archive, logs.get(page))
        found["revision"] += lines + len(attic.get(page, set()) - times)
        if page in pages and _is_another(archive, data, page, times | attic.get(page, set()), names):
            found["revision"] += 1
    for medium in {*media, *old_media, *media_logs}:
        lines, times = _log(archive, media_logs.get(medium))
        old = old_media.get(medium, set())
        found["file"] += 1 + lines + len(old - times) - (bool(times) and max(times, key=int) not in old)
    homes = {*pages, *attic, *logs, *media, *old_media, *media_logs}
    spaces = {"/".join(parts[:depth]) for parts in (home.split("/") for home in homes) for depth in range(1, len(parts))}
    spaces |= {
        name.removeprefix("meta/").removesuffix("/.mlist")
        for name in names
        if name.startswith("meta/") and name.endswith("/.mlist") and name != "meta/.mlist"
    }
    _count_conf(archive, conf, found, spaces)
    found["space"] = len(spaces) + 1
    found["opaque"] += sum(1 for name in names if _is_strange(name))
    return found


def _split(names: set[str], folder: str, form: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        rest = name.removeprefix(folder)
        if name.startswith(folder) and not rest.startswith("_reversa/") and rest.rpartition("/")[2] not in ("_dummy", ".htaccess"):
            met = form.fullmatch(rest)
            if met:
                yield met[1] + "".join(met.groups()[2:]), met[2]


def _grouped(names: set[str], folder: str, form: re.Pattern[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, time in _split(names, folder, form):
        found.setdefault(name, set()).add(time)
    return found


def _log(archive: Archive, name: str | None) -> tuple[int, set[str]]:
    """How many lines a log has, and which times it lists; one that cannot be read counts as one."""
    if name is None:
        return 0, set()
    try:
        data = read_bytes(archive, name)
    except ValueError:
        return 1, set()
    return len(_ANY.findall(data)), {time.decode() for time in _LISTED.findall(data)}


def _is_another(archive: Archive, data: str, page: str, times: set[str], names: set[str]) -> bool:
    """Whether the text of today is that of no revision, by checksum."""
    if not times:
        return True
    last = max(times, key=int)
    old = next((name for end in (".txt.gz", ".txt.bz2", ".txt") if (name := f"attic/{page}.{last}{end}") in names), None)
    if old is None:
        return False
    try:
        return zlib.crc32(read_bytes(archive, data + old)) != zlib.crc32(read_bytes(archive, f"{data}pages/{page}.txt"))
    except ValueError:
        return True


def _count_conf(archive: Archive, conf: str, found: Counter[str], spaces: set[str]) -> None:
    groups: set[bytes] = set()
    for line in _told(archive, conf + "users.auth.php"):
        columns = re.split(rb"(?<![^\\]\\):", line)
        found["user"] += 1
        members = {group for group in columns[4].split(b",") if group} if len(columns) > 4 else set()
        groups |= members
        found["membership"] += len(members)
    for line in _told(archive, conf + "acl.auth.php"):
        if b"%USER%" in line or b"%GROUP%" in line:
            found["opaque"] += 1
            continue
        found["grant"] += 1
        columns = line.split()
        if len(columns) == 3 and columns[1].startswith(b"@") and columns[1] != b"@ALL":
            groups.add(re.sub(rb"%([0-9a-f]{2})", lambda met: bytes([int(met[1], 16)]), columns[1][1:]))
        scope = columns[0].decode("utf-8", "backslashreplace").split(":")[:-1] if len(columns) == 3 else []
        spaces |= {"/".join(scope[:depth]) for depth in range(1, len(scope) + 1)}
    found["group"] = len(groups)


def _told(archive: Archive, name: str) -> list[bytes]:
    if name not in archive.sizes:
        return []
    try:
        data = read_bytes(archive, name)
    except ValueError:
        return []
    return [line for raw in data.splitlines() if (line := raw.partition(b"#")[0].strip())]


def _is_strange(name: str) -> bool:
    """Whether a file is of a plugin: in the folders that people write to, and of none of the forms that DokuWiki has."""
    folder, _, rest = name.partition("/")
    file = rest.rpartition("/")[2]
    if (
        rest.startswith("_reversa/")
        or file in ("_dummy", ".htaccess")
        or file.endswith(".indexed")
        or re.fullmatch(r"_.*\.changes|_htcookiesalt2?", file)
    ):
        return False
    if folder == "pages":
        return not file.endswith(".txt")
    if folder == "attic":
        return re.fullmatch(r".+\.\d{1,12}\.txt(\.gz|\.bz2)?", rest) is None
    if folder == "meta":
        return re.fullmatch(r".*\.(changes|meta|mlist)", file) is None
    if folder == "media_attic":
        return re.fullmatch(r".+\.\d{1,12}\.[^./]+", rest) is None
    return folder == "media_meta" and not file.endswith(".changes")
