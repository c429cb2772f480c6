"""Changed bytes in what the readers of files read: refused or counted, never a crash. Longer runs: :mod:`tests.fuzz`."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzzing import CORPUS, TOKENS, Target, targets

pytestmark = pytest.mark.timeout(600)
NAMES = (
    "slack-json", "slack-zip", "html-page", "html-value", "package-datapackage", "package-blobs", "package-part", "package-pack", "package-changes",
)  # fmt: skip


@pytest.fixture(scope="module")
def all_targets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Target]:
    return targets(tmp_path_factory.mktemp("fuzz"))


def changed(seed: bytes) -> st.SearchStrategy[bytes]:
    """The seed with a few pieces of it replaced, cut out, doubled or put elsewhere."""
    place = st.integers(0, len(seed))
    piece = (
        st.sampled_from(TOKENS) | st.binary(max_size=4) | st.tuples(place, place).map(lambda ends: seed[min(ends) : min(max(ends), min(ends) + 64)])
    )
    edits = st.lists(st.tuples(place, st.integers(0, 8) | st.integers(0, 200), piece), min_size=1, max_size=4)

    def apply(made: list[tuple[int, int, bytes]]) -> bytes:
        data = seed
        for at, length, new in made:
            data = data[:at] + new + data[at + length :]
        return data

    return edits.map(apply)


@pytest.mark.parametrize("name", NAMES)
def test_changed_bytes_are_refused_or_counted(name: str, all_targets: dict[str, Target]) -> None:
    assert set(NAMES) == set(all_targets)
    target = all_targets[name]
    for kept in sorted(path for path in (CORPUS / name).glob("*") if path.is_file()):
        target.read(kept.read_bytes())

    @settings(max_examples=300 if name == "slack-json" else 8, deadline=None, suppress_health_check=list(HealthCheck))
    @given(data=changed(target.seed))
    def holds(data: bytes) -> None:
        target.read(data)

    holds()
