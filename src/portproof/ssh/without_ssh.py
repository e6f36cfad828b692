"""What stands in for ``ssh -G`` on a machine without ``ssh``: the arguments alone.

No configuration file is read. An option that is not among those below is refused: without ``ssh``,
nobody can say what it means.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from portproof.inventory.ssh_arguments import CONFIG_FILE, options
from portproof.ssh.command import UnsupportedError
from portproof.ssh.tokens import local_user

_PORT: Final = "22"
_URI: Final = "ssh://"
_HONOURED: Final = frozenset(
    {
        "addressfamily",
        "bindaddress",
        "connecttimeout",
        "identitiesonly",
        "identityfile",
        "port",
        "proxycommand",
        "proxyjump",
        "stricthostkeychecking",
        "user",
        "userknownhostsfile",
    }
)
_IDLE: Final = frozenset(
    {
        "batchmode",
        "compression",
        "connectionattempts",
        "controlmaster",
        "controlpath",
        "controlpersist",
        "forwardagent",
        "loglevel",
        "preferredauthentications",
        "requesttty",
        "serveralivecountmax",
        "serveraliveinterval",
        "tcpkeepalive",
    }
)
_WAYS: Final = ("proxyjump", "proxycommand")


def options_without_ssh(arguments: Iterable[str], host: str) -> Mapping[str, tuple[str, ...]]:
    """Return what arguments come to, in the form of ``ssh -G``.

    Raises:
        UnsupportedError: an option cannot be honoured without ``ssh``, or the user has no name.
    """
    place = host.removeprefix(_URI).removesuffix("/") if host.startswith(_URI) else host
    user, at, name = place.rpartition("@")
    found: dict[str, list[str]] = {}
    for option, value in options(arguments):
        _keep(found, option, value)
    if at:
        found.setdefault("user", [user])
    if host.startswith(_URI) and name.rpartition(":")[2].isdigit():
        name, _, port = name.rpartition(":")
        found.setdefault("port", [port])
    if "user" not in found:
        found["user"] = [local_user()]
    found.setdefault("port", [_PORT])
    if found.get("proxyjump") == ["none"]:
        del found["proxyjump"]
    return {option: tuple(values) for option, values in found.items()} | {
        "host": (name,),
        "hostname": (name.lower(),),
    }


def _keep(found: dict[str, list[str]], option: str, value: str) -> None:
    if option == CONFIG_FILE:
        if value != "none":
            raise UnsupportedError(f"the SSH configuration {value} cannot be read without ssh")
    elif option in _HONOURED:
        known = found.setdefault(option, [])
        taken = option in _WAYS and any(way in found for way in _WAYS if way != option)
        if option == "identityfile" or not (known or taken):
            known.append(value)
        if not known:
            del found[option]
    elif option not in _IDLE:
        raise UnsupportedError(f"the option {option} cannot be honoured without an ssh program")
