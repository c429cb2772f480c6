"""Names that a target takes: no two that it takes for one, none too long, none with a character that it refuses."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping

import msgspec

from reversa.records import Ref


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """How a target names things."""

    clean: Callable[[str], str]
    """The nearest name that the target takes; a name that it takes stays as it is. Empty: nothing is left of it."""
    fold: Callable[[str], str]
    """What is the same in two names that the target takes for one."""
    longest: int
    """Bytes in UTF-8."""
    numbered: Callable[[str, int], str] = lambda name, number: f"{name} ({number})"
    """The name of the second, the third … that would have the same."""


def assign(wanted: Iterable[tuple[Ref, str]], rules: Rules, taken: Iterable[str] = ()) -> Mapping[Ref, str]:
    """A name for each record, the wanted one wherever it can be.

    The same records get the same names in whatever order they come: who has its name unchanged goes first, then by
    name and reference. ``taken`` are names that the target holds of others.
    """
    names: dict[Ref, str] = {}
    used = {rules.fold(name) for name in taken}
    candidates = [(_cut(rules.clean(name), rules.longest) or "unnamed", name, record) for record, name in wanted]
    for nearest, _, record in sorted(candidates, key=lambda one: (one[0] != one[1], one[1], one[2])):
        names[record] = name = nearest if rules.fold(nearest) not in used else _free(nearest, used, rules)
        used.add(rules.fold(name))
    return names


def _free(name: str, used: set[str], rules: Rules) -> str:
    for number in itertools.count(2):
        beginning = name
        while len(made := rules.numbered(beginning, number)) and len(made.encode()) > rules.longest:
            beginning = beginning[:-1]
        if rules.fold(made) not in used:
            return made
    raise AssertionError("there is always another number")


def _cut(name: str, longest: int) -> str:
    """The beginning of a name, in whole characters."""
    return name.encode()[:longest].decode(errors="ignore").rstrip()
