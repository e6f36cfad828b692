"""Reading and comparing folders: 100,000 hosts x 50 rules, and a million findings.

The limit for reading is four times what msgspec needs to parse the same file as plain JSON, a peer
that makes no verdicts of it.
"""

import gc
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from portproof.archive import json as json_renderer
from portproof.archive.folder import AuditFolder, Request
from portproof.archive.results import read_result
from portproof.diff.changes import changes
from portproof.model.addresses import Exposure, Stack
from portproof.model.listeners import Listener, Owner, Place
from portproof.model.observation import Reason
from portproof.model.ports import Protocol
from portproof.model.verdicts import PASSED, Judgement, failed, unproven
from portproof.policy.policy import Policy, bind
from portproof.policy.rules.base import found
from portproof.report.contract import Theme
from portproof.result.result import AuditResult, Digest, HostResult, LookSummary, Run

RULES = 50
LIMIT = 4.0
NOW = datetime(2026, 1, 1, 2, tzinfo=UTC)
DARK = unproven(Reason.UNREACHABLE, "connecting took longer than 10 seconds")
SEEN = LookSummary(NOW, 0.4, "osqueryd", "5.23.0", "linux", "root", "2 canaries seen: tcp, udp")
T = TypeVar("T")


def judgement(port: int, host: int, chance: random.Random, share: float) -> Judgement:
    """A pass, or a failure for a share of the verdicts."""
    if chance.random() >= share:
        return PASSED
    owner = Owner(pid=host, name="netinfod", path="/usr/sbin/netinfod", uid=0, user="root")
    wild = (Stack.IPV4, Exposure.WILDCARD, Place.HOST)
    return failed(found(Listener(Protocol.TCP, "0.0.0.0", port, *wild, "1", (owner,))))  # noqa: S104 - a row, not a socket


def result(hosts: int, share: float) -> AuditResult:
    """An audit of so many hosts, one in fifty dark; a share of the others' verdicts fails."""
    chance = random.Random(609)  # noqa: S311 - figures, not secrets
    rules = [{"id": f"port-{port}", "closed": port} for port in range(600, 600 + RULES)]
    policy = Policy.model_validate({"policy": "many", "title": "Many", "rules": rules})
    run = Run(
        version="1",
        started=NOW,
        finished=NOW,
        controller="benchmark",
        inventory=Digest("hosts", ""),
        policies=(),
        checks=(),
    )
    rows = (
        tuple(judgement(600 + rule, at, chance, share) for rule in range(RULES))
        if at % 50
        else (DARK,) * RULES
        for at in range(hosts)
    )
    named = (
        HostResult(f"host-{at}.example.net", ("web",), row, SEEN) for at, row in enumerate(rows)
    )
    return AuditResult(run, bind([policy]), named)


def timed(what: str, action: Callable[[], T]) -> tuple[float, T]:
    """Do it, and print how many seconds it took."""
    start = time.perf_counter()
    value = action()
    seconds = time.perf_counter() - start
    print(f"{what:>30}: {seconds:6.2f} s")
    return seconds, value


def measured(name: str, made: AuditResult) -> bool:
    """Print the figures of one size; whether reading keeps to the limit."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "out")
        with AuditFolder(folder, Request()) as written:
            written.finish(made.run, {"audit.json": json_renderer.render(made, Theme(()))})
        del made
        file = folder / "audit.json"
        print(f"{name}: {file.stat().st_size / 1e6:.0f} MB")
        gc.disable()
        plain = timed("msgspec, as plain JSON", lambda: len(msgspec.json.decode(file.read_bytes())))
        gc.enable()
        read, again = timed("read_result", lambda: read_result(folder))
        timed("compared with itself", lambda: changes(again, again))
        print(
            f"{'largest so far':>30}: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MB"
        )
    return read <= LIMIT * max(plain[0], 1.0)


def main() -> int:
    """Exit code 1 when a limit is not kept."""
    fleet = measured("100,000 hosts x 50 rules", result(100_000, 0.0002))
    findings = measured("20,000 hosts, a million findings", result(20_400, 1.0))
    return 0 if fleet and findings else 1


if __name__ == "__main__":
    sys.exit(main())
