"""PHP's serialised form of plain data."""

from __future__ import annotations

from typing import Any


def serialised(value: Any) -> bytes:
    """Plain data as PHP writes it; lists are arrays numbered from 0. Raises TypeError for anything else."""
    if isinstance(value, bool):
        return b"b:%d;" % value
    if isinstance(value, int):
        return b"i:%d;" % value
    if isinstance(value, str):
        data = value.encode()
        return b's:%d:"%b";' % (len(data), data)
    if value is None:
        return b"N;"
    if isinstance(value, list):
        value = dict(enumerate(value))
    if isinstance(value, dict):
        members = b"".join(serialised(_key(key)) + serialised(member) for key, member in value.items())
        return b"a:%d:{%b}" % (len(value), members)
    raise TypeError(f"{type(value).__name__} is no plain data")


def _key(key: Any) -> Any:
    """PHP makes numbers of keys that look like one."""
    return int(key) if isinstance(key, str) and (key == "0" or (key.isascii() and key.isdecimal() and key[0] != "0" and len(key) < 19)) else key
