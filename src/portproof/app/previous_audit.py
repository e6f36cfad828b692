"""Find the audit that a new one is compared with, before any host is audited."""

from pathlib import Path

from portproof.app.history import PreviousAudit, latest, named
from portproof.archive.folder import Request
from portproof.judge.job import Job


def previous_audit(request: Request, folder: Path, job: Job) -> PreviousAudit:
    """Return the requested audit, or the latest in the same parent folder with the same policies.

    Raises:
        ContentError: the audit asked for cannot be read, or was edited.
        UsageError: it finished after this one was started.
    """
    if request.since is not None:
        return named(Path(request.since), request.started)
    return latest(folder, job.policy_digests, job.inventory.source, request.started)
