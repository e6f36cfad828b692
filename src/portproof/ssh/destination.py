"""Which server a connection leads to, as the user's ``ssh`` says.

``Destinations`` is the one place that decides on addresses, ports, users and the hosts on the way.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from portproof.inventory.ssh_arguments import CONFIG_FILE, first
from portproof.model.connection import Connection
from portproof.model.limits import LAST_PORT
from portproof.model.observation import AccessPath
from portproof.ssh.command import UnsupportedError
from portproof.ssh.ssh_config import ConfigQuery, Options, SshConfig
from portproof.ssh.tokens import expand_proxy_command, tokens_of

SSH_PORT: Final = 22
"""Registered with IANA for SSH (RFC 4253, section 4.1)."""

_NOTHING: Final = "none"
_MOST_HOSTS: Final = 64
_REFUSED: Final[Mapping[str, frozenset[str]]] = {
    "BindInterface": frozenset({_NOTHING}),
    "KnownHostsCommand": frozenset({_NOTHING}),
    "PKCS11Provider": frozenset({_NOTHING}),
    "ProxyUseFdpass": frozenset({"no"}),
    "SecurityKeyProvider": frozenset({_NOTHING, "internal", "$SSH_SK_PROVIDER"}),
}
"""Options that portproof cannot honour, with the values that ask for nothing.

