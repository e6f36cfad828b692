"""Which server a connection leads to, by the user's OpenSSH configuration.

``destination`` is the one place where ssh_config(5) decides on addresses, ports, users and the
hosts on the way. asyncssh reads the files.
"""

import getpass
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import asyncssh

from portproof.model.connection import Connection
from portproof.ssh.command import UnsupportedError
from portproof.ssh.trust import SSH_PORT

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


@dataclass(frozen=True, slots=True)
class Destination:
    """The server that a connection leads to, with what the configuration says about it.

    ``jump`` is the last host on the way to it, or ``proxy`` the command to go through; at most one
    of them is given. ``files`` are the configuration files that were read, and ``options`` what
    they say.
    """

    connection: Connection
    host: str
    port: int
    user: str
    files: tuple[Path, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    jump: Connection | None = None
    proxy: str | None = None


def path_to(connection: Connection) -> list[Destination]:
    """Return every server on the way, in the order in which they are reached, the host's own last.

    Raises:
        UnsupportedError: something is asked for that cannot be done, or the jump hosts go round in
            circles.
    """
    path, known = [destination(connection)], {connection}
    while (jump := path[-1].jump) is not None:
        if jump in known:
            raise UnsupportedError(f"the way to {connection.address} goes round in circles")
        known.add(jump)
        path.append(destination(jump))
    return path[::-1]


def destination(connection: Connection) -> Destination:
    """Return the server that a connection leads to.

    Raises:
        UnsupportedError: the configuration cannot be used, or asks for what cannot be done.
    """
    found = _configured(connection)
    jump, proxy = _ways(connection, found)
    return replace(found, jump=jump, proxy=proxy)


def _configured(connection: Connection) -> Destination:
    files = _config_files(connection.config_file)
    if not files:
        user = connection.user or _local_user()
        return Destination(connection, connection.address, connection.port or SSH_PORT, user)
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
    return Destination(
        connection, options.host, options.port, options.username, files, options_given
    )


def _local_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        raise UnsupportedError("no user is given, and the local one has no name") from error


def _config_files(instead: str | None) -> tuple[Path, ...]:
    """Return the configuration files that count, in order; one that is named must be there."""
    if instead == _NOTHING:
        return ()
    if instead is not None:
        return (Path(instead).expanduser(),)
    usual = (Path(file).expanduser() for file in _CONFIG_FILES)
    return tuple(file for file in usual if os.access(file, os.R_OK))


def _ways(connection: Connection, configured: Destination) -> tuple[Connection | None, str | None]:
    """Return the host to jump through, and the command to go through; one of them at most."""
    jump, proxy = connection.proxy_jump, connection.proxy_command
    if jump is None and proxy is None:
        jump = configured.options.get("ProxyJump")
        proxy = None if jump else configured.options.get("ProxyCommand")
    elif proxy is not None:
        proxy = _expanded(proxy, connection, configured)
    if jump and jump.lower() != _NOTHING:
        return _jump(jump, connection), None
    return None, None if not proxy or proxy.lower() == _NOTHING else proxy


def _expanded(command: str, connection: Connection, configured: Destination) -> str:
    values = {
        "%h": configured.host,
        "%p": str(configured.port),
        "%r": configured.user,
        "%n": connection.address,
    }
    parts = command.split("%%")
    for token, value in values.items():
        parts = [part.replace(token, value) for part in parts]
    if any("%" in part for part in parts):
        raise UnsupportedError("the ProxyCommand has other tokens than %h, %p, %r, %n")
    return "%".join(parts)


def _jump(text: str, connection: Connection) -> Connection:
    """Return the last of the hosts to jump through, which is reached through those before it.

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
