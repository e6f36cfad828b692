"""Whether a server may be taken for the host it should be: its key must be known, always."""

import ipaddress
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncssh

from portproof.ssh.command import UnsupportedError
from portproof.ssh.destination import SSH_PORT, Destination
from portproof.ssh.keys import UNREADABLE
from portproof.ssh.known_hosts import KnownHosts, Recorded
from portproof.ssh.ssh_config import chosen
from portproof.ssh.tokens import with_home

_KINDS: Final = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
_CERTIFIED: Final = tuple(f"{kind}-cert-v01@openssh.com" for kind in _KINDS)
_RSA_KEY: Final = "ssh-rsa"
_RSA: Final = ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")


@dataclass(slots=True)
class Trust:
    """The judgement of one connection's server key.

    Attributes:
        known: What is recorded.
        alias: The name to look for in place of the address (``HostKeyAlias``).
        revoked: Keys that are never taken (``RevokedHostKeys``).
        ca_kinds: The kinds of keys that an authority may have, or None for all
            (``CASignatureAlgorithms``).
        smallest_rsa: The bits that an RSA key needs (``RequiredRSASize``).
        accept_new: Whether a key of a host without any is taken, and recorded after the login.
        name: The name that was looked for.
        refusal: Why the key was not taken, or empty.
        new_key: A key that was taken without being known.
    """

    known: KnownHosts
    alias: str | None = None
    accept_new: bool = False
    revoked: Sequence[asyncssh.SSHKey] = ()
    ca_kinds: frozenset[str] | None = None
    smallest_rsa: int = 0
    name: str = ""
    refusal: str = ""
    new_key: asyncssh.SSHKey | None = None

    def lookup(
        self, host: str, _address: str, port: int | None
    ) -> tuple[list[asyncssh.SSHKey], list[asyncssh.SSHKey], list[asyncssh.SSHKey]]:
        """Answer asyncssh: keys that are trusted, authorities that are, and keys that are revoked.

        The name alone counts: what is recorded for its address could be of another host.
        """
        recorded = self._recorded(host, port)
        keys = [key for key in recorded.keys if self._is_large_enough(key)]
        authorities = [key for key in recorded.authorities if self._may_sign(key)]
        return keys, authorities, [*recorded.revoked, *self.revoked]

    def kinds(self, host: str, port: int) -> list[str]:
        """Return the kinds of keys to request from a server, known kinds first.

        All the others follow, so that a server with a key of another kind shows it, and is told
        apart from one that does not speak. Certificates are of use where an authority is known.
        """
        recorded = self._recorded(host, port)
        certified = _CERTIFIED if recorded.authorities else ()
        known = (kind for key in recorded.keys for kind in _kinds_of(key))
        return list(dict.fromkeys((*certified, *known, *_KINDS)))

    def accepts(self, key: asyncssh.SSHKey) -> bool:
        """Judge an untrusted key; ``refusal`` says why it is refused."""
        recorded = self.known.recorded(self.name)
        shown = f"{key.get_algorithm()} {key.get_fingerprint()}"
        file = self.known.files[0]
        if key in self.revoked:
            self.refusal = f"the key of {self.name}, {shown}, is revoked (RevokedHostKeys)"
            return False
        if not self._is_large_enough(key):
            self.refusal = f"the key of {self.name}, {shown}, is too short (RequiredRSASize)"
            return False
        if key in recorded.keys and key not in recorded.revoked:
            return True  # another connection recorded it since it was looked for
        if recorded.keys:
            self.refusal = (
                f"the key of {self.name} has CHANGED, it is now {shown}: somebody may be in between"
                f"; if it was changed on purpose, remove the old one (ssh-keygen -R '{self.name}'"
                f" -f {file}) and record the new one"
            )
            return False
        if self.accept_new:
            self.new_key = key
            return True
        self.refusal = (
            f"the key of {self.name} is not known, it is {shown}; verify it and add it to {file},"
            " or record keys of new hosts with --accept-new-host-keys"
        )
        return False

    def record(self, *, hashed: bool) -> None:
        """Record a new key that was taken, unless another connection just did.

        Raises:
            OtherKeyError: another connection just recorded another key.
            OSError: it cannot be written.
        """
        if self.new_key is not None and self.new_key not in self.known.recorded(self.name).keys:
            self.known.add(self.name, self.new_key, hashed=hashed)

    def _may_sign(self, authority: asyncssh.SSHKey) -> bool:
        kinds = self.ca_kinds is None or not self.ca_kinds.isdisjoint(_kinds_of(authority))
        return kinds and self._is_large_enough(authority)

    def _is_large_enough(self, key: asyncssh.SSHKey) -> bool:
        return key.get_algorithm() != _RSA_KEY or _bits(key) >= self.smallest_rsa

    def _recorded(self, host: str, port: int | None) -> Recorded:
        """Return what is recorded for the name and port, or else for the name alone."""
        if self.alias:
            self.name = self.alias.lower()
            return self.known.recorded(self.name)
        plain = _written(host)
        self.name = f"[{plain}]:{port}" if port and port != SSH_PORT else plain
        recorded = self.known.recorded(self.name)
        if self.name == plain or recorded.keys or recorded.authorities:
            return recorded
        other = self.known.recorded(plain)
        return Recorded(other.keys, other.authorities, [*recorded.revoked, *other.revoked])


