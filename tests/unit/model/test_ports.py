"""Ports as policies write them: what they mean, what is refused, and that nothing is lost."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from portproof.model.limits import FIRST_PORT, LAST_PORT
from portproof.model.ports import PortSet, Protocol
from portproof.policy.rules.closed import ClosedRule
from support.for_each import for_each

BOTH = (Protocol.TCP, Protocol.UDP)
EDGES = (0, 1, 2, 608, 609, 610, 8000, 8100, 65534, 65535, 65536)

steady = settings(max_examples=100)


@st.composite
def specs(draw: st.DrawFn) -> str:
    """One spec, small numbers most often, so that ranges meet."""
    numbers = st.integers(FIRST_PORT, 12) | st.integers(FIRST_PORT, LAST_PORT)
    first, last = sorted((draw(numbers), draw(numbers)))
    ports = str(first) if draw(st.booleans()) else f"{first}-{last}"
    return ports + draw(st.sampled_from(["", "/tcp", "/udp"]))


def held(texts: list[str], protocol: Protocol) -> bytearray:
    """A mark for each port from 0 to 65536 that the specs mean, counted out one by one."""
    marks = bytearray(LAST_PORT + 2)
    for text in texts:
        ports, _, name = text.partition("/")
        first, _, last = ports.partition("-")
        if name in ("", protocol):
            marks[int(first) : int(last or first) + 1] = b"x" * (
                int(last or first) + 1 - int(first)
            )
    return marks


@for_each(
    ("spec", "inside", "outside"),
    [
        (609, [("tcp", 609), ("udp", 609)], [("tcp", 608), ("udp", 610), ("tcp", 6090)]),
        ("609", [("tcp", 609), ("udp", 609)], [("tcp", 608)]),
        ("609/tcp", [("tcp", 609)], [("udp", 609)]),
        (" 609/UDP ", [("udp", 609)], [("tcp", 609)]),
        ("8000-8100", [("tcp", 8000), ("udp", 8100)], [("tcp", 7999), ("udp", 8101)]),
        ("8000-8000/tcp", [("tcp", 8000)], [("tcp", 8001), ("udp", 8000)]),
        (["22/tcp", 53, "1-2/udp"], [("tcp", 22), ("udp", 53), ("udp", 2)], [("udp", 22)]),
        (1, [("tcp", 1)], [("tcp", 0)]),
        (65535, [("udp", 65535)], [("udp", 65536)]),
        ("0609", [("tcp", 609)], [("tcp", 377)]),
    ],
)
def test_what_a_spec_means(
    spec: Any,  # noqa: ANN401 - whatever YAML gives
    inside: list[tuple[str, int]],
    outside: list[tuple[str, int]],
) -> None:
    """Ports without a protocol are both; ranges hold their ends; decimal is the only base."""
    ports = PortSet.parse(spec)
    assert all(pair in ports for pair in inside)
    assert not any(pair in ports for pair in outside)


@for_each(
    ("spec", "message"),
    [
        ([], "needs at least one port, such as 609 or 609/tcp"),
        (0, "'0' is out of range; ports go from 1 to 65535"),
        (65536, "'65536' is out of range; ports go from 1 to 65535"),
        (-609, "'-609' is not a port"),
        ("0-10", "'0-10' is out of range"),
        ("10-70000", "'10-70000' is out of range"),
        ("8100-8000", "'8100-8000' runs backwards; write 8000-8100"),
        ("609/sctp", "'609/sctp' names protocol 'sctp'; portproof judges tcp and udp"),
        ("609/", "'609/' is not a port; write 609, 609/tcp or 8000-8100/udp"),
        ("/tcp", "'/tcp' is not a port"),
        ("tcp/609", "'tcp/609' is not a port"),
        ("609:610", "'609:610' is not a port"),
        ("609,610", "'609,610' is not a port"),
        ("6 09", "'6 09' is not a port"),
        ("1-2-3", "'1-2-3' is not a port"),
        ("0x261", "'0x261' is not a port"),
        ("609\n610", "is not a port"),
        ("", "'' is not a port"),
        ("http", "'http' is not a port"),
        (609.0, "609.0 is not a port; write 609, 609/tcp, 8000-8100 or a list of these"),
        (True, "true is not a port"),
        (None, "null is not a port"),
        ([[609]], "[609] is not a port"),
        ({"tcp": 609}, "is not a port"),
    ],
)
def test_what_is_no_port_is_refused(spec: Any, message: str) -> None:  # noqa: ANN401 - whatever YAML gives
    """The message says what is wrong and what to write, alone and in a policy's field."""
    with pytest.raises(ValueError, match=re.escape(message)):
        PortSet.parse(spec)
    with pytest.raises(ValidationError, match=re.escape(message)):
        ClosedRule.model_validate({"id": "rule", "closed": spec})


