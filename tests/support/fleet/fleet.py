"""Builds a fleet of real hosts on one Linux machine: namespaces, each with its own SSH server.

Needs root, iproute2, util-linux, openssh-server and sudo; the fault ``drop`` needs iptables.
"""

import contextlib
import fcntl
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from support.fleet.commands import FORCED, SSHD
from support.fleet.layout import lay_out
from support.fleet.plans import OWN_IPV4, OWN_IPV6, PATH, USERS, Plan
from support.paths import TESTS

SLOTS: Final = 40
READY: Final = 60.0
DISTANT: Final = ("drop", "refuse", "silent", "flaky")
"""Faults whose hosts never show an SSH server's first line."""


class Host:
    """A running host. ``address`` is its IPv4 address, ``address6`` its IPv6 one."""

    def __init__(self, slot: int, number: int, name: str, plan: Plan, folder: Path) -> None:
        self.name = name
        self.plan = plan
        self.space = f"pt{slot}-{number}"
        self.address = f"10.{100 + slot}.{1 + number // 250}.{1 + number % 250}"
        self.address6 = f"fd77:{slot + 1:x}::{1 + number:x}"
        self.folder = folder / "hosts" / name
        self.outer: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The host's first process, by the machine's number."""
        assert self.outer is not None
        children = Path(f"/proc/{self.outer.pid}/task/{self.outer.pid}/children")
        return int(children.read_text(encoding="ascii").split()[0])

    def run(self, *command: str) -> str:
        """Run a command on the host as root, and give what it prints."""
        inside = self._inside(*command)
        return subprocess.run(inside, check=True, capture_output=True, text=True).stdout

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """Start a command on the host as root; whoever does ends it."""
        return subprocess.Popen(self._inside(*command))

    def _inside(self, *command: str) -> list[str]:
        enter = ["nsenter", f"--target={self.pid}", "--net", "--pid", "--mount", "--uts"]
        return [*enter, "--", *command]

    def processes(self) -> list[str]:
        """The command lines of everything that runs on the host."""
        listed = self.run("ps", "-eo", "args", "--no-headers")
        return [line for line in listed.splitlines() if not line.startswith("ps -eo")]

    def files(self) -> str:
        """What is on the host's own file systems, with sizes and times of change."""
        own = ("/run", "/tmp", "/home", "/root", "/var/tmp")  # noqa: S108 - looked at, not used
        return self.run("find", *own, "-xdev", "-printf", "%p %s %T@\n")

    def known(self, key: str, *names: str) -> str:
        """A line of known_hosts with the host's key, under its addresses or other names."""
        public = " ".join((self.folder / key).read_text(encoding="ascii").split()[:2])
        port = self.plan.port
        listed = names or (self.address, self.address6)
        marked = [name if port == 22 else f"[{name}]:{port}" for name in listed]
        return f"{','.join(marked)} {public}\n"


class Fleet:
    """Running hosts by name, and the keys to them."""

    def __init__(self, folder: Path, slot: int, plans: Mapping[str, Plan]) -> None:
        self.folder = folder
        self.slot = slot
        self.bridge = f"ptbr{slot}"
        items = enumerate(plans.items())
        self.hosts = {name: Host(slot, i, name, plan, folder) for i, (name, plan) in items}

    def __getitem__(self, name: str) -> Host:
        return self.hosts[name]

    def key(self, name: str = "client") -> Path:
        """A private key: ``client`` may log in, ``stranger`` may not, ``encrypted`` is locked."""
        return self.folder / "keys" / name

    def known_hosts(self) -> str:
        """What known_hosts must hold for every host to be known."""
        return "".join(host.known("ssh_host_key.pub") for host in self.hosts.values())

    def start(self) -> None:
        """Start every host and wait until it can be reached."""
        _ip(_bridge_commands(self))
        for host in self.hosts.values():
            _ip(_network_commands(host), host.space)
            if host.plan.fault == "drop":
                rule = ["iptables", "-A", "INPUT", "-p", "tcp", "--dport", "22", "-j", "DROP"]
                subprocess.run(["ip", "netns", "exec", host.space, *rule], check=True)
        for host in self.hosts.values():
            _boot(self.folder, host)
        for host in self.hosts.values():
            _wait(host, time.monotonic() + READY)

    def stop(self) -> None:
        """End every host with everything on it, and take the network down."""
        for host in self.hosts.values():
            if host.outer is not None:
                host.outer.kill()
                host.outer.wait()
        clear_away(self.slot)


StartFleet = Callable[[Mapping[str, Plan]], Fleet]


@contextlib.contextmanager
def fleet(folder: Path, plans: Mapping[str, Plan]) -> Iterator[Fleet]:
    """Run a fleet in a new folder; several can run side by side on one machine."""
    with _slot() as slot:
        made = Fleet(folder, slot, plans)
        lay_out(folder, made.hosts.values())
        try:
            made.start()
            yield made
        finally:
            made.stop()


