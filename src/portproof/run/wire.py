"""Encode tasks and audits as bytes, for another process.

Passwords are among the bytes of a task, so they go through nothing that others can read. The audit
of a host has none. Between processes each message follows its length, four bytes, most significant
first; an empty one is a heartbeat.
"""

import asyncio
from functools import lru_cache
from typing import Any, Final

import msgspec

from portproof.judge.host import interned
from portproof.model.connection import Secret
from portproof.model.observation import Look
from portproof.model.verdicts import Judgement
from portproof.result.result import HostResult, LookSummary
from portproof.run.host_audit import HostAudit, HostTask
from portproof.text.logs import LogSettings

_HEAD: Final = 4
_SMALL: Final = 64 * 1024
"""Bytes of a host's verdicts that are cached, to be shared with the next host like it."""
_SHORT: Final = 1024
"""Bytes of a verdict that is cached, to be shared with other hosts."""


class WorkerSettings(msgspec.Struct, frozen=True):
    """Settings of a worker besides the plan.

    Attributes:
        forks: Hosts that it is given at a time.
        beat: Seconds between two heartbeats.
        log: What it logs and where, or None for nothing.
    """

    forks: int
    beat: float
    log: LogSettings | None


class EncodedAudit(msgspec.Struct, frozen=True, array_like=True):
    """The audit of a host, by its name. Verdicts of hosts that are alike are decoded only once."""

    host: str
    look: Look
    seen: LookSummary
    judgements: msgspec.Raw


def _revealed(value: object) -> object:
    if isinstance(value, Secret):
        return value.reveal()
    raise NotImplementedError


def _hidden(kind: type, value: Any) -> object:  # noqa: ANN401 - msgspec's contract
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise NotImplementedError


_TASKS: Final = msgspec.msgpack.Decoder(HostTask, dec_hook=_hidden)
_ANSWERS: Final = msgspec.msgpack.Decoder(EncodedAudit)
_ENCODER: Final = msgspec.msgpack.Encoder(enc_hook=_revealed)
_LIST: Final = msgspec.msgpack.Decoder(tuple[msgspec.Raw, ...])
_JUDGEMENT: Final = msgspec.msgpack.Decoder(Judgement)


def task_bytes(task: HostTask) -> bytes:
    """Encode a task, with its passwords."""
    return _ENCODER.encode(task)


def read_task(data: bytes) -> HostTask:
    """Decode a task."""
    return _TASKS.decode(data)


def audit_bytes(audit: HostAudit) -> bytes:
    """Encode the audit of a host.

    Raises:
        OverflowError, ValueError: a host told what no message can hold.
    """
    result = audit.result
    judgements = msgspec.Raw(_ENCODER.encode(result.judgements))
    return _ENCODER.encode(EncodedAudit(result.name, audit.look, result.seen, judgements))


def read_audit(data: bytes) -> EncodedAudit:
    """Decode what came of a host.

    Raises:
        msgspec.MsgspecError: the data is something else.
    """
    return _ANSWERS.decode(data)


def audit_of(audit: EncodedAudit, groups: tuple[str, ...]) -> HostAudit:
    """Return the audit of a host in these groups; hosts that are alike share verdicts.

    Raises:
        msgspec.MsgspecError: the verdicts are something else.
    """
    encoded = bytes(audit.judgements)
    judgements = _shared(encoded) if len(encoded) <= _SMALL else _judgements(encoded)
    result = HostResult(audit.host, groups, judgements, interned(audit.seen))
    return HostAudit(audit.look, result)


def _judgements(encoded: bytes) -> tuple[Judgement, ...]:
    parts = map(bytes, _LIST.decode(encoded))
    return tuple(
        _shared_judgement(part) if len(part) <= _SHORT else _JUDGEMENT.decode(part)
        for part in parts
    )


_shared: Final = lru_cache(maxsize=256)(_judgements)


_shared_judgement: Final = lru_cache(maxsize=4096)(_JUDGEMENT.decode)


def framed(message: bytes) -> bytes:
    """Return a message after its length.

    Raises:
        OverflowError: it is longer than 4 GiB.
    """
    return len(message).to_bytes(_HEAD, "big") + message


async def next_message(reader: asyncio.StreamReader) -> bytes | None:
    """Return the next message, or None when the other side has ended."""
    try:
        length = await reader.readexactly(_HEAD)
        return await reader.readexactly(int.from_bytes(length, "big"))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
