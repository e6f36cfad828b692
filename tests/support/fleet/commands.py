"""What a faulty host does in place of what it is asked, as the SSH server's ``ForceCommand``."""

from typing import Final

_ASKED: Final = 'sh -c "$SSH_ORIGINAL_COMMAND"'
_HALF: Final = f"{_ASKED} | dd bs=1 count=1500 status=none"

_INSIDE: Final = "sh -c 'ip link set lo up; eval \"$SSH_ORIGINAL_COMMAND\"'"

_SERVED: Final = (
    "sh -c 'ip link set lo up; /usr/sbin/sshd -f /srv/hosts/$(hostname)/sshd_config;"
    " until ss -Hltn sport = 22 | grep -q .; do sleep 0.01; done;"
    ' eval "$SSH_ORIGINAL_COMMAND"\''
)
"""What it is asked, beside an SSH server of its own that listens on every address."""

_SERVED_IN: Final = f"unshare --net --pid --fork --mount-proc {_SERVED}"

_ONCE: Final = f"if mkdir /run/asked; then {_ASKED}; else {{}}; fi"
"""What it is asked first, and something else the second time."""

FORCED: Final = {
    "again-hang": _ONCE.format("sleep 3600"),
    "again-cut": _ONCE.format("ss -K sport = 22"),
    "again-garbage": _ONCE.format("head -c 100000 /dev/urandom"),
    "again-half": _ONCE.format(f"{_ASKED} | dd bs=1 count=400 status=none"),
    "hang": "sleep 3600",
    "slow": f"sleep 1; {_ASKED}",
    "half": _HALF,
    "deaf": f"{_HALF}; sleep 3600",
    "reset": f"{_HALF}; sleep 0.2; ss -K sport = 22",
    "garbage": "head -c 100000 /dev/urandom",
    "endless": "cat /dev/zero",
    "nameless": f"env -u SSH_CONNECTION {_ASKED}",
    "capless": f"setpriv --bounding-set -sys_ptrace {_ASKED}",
    "mapped": f"unshare --user --map-root-user {_ASKED}",
    "moved": f"unshare --net {_INSIDE}",
    "contained": f"unshare --net --pid --fork --mount-proc {_INSIDE}",
    "served": _SERVED_IN,
    "shares-network": f"unshare --pid --fork --mount-proc {_ASKED}",
    "served-nameless": f"env -u SSH_CONNECTION {_SERVED_IN}",
    "hidden-in": f"env -u SSH_CONNECTION unshare --net --pid --fork --mount-proc {_INSIDE}",
}
"""By fault. The others are made of the network, the keys or another server."""

SSHD: Final = """\
Port {port}
ListenAddress 0.0.0.0
ListenAddress ::
HostKey {key}
AuthorizedKeysFile {authorized}
TrustedUserCAKeys /srv/keys/authority.pub
PermitRootLogin prohibit-password
PasswordAuthentication yes
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
StrictModes no
PrintMotd no
PrintLastLog no
MaxStartups 1000
MaxSessions 1
LogLevel VERBOSE
PidFile none
"""
"""The server's configuration: everything of the fleet is below /srv on a host."""
