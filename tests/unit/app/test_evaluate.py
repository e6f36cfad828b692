"""``portproof evaluate`` judges stored evidence by other policies, and never better than it was."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portproof.app.judge_evidence import job_by, judge_evidence
from portproof.archive.results import read_result
from portproof.content.load import Content
from portproof.model.observation import PUBLISHED_PORTS, Reason
from portproof.model.verdicts import Judgement, Verdict
from portproof.policy.checks import Check
from portproof.result.result import AuditResult
from support.calling import Done, portproof
from support.folders import CHECKS, POLICY, case, content_of, job_of, looks_of, save, socket, write
from support.paths import CASES
from support.strategies import host_look, looks, policy, rules

FIRST = CASES / "data" / "folders" / "first"


@pytest.fixture
def audited(tmp_path: Path) -> Path:
    """A whole folder with every verdict there is."""
    write(tmp_path / "out", job_of(), looks_of())
    return tmp_path / "out"


def of(rule: dict[str, Any], **changes: object) -> dict[str, Any]:
    """A policy of one rule."""
    return {"policy": "other", "title": "Other", "rules": [{"id": "rule", **rule}], **changes}


def asked(folder: Path, tmp_path: Path, document: dict[str, Any], *more: str | Path) -> Done:
    """Evaluate a folder by one policy, as a user does."""
    save(tmp_path / "policies" / "other.yml", document)
    return portproof("evaluate", folder, "-p", tmp_path / "policies" / "other.yml", *more)


def by(folder: Path, content: Content) -> AuditResult:
    """The evidence of a folder, judged by content."""
    old = read_result(folder)
    return judge_evidence(folder, old, job_by(folder, old, content))


def judged(folder: Path, tmp_path: Path, document: dict[str, Any]) -> dict[str, Judgement]:
    """The first judgement on each host by one policy."""
    result = by(folder, content_of(tmp_path, [document], checks=()))
    return {host.name: host.judgements[0] for host in result.hosts}


@settings(max_examples=25)
@given(
    seen=st.lists(looks(), min_size=1, max_size=4),
    own=st.lists(rules(), min_size=1, max_size=3),
    groups=st.sampled_from(["all", "web", "prod:!web", "web[0]"]),
)
def test_its_own_policies_give_a_folder_its_own_verdicts(
    seen: list[Any], own: list[Any], groups: str
) -> None:
    """Every judgement is the same, with its reason, findings and notes."""
    document = policy(*own, hosts=groups).document()
    names = ["web-1", "web-2", "nfs-1", "win-1"][: len(seen)]
    with tempfile.TemporaryDirectory() as made:
        path = Path(made) / "out"
        job = job_of([document], hosts=names)
        old = write(path, job, dict(zip(names, map(host_look, seen), strict=True)))
        new = by(path, content_of(Path(made), [document], checks=()))
    assert [host.judgements for host in new.hosts] == [host.judgements for host in old.hosts]
    assert new.exit_code == old.exit_code


def test_the_first_folder_ever_written_can_be_evaluated(tmp_path: Path) -> None:
    """With its own policies nothing changes."""
    new = by(FIRST, content_of(tmp_path))
    assert new.totals.verdicts == read_result(FIRST).totals.verdicts


def test_what_would_change_is_told(audited: Path, tmp_path: Path) -> None:
    """What would newly fail, newly pass and be unproven, the summary, and an audit's exit code."""
    document = {**POLICY, "waivers": []}
    changed = [{"id": "npmp-trap-609", "closed": "609/udp"}, {"id": "https", "closed": 443}]
    done = asked(audited, tmp_path, {**document, "rules": changed})
    assert done.code == 1
    assert "would newly fail: 2" in done.out
    assert "web-2 retired-ports/https: nginx listens on tcp 0.0.0.0:443" in done.out
    assert "would newly pass: 1" in done.out
    assert "web-1 retired-ports/npmp-trap-609: passes; before: netinfod listens on" in done.out
    assert "dark-1: could again not be looked at (1 rule unproven): unreachable" in done.out
    assert "judged from evidence of 2026-01-01T00:00:00+00:00; no host was audited" in done.out
    assert "verdicts: 6 pass, 2 fail, 0 waived, 0 not-applicable, 2 unproven" in done.out


def test_nothing_that_changes_is_said_too(audited: Path, tmp_path: Path) -> None:
    """The same policy gives the same verdicts."""
    save(tmp_path / "checks" / "telnet-packages.yml", CHECKS[1].model_dump(exclude_unset=True))
    done = asked(audited, tmp_path, dict(POLICY))
    assert "every verdict would be the same" in done.out
    assert done.code == 1


@pytest.mark.parametrize(
    "sql",
    [
        {"linux": "SELECT name FROM rpm_packages WHERE name = 'telnet-server'"},
        {"linux": "SELECT name FROM deb_packages WHERE name = 'telnetd'", "windows": "SELECT 1"},
    ],
)
def test_an_answer_to_another_question_proves_nothing(
    audited: Path, tmp_path: Path, sql: dict[str, str]
) -> None:
    """A check of the same name that asks something else now was not asked then."""
    old = CHECKS[1].model_dump(exclude_unset=True)
    save(tmp_path / "checks" / "telnet-packages.yml", {**old, "sql": sql})
    document = of({"check": "telnet-packages", "expect": "no rows"})
    by_host = judged(audited, tmp_path, document)
    host = by_host["web-1" if "windows" not in sql else "win-1"]
    assert (host.verdict, host.reason) == (Verdict.UNPROVEN, Reason.PARTIAL)
    assert "was not asked in this look" in host.detail


