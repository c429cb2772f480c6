"""PHP's serialised values, as JSON text: data only, nothing is ever made an object of a class."""

from __future__ import annotations

import json
from typing import Any

DEEPEST = 100


def php_to_json(text: str | None) -> str | None:
    """The JSON behind a serialised value; None where it is none. An object becomes its members, with its class as ``__class``."""
    import phpserialize

    if text is None:
        return None
    try:
        value = phpserialize.loads(text.encode(), decode_strings=True, object_hook=_members)
        return json.dumps(_plain(value, 0), ensure_ascii=False)
    except (ValueError, TypeError, KeyError, IndexError, RecursionError, OverflowError, UnicodeDecodeError):
        return None


def _members(name: str, members: dict[Any, Any]) -> dict[Any, Any]:
    return {"__class": name} | members


def _plain(value: Any, depth: int) -> Any:
    """Arrays numbered from 0 as lists, all others as objects."""
    if depth > DEEPEST:
        raise ValueError("nested too deeply")
    if isinstance(value, dict):
        if list(value) == list(range(len(value))):
            return [_plain(item, depth + 1) for item in value.values()]
        return {str(key): _plain(item, depth + 1) for key, item in value.items()}
    return repr(value) if isinstance(value, float) else value
