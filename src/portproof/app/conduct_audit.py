"""Look at the hosts of an audit, judge them, and write the folder."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from portproof.app.audit_request import AuditOutcome, AuditRequest, Interaction, RunningAudit
from portproof.app.host_audits import host_audits
from portproof.app.plan_audit import digests_of, plan_audit
from portproof.app.previous_audit import previous_audit
from portproof.app.signing import signer_for
from portproof.app.theme import check_style, theme_of
from portproof.archive.folder import AuditFolder, Evidence, Request, default_folder
from portproof.judge.gate import condition, gate
from portproof.judge.job import Job
from portproof.model.hosts import Host, Inventory
from portproof.model.observation import Look
from portproof.report.contract import Theme, load_formats, written
from portproof.result.result import AuditResult
from portproof.run.audit import run
from portproof.run.hosts import HostAudits
from portproof.text.times import now


@dataclass(frozen=True, slots=True)
class OutputFolder:
    """The folder of an audit, how its report looks, and the evidence of a resumed one to keep."""

    folder: Path
    theme: Theme
    kept: Mapping[str, Evidence] | None = None


def check_request(request: AuditRequest | Request) -> None:
    """Find what is wrong with a request before its inventory is read, which may take long.

    Raises:
        UsageError: a format or a condition is unknown.
        TemplateError: a template, style or logo cannot be used.
    """
    load_formats(request.formats)
    for text in request.fail_on:
        condition(text)
    if isinstance(request, AuditRequest):
        check_style(request.style)


def new_audit(
    request: AuditRequest, inventory: Inventory, interaction: Interaction
) -> AuditOutcome:
    """Audit an inventory as requested, into a new folder."""
    kept = msgspec.convert(request, Request, from_attributes=True)
    kept = msgspec.structs.replace(kept, started=now())
    theme, job = theme_of(request.style), plan_audit(kept, inventory)
    place = default_folder() if request.output is None else nullcontext(request.output)
    with place as folder:
        return conduct(job, kept, OutputFolder(folder, theme), interaction)


def conduct(
    job: Job, request: Request, output: OutputFolder, interaction: Interaction
) -> AuditOutcome:
    """Look at the hosts whose evidence is not kept, judge all, write the folder, and gate."""
    result = _audit(replace(job, begun=request.started), request, output, interaction)
    decided = gate(result, [condition(text) for text in request.fail_on])
    return AuditOutcome(result, output.folder, decided)


def _audit(
    job: Job, request: Request, output: OutputFolder, interaction: Interaction
) -> AuditResult:
    sign = signer_for(request.sign, interaction.passphrase)
    before = previous_audit(request, output.folder, job)
    known = {name: evidence.look for name, evidence in (output.kept or {}).items()}
    audits = host_audits(job, request, job.without(known))
    asked = msgspec.structs.replace(request, digests=digests_of(job))
    kept = None if output.kept is None else output.kept.values()
    with AuditFolder(output.folder, asked, kept) as folder:
        result = before.compared(_run(job, audits, folder, known, interaction))
        files = written(load_formats(request.formats), result, output.theme)
        folder.finish(result.run, files, sign)
    return result


def _run(
    job: Job,
    audits: HostAudits,
    folder: AuditFolder,
    known: Mapping[str, Look],
    interaction: Interaction,
) -> AuditResult:
    def record(host: Host, look: Look) -> None:
        folder.record(Evidence(host.name, host.groups, look))

    hosts = len(job.inventory.hosts) - len(known)
    running = RunningAudit(hosts, folder.path, audits.finish, audits.cancel)
    with interaction.progress(running) as watch:
        return run(job, audits, record=record, watch=watch, known=known)
