"""``only``: nothing but these ports may listen."""

from collections.abc import Sequence
from itertools import compress
from operator import not_
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from portproof.model.addresses import Covers
from portproof.model.host_facts import HostFacts
from portproof.model.limits import LAST_PORT
from portproof.model.listeners import Listener
from portproof.model.observation import Platform, Reason
from portproof.model.ports import BOTH, Ports, Protocol
from portproof.model.verdicts import PASSED, Judgement, Verdict, failed, unproven
from portproof.policy.rules.base import MOST_FINDINGS, PortRule, bounded, describe, found

EPHEMERAL: Final = {
    Platform.LINUX: (32768, 60999),
    Platform.MACOS: (49152, LAST_PORT),
    Platform.WINDOWS: (49152, LAST_PORT),
}
"""Ports the system hands out to clients by default: Linux's ip_local_port_range
(Documentation/networking/ip-sysctl.rst), elsewhere the dynamic ports of RFC 6335, section 6."""


class OnlyRule(PortRule):
    """Fails on every listener in scope that is not listed.

    A UDP socket on an ephemeral port is most often a client waiting for its answer, which looks
    the same as a server; it is noted, and fails only with ``ephemeral_udp: fail``.
    """

    kind: ClassVar[str] = "only"

    only: Annotated[Ports, Field(description="The ports that may listen.")]
    ephemeral_udp: Annotated[
        Literal["note", "fail"],
        Field(description="What a UDP socket on an ephemeral port means."),
    ] = "note"

    def watches(self, protocol: Protocol, port: int) -> bool:
        """Return whether the port is not listed, or is listed and its owner matters."""
        return self.by is not None or (protocol, port) not in self.only

    def judge(self, listeners: Sequence[Listener], facts: HostFacts) -> Judgement:
        """Fail on a listener that is not allowed, else pass if absence of others is proven."""
        reached = [each for each in listeners if self._reaches(each)]
        alike = [self._looks_like_client(each, facts.platform) for each in reached]
        clients = list(compress(reached, alike))
        servers = compress(reached, map(not_, alike))
        judged = [(each, self._allows(each, facts.platform)) for each in servers]
        notes = _noted(clients)
        findings = bounded([each for each, sure in judged if sure is Covers.NO], found)
        if findings:
            return failed(*findings, notes=notes)
        unsure = [each for each, allowed in judged if allowed is Covers.MAYBE]
        if unsure:
            return unproven(Reason.AMBIGUOUS, f"{describe(unsure[0])}, and whose it is is hidden")
        doubt = facts.doubts.about(BOTH, everywhere=self.everywhere) or facts.doubts.forwarded
        if doubt is not None:
            return unproven(doubt.reason, doubt.detail)
        return Judgement(Verdict.PASS, notes=notes) if notes else PASSED

    def _reaches(self, listener: Listener) -> bool:
        return self.in_place(listener) and self.at.covers(*listener.bound) is not Covers.NO

    def _allows(self, listener: Listener, platform: Platform) -> Covers:
        if (listener.protocol, listener.port) not in self.only:
            return Covers.NO
        return Covers.YES if self.by is None else self.by.all_of(listener.owners, platform)

    def _looks_like_client(self, listener: Listener, platform: Platform) -> bool:
        first, last = EPHEMERAL[platform]
        return (
            self.ephemeral_udp == "note"
            and not listener.published
            and listener.protocol is Protocol.UDP
            and first <= listener.port <= last
            and (listener.protocol, listener.port) not in self.only
        )

    def flaw(self) -> str | None:
        """Report a list of every port, which forbids nothing."""
        if self.by is None and all(self.only.covers_everything(protocol) for protocol in BOTH):
            return "only lists every port, so it can never fail"
        return super().flaw()

    def summary(self) -> str:
        """Return such as ``only 22/tcp, 443/tcp at external``."""
        return f"only {self.only}{self.where()}"


def _noted(clients: Sequence[Listener]) -> tuple[str, ...]:
    told = clients[:MOST_FINDINGS]
    notes = tuple(f"{describe(each)}; it looks like a client's socket" for each in told)
    rest = len(clients) - len(told)
    return (*notes, f"and {rest} more sockets that look like a client's") if rest else notes
