"""Reading 10,000 hosts: what portproof adds to the time of ``ansible-inventory`` itself.

The inventory is in YAML: 100 groups of 100 hosts, each group and each host with variables. Run it
with ``python benchmarks/inventory.py [HOSTS]``.
"""

import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from portproof.inventory.ansible import ask, find_program
from portproof.inventory.build import assembled
from portproof.inventory.connection import connection
from portproof.inventory.limit import limited
from portproof.inventory.listing import read_listing
from portproof.model.connection import Connection

_GROUP = 100
_Done = TypeVar("_Done")


def inventory_of(hosts: int) -> str:
    """Write an inventory in YAML."""
    lines = ["all:", "  children:"]
    for number in range(hosts):
        rack, place = divmod(number, _GROUP)
        if place == 0:
            lines += [f"    rack{rack}:", f"      vars: {{ansible_port: {2200 + rack % 7}}}"]
            lines += ["      hosts:"]
        address = f"10.{rack // 256}.{rack % 256}.{place}"
        lines.append(f"        h{rack}-{place}: {{ansible_host: {address}, slot: {number}}}")
    return "\n".join(lines)


def spent(whose: int) -> float:
    """Seconds of processor time that this process or its children have used."""
    usage = resource.getrusage(whose)
    return usage.ru_utime + usage.ru_stime


def timed(what: str, work: Callable[[], _Done]) -> _Done:
    """Print the processor time of some work: our own, and that of the programs it ran."""
    before = spent(resource.RUSAGE_SELF), spent(resource.RUSAGE_CHILDREN)
    done = work()
    own = spent(resource.RUSAGE_SELF) - before[0]
    other = spent(resource.RUSAGE_CHILDREN) - before[1]
    print(f"{what:<34}{own * 1000:8.0f} ms{other * 1000:10.0f} ms")
    return done


def main() -> None:
    """Print the time of every stage."""
    hosts = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    program = find_program()
    if program is None:
        sys.exit("ansible-inventory is missing; pip install ansible-core")
    print(f"{hosts} hosts, processor time{'portproof':>19}{'programs':>12}")
    with tempfile.TemporaryDirectory() as folder:
        source = str(Path(folder) / "hosts.yml")
        Path(source).write_text(inventory_of(hosts), encoding="utf-8")
        bare = [program, "--list", "-i", source]
        timed(
            "ansible-inventory by itself",
            lambda: subprocess.run(bare, check=True, capture_output=True),
        )
        answer = timed("ansible-inventory by portproof", lambda: ask([source]))
    listing = timed("hosts, groups and variables", lambda: read_listing("hosts", answer.output))
    whole = timed("digest", lambda: assembled(listing.hosts, "hosts", members=listing.members))
    timed("--limit 'rack*:!rack0'", lambda: limited(whole, "rack*:!rack0"))
    reached = timed("connections", lambda: [connection(host) for host in whole.hosts])
    if sum(isinstance(each, Connection) for each in reached) != hosts:
        raise RuntimeError("hosts are missing, so the figures mean nothing")
    own, other = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
    for who, whose in (("portproof", own), ("ansible-inventory", other)):
        print(f"memory of {who:<24}{resource.getrusage(whose).ru_maxrss / 1024:8.0f} MiB")


if __name__ == "__main__":
    main()
