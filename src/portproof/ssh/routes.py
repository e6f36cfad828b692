"""Combine a host's connection with the user's OpenSSH configuration into a route.

asyncssh reads ssh_config(5), but falls short of it where trust is decided: it does not know the
machine's own files of host keys, takes a key that is recorded for the address alone, and checks
nothing at all where ``UserKnownHostsFile`` is ``none``. So keys, trust and the hosts on the way are
worked out here and handed to it, and it gets no chance to choose them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from portproof.model.connection import Connection
from portproof.ssh.command import UnsupportedError
from portproof.ssh.destination import Destination, path_to
from portproof.ssh.keys import DEFAULT_KEYS, Credential, IdentityFile, Keys
from portproof.ssh.known_hosts import hashes_names
from portproof.ssh.trust import GLOBAL_FILES, USER_FILES, Trust, TrustStores

_FAST_CIPHERS: Final = "^aes128-gcm@openssh.com,aes256-gcm@openssh.com"
"""Put before asyncssh's default, for which it calls its library four times as often a packet."""

_FIXED: Final[Mapping[str, Any]] = {
    "x509_trusted_certs": None,  # OpenSSH knows no X.509, so nothing is trusted through it
    "x509_trusted_cert_paths": (),
    "pkcs11_provider": None,
    "proxy_command": None,
    "agent_forwarding": False,
    "x11_forwarding": False,
    "send_env": None,
    "env": None,
    "encoding": None,
    "connect_timeout": None,  # the times are kept by whoever connects
    "login_timeout": 0,
}


@dataclass(frozen=True, slots=True)
class Route:
    """How to get to one server.

    ``arguments`` are for ``asyncssh.connect``; ``jump`` is a host to go through, or ``proxy`` a
    command; ``timeout`` are the seconds until the server must be reached, if that is said;
    ``problems`` are identity files that were named and cannot be used.
    """

    host: str
    port: int
    user: str
    trust: Trust
    arguments: dict[str, Any]
    jump: Connection | None = None
    proxy: str | None = None
    timeout: float | None = None
    hashes_names: bool = False
    problems: tuple[str, ...] = ()


class Routes:
    """Works out routes. What it read of keys and known hosts is kept for the next one."""

    def __init__(self) -> None:
        self._keys = Keys()
        self._stores = TrustStores()
        self._hashes: dict[tuple[Path, ...], bool] = {}

    def route(self, connection: Connection) -> Route:
        """Work out how to get to a host.

        Raises:
            UnsupportedError: something is asked for that cannot be done, on the way to it as well.
        """
        *_, route = [self._route(each) for each in path_to(connection)]
        return route

    def _route(self, destination: Destination) -> Route:
        connection = destination.connection
        identities = self._identities(connection, destination)
        trust = Trust(
            known=self._stores.of(_known_hosts(connection, destination)),
            alias=destination.options.get("HostKeyAlias"),
            accept_new=connection.accept_new_host_keys,
        )
        timeout = connection.connect_timeout or destination.options.get("ConnectTimeout")
        return Route(
            host=destination.host,
            port=destination.port,
            user=destination.user,
            trust=trust,
            arguments={
                **_FIXED,
                **_login(connection),
                **_keys(connection, destination, identities),
                **_algorithms(trust, destination),
                "host": connection.address,
                "port": connection.port or (),
                "username": connection.user or (),
                "config": [str(file) for file in destination.files] or None,
                "known_hosts": trust.lookup,
            },
            jump=destination.jump,
            proxy=destination.proxy,
            timeout=float(timeout) if timeout else None,
            hashes_names=self._hashes_names(destination.files) or trust.known.has_hashes,
            problems=tuple(each.problem for each in identities if each.problem),
        )

    def _identities(self, connection: Connection, destination: Destination) -> list[IdentityFile]:
        named = (*connection.identity_files, *destination.options.get("IdentityFile", ()))
        certificates = destination.options.get("CertificateFile", ())
        none_named = not named and "IdentityFile" not in destination.options
        found = [self._keys.load(file, certificates) for file in named or DEFAULT_KEYS]
        if none_named:
            found = [IdentityFile(each.credentials, each.public) for each in found]
        return found if named or none_named else []

    def _hashes_names(self, files: tuple[Path, ...]) -> bool:
        if files not in self._hashes:
            self._hashes[files] = hashes_names(files)
        return self._hashes[files]


def _known_hosts(connection: Connection, destination: Destination) -> tuple[str, ...]:
    users = connection.known_hosts or tuple(
        destination.options.get("UserKnownHostsFile") or USER_FILES
    )
    others = tuple(destination.options.get("GlobalKnownHostsFile", GLOBAL_FILES))
    for file in (*users, *others):
        if "%" in file or "$" in file:
            raise UnsupportedError(f"the file of host keys {file} has tokens; write its path")
    return (*users, *others)


def _login(connection: Connection) -> dict[str, Any]:
    if connection.password is None:
        return {"password": None, "password_auth": False, "kbdint_auth": False}
    return {"password": connection.password.reveal()}


def _keys(
    connection: Connection, destination: Destination, identities: Sequence[IdentityFile]
) -> dict[str, Any]:
    credentials: list[Credential] = [key for each in identities for key in each.credentials]
    only = connection.identities_only
    if only is None:
        only = bool(destination.options.get("IdentitiesOnly"))
    public = [key for each in identities for key in each.public]
    if not only:
        return {"client_keys": credentials, "agent_identities": None}
    agent = {} if public else {"agent_path": None}
    return {"client_keys": credentials, "agent_identities": public or None, **agent}


def _algorithms(trust: Trust, destination: Destination) -> dict[str, Any]:
    """Return what the configuration does not choose."""
    chosen: dict[str, Any] = {}
    if "HostKeyAlgorithms" not in destination.options:
        chosen["server_host_key_algs"] = trust.kinds(destination.host, destination.port)
    if "Ciphers" not in destination.options:
        chosen["encryption_algs"] = _FAST_CIPHERS
    return chosen
