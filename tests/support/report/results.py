"""Audit results to render: one host where all is well, a dozen mixed ones, and a hostile one."""

import hashlib
from collections.abc import Callable, Iterable
from typing import Final

from msgspec.structs import replace

from portproof.model.addresses import Stack, exposure, parse_address
from portproof.model.base import ByPlatform, Severity
from portproof.model.listeners import Listener, Owner, Place, Publication
from portproof.model.observation import Reason
from portproof.model.ports import Protocol
from portproof.model.verdicts import PASSED, Finding, Judgement, Verdict, failed, unproven
from portproof.policy.policy import BoundRule, Policy, bind
from portproof.policy.rules.base import describe, found
from portproof.result.result import AuditResult, Digest, HostResult, LookSummary, Run
from support.times import FIRST, LAST, at

HOSTILE = (
    "<script>window.canary = 1</script>",
    "</style></script></title></textarea><img src=x onerror='window.canary=1'>",
    '" autofocus onfocus="window.canary=1" x="',
    "' onmouseover='window.canary=1",
    "javascript:window.canary=1",
    "data:text/html,<script>window.canary=1</script>",
    'https://evil.example/"onclick="window.canary=1',
    "--><svg onload=window.canary=1><!--",
    "]]><b>bold</b>&lt;i&gt;&#60;u&#62;&amp;",
    "{{ 7 * 7 }}{% raw %}{{ report }}${7*7}",
    "<base href=https://evil.example/><meta http-equiv=refresh content=0;url=//evil.example>",
    "<link rel=stylesheet href=//evil.example/a.css><iframe src=//evil.example></iframe>",
    "sshd\u202egpj.exe\u2066x\u2069",
    "zero\u200bwidth\u2060\ufeff\u00ad\u3164\xa0name",
    "\x1b[2J\x1b]0;owned\x07\r\n\t\x00\x7f\x9b31m",
    "Z" + "\u0336\u0337\u0338\u0351" * 30 + "algo",
    "lone \udc80 surrogate \ud800",
    "W" * 600,
    "\u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd \u4f60\u597d \U0001f600",
    "=cmd|'/c calc'!A1 `unbalanced \\u202e",
    "1. first\n2. second `<script>window.canary = 1</script>`\n\n<b>third</b>",
)

_KINDS: Final = 5  # of judgement; each hostile host has one of each

_PORTS = Policy.model_validate(
    {
        "policy": "retired-ports",
        "title": "Ports of retired services stay closed",
        "severity": "high",
        "because": "What still answers on a retired port is software that nobody maintains.",
        "rules": [
            {
                "id": "npmp-trap-609",
                "title": "Port 609 (npmp-trap) is closed",
                "severity": "critical",
                "closed": 609,
                "because": (
                    "IANA has registered 609 to npmp-trap since 1994 at the latest and names no"
                    " specification for it; no current system is known to need it. A listener"
                    " found here today is software not updated since, malware on an abandoned"
                    " number, or an unrelated program that borrowed it, such as an RPC service"
                    " that bindresvport placed between 600 and 1023."
                ),
                "fix": {
                    "linux": (
                        "1. Find the owner: `sudo ss -tulnp 'sport = :609'`, then"
                        " `systemctl status PID` for its unit.\n"
                        "2. If nobody can say what the program is for, treat it as an incident:"
                        " keep a copy of /proc/PID/exe before you stop it.\n"
                        "3. If it is an RPC service, give it a port of its own, for rpc.statd"
                        " `port=` under `[statd]` in /etc/nfs.conf, and restart it.\n"
                        "4. Otherwise `sudo systemctl disable --now NAME.service` and remove the"
                        " package."
                    ),
                    "macos": (
                        "1. Find the owner: `sudo lsof -nP -iTCP:609 -sTCP:LISTEN`, and"
                        " `codesign -dv --verbose=2 PROGRAM` for who signed it.\n"
                        "2. Find its launchd job, `sudo launchctl bootout system/LABEL`, and"
                        " remove the software."
                    ),
                    "windows": "Stop the service that owns the port and uninstall the software.",
                },
                "maps": {"nist-800-53": ["CM-7"], "cis-controls": ["4.8"]},
                "refs": [
                    "https://www.rfc-editor.org/rfc/rfc1700",
                    "https://man7.org/linux/man-pages/man3/bindresvport.3.html",
                    "RFC 6335, section 8.1.2",
                ],
            },
            {"id": "npmp-local-610", "title": "Port 610 (npmp-local) is closed", "closed": 610},
            {"id": "npmp-gui-611", "title": "Port 611 (npmp-gui) is closed", "closed": 611},
        ],
    }
)
_WEB = Policy.model_validate(
    {
        "policy": "web-servers",
        "title": "Web servers serve the web and nothing else",
        "hosts": "web",
        "rules": [
            {"id": "https-open", "title": "nginx serves HTTPS", "open": "443/tcp"},
            {
                "id": "only-web",
                "title": "Only SSH and the web are reachable",
                "only": ["22/tcp", "80/tcp", "443/tcp"],
                "at": "external",
                "severity": "high",
                "because": "Every other port is a way in that nobody watches.",
                "fix": "Stop the program, or bind it to 127.0.0.1.",
                "maps": {"nist-800-53": ["CM-7", "SC-7"], "pci-dss": ["1.2.5"]},
            },
        ],
    }
)
_PACKAGES = Policy.model_validate(
    {
        "policy": "packages",
        "title": "No telnet",
        "severity": "low",
        "rules": [
            {
                "id": "no-telnet-package",
                "title": "No telnet server is installed",
                "check": "telnet-packages",
                "expect": "no rows",
                "because": "Telnet sends passwords in the clear.",
                "fix": {"linux": "Remove it: `sudo apt-get purge telnetd`."},
            }
        ],
    }
)

