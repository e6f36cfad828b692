"""Find waivers to clean up, using the result of an audit."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from portproof.app.judge_evidence import job_by
from portproof.app.lint import LintOutcome, lint
from portproof.archive.integrity import wrong
from portproof.archive.read import read_evidence, read_request
from portproof.archive.results import read_result
from portproof.errors import Code
from portproof.judge.waivers import WaiverRemark
from portproof.result.result import AuditResult
from portproof.run.audit import untidy_waivers


@dataclass(frozen=True, slots=True)
class WaiversOutcome:
    """The waivers of policies that an audit shows to be expired, unused or too wide.

    Attributes:
        lint: The policies and checks.
        remarks: What is to be cleaned up, and why.
        waivers: How many waivers there are.
    """

    lint: LintOutcome
    remarks: tuple[WaiverRemark, ...]
    waivers: int


def waivers_to_clean_up(folder: Path, policies: Sequence[str] = ()) -> WaiversOutcome:
    """Find waivers that have lapsed, end soon, cover nothing or cover too much.

    Args:
        folder: The folder of a finished audit.
        policies: Names of shipped policies, files or folders. Empty: those of the audit.

    Raises:
        ContentError: the folder is half written, edited, damaged or of an interrupted audit, or
            policies are wrong.
    """
    result = _finished(folder)
    linted = lint(policies or read_request(folder).policies)
    job = job_by(folder, result, linted.content)
    hosts = {host.name: host for host in job.inventory.hosts}
    looks = ((hosts[each.host], each.look) for each in read_evidence(folder) if each.host in hosts)
    return WaiversOutcome(linted, untidy_waivers(job, looks), len(job.waivers))


def _finished(folder: Path) -> AuditResult:
    result = read_result(folder)
    if result.run.interrupted:
        text = f"the audit was interrupted; resume it with --resume {folder}"
        raise wrong(folder, text, Code.UNFINISHED)
    return result
