"""How to get to a host: its connection and the user's OpenSSH configuration, worked out together.

asyncssh reads ssh_config(5), but falls short of it where trust is decided: it does not know the
machine's own files of host keys, takes a key that is recorded for the address alone, and checks
nothing at all where ``UserKnownHostsFile`` is ``none``. So keys, trust and the hosts on the way are
worked out here and handed to it, and it gets no chance to choose them.
"""

import getpass
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import asyncssh

from portproof.model.connection import Connection
from portproof.ssh.command import UnsupportedError
from portproof.ssh.keys import DEFAULT_KEYS, Credential, IdentityFile, Keys
from portproof.ssh.known_hosts import hashes_names
from portproof.ssh.trust import GLOBAL_FILES, SSH_PORT, USER_FILES, Trust, TrustStores

_CONFIG_FILES: Final = ("~/.ssh/config", "/etc/ssh/ssh_config")
_NOTHING: Final = "none"
_LONGEST_PORT: Final = 5

_READ: Final = (
    "CertificateFile",
    "Ciphers",
    "ConnectTimeout",
    "GlobalKnownHostsFile",
    "HostKeyAlgorithms",
    "HostKeyAlias",
    "IdentitiesOnly",
    "IdentityFile",
    "PKCS11Provider",
    "ProxyCommand",
    "ProxyJump",
    "UserKnownHostsFile",
)
"""Options that are worked out here."""

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


@dataclass(slots=True)
class _Said:
    """What the configuration says about one host."""

    files: tuple[Path, ...]
    host: str
    port: int
    user: str
    options: Mapping[str, Any] = field(default_factory=dict)


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
        route = self._route(connection)
        on_the_way, jump = {connection}, route.jump
        while jump is not None:
            if jump in on_the_way:
                raise UnsupportedError(f"the way to {connection.address} goes round in circles")
            on_the_way.add(jump)
            jump = self._route(jump).jump
        return route

    def _route(self, connection: Connection) -> Route:
        said = _said(connection)
        identities = self._identities(connection, said)
        trust = Trust(
            known=self._stores.of(_known_hosts(connection, said)),
            alias=said.options.get("HostKeyAlias"),
            accept_new=connection.accept_new_host_keys,
        )
        jump, proxy = _ways(connection, said)
        timeout = connection.connect_timeout or said.options.get("ConnectTimeout")
        return Route(
            host=said.host,
            port=said.port,
            user=said.user,
            trust=trust,
            arguments={
                **_FIXED,
                **_login(connection),
                **_keys(connection, said, identities),
                **_algorithms(trust, said),
                "host": connection.address,
                "port": connection.port or (),
                "username": connection.user or (),
                "config": [str(file) for file in said.files] or None,
                "known_hosts": trust.lookup,
            },
            jump=jump,
            proxy=proxy,
            timeout=float(timeout) if timeout else None,
            hashes_names=self._hashes_names(said.files) or trust.known.has_hashes,
            problems=tuple(each.problem for each in identities if each.problem),
        )

    def _identities(self, connection: Connection, said: _Said) -> list[IdentityFile]:
        named = (*connection.identity_files, *said.options.get("IdentityFile", ()))
        certificates = said.options.get("CertificateFile", ())
        none_named = not named and "IdentityFile" not in said.options
        found = [self._keys.load(file, certificates) for file in named or DEFAULT_KEYS]
        if none_named:
            found = [IdentityFile(each.credentials, each.public) for each in found]
        return found if named or none_named else []

    def _hashes_names(self, files: tuple[Path, ...]) -> bool:
        if files not in self._hashes:
            self._hashes[files] = hashes_names(files)
        return self._hashes[files]


def _said(connection: Connection) -> _Said:
    files = _config_files(connection.config_file)
    if not files:
        user = connection.user or _local_user()
        return _Said((), connection.address, connection.port or SSH_PORT, user)
    try:
        options = asyncssh.SSHClientConnectionOptions(
            config=[str(file) for file in files],
            host=connection.address,
            port=connection.port or (),
            username=connection.user or (),
            client_keys=None,
            known_hosts=b"",
            x509_trusted_certs=None,
        )
    except (ValueError, OSError, asyncssh.Error) as error:
        raise UnsupportedError(f"the SSH configuration cannot be used: {error}") from error
    given = {name: options.config.get(name) for name in _READ}
    if given["PKCS11Provider"]:
        raise UnsupportedError("PKCS11Provider is set, which portproof cannot honour")
    options_given = {name: value for name, value in given.items() if value is not None}
    return _Said(files, options.host, options.port, options.username, options_given)


