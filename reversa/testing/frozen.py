"""Packages written by earlier versions of reversa, kept byte for byte: what was exported once can always be imported."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

from reversa.package import Package

PACKAGES = Path(__file__).parent / "packages"
"""One zip per version of the schema, named after it: the sample records as that version wrote them."""


def frozen_packages(scratch: Path) -> Iterator[tuple[str, Package]]:
    """Each version of the schema with its package, unpacked below ``scratch``."""
    for path in sorted(PACKAGES.glob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            archive.extractall(scratch / path.stem)
        yield path.stem, Package(scratch / path.stem)