_GROUPS = {
    "web-1": ("web", "prod"),
    "web-2": ("web", "prod"),
    "web-3": ("web", "staging"),
    "db-1": ("db", "prod"),
    "db-2": ("db", "prod"),
    "nfs-1": ("storage", "prod"),
    "backup-1": ("storage",),
    "mac-lab-1": ("lab",),
    "win-ad-1": ("directory", "prod"),
    "edge-1.example.net": ("edge", "prod"),
    "edge-2.example.net": ("edge", "prod"),
    "build-1": ("lab",),
}


def digest(name: str) -> Digest:
    """A digest as an audit would give it."""
    return Digest(name, hashlib.sha256(name.encode()).hexdigest())


_RUN = Run(
    version="0.1.0",
    started=at("2026-11-23T02:00:04+00:00"),
    finished=at("2026-11-23T02:00:18+00:00"),
    controller="audit.example.net",
    inventory=digest("inventory/hosts.txt"),
    policies=(digest("policies/retired-ports.yml"), digest("policies/web-servers.yml")),
    checks=(digest("checks/listening-sockets.yml"),),
)
_SEEN = LookSummary(
    taken=at("2026-11-23T02:00:06+00:00"),
    seconds=0.412,
    source="osqueryd",
    version="5.19.0",
    platform="linux",
    privilege="root",
    proof="2 canaries seen: tcp 127.0.0.1 port 40431, udp 127.0.0.1 port 51207",
    unseen=("ports that docker publishes without a proxy: there is no docker",),
)


def run(**changes: object) -> Run:
    """The identity of an audit."""
    return replace(_RUN, **changes)


def seen(**changes: object) -> LookSummary:
    """How a host was looked at, when all went well."""
    return replace(_SEEN, **changes)


def listener(protocol: Protocol, address: str, port: int, *owners: Owner) -> Listener:
    """A listener on every address, or on the one given."""
    return Listener(
        protocol=protocol,
        address=address,
        port=port,
        stack=Stack.DUAL if address == "::" else Stack.IPV4,
        exposure=exposure(parse_address(address)),
        place=Place.HOST,
        namespace="4026531840",
        owners=owners,
    )


def all_pass() -> AuditResult:
    """One host on which every rule passes."""
    rules = tuple(bind([_PORTS]))
    host = HostResult("atlas", (), (PASSED,) * len(rules), seen())
    return AuditResult(run(inventory=digest("this machine")), rules, [host])


