"""What opens doors and is never taken along, by its name: columns, members of JSON and PHP values, settings by their key."""

from __future__ import annotations

import re
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute

pc: Any = pyarrow.compute
REMOVED = "REMOVED-BY-REVERSA"
_SECRET = re.compile(
    r"(^|_)(pass|passwd|password|passphrase|pwd|secret|secrets|token|tokens|salt|otp|totp|mfa|api_?key|private_?key|credential|credentials)(_|$)"
    r"|password|passwd|crypted|_hash$|^hash$|apikey|secret_key|activation_key|recovery_code|session_data"
    r"|(^|_)(access|auth|cipher|encryption|hmac|logged_in|login|master|nonce|session|signing)_key"
)
_NO_SECRET = re.compile(
    r"(content|file|sha1?|sha256|md5|body|text|image|blob)_?hash$|^(last_|password_)?.*(_at|_on|_date|_count|_changed|_expires|_set)$"
)
_MAY_HOLD = r"(?is)\A(?:[{\[]|[aO]:).*(?:pass|secret|token|salt|otp|mfa|key|credential|pwd|crypt|hash)"
_IN_JSON = re.compile(r'("((?:[^"\\]|\\.)*)"\s*:\s*)"(?:[^"\\]|\\.)+"')
_IN_PHP = re.compile(r'(s:\d+:"([^"]*)";)s:\d+:"[^"]+";')
_KEYS, _VALUES = ("key", "name", "k", "option_name", "meta_key", "setting", "code"), ("value", "v", "option_value", "meta_value", "content")


def is_secret(column: str) -> bool:
    """Whether a column holds what opens a door."""
    name = re.sub(r"[^a-z0-9]", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", column).lower())
    return bool(_SECRET.search(name)) and not _NO_SECRET.search(name)


def cleaned(column: pa.Array[Any]) -> tuple[pa.Array[Any], int]:
    """A column without the secrets that lie in its JSON and PHP values, and how many those were."""
    held = pc.fill_null(pc.match_substring_regex(column, _MAY_HOLD), False)
    if not pc.any(held).as_py():
        return column, 0
    found = [_without(text) for text in cast("list[str]", column.filter(held).to_pylist())]
    count = sum(hidden for _, hidden in found)
    return (pc.replace_with_mask(column, held, pa.array([text for text, _ in found], pa.string())) if count else column), count


def hide_values(columns: dict[str, pa.Array[Any]]) -> int:
    """Remove the values of settings whose key is called like a secret; how many were removed."""
    key = next((name for name in _KEYS if name in columns), None)
    values = [name for name in _VALUES if name in columns]
    if key is None or not values:
        return 0
    secret = {text for text in pc.unique(columns[key]).to_pylist() if text and is_secret(text)}
    held = pc.is_in(columns[key], pa.array(secret, pa.string()))
    hidden = 0
    for name in values:
        here = pc.and_(held, pc.fill_null(pc.not_equal(columns[name], ""), False))
        columns[name] = pc.if_else(here, REMOVED, columns[name])
        hidden += pc.sum(here).as_py() or 0
        held = pc.and_not(held, here)
    return hidden


def hide_value(row: dict[str, Any]) -> int:
    """Remove the value of a setting whose key is called like a secret; how many were removed."""
    key = next((name for name in _KEYS if name in row), None)
    value = next((name for name in _VALUES if row.get(name)), None)
    if key is None or value is None or not isinstance(row[key], str) or not is_secret(row[key]):
        return 0
    row[value] = REMOVED
    return 1


def _without(text: str) -> tuple[str, int]:
    count = 0

    def hidden(found: re.Match[str], written: str) -> str:
        nonlocal count
        if not is_secret(found[2]):
            return found[0]
        count += 1
        return found[1] + written

    if text[:1] in "{[":
        text = _IN_JSON.sub(lambda found: hidden(found, f'"{REMOVED}"'), text)
    elif text[:2] in ("a:", "O:"):
        text = _IN_PHP.sub(lambda found: hidden(found, f's:{len(REMOVED)}:"{REMOVED}";'), text)
    return text, count
