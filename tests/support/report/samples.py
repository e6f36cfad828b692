"""Larger results to render: one with an earlier audit and waivers, and fleets of any size."""

import hashlib
import random
from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from portproof.model.base import Severity
from portproof.model.listeners import Owner
from portproof.model.observation import Reason
from portproof.model.ports import Protocol
from portproof.model.verdicts import (
    PASSED,
    Finding,
    Judgement,
    Verdict,
    Waived,
    failed,
    unproven,
)
from portproof.model.why import (
    Classification,
    Executable,
    OnDisk,
    Package,
    ParentProcess,
    PortCategory,
    Process,
    Unit,
    Why,
)
from portproof.policy.policy import BoundRule, Policy, bind
from portproof.policy.rules.base import found
from portproof.result.changes import Change, ChangeKind, Changes, EarlierAudit
from portproof.result.result import AuditResult, HostResult
from support.report.results import listener, mixed, run, seen
from support.times import at

_TOWNS: Final = ("ams", "fra", "iad", "nrt", "syd")
_ROLES: Final = ("web", "db", "cache", "queue", "storage", "build")
_PROGRAMS: Final = ("rpc.statd", "python3", "java", "node", "nc", "xinetd", "minio", "redis-server")

_LAPSED: Final = Waived(
    owner="platform@example.com",
    reason="The old deployment tool still answers there until it is replaced.",
    until="2026-11-16",
    days_left=-7,
    name="1 for web-servers/only-web in policies/waivers.yml:12",
    ticket="OPS-1180",
)
_HOLDS: Final = Waived(
    owner="storage@example.com",
    reason="rpc.mountd is pinned to this port until the filer is replaced.",
    until="2027-01-31",
    days_left=69,
    name="1 for retired-ports/npmp-gui-611 in policies/retired-ports.yml:61",
    ticket="OPS-1234",
)


ALIKE: Final = ("web-1\x1b", "web-1\\x1b")
"""Two names, of which one has the control character that the other spells."""


def compared() -> AuditResult:
    """The mixed sample with two waivers, a reading, and what changed since the day before."""
    result = mixed()
    hosts = [_with_waivers(host) for host in result.hosts]
    again = AuditResult(result.run, result.rules, hosts, warnings=result.warnings)
    return again.compared(_changes())


def alike() -> AuditResult:
    """Three hosts: the names of two are the same once they are made visible, and both fail."""
    rules = tuple(bind([_policy(2)]))
    hosts = []
    for port, name in enumerate((*ALIKE, "web-1"), 600):
        missed = Finding(f"nothing listens on {port}/tcp", port=f"{port}/tcp")
        hosts.append(HostResult(name, ("web",), (failed(missed), PASSED), seen()))
    changed = _change(
        ChangeKind.NEWLY_FAILING, "it fails now", (ALIKE[1], rules[0].key, "high", "")
    )
    past = _changes().before
    return AuditResult(run(), rules, hosts).compared(Changes(past, (changed,), (past,)))


def _with_waivers(host: HostResult) -> HostResult:
    judgements = list(host.judgements)
    if host.name == "nfs-1":
        judgements[2] = _waived(judgements[2], _HOLDS)
        told = [replace(each, why=(_why(),), reading=_reading()) for each in judgements[0].findings]
        judgements[0] = failed(*told)
    if host.name == "web-3":
        judgements[4] = _waived(judgements[4], _LAPSED)
    return replace(host, judgements=tuple(judgements))


def _waived(judgement: Judgement, waived: Waived) -> Judgement:
    findings = tuple(replace(each, waived=waived) for each in judgement.findings)
    return replace(judgement, findings=findings)


def _why() -> Why:
    process = Process(
        812, "rpc.statd", "/usr/sbin/rpc.statd", "/usr/sbin/rpc.statd --no-notify", user="statd"
    )
    return Why(
        process=process,
        parents=(ParentProcess(1, "systemd", "/usr/lib/systemd/systemd"),),
        executable=Executable(
            path="/usr/sbin/rpc.statd",
            on_disk=OnDisk.THERE,
            sha256=hashlib.sha256(b"statd").hexdigest(),
            modified=1693526400,
            size=84_168,
            owner=0,
        ),
        package=Package("dpkg", "nfs-common", "1:2.6.2-4+deb12u1", unchanged=True),
        unit=Unit("rpc-statd.service", activated=False),
        missing=("its terminal: the process ended while it was asked about",),
    )


def _reading() -> Classification:
    return Classification(
        PortCategory.UNRELATED,
        (
            "rpc.statd belongs to nfs-common, and the file is the one the package brought.",
            "It asked for any reserved port, and bindresvport gave it this one.",
        ),
        "Give it a port of its own: `port=` under `[statd]` in /etc/nfs.conf, then"
        " `sudo systemctl restart rpc-statd`.",
    )


