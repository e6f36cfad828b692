"""The limits of a look at a host over SSH."""

from dataclasses import dataclass
from typing import Final

VIA: Final = ("osqueryi", "probe")
"""The sources there can be on a host."""


@dataclass(frozen=True, slots=True)
class SshSettings:
    """How long and how much one host may take. Times are in seconds.

    Attributes:
        connect_timeout: Until the host's SSH server is reached; an inventory may set its own.
        login_timeout: From there until the login is done.
        command_timeout: From there until the whole answer is here.
        output_limit: Bytes a host may send.
        retries: How often a connection that was cut before the login, or that timed out, is tried
            again.
        via: The one source to use, ``osqueryi`` or ``probe``; by default the first that works.
    """

    connect_timeout: float = 10.0
    login_timeout: float = 20.0
    command_timeout: float = 60.0
    output_limit: int = 64 * 1024 * 1024
    retries: int = 1
    via: str | None = None
