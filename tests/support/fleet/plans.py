"""What a host of the fleet is to be: who may log in, what listens, and what is wrong with it."""

from dataclasses import dataclass
from typing import Final, Literal

PASSWORD: Final = "correct horse {battery} 'staple'"  # noqa: S105 - of the fleet's users alone
"""The login password of every user of the fleet, with characters that shells mangle."""

PATH: Final = "/usr/local/bin:/usr/bin:/bin"
"""Where a login's programs are."""

Fault = Literal[
    "",
    "drop",
    "refuse",
    "silent",
    "hang",
    "slow",
    "reset",
    "half",
    "garbage",
    "endless",
    "deaf",
    "stranger",
    "no-login",
    "flaky",
    "nameless",
    "capless",
    "mapped",
    "moved",
    "contained",
    "shares-network",
    "served-nameless",
    "hidden-in",
    "served",
    "again-hang",
    "again-cut",
    "again-garbage",
    "again-half",
]
"""What goes wrong on the way to a host's answer; ``commands.py`` of this folder has the details."""

Tools = Literal["python", "osqueryi", "osqueryi-alone", "nothing"]
"""What a host has to look with; every one but the last two has python3."""


@dataclass(frozen=True, slots=True)
class User:
    """A user that every host has."""

    name: str
    uid: int
    login: str = "/bin/bash"
    sudo: Literal["", "password", "free"] = ""


USERS: Final = (
    User("auditor", 2001, sudo="password"),
    User("operator", 2002, sudo="free"),
    User("guest", 2003),
    User("loud", 2004, sudo="free"),
    User("fisher", 2005, login="/usr/bin/fish", sudo="free"),
    User("seller", 2006, login="/bin/tcsh", sudo="free"),
    User("zed", 2007, login="/bin/zsh", sudo="free"),
    User("nobody-home", 2008, login="/usr/sbin/nologin"),
    User("web", 2009),
)
"""``root`` and these. ``loud`` prints a banner from its shell at every login."""


OWN_IPV4: Final = "(IPv4)"
OWN_IPV6: Final = "(IPv6)"
"""The host's own addresses, wherever the fleet puts it."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A socket that is opened on a host: what an audit of the host must find."""

    protocol: Literal["tcp", "udp"]
    address: str
    port: int
    name: str = "listener"
    user: str = "root"


@dataclass(frozen=True, slots=True)
class Plan:
    """One host.

    ``port`` is where its SSH server listens; ``hidden`` mounts /proc so that users see their own
    processes only; ``certificate`` gives the server a host certificate of the fleet's authority.
    """

    opened: tuple[Opened, ...] = ()
    fault: Fault = ""
    tools: Tools = "python"
    port: int = 22
    hidden: bool = False
    certificate: bool = False
