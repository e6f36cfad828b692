"""Know programs by their names: old servers, RPC services, and those that run any code.

Daemons of the Berkeley services are named as in their manual pages (telnetd(8), rshd(8),
rlogind(8), rexecd(8), fingerd(8), talkd(8), rwhod(8), uucpd(8)), with the ``in.`` that some have in
inetd.conf(5), and packages as in Debian and Fedora.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from portproof.model.why import SocketUnit, Why


class OldServer(NamedTuple):
    """An old server: what it is, and the service names it is for (none: for any)."""

    what: str
    services: tuple[str, ...]


_OLD: Final = {
    OldServer("a super-server: it holds ports for what its configuration names", ()): (
        *("inetd", "openbsd-inetd", "inetutils-inetd", "xinetd", "rlinetd"),
    ),
    OldServer("a telnet server", ("telnet",)): (
        *("telnetd", "in.telnetd", "utelnetd", "telnet"),
        *("telnetd-ssl", "inetutils-telnetd", "telnet-server"),
    ),
    OldServer("a server of the r-commands", ("shell", "login", "exec")): (
        *("rshd", "in.rshd", "rlogind", "in.rlogind", "rexecd", "in.rexecd"),
        *("rsh-server", "rsh-redone-server", "rsh", "rlogin", "rexec"),
    ),
    OldServer("a finger server", ("finger",)): (
        *("fingerd", "in.fingerd", "cfingerd", "efingerd", "xfingerd", "finger-server"),
    ),
    OldServer("a talk server", ("talk", "ntalk")): (
        *("talkd", "in.talkd", "ntalkd", "in.ntalkd", "talk-server", "inetutils-talkd"),
    ),
    OldServer("an ident server", ("auth", "ident")): ("identd", "in.identd", "pidentd"),
    OldServer("an rwho server", ("who",)): ("rwhod", "in.rwhod"),
    OldServer("a UUCP server", ("uucp",)): ("uucpd",),
    OldServer("the portmapper from before rpcbind", ("sunrpc",)): ("portmap",),
    OldServer("part of NetInfo, which was removed in Mac OS X 10.5", ("netinfo-local",)): (
        *("netinfod", "nibindd"),
    ),
    OldServer("part of the Distributed Queueing System of the 1990s", ("npmp-local",)): (
        "dqs313_qmaster",
    ),
}

OLD: Final = {name: old for old, names in _OLD.items() for name in names}
"""Old servers by the names of their programs, packages and units."""

RPC: Final = frozenset(
    {
        *("rpcbind", "rpc.statd", "rpc.mountd", "rpc.rquotad", "rpc.lockd", "statd", "mountd"),
        *("rquotad", "ypbind", "ypserv", "rpc.yppasswdd", "rpc.ypxfrd", "amd", "keyserv"),
    }
)
"""Services that register with rpcbind and use any port that bindresvport(3) gives them."""

RESERVED: Final = range(600, 1024)
"""The ports bindresvport(3) tries first: STARTPORT to ENDPORT in glibc's ``bindrsvprt.c``."""

SHELLS: Final = frozenset(
    {"sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "tcsh", "csh"},
)

MULTICALL: Final = frozenset({"busybox", "toybox"})
"""Programs that act by the name they are called by."""

INTERPRETERS: Final = frozenset(
    {
        *SHELLS,
        *("python", "pythonw", "perl", "ruby", "node", "nodejs", "php", "php-cgi", "lua", "luajit"),
        *("tclsh", "expect", "java", "javaw", "mono", "dotnet", "deno", "bun", "guile"),
        *("awk", "gawk", "mawk", "powershell", "pwsh", "cmd", "wscript", "cscript", "mshta"),
    }
)
"""Programs that run a file they are given."""

GENERAL: Final = frozenset(
    {
        *INTERPRETERS,
        *MULTICALL,
        *("rundll", "regsvr", "svchost", "dllhost", "systemd", "launchd", "conmon"),
        *("nc", "nc.openbsd", "nc.traditional", "ncat", "netcat", "socat", "openssl", "stunnel"),
        *("ssh", "rootlessport", "slirp4netns", "pasta", "passt"),
    }
)
"""Programs that serve whatever they are configured for: their package says nothing of it."""

_CODE: Final = re.compile(r"-[a-zA-Z]*[cem]")
"""Options of interpreters that code or a module follows, such as ``-c`` and ``-we``."""
_VERSION: Final = re.compile(r"[-.]?[0-9][0-9.]*$")
_LONGEST_COMM: Final = 15


def base(path: str) -> str:
    """Return the last part of a path of any platform."""
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2]


def plain(name: str) -> str:
    """Return a program's name without version or ``.exe``: ``python`` for ``python3.11``."""
    return _VERSION.sub("", name.casefold().removesuffix(".exe"))


def runs_anything(why: Why) -> bool:
    """Return whether the executable is an interpreter or another program that runs any code."""
    return plain(base(_path(why))) in GENERAL


def names(why: Why) -> Iterator[str]:
    """Return every name a process is known by: program, package, unit, job and services."""
    yield base(_path(why))
    yield base(why.executable.link) if why.executable else ""
    yield why.process.name
    yield why.package.name if why.package else ""
    if why.unit is not None:
        yield _stem(why.unit.name)
        yield _stem(why.unit.socket)
    yield why.launchd.rpartition(".")[2]
    yield from (service.name for service in why.services)


def sockets_at(why: Why, port: int) -> list[SocketUnit]:
    """Return the socket units for which systemd itself holds a port."""
    end = str(port)
    return [
        unit for unit in why.sockets if any(at.rpartition(":")[2] == end for at in unit.listens)
    ]


def stems_of_sockets(why: Why, port: int) -> Iterator[str]:
    """Return the names of those units, and of the services they start."""
    for unit in sockets_at(why, port):
        yield _stem(unit.name)
        yield _stem(unit.service)


def is_for(name: str, service: str) -> bool:
    """Return whether a program's name is that of a registered service, as ``sshd`` for ``ssh``."""
    told = plain(name).removeprefix("in.").removeprefix("rpc.")
    return bool(told) and told in {service, service + "d", *_first_part(service)}


def _first_part(service: str) -> tuple[str, ...]:
    first = service.partition("-")[0]
    return (first, first + "d") if first != service and len(first) > len("ssh") else ()


def related(one: str, other: str) -> bool:
    """Return whether one name is the other, truncated (as Linux does) or with a version."""
    short, long = sorted((plain(one)[:_LONGEST_COMM], plain(other)), key=len)
    if not long.startswith(short):
        return False
    rest = long[len(short) :]
    return len(short) > len("sh") or not rest or not rest[0].isalnum()


def arguments(why: Why) -> list[str]:
    """Return the words after the first one of the command line."""
    return why.process.cmdline.split()[1:]


def script(why: Why) -> str:
    """Return the path of what an interpreter most likely runs, or "" if that is not a file.

    It is the first argument that is not an option, unless an option says that code or a module
    follows.
    """
    if plain(base(_path(why))) not in INTERPRETERS:
        return ""
    for word in arguments(why):
        if _CODE.fullmatch(word):
            return ""
        if not word.startswith("-"):
            return _absolute(word, why.process.cwd)
    return ""


def _absolute(path: str, folder: str) -> str:
    if path.startswith("/") or path[1:3] == ":\\" or not folder:
        return path
    return f"{folder.rstrip('/')}/{path}"


def _path(why: Why) -> str:
    return why.executable.path if why.executable else why.process.path


def _stem(unit: str) -> str:
    return unit.rpartition(".")[0].partition("@")[0]
