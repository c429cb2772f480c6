"""What pages, files and people may be called in a wiki, and the nearest name for what may not."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Collection, Mapping

from reversa.naming import Rules
from reversa.records import Page, Record, Ref
from reversa.systems.mediawiki.values import CANONICAL, Namespace, normalised

LONGEST = 255
LONGEST_FILE = 235
LONGEST_USER = 235
_REPLACED = str.maketrans({"#": "-", "<": "‹", ">": "›", "[": "(", "]": ")", "{": "(", "}": ")", "|": "-"})
_PERCENT = re.compile(r"%(?=[0-9A-Fa-f]{2})")
_ENTITY = re.compile(r"&(?=(?:[A-Za-z0-9\x80-\xff]+|#[0-9]+|#x[0-9A-Fa-f]+);)")
_TILDES = re.compile("~{3,}")
_DOTS = re.compile(r"(?:(?<=^)|(?<=/))(\.{1,2})(?=/|$)")
_CONTROL = re.compile("[\x00-\x1f\x7f\ufffe\uffff\ud800-\udfff\ufffd\u200e\u200f\u202a-\u202e]")
_NOT_IN_FILES = str.maketrans({"/": "-", "\\": "-", ":": "-"})
_NOT_IN_USERS = str.maketrans(
    {"@": "-", "/": "-", ":": "-", "=": "-", "#": "-", "<": "‹", ">": "›", "[": "(", "]": ")", "{": "(", "}": ")", "|": "-"}
)


INTERFACE = "8"
"""The namespace whose pages are the wiki's own texts, styles and scripts, for all its readers."""


class Titles:
    """The names that one wiki takes. ``spaces``: whether names of the source speak of namespaces, as those of another wiki do."""

    def __init__(self, namespaces: Mapping[str, Namespace], interwikis: Collection[str], prohibited: Collection[str], *, spaces: bool) -> None:
        self._namespaces, self._spaces, self._prohibited = namespaces, spaces, frozenset(prohibited)
        self._interwikis = frozenset(name.casefold() for name in interwikis)
        named = {name.casefold(): key for key, name in CANONICAL.items() if name} | {"image": "6", "image talk": "7"}
        self._keys = named | {space.name.casefold(): key for key, space in namespaces.items() if space.name}
        self.pages = Rules(clean=self.clean, fold=str, longest=2 * LONGEST, numbered=self._numbered)
        self.people = Rules(clean=_user, fold=str, longest=LONGEST_USER)

    def key_of(self, title: str) -> str:
        """The namespace of a title."""
        prefix, colon, _ = title.partition(":")
        return self._keys.get(prefix.replace("_", " ").strip().casefold(), "0") if colon else "0"

    def wanted(self, page: Page, pages: Mapping[Ref, Record]) -> str:
        """What a page should be called: as in its own wiki, in the same namespace; else by its title, below the titles of its parents."""
        if self._spaces and page.name:
            key = page.space.partition(":")[2] if page.space else "0"
            space = self._namespaces.get(key)
            return f"{space.name}:{page.title}" if space is not None and space.name and page.title else page.name
        parts: list[str] = []
        met: set[Ref] = set()
        at: Record | None = page
        while isinstance(at, Page) and at.root not in met:
            met.add(at.root)
            parts.append(at.title or at.name or at.id)
            at = pages.get(at.parent) if at.parent is not None else None
        return "/".join(reversed(parts))

    def local(self, title: str) -> str:
        """A title without its namespace."""
        return title.partition(":")[2] if self.key_of(title) != "0" else title

    def clean(self, name: str) -> str:
        """The nearest title. A file is asked for as ``File:`` and its name."""
        name = _PERCENT.sub("％", _ENTITY.sub("＆", _CONTROL.sub("", unicodedata.normalize("NFC", name)).translate(_REPLACED)))
        name = _TILDES.sub(lambda found: "∼" * len(found[0]), normalised(name, "case-sensitive")).lstrip(": ")
        key = self.key_of(name)
        file = name.startswith("File:") and key == "6"
        if key != "0" and (int(key) < 0 or key == INTERFACE or not (self._spaces or file)):
            key, name = "0", name.replace(":", " -", 1)
        local = name.partition(":")[2] if key != "0" else name
        if key in ("0", "1"):  # a second prefix would lead elsewhere
            prefix, colon, rest = local.partition(":")
            folded = prefix.strip().casefold()
            if colon and (folded in self._interwikis or (key == "1" and folded in self._keys)):
                local = f"{prefix} -{rest}"
        local = _DOTS.sub(lambda found: "．" * len(found[1]), local)
        space = self._namespaces.get(key) or Namespace("")
        if key == "6":
            return self._prefixed(space.name, self._file(normalised(local, space.case)))
        return self._prefixed(space.name, _cut(normalised(local, space.case), LONGEST))

    def _prefixed(self, space: str, local: str) -> str:
        return "" if not local else f"{space}:{local}" if space else local

    def _file(self, name: str) -> str:
        """A name that no web server takes for a program."""
        name = name.translate(_NOT_IN_FILES)
        stem, dot, ending = name.rpartition(".")
        parts = {part.casefold() for part in name.split(".")[1:]}
        if parts & self._prohibited:
            stem, dot, ending = name.replace(".", "-"), ".", "txt"
        return _cut(stem, LONGEST_FILE - len(ending.encode()) - 1) + dot + ending if dot and len(ending) < 20 else _cut(name, LONGEST_FILE)

    def _numbered(self, name: str, number: int) -> str:
        key = self.key_of(name)
        prefix, local = (name.partition(":")[0] + ":", name.partition(":")[2]) if key != "0" else ("", name)
        stem, dot, ending = local.rpartition(".") if key == "6" and "." in local else (local, "", "")
        after = f" ({number}){dot}{ending}"
        return prefix + _cut(stem, (LONGEST_FILE if key == "6" else LONGEST) - len(after.encode())) + after


def _cut(text: str, longest: int) -> str:
    return text.encode()[:longest].decode(errors="ignore").rstrip()


def _user(name: str) -> str:
    name = _cut(normalised(_CONTROL.sub("", name).translate(_NOT_IN_USERS)).lstrip(": "), LONGEST_USER - 10)
    name = _PERCENT.sub("％", _ENTITY.sub("＆", _TILDES.sub("~~", name)))
    return f"User {name}" if _like_an_address(name) else name


def _like_an_address(name: str) -> bool:
    """Whether MediaWiki takes a name for the address of a machine."""
    return is_ip(name) or re.fullmatch(r"\d{1,3}\.\d{1,3}\.\d{1,3}\.(?:xxx|\d{1,3})", name) is not None


def is_ip(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
