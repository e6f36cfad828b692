"""What one host may send at its worst: a million rows, times of other ages, endless nesting."""

from collections.abc import Iterator
from datetime import date, datetime
from itertools import cycle, islice

import pytest

from portproof.content.shipped import shipped
from portproof.errors import ContentError
from portproof.inventory.listing import read_listing
from portproof.judge.host import judge
from portproof.judge.listeners import normalise
from portproof.judge.plan import Plan
from portproof.judge.waivers import Waivers
from portproof.model.hosts import Host, Inventory
from portproof.model.listeners import Owner
from portproof.model.observation import (
    HostLook,
    Platform,
    Reason,
    Row,
    Unobserved,
)
from portproof.model.verdicts import Verdict
from portproof.model.why import Executable, Package, Process, Why
from portproof.policy.policy import Policy, bind
from portproof.policy.rules.base import MOST_FINDINGS
from portproof.policy.waivers import BoundWaiver, Waiver
from portproof.report.contract import Theme, load_format
from portproof.result.result import AuditResult, Digest, Run
from portproof.ssh.replies import read_reply
from support.for_each import for_each
from support.strategies import HOST, WITNESSES, a_look, canary_row, host_look
from support.times import FIRST, LAST, at

MILLION = 1_000_000
RULES: tuple[dict[str, object], ...] = (
    {"id": "closed", "closed": "1-65535"},
    {"id": "by", "closed": "1-65535", "by": {"process": "slapd"}},
    {"id": "only", "only": "22/tcp", "by": {"process": "sshd"}},
)


def row(number: int, **changes: str) -> Row:
    """One listener of its own."""
    return {
        "pid": str(number),
        "socket": str(number),
        "family": "2",
        "protocol": "6",
        "address": f"127.0.{number // 250 % 250}.{number % 250 + 1}",
        "port": str(number % 65535 + 1),
        "remote_port": "0",
        "state": "LISTEN",
        "net_namespace": HOST,
        "name": f"process-{number}",
        **changes,
    }


def many(rows: list[Row], count: int) -> HostLook:
    """A look that brought back these rows again and again, so many in all."""
    canaries = [canary_row(each, "linux", HOST) for each in WITNESSES]
    return host_look(a_look([*islice(cycle(rows), count - len(canaries)), *canaries]))


def judged(look: HostLook, rules: tuple[dict[str, object], ...] = RULES) -> AuditResult:
    """The result of an audit of that one host."""
    bound = tuple(bind([Policy.model_validate({"policy": "p", "title": "t", "rules": rules})]))
    host = judge(Plan(bound, [True] * len(bound)), Host("host"), look, ())
    told = at("2026-01-01T00:00:00+00:00")
    run = Run(
        version="0",
        started=told,
        finished=told,
        controller="test",
        inventory=Digest("test", ""),
        policies=(),
        checks=(),
    )
    return AuditResult(run, bound, [host])


def sizes(result: AuditResult) -> Iterator[int]:
    """The length of every rendering."""
    theme = Theme((shipped("reports"),))
    for name in ("html", "json"):
        yield sum(map(len, load_format(name).render(result, theme)))


def test_a_million_rows_of_a_host_are_judged_and_told_in_bounds() -> None:
    """Every rule has its verdict, and no output grows with what one host invents."""
    result = judged(many([row(number) for number in range(5000)], MILLION))
    verdicts = [each.verdict for each in result.hosts[0].judgements]
    assert verdicts == [Verdict.FAIL, Verdict.PASS, Verdict.FAIL]
    for judgement in (result.hosts[0].judgements[0], result.hosts[0].judgements[2]):
        assert len(judgement.findings) == MOST_FINDINGS + 1
        assert judgement.findings[-1].message == "and 4000 more, which are in the evidence"
    assert max(sizes(result)) < 8_000_000


