"""Formats as text, and results in which all verdicts are fine and the whole is not."""

from portproof.content.shipped import shipped
from portproof.model.verdicts import Judgement, Verdict
from portproof.report.contract import Theme, load_format, write
from portproof.result.result import AuditResult, HostResult
from support.report.results import all_pass, mixed, run, seen

THEME = Theme((shipped("reports"),))


def rendered(name: str, result: AuditResult) -> str:
    """The text of a format."""
    return "".join(write(name, load_format(name), result, THEME))


def nothing_judged() -> AuditResult:
    """No rule is for any host."""
    base = mixed()
    never = tuple(Judgement(Verdict.NOT_APPLICABLE) for _ in base.rules)
    return AuditResult(run(), base.rules, [HostResult("one", (), never, seen())])


def interrupted() -> AuditResult:
    """All pass, and yet the audit was stopped."""
    base = all_pass()
    return AuditResult(run(interrupted=True), base.rules, base.hosts)


def bare() -> AuditResult:
    """No host, no rule, nothing known."""
    return AuditResult(run(), [], [])


def fleet(hosts: int) -> AuditResult:
    """The mixed hosts again and again, under names of their own."""
    base = mixed()
    many = [
        HostResult(f"{at}-{host.name}", host.groups, host.judgements, host.seen)
        for at in range(hosts // len(base.hosts))
        for host in base.hosts
    ]
    return AuditResult(run(), base.rules, many)
