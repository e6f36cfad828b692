"""The second round in an audit: for failing listeners alone, in evidence and every output."""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from portproof.archive.folder import Evidence
from portproof.cli.summary import summary
from portproof.content.shipped import shipped
from portproof.inventory.plain import this_machine
from portproof.judge.job import Job, Judging
from portproof.model.listeners import Listener
from portproof.model.observation import (
    LISTENING_SOCKETS,
    HostLook,
    Identity,
    Look,
    Observed,
    Platform,
    Row,
    SourceReply,
)
from portproof.model.verdicts import Finding, Verdict
from portproof.model.why import (
    Container,
    Executable,
    OnDisk,
    Package,
    ParentProcess,
    PortCategory,
    Process,
    ProcessSession,
    Unit,
    Why,
)
from portproof.policy.policy import BoundRule, Policy, bind
from portproof.policy.waivers import BoundWaiver, Waiver
from portproof.report.contract import Theme
from portproof.report.html.page import render
from portproof.result.result import AuditResult
from portproof.run.audit import judged, run
from portproof.run.host_audit import HostAudit, LocalAuditor
from support.machine import HOSTNAME, Machine, machine
from support.times import at

HOSTILE = "<script>window.canary = 1</script>\x1b[2J`\u202e"
IDENTITY = Identity(
    source="osqueryd", version="5.23.0", platform=Platform.LINUX, euid=0, host_namespace="1"
)


def rules(*closed: int) -> tuple[BoundRule, ...]:
    """A rule for each port that must be closed."""
    each = [{"id": f"port-{port}", "closed": port} for port in closed]
    return tuple(bind([Policy.model_validate({"policy": "p", "title": "P", "rules": each})]))


def row(pid: int, port: int) -> Row:
    """A listener as osquery tells it."""
    return {
        "pid": str(pid),
        "fd": "3",
        "socket": str(pid),
        "family": "2",
        "protocol": "6",
        "address": "192.0.2.1",
        "port": str(port),
        "remote_port": "0",
        "state": "LISTEN",
        "net_namespace": "1",
        "name": "npmp",
    }


def look(*rows: Row) -> HostLook:
    """A look that saw these listeners."""
    reply = SourceReply(IDENTITY, {LISTENING_SOCKETS: Observed(rows, len(rows))})
    return HostLook(reply=reply, witnesses=(), taken=at("2026-01-01T00:00:00+00:00"), seconds=0.1)


class Looks:
    """A look at this machine, that remembers whom it asked about a second time."""

    def __init__(self, look: HostLook, whys: dict[int, Why] | None = None) -> None:
        self._look = look
        self._whys = whys or {}
        self.asked: list[list[int | None]] = []

    def audits(self, job: Job) -> Iterator[HostAudit]:
        """Audit the one host there is."""
        judging, (host,) = Judging(job), job.inventory.hosts
        auditor = LocalAuditor(judging.judge, lambda: self._look, self._explained)
        yield auditor.audit(host, judging.applying(host.name))

    def _explained(self, look: HostLook, listeners: Sequence[Listener]) -> HostLook:
        self.asked.append([owner.pid for one in listeners for owner in one.owners])
        return msgspec.structs.replace(look, why=self._whys)


def why(**more: Any) -> Why:  # noqa: ANN401 - any part of it
    """What is known of process 812."""
    return Why(process=Process(pid=812, name="npmp"), **more)


def audited(looks: Looks, *closed: int, waivers: tuple[BoundWaiver, ...] = ()) -> AuditResult:
    """Audit the looks; what was recorded must be enough to judge the same again."""
    recorded: list[Look] = []
    job = Job(rules(*closed), (), this_machine(), waivers=waivers)
    result = run(job, looks.audits(job), record=lambda _, each: recorded.append(each))
    text = msgspec.json.encode(Evidence("host", (), recorded[-1]))
    again = msgspec.json.decode(text, type=Evidence).look
    assert Judging(job)(job.inventory.hosts[0], again) == result.hosts[0]
    return result


