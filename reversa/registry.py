"""From a name to an adapter, and from what a person typed to a locator.

Adapters that come with reversa are the files of ``reversa/exporters`` and ``reversa/importers``; others announce
themselves in the entry-point groups ``reversa.exporters`` and ``reversa.importers``. Only the one asked for is imported.
"""

from __future__ import annotations

import importlib
import pkgutil
from importlib.metadata import entry_points
from pathlib import Path
from typing import cast

from reversa.adapter import Exporter, Importer, Locator
from reversa.errors import LocatorError, MissingExtra

SQL_DIALECTS = ("sqlite", "postgresql", "mysql", "mariadb")


def names(group: str) -> list[str]:
    """Names of the adapters of a group, `exporters` or `importers`."""
    package = importlib.import_module(f"reversa.{group}")
    return sorted({m.name for m in pkgutil.iter_modules(package.__path__)} | {e.name for e in entry_points(group=f"reversa.{group}")})


def exporter(system: str) -> type[Exporter]:
    """The exporter class of a system."""
    return cast("type[Exporter]", _load("exporters", system))


def importer(system: str) -> type[Importer]:
    """The importer class of a system."""
    return cast("type[Importer]", _load("importers", system))


def _load(group: str, system: str) -> object:
    if system not in names(group):
        raise LocatorError(f"There is no {group[:-1]} named {system!r}.", f"Known: {', '.join(names(group))}. See: reversa adapters")
    plugins = {e.name: e for e in entry_points(group=f"reversa.{group}")}
    try:
        if system in plugins:
            return plugins[system].load()
        return importlib.import_module(f"reversa.{group}.{system}").ADAPTER
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("reversa"):
            raise
        raise MissingExtra(f"{system} needs the Python package {error.name}.", f"pip install 'reversa[{system}]'") from error


def locate(text: str) -> Locator:
    """The locator behind what a person typed: ``system:path``, a SQLAlchemy URL, or a bare path to look into."""
    scheme, colon, rest = text.partition(":")
    if rest.startswith("//"):
        if scheme.partition("+")[0] in SQL_DIALECTS:
            return Locator("sql", text)
        system, _, inner = scheme.partition("+")
        return Locator(system, f"{inner}:{rest}" if inner else rest)
    if colon and scheme.isidentifier() and len(scheme) > 1 and not Path(text).exists():
        return Locator(scheme, rest)
    return recognise(Path(text))


def recognise(path: Path) -> Locator:
    """What a path is, by what lies in it. Raises LocatorError when it is nothing known."""
    if not path.exists():
        raise LocatorError(f"There is nothing at {path}.", "Give the path of an export, a package, or a database URL such as sqlite:///acme.db")
    if (path / "bagit.txt").is_file() or (path / "tagmanifest-sha256.txt").is_file():
        return Locator("package", str(path))
    if path.is_file():
        with path.open("rb") as file:
            if file.read(16) == b"SQLite format 3\0":
                return Locator("sql", f"sqlite:///{path}")
    for system in names("exporters"):
        adapter = exporter(system)
        recognises = getattr(adapter, "recognises", None)
        if recognises is not None and recognises(path):
            return Locator(system, str(path))
    hint = f"If you know the system, say so: SYSTEM:{path}, with one of: {', '.join(names('exporters'))}"
    if path.suffix == ".zip":
        raise LocatorError(f"{path} is not a whole zip archive, or not an export that reversa knows.", hint)
    raise LocatorError(f"{path} is not an export that reversa knows.", hint)
