"""What a mutant is, and how adapters are broken."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, NamedTuple
from unittest import mock

from reversa import registry
from reversa.adapter import Exporter, Importer, Locator, Options


class Mutant(NamedTuple):
    """What is broken, the check that must reject it, and words of the sentence that tells the cause."""

    name: str
    check: str
    told: str
    broken: Callable[[], AbstractContextManager[Any]]
    system: str = "sql"


def importer_is(wrap: Callable[[Importer], Any]) -> AbstractContextManager[Any]:
    """Every importer that is opened is wrapped."""
    real = registry.importer
    return mock.patch.object(registry, "importer", lambda system: _Opening(real(system), wrap))


def exporter_is(wrap: Callable[[Exporter], Any]) -> AbstractContextManager[Any]:
    """Every exporter that is opened is wrapped."""
    real = registry.exporter
    return mock.patch.object(registry, "exporter", lambda system: _Opening(real(system), wrap))


class _Opening:
    """A class of adapters, each wrapped when it is opened."""

    def __init__(self, opened: Any, wrap: Callable[[Any], Any]) -> None:
        self._opened, self._wrap = opened, wrap

    def open(self, locator: Locator, options: Options) -> Any:
        return self._wrap(self._opened.open(locator, options))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._opened, name)
