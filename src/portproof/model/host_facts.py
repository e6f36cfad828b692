"""What is known about one host, ready to be judged."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from portproof.model.listeners import Listener
from portproof.model.observation import Answer, ConnectResult, Platform, Unobserved
from portproof.model.ports import Protocol


@dataclass(frozen=True, slots=True)
class Doubts:
    """Why the absence of a listener proves nothing, for each protocol; None where it does.

    ``elsewhere`` is why it proves nothing about network namespaces other than the host's, and
    ``forwarded`` why ports may be open that the kernel forwards, without a socket.
    """

    tcp: Unobserved | None = None
    udp: Unobserved | None = None
    elsewhere: Unobserved | None = None
    forwarded: Unobserved | None = None

    def about(
        self, protocols: Iterable[Protocol], *, everywhere: bool = False
    ) -> Unobserved | None:
        """Return the first doubt about any of the protocols, in the namespaces that count."""
        wanted = set(protocols)
        if self.tcp is not None and Protocol.TCP in wanted:
            return self.tcp
        if self.udp is not None and Protocol.UDP in wanted:
            return self.udp
        return self.elsewhere if everywhere and wanted else None


@dataclass(frozen=True, slots=True)
class CheckAnswer:
    """The answer to a check, with the doubt about rows that are absent from it.

    ``weak`` is set if nothing is wrong but the check has no witness, so that nothing else confirms
    an empty answer.
    """

    answer: Answer
    doubt: Unobserved | None = None
    weak: str | None = None


@dataclass(frozen=True, slots=True)
class HostFacts:
    """Listeners and answers of one host, with the doubts about what was not seen.

    Canaries are not among ``listeners``. A check whose SQL does not exist on the platform is absent
    from ``checks`` and named in ``inapplicable``. ``unseen`` tells what could not be seen and
    leaves no rule unproven.
    """

    platform: Platform
    listeners: tuple[Listener, ...]
    doubts: Doubts
    checks: Mapping[str, CheckAnswer] = field(default_factory=dict)
    inapplicable: frozenset[str] = frozenset()
    outside: ConnectResult | None = None
    unseen: tuple[str, ...] = ()
