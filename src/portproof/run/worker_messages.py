"""What an audit and the processes that look for it say to each other, over a socket.

Each message is MessagePack after its length, four bytes, most significant first. Passwords go
through the socket, which nobody else can read; they are in no file, no argument and no environment.
"""

import asyncio
from typing import Any, Final

import msgspec

from portproof.model.connection import Connection, Secret
from portproof.model.listeners import Listener
from portproof.model.observation import FailedLook, HostLook, Platform
from portproof.model.why import Why
from portproof.ssh.settings import SshSettings

_HEAD: Final = 4


class Setup(msgspec.Struct, frozen=True, tag=True):
    """The first message to a process: what it asks every host, and how many at a time at most.

    ``silence`` are the seconds without a sign of life after which it is given up.
    """

    questions: dict[Platform, dict[str, str]]
    ssh: SshSettings
    forks: int
    silence: float = 60.0


class Go(msgspec.Struct, frozen=True, tag=True):
    """Look at a host; ``number`` is that of the look in all other messages."""

    number: int
    host: str
    way: Connection


class Failing(msgspec.Struct, frozen=True, tag=True):
    """The answer to ``Looked``: the listeners to ask about, often none."""

    number: int
    listeners: tuple[Listener, ...]


class Alive(msgspec.Struct, frozen=True, tag=True):
    """Said now and then, so that a process that hangs is told from one that waits."""


class Looked(msgspec.Struct, frozen=True, tag=True):
    """A host was looked at; its connection is still open."""

    number: int
    look: HostLook


class Done(msgspec.Struct, frozen=True, tag=True):
    """A host is done with: why it is dark, or who is behind its failing listeners, if asked."""

    number: int
    dark: FailedLook | None
    why: dict[int, Why] | None


Order = Setup | Go | Failing
Report = Alive | Looked | Done
Message = Order | Report


def _revealed(value: object) -> object:
    if isinstance(value, Secret):
        return value.reveal()
    raise NotImplementedError


def _hidden(kind: type, value: Any) -> object:  # noqa: ANN401 - msgspec's contract
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise NotImplementedError


_ENCODER: Final = msgspec.msgpack.Encoder(enc_hook=_revealed)
_DECODER: Final = msgspec.msgpack.Decoder(Message, dec_hook=_hidden)


def packed(message: Message) -> bytes:
    """A message as it is sent."""
    body = _ENCODER.encode(message)
    return len(body).to_bytes(_HEAD, "big") + body


async def received(reader: asyncio.StreamReader) -> Message | None:
    """The next message, or None when the other side has ended.

    Raises:
        msgspec.MsgspecError: it is none.
    """
    try:
        head = await reader.readexactly(_HEAD)
        body = await reader.readexactly(int.from_bytes(head, "big"))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    message: Message = _DECODER.decode(body)
    return message
