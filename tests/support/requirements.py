"""What some tests need from the machine, and how to get it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from portproof.inventory.ansible import find_program


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _has_packaged_python() -> bool:
    return shutil.which("dpkg-query") is not None and Path("/usr/bin/python3").exists()


def _others_run_python() -> bool:
    """Whether a user without rights can run this Python; one below /root often cannot be."""
    drop = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    done = subprocess.run(
        [*drop, sys.executable, "-c", "import pydantic"], check=False, capture_output=True
    )
    return done.returncode == 0


_PARTS: dict[str, tuple[Callable[[], bool], str]] = {
    "root": (_is_root, "run the tests as root"),
    "ip": (lambda: shutil.which("ip") is not None, "apt-get install iproute2"),
    "sshd": (lambda: Path("/usr/sbin/sshd").exists(), "apt-get install openssh-server"),
    "ssh-keygen": (
        lambda: shutil.which("ssh-keygen") is not None,
        "apt-get install openssh-client",
    ),
    "openssl": (lambda: shutil.which("openssl") is not None, "apt-get install openssl"),
    "dhclient": (lambda: shutil.which("dhclient") is not None, "apt-get install isc-dhcp-client"),
    "sudo": (lambda: shutil.which("sudo") is not None, "apt-get install sudo"),
    "doas": (lambda: shutil.which("doas") is not None, "apt-get install opendoas"),
    "iptables": (lambda: shutil.which("iptables") is not None, "apt-get install iptables"),
    "fish": (lambda: shutil.which("fish") is not None, "apt-get install fish"),
    "tcsh": (lambda: shutil.which("tcsh") is not None, "apt-get install tcsh"),
    "zsh": (lambda: shutil.which("zsh") is not None, "apt-get install zsh"),
    "busybox": (lambda: shutil.which("busybox") is not None, "apt-get install busybox"),
    "ss": (lambda: shutil.which("ss") is not None, "apt-get install iproute2"),
    "chromium": (lambda: shutil.which("chromium") is not None, "apt-get install chromium"),
    "prove": (lambda: shutil.which("prove") is not None, "apt-get install perl"),
    "npm": (lambda: shutil.which("npm") is not None, "apt-get install npm"),
    "ansible-inventory": (lambda: find_program() is not None, "pip install ansible-core"),
    "setsid": (lambda: shutil.which("setsid") is not None, "apt-get install util-linux"),
    "packaged python": (_has_packaged_python, "on Debian or Ubuntu: apt-get install python3"),
    "python for every user": (_others_run_python, "use a Python that other users may run"),
    "dpkg-query": (lambda: shutil.which("dpkg-query") is not None, "run on Debian or Ubuntu"),
    "java": (lambda: shutil.which("java") is not None, "apt-get install default-jre-headless"),
}


def needs(*parts: str) -> Callable[[Any], Any]:
    """Mark a test as needing parts of the machine; a missing one skips, or fails under ``CI``."""
    found = marks(*parts)
    return found[0] if found else lambda test: test


def marks(*parts: str) -> list[pytest.MarkDecorator]:
    """What ``needs`` marks a test with, for a module's ``pytestmark``."""
    missing = [f"{part}: {_PARTS[part][1]}" for part in parts if not _PARTS[part][0]()]
    if not missing:
        return []
    if os.environ.get("CI") == "true":
        return [pytest.mark.usefixtures("_part_is_missing")]
    return [pytest.mark.skip(reason="missing " + "; ".join(missing))]


def missing_under_ci() -> str:
    """Say which parts are missing, for the fixture that fails such tests under ``CI``."""
    return "; ".join(f"{part}: {how}" for part, (there, how) in _PARTS.items() if not there())
