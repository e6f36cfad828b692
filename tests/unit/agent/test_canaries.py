"""Canaries that cannot be opened."""

import errno
import socket

import pytest

from portproof.agent import canaries


@pytest.mark.parametrize(
    ("code", "unopened"),
    [(errno.EADDRINUSE, [["tcp", "::1"], ["udp", "::1"]]), (errno.EAFNOSUPPORT, [])],
)
def test_a_family_in_use_without_a_canary_is_told(
    monkeypatch: pytest.MonkeyPatch, code: int, unopened: list[list[str]]
) -> None:
    """Its tables could be missing unnoticed; a family that the system does not have has none."""

    def opened(family: int, kind: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(code, "refused")
        return socket.socket(family, kind)

    monkeypatch.setattr(canaries, "socket", opened)
    held, told = canaries.open_at_loopback()
    for canary, *_ in held:
        canary.close()
    assert told == unopened
    assert [each[1:3] for each in held] == [("tcp", "127.0.0.1"), ("udp", "127.0.0.1")]