def findings(result: AuditResult) -> list[Finding]:
    """What was found on the host."""
    return [each for judgement in result.hosts[0].judgements for each in judgement.findings]


def test_a_failing_listener_is_asked_about_and_the_finding_explains_itself() -> None:
    """The answer is in the evidence, and judging it again gives the same."""
    temporary = why(executable=Executable(path="/var/tmp/npmp", on_disk=OnDisk.THERE))  # noqa: S108 - data
    looks = Looks(look(row(812, 609), row(900, 8080)), whys={812: temporary})
    (finding,) = findings(audited(looks, 609))
    assert looks.asked == [[812]]
    assert finding.why == (temporary,)
    assert finding.reading is not None
    assert finding.reading.kind is PortCategory.SUSPICIOUS
    assert "/var/tmp" in finding.reading.reasons[0]  # noqa: S108 - data


def test_a_host_without_failing_listeners_is_not_asked() -> None:
    """It costs nothing there; its evidence says that no second round was made."""
    looks = Looks(look(row(900, 8080)))
    assert audited(looks, 609).hosts[0].has(Verdict.UNPROVEN)
    assert looks.asked == []


def test_a_waived_listener_alone_is_not_asked_about() -> None:
    """Somebody answers for it already."""
    day = datetime.now(UTC).date() + timedelta(days=30)
    fields = {"rule": "port-609", "owner": "a@example.com", "reason": "x", "until": day}
    waivers = (BoundWaiver(Waiver.model_validate(fields), "p/port-609"),)
    looks = Looks(look(row(812, 609)))
    result = audited(looks, 609, waivers=waivers)
    assert result.hosts[0].has(Verdict.WAIVED)
    assert looks.asked == []
    both = Looks(look(row(812, 609), row(900, 610)), whys={900: why()})
    waived, failed = findings(audited(both, 609, 610, waivers=waivers))
    assert both.asked == [[900]]
    assert (waived.reading, failed.reading is not None) == (None, True)


def test_looks_that_cannot_be_asked_again_leave_the_failure_as_it_is() -> None:
    """A plain list of looks is enough for an audit."""
    job = Job(rules(609), (), this_machine())
    result = run(job, judged(job, [(this_machine().hosts[0], look(row(812, 609)))]))
    (finding,) = findings(result)
    assert (finding.why, finding.reading) == ((), None)
    assert result.hosts[0].has(Verdict.FAIL)


def test_a_listener_that_nobody_was_seen_to_hold_reads_as_unknown() -> None:
    """That is said, with what to do."""
    looks = Looks(look(row(-1, 609)))
    (finding,) = findings(audited(looks, 609))
    assert finding.reading is not None
    assert finding.reading.kind is PortCategory.UNKNOWN
    assert "ss -tulnp 'sport = :609'" in finding.reading.next_step


FULL = why(
    parents=(ParentProcess(pid=700, name="bash"), ParentProcess(pid=1, name="systemd")),
    executable=Executable(
        path="/opt/x/npmp",
        on_disk=OnDisk.DELETED,
        sha256="ab" * 32,
        modified=1_600_000_000,
        size=12_345,
        owner=33,
        world_writable=True,
        link="/usr/bin/npmp",
    ),
    package=Package("dpkg", "npmp", "1.0-2", unchanged=False),
    unit=Unit("npmp.service", activated=True, socket="npmp.socket"),
    container=Container("docker", "4f797c539e6c", "web", "shop:1"),
    session=ProcessSession(terminal="pts/3", leader=ParentProcess(pid=700, name="bash")),
    missing=("its user could not be read: Permission denied",),
)


