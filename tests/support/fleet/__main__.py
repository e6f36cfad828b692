"""Runs a fleet for people until Ctrl-C: ``make fleet``, or in ``tests`` ``-m support.fleet 20``.

It prints the command line that audits it. Ports 609 are open here and there, some hosts are faulty.
"""

import signal
import sys
import tempfile
from pathlib import Path

from support.fleet.drawing import drawn
from support.fleet.fleet import fleet
from support.fleet.inventory import write_inventory
from support.fleet.plans import Fault, Plan

FAULTS: tuple[Fault, ...] = ("drop", "hang", "half", "stranger", "no-login")
EVERY = 10
"""Every so many hosts one is faulty."""


def plan(number: int) -> Plan:
    """What a host is."""
    if number % EVERY == EVERY - 1:
        return Plan(fault=FAULTS[number // EVERY % len(FAULTS)])
    return drawn(number)


def main() -> None:
    """Build the fleet and wait."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "fleet")
        place.mkdir()
        with fleet(place, {f"host-{number}": plan(number) for number in range(count)}) as made:
            file = write_inventory(made, Path(folder))
            sys.stdout.write(f"{count} hosts are up; audit them with\n")
            sys.stdout.write(f"  portproof audit -i {file} --timeout 5\nCtrl-C ends them\n")
            sys.stdout.flush()
            signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    main()