What is missing here is honoured, or changes neither which machine is reached nor how it is trusted.
"""


@dataclass(frozen=True, slots=True)
class Destination:
    """The server that a connection leads to.

    ``options`` is what ``ssh -G`` says of it, and ``defaults`` what it says without any
    configuration. ``jump`` is the last host on the way to it, or ``proxy`` the command to go
    through; at most one of them is given. ``by_config`` tells whether a configuration of OpenSSH
    led there, rather than the inventory alone. ``tokens`` are those of ssh_config(5).
    """

    connection: Connection
    host: str
    port: int
    user: str
    options: Options
    defaults: Options
    tokens: Mapping[str, str]
    jump: Connection | None = None
    proxy: str | None = None
    by_config: bool = False

    def value(self, option: str) -> str | None:
        """Return the value of an option, or None where it is not set."""
        values = self.options.get(option)
        return values[0] if values and values[0].lower() != _NOTHING else None


class Destinations:
    """Finds out where connections lead; what is known of jump hosts is kept."""

    def __init__(self) -> None:
        self._config = SshConfig()
        self._jumps: dict[Connection, Destination] = {}

    async def path_to(self, connection: Connection) -> list[Destination]:
        """Return every server on the way, in the order in which they are reached, the host's last.

        Raises:
            UnsupportedError: ``ssh`` refuses its configuration, something is asked for that cannot
                be done, or the jump hosts go round in circles.
        """
        path, known = [await self._destination(connection)], {connection}
        while (jump := path[-1].jump) is not None:
            if jump in known or len(path) > _MOST_HOSTS:
                raise UnsupportedError(f"the way to {connection.address} goes round in circles")
            known.add(jump)
            if jump not in self._jumps:
                self._jumps[jump] = await self._destination(jump)
            path.append(self._jumps[jump])
        return path[::-1]

    def close(self) -> None:
        """End what is still asked."""
        self._config.close()

    async def _destination(self, connection: Connection) -> Destination:
        query = ConfigQuery(connection.program, connection.arguments, connection.address)
        options = await self._config.options(query)
        defaults = await self._config.defaults(connection.program)
        return _destination(connection, options, defaults)


def access_path(path: list[Destination]) -> AccessPath:
    """Describe the way to a host for its evidence.

    Args:
        path: Every server on the way, the host's own last.
    """
    *_, last = path
    places = [
        place
        for each in path
        for place in (*["ProxyCommand"] * bool(each.proxy), _place(each.user, each.host, each.port))
    ]
    by_config = any(each.by_config for each in path)
    return AccessPath(
        address=last.host,
        port=last.port,
        user=last.user,
        through=tuple(places[:-1]),
        by="ssh_config" if by_config else "inventory",
    )


def _place(user: str, host: str, port: int) -> str:
    return f"{user}@[{host}]:{port}" if ":" in host else f"{user}@{host}:{port}"


def _destination(connection: Connection, options: Options, defaults: Options) -> Destination:
    _refuse_unsupported(options)
    host = _unbracketed(options["hostname"][0])
    port = _port(options["port"][0])
    user = options["user"][0]
    original = options.get("host", (connection.address.rpartition("@")[2],))[0]
    alias = options.get("hostkeyalias", (None,))[0]
    tokens = tokens_of(host, original, port, user, alias)
    jump, proxy = _ways(connection, options, tokens)
    return Destination(
        connection=connection,
        host=host,
        port=port,
        user=user,
        options=options,
        defaults=defaults,
        tokens=tokens,
        jump=jump,
        proxy=proxy,
        by_config=_by_config(connection, options, defaults, original),
    )


def _refuse_unsupported(options: Options) -> None:
    for name, harmless in _REFUSED.items():
        for value in options.get(name.lower(), ()):
            if value not in harmless:
                raise UnsupportedError(f"{name} is {value}, which portproof does not support")


def _unbracketed(host: str) -> str:
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and 0 < int(text) <= LAST_PORT:
        return int(text)
    raise UnsupportedError(f"{text!a} is no port")


def _ways(
    connection: Connection, options: Options, tokens: Mapping[str, str]
) -> tuple[Connection | None, str | None]:
    """Return the host to jump through, and the command to go through; one of them at most.

    ``ssh -G`` prints no ``ProxyJump`` that is off. One that it prints as ``none`` is a host of that
    name to it, as after ``ProxyJump none`` with a blank at the end (OpenSSH 9.2).
    """
    if "proxyjump" in options:
        return _jump(options["proxyjump"][0], connection), None
    proxy = options.get("proxycommand", (_NOTHING,))[0]
    if proxy.lower() == _NOTHING:
        return None, None
    return None, expand_proxy_command(proxy, tokens)


def _jump(text: str, connection: Connection) -> Connection:
    """Return the last of the hosts to jump through, which is reached through those before it.

    As with OpenSSH (ssh.c, "construct a ProxyCommand"), it is asked for as
    ``ssh -l USER -p PORT -J OTHERS -F CONFIG HOST``: what is said about the host behind it, its
    keys and users, is not for it.
    """
    others, _, last = text.rpartition(",")
    user, _, place = last.rpartition("@")
    host, port = _host_and_port(place)
    config = first(connection.arguments).get(CONFIG_FILE)
    given = (("-l", user), ("-p", port), ("-J", others), ("-F", config))
    return Connection(
        kind="ssh",
        address=host,
        arguments=tuple(word for flag, value in given if value for word in (flag, value)),
        program=connection.program,
        accept_new_host_keys=connection.accept_new_host_keys,
    )


def _host_and_port(place: str) -> tuple[str, str]:
    host, colon, port = place.rpartition(":")
    if not colon or (":" in host and not host.endswith("]")):  # a bare IPv6 address has no port
        host, port = place, ""
    host = _unbracketed(host)
    if not host or host.startswith("-") or (port and not port.isdigit()):
        raise UnsupportedError(f"{place!a} is no host to jump through")
    return host, port


def _by_config(connection: Connection, options: Options, defaults: Options, original: str) -> bool:
    """Whether the inventory alone would have led elsewhere."""
    given = first(connection.arguments)
    if "hostname" not in given and options["hostname"][0] != original.lower():
        return True
    in_name = (("user", "@"), ("port", "ssh://"))
    for name, mark in in_name:
        by_default = options[name] == defaults.get(name, options[name])
        if not (by_default or name in given or mark in connection.address):
            return True
    if "proxyjump" in options:
        return "proxyjump" not in given
    return options.get("proxycommand", (_NOTHING,))[0] != _NOTHING and "proxycommand" not in given
