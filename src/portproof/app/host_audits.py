"""The audits of hosts that a request asks for: which targets, by which sources."""

from collections.abc import Sequence

from portproof.archive.folder import Request
from portproof.judge.job import Job
from portproof.model.hosts import Target
from portproof.run.hosts import HostAudits, LookSettings
from portproof.sources.local import sources
from portproof.ssh.settings import SshSettings


def host_audits(job: Job, request: Request, targets: Sequence[Target]) -> HostAudits:
    """Return the audits of the targets, as requested.

    Raises:
        UsageError: there is no source of that name for these hosts.
    """
    settings = LookSettings(
        sources(request.via),
        forks=request.forks,
        outside=request.outside,
        ssh=SshSettings(command_timeout=request.timeout, via=request.via),
    )
    return HostAudits(job, targets, settings)
