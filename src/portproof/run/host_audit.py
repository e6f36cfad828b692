"""The unit of work of an audit: look at a target by a plan, and return evidence and verdicts.

It runs in this process, or in one beside it (``run.workers``); what it is given and what it returns
is plain data (``run.wire``).
"""

import traceback
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from portproof.judge.host import explained, failing_listeners
from portproof.judge.job import Applying, Judge
from portproof.model.connection import Connection
from portproof.model.hosts import Host
from portproof.model.listeners import Listener
from portproof.model.observation import FailedLook, HostLook, Look, Reason, Unobserved
from portproof.result.result import HostResult
from portproof.text.logs import failure, logger
from portproof.text.times import now

_LOG: Final = logger(__name__)


class HostTask(msgspec.Struct, frozen=True):
    """A host to be audited: how it is reached, and which rules and waivers are for it."""

    name: str
    groups: tuple[str, ...]
    connection: Connection
    applying: Applying

    @property
    def host(self) -> Host:
        """The host without its variables."""
        return Host(self.name, self.groups)


class HostAudit(msgspec.Struct, frozen=True):
    """The audit of a host: the evidence, and the verdicts on it."""

    look: Look
    result: HostResult


class LocalAuditor:
    """Audits this machine.

    Args:
        judge: Judges what was seen.
        look: Looks at this machine.
        explain: Returns a look together with who is behind some of its listeners.
    """

    def __init__(
        self,
        judge: Judge,
        look: Callable[[], Look],
        explain: Callable[[HostLook, Sequence[Listener]], HostLook],
    ) -> None:
        self._judge = judge
        self._look = look
        self._explain = explain

    def audit(self, host: Host, applying: Applying) -> HostAudit:
        """Look at the machine and judge it; an error in portproof leaves it unproven."""
        try:
            return self._audit(host, applying)
        except Exception as error:  # noqa: BLE001 - the one boundary where nothing may be lost
            cause = internal_error(host.name, error)
            return failed_audit(self._judge, host, applying, cause)

    def _audit(self, host: Host, applying: Applying) -> HostAudit:
        look = self._look()
        judged = self._judge.judge(host, applying, look)
        result = self._judge.waive(judged, applying)
        listeners = failing_listeners(result)
        if not listeners or isinstance(look, FailedLook):
            return HostAudit(look, result)
        look = self._explain(look, listeners)
        return HostAudit(look, self._judge.waive(explained(judged, look), applying))


def failed_audit(judge: Judge, host: Host, applying: Applying, cause: Unobserved) -> HostAudit:
    """Return the audit of a host that could not be looked at."""
    look = FailedLook(cause=cause, taken=now(), seconds=0.0)
    return HostAudit(look, judge.waive(judge.judge(host, applying, look), applying))


def internal_error(host: str, error: Exception) -> Unobserved:
    """Return why a host is unproven whose look failed because of a bug in portproof."""
    _LOG.error("%s: portproof failed: %s", host, failure(error))
    place = traceback.extract_tb(error.__traceback__)[-1]
    text = f"portproof failed ({type(error).__name__} in {place.name}, line {place.lineno})"
    return Unobserved(Reason.INTERNAL, text)
