"""Judge the evidence of an audit again, with other policies."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from portproof.app.audit_request import SHIPPED_STYLE, ReportStyle
from portproof.app.content import load_content
from portproof.app.judge_evidence import job_by, judge_evidence
from portproof.app.theme import check_style, theme_of
from portproof.archive.folder import AuditFolder
from portproof.archive.read import read_request
from portproof.archive.results import read_result
from portproof.diff.changes import changes
from portproof.exitcodes import ExitCode
from portproof.judge.job import Job
from portproof.report.contract import load_formats, written
from portproof.result.changes import Changes
from portproof.result.result import AuditResult


@dataclass(frozen=True, slots=True, kw_only=True)
class ReevaluateRequest:
    """Which evidence to judge, with which policies.

    Attributes:
        folder: The folder of a finished audit.
        policies: Names of shipped policies, files or folders.
        output: The folder to write the result to, new or empty; None to write nothing.
        style: How the report looks.
    """

    folder: Path
    policies: tuple[str, ...]
    output: Path | None = None
    style: ReportStyle = SHIPPED_STYLE


@dataclass(frozen=True, slots=True)
class ReevaluateOutcome:
    """The result of judging evidence with other policies.

    Attributes:
        result: Every verdict.
        changes: What differs from the verdicts of the audit.
    """

    result: AuditResult
    changes: Changes

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of ``portproof evaluate``, which is that of an audit."""
        return self.result.exit_code


def reevaluate(request: ReevaluateRequest) -> ReevaluateOutcome:
    """Judge the evidence of an audit with other policies. No host is connected to.

    Waivers apply as of today. A rule is unproven if the audit did not run its check.

    Raises:
        ContentError: policies are wrong, or the folder is half written, edited or damaged.
        UsageError: a policy is unknown, or the output folder is not empty.
        TemplateError: a template, style or logo cannot be used.
        OutputError: the output folder cannot be written.
    """
    check_style(request.style)
    old = read_result(request.folder)
    job = job_by(request.folder, old, load_content(request.policies))
    new = _judged(request, old, job)
    return ReevaluateOutcome(new, changes(old, new))


def _judged(request: ReevaluateRequest, old: AuditResult, job: Job) -> AuditResult:
    if request.output is None:
        return judge_evidence(request.folder, old, job)
    theme = theme_of(request.style)
    asked = msgspec.structs.replace(
        read_request(request.folder), policies=request.policies, digests=(), sign=None, started=None
    )
    with AuditFolder(request.output, asked) as folder:
        new = judge_evidence(request.folder, old, job, record=folder.record)
        folder.finish(new.run, written(load_formats(()), new, theme))
    return new
