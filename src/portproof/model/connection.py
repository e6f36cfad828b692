"""How one host is reached, as typed values: what the inventory's connection variables come to."""

from typing import Final, Literal, Never

import msgspec

_MASK: Final = "***"


class Secret:
    """A password. It is not shown when printed, formatted, encoded or pickled.

    Code that must pass it on calls ``reveal``, so that every such place can be found.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the password itself."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __str__(self) -> str:
        return _MASK

    def __repr__(self) -> str:
        return f"Secret({_MASK})"

    def __reduce__(self) -> Never:
        raise TypeError("a Secret is not pickled; hand on what reveal() gives, where it is safe")


class Become(msgspec.Struct, frozen=True, kw_only=True):
    """How to become another user after the login."""

    method: Literal["sudo", "doas"]
    user: str
    password: Secret | None = None


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """How a host is reached. What is None or empty is left to ``~/.ssh/config`` and the defaults.

    Attributes:
        kind: ``local`` is the machine portproof runs on; only ``become`` and
            ``interpreter`` count then.
        address: What to connect to: a name or an IP address, without a port.
        port: 1 to 65535.
        user: The user to log in as.
        identity_files: Private keys as written; a leading ``~`` is not expanded yet.
        identities_only: Whether keys of the agent that are not in ``identity_files`` are left out.
        password: The login's password.
        proxy_jump: ``[user@]host[:port]``, several with commas; ``none`` switches it off.
        proxy_command: A command line with OpenSSH's ``%h``, ``%p``, ``%r``; ``none`` likewise.
        known_hosts: Files with host keys, as written; empty for the usual ones.
        accept_new_host_keys: Whether a key nobody knows is recorded. A changed one is never taken.
        connect_timeout: Seconds.
        config_file: What to read in place of ``~/.ssh/config``; ``none`` for nothing.
        become: How to become another user, or None to stay the one of the login.
        interpreter: The Python interpreter on the host, or None to look for one.
    """

    kind: Literal["local", "ssh"]
    address: str
    port: int | None = None
    user: str | None = None
    identity_files: tuple[str, ...] = ()
    identities_only: bool | None = None
    password: Secret | None = None
    proxy_jump: str | None = None
    proxy_command: str | None = None
    known_hosts: tuple[str, ...] = ()
    accept_new_host_keys: bool = False
    connect_timeout: int | None = None
    config_file: str | None = None
    become: Become | None = None
    interpreter: str | None = None
