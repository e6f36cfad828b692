"""The files of a fleet: keys, the users' part of /etc, and the programs that hosts have."""

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from support.fleet.plans import PASSWORD, PATH, USERS

if TYPE_CHECKING:
    from support.fleet.fleet import Host

_HERE: Final = Path(__file__).parent
_STANDINS: Final = _HERE.parent / "standins"


def lay_out(folder: Path, hosts: Iterable["Host"]) -> None:
    """Write everything hosts find below /srv, and over their /etc and /usr/local/bin."""
    folder.chmod(0o755)
    keys = folder / "keys"
    keys.mkdir()
    for name in ("client", "stranger", "authority"):
        _make_key(keys / name)
    _make_key(keys / "encrypted", passphrase="locked away")  # noqa: S106 - of the tests alone
    shutil.copy(keys / "client.pub", keys / "authorized")
    _write_etc(folder / "etc")
    shutil.copytree(_STANDINS, folder / "standins")
    shutil.copy(_HERE / "live_osqueryi.py", folder / "standins")
    for host in hosts:
        _write_host(keys, host)


def certify(authority: Path, key: Path, *options: str) -> None:
    """Sign a public key; the certificate stands beside it."""
    sign = ["ssh-keygen", "-q", "-s", str(authority), "-I", "fleet", *options, f"{key}.pub"]
    subprocess.run(sign, check=True)


def _make_key(path: Path, passphrase: str = "") -> None:
    make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", path.name]
    subprocess.run([*make, "-f", str(path)], check=True)


def _write_host(keys: Path, host: "Host") -> None:
    programs = host.folder / "bin"
    programs.mkdir(parents=True)
    if host.plan.tools.startswith("osqueryi"):
        _install_osqueryi(programs)
    _make_key(host.folder / "ssh_host_key")
    if host.plan.fault == "stranger":  # the key that is known is not the one it shows
        shutil.copy(keys / "stranger", host.folder / "ssh_host_key")
    if host.plan.certificate:
        names = f"{host.address},{host.address6},{host.name}"
        certify(keys / "authority", host.folder / "ssh_host_key", "-h", "-n", names)


def _install_osqueryi(programs: Path) -> None:
    """A stand-in that brings its own interpreter, as the real one needs none of the host's."""
    python = shutil.which("python3", path=PATH)
    assert python is not None, "the stand-in for osqueryi needs a python3 of the system"
    shutil.copy(Path(python).resolve(), programs / "snake")
    program = programs / "osqueryi"
    run = 'exec /usr/local/bin/snake /srv/standins/live_osqueryi.py "$@"'
    program.write_text(f"#!/bin/sh\n{run}\n", encoding="utf-8")
    program.chmod(0o755)


def _write_etc(etc: Path) -> None:
    etc.mkdir()
    hashed = _hashed(PASSWORD)
    for name, line in {
        "passwd": "{0.name}:x:{0.uid}:{0.uid}::/home/{0.name}:{0.login}\n",
        "group": "{0.name}:x:{0.uid}:\n",
        "shadow": "{0.name}:{1}:19000:0:99999:7:::\n",
    }.items():
        text = Path("/etc", name).read_text(encoding="utf-8")
        text += "".join(line.format(user, hashed) for user in USERS)
        (etc / name).write_text(text, encoding="utf-8")
        (etc / name).chmod(0o640 if name == "shadow" else 0o644)
    rules = ["Defaults env_reset", "Defaults !fqdn", "root ALL=(ALL:ALL) ALL"]
    rules += [f"{user.name} ALL=(ALL:ALL) {_tag(user.sudo)}ALL" for user in USERS if user.sudo]
    (etc / "sudoers").write_text("\n".join(rules) + "\n", encoding="utf-8")
    (etc / "sudoers").chmod(0o440)
    permits = [f"permit {_option(user.sudo)}{user.name}" for user in USERS if user.sudo]
    (etc / "doas.conf").write_text("\n".join(permits) + "\n", encoding="utf-8")
    os.chmod(etc / "doas.conf", 0o400)  # noqa: PTH101 - one way for all three


def _tag(sudo: str) -> str:
    return "NOPASSWD: " if sudo == "free" else ""


def _option(sudo: str) -> str:
    return "nopass " if sudo == "free" else ""


def _hashed(password: str) -> str:
    """The password as /etc/shadow holds it; Perl is there on every Debian."""
    crypt = ["perl", "-e", "print crypt($ARGV[0], q($6$fleetsalt$))", password]
    return subprocess.run(crypt, check=True, capture_output=True, text=True).stdout
