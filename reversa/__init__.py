"""reversa: take an organisation's data out of one system, put it into another, and prove what arrived."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from reversa.migrating import Road, migrate
    from reversa.package import Package
    from reversa.reporting import Report
    from reversa.validating import validate

__all__ = ["Package", "Report", "Road", "__version__", "migrate", "validate"]

_HOMES = {"Package": "package", "Report": "reporting", "Road": "migrating", "migrate": "migrating", "validate": "validating"}


def __getattr__(name: str) -> Any:
    """Import the public names when they are first used: ``import reversa`` stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module 'reversa' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"reversa.{_HOMES[name]}"), name)
