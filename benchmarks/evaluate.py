"""Judging 100,000 hosts x 30 listeners x 50 rules, from rows already in memory.

The limit is what msgspec needs to parse the same rows as JSON: a peer that does nothing but read.
Rows of 2,000 different hosts are judged again and again, so that memory does not set the figure.
"""

import cProfile
import pstats
import random
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from portproof.judge.host import judge
from portproof.judge.plan import Plan
from portproof.model.hosts import Host
from portproof.model.observation import (
    LISTENING_SOCKETS,
    HostLook,
    Identity,
    Observed,
    Platform,
    Row,
    SourceReply,
    Witness,
)
from portproof.policy.policy import Policy, bind

HOSTS = 100_000
DIFFERENT = 2_000
LISTENERS = 30
RULES = 50
ROUNDS = 3
NAMESPACE = "4026531840"
CANARIES = (
    Witness("tcp", "127.0.0.1", 40001, ours=True),
    Witness("udp", "127.0.0.1", 40002, ours=True),
)
PORTS = (22, 25, 53, 80, 123, 443, 3306, 5432, 6379, 8080, 8443, 9090, 9100, 10250)
ADDRESSES = ("0.0.0.0", "127.0.0.1", "::", "::1", "10.0.0.5")  # noqa: S104 - rows, not sockets


def row(chance: random.Random, index: int) -> Row:
    """One row as osquery gives it."""
    tcp = chance.random() < 0.7  # noqa: PLR2004 - a share
    address = chance.choice(ADDRESSES)
    return {
        "pid": str(chance.randrange(2, 30000)),
        "fd": "3",
        "socket": str(100000 + index),
        "family": "10" if ":" in address else "2",
        "protocol": "6" if tcp else "17",
        "address": address,
        "port": str(chance.choice(PORTS) if tcp else chance.randrange(1024, 65535)),
        "remote_port": "0",
        "state": "LISTEN" if tcp else "",
        "net_namespace": NAMESPACE,
        "name": chance.choice(("nginx", "sshd", "postgres", "python3", "java")),
        "path": "/usr/sbin/daemon",
        "cmdline": "/usr/sbin/daemon --config /etc/daemon.conf",
        "uid": "0",
        "user": "root",
        "start_time": "1700000000",
        "on_disk": "1",
        "parent": "1",
    }


def look(chance: random.Random) -> HostLook:
    """One host's look: 28 listeners and two canaries; one host in a hundred has a finding."""
    rows = [row(chance, index) for index in range(LISTENERS - 2)]
    if chance.random() < 0.01:  # noqa: PLR2004 - a share
        rows.append(row(chance, LISTENERS) | {"port": "609", "protocol": "6", "state": "LISTEN"})
    for canary, number in zip(CANARIES, ("6", "17"), strict=True):
        told = {"address": canary.address, "port": str(canary.port), "family": "2"}
        state = "LISTEN" if number == "6" else ""
        rows.append(row(chance, canary.port) | told | {"protocol": number, "state": state})
    identity = Identity(
        source="osqueryd",
        version="5.23.0",
        platform=Platform.LINUX,
        euid=0,
        host_namespace=NAMESPACE,
    )
    reply = SourceReply(identity, {LISTENING_SOCKETS: Observed(tuple(rows), len(rows))})
    return HostLook(reply=reply, witnesses=CANARIES, taken=datetime.now(UTC), seconds=0.0)


def seconds(work: Callable[[], object]) -> float:
    """Processor seconds of a piece of work."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def main() -> None:
    """Print hosts per second, the ratio to parsing, and where the time goes."""
    chance = random.Random(609)  # noqa: S311 - rows of a benchmark
    looks = [look(chance) for _ in range(DIFFERENT)]
    rules = [{"id": f"r{n}", "closed": 600 + n, "at": "any"} for n in range(RULES - 2)]
    rules += [
        {"id": "open", "open": "22/tcp", "hosts": "db"},
        {"id": "only", "only": ["1-1023", "9100/tcp"], "at": "external", "hosts": "db"},
    ]
    bound = tuple(bind([Policy(policy="bench", title="Bench", rules=rules)]))
    plan = Plan(bound, [True] * (RULES - 2) + [False] * 2)
    texts = [msgspec.json.encode(each.reply.answers[LISTENING_SOCKETS]) for each in looks]
    decoder = msgspec.json.Decoder(Observed)
    host = Host("host")
    times = HOSTS // DIFFERENT

    def judging() -> None:
        for _ in range(times):
            for each in looks:
                judge(plan, host, each, ())

    def parsing() -> None:
        for _ in range(times):
            for text in texts:
                decoder.decode(text)

    pairs = [(seconds(judging), seconds(parsing)) for _ in range(ROUNDS)]
    spent = statistics.median(pair[0] for pair in pairs)
    ratio = statistics.median(pair[0] / pair[1] for pair in pairs)
    print(f"evaluate: {HOSTS} hosts x {LISTENERS} listeners x {RULES} rules in {spent:.1f} s CPU")
    print(f"evaluate: {HOSTS / spent:,.0f} hosts per second; {ratio:.2f} x msgspec's parsing")
    profile = cProfile.Profile()
    profile.runcall(lambda: [judge(plan, host, each, ()) for each in looks])
    pstats.Stats(profile).sort_stats("tottime").print_stats(5)


if __name__ == "__main__":
    main()