@for_each(
    ("change", "reason"),
    [({"address": "x"}, Reason.GARBLED), ({"state": ""}, Reason.AMBIGUOUS)],
)
def test_many_rows_that_make_no_sense_prove_nothing(change: dict[str, str], reason: Reason) -> None:
    """They are counted, and a few of them quoted."""
    result = judged(many([row(number, **change) for number in range(100)], MILLION // 10))
    for judgement in result.hosts[0].judgements:
        assert judgement.reason is reason
        assert len(judgement.detail) < 500
    assert max(sizes(result)) < 500_000


def test_many_owners_of_one_listener_are_told_one_of_a_kind() -> None:
    """Workers of one program are alike to every rule; too many kinds leave one that is unknown."""
    same = {"address": "0.0.0.0", "port": "609"}
    identity = host_look(a_look([])).reply.identity
    workers = [row(number, name="apache2", **same) for number in range(3000)]
    (alike,) = normalise([*workers, row(9999, name="sh", **same)], identity).listeners
    assert [owner.name for owner in alike.owners] == ["apache2", "sh"]
    (mixed,) = normalise([row(number, **same) for number in range(3000)], identity).listeners
    assert len(mixed.owners) == 1001
    assert mixed.owners[-1] == Owner()


def test_who_is_not_told_is_not_taken_for_somebody_else() -> None:
    """A process beyond the owners that are kept may be the one that is meant."""
    rows = [row(number, address="0.0.0.0", port="609") for number in range(1, 3000)]
    rule: dict[str, object] = {"id": "r", "closed": 609, "by": {"process": "process-2999"}}
    result = judged(host_look(a_look(rows)), (rule,))
    assert result.hosts[0].judgements[0].reason is Reason.AMBIGUOUS


def test_a_waiver_does_not_cover_findings_that_are_not_told() -> None:
    """The one that stands for the rest is no listener, so only a waiver for all covers it."""
    rows = [row(number, name="x") for number in range(MOST_FINDINGS + 1)]
    look = host_look(a_look(rows))
    for narrow, verdict in (({"ports": "1-65535"}, Verdict.FAIL), ({}, Verdict.WAIVED)):
        result = judged(look, RULES[:1])
        waiver = Waiver.model_validate(
            {"rule": "closed", "owner": "o", "reason": "r", "until": "2100-01-01", **narrow}
        )
        inventory = Inventory((Host("host"),), "test")
        today = Waivers(
            [BoundWaiver(waiver, "p/closed")], result.rules, inventory, date(2026, 1, 1)
        )
        assert today.apply(result.hosts[0]).judgements[0].verdict is verdict


@for_each("taken", [at("1970-01-01T00:00:00Z"), FIRST, LAST])
@for_each("seconds", [0, 4_102_444_800, -1, 2**62])
def test_clocks_of_another_age_change_no_verdict(taken: datetime, seconds: int) -> None:
    """Of the controller, of the host, and of its files: judged, read and rendered all the same."""
    why = Why(
        process=Process(pid=7, name="npmp", path="/usr/sbin/npmp", started=seconds),
        executable=Executable(path="/usr/sbin/npmp", modified=seconds),
        package=Package(manager="dpkg", name="npmp", version="1", installed=seconds),
    )
    seen = host_look(a_look([row(7, start_time=str(seconds), name="npmp")]))
    look = HostLook(
        reply=seen.reply, witnesses=seen.witnesses, taken=taken, seconds=0.1, why={7: why}
    )
    result = judged(look, RULES[:1])
    (judgement,) = result.hosts[0].judgements
    assert judgement.verdict is Verdict.FAIL
    assert judgement.findings[0].reading is not None
    assert min(sizes(result)) > 0


@for_each("deep", [b"[" * 100_000, b'{"a":' * 100_000])
@for_each(
    "frame",
    [
        b'{"runs": [], "probe": %b, "canaries": [], "unopened": [], "processes": [], "failed": ""}',
        (
            b'{"runs": [{"x": %b}], "probe": null, "canaries": [], "unopened": [],'
            b' "processes": [], "failed": ""}'
        ),
        b"%b",
    ],
)
def test_nesting_without_end_is_no_answer_of_a_host(deep: bytes, frame: bytes) -> None:
    """Whatever is nested where."""
    told = read_reply(frame % deep, {}, Platform.LINUX, 1e12)
    assert isinstance(told.reply, Unobserved)
    assert told.reply.reason is Reason.GARBLED


@for_each("deep", [b"[" * 100_000, b'{"a":' * 100_000])
def test_nesting_without_end_is_no_inventory(deep: bytes) -> None:
    """An error is told, as for anything else that is none."""
    with pytest.raises(ContentError, match="did not print an inventory"):
        read_listing("x", b'{"_meta": {"hostvars": {"a": ' + deep)
