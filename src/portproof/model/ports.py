"""Ports as policies write them: ``609``, ``609/tcp``, ``8000-8100/udp``, and lists of these."""

import json
import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Annotated, Any, Final, NamedTuple

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from portproof.model.limits import FIRST_PORT, LAST_PORT

_SPEC = re.compile(r"(?P<first>\d{1,6})(?:-(?P<last>\d{1,6}))?(?:/(?P<protocol>[a-z]+))?")


class Protocol(StrEnum):
    """The transports that have ports and listeners portproof judges."""

    TCP = "tcp"
    UDP = "udp"


BOTH: Final = (Protocol.TCP, Protocol.UDP)


class PortRange(NamedTuple):
    """Ports ``first`` to ``last``, both included, of one protocol."""

    protocol: Protocol
    first: int
    last: int


class PortSet:
    """A set of (protocol, port) pairs that remembers how it was written."""

    __slots__ = ("ranges", "written")

    def __init__(self, ranges: Iterable[PortRange], written: Iterable[str]) -> None:
        self.ranges = tuple(sorted(set(ranges)))
        self.written = tuple(written)

    @classmethod
    def parse(cls, value: object) -> "PortSet":
        """Read one spec or a list of them.

        Raises:
            ValueError: with a sentence for the user, when a spec is not a port.
        """
        specs = value if isinstance(value, list | tuple) else [value]
        if not specs:
            raise ValueError("needs at least one port, such as 609 or 609/tcp")
        texts = [_text(spec) for spec in specs]
        return cls((part for text in texts for part in _ranges(text)), texts)

    def __contains__(self, pair: tuple[str, int]) -> bool:
        protocol, port = pair
        return any(r.protocol == protocol and r.first <= port <= r.last for r in self.ranges)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PortSet) and self.ranges == other.ranges

    def __hash__(self) -> int:
        return hash(self.ranges)

    def __str__(self) -> str:
        return ", ".join(self.written)

    def __repr__(self) -> str:
        return f"PortSet({str(self)!r})"

    @property
    def protocols(self) -> frozenset[Protocol]:
        """The protocols any port of the set belongs to."""
        return frozenset(r.protocol for r in self.ranges)

    def covers_everything(self, protocol: Protocol) -> bool:
        """Return whether every port of ``protocol`` is in the set."""
        reached = FIRST_PORT - 1
        for part in self.ranges:
            if part.protocol == protocol and part.first <= reached + 1:
                reached = max(reached, part.last)
        return reached >= LAST_PORT


def mistaken(ports: PortSet) -> Iterator[tuple[str, PortSet]]:
    """Yield the set as somebody might have written it by mistake, and what the mistake is."""
    shifted = [_shifted(part) for part in ports.ranges]
    yield "ports shifted by one", PortSet(shifted, [f"{part.first}" for part in shifted])
    for protocol in sorted(ports.protocols):
        left = [part for part in ports.ranges if part.protocol != protocol]
        swapped = [part._replace(protocol=_other(protocol)) for part in ports.ranges]
        name = f"without {protocol}" if left else f"{_other(protocol)} for {protocol}"
        yield name, PortSet(left or swapped, [name])


def _shifted(part: PortRange) -> PortRange:
    by = 1 if part.last < LAST_PORT else -1
    return part._replace(first=part.first + by, last=part.last + by)


def _other(protocol: Protocol) -> Protocol:
    return Protocol.UDP if protocol is Protocol.TCP else Protocol.TCP


def _text(spec: object) -> str:
    if isinstance(spec, int | str) and not isinstance(spec, bool):
        return str(spec).strip().lower()
    shown = json.dumps(spec, default=str)
    raise ValueError(f"{shown} is not a port; write 609, 609/tcp, 8000-8100 or a list of these")


def _ranges(text: str) -> list[PortRange]:
    match = _SPEC.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a port; write 609, 609/tcp or 8000-8100/udp")
    first = int(match["first"])
    last = int(match["last"] or first)
    _check_bounds(text, first, last)
    return [PortRange(protocol, first, last) for protocol in _protocols(text, match["protocol"])]


def _check_bounds(text: str, first: int, last: int) -> None:
    if not FIRST_PORT <= first <= LAST_PORT or not FIRST_PORT <= last <= LAST_PORT:
        raise ValueError(f"{text!r} is out of range; ports go from {FIRST_PORT} to {LAST_PORT}")
    if first > last:
        raise ValueError(f"{text!r} runs backwards; write {last}-{first}")


def _protocols(text: str, name: str | None) -> tuple[Protocol, ...]:
    if name is None:
        return BOTH
    if name not in BOTH:
        raise ValueError(f"{text!r} names protocol {name!r}; portproof judges tcp and udp")
    return (Protocol(name),)


def _validate(value: Any) -> PortSet:  # noqa: ANN401 - whatever the user's YAML held
    if isinstance(value, PortSet):
        return value
    try:
        return PortSet.parse(value)
    except ValueError as error:
        raise PydanticCustomError("ports", "{text}", {"text": str(error)}) from None


_ONE: Final = {
    "anyOf": [
        {"type": "integer", "minimum": FIRST_PORT, "maximum": LAST_PORT},
        {"type": "string", "pattern": r"^\d{1,5}(-\d{1,5})?(/(tcp|udp))?$"},
    ]
}

Ports = Annotated[
    PortSet,
    BeforeValidator(_validate),
    PlainSerializer(lambda ports: list(ports.written), return_type=list[str]),
    WithJsonSchema({"anyOf": [*_ONE["anyOf"], {"type": "array", "minItems": 1, "items": _ONE}]}),
]
"""A pydantic field that reads ports as policies write them."""
