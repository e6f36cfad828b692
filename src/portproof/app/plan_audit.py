"""Plan an audit: the rules for each host, and the checks they need."""

from dataclasses import replace

from portproof.app.choose_policies import choose
from portproof.app.prepare import prepare
from portproof.archive.folder import Request
from portproof.catalog.controls import refuse_unknown
from portproof.judge.job import Job
from portproof.model.hosts import Inventory
from portproof.result.result import Digest


def plan_audit(request: Request, inventory: Inventory) -> Job:
    """Choose the policies, load and check them, and plan the audit of an inventory.

    Raises:
        ContentError: policies or checks are wrong; holds every problem.
        UsageError: a policy or the framework is unknown.
    """
    choice = choose(request.policies, inventory)
    job = prepare(
        choice.content,
        inventory,
        chosen=choice.hosts,
        require_witness=request.require_witness,
        warn_days=request.warn_days,
    )
    if request.framework:
        refuse_unknown(request.framework, (key for each in job.rules for key in each.rule.maps))
    return replace(job, notes=choice.notes, framework=request.framework or None)


def digests_of(job: Job) -> tuple[Digest, ...]:
    """Return the digests of the policies, the checks and the inventory of a job."""
    inventory = Digest(job.inventory.source, job.inventory.digest)
    return (*job.policy_digests, *job.check_digests, inventory)
