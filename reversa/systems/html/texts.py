"""The words of the site in both languages, for the script that shows one of them."""

from __future__ import annotations

import functools
import json

from reversa.records import KINDS
from reversa.schema import fields
from reversa.wording import Texts, catalogue


@functools.cache
def texts() -> dict[str, dict[str, str]]:
    """Language → key → text: what the catalogue has for the archive, and the names of all kinds and fields."""
    found = {}
    for language in ("en", "fr"):
        t = Texts(language)
        words = {key: str(text[language]) for key, text in catalogue().items() if key.startswith("archive.")}
        for kind in KINDS:
            name = t.kind(kind)
            words[f"kind.{kind}"] = name[0].upper() + name[1:]
            words |= {f"{kind}.{field.name}": t.field(kind, field.name) for field in fields(kind)}
            words |= {f"part.{part.name}": part.note.fr if language == "fr" else part.doc for field in fields(kind) for part in field.parts}
        found[language] = words
    return found


def texts_script() -> str:
    """The texts as a script: a page from the disk may load no data."""
    return f"const reversaTexts = {json.dumps(texts(), ensure_ascii=False, indent=1)}\n"
