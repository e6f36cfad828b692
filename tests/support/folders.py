"""Audit folders made of looks that a test describes, as ``portproof audit`` writes them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from portproof.app.content import load_content
from portproof.archive.folder import AuditFolder, Evidence, Request, Sign, manifest_text
from portproof.archive.integrity import digest_of, read_manifest
from portproof.content.load import Content
from portproof.content.shipped import shipped
from portproof.inventory.build import assembled
from portproof.judge.job import Job
from portproof.model.hosts import Host
from portproof.model.observation import Look
from portproof.policy.checks import Check
from portproof.policy.policy import BoundRule, Policy
from portproof.policy.waivers import BoundWaiver
from portproof.report.contract import Theme, load_format
from portproof.result.result import AuditResult, Digest
from portproof.run.audit import judged, run
from support.cases import look_of

POLICY: Final[Mapping[str, Any]] = {
    "policy": "retired-ports",
    "title": "Ports of retired services stay closed",
    "severity": "high",
    "rules": [
        {
            "id": "npmp-trap-609",
            "title": "Port 609 (npmp-trap) is closed",
            "closed": 609,
            "fix": {"linux": "Stop it."},
            "maps": {"nist-800-53": ["CM-7"]},
        },
        {"id": "web-listens", "hosts": "web", "open": "443/tcp", "by": {"process": "nginx"}},
        {"id": "no-telnet", "check": "telnet-packages", "expect": "no rows"},
    ],
    "waivers": [
        {
            "rule": "npmp-trap-609",
            "hosts": "nfs-1",
            "by": {"process": "rpc.statd"},
            "owner": "storage@example.com",
            "reason": "Moves with the next release.",
            "until": "2099-01-31",
        }
    ],
}
CHECKS: Final = (
    Check(check="listening-sockets", title="Sockets", sql="SELECT 1"),
    Check.model_validate(
        {
            "check": "telnet-packages",
            "title": "Telnet servers",
            "sql": {"linux": "SELECT name FROM deb_packages WHERE name = 'telnetd'"},
            "witness": {"linux": "SELECT name FROM deb_packages LIMIT 1"},
        }
    ),
)
THEME: Final = Theme((shipped("reports"),))
ANSWERS: Final = {"telnet-packages": [], "telnet-packages#witness": [{"name": "dpkg"}]}
GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "web-1": ("prod", "web"),
    "web-2": ("prod", "web"),
    "nfs-1": ("prod",),
    "win-1": (),
    "dark-1": (),
}


def socket(port: int, name: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - of any type
    """A row of something that listens."""
    about = {"address": "0.0.0.0", "port": port, "name": name, "path": f"/usr/sbin/{name}"}
    return {**about, "pid": 812, "user": "root", "uid": 0, **changes}


def case(*rows: Mapping[str, Any], **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - of any type
    """A host that was looked at, in the words of a case file."""
    return {"answers": ANSWERS, "rows": list(rows), **changes}


CASES: Final[Mapping[str, Mapping[str, Any]]] = {
    "web-1": case(socket(443, "nginx"), socket(609, "netinfod", pid=900)),
    "web-2": case(socket(443, "nginx")),
    "nfs-1": case(socket(609, "rpc.statd")),
    "win-1": case(platform="windows"),
    "dark-1": {"dark": "unreachable"},
}
"""Hosts with every verdict there is, in the words of case files."""


def job_of(
    policies: Sequence[Mapping[str, Any]] = (POLICY,),
    *,
    hosts: Sequence[str] = tuple(GROUPS),
    waivers: Sequence[BoundWaiver] = (),
    checks: Sequence[Check] = CHECKS,
) -> Job:
    """What an audit of these policies would be about."""
    models = [Policy.model_validate(policy) for policy in policies]
    rules = [
        BoundRule(policy, rule, f"policies/{policy.policy}.yml", 5 + 7 * at)
        for policy in models
        for at, rule in enumerate(policy.rules)
    ]
    own = [
        BoundWaiver(each, f"{policy.policy}/{each.rule}", f"policies/{policy.policy}.yml", 30, at)
        for policy in models
        for at, each in enumerate(policy.waivers)
    ]
    return Job(
        tuple(rules),
        tuple(checks),
        assembled([Host(name, GROUPS.get(name, ())) for name in hosts], "hosts.ini"),
        waivers=(*own, *waivers),
        policy_digests=tuple(_digest(each) for each in models),
    )


def _digest(policy: Policy) -> Digest:
    text = msgspec.json.encode(policy.document())
    return Digest(f"policies/{policy.policy}.yml", f"{sum(text):064x}")


def content_of(
    folder: Path,
    policies: Sequence[Mapping[str, Any]] = (POLICY,),
    checks: Sequence[Check] = CHECKS[1:],
) -> Content:
    """The policies and checks as files below a folder, and what is loaded from them."""
    for policy in policies:
        save(folder / "policies" / f"{policy['policy']}.yml", policy)
    for check in checks:
        save(folder / "checks" / f"{check.check}.yml", check.model_dump(exclude_unset=True))
    return load_content([str(folder / "policies")])


def save(file: Path, document: Mapping[str, Any]) -> None:
    """Write a document as YAML."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(document), encoding="utf-8")


def looks_of(cases: Mapping[str, Mapping[str, Any]] = CASES) -> dict[str, Look]:
    """The looks the cases describe, by host."""
    return {name: look_of(each) for name, each in cases.items()}


def write(
    path: Path,
    job: Job,
    looks: Mapping[str, Look],
    formats: Sequence[str] = ("json",),
    sign: Sign | None = None,
) -> AuditResult:
    """Judge the looks and write the folder, as an audit does."""
    hosts = {host.name: host for host in job.inventory.hosts}
    policies = tuple(each.name for each in job.policy_digests)
    asked = Request(policies=policies, inventory=("hosts.ini",))
    with AuditFolder(path, asked) as folder:
        result = run(
            job,
            judged(job, ((hosts[name], look) for name, look in looks.items())),
            record=lambda host, look: folder.record(Evidence(host.name, host.groups, look)),
        )
        files = {each.FILE: each.render(result, THEME) for each in map(load_format, formats)}
        folder.finish(result.run, files, sign)
    return result


def keep(path: Path, result: AuditResult) -> None:
    """Write a folder of a result alone, without evidence."""
    with AuditFolder(path, Request()) as folder:
        folder.finish(result.run, {"audit.json": rendered(result)})


def rendered(result: AuditResult) -> list[str]:
    """A result as ``audit.json`` has it."""
    return list(load_format("json").render(result, THEME))


def reseal(path: Path) -> None:
    """Make the manifest fit to what is in the folder, as somebody who edits a folder would."""
    manifest = read_manifest(path)
    files = {name: digest_of(path / name) for name in manifest.files if (path / name).exists()}
    text = manifest_text(msgspec.structs.replace(manifest, files=files))
    (path / "manifest.json").write_text(text, encoding="utf-8")
