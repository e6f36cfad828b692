"""Which algorithms a connection may use: those of ``ssh -G`` where the user chose any.

Where ``ssh`` names its own defaults, asyncssh's count, the fastest first: OpenSSH's key exchange
takes 60 ms more.
"""

from collections.abc import Callable
from typing import Any, Final

from asyncssh.encryption import get_encryption_algs
from asyncssh.kex import get_kex_algs
from asyncssh.mac import get_mac_algs
from asyncssh.public_key import get_certificate_algs, get_public_key_algs

from portproof.ssh.command import UnsupportedError
from portproof.ssh.destination import Destination
from portproof.ssh.ssh_config import chosen
from portproof.ssh.trust import Trust

_FAST_CIPHERS: Final = "^aes128-gcm@openssh.com,aes256-gcm@openssh.com"
"""Put before asyncssh's default, for which it calls its library four times as often a packet."""

_Available = Callable[[], list[bytes]]
_CHOSEN: Final[tuple[tuple[str, str, tuple[str, ...], _Available], ...]] = (
    ("Ciphers", "encryption_algs", ("ciphers",), get_encryption_algs),
    ("MACs", "mac_algs", ("macs",), get_mac_algs),
    ("KexAlgorithms", "kex_algs", ("kexalgorithms",), get_kex_algs),
    (
        "PubkeyAcceptedAlgorithms",
        "signature_algs",
        ("pubkeyacceptedalgorithms", "pubkeyacceptedkeytypes"),
        get_public_key_algs,
    ),
)


def algorithms(trust: Trust, destination: Destination) -> dict[str, Any]:
    """Return asyncssh's arguments.

    Raises:
        UnsupportedError: the user chose only algorithms that portproof does not have.
    """
    found: dict[str, Any] = {"encryption_algs": _FAST_CIPHERS}
    for name, argument, options, available in _CHOSEN:
        wanted = chosen(destination.options, destination.defaults, options)
        if wanted is not None:
            found[argument] = _known(name, wanted, available())
    return found | {"server_host_key_algs": _host_keys(trust, destination)}


def _host_keys(trust: Trust, destination: Destination) -> list[str]:
    kinds = trust.kinds(destination.host, destination.port)
    wanted = chosen(destination.options, destination.defaults, ("hostkeyalgorithms",))
    if wanted is None:
        return kinds
    certified = {kind.decode("ascii") for kind in get_certificate_algs()}
    allowed = _known("HostKeyAlgorithms", wanted, get_certificate_algs() + get_public_key_algs())
    first = [kind for kind in kinds if kind in allowed]
    return first + [kind for kind in allowed if kind not in certified and kind not in first]


def _known(name: str, wanted: str, available: list[bytes]) -> list[str]:
    have = {algorithm.decode("ascii") for algorithm in available}
    known = [algorithm for algorithm in wanted.split(",") if algorithm in have]
    if not known:
        raise UnsupportedError(f"{name} is {wanted}, of which portproof has none")
    return known
