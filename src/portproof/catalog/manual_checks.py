"""Commands to check a port by hand, for readers who want to confirm a verdict themselves.

Each filter keeps sockets that listen on the *local* port and drops those that only talk to a
*remote* port of that number. No filter matches a word that Windows translates. Programs that show
only the caller's own processes are run with ``sudo``: without it they can print nothing for a port
that is open.
"""

from collections.abc import Callable, Iterable
from typing import Final

from portproof.errors import UsageError
from portproof.model.limits import LAST_PORT
from portproof.model.observation import Platform

_PROTOCOLS: Final = ("tcp", "udp")


def commands(port: int, protocols: Iterable[str]) -> dict[Platform, tuple[str, ...]]:
    """Return the commands that show what listens on ``port``, for each platform.

    Linux and macOS commands are for a POSIX shell; of the Windows ones, ``netstat`` works in both
    shells and ``Get-Net...`` in PowerShell. All of them look at the network namespace they run in.

    Raises:
        UsageError: ``port`` is not 1 to 65535, or ``protocols`` is empty or is not of tcp and udp.
    """
    wanted = set(protocols)
    if not wanted or not wanted <= set(_PROTOCOLS):
        raise UsageError(f"protocols must be of {' and '.join(_PROTOCOLS)}, not {sorted(wanted)}")
    if not 1 <= port <= LAST_PORT:
        raise UsageError(f"{port} is not a port: ports are 1 to {LAST_PORT}")
    ordered = tuple(protocol for protocol in _PROTOCOLS if protocol in wanted)
    return {platform: make(port, ordered) for platform, make in _MAKERS.items()}


def _linux(port: int, protocols: tuple[str, ...]) -> tuple[str, ...]:
    """Follow ss(8), lsof(8), and netstat(8) of net-tools, whose column 4 is the local address."""
    letters = "".join(protocol[0] for protocol in protocols)
    return (
        f"sudo ss -{letters}lnp 'sport = :{port}'",
        *(_lsof(port, protocol) for protocol in protocols),
        f"sudo netstat -{letters}lnp | awk '$4 ~ /:{port}$/'",
    )


def _macos(port: int, protocols: tuple[str, ...]) -> tuple[str, ...]:
    """Follow lsof(8) and netstat(1) of macOS, which separates address and port by a dot."""
    return (
        *(_lsof(port, protocol) for protocol in protocols),
        *(_macos_netstat(port, protocol) for protocol in protocols),
    )


def _lsof(port: int, protocol: str) -> str:
    """Use ``-i``, which matches either end; a connected UDP socket shows both, with an arrow."""
    if protocol == "tcp":
        return f"sudo lsof -nP -iTCP:{port} -sTCP:LISTEN"
    return f"sudo lsof -nP -iUDP:{port} | grep -v -e '->'"


def _macos_netstat(port: int, protocol: str) -> str:
    """Match sockets without a peer: their foreign address, column 5, is ``*.*``."""
    return f"netstat -anv -p {protocol} | awk '$4 ~ /[.]{port}$/ && $5 == \"*.*\"'"


def _windows(port: int, protocols: tuple[str, ...]) -> tuple[str, ...]:
    """Follow netstat, findstr, Get-NetTCPConnection and Get-NetUDPEndpoint of Windows."""
    return tuple(command for protocol in protocols for command in _WINDOWS[protocol](port))


def _windows_tcp(port: int) -> tuple[str, ...]:
    """Match a listener by its foreign address, all zeros; its state is a translated word."""
    return (
        rf'netstat -ano | findstr /R /C:":{port}  *0\.0\.0\.0:0 " /C:":{port}  *\[::\]:0 "',
        f"Get-NetTCPConnection -State Listen -LocalPort {port}",
    )


def _windows_udp(port: int) -> tuple[str, ...]:
    return (
        rf'netstat -ano | findstr /R /C:":{port}  *\*:\*"',
        f"Get-NetUDPEndpoint -LocalPort {port}",
    )


_WINDOWS: Final[dict[str, Callable[[int], tuple[str, ...]]]] = {
    "tcp": _windows_tcp,
    "udp": _windows_udp,
}
_MAKERS: Final[dict[Platform, Callable[[int, tuple[str, ...]], tuple[str, ...]]]] = {
    Platform.LINUX: _linux,
    Platform.MACOS: _macos,
    Platform.WINDOWS: _windows,
}
