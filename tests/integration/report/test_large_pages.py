"""The HTML report of a large audit."""

from portproof.report.html.evidence import evidence
from portproof.report.words.limits import EVIDENCE
from support.report.pages import page
from support.report.samples import fleet


def test_evidence_is_there_for_every_failure_not_cut() -> None:
    """What the page shows of a finding is in the data for every one, however many there are."""
    result = fleet(400, 30, 0.05)
    data = page(result).data
    texts, facts, findings = data["texts"], data["facts"], data["findings"]
    expected = [
        evidence(finding)
        for host in result.hosts
        for judgement in host.judgements
        for finding in judgement.findings
    ]
    assert len(expected) > 2 * EVIDENCE
    for place, told in zip(data["found"]["finding"], expected, strict=True):
        assert texts[findings["endpoint"][place]] == told.endpoint
        held = [
            [
                (texts[facts["label"][fact]], texts[facts["value"][fact]])
                for fact in data["holders"][holder]
            ]
            for holder in findings["holders"][place]
        ]
        assert held == [[(fact.label, fact.value) for fact in each] for each in told.holders]
        story = data["stories"][findings["story"][place]]
        assert [texts[each] for each in story[2]] == list(told.story.reasons if told.story else ())


def test_a_large_page_writes_out_a_part_and_says_how_much_is_left() -> None:
    """Every failing rule is there with its count; what is not written out is counted."""
    result = fleet(2000, 30, 0.05)
    parsed = page(result)
    written = parsed.all("li", **{"class": "host"})
    shown = [each for each, _ in written if each.get("id", "").startswith("fail-")]
    cases = {each["id"]: text for each, text in parsed.all("article", **{"class": "v-fail"})}
    assert 0 < len(shown) <= EVIDENCE
    assert len(cases) == result.totals.rules_failing == 30
    for bound, hosts in result.failures():
        case = cases[f"fail-{result.rules.index(bound)}"]
        assert f"On {len(hosts)} hosts" in case
        assert f"And on {len(hosts) - EVIDENCE // 30} hosts more, with evidence in" in case
    assert len("".join(cases.values())) < 1_000_000
