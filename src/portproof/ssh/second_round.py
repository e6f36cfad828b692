"""Ask over the open SSH connection who is behind listeners that fail: the second round.

It changes no verdict: whatever could not be found is described in ``Why.missing``.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import msgspec

from portproof.investigate.why import LONGEST, decoded, for_owners, inquiry, pids_of
from portproof.model.listeners import Listener
from portproof.model.observation import Platform, Reason, SourceReply, Unobserved
from portproof.model.why import Why
from portproof.sources.answers import quoted
from portproof.ssh.dialogue import AgentReply, Outcome, Printed, Ready
from portproof.ssh.replies import OsqueryiRun, read_reply, reply_of_shell, run_of
from portproof.ssh.script import Asking, program_of, why_program
from portproof.ssh.session import Session

_LIMIT: Final = 2 * LONGEST + (64 << 10)
"""Bytes of a frame: an answer is ASCII, and a character of it at most two in JSON."""

_SHORTEST: Final = 0.1
_OSQUERYI: Final = "osqueryi"


@dataclass(frozen=True, slots=True)
class SecondRound:
    """One second round, over the session of a look; ``deadline`` is of ``time.monotonic``."""

    session: Session
    platform: Platform
    deadline: float

    async def who_is_behind(self, listeners: Sequence[Listener]) -> dict[int, Why]:
        """Tell of every process that holds one of the listeners. Raises nothing for a host."""
        pids = pids_of(listeners)
        try:
            found = await self._ask(pids) if pids else {}
        except Exception as error:  # noqa: BLE001 - a failure stays one, whatever this does
            found = Unobserved(Reason.INTERNAL, f"portproof failed ({type(error).__name__})")
        return for_owners(listeners, found)

    async def _ask(self, pids: Sequence[int]) -> dict[int, Why] | Unobserved:
        ready = self.session.ready
        if ready is not None and ready.kind == "python" and self.platform is Platform.LINUX:
            return await self._ask_probe(pids)
        asking = inquiry(self.platform, pids)
        try:
            wanted = next(asking)
            while True:
                wanted = asking.send(await self._ask_osqueryi(wanted))
        except StopIteration as done:
            found: dict[int, Why] | Unobserved = done.value
            return found

    def _left(self) -> float:
        return max(_SHORTEST, self.deadline - time.monotonic())

    async def _ask_probe(self, pids: Sequence[int]) -> dict[int, Why] | Unobserved:
        def program(ready: Ready, seal: str) -> bytes | Unobserved:
            if ready.kind != "python":
                return Unobserved(Reason.NO_COLLECTOR, "its Python is no longer there")
            return why_program(pids, seal, self._left())

        outcome = await self.session.ask(program, self._left(), _LIMIT)
        if not isinstance(outcome, AgentReply):
            return _unobserved(outcome)
        try:
            run = msgspec.json.decode(outcome.text, type=OsqueryiRun)
            output = run.out.encode("latin-1")
        except (msgspec.MsgspecError, ValueError) as error:
            return Unobserved(Reason.GARBLED, f"its answer is not understood: {quoted(str(error))}")
        return _failure(run) or decoded(output)

    async def _ask_osqueryi(self, wanted: dict[str, str]) -> SourceReply | Unobserved:
        """Ask a round of questions together; where that fails, a shell can only ask one by one."""
        reply = await self._look(wanted)
        asked_together = self.session.ready is not None and self.session.ready.kind == _OSQUERYI
        if (
            isinstance(reply, SourceReply)
            or not asked_together
            or reply.reason not in _OF_ONE_QUESTION
        ):
            return reply
        answers = {}
        for name, sql in wanted.items():
            one = await self._look({name: sql})
            answers[name] = one if isinstance(one, Unobserved) else one.answers[name]
            reply = one if isinstance(one, SourceReply) else reply
        return (
            msgspec.structs.replace(reply, answers=answers)
            if isinstance(reply, SourceReply)
            else reply
        )

    async def _look(self, wanted: dict[str, str]) -> SourceReply | Unobserved:
        if time.monotonic() > self.deadline:
            return Unobserved(Reason.TIMEOUT, "the time was over before it was asked")
        asking = Asking.prepare(self.platform, wanted, _OSQUERYI, LONGEST)
        program = partial(program_of, asking, self.deadline, self.session.host)
        outcome = await self.session.ask(program, self._left(), _LIMIT)
        if isinstance(outcome, Printed):
            return reply_of_shell(run_of(outcome), wanted, self.platform, self.deadline)
        if isinstance(outcome, AgentReply):
            return read_reply(outcome.text, wanted, self.platform, self.deadline).reply
        return outcome


_OF_ONE_QUESTION: Final = (Reason.MISSING_TABLE, Reason.QUERY_ERROR)
"""Reasons for which osqueryi answers none of the questions that were asked together."""


def _failure(run: OsqueryiRun) -> Unobserved | None:
    if run.late:
        return Unobserved(Reason.TIMEOUT, "the probe did not end in time")
    if run.large:
        return Unobserved(Reason.OVERSIZED, f"the probe printed more than {LONGEST} bytes")
    if run.code != 0:
        text = f"the probe ended with exit code {run.code}: {quoted(run.err)}"
        return Unobserved(Reason.QUERY_ERROR, text)
    return None


def _unobserved(outcome: Outcome) -> Unobserved:
    if isinstance(outcome, Unobserved):
        return outcome
    return Unobserved(Reason.GARBLED, "something else answered than was asked")
