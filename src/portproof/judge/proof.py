"""Decide what a look proves: which absences can be believed, and why the others cannot."""

import re
from collections.abc import Collection, Iterable
from typing import Final

from portproof.model.addresses import Exposure, Stack
from portproof.model.host_facts import CheckAnswer, Doubts
from portproof.model.listeners import Listener, Place
from portproof.model.observation import (
    LISTENING_SOCKETS,
    NAMESPACES_DOUBT,
    UDP_DOUBT,
    Answer,
    HostLook,
    Identity,
    Observed,
    Platform,
    Reason,
    Unobserved,
    Witness,
)
from portproof.model.ports import BOTH, Protocol
from portproof.policy.checks import Check

_ROOT: Final = 0
_SHOWN: Final = 3


def listening_answer(look: HostLook) -> Answer:
    """Return the answer that port rules are judged on."""
    missing = Unobserved(Reason.PARTIAL, "the look holds no answer about listening sockets")
    return look.reply.answers.get(LISTENING_SOCKETS, missing)


def privilege_doubt(identity: Identity) -> Unobserved | None:
    """Return why the collector could not have seen everything, by osquery's behaviour.

    Linux shows other namespaces, and macOS other users' sockets, to root alone; the rest is missing
    without an error. Windows shows every socket to every user (GetExtendedTcpTable needs no
    privilege).
    """
    if identity.platform is Platform.WINDOWS or identity.euid == _ROOT:
        return None
    who = "a user it did not tell" if identity.euid is None else f"user id {identity.euid}"
    return Unobserved(
        Reason.PRIVILEGE,
        f"{identity.source} ran as {who} and cannot see everything; run it as root,"
        " for example with sudo",
    )


def doubts(
    look: HostLook,
    listeners: Collection[Listener],
    garbled: Iterable[str] = (),
    stateless: Iterable[str] = (),
) -> Doubts:
    """Return why the absence of a listener proves nothing, for each protocol."""
    general = _general_doubt(look, tuple(garbled))
    if general is not None:
        return Doubts(general, general)
    tcp, udp = (_witness_doubt(look, listeners, protocol) for protocol in BOTH)
    udp = udp or look.reply.doubts.get(UDP_DOUBT)
    return Doubts(tcp or _state_doubt(tuple(stateless)), udp, _namespace_doubt(look))


def _general_doubt(look: HostLook, garbled: tuple[str, ...]) -> Unobserved | None:
    answer = listening_answer(look)
    if isinstance(answer, Unobserved):
        return answer
    return (
        privilege_doubt(look.reply.identity)
        or _whole_doubt(answer, look.reply.incomplete)
        or _garbled_doubt(garbled)
    )


def _namespace_doubt(look: HostLook) -> Unobserved | None:
    """Return why other network namespaces may be missing: osquery reads one it cannot identify."""
    identity, answer = look.reply.identity, listening_answer(look)
    if identity.platform is not Platform.LINUX or isinstance(answer, Unobserved):
        return None
    if NAMESPACES_DOUBT in look.reply.doubts:
        return look.reply.doubts[NAMESPACES_DOUBT]
    unread = any(row.get("net_namespace", "0") in {"", "0"} for row in answer.rows)
    if not unread and identity.host_namespace not in {"", "0"}:
        return None
    text = "the network namespaces of some processes could not be read, so some may be missing"
    return Unobserved(Reason.PARTIAL, text)


def _whole_doubt(answer: Observed, incomplete: tuple[str, ...]) -> Unobserved | None:
    if not answer.whole:
        text = f"{answer.count} rows were sent and {len(answer.rows)} arrived"
        return Unobserved(Reason.PARTIAL, text)
    if incomplete:
        return Unobserved(Reason.PARTIAL, f"not everything could be read: {_some(incomplete)}")
    return None


def _garbled_doubt(garbled: tuple[str, ...]) -> Unobserved | None:
    if not garbled:
        return None
    text = f"{len(garbled)} malformed rows: {_some(garbled)}"
    return Unobserved(Reason.GARBLED, text)


def _state_doubt(stateless: tuple[str, ...]) -> Unobserved | None:
    if not stateless:
        return None
    text = f"{len(stateless)} TCP sockets may or may not listen: {_some(stateless)}"
    return Unobserved(Reason.AMBIGUOUS, text)


def _some(quotes: tuple[str, ...]) -> str:
    more = f", and {len(quotes) - _SHOWN} more" if len(quotes) > _SHOWN else ""
    return ", ".join(quotes[:_SHOWN]) + more


