"""Waivers: somebody accepts a finding, for a stated reason, until a date."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from portproof.model.addresses import ANY, Covers, Exposure, Scope, ScopeField
from portproof.model.base import HostsField, Model, Text
from portproof.model.listeners import Listener
from portproof.model.observation import Platform
from portproof.model.ports import Ports, PortSet
from portproof.model.verdicts import Finding
from portproof.policy.rules.base import By

_SHOWN: Final = 5
"""Ports named in a sentence."""
_WRITTEN: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _day(value: Any) -> date:  # noqa: ANN401 - whatever the user's YAML held
    if type(value) is date:
        return value
    try:
        # fromisoformat alone takes weeks, 2027-W05, and means the first day of theirs.
        return date.fromisoformat(value if _WRITTEN.fullmatch(value) else "")
    except (TypeError, ValueError):
        text = f"{value!r} is not a date; write the last day it holds, such as 2027-01-31"
        raise PydanticCustomError("date", "{text}", {"text": text}) from None


Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
"""A day, written as 2027-01-31."""

RuleName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9._-]+(/[a-z0-9._-]+)?$")]
"""A rule's id, or ``policy/rule``."""


class Waiver(Model):
    """Who accepts findings of a rule, why, and until when.

    Every key that is given narrows it: hosts, ports, bound addresses, and the owning process. A
    finding without a listener, such as a row of a check, is covered only by a waiver that has none
    of the last three.
    """

    rule: Annotated[RuleName, Field(description="The rule's id, or policy/rule.")]
    hosts: HostsField = Field(
        default="all", validate_default=True, description="An Ansible host pattern."
    )
    ports: Annotated[Ports | None, Field(description="The ports it covers.")] = None
    at: Annotated[ScopeField | None, Field(description="The bound addresses it covers.")] = None
    by: Annotated[By | None, Field(description="The processes it covers.")] = None
    owner: Annotated[Text, Field(description="Who answers for it.")]
    reason: Annotated[Text, Field(description="Why it may stay open.")]
    ticket: Annotated[Text | None, Field(description="Where it is tracked.")] = None
    until: Annotated[Day, Field(description="The last day it holds.")]

    def covers(self, finding: Finding, platform: Platform) -> bool:
        """Return whether a finding is covered; ``by`` covers none whose owner is hidden."""
        listener = finding.listener
        if listener is None:
            return self.ports is None and self.at is None and self.by is None
        inside = (
            self.ports is None or (listener.protocol, listener.port) in self.ports,
            self.at is None or self._is_inside(self.at, listener),
            self.by is None or self.by.all_of(listener.owners, platform) is Covers.YES,
        )
        return all(inside)

    def needless(self, covered: Collection[tuple[Listener, Platform]]) -> Iterator[str]:
        """Yield what the waiver names, other than hosts, that none of its covered listeners needs.

        ``covered`` must be all it covers, each with the platform it was seen on.
        """
        listeners = [listener for listener, _ in covered]
        if self.ports is not None:
            yield from _needless_ports(self.ports, listeners)
        if self.at is not None:
            yield from _needless_addresses(self.at, listeners)
        if self.by is not None:
            holders = [(owner, system) for each, system in covered for owner in each.owners]
            yield from (f"by: nobody was {text}" for text in self.by.idle(holders))

    @staticmethod
    def _is_inside(at: Scope, listener: Listener) -> bool:
        """Return whether all of a listener is in scope; a wildcard is only inside ``any``."""
        if listener.exposure is Exposure.WILDCARD:
            return at == ANY
        return at.covers(*listener.bound) is Covers.YES


def _needless_ports(ports: PortSet, covered: Iterable[Listener]) -> Iterator[str]:
    named = {
        (each.protocol, port) for each in ports.ranges for port in range(each.first, each.last + 1)
    }
    needed = sorted({(each.port, each.protocol.value) for each in covered})
    if len(needed) < len(named):
        shown = ", ".join(f"{port}/{protocol}" for port, protocol in needed[:_SHOWN])
        more = f" and {len(needed) - _SHOWN} more" if len(needed) > _SHOWN else ""
        yield f"ports: names {ports} and needs {shown}{more}"


def _needless_addresses(at: Scope, covered: Sequence[Listener]) -> Iterator[str]:
    for network in at.networks:
        alone = Scope([str(network)], [network])
        if not any(alone.covers(*each.bound) is Covers.YES for each in covered):
            yield f"at: nothing was in {network}"
    seen = {each.exposure for each in covered}
    narrower = "loopback" if seen == {Exposure.LOOPBACK} else "external"
    wide = Exposure.WILDCARD in seen or (narrower == "external" and Exposure.LOOPBACK in seen)
    if at == ANY and not wide:
        yield f"at: names any and needs {narrower}"


class WaiverFile(Model):
    """A file of waivers for rules of any policy."""

    waivers: tuple[Waiver, ...]


@dataclass(frozen=True, slots=True)
class BoundWaiver:
    """A waiver with the key of its rule, and where it is written.

    ``index`` is its place among the waivers of its file, from 0.
    """

    waiver: Waiver
    rule: str
    file: str = ""
    line: int = 0
    index: int = 0

    @property
    def name(self) -> str:
        """The name for users: its rule, its number in its file, and the file and line."""
        place = f" in {self.file}:{self.line}" if self.file else ""
        return f"{self.index + 1} for {self.rule}{place}"
