"""Whether a server may be taken for the host it should be: its key must be known, always."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncssh

from portproof.ssh.known_hosts import KnownHosts, Recorded

SSH_PORT: Final = 22
"""Registered with IANA for SSH (RFC 4253, section 4.1)."""

_KINDS: Final = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
_CERTIFIED: Final = tuple(f"{kind}-cert-v01@openssh.com" for kind in _KINDS)
_RSA: Final = ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")


@dataclass(slots=True)
class Trust:
    """The judgement of one connection's server key.

    Attributes:
        known: What is recorded.
        alias: The name to look for in place of the address (``HostKeyAlias``).
        accept_new: Whether a key of a host without any is taken, and recorded after the login.
        name: The name that was looked for.
        refusal: Why the key was not taken, or empty.
        new_key: A key that was taken without being known.
    """

    known: KnownHosts
    alias: str | None = None
    accept_new: bool = False
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
        return recorded.keys, recorded.authorities, recorded.revoked

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
    return _RSA if algorithm == "ssh-rsa" else (algorithm,)


USER_FILES: Final = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")
GLOBAL_FILES: Final = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
"""Where keys are recorded when nothing else is said (ssh_config(5))."""


class TrustStores:
    """Known hosts by the files they are in, each set read once."""

    def __init__(self) -> None:
        self._read: dict[tuple[str, ...], KnownHosts] = {}

    def of(self, files: tuple[str, ...]) -> KnownHosts:
        """Return the known hosts in these files, as they were when first asked for."""
        if files not in self._read:
            self._read[files] = KnownHosts([Path(file).expanduser() for file in files])
        return self._read[files]
