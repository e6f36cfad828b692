"""``closed``: nothing may listen on these ports."""

from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from portproof.model.addresses import Covers, Exposure, Stack, parse_address
from portproof.model.host_facts import HostFacts
from portproof.model.listeners import Listener
from portproof.model.observation import ConnectResult, Reason
from portproof.model.ports import Ports, Protocol
from portproof.model.verdicts import PASSED, Finding, Judgement, failed, unproven
from portproof.policy.rules.base import PortRule, bounded, describe, found


class ClosedRule(PortRule):
    """Passes when it is proven that nothing listens; one listener seen is enough to fail."""

    kind: ClassVar[str] = "closed"

    closed: Annotated[Ports, Field(description="Ports nothing may listen on.")]

    def watches(self, protocol: Protocol, port: int) -> bool:
        """Return whether the port must be closed; any listener on it matters."""
        return (protocol, port) in self.closed

    def judge(self, listeners: Sequence[Listener], facts: HostFacts) -> Judgement:
        """Fail on a listener in scope, else pass if absence is proven."""
        meant = [(listener, self._means(listener, facts)) for listener in listeners]
        seen = [listener for listener, sure in meant if sure is Covers.YES]
        findings = [*bounded(seen, found), *self._hidden(seen, facts.outside)]
        if findings:
            return failed(*findings, notes=_filtered(seen, facts.outside))
        unsure = [listener for listener, sure in meant if sure is Covers.MAYBE]
        if unsure:
            return unproven(Reason.AMBIGUOUS, f"{describe(unsure[0])}, and whose it is is hidden")
        doubt = (
            facts.doubts.about(self.closed.protocols, everywhere=self.everywhere)
            or facts.doubts.forwarded
        )
        return PASSED if doubt is None else unproven(doubt.reason, doubt.detail)

    def _means(self, listener: Listener, facts: HostFacts) -> Covers:
        if not self.in_place(listener) or self.at.covers(*listener.bound) is Covers.NO:
            return Covers.NO
        return Covers.YES if self.by is None else self.by.any_of(listener.owners, facts.platform)

    def _hidden(self, seen: Sequence[Listener], outside: ConnectResult | None) -> Iterator[Finding]:
        """Return ports that answer from outside although no listener that was seen explains it."""
        if outside is None or self.by is not None or not self._reaches(outside.address):
            return
        inside = {each.port for each in seen if each.protocol is Protocol.TCP}
        for port in outside.answered:
            if (Protocol.TCP, port) in self.closed and port not in inside:
                yield Finding(
                    f"{outside.address} answers on tcp port {port}, and no such listener was seen"
                    " on the host: it is hidden, forwarded, or belongs to another machine at that"
                    " address",
                    port=f"{port}/{Protocol.TCP}",
                )

    def _reaches(self, address: str) -> bool:
        at = parse_address(address)
        stack = Stack.IPV4 if at.version == 4 else Stack.IPV6  # noqa: PLR2004 - the version of IP
        return self.at.covers(at, stack) is not Covers.NO

    def summary(self) -> str:
        """Return such as ``closed 609 at external``."""
        return f"closed {self.closed}{self.where()}"


def _filtered(seen: Sequence[Listener], outside: ConnectResult | None) -> tuple[str, ...]:
    if outside is None:
        return ()
    reachable = [each for each in seen if each.exposure is not Exposure.LOOPBACK]
    silent = [
        each for each in reachable if each.protocol is Protocol.TCP and each.port in outside.silent
    ]
    return tuple(
        f"{each.endpoint} does not answer at {outside.address}: something on the way filters it"
        for each in silent
    )
