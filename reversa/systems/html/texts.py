"""The words of the site in both languages, for the script that shows one of them."""

from __future__ import annotations

import functools
import json
import tomllib
from importlib import resources
from typing import Any

from reversa.records import KINDS
from reversa.schema import Field, fields


@functools.cache
def texts() -> dict[str, dict[str, str]]:
    """Language → key → text: the catalogue of the archive, and the names of all kinds and fields."""
    found = {language: {f"archive.{key}": text[language] for key, text in _toml("archive/texts.toml").items()} for language in ("en", "fr")}
    names = _toml("messages.toml")["kind-name"]
    for kind in KINDS:
        for language in ("en", "fr"):
            name = names[kind][language]["other"]
            found[language][f"kind.{kind}"] = name[0].upper() + name[1:]
        for field in fields(kind):
            _add(found, f"{kind}.{field.name}", field)
            for part in field.parts:
                _add(found, f"part.{part.name}", part)
    return found


def _toml(name: str) -> dict[str, Any]:
    return tomllib.loads((resources.files("reversa.templates") / name).read_text(encoding="utf-8"))


def _add(found: dict[str, dict[str, str]], key: str, field: Field) -> None:
    found["en"][key], found["fr"][key] = field.doc, field.note.fr


def texts_script() -> str:
    """The texts as a script: a page from the disk may load no data."""
    return f"const reversaTexts = {json.dumps(texts(), ensure_ascii=False, indent=1)}\n"
