"""The user's keys, loaded once for all connections: decoding one can take longer than a login."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncssh

DEFAULT_KEYS: Final = (
    "~/.ssh/id_ed25519_sk",
    "~/.ssh/id_ecdsa_sk",
    "~/.ssh/id_ed25519",
    "~/.ssh/id_ecdsa",
    "~/.ssh/id_rsa",
)
"""What is tried when no key is named (ssh_config(5), IdentityFile)."""

UNREADABLE: Final = (asyncssh.KeyImportError, ValueError, ArithmeticError, TypeError)
"""What reading a damaged key raises: asyncssh's own error, or one of the library below it."""

Credential = asyncssh.SSHKey | tuple[asyncssh.SSHKey, asyncssh.SSHCertificate]


@dataclass(frozen=True, slots=True)
class IdentityFile:
    """The contents of one identity file.

    ``credentials`` can log in by themselves; ``public`` are encoded public keys and certificates by
    which an agent is asked; ``problem`` says why the file could not be used, or is empty.
    """

    credentials: tuple[Credential, ...] = ()
    public: tuple[bytes, ...] = ()
    problem: str = ""


class Keys:
    """Identity files by path, each read when it is first asked for."""

    def __init__(self) -> None:
        self._loaded: dict[str, IdentityFile] = {}

    def load(self, path: str, certificates: Sequence[str] = ()) -> IdentityFile:
        """Read an identity file, with the certificates that are for its key."""
        name = "\0".join((path, *certificates))
        if name not in self._loaded:
            self._loaded[name] = _load(Path(path).expanduser(), certificates)
        return self._loaded[name]


def _load(path: Path, certificates: Sequence[str]) -> IdentityFile:
    try:
        key = asyncssh.read_private_key(path)
    except OSError as error:
        return IdentityFile(problem=f"{path}: {error.strerror}")
    except UNREADABLE as error:  # encrypted, or the key itself is in an agent
        public = _public(path)
        known = tuple(
            each.public_data for each in (public, *_certificates(path, certificates)) if each
        )
        return IdentityFile(public=known, problem=f"{path}: {error}")
    certs = [
        cert
        for cert in _certificates(path, certificates)
        if cert.key.public_data == key.public_data
    ]
    pairs: list[Credential] = [(key, cert) for cert in certs]
    public_data = (*(cert.public_data for cert in certs), key.public_data)
    return IdentityFile((*pairs, key), public_data)


def _public(path: Path) -> asyncssh.SSHKey | None:
    for file in (Path(f"{path}.pub"), path):
        try:
            return asyncssh.read_public_key(file)
        except (OSError, *UNREADABLE):
            continue
    return None


def _certificates(path: Path, more: Sequence[str]) -> list[asyncssh.SSHCertificate]:
    found = []
    for file in (Path(f"{path}-cert.pub"), *(Path(name).expanduser() for name in more)):
        try:
            found.append(asyncssh.read_certificate(file))
        except (OSError, *UNREADABLE):
            continue
    return found
