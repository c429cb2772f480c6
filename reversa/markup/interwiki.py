"""DokuWiki's shortcuts to other sites, `[[wp>Page]]`: those that it is shipped with, and where they lead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

SHORTCUTS: Mapping[str, str] = {
    "wp": "https://en.wikipedia.org/wiki/{NAME}",
    **{f"wp{language}": f"https://{language}.wikipedia.org/wiki/{{NAME}}" for language in ("fr", "de", "es", "pl", "ru")},
    "wpjp": "https://ja.wikipedia.org/wiki/{NAME}",
    "wpmeta": "https://meta.wikipedia.org/wiki/{NAME}",
    "doku": "https://www.dokuwiki.org/",
    "rfc": "https://tools.ietf.org/html/rfc",
    "man": "http://man.cx/",
    "amazon": "https://www.amazon.com/dp/{URL}?tag=splitbrain-20",
    "amazon.de": "https://www.amazon.de/dp/{URL}?tag=splitbrain-21",
    "amazon.uk": "https://www.amazon.co.uk/dp/{URL}",
    "paypal": "https://www.paypal.com/cgi-bin/webscr?cmd=_xclick&business=",
    "phpfn": "https://secure.php.net/{NAME}",
    "skype": "skype:{NAME}",
    "google": "https://www.google.com/search?q=",
    "google.de": "https://www.google.de/search?q=",
    "go": "https://www.google.com/search?q={URL}&btnI=lucky",
    "user": ":user:{NAME}",
    "callto": "callto://{NAME}",
    "tel": "tel:{NAME}",
}
_SHORTCUT = re.compile(r"([a-zA-Z0-9.]+)>(.*)", re.DOTALL)


def split(name: str) -> tuple[str, str] | None:
    """A shortcut and what it is followed by; None for any other name."""
    found = _SHORTCUT.fullmatch(name)
    return (found[1].lower(), found[2]) if found else None


def expanded(shortcut: str, reference: str) -> str:
    """The address, as DokuWiki makes it (a page of its own if it begins with a colon); empty if the shortcut is none of its own."""
    address = SHORTCUTS.get(shortcut, "")
    reference, _, section = reference.rpartition("#") if "#" in reference else (reference, "", "")
    whole = quote(reference, safe="")
    named = quote(reference, safe="/:@!$&'()*+,;=?")
    made = address.replace("{URL}", whole).replace("{NAME}", named) if "{" in address else address and address + whole
    return made + (f"#{quote(section, safe='')}" if made and section else "")