@steady
@given(st.lists(specs(), min_size=1, max_size=4))
def test_a_list_holds_what_its_specs_mean(texts: list[str]) -> None:
    """Membership is that of the pairs written out one by one, for every port near an edge."""
    ports = PortSet.parse(texts)
    ends = {port for _, first, last in ports.ranges for port in (first, last)}
    for protocol in BOTH:
        marks = held(texts, protocol)
        for port in {*EDGES, *(end + step for end in ends for step in (-1, 0, 1))}:
            assert ((protocol, port) in ports) == bool(marks[port])
        assert (protocol in ports.protocols) == any(marks)


@steady
@given(st.lists(specs(), min_size=1, max_size=4))
def test_what_was_written_comes_back(texts: list[str]) -> None:
    """A set written out and read again is the same, in a policy's field too."""
    ports = PortSet.parse(texts)
    assert PortSet.parse(list(ports.written)) == ports
    rule = ClosedRule.model_validate({"id": "rule", "closed": texts})
    assert ClosedRule.model_validate(rule.model_dump(mode="json")).closed == ports
    assert str(ports) == ", ".join(texts)


@steady
@given(st.lists(specs(), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_matters(texts: list[str], random: Any) -> None:  # noqa: ANN401 - hypothesis' own
    """Sets of the same specs are equal and hash alike."""
    again = [*texts, *texts]
    random.shuffle(again)
    assert PortSet.parse(again) == PortSet.parse(texts)
    assert len({PortSet.parse(again), PortSet.parse(texts)}) == 1


def test_sets_of_other_ports_differ() -> None:
    """A set is equal to nothing but a set of the same ports."""
    assert PortSet.parse("609") != PortSet.parse("610")
    assert PortSet.parse("609") != PortSet.parse("609/tcp")
    assert PortSet.parse("609") == PortSet.parse(["609/udp", "609/tcp"])
    assert PortSet.parse("609") != "609"


@steady
@given(st.lists(specs(), min_size=1, max_size=4))
def test_covering_everything_is_to_hold_every_port(texts: list[str]) -> None:
    """A set covers a protocol just when no port is left, however the ranges overlap."""
    whole = ["1-30000", "29999-65534/tcp", "65535/tcp"]
    for chosen in (texts, [*texts, *whole], [*texts, *whole[:2]]):
        ports = PortSet.parse(chosen)
        for protocol in BOTH:
            assert ports.covers_everything(protocol) == all(held(chosen, protocol)[1:-1])


@steady
@given(st.text(alphabet="0123456789-/tcpudx ,:", max_size=12) | st.integers() | st.text(max_size=6))
def test_any_text_is_refused_or_ports_in_range(text: str | int) -> None:
    """No text means a port below 1 or above 65535."""
    try:
        ports = PortSet.parse(text)
    except ValueError:
        return
    assert all(FIRST_PORT <= first <= last <= LAST_PORT for _, first, last in ports.ranges)
