"""An audit of a fleet over SSH against Ansible's ``listen_ports_facts`` and ``assert``.

The fleet is 100 namespaces on this machine, each with its own SSH server (``tests/support/fleet``).
Both programs are run as a user runs them, with the same inventory and 50 hosts at a time; Ansible
keeps its defaults. CPU here is that of the program and everything it started, also what it leaves
in the background: Ansible's connections are programs of their own that stay for a minute after it
ends. This benchmark takes them over (``PR_SET_CHILD_SUBREAPER``, prctl(2)) and ends them when the
program has ended. CPU there is that of the hosts' SSH servers and all they started. Memory is the
largest sum of what the processes hold: ``rss`` is what ``ps`` shows, ``pss`` counts once what
several of them share. It is read in a round of its own, because reading it takes time.

Ansible needs the collection community.general: ``pip install ansible``, and ``ansible-playbook`` on
PATH or in ``ANSIBLE_PLAYBOOK``.
"""

import contextlib
import ctypes
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import psutil

from portproof.inventory.ansible import find_program
from support.fleet.fleet import Fleet, fleet
from support.fleet.inventory import write_inventory
from support.fleet.plans import OWN_IPV4, Opened, Plan
from support.requirements import missing

HOSTS = 100
ROUNDS = 3
FORKS = 50
PR_SET_CHILD_SUBREAPER = 36
"""``linux/prctl.h``"""
TIMES = {"here": 15.0, "wall": 8.0, "there": 4.0}
MEMORY = {"rss": 10.0, "pss": 10.0}
OPENED = (
    Opened("tcp", "::", 443, "nginx", "web"),
    Opened("tcp", "127.0.0.1", 5432, "postgres", "web"),
    Opened("udp", "::", 123, "chronyd"),
    Opened("tcp", OWN_IPV4, 9100, "node_exporter", "web"),
)
PLAYBOOK = """\
- hosts: all
  gather_facts: false
  tasks:
    - community.general.listen_ports_facts:
    - ansible.builtin.assert:
        that:
          - 609 not in ansible_facts.tcp_listen | map(attribute='port')
          - 609 not in ansible_facts.udp_listen | map(attribute='port')
        quiet: true
"""
POLICY = "policy: closed\ntitle: Closed\nrules: [{id: npmp, closed: 609}]\n"


class Cost(NamedTuple):
    """What a run took: seconds of CPU here, of time, and of CPU on the hosts; megabytes."""

    here: float
    wall: float
    there: float
    rss: float
    pss: float


def adopt_what_is_left_behind() -> None:
    """Become the parent of what a program leaves in the background, so that it can be measured."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def own_children() -> set[psutil.Process]:
    """The processes that this benchmark started or took over."""
    return set(psutil.Process().children())


def memory(not_its: set[psutil.Process]) -> tuple[int, int]:
    """The sums of RSS and of PSS over a running program and all it started, in bytes."""
    rss = pss = 0
    for process in own_children() - not_its:
        with contextlib.suppress(psutil.Error):
            for part in (process, *process.children(recursive=True)):
                with contextlib.suppress(psutil.Error, OSError):
                    told = part.memory_full_info()
                    rss, pss = rss + told.rss, pss + told.pss
    return rss, pss


def end(processes: set[psutil.Process]) -> None:
    """End processes and wait for them, so that their CPU time is counted with the children's."""
    for process in processes:
        process.terminate()
    for process in processes:
        os.waitpid(process.pid, 0)


def spent_there(made: Fleet) -> float:
    """The CPU seconds of all that runs on the hosts and of everything that ended there."""
    total = 0.0
    for host in made.hosts.values():
        for process in psutil.Process(host.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                total += sum(process.cpu_times()[:4])
        total += sum(psutil.Process(host.pid).cpu_times()[:4])
    return total


def cost(made: Fleet, command: list[str], env: dict[str, str], *, watched: bool = False) -> Cost:
    """Run a program and measure it; its memory only when ``watched``, because that takes time."""
    before, there = resource.getrusage(resource.RUSAGE_CHILDREN), spent_there(made)
    fleet_itself = own_children()
    begun = time.perf_counter()
    seen = [(0, 0)]
    with tempfile.TemporaryFile() as said:
        with subprocess.Popen(command, env=env, stdout=said, stderr=said) as started:
            while watched and started.poll() is None:
                seen.append(memory(fleet_itself))
                time.sleep(0.1)
        wall = time.perf_counter() - begun
        if started.returncode:
            said.seek(0)
            raise RuntimeError(f"{command[0]} failed: {said.read()[-2000:]!r}")
    end(own_children() - fleet_itself)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    here = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    rss, pss = (max(column) / 1e6 for column in zip(*seen, strict=True))
    return Cost(here, wall, spent_there(made) - there, rss, pss)


def compare(made: Fleet, folder: Path, playbook_program: str) -> None:
    """Print both sides and their ratios."""
    inventory = write_inventory(made, folder)
    playbook, policy = folder / "playbook.yml", folder / "policy.yml"
    playbook.write_text(PLAYBOOK, encoding="utf-8")
    policy.write_text(POLICY, encoding="utf-8")
    env = os.environ | {"ANSIBLE_HOME": str(folder), "ANSIBLE_NOCOLOR": "1"}
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # compiled code is kept, as on a user's machine
    common = ["-i", str(inventory), "-f", str(FORKS)]
    ours = [sys.executable, "-m", "portproof", "audit", *common, "-p", str(policy), "--quiet"]
    theirs = [playbook_program, *common, str(playbook)]

    def pair(number: int, *, watched: bool) -> tuple[Cost, Cost]:
        audit = [*ours, "-o", str(folder / f"audit-{number}")]
        return cost(made, audit, env, watched=watched), cost(made, theirs, env, watched=watched)

    rounds = [pair(number, watched=False) for number in range(ROUNDS)]
    report(TIMES, rounds)
    report(MEMORY, [pair(ROUNDS, watched=True)])
    listing = [find_program() or "ansible-inventory", "-i", str(inventory), "--list"]
    print(f"reading the inventory takes {cost(made, listing, env).here:.2f} s of portproof's CPU")


def report(limits: dict[str, float], rounds: list[tuple[Cost, Cost]]) -> None:
    """Print the medians of both sides, and their ratios beside what is wanted."""
    for what, limit in limits.items():
        one, other = (
            statistics.median(getattr(side, what) for side in pair)
            for pair in zip(*rounds, strict=True)
        )
        ratio = f"{other / one:.1f} times less (wanted {limit:g})"
        print(f"{what}: portproof {one:.2f}, ansible {other:.2f}: {ratio}")


def find_playbook() -> str | None:
    """``ansible-playbook`` with the collection that is needed, if it is there."""
    program = os.environ.get("ANSIBLE_PLAYBOOK") or shutil.which("ansible-playbook")
    doc = Path(program).with_name("ansible-doc") if program else None
    if doc is None or not doc.exists():
        return None
    ask = [str(doc), "-t", "module", "-l", "community.general"]
    told = subprocess.run(ask, capture_output=True, text=True, check=False)
    return program if "listen_ports_facts" in told.stdout else None


def main() -> None:
    """Build the fleet and compare."""
    program = find_playbook()
    if program is None or missing(("namespaces", "ss", "sshd")):
        print("skipped: it needs root, iproute2, openssh-server, and pip install ansible")
        return
    adopt_what_is_left_behind()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "fleet")
        place.mkdir()
        with fleet(place, {f"host-{number}": Plan(OPENED) for number in range(HOSTS)}) as made:
            compare(made, Path(folder), program)


if __name__ == "__main__":
    main()
