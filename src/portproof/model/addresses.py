"""Addresses a socket may be bound to, and the scopes rules are limited to."""

import ipaddress
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_CACHE: Final = 65536
_MAPPED: Final = ipaddress.IPv6Network("::ffff:0:0/96")
"""IPv4-mapped addresses, RFC 4291, section 2.5.5.2."""
_LOOPBACK: Final = (ipaddress.IPv4Address("127.0.0.1"), ipaddress.IPv6Address("::1"))
_PRIVATE: Final = tuple(
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
"""Networks of organisations and providers (RFC 1918, RFC 6598, RFC 4193). ``is_private`` of the
standard library also holds for addresses of documentation, of broadcast and of no use yet."""


class Exposure(StrEnum):
    """How far a bound address can be reached, by its registered kind (RFC 6890)."""

    LOOPBACK = "loopback"
    LINK_LOCAL = "link-local"
    PRIVATE = "private"
    PUBLIC = "public"
    RESERVED = "reserved"
    WILDCARD = "wildcard"
    MULTICAST = "multicast"


class Stack(StrEnum):
    """Which families a socket serves."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"
    DUAL = "dual"
    IPV6_MAYBE_DUAL = "ipv6-maybe-dual"


class Covers(StrEnum):
    """Whether a listener is inside a scope, where that can be told."""

    YES = "yes"
    NO = "no"
    MAYBE = "maybe"


@lru_cache(_CACHE)
def parse_address(text: str) -> Address:
    """Read an address without its zone; an IPv4-mapped one (RFC 4291) becomes IPv4.

    Raises:
        ValueError: when the text is not an address.
    """
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv4Address):
        return address
    return address.ipv4_mapped or ipaddress.IPv6Address(int(address))


@lru_cache(_CACHE)
def exposure(address: Address) -> Exposure:
    """Say how far an address can be reached."""
    kinds = (
        (address.is_unspecified, Exposure.WILDCARD),
        (address.is_loopback, Exposure.LOOPBACK),
        (address.is_link_local, Exposure.LINK_LOCAL),
        (address.is_multicast, Exposure.MULTICAST),
        (any(address in network for network in _PRIVATE), Exposure.PRIVATE),
        (not address.is_global, Exposure.RESERVED),
    )
    return next((kind for is_it, kind in kinds if is_it), Exposure.PUBLIC)


class Scope:
    """Where a rule looks: any address, everything but loopback, loopback, or given networks."""

    __slots__ = ("networks", "written")

    NAMES: Final = ("any", "external", "loopback")

    def __init__(self, written: Iterable[str], networks: Iterable[Network] = ()) -> None:
        self.written = tuple(written)
        self.networks = tuple(networks)

    @classmethod
    def parse(cls, value: object) -> "Scope":
        """Read ``any``, ``external``, ``loopback``, or one or more CIDRs of either family.

        Raises:
            ValueError: with a sentence for the user.
        """
        parts = value if isinstance(value, list | tuple) else [value]
        texts = [part.strip() if isinstance(part, str) else part for part in parts]
        if len(texts) == 1 and texts[0] in cls.NAMES:
            return cls([texts[0]])
        if not texts:
            raise ValueError("needs any, external, loopback or at least one network")
        return cls([str(text) for text in texts], [_network(text) for text in texts])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scope) and self.written == other.written

    def __hash__(self) -> int:
        return hash(self.written)

    def __str__(self) -> str:
        return ", ".join(self.written)

    def __repr__(self) -> str:
        return f"Scope({str(self)!r})"

    def covers(self, address: Address, stack: Stack, reach: Exposure = Exposure.WILDCARD) -> Covers:
        """Return whether a socket bound to ``address`` can be reached inside this scope.

        A wildcard is reached through every address of its family, so it is in every scope; a
        wildcard that may or may not serve IPv4 as well is ``MAYBE`` in IPv4 networks. One whose
        ``reach`` is loopback counts as the loopback addresses of its family.
        """
        if address.is_unspecified and reach is Exposure.LOOPBACK:
            parts = [self.covers(each, stack) for each in _loopback(stack)]
            return Covers.YES if Covers.YES in parts else Covers.NO
        if not self.networks:
            return self._covers_by_name(address)
        if address.is_unspecified:
            return _wildcard_in(self.networks, stack)
        inside = any(address in network for network in self.networks)
        return Covers.YES if inside else Covers.NO

    def _covers_by_name(self, address: Address) -> Covers:
        name = self.written[0]
        if name == "any" or address.is_unspecified:
            return Covers.YES
        return Covers.YES if address.is_loopback == (name == "loopback") else Covers.NO


def _loopback(stack: Stack) -> list[Address]:
    """Return the loopback addresses that a wildcard may serve."""
    excluded = {Stack.IPV4: 6, Stack.IPV6: 4}.get(stack)
    return [each for each in _LOOPBACK if each.version != excluded]


def _wildcard_in(networks: tuple[Network, ...], stack: Stack) -> Covers:
    versions = {network.version for network in networks}
    served = {Stack.IPV4: {4}, Stack.IPV6: {6}, Stack.DUAL: {4, 6}, Stack.IPV6_MAYBE_DUAL: {6}}
    if versions & served[stack]:
        return Covers.YES
    return Covers.MAYBE if stack is Stack.IPV6_MAYBE_DUAL else Covers.NO


def _network(text: object) -> Network:
    if not isinstance(text, str):
        raise ValueError(f"{text!r} is not a network; write one such as 10.0.0.0/8 or fd00::/8")  # noqa: TRY004 - pydantic turns ValueError, not TypeError, into a content error
    if text in Scope.NAMES:
        raise ValueError(f"{text!r} stands alone; it cannot be listed beside networks")
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        raise ValueError(_network_advice(text)) from None
    if isinstance(network, ipaddress.IPv6Network):
        _refuse_unseen(text, network)
    return network


def _refuse_unseen(text: str, network: ipaddress.IPv6Network) -> None:
    """Refuse networks no listener is ever in, or that mean more than what is compared."""
    if network.network_address.scope_id:
        raise ValueError(f"{text!r} names a zone, which no row tells; leave it out")
    if network.subnet_of(_MAPPED):
        width = network.prefixlen - _MAPPED.prefixlen
        meant = f"{network.network_address.ipv4_mapped}/{width}"
        raise ValueError(f"{text!r} is seen as IPv4; write {meant}")


def _network_advice(text: str) -> str:
    try:
        meant = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return f"{text!r} is neither any, external, loopback nor a network such as 10.0.0.0/8"
    return f"{text!r} has bits set beyond its prefix; write {meant}"


def _validate(value: Any) -> Scope:  # noqa: ANN401 - whatever the user's YAML held
    if isinstance(value, Scope):
        return value
    try:
        return Scope.parse(value)
    except ValueError as error:
        raise PydanticCustomError("scope", "{text}", {"text": str(error)}) from None


ScopeField = Annotated[
    Scope,
    BeforeValidator(_validate),
    PlainSerializer(lambda scope: list(scope.written), return_type=list[str]),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": list(Scope.NAMES)},
                {"type": "string", "description": "a network, such as 10.0.0.0/8 or fd00::/8"},
                {"type": "array", "minItems": 1, "items": {"type": "string"}},
            ]
        }
    ),
]
"""A pydantic field that reads ``at``."""

ANY: Final = Scope(["any"])
