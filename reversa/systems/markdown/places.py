"""Where everything of a source comes to lie in a folder, under names that every disk takes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from reversa.directory import Directory
from reversa.naming import Rules, assign
from reversa.records import File, Page, Ref, Space, User, ref, ref_parts
from reversa.systems.dokuwiki.tree import climb

LONGEST = 180
"""Bytes of a name: 255, less its ending and what tools put behind it."""
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|\u2028\u2029]+')
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", re.IGNORECASE)
_LONGEST_PATH = 1500
ROOT = "."
TOOLS = frozenset({".git", ".hg", ".svn", ".obsidian", ".trash", ".idea", ".vscode"})
"""Folders of tools: what lies in them is theirs."""


def clean(name: str) -> str:
    """The nearest name of one file or folder; one that every disk takes stays as it is."""
    made = _FORBIDDEN.sub("-", name)
    made = made.encode()[:LONGEST].decode(errors="ignore").strip(" ").rstrip(". ").lstrip(".")
    return f"_{made}" if _DEVICES.match(made) else made


class Places:
    """The paths of a source's spaces, pages and files, below one folder."""

    def __init__(self, directory: Directory, taken: set[str], *, own: bool) -> None:
        self._directory, self._own, self._taken = directory, own, taken
        self._names: dict[Ref, str] = {}
        spaces = {record: space for record, space in directory.all("space").items() if isinstance(space, Space)}
        pages = {record: page for record, page in directory.all("page").items() if isinstance(page, Page)}
        wholes = [record for record, space in spaces.items() if space.space_type in ("vault", "wiki") and space.parent is None]
        if len(wholes) == 1:  # the folder itself
            self._names[wholes[0]] = ROOT
        self._spaces, self._pages = climb({r: s.parent for r, s in spaces.items()}), climb({r: p.parent for r, p in pages.items()})
        self._descend({r: _called(s, own) for r, s in spaces.items()}, self._spaces, {}, "")
        self._descend({r: _called(p, own) for r, p in pages.items()}, self._pages, {r: p.space for r, p in pages.items()}, ".md")
        files = {record: file for record, file in directory.all("file").items() if isinstance(file, File)}
        wanted = {r: f"{home}/{clean(_called(f, own)) or 'unnamed'}" for r, f in files.items() if (home := self._home(f.target)) is not None}
        self._assign({record: path.removeprefix("/") for record, path in wanted.items()})

    def name(self, record: Ref) -> str | None:
        """The path of a record in the folder."""
        return self._names.get(record)

    def upper(self, record: Ref) -> Ref | None:
        """What a space or a page hangs on."""
        return self._spaces.get(record) or self._pages.get(record)

    def author(self, person: Ref) -> str:
        """What front matter calls somebody."""
        user = self._directory.get(person)
        told = (user.display_name or user.full_name or user.username) if isinstance(user, User) else None
        return " ".join((told or ref_parts(person)[1]).replace(",", " ").split()) or "?"

    def _home(self, target: Ref) -> str | None:
        """The folder that things attached to a record lie in: beside a page, in a space."""
        if target not in self._names:
            return None
        name = self._names[target]
        return name.rpartition("/")[0] if ref_parts(target)[0] == "page" else "" if name == ROOT else name

    def _descend(self, called: Mapping[Ref, str], uppers: Mapping[Ref, Ref], homes: Mapping[Ref, Ref | None], ending: str) -> None:
        waiting = [record for record in called if record not in self._names]
        while waiting:
            now = [record for record in waiting if record not in uppers or uppers[record] in self._names]
            wanted = {}
            for record in now:
                upper = uppers.get(record) or homes.get(record)
                home = "" if upper is None or self._names.get(upper, ROOT) == ROOT else self._names[upper].removesuffix(".md")
                name = called[record].removesuffix(".md") if self._own else called[record]
                made = clean(name) or "unnamed"
                hidden = self._own and name == f".{made}" and name not in TOOLS and name != ".reversa"  # a note in a folder of notes keeps its dot
                wanted[record] = f"{home}/{'.' * hidden}{made}{ending}".removeprefix("/")
            self._assign(wanted)
            waiting = [record for record in waiting if record not in wanted]

    def _assign(self, wanted: Mapping[Ref, str]) -> None:
        named = assign(wanted.items(), Rules(clean=str, fold=_folded, longest=_LONGEST_PATH, numbered=_numbered), self._taken)
        self._names.update(named)
        self._taken.update(named.values())


def _called(record: Space | Page | File, own: bool) -> str:
    if own:
        return ref_parts(ref("x", record.id))[1].rpartition("/")[2]
    return record.title or record.name or record.id if not isinstance(record, File) else record.name or record.id


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold()


def _numbered(path: str, number: int) -> str:
    stem, dot, ending = path.rpartition(".")
    return f"{stem} ({number}).{ending}" if dot and "/" not in ending else f"{path} ({number})"
