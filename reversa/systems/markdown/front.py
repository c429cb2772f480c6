"""The front matter of a Markdown file: YAML between two lines of dashes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

LONGEST = 2**20
"""Front matter above this is text of the page: it would be held in memory several times over."""
WIDE = 2**30
"""Columns: a line is never folded."""
_OURS = "reversa: "
_FRONT = re.compile(r"\A---[ \t]*\r?\n")
_END = re.compile(r"^(?:---|\.\.\.)[ \t]*\r?(?:\n|\Z)", re.MULTILINE)
_HEADING = re.compile(r"^#[ \t]+(.{1,1000}?)[ \t#]*\r?$", re.MULTILINE)


def split(text: str) -> tuple[str | None, str]:
    """The front matter of a file, None when it has none, and the text below it."""
    begin = _FRONT.match(text)
    end = _END.search(text, begin.end(), begin.end() + LONGEST) if begin else None
    return (None, text) if begin is None or end is None else (text[begin.end() : end.start()], text[end.end() :])


def read(front: str) -> dict[str, Any]:
    """What it says. Raises ValueError when it is no mapping; nothing is made an object of a class, a time stays a text."""
    import yaml

    class Loader(yaml.SafeLoader):
        """Texts stay texts: a time without a zone is not for us to complete."""

    Loader.yaml_implicit_resolvers = {
        first: [(tag, form) for tag, form in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    try:
        value = yaml.load(front, Loader)  # noqa: S506 - a safe loader with less in it
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ValueError(f"it is no YAML: {str(error).splitlines()[0]}") from error
    if isinstance(value, dict):
        return {str(key): member for key, member in value.items() if isinstance(key, str | int | float)}
    if value is not None:
        raise ValueError("it is no mapping")
    return {}


def write(values: Mapping[str, Any], ours: Mapping[str, str], front: str = "") -> str:
    """Front matter with its dashes: that which was there, ``values``, and a line of ours."""
    return f"---\n{front}{_dumped(values) if values else ''}{_OURS}{_dumped(ours, flow=True)}---\n"


def _dumped(values: Mapping[str, Any], *, flow: bool = False) -> str:
    """YAML that comes back as it was: PyYAML writes some letters (U+0085) so that it reads others."""
    import yaml

    text = yaml.safe_dump(dict(values), allow_unicode=True, sort_keys=False, width=WIDE, default_flow_style=flow)
    if read(text) == values:
        return text
    return yaml.safe_dump(dict(values), sort_keys=False, width=WIDE, default_flow_style=flow)


def without_ours(front: str) -> str:
    """Front matter without the line that an import has added."""
    return "".join(line for line in front.splitlines(keepends=True) if not line.startswith(_OURS + "{"))


def text_of(value: Any) -> str | None:
    """A single value as text; None for anything that is none."""
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) and value != "" else None


def texts_of(value: Any) -> list[str]:
    """The texts of a list, or of one value; commas part it where people wrote them."""
    if isinstance(value, list):
        return [text for member in value if (text := text_of(member)) is not None]
    text = text_of(value)
    return [] if text is None else [part.strip() for part in text.split(",") if part.strip()]


def time_of(value: Any) -> datetime | None:
    """A time with its zone; None for any other."""
    try:
        at = datetime.fromisoformat(text_of(value) or "")
        return at.astimezone(UTC) if at.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def heading(text: str) -> str | None:
    """The first heading of the first level."""
    found = _HEADING.search(text)
    return found[1] if found else None
