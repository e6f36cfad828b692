"""What a look at a host brought back: an observation, or the reason there is none.

An empty answer never stands for a failed look. Whatever could not be observed is ``Unobserved``
with a ``Reason`` from a closed list, and ends as an ``unproven`` verdict.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Literal

import msgspec

from portproof.model.why import Why

Time = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time with its offset from UTC; in JSON as RFC 3339 writes it: ``2026-01-01T02:00:00Z``."""

Row = dict[str, str]
"""One row as osquery gives it: every value is text, NULL is the empty string."""

LISTENING_SOCKETS: Final = "listening-sockets"
"""The check whose answer port rules are judged on."""

PUBLISHED_PORTS: Final = "published-ports"
"""The check for ports that docker publishes for containers; it only ever adds failures."""

WITNESS: Final = "#witness"
"""How the id of a check's witness question ends."""


UDP_DOUBT: Final = "#udp"
NAMESPACES_DOUBT: Final = "#namespaces"
"""Keys of ``SourceReply.doubts`` besides the ids of checks: UDP sockets, and namespaces other than
the host's."""


class Reason(StrEnum):
    """Why something is unproven. The list is closed; documentation explains each entry."""

    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    AUTH = "auth"
    HOST_KEY = "host-key"
    UNSUPPORTED_CONNECTION = "unsupported-connection"
    NO_COLLECTOR = "no-collector"
    QUERY_ERROR = "query-error"
    MISSING_TABLE = "missing-table"
    GARBLED = "garbled"
    PRIVILEGE = "privilege"
    NO_WITNESS = "no-witness"
    PARTIAL = "partial"
    AMBIGUOUS = "ambiguous"
    STALE = "stale"
    OVERSIZED = "oversized"
    INTERRUPTED = "interrupted"
    INTERNAL = "internal-error"


class Platform(StrEnum):
    """The platforms osquery's tables differ on."""

    LINUX = "linux"
    MACOS = "macos"
    WINDOWS = "windows"


class Observed(msgspec.Struct, frozen=True, tag_field="type", tag="observed"):
    """The rows that answered a question.

    ``count`` is the number of rows the source said it sent; rows that went missing afterwards show
    as a difference, and the answer then proves nothing by absence.
    """

    rows: tuple[Row, ...]
    count: int

    @property
    def whole(self) -> bool:
        """Whether every row the source sent is here."""
        return len(self.rows) == self.count


class Unobserved(msgspec.Struct, frozen=True, tag_field="type", tag="unobserved"):
    """No answer. ``detail`` says in one sentence what happened and what to do."""

    reason: Reason
    detail: str

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


Answer = Observed | Unobserved


class AccessPath(msgspec.Struct, frozen=True, kw_only=True):
    """How a host was reached over SSH.

    ``through`` are the hosts on the way in the order in which they are reached, each as
    ``user@host:port``; a proxy command is only named as one, since it may hold a password. ``by``
    tells what decided: ``inventory``, or ``ssh_config`` where OpenSSH's configuration had a part.
    """

    address: str
    port: int
    user: str
    through: tuple[str, ...] = ()
    by: Literal["inventory", "ssh_config"] = "inventory"

    def text(self) -> str:
        """Say it: ``10.77.0.3:22 as deploy through root@gw:22, by ssh_config``."""
        place = f"[{self.address}]" if ":" in self.address else self.address
        way = f" through {', '.join(self.through)}" if self.through else ""
        return f"{place}:{self.port} as {self.user}{way}, by {self.by}"


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who looked: part of the proof, asked in the same round as the rows.

    ``euid`` is the effective user id the collector really had, or None where the platform has none
    or it was not told; ``elevated`` is Windows' token elevation. ``host_namespace`` is the network
    namespace inode of process 1 on Linux: ``"0"`` when it could not be read, ``""`` on platforms
    without namespaces. ``agent`` is the SHA-256 of the source that portproof ran there to look, as
    ``portproof agent`` prints it, or ``""`` if it ran none.
    ``sockets_by`` is what portproof's probe read TCP and UDP sockets by on Linux: ``netlink``, or
    the network namespaces in which it had to read ``/proc``, and why.
    """

    source: str
    version: str
    platform: Platform
    euid: int | None = None
    elevated: bool | None = None
    host_namespace: str = ""
    agent: str = ""
    sockets_by: tuple[str, ...] = ()


class SourceReply(msgspec.Struct, frozen=True):
    """The reply of a source to one round: who looked, and an answer for each question by its id.

    ``incomplete`` says in sentences what the source itself knows it could not read, such as
    ``/proc/net/tcp6: permission denied``. Absence of a row proves nothing while it is not empty.
    ``doubts`` is the same for a part: why the absence of a row proves nothing in the answer to one
    check, by its id, or among UDP sockets or other network namespaces.
    """

    identity: Identity
    answers: dict[str, Answer]
    incomplete: tuple[str, ...] = ()
    doubts: dict[str, Unobserved] = msgspec.field(default_factory=dict)


class Witness(msgspec.Struct, frozen=True):
    """A socket known to be open while the look was taken.

    ``ours`` is true for a canary that portproof opened for the run (it is proof, and never judged),
    false for a socket that belongs to the host, such as the SSH server's port. ``reached`` is true
    when the address is only where it was reached, so that a socket bound to a wildcard may be it.
    """

    protocol: str
    address: str
    port: int
    ours: bool
    reached: bool = False


class ConnectResult(msgspec.Struct, frozen=True):
    """The result of connecting from the controller to TCP ports of a host.

    ``answered`` are the ports that accepted a connection, ``silent`` those that refused, dropped or
    took too long; ports in neither were not tried.
    """

    address: str
    answered: tuple[int, ...]
    silent: tuple[int, ...]


class HostLook(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="looked"):
    """Everything that one look at one host brought back: the evidence it is judged on.

    ``taken`` is the controller's clock, ``seconds`` the duration of the look, and
    ``tried`` tells which sources were passed over, with the reason of each. ``why`` is the second
    round, by process: it is made for failing listeners alone, and None where it was not made.
    ``access`` is the way to a host over SSH.
    """

    reply: SourceReply
    witnesses: tuple[Witness, ...]
    taken: Time
    seconds: float
    tried: tuple[str, ...] = ()
    outside: ConnectResult | None = None
    why: dict[int, Why] | None = None
    access: AccessPath | None = None


class FailedLook(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="failed"):
    """A look at a host that got no answer at all."""

    cause: Unobserved
    taken: Time | None
    seconds: float
    tried: tuple[str, ...] = ()
    access: AccessPath | None = None


Look = HostLook | FailedLook
