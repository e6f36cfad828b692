"""Resume the audit in a folder."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from portproof.app.audit_request import (
    SHIPPED_STYLE,
    AuditOutcome,
    Interaction,
    Passphrase,
    Progress,
    ReportStyle,
    no_progress,
)
from portproof.app.conduct_audit import OutputFolder, check_request, conduct
from portproof.app.plan_audit import digests_of, plan_audit
from portproof.app.theme import check_style, theme_of
from portproof.archive.folder import MANIFEST, SIGNATURE, Evidence, Request
from portproof.archive.integrity import insist, read_manifest, wrong
from portproof.archive.read import read_evidence, read_request
from portproof.errors import Code, UsageError
from portproof.inventory.read import read_inventory
from portproof.inventory.vault import VaultOptions
from portproof.judge.job import Job
from portproof.run.audit import still_stand
from portproof.text.times import now


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeRequest:
    """Which audit to resume.

    Attributes:
        folder: The folder of the audit.
        style: How the report looks; it is not kept in the folder.
    """

    folder: Path
    style: ReportStyle = SHIPPED_STYLE


def resume(
    request: ResumeRequest,
    *,
    progress: Progress = no_progress,
    passphrase: Passphrase | None = None,
) -> AuditOutcome:
    """Resume the audit in a folder, as it was requested.

    Hosts that are missing or unproven are audited again; evidence is kept for up to a day.

    Args:
        request: Which audit to resume.
        progress: Returns a context manager that is open while hosts are audited; it may give a
            callable that is called with each host's result.
        passphrase: Returns the passphrase of the signing key; called only if the key has one.

    Raises:
        UsageError: nothing is left to audit, or policies, checks or the inventory have changed.
        ContentError: the folder was edited or damaged, or policies are wrong.
        OutputError: the folder cannot be written.
        TemplateError: a template, style or logo cannot be used.
    """
    folder = request.folder
    check_style(request.style)
    _refuse_edited(folder)
    asked = read_request(folder)
    check_request(asked)
    vault = VaultOptions(password_files=asked.vault_password_files, ids=asked.vault_ids)
    inventory = read_inventory(
        asked.inventory,
        limit=asked.limit,
        vault=vault,
        accept_new_host_keys=asked.accept_new_host_keys,
    )
    job = plan_audit(asked, inventory)
    kept = _standing(job, asked, folder)
    output = OutputFolder(folder, theme_of(request.style), kept)
    if (folder / MANIFEST).exists() and not job.without(kept):
        text = f"nothing is left to audit in {folder}: the audit finished, and within the"
        raise UsageError(f"{text} last day every host was proven or failed; nothing was written")
    return conduct(job, _with_start(asked, folder), output, Interaction(progress, passphrase))


def _refuse_edited(folder: Path) -> None:
    """Refuse evidence that was edited after the audit finished."""
    if (folder / MANIFEST).exists():
        manifest = read_manifest(folder)
        insist(folder, manifest)
        if read_request(folder).sign is not None and not (folder / SIGNATURE).exists():
            text = "is missing: the audit was asked to sign its manifest"
            raise wrong(folder / SIGNATURE, text, Code.SIGNATURE)
    if (folder / SIGNATURE).exists():
        from portproof.archive.signing import refuse_bad_signature  # noqa: PLC0415 - it loads asyncssh, which only a signed folder repays

        refuse_bad_signature(folder)


def _with_start(request: Request, folder: Path) -> Request:
    """Return a request with its start; those of earlier versions have it in the manifest only."""
    if request.started:
        return request
    finished = (folder / MANIFEST).exists()
    started = read_manifest(folder).run.started if finished else now()
    return msgspec.structs.replace(request, started=started)


def _standing(job: Job, request: Request, path: Path) -> dict[str, Evidence]:
    """Return the latest evidence of each host that is still valid for the resumed audit."""
    before, now = set(request.digests), set(digests_of(job))
    if before != now:
        changed = sorted({each.name for each in before ^ now})
        names = ", ".join(changed)
        raise UsageError(
            f"changed since the audit in {path} was started: {names}; start a new audit"
        )
    journal = {evidence.host: evidence for evidence in read_evidence(path)}
    standing = still_stand(job, {name: each.look for name, each in journal.items()})
    return {name: journal[name] for name in standing}
