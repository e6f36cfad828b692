"""Markers and fixtures that every test can use."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import hypothesis
import pytest

from support.fleet.fleet import StartFleet, fleet
from support.requirements import missing

INTEGRATION = Path(__file__).parent / "integration"

hypothesis.settings.register_profile(
    "portproof",
    derandomize=True,  # every run tries the same; `make fuzz` looks for what is new
    database=None,
    deadline=None,  # a busy machine is no failure
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("portproof")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests in ``integration``."""
    for item in items:
        if item.path.is_relative_to(INTEGRATION):
            item.add_marker(pytest.mark.integration)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test that needs a part this machine does not have; under CI, fail it."""
    if not (lacking := missing(parts(item))):
        return
    if os.environ.get("CI") == "true":
        pytest.fail("CI must have every part; missing " + "; ".join(lacking), pytrace=False)
    pytest.skip("missing " + "; ".join(lacking))


def parts(item: pytest.Item) -> list[str]:
    """Return the parts of the machine a test is marked as needing."""
    return [part for mark in item.iter_markers("needs") for part in mark.args]


@pytest.fixture(scope="module")
def start_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartFleet]:
    """Start hosts of these plans; they run until the last test of the module has ended."""
    with ExitStack() as stack:
        yield lambda plans: stack.enter_context(fleet(tmp_path_factory.mktemp("fleet"), plans))
