"""Names that DokuWiki takes for pages, media, people and groups: what its ``cleanID`` leaves as it is."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from urllib.parse import quote_plus

import msgspec

LONGEST = 200
"""Bytes of the file name of one part of an id: 255, less the time and ending of an old revision, and a number."""
LONGEST_ID = 1000
"""Bytes of a whole id: a path on disk has 4096, of which a letter may take nine."""
_LETTERS = {
    "ß": "ss",
    "æ": "ae",
    "œ": "oe",
    "ø": "oe",
    "ð": "d",
    "đ": "d",
    "ħ": "h",
    "ı": "i",
    "ł": "l",
    "þ": "th",
    "ŧ": "t",
    "ä": "ae",
    "ö": "oe",
    "ü": "ue",
}
"""Latin letters that DokuWiki writes with others."""
_RUN_BY_SERVERS = frozenset(
    [
        "php",
        "php3",
        "php4",
        "php5",
        "php7",
        "php8",
        "phtml",
        "phar",
        "phps",
        "pht",
        "cgi",
        "pl",
        "py",
        "rb",
        "sh",
        "asp",
        "aspx",
        "jsp",
        "jspx",
        "shtml",
        "shtm",
        "stm",
        "html",
        "htm",
        "xhtml",
        "xht",
        "htaccess",
        "htpasswd",
    ]
)


class Cleaner(msgspec.Struct, frozen=True):
    """The rules for names of one wiki."""

    deaccent: bool = True
    separator: str = "_"

    @classmethod
    def of(cls, settings: Mapping[str, str]) -> Cleaner:
        """As the wiki is set up."""
        separator = settings.get("sepchar", "_")
        return cls(settings.get("deaccent", "1") != "0", separator if separator in ("_", "-", ".") else "_")

    def part(self, text: str) -> str:
        """The nearest name without a namespace; what DokuWiki takes stays as it is. Empty: nothing is left of it."""
        letters = "".join(self._letter(letter) for letter in unicodedata.normalize("NFC", text.strip()).lower())
        kept = "".join(letter if letter in "_-." or _is_word(letter) else self.separator for letter in letters)
        while self.separator * 2 in kept:
            kept = kept.replace(self.separator * 2, self.separator)
        return _cut(kept.strip("._-"))

    def id(self, path: str) -> str:
        """The same of a whole id, part by part."""
        return ":".join(part for name in path.split(":") if (part := self.part(name)))

    def medium(self, name: str) -> str:
        """The same of a file name; one that a web server might run gets another ending."""
        clean = self.part(name.replace(":", self.separator))
        stem, dot, ending = clean.rpartition(".")
        if _RUN_BY_SERVERS.intersection(clean.split(".")[1:]):
            return f"{clean}.txt"
        if dot and len(ending) <= 10 and len(quote_plus(clean)) > LONGEST - 10:
            return f"{_cut(stem, LONGEST - 15).rstrip('._-')}.{ending}"
        return clean

    def _letter(self, letter: str) -> str:
        if letter.isascii() or not self.deaccent:
            return letter
        if letter in _LETTERS:
            return _LETTERS[letter]
        if not unicodedata.name(letter, "").startswith("LATIN"):
            return letter
        return "".join(part for part in unicodedata.normalize("NFKD", letter) if part.isascii() or part.isalpha())


def _is_word(letter: str) -> bool:
    if letter.isascii():
        return letter.isalnum()
    return unicodedata.category(letter) in ("Ll", "Lo", "Lm", "Nd", "Mc", "Mn") and not 0xFE00 <= ord(letter) <= 0xFE0F


def _cut(name: str, longest: int = LONGEST) -> str:
    """The beginning of a name whose file name is not too long."""
    if len(name) * 9 <= longest:
        return name
    size = 0
    for number, letter in enumerate(name):
        size += len(quote_plus(letter))
        if size > longest:
            return name[:number].rstrip("._-")
    return name
