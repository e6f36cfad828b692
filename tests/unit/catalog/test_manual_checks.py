"""The commands to check a port by hand keep what listens there, and nothing else."""

import re

import pytest

from portproof.catalog.manual_checks import commands
from portproof.errors import UsageError
from portproof.model.observation import Platform
from support.for_each import for_each

BOTH = ("tcp", "udp")

WINDOWS_NETSTAT = r"""
Aktive Verbindungen

  Proto  Lokale Adresse         Remoteadresse          Status           PID
  TCP    0.0.0.0:609            0.0.0.0:0              ABHÖREN         1234
  TCP    0.0.0.0:1609           0.0.0.0:0              ABHÖREN         1235
  TCP    0.0.0.0:6090           0.0.0.0:0              ABHÖREN         1235
  TCP    10.0.0.5:609           10.0.0.9:2049          HERGESTELLT     1236
  TCP    10.0.0.5:50321         10.0.0.9:609           HERGESTELLT     1237
  TCP    [::]:609               [::]:0                 ABHÖREN         1234
  TCP    [2001:db8::609]:443    [::]:0                 ABHÖREN         1238
  UDP    0.0.0.0:609            *:*                                    1234
  UDP    [fe80::1%12]:609       *:*                                    1234
  UDP    0.0.0.0:1609           *:*                                    1235
"""


def found_by_findstr(command: str) -> list[str]:
    """Select lines as ``findstr /R`` does: each ``/C:`` pattern counts.

    The patterns use only ``*`` and backslash escapes, which mean the same to Python.
    """
    patterns = re.findall(r'/C:"([^"]*)"', command)
    assert patterns
    lines = WINDOWS_NETSTAT.splitlines()
    return [line for line in lines if any(re.search(pattern, line) for pattern in patterns)]


def test_every_platform_has_commands_for_both_protocols() -> None:
    """The whole set for 609, as a reader is shown it."""
    assert commands(609, BOTH) == {
        Platform.LINUX: (
            "sudo ss -tulnp 'sport = :609'",
            "sudo lsof -nP -iTCP:609 -sTCP:LISTEN",
            "sudo lsof -nP -iUDP:609 | grep -v -e '->'",
            "sudo netstat -tulnp | awk '$4 ~ /:609$/'",
        ),
        Platform.MACOS: (
            "sudo lsof -nP -iTCP:609 -sTCP:LISTEN",
            "sudo lsof -nP -iUDP:609 | grep -v -e '->'",
            "netstat -anv -p tcp | awk '$4 ~ /[.]609$/ && $5 == \"*.*\"'",
            "netstat -anv -p udp | awk '$4 ~ /[.]609$/ && $5 == \"*.*\"'",
        ),
        Platform.WINDOWS: (
            r'netstat -ano | findstr /R /C:":609  *0\.0\.0\.0:0 " /C:":609  *\[::\]:0 "',
            "Get-NetTCPConnection -State Listen -LocalPort 609",
            r'netstat -ano | findstr /R /C:":609  *\*:\*"',
            "Get-NetUDPEndpoint -LocalPort 609",
        ),
    }


def test_every_platform_is_served() -> None:
    """A new platform must bring its commands."""
    assert set(commands(609, BOTH)) == set(Platform)


@for_each(("protocol", "other"), [("tcp", "udp"), ("udp", "tcp")])
def test_one_protocol_is_asked_alone(protocol: str, other: str) -> None:
    """Nothing about the other protocol is shown."""
    for shown in commands(22, [protocol]).values():
        assert shown
        assert not any(re.search(other, command, re.IGNORECASE) for command in shown)
    assert commands(22, [protocol])[Platform.LINUX][0] == f"sudo ss -{protocol[0]}lnp 'sport = :22'"


@for_each(
    ("port", "protocols"), [(0, BOTH), (65536, BOTH), (609, ()), (609, ("sctp",)), (609, ("TCP",))]
)
def test_a_question_without_meaning_is_refused(port: int, protocols: tuple[str, ...]) -> None:
    """No commands at all would look like nothing to check."""
    with pytest.raises(UsageError):
        commands(port, protocols)


def test_windows_netstat_needs_no_translated_word() -> None:
    """A German Windows says ABHÖREN; the listeners are found all the same, and only they."""
    tcp, _, udp, _ = commands(609, BOTH)[Platform.WINDOWS]
    assert [line.split()[1] for line in found_by_findstr(tcp)] == ["0.0.0.0:609", "[::]:609"]
    assert [line.split()[1] for line in found_by_findstr(udp)] == [
        "0.0.0.0:609",
        "[fe80::1%12]:609",
    ]