def _local_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        raise UnsupportedError("no user is given, and the local one has no name") from error


def _config_files(instead: str | None) -> tuple[Path, ...]:
    """The configuration files that count, in order; one that is named must be there."""
    if instead == _NOTHING:
        return ()
    if instead is not None:
        return (Path(instead).expanduser(),)
    usual = (Path(file).expanduser() for file in _CONFIG_FILES)
    return tuple(file for file in usual if os.access(file, os.R_OK))


def _known_hosts(connection: Connection, said: _Said) -> tuple[str, ...]:
    users = connection.known_hosts or tuple(said.options.get("UserKnownHostsFile") or USER_FILES)
    others = tuple(said.options.get("GlobalKnownHostsFile", GLOBAL_FILES))
    for file in (*users, *others):
        if "%" in file or "$" in file:
            raise UnsupportedError(f"the file of host keys {file} has tokens; write its path")
    return (*users, *others)


def _ways(connection: Connection, said: _Said) -> tuple[Connection | None, str | None]:
    """The host to jump through, and the command to go through; one of them at most."""
    jump, proxy = connection.proxy_jump, connection.proxy_command
    if jump is None and proxy is None:
        jump = said.options.get("ProxyJump")
        proxy = None if jump else said.options.get("ProxyCommand")
    elif proxy is not None:
        proxy = _expanded(proxy, connection, said)
    if jump and jump.lower() != _NOTHING:
        return _jump(jump, connection), None
    return None, None if not proxy or proxy.lower() == _NOTHING else proxy


def _expanded(command: str, connection: Connection, said: _Said) -> str:
    values = {"%h": said.host, "%p": str(said.port), "%r": said.user, "%n": connection.address}
    parts = command.split("%%")
    for token, value in values.items():
        parts = [part.replace(token, value) for part in parts]
    if any("%" in part for part in parts):
        raise UnsupportedError(f"the ProxyCommand {command!r} has other tokens than %h, %p, %r, %n")
    return "%".join(parts)


def _jump(text: str, connection: Connection) -> Connection:
    """The last of the hosts to jump through, which is reached through those before it.

    As with OpenSSH, what is said about the host behind it, its keys and users, is not for it.
    """
    before, _, last = text.rpartition(",")
    user, _, place = last.strip().removeprefix("ssh://").rpartition("@")
    host, port = _host_and_port(place)
    return Connection(
        kind="ssh",
        address=host,
        port=port,
        user=user or None,
        proxy_jump=before or None,
        accept_new_host_keys=connection.accept_new_host_keys,
        config_file=connection.config_file,
    )


def _host_and_port(place: str) -> tuple[str, int | None]:
    host, colon, port = place.rpartition(":")
    if not colon or (":" in host and not host.endswith("]")):  # a bare IPv6 address has no port
        host, port = place, ""
    host = host.removeprefix("[").removesuffix("]")
    if not host or (
        port and not (port.isascii() and port.isdigit() and len(port) <= _LONGEST_PORT)
    ):
        raise UnsupportedError(f"{place!r} is no host to jump through")
    return host, int(port) if port else None


def _login(connection: Connection) -> dict[str, Any]:
    if connection.password is None:
        return {"password": None, "password_auth": False, "kbdint_auth": False}
    return {"password": connection.password.reveal()}


def _keys(
    connection: Connection, said: _Said, identities: Sequence[IdentityFile]
) -> dict[str, Any]:
    credentials: list[Credential] = [key for each in identities for key in each.credentials]
    only = connection.identities_only
    if only is None:
        only = bool(said.options.get("IdentitiesOnly"))
    public = [key for each in identities for key in each.public]
    if not only:
        return {"client_keys": credentials, "agent_identities": None}
    agent = {} if public else {"agent_path": None}
    return {"client_keys": credentials, "agent_identities": public or None, **agent}


def _algorithms(trust: Trust, said: _Said) -> dict[str, Any]:
    """What the configuration does not choose."""
    chosen: dict[str, Any] = {}
    if "HostKeyAlgorithms" not in said.options:
        chosen["server_host_key_algs"] = trust.kinds(said.host, said.port)
    if "Ciphers" not in said.options:
        chosen["encryption_algs"] = _FAST_CIPHERS
    return chosen