@contextlib.contextmanager
def _slot() -> Iterator[int]:
    """A range of addresses that no other fleet uses; what a killed one left there is removed."""
    for slot in range(SLOTS):
        with Path(f"/run/lock/portproof-fleet-{slot}").open("w", encoding="ascii") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            clear_away(slot)
            yield slot
            return
    raise RuntimeError(f"{SLOTS} fleets run already")


def clear_away(slot: int) -> None:
    """Remove the network of a fleet, and whatever still runs in it."""
    spaces = Path("/run/netns")
    names = [path.name for path in spaces.glob(f"pt{slot}-*")] if spaces.exists() else []
    for name in names:
        pids = subprocess.run(["ip", "netns", "pids", name], capture_output=True, check=False)
        for pid in pids.stdout.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), 9)
    _ip([f"netns del {name}" for name in names])
    # A busy kernel takes a while to tidy up a namespace, and then finds its links gone already.
    links = [path.name for path in Path("/sys/class/net").glob(f"pt{slot}-*")]
    for link in (*links, f"ptbr{slot}"):
        subprocess.run(["ip", "link", "del", link], capture_output=True, check=False)


def _ip(commands: list[str], space: str | None = None) -> None:
    within = ["-n", space] if space else []
    text = "\n".join(commands) + "\n"
    subprocess.run(["ip", *within, "-batch", "-"], input=text, text=True, check=True)


def _bridge_commands(made: Fleet) -> list[str]:
    bridge, slot = made.bridge, made.slot
    commands = [
        f"link add {bridge} type bridge",
        f"addr add 10.{100 + slot}.0.1/16 dev {bridge}",
        f"addr add fd77:{slot + 1:x}::ffff:1/64 dev {bridge} nodad",
        f"link set {bridge} up",
    ]
    for host in made.hosts.values():
        inner = f"type veth peer name eth0 netns {host.space}"
        commands.append(f"netns add {host.space}")
        commands.append(f"link add {host.space} {inner}")
        commands.append(f"link set {host.space} master {bridge} up")
    return commands


def _network_commands(host: Host) -> list[str]:
    return [
        "link set lo up",
        f"addr add {host.address}/16 dev eth0",
        f"addr add {host.address6}/64 dev eth0 nodad",
        "link set eth0 up",
    ]


def _boot(folder: Path, host: Host) -> None:
    plan = host.plan
    uids = {user.name: user.uid for user in USERS} | {"root": 0}
    own = {OWN_IPV4: host.address, OWN_IPV6: host.address6}
    opened = [
        (each.protocol, own.get(each.address, each.address), each.port, each.name, uids[each.user])
        for each in plan.opened
    ]
    silent = [("tcp", "0.0.0.0", 22, "silent", 0)] if plan.fault == "silent" else []
    document = {
        "name": host.name,
        "fleet": str(folder),
        "homes": {user.name: user.uid for user in USERS},
        "opened": [*opened, *silent],
        "serves": plan.fault not in ("refuse", "silent"),
        "flaky": plan.fault == "flaky",
        "hidden": plan.hidden,
        "hide": _pythons() if plan.tools in ("osqueryi-alone", "nothing") else [],
    }
    (host.folder / "boot.json").write_text(json.dumps(document), encoding="utf-8")
    settings = SSHD.format(
        port=plan.port,
        key=f"/srv/hosts/{host.name}/ssh_host_key",
        authorized="none" if plan.fault == "no-login" else "/srv/keys/authorized",
    )
    if plan.certificate:
        settings += f"HostCertificate /srv/hosts/{host.name}/ssh_host_key-cert.pub\n"
    if plan.fault in FORCED:
        settings += f"ForceCommand {FORCED[plan.fault]}\n"
    (host.folder / "sshd_config").write_text(settings, encoding="utf-8")
    namespaces = ["unshare", "--mount", "--pid", "--uts", "--fork", "--mount-proc", "--kill-child"]
    first = [sys.executable, "-m", "support.fleet.boot", str(host.folder / "boot.json")]
    enter = ["nsenter", f"--net=/run/netns/{host.space}", "--", *namespaces, *first]
    env = os.environ | {"PYTHONPATH": str(TESTS)}
    # In a session of its own a signal for the tests, such as Ctrl-C, does not reach the host.
    host.outer = subprocess.Popen(enter, stdin=subprocess.DEVNULL, env=env, start_new_session=True)


def _pythons() -> list[str]:
    """The programs behind every name of Python's on the path of a host."""
    found = (path for folder in PATH.split(":") for path in Path(folder).glob("python3*"))
    return sorted({str(path.resolve()) for path in found if "config" not in path.name})


def _wait(host: Host, deadline: float) -> None:
    while not (host.folder / "ready").exists() or not _shows_server(host):
        if time.monotonic() > deadline:
            log = (host.folder / "log").read_text(encoding="utf-8", errors="replace")
            raise RuntimeError(f"host {host.name} did not start: {log[-2000:]}")
        time.sleep(0.02)


def _shows_server(host: Host) -> bool:
    if host.plan.fault in DISTANT:
        return True
    try:
        with socket.create_connection((host.address, host.plan.port), 2) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False
