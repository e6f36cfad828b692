"""Waivers: what they cover, when they end, and what is told about them."""

from datetime import date
from typing import Any

from portproof.judge.host import judge
from portproof.judge.plan import Plan
from portproof.judge.waivers import Waivers
from portproof.model.hosts import Host, Inventory
from portproof.model.verdicts import Verdict
from portproof.policy.policy import BoundRule, Policy, bind
from portproof.policy.waivers import BoundWaiver, Waiver
from portproof.result.result import HostResult
from support.cases import look_of
from support.for_each import for_each

TODAY = date(2026, 6, 15)
HOSTS = Inventory((Host("nfs1", ("nfs",)), Host("web1", ("web",))), "the test")
TCP_609 = {"address": "0.0.0.0", "port": 609, "name": "rpc.statd", "user": "statd"}
UDP_609 = {"address": "10.0.0.5", "port": 609, "protocol": 17, "name": "other"}


def rules() -> tuple[BoundRule, ...]:
    """One rule that every test waives."""
    rule = {"id": "old", "closed": 609}
    return tuple(bind([Policy(policy="mine", title="Closed", rules=[rule])]))


def waived(rows: list[dict[str, Any]], *waivers: dict[str, Any], host: str = "nfs1") -> HostResult:
    """A host's result after the waivers were applied."""
    look = look_of({"rows": rows})
    judged = judge(Plan(rules(), [True]), Host(host), look, ())
    return made(*waivers).apply(judged)


def made(*waivers: dict[str, Any]) -> Waivers:
    """Waivers of an audit of today; each has what every waiver needs, unless it says otherwise."""
    needed = {"rule": "old", "owner": "storage@example.com", "reason": "NFS", "until": "2026-07-01"}
    bound = [
        BoundWaiver(Waiver.model_validate(needed | given), "mine/old", index=index)
        for index, given in enumerate(waivers)
    ]
    return Waivers(bound, rules(), HOSTS, TODAY)


def test_a_waived_finding_stays_visible_with_owner_and_days_left() -> None:
    """The verdict is waived, and the finding is still there."""
    (judgement,) = waived([TCP_609], {"ticket": "OPS-1"}).judgements
    assert judgement.verdict is Verdict.WAIVED
    (finding,) = judgement.findings
    assert finding.waived is not None
    assert (finding.waived.owner, finding.waived.days_left) == ("storage@example.com", 16)
    assert finding.waived.ticket == "OPS-1"


@for_each(
    "narrow",
    [
        {"hosts": "nfs"},
        {"ports": "609/tcp"},
        {"at": "any"},
        {"by": {"process": "rpc.statd"}},
        {"by": {"user": "stat*"}, "ports": "600-700", "hosts": "nfs1"},
        {"until": "2026-06-15"},
    ],
)
def test_what_a_waiver_covers(narrow: dict[str, Any]) -> None:
    """Whatever it asks for is there."""
    assert waived([TCP_609], narrow).judgements[0].verdict is Verdict.WAIVED


@for_each(
    "narrow",
    [
        {"hosts": "web"},
        {"ports": "609/udp"},
        {"ports": 610},
        {"at": "loopback"},
        {"at": "10.0.0.0/8"},
        {"at": "external"},
        {"by": {"process": "nginx"}},
        {"by": {"path": "/usr/sbin/*"}},
    ],
)
def test_what_a_waiver_does_not_cover(narrow: dict[str, Any]) -> None:
    """One thing is different, or cannot be seen: it fails."""
    assert waived([TCP_609], narrow).judgements[0].verdict is Verdict.FAIL


def test_another_program_on_a_published_port_does_not_answer_for_the_container() -> None:
    """Docker forwards the port past the socket that the waiver is about."""
    published = {"id": "4f79", "type": "tcp", "port": 80, "host_ip": "0.0.0.0", "host_port": 609}
    look = look_of({"rows": [TCP_609], "answers": {"published-ports": [published]}})
    judged = judge(Plan(rules(), [True]), Host("nfs1"), look, ())
    waivers = made({"by": {"process": "rpc.statd"}})
    (judgement,) = waivers.apply(judged).judgements
    assert judgement.verdict is Verdict.FAIL
    assert len(judgement.findings) == 1


def test_one_uncovered_finding_fails_the_rule() -> None:
    """A waiver for the process does not hide another process on the same port."""
    (judgement,) = waived([TCP_609, UDP_609], {"by": {"process": "rpc.statd"}}).judgements
    assert judgement.verdict is Verdict.FAIL
    assert [finding.waived is not None for finding in judgement.findings] == [True, False]


