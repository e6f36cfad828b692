"""The unit of work as bytes: another process judges by the same rules, and tells the same."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from portproof.app.content import load_content
from portproof.inventory.build import assembled
from portproof.judge.job import Job, Judging
from portproof.model.connection import Become, Connection, Secret
from portproof.model.hosts import Host, Inventory
from portproof.policy.policy import bind
from portproof.policy.waivers import BoundWaiver, Waiver
from portproof.run.host_audit import HostAudit, HostTask, LocalAuditor
from portproof.run.plan import AuditPlan
from portproof.run.wire import audit_bytes, audit_of, read_audit, read_task, task_bytes
from portproof.ssh.settings import SshSettings
from support import strategies
from support.fleet.looking import listening_check
from support.oracle import Look, Rule

HOSTS = (Host("web1", ("web",)), Host("db1", ("db",)))


def sent(plan: AuditPlan) -> AuditPlan:
    """A plan as another process gets it."""
    return AuditPlan.model_validate_json(plan.model_dump_json(exclude_unset=True))


def test_shipped_policies_are_the_same_in_another_process() -> None:
    """With their checks, and where the inventory chooses the policies of a host."""
    content = load_content(())
    rules = tuple(content.rules())
    job = Job(rules, tuple(content.check_by_id().values()), Inventory(HOSTS, "two hosts"))
    plan = AuditPlan.of(job, ssh=SshSettings(via="probe", command_timeout=7.5), outside=True)
    assert sent(plan) == plan
    told = sent(plan).bound_rules()
    assert [(each.key, each.rule, each.severity) for each in told] == [
        (each.key, each.rule, each.severity) for each in rules
    ]


@given(
    st.lists(strategies.rules(), min_size=1, max_size=4),
    strategies.looks(),
    st.sampled_from([(), ("all",), ("web", "db"), ("web",)]),
)
def test_another_process_tells_what_this_one_would(
    rules: list[Rule], look: Look, waived: tuple[str, ...]
) -> None:
    """The verdicts on any look by any rules and waivers, through bytes and back."""
    seen = strategies.host_look(look)
    job = Job(
        tuple(bind([strategies.policy(*rules)])),
        (listening_check(),),
        assembled(HOSTS, "two hosts"),
        waivers=tuple(waiver(hosts, n) for n, hosts in enumerate(waived)),
        today=date(2026, 1, 1),
    )
    judging, plan = Judging(job), sent(AuditPlan.of(job, ssh=SshSettings()))
    auditor = LocalAuditor(plan.judge(), lambda: seen, lambda found, _: found)
    for host in HOSTS:
        there = auditor.audit(host, judging.applying(host.name))
        back = audit_of(read_audit(audit_bytes(there)), host.groups)
        assert back == HostAudit(seen, judging(host, seen))


def waiver(hosts: str, index: int) -> BoundWaiver:
    """A waiver of the first rule on some hosts."""
    fields = {"rule": "rule-0", "hosts": hosts, "owner": "a", "reason": "b", "until": "2026-06-01"}
    return BoundWaiver(Waiver.model_validate(fields), "random/rule-0", index=index)


def test_a_task_keeps_its_passwords() -> None:
    """They are needed on the other side, and shown nowhere."""
    become = Become(method="sudo", user="root", password=Secret("two"))
    way = Connection(kind="ssh", address="10.0.0.1", password=Secret("hunter2"), become=become)
    job = Job((), (), assembled(HOSTS, "two hosts"))
    task = HostTask("web1", ("web",), way, Judging(job).applying("web1"))
    back = read_task(task_bytes(task))
    assert back == task
    assert back.connection.password is not None
    assert back.connection.password.reveal() == "hunter2"
    assert "hunter2" not in repr(back)
