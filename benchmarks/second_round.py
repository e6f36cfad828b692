"""What the second round costs on hosts without failures: nothing is asked there, only judged.

The same audit of prepared looks, once asking which listeners fail while the looks are taken, as
hosts reached over SSH are asked, and once not. CPU of judging alone; rounds alternate, and the
least of each side is compared. A look over SSH takes some 10 ms of CPU, hundreds of times as much.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial

from portproof.app.prepare import prepare
from portproof.content.load import load
from portproof.content.shipped import shipped, shipped_policies
from portproof.judge.job import Job, Judging
from portproof.model.hosts import Host, Inventory
from portproof.model.listeners import Listener
from portproof.model.observation import (
    LISTENING_SOCKETS,
    HostLook,
    Identity,
    Observed,
    Platform,
    SourceReply,
    Witness,
)
from portproof.run.audit import judged, run
from portproof.run.host_audit import HostAudit, LocalAuditor

POLICIES = [shipped_policies()["retired-ports"]]
HOSTS = 2000
ROUNDS = 9
LIMIT = 1.05
PORTS = (22, 80, 443, 5432, 9100, 40001)
IDENTITY = Identity(
    source="probe", version="1", platform=Platform.LINUX, euid=0, host_namespace="1"
)
COMMON = {"fd": "3", "family": "2", "remote_port": "0", "net_namespace": "1", "name": "nginx"}


def look() -> HostLook:
    """A look at a host with a few listeners, none of which is forbidden."""
    rows = tuple(
        {
            **COMMON,
            "pid": str(port),
            "socket": str(port),
            "protocol": protocol,
            "address": "192.0.2.1" if port != PORTS[-1] else "127.0.0.1",
            "port": str(port),
            "state": "LISTEN" if protocol == "6" else "",
        }
        for port in PORTS
        for protocol in ("6", "17")
    )
    canaries = tuple(Witness(p, "127.0.0.1", PORTS[-1], ours=True) for p in ("tcp", "udp"))
    reply = SourceReply(IDENTITY, {LISTENING_SOCKETS: Observed(rows, len(rows))})
    return HostLook(reply=reply, witnesses=canaries, taken=datetime.now(UTC), seconds=0.1)


def asked(job: Job, looks: Iterable[tuple[Host, HostLook]]) -> Iterator[HostAudit]:
    """Audit every look as if it were this machine's, which asks about listeners that fail."""
    judging = Judging(job)
    for host, found in looks:
        auditor = LocalAuditor(judging.judge, partial(_itself, found), nobody)
        yield auditor.audit(host, judging.applying(host.name))


def _itself(found: HostLook) -> HostLook:
    return found


def nobody(found: HostLook, listeners: Sequence[Listener]) -> HostLook:
    """Insist that nothing fails."""
    raise AssertionError(f"{len(listeners)} listeners fail in the look of {found.taken}")


def spent(job: Job, audits: Iterable[HostAudit]) -> float:
    """CPU seconds of an audit."""
    begun = time.process_time()
    result = run(job, audits)
    if result.exit_code:
        raise AssertionError(f"not everything was proven: {result.totals}")
    return time.process_time() - begun


def main() -> None:
    """Print both sides and their ratio."""
    hosts = tuple(Host(f"host-{number}") for number in range(HOSTS))
    job = prepare(load(POLICIES, [shipped("checks")]), Inventory(hosts, "a fleet"))
    looks = [(host, look()) for host in hosts]
    with_question, without = [], []
    for _ in range(ROUNDS):
        without.append(spent(job, judged(job, looks)))
        with_question.append(spent(job, asked(job, looks)))
    each = [min(side) / HOSTS * 1e6 for side in (with_question, without)]
    print(f"judging a host: {each[0]:.0f} us of CPU asked, {each[1]:.0f} us unasked")
    print(f"ratio of CPU: {each[0] / each[1]:.3f} (limit {LIMIT})")


if __name__ == "__main__":
    main()