def _changes() -> Changes:
    counts = ((44, 3, 1, 19, 5), (43, 4, 1, 19, 5), (42, 4, 1, 19, 6), (41, 4, 1, 19, 7))
    past = tuple(
        EarlierAudit(
            finished=at(f"2026-11-{19 + day}T02:00:19+00:00"),
            folder=f"audits/202611{19 + day}T020004Z",
            hosts=12,
            verdicts=dict(zip(Verdict, each, strict=True)),
        )
        for day, each in enumerate(counts)
    )
    first = "2026-11-19T02:00:19+00:00"
    items = (
        _change(
            ChangeKind.NEWLY_FAILING,
            "mac-lab-1 now fails retired-ports/npmp-trap-609: netinfod listens on 10.20.0.31:609",
            ("mac-lab-1", "retired-ports/npmp-trap-609", "critical", ""),
        ),
        _change(
            ChangeKind.NEWLY_UNPROVEN,
            "edge-2.example.net was proven and could not be reached this time",
            ("edge-2.example.net", "", "", ""),
        ),
        _change(
            ChangeKind.STILL_FAILING,
            "nfs-1 still fails retired-ports/npmp-trap-609",
            ("nfs-1", "retired-ports/npmp-trap-609", "critical", first),
        ),
        _change(
            ChangeKind.STILL_FAILING,
            "web-3 still fails web-servers/only-web",
            ("web-3", "web-servers/only-web", "high", first),
        ),
        _change(
            ChangeKind.FIXED,
            "db-1 no longer fails packages/no-telnet-package",
            ("db-1", "packages/no-telnet-package", "low", ""),
        ),
        _change(ChangeKind.NEW_HOST, "build-1 is new", ("build-1", "", "", "")),
        _change(ChangeKind.VANISHED_HOST, "build-0 is gone", ("build-0", "", "", "")),
        _change(
            ChangeKind.WAIVER,
            "the waiver of platform@example.com for web-servers/only-web lapsed",
            ("", "web-servers/only-web", "high", ""),
        ),
    )
    return Changes(past[-1], items, past)


def _change(kind: ChangeKind, what: str, about: tuple[str, str, str, str]) -> Change:
    host, rule, severity, since = about
    return Change(
        kind,
        what,
        host=host,
        rule=rule,
        severity=Severity(severity) if severity else None,
        since=at(since) if since else None,
    )


def fleet(hosts: int, rules: int, share: float = 0.01) -> AuditResult:
    """A fleet of hosts in six groups and five towns, where so large a share of verdicts fails.

    Half a percent of the hosts could not be reached; every failure tells who is behind it.
    """
    chance = random.Random(609)  # noqa: S311 - rows of a sample
    bound = tuple(bind([_policy(rules)]))
    made = [_host(chance, number, bound, share) for number in range(hosts)]
    return AuditResult(run(), bound, made)


def _policy(rules: int) -> Policy:
    severities = ("critical", "high", "medium", "low", "info")
    declared = [
        {
            "id": f"port-{600 + at}",
            "title": f"Port {600 + at} is closed",
            "closed": 600 + at,
            "severity": severities[at % len(severities)],
            "because": "Nothing of ours listens there, so whatever does is not ours.",
            "fix": "Find the owner with `ss -tulnp`, and remove it.",
        }
        for at in range(rules)
    ]
    document = {"policy": "fleet", "title": "What nobody uses is closed", "rules": declared}
    return Policy.model_validate(document)


def _host(
    chance: random.Random, number: int, rules: tuple[BoundRule, ...], share: float
) -> HostResult:
    role, town = _ROLES[number % len(_ROLES)], _TOWNS[number * 7 % len(_TOWNS)]
    name = f"{role}-{number // len(_ROLES):05d}.{town}.example.net"
    taken = at(f"2026-11-23T02:{number // 3000 % 60:02d}:{number // 50 % 60:02d}+00:00")
    if chance.random() < 0.005:
        late = unproven(Reason.TIMEOUT, f"connecting to {name} port 22 took longer than 10 seconds")
        dark = replace(seen(), source="", version="", privilege="", proof="", taken=taken)
        return HostResult(name, (role, town), (late,) * len(rules), dark)
    proof = f"the SSH server was seen: tcp 10.{number >> 16}.{number >> 8 & 255}.{number & 255}:22"
    looked = replace(seen(), seconds=round(chance.uniform(0.2, 3), 1), proof=proof, taken=taken)
    return HostResult(name, (role, town), tuple(_judge(chance, rules, share)), looked)


def _judge(
    chance: random.Random, rules: tuple[BoundRule, ...], share: float
) -> Iterator[Judgement]:
    for index in range(len(rules)):
        yield failed(_finding(chance, 600 + index)) if chance.random() < share else PASSED


def _finding(chance: random.Random, port: int) -> Finding:
    name = chance.choice(_PROGRAMS)
    pid, started = chance.randrange(300, 4_000_000), 1_795_000_000 + chance.randrange(400_000)
    path, uid = f"/usr/sbin/{name}", chance.choice((0, 104, 998, 1000))
    command = f"{path} --port {port} --pid-file /run/{name}.{pid}"
    owner = Owner(
        pid=pid,
        name=name,
        path=path,
        cmdline=command,
        uid=uid,
        user=f"user{uid}",
        started=started,
        on_disk=True,
        parent=1,
    )
    process = Process(pid, name, path, command, user=f"user{uid}", uid=uid, started=started)
    why = Why(
        process=process,
        parents=(ParentProcess(1, "systemd", "/usr/lib/systemd/systemd"),),
        executable=Executable(
            path=path,
            on_disk=OnDisk.THERE,
            sha256=hashlib.sha256(f"{name}{chance.randrange(40)}".encode()).hexdigest(),
            modified=1_690_000_000 + chance.randrange(40) * 86_400,
            size=90_000 + chance.randrange(40),
            owner=0,
        ),
        package=Package("dpkg", name, f"2.{chance.randrange(9)}-1", unchanged=True),
        unit=Unit(f"{name}.service", activated=False),
    )
    reading = Classification(
        PortCategory.UNRELATED,
        (f"{name} belongs to a package, and the file is the one the package brought.",),
        f"Give it another port, then `sudo systemctl restart {name}.service`.",
    )
    address = chance.choice(("0.0.0.0", "::", f"10.0.{chance.randrange(256)}.7"))
    protocol = chance.choice((Protocol.TCP, Protocol.UDP))
    return replace(found(listener(protocol, address, port, owner)), why=(why,), reading=reading)
