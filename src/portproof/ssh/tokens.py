"""Expands ``~``, ``%h`` and ``${NAME}`` in what ``ssh -G`` prints, as ssh does when it connects.

The tokens are those of ssh_config(5), "TOKENS"; some of them it prints expanded, some it does not.
"""

import os
import pwd
import re
import socket
from collections.abc import Mapping
from typing import Final

from portproof.ssh.command import UnsupportedError

_TOKEN: Final = re.compile(r"%(?P<token>.?)|\$\{(?P<variable>[^}]*)\}")
_PROXY_TOKENS: Final = frozenset("%hnpr")


def tokens_of(host: str, original: str, port: int, user: str, alias: str | None) -> dict[str, str]:
    """Return what the tokens of ssh_config(5) stand for on the way to one host.

    Args:
        host: The host's name after the configuration was applied.
        original: The name that was asked for.
        port: The port.
        user: The user on the host.
        alias: The name its key is recorded under, if that is another one.
    """
    here = socket.gethostname()
    return {
        "%": "%",
        "d": with_home("~"),
        "h": host,
        "i": str(os.getuid()),
        "k": alias or original,
        "L": here.partition(".")[0],
        "l": here,
        "n": original,
        "p": str(port),
        "r": user,
        "u": local_user(),
    }


def local_user() -> str:
    """Return the name of the user on this machine, as ssh takes it: not from the environment.

    Raises:
        UnsupportedError: there is none.
    """
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError as error:
        raise UnsupportedError("the local user has no name") from error


def with_home(path: str) -> str:
    """Return a path with ``~`` expanded as ssh does it, by the list of users."""
    name, slash, rest = path.removeprefix("~").partition("/")
    if not path.startswith("~"):
        return path
    try:
        user = pwd.getpwnam(name) if name else pwd.getpwuid(os.getuid())
    except KeyError as error:
        raise UnsupportedError(f"{path} is in the home of nobody") from error
    return f"{user.pw_dir}{slash}{rest}"


def expand_path(text: str, option: str, tokens: Mapping[str, str]) -> str:
    """Expand a path.

    Raises:
        UnsupportedError: it has a token that portproof does not know, a variable without value, or
            is in the home of a user who does not exist.
    """

    def value(found: re.Match[str]) -> str:
        name = found["variable"]
        told = os.environ.get(name) if name is not None else tokens.get(found["token"])
        if told is None:
            raise UnsupportedError(f"{option} {text} has {found[0]}, which has no value here")
        return told

    return _TOKEN.sub(value, with_home(text))


def expand_proxy_command(command: str, tokens: Mapping[str, str]) -> str:
    """Expand a ``ProxyCommand``; environment variables in it are for the shell.

    Raises:
        UnsupportedError: it has a token that ssh_config(5) does not name for it.
    """

    def value(found: re.Match[str]) -> str:
        if found["variable"] is not None:
            return found[0]
        if found["token"] not in _PROXY_TOKENS:
            raise UnsupportedError("the ProxyCommand has other tokens than %h, %n, %p, %r and %%")
        return tokens[found["token"]]

    return _TOKEN.sub(value, command)
