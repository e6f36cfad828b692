"""Waivers: somebody answers for a finding, for a stated reason, until a date."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from portproof.model.addresses import ANY, At, Covers, Exposure, Scope
from portproof.model.base import Model, Text
from portproof.model.listeners import Listener
from portproof.model.observation import Platform
from portproof.model.patterns import Hosts
from portproof.model.ports import Ports
from portproof.model.rules.base import By
from portproof.model.verdicts import Finding


def _day(value: Any) -> date:  # noqa: ANN401 - whatever the user's YAML held
    if type(value) is date:
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        text = f"{value!r} is not a date; write the last day it holds, such as 2027-01-31"
        raise PydanticCustomError("date", "{text}", {"text": text}) from None


Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
"""A day, written as 2027-01-31."""

RuleName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9._-]+(/[a-z0-9._-]+)?$")]
"""A rule's id, or ``policy/rule``."""


class Waiver(Model):
    """Who answers for findings of a rule, why, and until when.

    Whatever is given narrows it: hosts, ports, bound addresses, and the process behind. A finding
    without a listener, such as a row of a check, is covered only by a waiver that asks for none.
    """

    rule: Annotated[RuleName, Field(description="The rule's id, or policy/rule.")]
    hosts: Hosts = Field(
        default="all", validate_default=True, description="An Ansible host pattern."
    )
    ports: Annotated[Ports | None, Field(description="The ports it covers.")] = None
    at: Annotated[At | None, Field(description="The bound addresses it covers.")] = None
    by: Annotated[By | None, Field(description="The processes it covers.")] = None
    owner: Annotated[Text, Field(description="Who answers for it.")]
    reason: Annotated[Text, Field(description="Why it may stay open.")]
    ticket: Annotated[Text | None, Field(description="Where it is tracked.")] = None
    until: Annotated[Day, Field(description="The last day it holds.")]

    def covers(self, finding: Finding, platform: Platform) -> bool:
        """Whether a finding is meant; one whose owner is hidden is not covered by ``by``."""
        listener = finding.listener
        if listener is None:
            return self.ports is None and self.at is None and self.by is None
        inside = (
            self.ports is None or (listener.protocol, listener.port) in self.ports,
            self.at is None or self._is_inside(self.at, listener),
            self.by is None or self.by.all_of(listener.owners, platform) is Covers.YES,
        )
        return all(inside)

    @staticmethod
    def _is_inside(at: Scope, listener: Listener) -> bool:
        """Whether all of a listener is inside; a wildcard is, of nothing less than ``any``."""
        if listener.exposure is Exposure.WILDCARD:
            return at == ANY
        return at.covers(*listener.bound) is Covers.YES


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
        """How people find it: its rule, its number in its file, and where that is."""
        place = f" in {self.file}:{self.line}" if self.file else ""
        return f"{self.index + 1} for {self.rule}{place}"
