"""Columns whose values are never taken along, by their names: passwords, their hashes, tokens and keys."""

from __future__ import annotations

import re

_SECRET = re.compile(
    r"(^|_)(pass|passwd|password|passphrase|pwd|secret|secrets|token|tokens|salt|otp|totp|mfa|api_?key|private_?key|credential|credentials)(_|$)"
    r"|password|passwd|crypted|_hash$|^hash$|apikey|secret_key|activation_key|access_key|auth_key|recovery_code|session_key|session_data"
)
_NO_SECRET = re.compile(
    r"(content|file|sha1?|sha256|md5|body|text|image|blob)_?hash$|^(last_|password_)?.*(_at|_on|_date|_count|_changed|_expires|_set)$"
)


def is_secret(column: str) -> bool:
    """Whether a column holds what opens a door."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", column).lower()
    return bool(_SECRET.search(name)) and not _NO_SECRET.search(name)
