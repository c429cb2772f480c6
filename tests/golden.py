"""Golden files: expected text beside the tests, rewritten with ``pytest --accept``."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent / "golden"


def golden(name: str, text: str, accept: bool) -> None:
    """Compare with the golden file, or rewrite it."""
    path = FOLDER / name
    if accept:
        FOLDER.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    assert path.exists(), f"{path} is missing: run pytest --accept and read the change"
    assert text == path.read_text(encoding="utf-8"), f"{path} differs: run pytest --accept and read the change"
