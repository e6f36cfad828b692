"""Whatever hosts and users send ends as a value or a told error: a short run of every target.

``make fuzz`` runs the same for minutes; CONTRIBUTING.md tells how.
"""

import pytest
from hypothesis import given, settings

from support.fuzz.mutating import inputs
from support.fuzz.targets import TARGETS

quick = settings(
    max_examples=40,
)


@pytest.mark.parametrize("name", TARGETS)
def test_anything_may_come(name: str) -> None:
    """Real data with mistakes in it raises nothing, and some real data is understood."""
    target = TARGETS[name]
    seeds = target.seeds()
    understood = [target.run(seed) for seed in seeds]
    assert any(understood)

    @quick
    @given(inputs(seeds))
    def tried(data: bytes) -> None:
        target.run(data)

    tried()
