"""What ``ssh -G`` costs: a host where every one is asked, against a look over SSH at a host.

Hosts that no configuration can tell apart share one answer; they are counted too.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from portproof.model.connection import Connection
from portproof.ssh.destination import Destinations
from support.fleet.fleet import fleet
from support.fleet.looking import connection, look_all
from support.fleet.plans import Plan
from support.requirements import missing

HOSTS = 300
LOOKS = 60
ROUNDS = 3
LIMIT = 1.0
CONFIGS = {
    "asked each": "Host h1\n  User me\nHost *\n  SendEnv LANG\n",
    "shared": "Host *\n  SendEnv LANG\n",
}


def seconds_a_host(config: Path) -> float:
    """Return the wall seconds a host in which all are asked about at once."""

    async def ask() -> None:
        destinations = Destinations()
        ways = [
            Connection(kind="ssh", address=f"h{number}", arguments=("-F", str(config)))
            for number in range(HOSTS)
        ]
        await asyncio.gather(*map(destinations.path_to, ways))
        destinations.close()

    begun = time.perf_counter()
    asyncio.run(ask())
    return (time.perf_counter() - begun) / HOSTS


def seconds_a_look(folder: Path) -> float:
    """Return the wall seconds of a look, several at once on a host of namespaces."""
    with fleet(folder, {"plain": Plan()}) as made:
        ways = {str(number): connection(made, "plain") for number in range(LOOKS)}
        begun = time.perf_counter()
        look_all(ways)
        return (time.perf_counter() - begun) / LOOKS


def main() -> int:
    """Print hosts a second, and the ratio to a look."""
    if lacking := missing(["ssh", "namespaces", "sshd"]):
        print("ssh_config: left out;", "; ".join(lacking))
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        look = seconds_a_look(folder)
        ratios = {}
        for told, text in CONFIGS.items():
            file = folder / "config"
            file.write_text(text, encoding="ascii")
            cost = statistics.median(seconds_a_host(file) for _ in range(ROUNDS))
            ratios[told] = cost / look
            print(f"ssh_config: {told}: {1 / cost:.0f} hosts a second, {cost / look:.2f} of a look")
    print(f"ssh_config: {ratios['asked each']:.2f} x a look where each is asked (limit {LIMIT})")
    return int(ratios["asked each"] > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
