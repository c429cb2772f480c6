"""Where test inputs lie: those that ship with the project, and the shelf beside it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
REAL_EXPORT = PROJECT / "tests" / "data" / "slack-export.zip"
SHELF = PROJECT.parent / "shared"


def shelf(name: str) -> Path:
    """A file of the shelf; the test is skipped where there is none, and fails in CI."""
    path = SHELF / name
    if not path.exists():
        if os.environ.get("CI"):
            pytest.fail(f"{path} is missing")
        pytest.skip(f"{path} is not on this machine")
    return path