def test_an_expired_waiver_fails_and_says_that_it_lapsed() -> None:
    """The day after the last day, the rule fails."""
    (judgement,) = waived([TCP_609], {"until": "2026-06-14"}).judgements
    assert judgement.verdict is Verdict.FAIL
    waiver = judgement.findings[0].waived
    assert waiver is not None
    assert waiver.lapsed


def test_the_longest_of_several_waivers_counts() -> None:
    """A renewed waiver beside the old one is enough."""
    result = waived([TCP_609], {"until": "2026-01-01"}, {"until": "2027-01-01"})
    assert result.judgements[0].verdict is Verdict.WAIVED


def test_a_waiver_never_makes_an_unproven_rule_green() -> None:
    """What nobody could see, nobody can answer for."""
    look = look_of({"euid": 1000})
    judged = judge(Plan(rules(), [True]), Host("nfs1"), look, ())
    assert made({}).apply(judged).judgements[0].verdict is Verdict.UNPROVEN


@for_each(
    ("given", "said"),
    [
        ({"until": "2026-06-30"}, "ends on 2026-06-30, in 15 days"),
        ({"until": "2026-06-01"}, "lapsed on 2026-06-01"),
        ({"hosts": "web"}, "covers nothing; remove it"),
        ({"hosts": "all"}, "is for 2 hosts and covers findings on 1; not needed on web1"),
        ({"ports": 609}, "ports: names 609 and needs 609/tcp"),
        ({"ports": "600-700/tcp"}, "ports: names 600-700/tcp and needs 609/tcp"),
        ({"by": {"process": ["rpc.statd", "nginx"]}}, "by: nobody was process nginx"),
        ({"by": {"process": "rpc.*", "user": ["x*", "statd"]}}, "by: nobody was user x*"),
    ],
)
def test_what_is_to_be_cleaned_up_is_told(given: dict[str, Any], said: str) -> None:
    """Ending, lapsed, unused and too wide waivers are warned of."""
    results = [waived([TCP_609], given), waived([], given, host="web1")]
    warnings = made(given).warnings(results, warn_days=15)
    assert any(said in warning for warning in warnings), warnings


@for_each(
    ("address", "at", "said"),
    [
        ("10.0.0.5", ["10.0.0.0/8", "fd00::/8"], "at: nothing was in fd00::/8"),
        ("10.0.0.5", "any", "at: names any and needs external"),
        ("127.0.0.1", "any", "at: names any and needs loopback"),
        ("0.0.0.0", "any", None),
        ("10.0.0.5", "external", None),
        ("10.0.0.5", "10.0.0.0/8", None),
    ],
)
def test_addresses_that_were_not_needed_are_told(address: str, at: Any, said: str | None) -> None:  # noqa: ANN401 - as YAML has it
    """A narrower scope would have covered the same."""
    given = {"at": at, "hosts": "nfs", "until": "2027-01-01"}
    rows = [{**TCP_609, "address": address}]
    warnings = made(given).warnings([waived(rows, given)], warn_days=0)
    assert [text.partition(" mine/old ")[2] for text in warnings] == ([said] if said else [])


def test_hosts_of_one_kind_tell_together_what_a_waiver_needs() -> None:
    """What one host does not need, another may."""
    given = {"ports": 609, "until": "2027-01-01"}
    results = [
        waived([TCP_609], given),
        waived([{**TCP_609, "protocol": 17}], given, host="web1"),
    ]
    assert made(given).warnings(results, warn_days=0) == ()


def test_what_is_not_proven_does_not_count_against_a_waiver() -> None:
    """Where nobody could look, a waiver may be needed."""
    dark = judge(Plan(rules(), [True]), Host("web1"), look_of({"dark": "unreachable"}), ())
    given = {"ports": "600-700", "until": "2027-01-01"}
    here = waived([TCP_609], given)
    assert made(given).warnings([here, made(given).apply(dark)], warn_days=0) == ()
    (warning,) = made(given).warnings([dark], warn_days=0)
    assert warning.endswith("covers nothing that was seen; its rule is unproven on 1 of 1 hosts")


def test_hosts_that_were_not_audited_do_not_count_against_a_waiver() -> None:
    """An audit may be limited to some of the hosts."""
    given = {"until": "2027-01-01"}
    assert made(given).warnings([waived([TCP_609], given)], warn_days=0) == ()
    (warning,) = made({**given, "hosts": "web"}).warnings([waived([], given)], warn_days=0)
    assert warning.endswith("is for no host of this audit")


def test_a_narrow_waiver_far_from_its_end_is_no_news() -> None:
    """Nothing to clean up, nothing said."""
    given = {"hosts": "nfs", "until": "2027-01-01"}
    assert made(given).warnings([waived([TCP_609], given)], warn_days=30) == ()
