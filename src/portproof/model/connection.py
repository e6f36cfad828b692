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
    """How a host is reached, as the inventory says; the user's ssh decides what that means.

    Attributes:
        kind: ``local`` is the machine portproof runs on; only ``address`` counts then.
        address: What ``ssh`` is given: ``host``, ``user@host`` or ``ssh://user@host:port``.
        arguments: Command-line arguments of ``ssh`` in the order in which Ansible gives them,
            without those that neither lead a connection somewhere nor decide on trust.
        program: The ``ssh`` to ask, or None for the one on ``PATH``.
        password: The login's password.
        accept_new_host_keys: Whether the user wants a key nobody knows to be recorded. A changed
            one is never taken.
        become: How to become another user, or None to stay the one of the login.
        interpreter: The Python interpreter on the host, or None to look for one.
    """

    kind: Literal["local", "ssh"]
    address: str
    arguments: tuple[str, ...] = ()
    program: str | None = None
    password: Secret | None = None
    accept_new_host_keys: bool = False
    become: Become | None = None
    interpreter: str | None = None