def test_the_report_tells_the_chain_and_the_reading() -> None:
    """Everything that is known, beside the process it is known of."""
    result = audited(Looks(look(row(812, 609)), whys={812: FULL}), 609)
    page = " ".join("".join(render(result, Theme((shipped("reports"),)))).split())
    text = re.sub(r"<[^>]*>", " ", page)
    for fact in (
        "npmp (812) ← bash (700) ← systemd (1)",
        "deleted on disk while it runs, changed 2020-09-13 12:26:40 UTC, 12,345 bytes",
        "owned by user id 33, every user can write to it, also called /usr/bin/npmp",
        "ab" * 32,
        "npmp 1.0-2 (dpkg), file changed since",
        "npmp.service, its socket opened by npmp.socket",
        "docker: web, shop:1, 4f797c539e6c",
        "pts/3",
        "its user could not be read: Permission denied",
        "Looks suspicious",
        "Its executable /opt/x/npmp was deleted while it runs.",
        "Treat it as an incident",
    ):
        assert fact in text


def test_nothing_a_host_says_of_itself_gets_into_the_page_as_it_is() -> None:
    """Names are chosen by attackers, also those of parents, packages and containers."""
    hostile = Why(
        process=Process(812, HOSTILE, HOSTILE, HOSTILE, cwd=HOSTILE),
        parents=(ParentProcess(1, HOSTILE, HOSTILE, HOSTILE),),
        executable=Executable(HOSTILE, OnDisk.DELETED, sha256=HOSTILE, link=HOSTILE),
        package=Package(HOSTILE, HOSTILE, HOSTILE, HOSTILE),
        unit=Unit(HOSTILE, activated=True, socket=HOSTILE),
        launchd=HOSTILE,
        container=Container(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE),
        session=ProcessSession(HOSTILE),
        missing=(HOSTILE,),
    )
    result = audited(Looks(look(row(812, 609)), whys={812: hostile}), 609)
    page = "".join(render(result, Theme((shipped("reports"),))))
    assert page.count("<script") == 2  # the data block, and the script
    lines = [line.text for line in summary(result, Path("out"))]
    assert any(line.startswith("    suspicious: ") for line in lines)
    assert not [text for text in (page, *lines) if "\x1b" in text or "\u202e" in text]


@pytest.fixture(scope="module")
def busy() -> Iterator[Machine]:
    """A machine with a listener on 609."""
    with machine() as started:
        started.listen("tcp", "0.0.0.0", 609, name="netinfod")
        yield started


@pytest.mark.needs("namespaces")
def test_the_command_line_tells_it_too(busy: Machine, tmp_path: Path) -> None:
    """In the summary, in audit.json and in the evidence, with the process the machine has."""
    policy = shipped("policies") / "retired-ports.yml"
    done = busy.portproof("audit", "-o", "out", "-p", policy, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    lines = done.stdout.splitlines()
    at = next(n for n, line in enumerate(lines) if "listens on tcp 0.0.0.0:609" in line)
    assert lines[at].startswith(f"  {HOSTNAME}: netinfod listens")
    assert lines[at + 1].startswith("    suspicious: ")
    told = json.loads((tmp_path / "out" / "audit.json").read_text(encoding="utf-8"))
    (finding,) = next(
        each["judgement"]["findings"]
        for each in told["judgements"]
        if each["rule"] == "retired-ports/npmp-trap-609"
    )
    pid = finding["listener"]["owners"][0]["pid"]
    assert [each["process"]["pid"] for each in finding["why"]] == [pid]
    assert finding["why"][0]["executable"]["sha256"]
    assert "It calls itself netinfod" in " ".join(finding["reading"]["reasons"])
    evidence = json.loads((tmp_path / "out" / "evidence.jsonl").read_text(encoding="utf-8"))
    assert set(evidence["look"]["why"]) == {str(pid)}


@pytest.mark.needs("namespaces")
def test_a_proven_machine_is_not_asked_again(tmp_path: Path) -> None:
    """Its evidence holds no second round."""
    with machine() as quiet:
        done = quiet.portproof("audit", "-o", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    evidence = json.loads((tmp_path / "out" / "evidence.jsonl").read_text(encoding="utf-8"))
    assert evidence["look"]["why"] is None
