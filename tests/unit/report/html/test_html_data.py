"""The data block: every verdict and all evidence, whatever the size, and nothing hidden in it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from portproof.model.observation import Reason
from portproof.model.verdicts import PASSED, Finding, Judgement, Verdict, failed, unproven
from portproof.policy.policy import Policy, bind
from portproof.report.html.data import document
from portproof.report.html.page import packed
from portproof.report.html.roster import VerdictTable
from portproof.report.words.limits import NAMES, shared
from portproof.result.result import AuditResult, HostResult
from support.report.pages import page, verdicts
from support.report.results import HOSTILE, hostile, mixed, run, seen
from support.report.samples import ALIKE, alike, compared, fleet

KINDS = (
    PASSED,
    Judgement(Verdict.PASS),
    Judgement(Verdict.PASS, notes=("a note",)),
    failed(Finding("one"), Finding("two")),
    Judgement(Verdict.FAIL, detail="without a finding"),
    Judgement(Verdict.WAIVED, findings=(Finding("somebody answers for it"),)),
    Judgement(Verdict.NOT_APPLICABLE, detail="not for this host"),
    unproven(Reason.TIMEOUT, "too late"),
    unproven(Reason.PRIVILEGE, "not root"),
)


@st.composite
def results(draw: st.DrawFn) -> AuditResult:
    """Any result of up to five rules on up to eight hosts, in any groups."""
    rules = draw(st.integers(1, 5))
    row = st.lists(st.sampled_from(KINDS), min_size=rules, max_size=rules)
    groups = st.lists(st.sampled_from(("a", "b", "c")), unique=True, max_size=3)
    hosts = draw(st.lists(st.tuples(row, groups), min_size=1, max_size=8))
    declared = [{"id": f"r{number}", "closed": number + 1} for number in range(rules)]
    policy = Policy.model_validate({"policy": "p", "title": "t", "rules": declared})
    made = [
        HostResult(f"h{number}", tuple(in_groups), tuple(judgements), seen())
        for number, (judgements, in_groups) in enumerate(hosts)
    ]
    return AuditResult(run(), bind([policy]), made)


@settings(max_examples=60)
@given(results())
def test_every_verdict_and_every_finding_is_in_the_data(result: AuditResult) -> None:
    """Hosts, groups, verdicts and findings come back out, in order; the bars add up to them."""
    parsed = page(result)
    data = parsed.data
    told = [[judgement.verdict.value for judgement in host.judgements] for host in result.hosts]
    found = [
        (number, index, finding.message)
        for number, host in enumerate(result.hosts)
        for index, judgement in enumerate(host.judgements)
        for finding in judgement.findings
    ]
    texts, groups = data["texts"], data["groups"]
    assert verdicts(data) == told
    assert [texts[name] for name in data["hosts"]["name"]] == [host.name for host in result.hosts]
    assert [tuple(texts[each] for each in groups[place]) for place in data["hosts"]["groups"]] == [
        host.groups for host in result.hosts
    ]
    columns = data["found"]
    assert found == [
        (host, rule, texts[data["findings"]["message"][finding]])
        for host, rule, finding in zip(*columns.values(), strict=True)
    ]
    by_rule = VerdictTable(result).by_rule()
    assert sum((sum(each.values()) for each in by_rule), 0) == sum(result.totals.verdicts.values())


def test_room_is_shared_and_never_exceeded() -> None:
    """Every rule gets as much as there is room for, in order, and no rule gets more than it has."""
    assert list(shared([100, 3, 100], 60, 25)) == [20, 3, 20]
    assert list(shared([100], 60, 25)) == [25]
    assert list(shared([5] * 6, 4, 25)) == [1, 1, 1, 1, 0, 0]
    assert list(shared([], 4, 25)) == []
    assert sum(shared([1000] * 500, NAMES, 300)) <= NAMES


def test_hosts_that_came_out_alike_cost_little() -> None:
    """A thousand hosts more, where nothing is wrong, add a few bytes each."""
    sizes = [
        len("".join(packed(document(VerdictTable(fleet(count, 20, 0)))))) for count in (1000, 2000)
    ]
    assert sizes[1] - sizes[0] < 1000 * 40


def test_nothing_hidden_gets_into_the_data() -> None:
    """Every text of the hostile sample is made visible."""
    texts = page(hostile()).data["texts"]
    assert not [text for text in texts if not text.isprintable()]
    assert "\\u202e" in "".join(texts)
    assert len(texts) > len(HOSTILE)


def test_hosts_that_look_alike_are_told_apart_everywhere() -> None:
    """In the data, in what is written out and in what changed; and no name can pretend to it."""
    parsed = page(alike())
    texts = parsed.data["texts"]
    names = [texts[each] for each in parsed.data["hosts"]["name"]]
    twins = names[:2]
    assert len(set(names)) == 3
    assert [text for _, text in parsed.all("p", **{"class": "name"})][:2] == twins
    assert [texts[each] for each in parsed.data["changes"]["host"]] == [twins[1]]
    again = VerdictTable(
        AuditResult(run(), (), [HostResult(name, (), (), seen()) for name in (*ALIKE, *twins)])
    )
    assert len(set(again.names)) == 4


@settings(max_examples=100)
@given(st.lists(st.text('\x1b\\x1"\u200b'), unique=True, max_size=6))
def test_no_two_hosts_have_one_name(names: list[str]) -> None:
    """Whatever names an inventory has, those shown are as many, and can be seen."""
    shown = VerdictTable(
        AuditResult(run(), (), [HostResult(name, (), (), seen()) for name in names])
    ).names
    assert len(set(shown)) == len(names)
    assert all(name.isprintable() for name in shown)


def test_changes_are_in_the_data_and_none_without_an_earlier_audit() -> None:
    """A table of changes is offered only where something was compared."""
    assert page(mixed()).data["changes"] is None
    data = page(compared()).data
    told = [data["texts"][each] for each in data["changes"]["kind"]]
    assert told[:4] == ["newly failing", "newly unproven", "still failing", "still failing"]
