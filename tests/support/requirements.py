"""Parts of the machine that some tests need, and how to get them."""

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from portproof.inventory.ansible import find_program


def _program(name: str) -> Callable[[], bool]:
    """Return a check that a program is on PATH."""
    return lambda: shutil.which(name) is not None


def _works(*command: str) -> bool:
    """Return whether a command can be run and succeeds."""
    try:
        done = subprocess.run(command, check=False, capture_output=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _can_make_namespaces() -> bool:
    """Make one namespace of each kind that tests use; a container may not be allowed to."""
    name = f"portproof-try-{os.getpid()}"
    kinds = ("--net", "--pid", "--mount", "--uts", "--fork", "--mount-proc")
    if not (_is_root() and _works("unshare", *kinds, "ip", "link", "set", "lo", "up")):
        return False
    try:
        return _works("ip", "netns", "add", name)
    finally:
        _works("ip", "netns", "delete", name)


def _has_packaged_python() -> bool:
    return shutil.which("dpkg-query") is not None and Path("/usr/bin/python3").exists()


def _others_run_python() -> bool:
    """Return whether a user without rights can run this Python; one in /root often cannot be."""
    drop = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    return _works(*drop, sys.executable, "-c", "import pydantic")


_PARTS: dict[str, tuple[Callable[[], bool], str]] = {
    "root": (_is_root, "run the tests as root"),
    "namespaces": (
        _can_make_namespaces,
        (
            "run the tests as root on Linux where network namespaces can be made, which many "
            "containers and chroots forbid; apt-get install iproute2 util-linux"
        ),
    ),
    "sshd": (Path("/usr/sbin/sshd").exists, "apt-get install openssh-server"),
    "ssh": (_program("ssh"), "apt-get install openssh-client"),
    "ssh-keygen": (_program("ssh-keygen"), "apt-get install openssh-client"),
    "openssl": (_program("openssl"), "apt-get install openssl"),
    "dhclient": (_program("dhclient"), "apt-get install isc-dhcp-client"),
    "sudo": (_program("sudo"), "apt-get install sudo"),
    "doas": (_program("doas"), "apt-get install opendoas"),
    "iptables": (_program("iptables"), "apt-get install iptables"),
    "fish": (_program("fish"), "apt-get install fish"),
    "tcsh": (_program("tcsh"), "apt-get install tcsh"),
    "zsh": (_program("zsh"), "apt-get install zsh"),
    "busybox": (_program("busybox"), "apt-get install busybox"),
    "ss": (_program("ss"), "apt-get install iproute2"),
    "chromium": (_program("chromium"), "apt-get install chromium"),
    "prove": (_program("prove"), "apt-get install perl"),
    "npm": (_program("npm"), "apt-get install npm"),
    "ansible-inventory": (lambda: find_program() is not None, "pip install ansible-core"),
    "setsid": (_program("setsid"), "apt-get install util-linux"),
    "packaged python": (_has_packaged_python, "on Debian or Ubuntu: apt-get install python3"),
    "python for every user": (_others_run_python, "use a Python that other users may run"),
    "dpkg-query": (_program("dpkg-query"), "run the tests on Debian or Ubuntu"),
    "java": (_program("java"), "apt-get install default-jre-headless"),
}


@functools.cache
def _is_there(part: str) -> bool:
    return _PARTS[part][0]()


def missing(parts: Iterable[str]) -> list[str]:
    """Return each part the machine does not have, with how to get it; each is tried once."""
    return [f"{part}: {_PARTS[part][1]}" for part in parts if not _is_there(part)]
