"""Fuzzing guided by coverage, for a bounded time: ``python -m tests.fuzz TARGET [--seconds 60]``. Needs ``pip install atheris``."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore] # installed by who fuzzes; it ships no types

with atheris.instrument_imports(include=["reversa"]):
    from tests.fuzzing import CORPUS, targets


def main() -> None:
    """Fuzz one target: inputs that reach new code go to its corpus, what makes it fail to the working directory as ``crash-…``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target")
    parser.add_argument("--seconds", type=int, default=60)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        target = targets(Path(folder))[chosen.target]
        corpus = CORPUS / chosen.target
        corpus.mkdir(parents=True, exist_ok=True)
        seed = Path(folder) / "seed"
        seed.mkdir()
        (seed / "sound").write_bytes(target.seed)
        limits = [f"-max_total_time={chosen.seconds}", "-timeout=10", "-rss_limit_mb=2048", f"-max_len={4 * len(target.seed)}"]
        atheris.Setup(["fuzz", *limits, str(corpus), str(seed)], lambda data: target.read(bytes(data)))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
