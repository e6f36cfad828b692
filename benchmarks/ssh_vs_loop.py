"""An audit of a fleet over SSH against a bare asyncssh loop that runs ``ss -tulpn``: CPU here.

The fleet is 100 namespaces on this machine, each with its own SSH server (``tests/support/fleet``).
Both sides reach the same hosts, 20 at a time, with the same key; ours also finds out what to look
with, answers the shipped question and judges a shipped policy. CPU is that of this process, after
all imports; rounds alternate, and medians are compared.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import asyncssh

from portproof.app.prepare import prepare
from portproof.content.load import load
from portproof.content.shipped import shipped, shipped_policies
from portproof.judge.job import Job
from portproof.model.hosts import Host, Inventory, Target
from portproof.run.audit import run
from portproof.run.hosts import HostAudits, LookSettings
from support.fleet.fleet import Fleet, fleet
from support.fleet.looking import connection
from support.fleet.plans import OWN_IPV4, Opened, Plan
from support.requirements import missing

POLICIES = [shipped_policies()["retired-ports"]]
HOSTS = 100
ROUNDS = 3
FORKS = 20
LIMIT = 1.5
OPENED = (
    Opened("tcp", "::", 443, "nginx", "web"),
    Opened("tcp", "127.0.0.1", 5432, "postgres", "web"),
    Opened("udp", "::", 123, "chronyd"),
    Opened("tcp", OWN_IPV4, 9100, "node_exporter", "web"),
)


def ours(made: Fleet, job: Job) -> None:
    """Audit the fleet."""
    targets = [Target(host, connection(made, host.name)) for host in job.inventory.hosts]
    result = run(job, HostAudits(job, targets, LookSettings([], FORKS)))
    if result.unproven() or len(result.hosts) != HOSTS:
        raise AssertionError(f"not everything was proven: {result.totals}")


def theirs(made: Fleet) -> None:
    """Run ``ss`` on the fleet, and read what it prints."""
    options = asyncssh.SSHClientConnectionOptions(
        config=None,
        username="root",
        client_keys=[asyncssh.read_private_key(made.key())],
        known_hosts=asyncssh.import_known_hosts(made.known_hosts()),
    )

    async def everything() -> None:
        room = asyncio.Semaphore(FORKS)

        async def one(address: str) -> int:
            async with room, asyncssh.connect(address, config=None, options=options) as opened:
                done = await opened.run("ss -tulpn")
                return len(str(done.stdout).splitlines())

        lines = await asyncio.gather(*(one(host.address) for host in made.hosts.values()))
        if min(lines) < len(OPENED):
            raise AssertionError("ss printed too little")

    asyncio.run(everything())


def measured(work: Callable[[], None]) -> tuple[float, float]:
    """CPU and wall seconds of some work."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


def compare(made: Fleet) -> None:
    """Print both sides and their ratio."""
    hosts = tuple(Host(name) for name in made.hosts)
    job = prepare(load(POLICIES, [shipped("checks")]), Inventory(hosts, "the fleet"))
    sides: dict[str, Callable[[], None]] = {
        "portproof": lambda: ours(made, job),
        "asyncssh": lambda: theirs(made),
    }
    for work in sides.values():
        work()
    times = {side: [measured(work) for _ in range(ROUNDS)] for side, work in sides.items()}
    cpu = {side: statistics.median(each[0] for each in found) for side, found in times.items()}
    wall = {side: statistics.median(each[1] for each in found) for side, found in times.items()}
    for side in sides:
        each = cpu[side] / HOSTS * 1000
        print(f"{side}: {each:.1f} ms of CPU a host here, {wall[side]:.1f} s for {HOSTS} hosts")
    print(f"ratio of CPU: {cpu['portproof'] / cpu['asyncssh']:.2f} (limit {LIMIT})")


def main() -> None:
    """Build the fleet and compare."""
    if missing(("namespaces", "ss", "sshd")):
        print("skipped: it needs root, iproute2 and openssh-server")
        return
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "fleet")
        place.mkdir()
        with fleet(place, {f"host-{number}": Plan(OPENED) for number in range(HOSTS)}) as made:
            compare(made)


if __name__ == "__main__":
    main()
