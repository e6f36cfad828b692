"""Fixtures of tests that ask a running osqueryd; a module gets them by ``pytest_plugins``."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from portproof.sources import thrift_wire
from support.standins.host import HOST
from support.standins.leaks import nothing_leaks
from support.standins.osqueryd import Osqueryd


@pytest.fixture
def _nothing_leaks() -> Iterator[None]:
    with nothing_leaks():
        yield


@pytest.fixture(params=["C", "Python"])
def _decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "Python":
        monkeypatch.setattr(thrift_wire, "fast_decode", None)
    assert (thrift_wire.fast_decode is None) == (request.param == "Python")


@pytest.fixture
def osqueryd(tmp_path: Path) -> Iterator[Osqueryd]:
    """A running stand-in over a small host."""
    with Osqueryd(tmp_path / "osquery.em", HOST) as server:
        yield server