def wide() -> AuditResult:
    """So many rules that the matrix has no room for words."""
    rules = [{"id": f"port-{port}", "closed": port} for port in range(609, 621)]
    policy = Policy.model_validate({"policy": "many", "title": "Many", "rules": rules})
    verdicts = [Judgement(verdict) for verdict in Verdict]
    judgements = tuple(verdicts[at % len(verdicts)] for at in range(len(rules)))
    hosts = [HostResult(name, (), judgements, seen()) for name in ("left", "right")]
    return AuditResult(run(), bind([policy]), hosts)


def mixed() -> AuditResult:
    """A dozen hosts with every verdict there is."""
    rules = tuple(bind([_PORTS, _WEB, _PACKAGES]))
    hosts = [
        HostResult(name, groups, tuple(_judge(name, groups, rules)), _seen_of(name))
        for name, groups in _GROUPS.items()
    ]
    warnings = ["policies/web-servers.yml:4: the pattern web:&canary names no host"]
    return AuditResult(run(), rules, hosts, warnings=warnings)


def _judge(name: str, groups: tuple[str, ...], rules: Iterable[BoundRule]) -> Iterable[Judgement]:
    for bound in rules:
        outside = bound.policy.policy == "web-servers" and "web" not in groups
        elsewhere = Judgement(Verdict.NOT_APPLICABLE, detail="the host is not in web")
        yield elsewhere if outside else _special(name, bound.rule.id)


def _special(name: str, rule: str) -> Judgement:
    if name == "edge-2.example.net":
        text = "connecting to edge-2.example.net port 22 took longer than 10 seconds"
        return unproven(Reason.UNREACHABLE, text)
    if name == "backup-1" and rule != "no-telnet-package":
        text = "osqueryi ran as user id 1000 and cannot see everything; run it as root,"
        return unproven(Reason.PRIVILEGE, f"{text} for example with sudo")
    return _SPECIAL.get((name, rule), lambda: PASSED)()


def _statd() -> Judgement:
    owner = Owner(
        pid=812,
        name="rpc.statd",
        path="/usr/sbin/rpc.statd",
        cmdline="/usr/sbin/rpc.statd --no-notify",
        uid=104,
        user="statd",
        started=1795398061,
        on_disk=True,
        parent=1,
    )
    sockets = [(Protocol.TCP, "0.0.0.0"), (Protocol.UDP, "::")]
    return failed(*(found(listener(protocol, at, 609, owner)) for protocol, at in sockets))


def _stranger() -> Judgement:
    owner = Owner(
        pid=48211,
        name="netinfod",
        path="/private/tmp/.x/netinfod",
        cmdline="netinfod -s local --quiet",
        uid=501,
        started=1795130000,
        on_disk=False,
        parent=1,
    )
    return failed(found(listener(Protocol.TCP, "10.20.0.31", 609, owner)))


def _development_server() -> Judgement:
    owners = [
        Owner(
            pid=pid,
            name="python3.11",
            path="/usr/bin/python3.11",
            cmdline="python3 -m http.server 8080",
            uid=1000,
            user="deploy",
            started=1795391000 + pid,
            on_disk=True,
            parent=2200,
        )
        for pid in (2214, 2215)
    ]
    at = listener(Protocol.TCP, "0.0.0.0", 8080, *owners)
    client = listener(Protocol.UDP, "0.0.0.0", 41007)
    return failed(found(at), notes=(f"{describe(client)}; it looks like a client's socket",))


def _telnet() -> Judgement:
    row = {"name": "inetutils-telnetd", "version": "2:2.4-2+deb12u1", "arch": "amd64", "size": ""}
    told = "name inetutils-telnetd, version 2:2.4-2+deb12u1, arch amd64"
    return failed(Finding(told, row=row))


def _waived() -> Judgement:
    owner = Owner(pid=970, name="rpc.mountd", path="/usr/sbin/rpc.mountd", uid=0, user="root")
    finding = found(listener(Protocol.TCP, "0.0.0.0", 611, owner))
    return Judgement(Verdict.WAIVED, detail="OPS-1234, until 2027-01-31", findings=(finding,))


