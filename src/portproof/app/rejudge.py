"""Make a job of a stored result, so that its evidence can be judged again."""

from portproof.archive.folder import Request
from portproof.defaults import WARN_DAYS
from portproof.judge.job import Job
from portproof.model.hosts import Host, Inventory
from portproof.result.basis import Basis
from portproof.result.result import AuditResult
from portproof.text.times import in_utc


def inventory_of(result: AuditResult, basis: Basis) -> Inventory:
    """Return the inventory of an audit: its hosts with their groups, without variables."""
    return Inventory(
        hosts=tuple(Host(host.name, host.groups) for host in result.hosts),
        source=result.run.inventory.name,
        digest=result.run.inventory.sha256,
        everyone=basis.everyone,
        members=basis.members,
        warnings=basis.warnings,
    )


def basis_of(result: AuditResult, request: Request) -> Basis:
    """Return the recorded basis of the verdicts, or one made of the request if there is none."""
    return result.basis or Basis(
        today=in_utc(result.run.started).date(),
        warn_days=request.warn_days or WARN_DAYS,
        require_witness=request.require_witness,
    )


def job_of(result: AuditResult, basis: Basis) -> Job:
    """Return the job of an audit."""
    return Job(
        rules=result.rules,
        checks=result.checks,
        inventory=inventory_of(result, basis),
        waivers=basis.waivers,
        warn_days=basis.warn_days,
        policy_digests=result.run.policies,
        check_digests=result.run.checks,
        require_witness=basis.require_witness,
        today=basis.today,
    )
