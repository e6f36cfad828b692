"""``open``: something must listen on each of these ports."""

from collections.abc import Iterable, Sequence
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from portproof.model.addresses import Covers
from portproof.model.host_facts import HostFacts
from portproof.model.listeners import Listener, Place
from portproof.model.observation import Reason, Unobserved
from portproof.model.ports import PortRange, Ports, PortSet, Protocol
from portproof.model.verdicts import PASSED, Finding, Judgement, failed, unproven
from portproof.policy.rules.base import PortRule, describe


def _one_by_one(ports: PortSet) -> PortSet:
    vague = next((text for text in ports.written if "/" not in text or "-" in text), None)
    if vague is not None:
        meant = vague.partition("-")[0].partition("/")[0]
        text = f"'{vague}' does not say which port must listen; write {meant}/tcp or {meant}/udp"
        raise PydanticCustomError("open_ports", "{text}", {"text": text})
    return ports


class OpenRule(PortRule):
    """Passes when every port has a listener in scope; fails only if its absence is proven."""

    kind: ClassVar[str] = "open"

    open: Annotated[
        Ports,
        AfterValidator(_one_by_one),
        Field(description="Ports that must listen, each with its protocol, such as 443/tcp."),
    ]

    def watches(self, protocol: Protocol, port: int) -> bool:
        """Return whether the port must be open."""
        return (protocol, port) in self.open

    def judge(self, listeners: Sequence[Listener], facts: HostFacts) -> Judgement:
        """Pass if each port is held as required; otherwise fail only if nothing was overlooked."""
        short = {port: self._best(port, listeners, facts) for port in self.open.ranges}
        missing = [port for port, sure in short.items() if sure is not Covers.YES]
        if not missing:
            return PASSED
        absent = [port for port in missing if short[port] is Covers.NO]
        proven = [port for port in absent if self._doubt([port], facts) is None]
        if proven:
            return failed(*(self._finding(port, listeners) for port in proven))
        doubt = self._doubt(missing, facts)
        if doubt is not None:
            return unproven(doubt.reason, doubt.detail)
        return unproven(Reason.AMBIGUOUS, self._unsure(missing[0], listeners))

    def _doubt(self, ports: Iterable[PortRange], facts: HostFacts) -> Unobserved | None:
        protocols = (port.protocol for port in ports)
        return facts.doubts.about(protocols, everywhere=self.everywhere)

    def _best(self, port: PortRange, listeners: Sequence[Listener], facts: HostFacts) -> Covers:
        sure = {self._satisfies(each, facts) for each in _on(port, listeners)}
        return next((best for best in (Covers.YES, Covers.MAYBE) if best in sure), Covers.NO)

    def _satisfies(self, listener: Listener, facts: HostFacts) -> Covers:
        parts = {
            Covers.YES if self.in_place(listener) else Covers.NO,
            Covers.MAYBE if self._maybe_elsewhere(listener) else Covers.YES,
            self.at.covers(*listener.bound),
            Covers.YES if self.by is None else self.by.any_of(listener.owners, facts.platform),
        }
        return next((worst for worst in (Covers.NO, Covers.MAYBE) if worst in parts), Covers.YES)

    def _maybe_elsewhere(self, listener: Listener) -> bool:
        return self.namespaces == "host" and listener.place is Place.UNKNOWN

    def _finding(self, port: PortRange, listeners: Sequence[Listener]) -> Finding:
        name = f"{port.first}/{port.protocol}"
        near = _on(port, listeners)
        if not near:
            forwarded = [each for each in listeners if _is_on(each, port)]
            but = f"; {describe(forwarded[0])}, which does not prove an answer" if forwarded else ""
            return Finding(f"nothing listens on {name}{but}", port=name)
        return Finding(f"{name} is not open{self.where()}: {describe(near[0])}", listener=near[0])

    def _unsure(self, port: PortRange, listeners: Sequence[Listener]) -> str:
        seen = describe(_on(port, listeners)[0])
        return f"{seen}; whether that is open{self.where()} cannot be told"

    def summary(self) -> str:
        """Return such as ``open 443/tcp by process nginx``."""
        return f"open {self.open}{self.where()}"


def _on(port: PortRange, listeners: Sequence[Listener]) -> list[Listener]:
    """Return the sockets on a port.

    That docker forwards it does not prove that it answers, and UDP-Lite does not answer UDP.
    """
    return [each for each in listeners if each.socket and not each.lite and _is_on(each, port)]


def _is_on(listener: Listener, port: PortRange) -> bool:
    return (listener.protocol, listener.port) == (port.protocol, port.first)