def _witness_doubt(
    look: HostLook, listeners: Collection[Listener], protocol: Protocol
) -> Unobserved | None:
    wanted = [witness for witness in look.witnesses if witness.protocol == protocol]
    if not wanted:
        text = f"there was no {protocol} socket known to be open"
        return Unobserved(Reason.NO_WITNESS, text)
    unseen = [each for each in wanted if not any(is_witness(at, each) for at in listeners)]
    if not unseen:
        return None
    where = f"{protocol} {unseen[0].address} port {unseen[0].port}"
    text = f"a socket known to be open on {where} is not among the rows, so others may be missing"
    return Unobserved(Reason.NO_WITNESS, text)


def is_witness(listener: Listener, witness: Witness) -> bool:
    """Return whether a listener is the witness: protocol, address, port and namespace are the same.

    A witness in another network namespace than the host's proves nothing about the host's. Its
    process is not compared: nobody else can be bound there, and the collector may number processes
    differently than the one that holds the witness. A witness that was reached at an address may be
    bound to that address or to a wildcard that serves its family.
    """
    return (
        listener.port == witness.port
        and not listener.lite
        and listener.protocol == witness.protocol
        and (listener.address == witness.address or _serves(listener, witness))
        and listener.place is Place.HOST
    )


def _serves(listener: Listener, witness: Witness) -> bool:
    if not witness.reached or listener.exposure is not Exposure.WILDCARD:
        return False
    return listener.stack is not (Stack.IPV4 if ":" in witness.address else Stack.IPV6)


def without_canaries(
    listeners: Iterable[Listener], witnesses: Iterable[Witness]
) -> tuple[Listener, ...]:
    """Return the host's own listeners; portproof's canaries are proof and never judged.

    Canaries are on loopback, and at the very address where the host's SSH server was reached. A
    listener that a host calls a canary anywhere else is judged.
    """
    known = tuple(witnesses)
    servers = {each.address for each in known if each.reached and not each.ours}
    ours = [each for each in known if each.ours]
    return tuple(at for at in listeners if not any(_is_canary(at, each, servers) for each in ours))


def _is_canary(listener: Listener, witness: Witness, servers: Collection[str]) -> bool:
    can_be = listener.exposure is Exposure.LOOPBACK or (
        listener.exposure is not Exposure.WILDCARD and listener.address in servers
    )
    return can_be and is_witness(listener, witness)


def check_answers(
    look: HostLook, checks: Iterable[Check], *, require_witness: bool = False
) -> dict[str, CheckAnswer]:
    """Return the answer of every check that was asked, with the doubts about its absences."""
    answers = look.reply.answers
    return {
        check.check: _check_answer(look, check, answers[check.check], require_witness)
        for check in checks
        if check.check in answers
    }


def _check_answer(
    look: HostLook, check: Check, answer: Answer, require_witness: bool
) -> CheckAnswer:
    too_old = _version_doubt(look.reply.identity, check)
    if too_old is not None or isinstance(answer, Unobserved):
        return CheckAnswer(too_old or answer)
    weak = _weakness(look.reply.identity, check)
    doubt = (
        (privilege_doubt(look.reply.identity) if check.privilege == "root" else None)
        or _whole_doubt(answer, look.reply.incomplete)
        or look.reply.doubts.get(check.check)
        or _check_witness_doubt(look, check)
        or (Unobserved(Reason.NO_WITNESS, weak) if weak and require_witness else None)
    )
    return CheckAnswer(answer, doubt, weak)


def _weakness(identity: Identity, check: Check) -> str | None:
    if check.witness_on(identity.platform) is not None:
        return None
    return f"check {check.check} has no witness; nothing else confirms its empty answer"


def _version_doubt(identity: Identity, check: Check) -> Unobserved | None:
    """Return a doubt if osquery is too old: it may lack a column, or fill it differently."""
    if check.min_osquery is None or not identity.source.startswith("osquery"):
        return None
    if _version(identity.version) >= _version(check.min_osquery):
        return None
    text = f"needs osquery {check.min_osquery}; the host has {identity.version or 'an unknown one'}"
    return Unobserved(Reason.MISSING_TABLE, f"check {check.check} {text}")


def _version(text: str) -> tuple[int, ...]:
    numbers = re.match(r"\d{1,6}(?:\.\d{1,6})*", text)
    return tuple(map(int, numbers[0].split("."))) if numbers else ()


def _check_witness_doubt(look: HostLook, check: Check) -> Unobserved | None:
    if check.witness_on(look.reply.identity.platform) is None:
        return None
    seen = look.reply.answers.get(check.witness_id)
    if isinstance(seen, Unobserved):
        return seen
    if seen is None or not seen.rows:
        text = f"the witness of check {check.check} returned no row, so looking did not work"
        return Unobserved(Reason.NO_WITNESS, text)
    return None
