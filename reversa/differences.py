"""A finding as people see it: what was expected beside what was found, cut at the same place, the words that differ marked."""

from __future__ import annotations

import difflib
import re
from itertools import takewhile
from operator import eq
from typing import Any, NamedTuple

import msgspec

from reversa.comparing import Finding
from reversa.wording import Phrase, Texts, visible

_CONTEXT = 40
"""Characters shown before the first difference when it lies far inside."""

Side = list[tuple[bool, str]] | Phrase
"""One side of a difference: its pieces, each with whether it differs, or what stands for a value that is not there."""


class Difference(NamedTuple):
    """A finding as it is shown, both sides cut at the same place."""

    finding: Finding
    expected: Side
    found: Side
    beyond: bool
    """Whether the difference lies behind the end of what is shown."""


def difference(finding: Finding, size: int, t: Texts) -> Difference:
    """Both sides of a finding, at most ``size`` characters each."""
    if finding.expected is None and finding.found is None:
        whole = t("findings.whole") if finding.field is None else Phrase("–")
        said = visible(finding.note) if finding.status == "!" else t("status.?") if finding.status == "?" else t("findings.nothing")
        return Difference(finding, whole, said, beyond=False)
    expected, found = _telling(finding.expected, finding.found)
    same = sum(1 for _ in takewhile(bool, map(eq, expected, found)))
    start = max(0, same - _CONTEXT) if same + _CONTEXT > size else 0
    left, right = _marked(_cut(expected, start, size), _cut(found, start, size))
    return Difference(
        finding,
        left if expected else t("findings.nothing" if finding.expected is None else "findings.empty"),
        right if found else t("findings.nothing" if finding.found is None else "findings.empty"),
        beyond=expected == found,
    )


def _telling(expected: Any, found: Any) -> tuple[str, str]:
    """Both values as text. Of two structures, or two texts that hold JSON objects, only the parts that differ are told."""
    left, right = _parts(expected), _parts(found)
    if left is not None and right is not None:
        names = [name for name in dict.fromkeys([*left, *right]) if left.get(name) != right.get(name)]
        if names == ["text"]:
            return _telling(left.get("text"), right.get("text"))
        if _lines(left, names) != _lines(right, names):
            return _lines(left, names), _lines(right, names)
    return _plain(expected), _plain(found)


def _parts(value: Any) -> dict[str, Any] | None:
    if isinstance(value, str) and value.startswith("{"):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            return None
    return value if isinstance(value, dict) else None


def _plain(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return _lines(value, list(value)) if isinstance(value, dict) else msgspec.json.encode(value).decode()


def _lines(parts: dict[str, Any], names: list[str]) -> str:
    return "\n".join(f"{name}: {_plain(parts[name])}" for name in names if name in parts)


def _cut(text: str, start: int, size: int) -> str:
    return ("… " if start else "") + text[start : start + size] + (" …" if len(text) > start + size else "")


def _marked(expected: str, found: str) -> tuple[Side, Side]:
    """Both texts in pieces, the words that differ marked; texts with little in common are marked whole."""
    left, right = (re.findall(r"\w+|\s+|[^\w\s]", text) for text in (expected, found))
    matcher = difflib.SequenceMatcher(None, left, right, autojunk=False)
    if not expected or not found or matcher.ratio() < 0.4:
        return [(bool(found), expected)], [(bool(expected), found)]
    steps = matcher.get_opcodes()
    return (
        [(step != "equal", "".join(left[a:b])) for step, a, b, _, _ in steps if a < b],
        [(step != "equal", "".join(right[a:b])) for step, _, _, a, b in steps if a < b],
    )
