"""Fixtures every test may use."""

import pytest

from support.requirements import missing_under_ci


@pytest.fixture
def _part_is_missing() -> None:
    """Fail a test whose part is missing where every part must be there."""
    pytest.fail(f"CI must have every part of the machine; missing: {missing_under_ci()}")
