"""The looks of an audit: which hosts, which questions, by which sources."""

from collections.abc import Sequence

from portproof.archive.folder import Request
from portproof.judge.job import Job
from portproof.judge.plan import ports_to_try
from portproof.model.hosts import Target
from portproof.run.one_host import How, Looks
from portproof.sources.local import sources
from portproof.ssh.settings import SshSettings


def looks_for(job: Job, request: Request, targets: Sequence[Target]) -> Looks:
    """Return the looks at the targets, as requested.

    Raises:
        UsageError: there is no source of that name for these hosts.
    """
    how = How(
        sources(request.via),
        forks=request.forks,
        outside=ports_to_try(job.rules, job.inventory) if request.outside else None,
        ssh=SshSettings(command_timeout=request.timeout, via=request.via),
    )
    return Looks(targets, job.questions(), how)