def _written(host: str) -> str:
    """Return a host's name as it is recorded: in lower case, and an address in its usual form."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host.lower()


def _kinds_of(key: asyncssh.SSHKey) -> tuple[str, ...]:
    algorithm = key.get_algorithm()
    return _RSA if algorithm == _RSA_KEY else (algorithm,)


def _bits(key: asyncssh.SSHKey) -> int:
    """Return the size of an RSA key: its public form is a kind, an exponent and the modulus."""
    data = key.public_data
    for _ in range(2):
        data = data[4 + int.from_bytes(data[:4]) :]
    return int.from_bytes(data[4:]).bit_length()


USER_FILES: Final = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")
GLOBAL_FILES: Final = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
"""Where keys are recorded when nothing else is said (ssh_config(5))."""

_NOWHERE: Final = frozenset({"/dev/null", "none"})
_KRL: Final = b"SSHKRL\n\0"
"""How a binary list of revoked keys begins (OpenSSH's PROTOCOL.krl)."""


def known_hosts_files(destination: Destination) -> tuple[str, ...]:
    """Return the files with host keys, the one that new keys go to first.

    The user's usual files stand in for ``/dev/null`` and ``none``: a key must be known.
    """
    told = destination.options
    users = _files(told.get("userknownhostsfile", ())) or USER_FILES
    others = _files(told["globalknownhostsfile"]) if "globalknownhostsfile" in told else None
    return (*users, *(GLOBAL_FILES if others is None else others))


def ca_kinds(destination: Destination) -> frozenset[str] | None:
    """Return the kinds of keys that an authority may have, or None where the user chose none."""
    names = ("casignaturealgorithms",)
    wanted = chosen(destination.options, destination.defaults, names)
    return None if wanted is None else frozenset(wanted.split(","))


def _files(values: Iterable[str]) -> tuple[str, ...]:
    """Take apart a list of files, in which ``ssh -G`` marks no blank that is part of a name.

    A word that is no path of its own belongs to the name before it.
    """
    found: list[str] = []
    for word in " ".join(values).split(" "):
        starts = word.startswith(("/", "~")) or not found
        if starts or (Path(word).exists() and not Path(f"{found[-1]} {word}").exists()):
            found.append(word)
        else:
            found[-1] += f" {word}"
    return tuple(file for file in found if os.path.normpath(file) not in (*_NOWHERE, "."))


class TrustStores:
    """Known hosts by the files they are in, each set read once."""

    def __init__(self) -> None:
        self._read: dict[tuple[str, ...], KnownHosts] = {}
        self._revoked: dict[str, tuple[asyncssh.SSHKey, ...]] = {}

    def of(self, files: tuple[str, ...]) -> KnownHosts:
        """Return the known hosts in these files, as they were when first asked for."""
        if files not in self._read:
            self._read[files] = KnownHosts([Path(with_home(file)) for file in files])
        return self._read[files]

    def revoked(self, file: str | None) -> tuple[asyncssh.SSHKey, ...]:
        """Return the keys in a file of ``RevokedHostKeys``, which lists one a line.

        Raises:
            UnsupportedError: it cannot be read, or is not such a list.
        """
        if file is None:
            return ()
        if file not in self._revoked:
            self._revoked[file] = _revoked(file)
        return self._revoked[file]


def _revoked(file: str) -> tuple[asyncssh.SSHKey, ...]:
    try:
        data = Path(file).read_bytes()
    except OSError as error:
        raise UnsupportedError(f"RevokedHostKeys {file}: {error.strerror}") from error
    if data.startswith(_KRL):
        text = f"RevokedHostKeys {file} is a binary list, which portproof cannot read; list keys"
        raise UnsupportedError(text)
    lines = [line.strip() for line in data.decode("latin-1").splitlines()]
    try:
        return tuple(asyncssh.import_public_key(line) for line in lines if line and line[0] != "#")
    except UNREADABLE as error:
        raise UnsupportedError(f"RevokedHostKeys {file}: {error}") from error
