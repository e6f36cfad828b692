"""Knocking at ports from outside, at real sockets."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

from portproof.model.observation import ConnectResult
from portproof.sources.connect_probe import ConnectProbe, ConnectRate
from support.for_each import for_each


@contextlib.contextmanager
def listening(address: str, *, accepts: bool = True) -> Iterator[int]:
    """A TCP socket bound to an address; without ``accepts`` it does not listen."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as server:
        server.bind((address, 0))
        if accepts:
            server.listen()
        yield server.getsockname()[1]


def try_ports(address: str, *ports: int) -> ConnectResult | None:
    """Knock once."""
    return asyncio.run(ConnectProbe(ConnectRate(wait=0.5)).try_ports(address, ports))


@for_each("address", ["127.0.0.1", "::1"])
def test_a_listener_answers_and_a_bound_socket_does_not(address: str) -> None:
    """Only a completed handshake counts."""
    with listening(address) as open_port, listening(address, accepts=False) as bound:
        found = try_ports(address, open_port, bound)
    assert found == ConnectResult(address=address, answered=(open_port,), silent=(bound,))


def test_a_name_is_tried_at_its_address() -> None:
    """The finding names the address that answered."""
    with listening("127.0.0.1") as port:
        found = try_ports("127.0.0.1", port, port)
    assert found is not None
    assert found.answered == (port,)


def test_a_name_that_does_not_resolve_tells_nothing() -> None:
    """Not a port was tried, so none is said to be silent."""
    assert try_ports("no-such-host.invalid", 609) is None
