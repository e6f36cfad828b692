"""Listeners: the platform-independent form of rows, before they are judged."""

from enum import StrEnum
from typing import Final

import msgspec

from portproof.model.addresses import Address, Exposure, Stack, parse_address
from portproof.model.ports import Protocol

_SHORT_ID: Final = 12
"""Characters of a container's id that docker itself shows."""


class Place(StrEnum):
    """Whose network namespace a listener is in."""

    HOST = "host"
    OTHER = "other"
    UNKNOWN = "unknown"


class Owner(msgspec.Struct, frozen=True, order=True, omit_defaults=True):
    """A process that holds a listener. Unknown text is empty, unknown numbers are None.

    ``started`` is in seconds since 1970 (UTC), ``on_disk`` is False for an executable that was
    deleted or replaced.
    """

    pid: int | None = None
    name: str = ""
    path: str = ""
    cmdline: str = ""
    uid: int | None = None
    user: str = ""
    started: int | None = None
    on_disk: bool | None = None
    parent: int | None = None


class Publication(msgspec.Struct, frozen=True, order=True):
    """The container behind a published port, and its port inside; 0 if unknown."""

    container: str
    port: int

    def __str__(self) -> str:
        inside = f"port {self.port} inside" if self.port else "port inside unknown"
        return f"container {self.container[:_SHORT_ID] or 'of unknown id'} ({inside})"


class Listener(msgspec.Struct, frozen=True, omit_defaults=True):
    """One address and port that something listens on, with all its owners.

    ``address`` is in canonical form, IPv4-mapped addresses as IPv4; ``namespace`` is the network
    namespace inode where the platform has them. ``published`` are the containers whose port it is;
    ``socket`` is False where nothing else tells of it, because the kernel forwards it. ``lite`` is
    True for UDP-Lite (RFC 3828), which counts as UDP where a port must be closed. The exposure of a
    wildcard is loopback where the socket is bound to the loopback device.
    """

    protocol: Protocol
    address: str
    port: int
    stack: Stack
    exposure: Exposure
    place: Place
    namespace: str
    owners: tuple[Owner, ...]
    published: tuple[Publication, ...] = ()
    socket: bool = True
    lite: bool = False

    @property
    def bound(self) -> tuple[Address, Stack, Exposure]:
        """The address, the families it serves and how far, as a scope asks for them."""
        return parse_address(self.address), self.stack, self.exposure

    @property
    def endpoint(self) -> str:
        """``udp 0.0.0.0:609`` or ``tcp [::]:609``."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.protocol}{'lite' * self.lite} {host}:{self.port}"
