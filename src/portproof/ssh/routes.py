"""How to get to a host: what ``ssh -G`` says of it, made into arguments for asyncssh.

asyncssh gets no configuration and chooses nothing by itself. Keys, trust and the hosts on the way
are worked out here.
"""

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from portproof.model.connection import Connection
from portproof.model.observation import AccessPath
from portproof.ssh.algorithms import algorithms
from portproof.ssh.destination import Destination, Destinations, access_path
from portproof.ssh.keys import DEFAULT_KEYS, Credential, IdentityFile, Keys
from portproof.ssh.tokens import expand_path
from portproof.ssh.trust import Trust, TrustStores, ca_kinds, known_hosts_files

_FIXED: Final[Mapping[str, Any]] = {
    "config": None,  # ssh_config(5) is read by ssh alone
    "x509_trusted_certs": None,  # OpenSSH knows no X.509, so nothing is trusted through it
    "x509_trusted_cert_paths": (),
    "pkcs11_provider": None,
    "proxy_command": None,
    "agent_forwarding": False,
    "x11_forwarding": False,
    "host_based_auth": False,
    "gss_kex": False,  # it would take Kerberos' word for a host instead of its key
    "canonicalize_hostname": False,
    "send_env": None,
    "env": None,
    "encoding": None,
    "connect_timeout": None,  # the times are kept by whoever connects
    "login_timeout": 0,
}
_FAMILIES: Final = {
    "inet": socket.AF_INET,
    "inet6": socket.AF_INET6,
}
_YES: Final = frozenset({"yes", "true"})
_AGENT: Final = "SSH_AUTH_SOCK"


@dataclass(frozen=True, slots=True)
class Route:
    """How to get to one server.

    ``arguments`` are for ``asyncssh.connect``; ``jump`` is a host to go through, or ``proxy`` a
    command; ``timeout`` are the seconds until the server must be reached, if that is said;
    ``problems`` are identity files that were named and cannot be used; ``access`` describes the
    whole way for the evidence.
    """

    host: str
    port: int
    user: str
    trust: Trust
    arguments: dict[str, Any]
    access: AccessPath
    jump: Connection | None = None
    proxy: str | None = None
    timeout: float | None = None
    hashes_names: bool = False
    problems: tuple[str, ...] = ()


class Routes:
    """Works out routes. What it read of keys and known hosts is kept for the next one."""

    def __init__(self) -> None:
        self._destinations = Destinations()
        self._keys = Keys()
        self._stores = TrustStores()

    async def route(self, connection: Connection) -> Route:
        """Work out how to get to a host.

        Raises:
            UnsupportedError: something is asked for that cannot be done, on the way to it as well.
        """
        path = await self._destinations.path_to(connection)
        access = access_path(path)
        *_, route = [self._route(each, access) for each in path]
        return route

    def close(self) -> None:
        """End what is still asked of ``ssh``."""
        self._destinations.close()

    def _route(self, destination: Destination, access: AccessPath) -> Route:
        identities = self._identities(destination)
        trust = self._trust(destination)
        return Route(
            host=destination.host,
            port=destination.port,
            user=destination.user,
            trust=trust,
            arguments={
                **_FIXED,
                **_login(destination),
                **_keys(destination, identities),
                **algorithms(trust, destination),
                **_addresses(destination),
                "host": destination.host,
                "port": destination.port,
                "username": destination.user,
                "known_hosts": trust.lookup,
                "host_key_alias": destination.value("hostkeyalias"),
            },
            access=access,
            jump=destination.jump,
            proxy=destination.proxy,
            timeout=_timeout(destination),
            hashes_names=_is_yes(destination, "hashknownhosts") or trust.known.has_hashes,
            problems=tuple(each.problem for each in identities if each.problem),
        )

    def _trust(self, destination: Destination) -> Trust:
        return Trust(
            known=self._stores.of(known_hosts_files(destination)),
            alias=destination.value("hostkeyalias"),
            accept_new=_accepts_new(destination),
            revoked=self._stores.revoked(_path(destination, "revokedhostkeys")),
            ca_kinds=ca_kinds(destination),
            smallest_rsa=int(destination.value("requiredrsasize") or 0),
        )

    def _identities(self, destination: Destination) -> list[IdentityFile]:
        named = [name for name in destination.options.get("identityfile", ()) if name != "none"]
        certificates = _paths(destination, "certificatefile")
        if not named and "identityfile" in destination.options:
            return []
        found = []
        for name in named or DEFAULT_KEYS:
            path = expand_path(name, "IdentityFile", destination.tokens)
            loaded = self._keys.load(path, certificates)
            usual = name in DEFAULT_KEYS  # those need not be there
            found.append(IdentityFile(loaded.credentials, loaded.public) if usual else loaded)
        return found


def _accepts_new(destination: Destination) -> bool:
    """Whether a key nobody knows is recorded; where checking is turned off it is done all the same.

    Only the user's own option, or a configuration that says ``accept-new``, has keys recorded.
    """
    checking = (destination.value("stricthostkeychecking") or "ask").lower()
    if checking == "accept-new":
        return True
    return destination.connection.accept_new_host_keys and checking not in _YES


def _paths(destination: Destination, option: str) -> tuple[str, ...]:
    return tuple(
        expand_path(value, option, destination.tokens)
        for value in destination.options.get(option, ())
        if value.lower() != "none"
    )


def _path(destination: Destination, option: str) -> str | None:
    return next(iter(_paths(destination, option)), None)


def _is_yes(destination: Destination, option: str) -> bool:
    return (destination.value(option) or "").lower() in _YES


def _timeout(destination: Destination) -> float | None:
    text = destination.value("connecttimeout") or ""
    return float(text) if text.isdigit() and int(text) else None


def _login(destination: Destination) -> dict[str, Any]:
    public_key = destination.value("pubkeyauthentication") not in ("no", "false")
    gss = {"gss_auth": _is_yes(destination, "gssapiauthentication")}
    password = destination.connection.password
    if password is None:
        keyboard = {"password_auth": False, "kbdint_auth": False}
        return {"password": None, "public_key_auth": public_key, **keyboard, **gss}
    allowed = {
        "password_auth": destination.value("passwordauthentication") != "no",
        "kbdint_auth": destination.value("kbdinteractiveauthentication") != "no",
    }
    return {"password": password.reveal(), "public_key_auth": public_key, **allowed, **gss}


def _keys(destination: Destination, identities: Sequence[IdentityFile]) -> dict[str, Any]:
    credentials: list[Credential] = [key for each in identities for key in each.credentials]
    public = [key for each in identities for key in each.public]
    agent = _agent(destination)
    if not _is_yes(destination, "identitiesonly"):
        return {"client_keys": credentials, "agent_identities": None, "agent_path": agent}
    return {
        "client_keys": credentials,
        "agent_identities": public or None,
        "agent_path": agent if public else None,
    }


def _agent(destination: Destination) -> str | None:
    """Return the socket of the agent to ask, or None for no agent."""
    told = destination.options.get("identityagent", (_AGENT,))[0]
    if told == "none":
        return None
    if told == _AGENT or told.startswith("$"):
        return os.environ.get(told.lstrip("$")) or None
    return expand_path(told, "IdentityAgent", destination.tokens)


def _addresses(destination: Destination) -> dict[str, Any]:
    """Return from which address, and over which protocol, to connect."""
    chosen: dict[str, Any] = {}
    family = _FAMILIES.get(destination.value("addressfamily") or "any")
    if family is not None:
        chosen["family"] = family
    if address := destination.value("bindaddress"):
        chosen["local_addr"] = (address, 0)
    return chosen
