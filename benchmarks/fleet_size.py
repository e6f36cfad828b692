"""Audits of 5,000 and of 10,000 hosts over SSH: the controller's memory and time.

The hosts are names for 40 namespaces on this machine, each with its own SSH server
(``tests/support/fleet``); every other name is dead (refused). An audit is a program of its own, as
a user would run it: it makes its inventory, says so, looks, judges, writes evidence and reports.
Its memory is the largest sum of what it and its processes have to themselves and their parts of
what they share (PSS); what it had when the inventory was made is the inventory's.

Time is CPU of the controller; that on the clock is mostly the hosts', which share this machine.
"""

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import psutil

from portproof.app.prepare import prepare
from portproof.archive.folder import AuditFolder, Evidence, Request
from portproof.content.load import load
from portproof.content.shipped import shipped, shipped_policies
from portproof.inventory.targets import targets_of
from portproof.model.hosts import Host, Inventory
from portproof.model.observation import Look
from portproof.report.contract import Theme, load_format
from portproof.run.audit import run
from portproof.run.hosts import HostAudits, LookSettings
from support.fleet.fleet import Fleet, fleet
from support.fleet.looking import known_hosts
from support.fleet.plans import OWN_IPV4, Opened, Plan
from support.requirements import missing

SIZES = (5_000, 10_000)
POLICIES = [shipped_policies()["retired-ports"]]
SPACES = 40
MEMORY_LIMIT = 400.0
GROWTH_LIMIT = 1.10
TIME_LIMIT = 2.2
REFUSED = {"ansible_host": "127.0.0.1", "ansible_port": 1}
OPENED = (
    Opened("tcp", "::", 443, "nginx", "web"),
    Opened("tcp", "127.0.0.1", 5432, "postgres", "web"),
    Opened("udp", "::", 123, "chronyd"),
    Opened("tcp", OWN_IPV4, 9100, "node_exporter", "web"),
)


class Cost(NamedTuple):
    """Seconds of CPU and on the clock, and megabytes: with the inventory alone, and at most."""

    spent: float
    seconds: float
    inventory: float
    most: float


def audit(count: int, spaces: list[dict[str, Any]], folder: Path) -> None:
    """Be the program: audit so many hosts."""
    hosts = tuple(
        Host(f"host-{n}.example", ("all",), dict(REFUSED if n % 2 else spaces[n % SPACES]))
        for n in range(count)
    )
    job = prepare(load(POLICIES, [shipped("checks")]), Inventory(hosts, "a fleet"))
    print("ready", flush=True)
    sys.stdin.readline()
    with AuditFolder(folder, Request(), None) as kept:

        def record(host: Host, look: Look) -> None:
            kept.record(Evidence(host.name, host.groups, look))

        result = run(job, HostAudits(job, targets_of(hosts), LookSettings([])), record=record)
        theme = Theme((shipped("reports"),))
        written = [load_format(name) for name in ("html", "json")]
        kept.finish(result.run, {each.FILE: each.render(result, theme) for each in written})
    totals = result.totals
    if (totals.hosts_proven, totals.hosts_unproven) != (count // 2, count // 2):
        raise AssertionError(f"half of the hosts must be proven: {totals}")


def processes(started: subprocess.Popen[str]) -> list[psutil.Process]:
    """A running program and its processes."""
    with contextlib.suppress(psutil.Error):
        main = psutil.Process(started.pid)
        return [main, *main.children(recursive=True)]
    return []


def memory(running: list[psutil.Process], spent: dict[int, float]) -> float:
    """What processes have, in MB; ``spent`` is told their CPU seconds so far."""
    total = 0
    for process in running:
        with contextlib.suppress(psutil.Error, OSError):
            total += process.memory_full_info().pss
            spent[process.pid] = sum(process.cpu_times()[:2])
    return total / 1e6


def cost(count: int, spaces: list[dict[str, Any]], folder: Path) -> Cost:
    """Run the program and watch it."""
    command = [sys.executable, __file__, str(count), json.dumps(spaces), str(folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as started:
        if started.stdout is None or started.stdin is None:
            raise AssertionError("no pipes")
        started.stdout.readline()
        spent: dict[int, float] = {}
        inventory = most = memory(processes(started), spent)
        before = sum(spent.values())
        begun = time.perf_counter()
        started.stdin.write("go\n")
        started.stdin.flush()
        while started.poll() is None:
            most = max(most, memory(processes(started), spent))
            time.sleep(0.25)
        seconds = time.perf_counter() - begun
    if started.returncode:
        raise RuntimeError(f"the audit of {count} hosts failed")
    return Cost(sum(spent.values()) - before, seconds, inventory, most)


def compare(made: Fleet, folder: Path) -> None:
    """Print every size, and how it grows."""
    known = known_hosts(made)
    arguments = f"-o UserKnownHostsFile={known} -o IdentitiesOnly=yes -F none"
    spaces = [
        {
            "ansible_host": host.address,
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(made.key()),
            "ansible_ssh_common_args": arguments,
        }
        for host in made.hosts.values()
    ]
    costs = [cost(count, spaces, folder / str(count)) for count in SIZES]
    for count, each in zip(SIZES, costs, strict=True):
        print(
            f"{count} hosts: {each.spent:.0f} s of CPU, {each.seconds:.0f} s on the clock,"
            f" {each.most:.0f} MB at most (limit {MEMORY_LIMIT:.0f} MB),"
            f" {each.inventory:.0f} MB before the first look"
        )
    one, other = costs
    grown = (other.most - (other.inventory - one.inventory)) / one.most
    print(f"memory, but for the larger inventory, grows by {grown:.3f} (limit {GROWTH_LIMIT})")
    print(f"CPU grows by {other.spent / one.spent:.2f} (limit {TIME_LIMIT})")


def main() -> None:
    """Build the fleet and audit it, or be the audit."""
    if len(sys.argv) > 2:  # noqa: PLR2004 - the program's arguments
        audit(int(sys.argv[1]), json.loads(sys.argv[2]), Path(sys.argv[3]))
        return
    if missing(("namespaces", "sshd")):
        print("skipped: it needs root, iproute2 and openssh-server")
        return
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "fleet")
        place.mkdir()
        with fleet(place, {f"space-{n}": Plan(OPENED) for n in range(SPACES)}) as made:
            compare(made, Path(folder))


if __name__ == "__main__":
    main()
