"""Find out which sources can audit this machine and what is missing."""

from dataclasses import dataclass

from portproof.exitcodes import ExitCode
from portproof.judge.proof import privilege_doubt
from portproof.model.observation import Identity, Platform, Unobserved
from portproof.sources.canary import canaries
from portproof.sources.identity import this_platform
from portproof.sources.local import sources
from portproof.sources.source import Source


@dataclass(frozen=True, slots=True)
class SourceState:
    """Whether a source can look at this machine.

    Attributes:
        name: The name of the source.
        identity: Who answered, or why nobody did.
    """

    name: str
    identity: Identity | Unobserved

    @property
    def doubt(self) -> Unobserved | None:
        """Why the source does not see all sockets, or None if it does."""
        if isinstance(self.identity, Unobserved):
            return self.identity
        return privilege_doubt(self.identity)


@dataclass(frozen=True, slots=True)
class MachineState:
    """Whether an audit of this machine can prove ports closed.

    Attributes:
        platform: What this machine runs.
        sources: The sources, best first.
        witnesses: The sockets that could be opened as witnesses, such as "tcp on 127.0.0.1".
        unopened: What could not be opened, in sentences.
    """

    platform: Platform
    sources: tuple[SourceState, ...]
    witnesses: tuple[str, ...]
    unopened: tuple[str, ...]

    @property
    def used(self) -> SourceState | None:
        """The source an audit would use."""
        answering = (each for each in self.sources if isinstance(each.identity, Identity))
        return next(answering, None)

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of ``portproof doctor``: 0 if ports can be proven closed, else 3."""
        witnessed = bool(self.witnesses) and not self.unopened
        able = witnessed and self.used is not None and self.used.doubt is None
        return ExitCode.PROVEN if able else ExitCode.INCOMPLETE


def examine_machine() -> MachineState:
    """Ask every source who it is, and open the witnesses of an audit."""
    states = tuple(SourceState(source.name, _identity_of(source)) for source in sources())
    with canaries() as opened:
        witnesses = tuple(f"{each.protocol} on {each.address}" for each in opened.witnesses)
        return MachineState(this_platform(), states, witnesses, opened.unopened)


def _identity_of(source: Source) -> Identity | Unobserved:
    reply = source.look({})
    return reply if isinstance(reply, Unobserved) else reply.identity
