"""The few addresses the oracle knows."""

from typing import NamedTuple


class Entry(NamedTuple):
    """What an address is: its version, canonical text, kind and the networks it is in."""

    version: int
    text: str
    kind: str
    networks: tuple[str, ...] = ()


IPV4_NETWORK = "10.0.0.0/8"
IPV6_NETWORK = "fd00::/8"

BOOK = {
    "0.0.0.0": Entry(4, "0.0.0.0", "wildcard"),
    "127.0.0.1": Entry(4, "127.0.0.1", "loopback"),
    "127.0.0.53": Entry(4, "127.0.0.53", "loopback"),
    "10.1.2.3": Entry(4, "10.1.2.3", "other", (IPV4_NETWORK,)),
    "192.0.2.7": Entry(4, "192.0.2.7", "other"),
    "224.0.0.251": Entry(4, "224.0.0.251", "other"),
    "::": Entry(6, "::", "wildcard"),
    "::1": Entry(6, "::1", "loopback"),
    "fd00::5": Entry(6, "fd00::5", "other", (IPV6_NETWORK,)),
    "fe80::1": Entry(6, "fe80::1", "other"),
    "fe80::1%eth0": Entry(6, "fe80::1", "other"),
    "::ffff:127.0.0.1": Entry(4, "127.0.0.1", "loopback"),
    "::ffff:10.1.2.3": Entry(4, "10.1.2.3", "other", (IPV4_NETWORK,)),
    "::ffff:0.0.0.0": Entry(4, "0.0.0.0", "wildcard"),
}
