"""``closed``: nothing may listen on these ports."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from portproof.model.addresses import Covers
from portproof.model.listeners import Listener
from portproof.model.observation import Reason
from portproof.model.ports import Ports, Protocol
from portproof.model.rules.base import PortRule, describe, found
from portproof.model.scene import Scene
from portproof.model.verdicts import PASSED, Judgement, failed, unproven


class ClosedRule(PortRule):
    """Passes when it is proven that nothing listens; one listener seen is enough to fail."""

    kind: ClassVar[str] = "closed"

    closed: Annotated[Ports, Field(description="Ports nothing may listen on.")]

    def watches(self, protocol: Protocol, port: int) -> bool:
        """Any listener on a port that must be closed."""
        return (protocol, port) in self.closed

    def judge(self, listeners: Sequence[Listener], scene: Scene) -> Judgement:
        """Fail on a listener in scope, else pass if absence is proven."""
        meant = [(listener, self._means(listener, scene)) for listener in listeners]
        findings = [found(listener) for listener, sure in meant if sure is Covers.YES]
        if findings:
            return failed(*findings)
        unsure = [listener for listener, sure in meant if sure is Covers.MAYBE]
        if unsure:
            return unproven(Reason.AMBIGUOUS, f"{describe(unsure[0])}, and whose it is is hidden")
        doubt = scene.doubts.about(self.closed.protocols)
        return PASSED if doubt is None else unproven(doubt.reason, doubt.detail)

    def _means(self, listener: Listener, scene: Scene) -> Covers:
        if not self.in_place(listener) or self.at.covers(*listener.bound) is Covers.NO:
            return Covers.NO
        return Covers.YES if self.by is None else self.by.any_of(listener.owners, scene.platform)

    def summary(self) -> str:
        """``closed 609 at external``."""
        return f"closed {self.closed}{self.where()}"