@pytest.mark.parametrize("asked_then", [True, False])
def test_ports_of_containers_fail_however_they_were_asked_for(
    tmp_path: Path, *, asked_then: bool
) -> None:
    """Another version's question about published ports has an answer that only adds listeners."""
    old = Check(check=PUBLISHED_PORTS, title="Published ports", sql="SELECT 1")
    row = {
        "id": "c0ffee",
        "type": "tcp",
        "port": "6379",
        "host_ip": "0.0.0.0",
        "host_port": "64995",
    }
    looks = looks_of({"web-1": case(answers={PUBLISHED_PORTS: [row]})})
    job = job_of(hosts=["web-1"], checks=(*CHECKS, old) if asked_then else CHECKS)
    write(tmp_path / "out", job, looks)
    document = of({"closed": 64995})
    assert judged(tmp_path / "out", tmp_path, document)["web-1"].verdict is Verdict.FAIL
    asked(tmp_path / "out", tmp_path, document, "-o", tmp_path / "again")
    assert judged(tmp_path / "again", tmp_path, document)["web-1"].verdict is Verdict.FAIL


def test_a_check_that_was_not_asked_is_unproven(audited: Path, tmp_path: Path) -> None:
    """It never passes, whatever is expected of it."""
    save(tmp_path / "checks" / "new.yml", {"check": "new", "title": "New", "sql": "SELECT 1"})
    by_host = judged(audited, tmp_path, of({"check": "new", "expect": "no rows"}))
    assert {each.verdict for each in by_host.values()} == {Verdict.UNPROVEN}
    assert by_host["web-1"].detail == "check new was not asked in this look"


def test_a_host_without_evidence_is_unproven(tmp_path: Path) -> None:
    """The audit did not come to it."""
    looks = looks_of({"web-1": case(socket(443, "nginx"))})
    write(tmp_path / "out", job_of(hosts=["web-1", "web-2"]), looks)
    by_host = judged(tmp_path / "out", tmp_path, of({"closed": 1}))
    assert by_host["web-1"].verdict is Verdict.PASS
    assert by_host["web-2"].reason is Reason.PARTIAL
    assert by_host["web-2"].detail == "the folder has no evidence of this host"


def test_host_patterns_mean_what_they_meant(audited: Path, tmp_path: Path) -> None:
    """Groups are those of the inventory then; one that does not exist is an error."""
    by_host = judged(audited, tmp_path, of({"closed": 443}, hosts="web[1]"))
    failing = [name for name, each in by_host.items() if each.verdict is Verdict.FAIL]
    assert failing == ["web-2"]
    done = asked(audited, tmp_path, of({"closed": 443}, hosts="nogroup"))
    assert done.code == 2
    assert "the inventory has no host or group named nogroup" in done.err


def test_a_waiver_holds_as_it_holds_today(audited: Path, tmp_path: Path) -> None:
    """One that has lapsed since waives nothing."""
    waiver = {"rule": "rule", "owner": "a@example.com", "reason": "Why.", "until": "2020-01-01"}
    by_host = judged(audited, tmp_path, of({"closed": 443}, waivers=[waiver]))
    assert by_host["web-1"].verdict is Verdict.FAIL


def test_a_folder_of_it_says_that_nobody_was_looked_at(audited: Path, tmp_path: Path) -> None:
    """It is an audit's folder like others, and can be judged again."""
    done = asked(audited, tmp_path, of({"closed": 443}), "-o", tmp_path / "new")
    assert done.code == 1
    assert f"report: {tmp_path / 'new' / 'report.html'}" in done.out
    new, old = read_result(tmp_path / "new"), read_result(audited)
    assert new.run.evaluated == old.run.finished
    assert "no host was audited again" in new.warnings[0]
    again = by(tmp_path / "new", content_of(tmp_path / "own"))
    assert _telnet(again) == {Reason.PARTIAL, Reason.UNREACHABLE, None}
    assert asked(audited, tmp_path, of({"closed": 443}), "-o", tmp_path / "new").code == 2


def _telnet(result: AuditResult) -> set[Reason | None]:
    return {host.judgements[2].reason for host in result.hosts}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (of({"closed": 0}), "out of range"),
        (of({"check": "none", "expect": 0}), "there is no check"),
    ],
)
def test_a_policy_that_is_wrong_is_refused(
    audited: Path, tmp_path: Path, document: dict[str, Any], said: str
) -> None:
    """As an audit refuses it, with exit code 2."""
    done = asked(audited, tmp_path, document, "-o", tmp_path / "new")
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert not (tmp_path / "new").exists()


def test_an_edited_folder_is_not_evaluated(audited: Path, tmp_path: Path) -> None:
    """Evidence that is not what it was proves nothing."""
    lines = (audited / "evidence.jsonl").read_text(encoding="utf-8").splitlines()
    document = json.loads(lines[0])
    document["look"]["reply"]["answers"]["listening-sockets"]["rows"] = []
    lines[0] = json.dumps(document)
    (audited / "evidence.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = asked(audited, tmp_path, of({"closed": 443}))
    assert done.code == 2
    assert "evidence.jsonl: was edited" in done.err