_SPECIAL: dict[tuple[str, str], Callable[[], Judgement]] = {
    ("nfs-1", "npmp-trap-609"): _statd,
    ("mac-lab-1", "npmp-trap-609"): _stranger,
    ("nfs-1", "npmp-gui-611"): _waived,
    ("web-3", "only-web"): _development_server,
    ("web-2", "https-open"): lambda: failed(Finding("nothing listens on 443/tcp", port="443/tcp")),
    ("db-2", "no-telnet-package"): _telnet,
    ("win-ad-1", "no-telnet-package"): lambda: Judgement(
        Verdict.NOT_APPLICABLE, detail="check telnet-packages has no question for windows"
    ),
    ("build-1", "no-telnet-package"): lambda: Judgement(
        Verdict.PASS, notes=("check telnet-packages has no witness: the proof is weaker",)
    ),
}


def _seen_of(name: str) -> LookSummary:
    special: dict[str, LookSummary] = {
        "edge-2.example.net": LookSummary(taken=at("2026-11-23T02:00:15+00:00"), seconds=10.003),
        "backup-1": seen(
            source="osqueryi",
            privilege="user id 1000",
            proof="privilege: osqueryi ran as user id 1000 and cannot see everything",
            tried=("osqueryd: /var/osquery/osquery.em: permission denied",),
        ),
        "mac-lab-1": seen(platform="macos", version="5.18.1"),
        "win-ad-1": seen(platform="windows", privilege="elevated", source="osqueryi"),
        "build-1": seen(
            source="probe",
            version="0.1.0",
            tried=("osqueryd: no socket", "osqueryi: not on PATH"),
        ),
    }
    return special.get(name, seen())


def hostile() -> AuditResult:
    """Every text a host, a policy or an inventory gives is an attack, one host for each attack."""
    rules = tuple(bind(map(_hostile_policy, range(_KINDS))))
    hosts = [_hostile_host(text, at, len(rules)) for at, text in enumerate(HOSTILE)]
    identity = run(
        version=HOSTILE[0],
        started=LAST,
        finished=FIRST,
        controller=HOSTILE[2],
        inventory=Digest(HOSTILE[3], HOSTILE[1]),
        policies=tuple(Digest(text, text) for text in HOSTILE),
        checks=tuple(Digest(text, text) for text in HOSTILE),
        interrupted=True,
    )
    return AuditResult(identity, rules, hosts, warnings=HOSTILE)


def _hostile_policy(at: int) -> Policy:
    safe = " ".join(HOSTILE[at::_KINDS]).encode("utf-8", "replace").decode()
    rule = {
        "id": f"rule-{at}",
        "title": safe,
        "closed": 609 + at,
        "because": safe,
        "fix": ByPlatform(linux=safe, macos=safe, windows=safe) if at % 2 else safe,
        "maps": {"framework": (safe,)},
        "refs": tuple(each.encode("utf-8", "replace").decode() for each in HOSTILE),
        "severity": list(Severity)[at % len(Severity)],
    }
    document = {"policy": f"policy-{at}", "title": safe, "because": safe, "rules": [rule]}
    return Policy.model_validate(document)


def _hostile_host(text: str, index: int, rules: int) -> HostResult:
    owner = Owner(
        pid=index,
        name=text,
        path=text,
        cmdline=text,
        uid=index,
        user=text,
        started=10**18 if index % 2 else -(10**18),
        on_disk=False,
        parent=index,
    )
    at_609 = listener(Protocol.TCP, "0.0.0.0", 609, owner, owner)
    listening = found(replace(at_609, published=(Publication(text, index),)))
    row = Finding(text, row={text: text, "other": text})
    kinds = (
        failed(listening, row, Finding(text), notes=(text,)),
        unproven(list(Reason)[index % len(Reason)], text),
        Judgement(Verdict.WAIVED, detail=text, findings=(listening,)),
        Judgement(Verdict.NOT_APPLICABLE, detail=text),
        Judgement(Verdict.PASS, notes=(text,)),
    )
    judged = tuple(kinds[(index + place) % _KINDS] for place in range(rules))
    look = LookSummary(LAST, float(index), text, text, text, text, text, (text, text), (text,))
    return HostResult(text, (text, text), judged, look)
