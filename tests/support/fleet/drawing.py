"""Draws what is opened on hosts, and says by itself what an audit must find there.

The opinion shares no code with portproof: it knows the few addresses, ports and rules of this file,
and tells each verdict from what was opened, in plain ifs.
"""

from random import Random
from typing import Any, Final

from support.fleet.plans import OWN_IPV4, OWN_IPV6, Opened, Plan, Tools

PORTS: Final = (609, 610, 8080, 5432, 53, 123)
NAMES: Final = ("npmp", "nginx", "postgres", "dns mask", "x" * 15)
USERS: Final = ("root", "web", "guest")
SERVER: Final = Opened("tcp", "0.0.0.0", 22, "sshd", "root")
TOOLS: Final[tuple[Tools, ...]] = ("python", "python", "osqueryi")

POLICY: Final[dict[str, Any]] = {
    "policy": "truth",
    "title": "What was opened",
    "rules": [
        {"id": "closed-609", "closed": 609},
        {"id": "closed-610-udp", "closed": "610/udp"},
        {"id": "closed-8080-outside", "closed": 8080, "at": "external"},
        {"id": "closed-5432-network", "closed": "5432/tcp", "at": "10.0.0.0/8"},
        {"id": "closed-range", "closed": "600-700"},
        {"id": "closed-by-nginx", "closed": "1-10000", "by": {"process": "nginx"}},
        {"id": "open-8080", "open": "8080/tcp"},
        {"id": "open-53", "open": "53/udp", "at": "external"},
        {"id": "open-postgres", "open": "5432/tcp", "by": {"process": ["postgres", "npmp"]}},
        {"id": "only-outside", "only": ["22/tcp", "8080/tcp", "53"], "at": "external"},
        {"id": "only-root", "only": "1-65535", "by": {"user": "root"}},
    ],
}


def drawn(seed: int) -> Plan:
    """A host with up to ten sockets."""
    random = Random(seed)  # noqa: S311 - no secret
    kept: dict[tuple[str, str, int], Opened] = {}
    for _ in range(random.randrange(11)):
        one = Opened(
            protocol=random.choice(("tcp", "udp")),
            address=random.choice(("0.0.0.0", "127.0.0.1", "::", "::1", OWN_IPV4, OWN_IPV6)),
            port=random.choice(PORTS),
            name=random.choice(NAMES),
            user=random.choice(USERS),
        )
        if not any(_collide(one, other) for other in kept.values()):
            kept[one.protocol, one.address, one.port] = one
    return Plan(opened=tuple(kept.values()), tools=random.choice(TOOLS))


def _collide(one: Opened, other: Opened) -> bool:
    """Whether the kernel would not let both be opened: a wildcard takes all that it serves."""
    if (one.protocol, one.port) != (other.protocol, other.port):
        return False
    addresses = {one.address, other.address}
    if "::" in addresses or len(addresses) == 1:
        return True
    return "0.0.0.0" in addresses and _is_ipv6(one) == _is_ipv6(other)


def _is_ipv6(one: Opened) -> bool:
    return one.address == OWN_IPV6 or ":" in one.address


def truth(opened: tuple[Opened, ...]) -> dict[str, str]:
    """The verdict of every rule of ``POLICY`` on a host where exactly these are open."""
    everything = (*opened, SERVER)
    outside = [one for one in everything if not _is_loopback(one)]
    failing = {
        "closed-609": any(one.port == 609 for one in everything),
        "closed-610-udp": any((one.port, one.protocol) == (610, "udp") for one in everything),
        "closed-8080-outside": any(one.port == 8080 for one in outside),
        "closed-5432-network": any(_serves_the_network(one) for one in everything),
        "closed-range": any(600 <= one.port <= 700 for one in everything),
        "closed-by-nginx": any(one.name == "nginx" for one in everything),
        "open-8080": not any((one.port, one.protocol) == (8080, "tcp") for one in everything),
        "open-53": not any((one.port, one.protocol) == (53, "udp") for one in outside),
        "open-postgres": not any(_is_postgres(one) for one in everything),
        "only-outside": any(not _is_allowed(one) for one in outside),
        "only-root": any(one.user != "root" for one in everything),
    }
    return {rule: "fail" if failed else "pass" for rule, failed in failing.items()}


def _is_loopback(one: Opened) -> bool:
    return one.address in ("127.0.0.1", "::1")


def _is_postgres(one: Opened) -> bool:
    return (one.port, one.protocol) == (5432, "tcp") and one.name in ("postgres", "npmp")


def _is_allowed(one: Opened) -> bool:
    return one.port == 53 or (one.protocol == "tcp" and one.port in (22, 8080))


def _serves_the_network(one: Opened) -> bool:
    """Whether it is 5432/tcp and reached at the host's IPv4 address."""
    is_it = (one.port, one.protocol) == (5432, "tcp")
    return is_it and one.address in ("0.0.0.0", "::", OWN_IPV4)
