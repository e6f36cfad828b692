"""Addresses and scopes: what text is an address, how far it reaches, and where a rule looks."""

import ipaddress
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from portproof.model.addresses import (
    Address,
    Covers,
    Exposure,
    Network,
    Scope,
    Stack,
    exposure,
    parse_address,
)
from portproof.policy.rules.closed import ClosedRule
from support.for_each import for_each

ADDRESSES = st.ip_addresses()
NARROWEST = {4: Stack.IPV4, 6: Stack.IPV6}

steady = settings(max_examples=100)


def covers(at: object, address: str, stack: Stack | None = None) -> Covers:
    """Whether a scope covers a socket bound to an address."""
    parsed = parse_address(address)
    return Scope.parse(at).covers(parsed, stack or NARROWEST[parsed.version])


@for_each(
    ("text", "canonical"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("::1", "::1"),
        ("0:0:0:0:0:0:0:1", "::1"),
        ("2001:DB8::5", "2001:db8::5"),
        ("fe80::1%eth0", "fe80::1"),
        ("fe80::1%12", "fe80::1"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("::ffff:0a01:0203", "10.1.2.3"),
        ("::ffff:0.0.0.0", "0.0.0.0"),
        ("::10.1.2.3", "::a01:203"),
    ],
)
def test_an_address_has_one_form(text: str, canonical: str) -> None:
    """Zones go, letters are small, and IPv4-mapped addresses are IPv4."""
    assert str(parse_address(text)) == canonical


@for_each(
    "text",
    [
        *("", " ", "*", "localhost", "any", "10.1.2", "10.1.2.3.4", "10.1.2.256", "010.1.2.3"),
        *("127.0.0.1%lo", "127.0.0.1:609", "[::1]", "::1%", "%eth0", "::g", "1::2::3", ":::"),
        *("2130706433", "0x7f000001", "10.0.0.0/8", "\u0661.1.1.1", "127.0.0.1\n", " ::1"),
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(ValueError, match=r".*"):
        parse_address(text)


@steady
@given(ADDRESSES)
def test_an_address_comes_back(address: Address) -> None:
    """Canonical text reads as the same address, whatever way it was first written."""
    parsed = parse_address(address.exploded)
    assert parse_address(str(parsed)) == parsed
    assert parsed.version == 4 or parsed.ipv4_mapped is None


@steady
@given(st.ip_addresses(v=4))
def test_a_mapped_address_is_its_own(address: ipaddress.IPv4Address) -> None:
    """``::ffff:a.b.c.d`` is ``a.b.c.d``."""
    assert parse_address(f"::ffff:{address}") == address


@steady
@given(st.text(max_size=20))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    """No text does anything else."""
    try:
        address = parse_address(text)
    except ValueError:
        return
    assert str(address) == str(parse_address(str(address)))


@for_each(
    ("address", "kind"),
    [
        ("0.0.0.0", Exposure.WILDCARD),
        ("::", Exposure.WILDCARD),
        ("127.0.0.1", Exposure.LOOPBACK),
        ("127.255.255.254", Exposure.LOOPBACK),
        ("::1", Exposure.LOOPBACK),
        ("169.254.1.1", Exposure.LINK_LOCAL),
        ("fe80::1", Exposure.LINK_LOCAL),
        ("224.0.0.251", Exposure.MULTICAST),
        ("ff02::fb", Exposure.MULTICAST),
        ("10.1.2.3", Exposure.PRIVATE),
        ("172.16.0.1", Exposure.PRIVATE),
        ("172.32.0.1", Exposure.PUBLIC),
        ("192.168.1.1", Exposure.PRIVATE),
        ("fd00::5", Exposure.PRIVATE),
        ("100.64.0.1", Exposure.PRIVATE),
        ("192.0.2.9", Exposure.RESERVED),
        ("2001:db8::1", Exposure.RESERVED),
        ("255.255.255.255", Exposure.RESERVED),
        ("240.0.0.1", Exposure.RESERVED),
        ("8.8.8.8", Exposure.PUBLIC),
        ("2606:4700::1111", Exposure.PUBLIC),
    ],
)
def test_how_far_an_address_reaches(address: str, kind: Exposure) -> None:
    """The kinds are those of the registries of special addresses."""
    assert exposure(parse_address(address)) is kind


@for_each(
    ("at", "address", "expected"),
    [
        ("any", "127.0.0.1", Covers.YES),
        ("any", "8.8.8.8", Covers.YES),
        ("external", "127.0.0.1", Covers.NO),
        ("external", "::1", Covers.NO),
        ("external", "10.1.2.3", Covers.YES),
        ("external", "fe80::1", Covers.YES),
        ("external", "224.0.0.251", Covers.YES),
        ("external", "0.0.0.0", Covers.YES),
        ("loopback", "127.0.0.53", Covers.YES),
        ("loopback", "::", Covers.YES),
        ("loopback", "10.1.2.3", Covers.NO),
        ("10.0.0.0/8", "10.255.255.255", Covers.YES),
        ("10.0.0.0/8", "11.0.0.0", Covers.NO),
        ("10.0.0.0/8", "::a00:1", Covers.NO),
        ("10.1.2.3", "10.1.2.3", Covers.YES),
        ("0.0.0.0/0", "8.8.8.8", Covers.YES),
        ("0.0.0.0/0", "fd00::5", Covers.NO),
        ("::/0", "fd00::5", Covers.YES),
        ("::/0", "8.8.8.8", Covers.NO),
        (["10.0.0.0/8", "fd00::/8"], "fd00::5", Covers.YES),
    ],
)
def test_where_a_rule_looks(at: object, address: str, expected: Covers) -> None:
    """Names and networks cover bound addresses."""
    assert covers(at, address) is expected


@for_each(
    ("stack", "in_ipv4", "in_ipv6"),
    [
        (Stack.IPV4, Covers.YES, Covers.NO),
        (Stack.IPV6, Covers.NO, Covers.YES),
        (Stack.DUAL, Covers.YES, Covers.YES),
        (Stack.IPV6_MAYBE_DUAL, Covers.MAYBE, Covers.YES),
    ],
)
def test_a_wildcard_is_in_the_networks_of_the_families_it_serves(
    stack: Stack, in_ipv4: Covers, in_ipv6: Covers
) -> None:
    """A wildcard has no address of its own, so its families decide."""
    wildcard = "0.0.0.0" if stack is Stack.IPV4 else "::"
    assert covers("192.0.2.0/24", wildcard, stack) is in_ipv4
    assert covers("2001:db8::/32", wildcard, stack) is in_ipv6
    assert covers(["192.0.2.0/24", "2001:db8::/32"], wildcard, stack) is Covers.YES


@for_each(
    ("at", "message"),
    [
        ([], "needs any, external, loopback or at least one network"),
        (["any", "10.0.0.0/8"], "'any' stands alone; it cannot be listed beside networks"),
        ("inside", "'inside' is neither any, external, loopback nor a network"),
        ("Any", "'Any' is neither any, external, loopback nor a network"),
        ("", "'' is neither any, external, loopback nor a network"),
        ("10.0.0.1/8", "'10.0.0.1/8' has bits set beyond its prefix; write 10.0.0.0/8"),
        ("fd00::1/8", "'fd00::1/8' has bits set beyond its prefix; write fd00::/8"),
        ("10.0.0.0/33", "'10.0.0.0/33' is neither any, external, loopback nor a network"),
        ("::ffff:10.0.0.0/104", "'::ffff:10.0.0.0/104' is seen as IPv4; write 10.0.0.0/8"),
        ("::ffff:10.1.2.3", "'::ffff:10.1.2.3' is seen as IPv4; write 10.1.2.3/32"),
        ("::ffff:0:0/96", "'::ffff:0:0/96' is seen as IPv4; write 0.0.0.0/0"),
        ("fe80::1%eth0", "'fe80::1%eth0' names a zone, which no row tells; leave it out"),
        (10, "is not a network; write one such as 10.0.0.0/8 or fd00::/8"),
        (None, "is not a network"),
        (True, "is not a network"),
        ([["10.0.0.0/8"]], "is not a network"),
    ],
)
def test_what_is_no_scope_is_refused(at: Any, message: str) -> None:  # noqa: ANN401 - whatever YAML gives
    """The message says what to write, alone and in a policy's field."""
    with pytest.raises(ValueError, match=re.escape(message)):
        Scope.parse(at)
    with pytest.raises(ValidationError, match=re.escape(message)):
        ClosedRule.model_validate({"id": "rule", "closed": 609, "at": at})


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """A network of either family that rows can be in."""
    address = parse_address(str(draw(ADDRESSES)))
    prefix = draw(st.integers(0, address.max_prefixlen))
    return ipaddress.ip_network(f"{address}/{prefix}", strict=False)


@steady
@given(st.lists(networks(), min_size=1, max_size=3), ADDRESSES)
def test_a_scope_of_networks_is_their_union(found: list[Network], address: Address) -> None:
    """An address is covered just when it is in one of the networks."""
    bound = parse_address(str(address))
    scope = Scope.parse([str(network) for network in found])
    expected = any(
        network.version == bound.version and int(network[0]) <= int(bound) <= int(network[-1])
        for network in found
    )
    assert (scope.covers(bound, NARROWEST[bound.version]) is Covers.YES) == expected or (
        bound.is_unspecified
    )


@steady
@given(ADDRESSES)
def test_external_and_loopback_divide_all_but_wildcards(address: Address) -> None:
    """Every address that is none of a wildcard is in exactly one of the two."""
    bound = parse_address(str(address))
    names = [covers(at, str(bound)) is Covers.YES for at in ("external", "loopback")]
    assert covers("any", str(bound)) is Covers.YES
    assert sum(names) == (2 if bound.is_unspecified else 1)


def test_scopes_of_other_networks_differ() -> None:
    """A scope is equal to nothing but a scope that is written the same, spaces aside."""
    assert Scope.parse("external") != Scope.parse("any")
    assert Scope.parse(" 10.0.0.0/8 ") == Scope.parse(["10.0.0.0/8"])
    assert Scope.parse("any") != "any"


@steady
@given(st.lists(networks().map(str), min_size=1, max_size=3) | st.sampled_from([*Scope.NAMES]))
def test_what_was_written_comes_back(at: object) -> None:
    """A scope written out and read again is the same."""
    rule = ClosedRule.model_validate({"id": "rule", "closed": 609, "at": at})
    again = ClosedRule.model_validate(rule.model_dump(mode="json"))
    assert again.at == rule.at
    assert hash(again.at) == hash(rule.at)
    assert str(again.at) == ", ".join(at if isinstance(at, list) else [str(at)])
