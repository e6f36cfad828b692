"""Any result: verdicts drawn at random, for properties that every result must have."""

from hypothesis import strategies as st

from portproof.model.observation import Reason
from portproof.model.verdicts import Finding, Judgement, Verdict, failed, unproven
from portproof.policy.policy import Policy, bind
from portproof.result.result import AuditResult, Digest, HostResult, LookSummary, Run
from support.times import at

JUDGEMENTS = {
    Verdict.PASS: Judgement(Verdict.PASS),
    Verdict.FAIL: failed(Finding("something listens")),
    Verdict.WAIVED: Judgement(Verdict.WAIVED, findings=(Finding("somebody answers for it"),)),
    Verdict.NOT_APPLICABLE: Judgement(Verdict.NOT_APPLICABLE, detail="not for this host"),
    Verdict.UNPROVEN: unproven(Reason.TIMEOUT, "too late"),
}
RUN = Run(
    version="0",
    started=at("2026-01-01T00:00:00+00:00"),
    finished=at("2026-01-01T00:00:01+00:00"),
    controller="here",
    inventory=Digest("hosts", "0" * 64),
    policies=(),
    checks=(),
)


@st.composite
def results(draw: st.DrawFn) -> AuditResult:
    """Any result: up to four rules on up to six hosts."""
    rules = draw(st.integers(1, 4))
    row = st.lists(st.sampled_from(Verdict), min_size=rules, max_size=rules)
    hosts = draw(st.lists(row, min_size=1, max_size=6))
    declared = [{"id": f"r{number}", "closed": number + 1} for number in range(rules)]
    policy = Policy.model_validate({"policy": "p", "title": "t", "rules": declared})
    seen = LookSummary(taken=at("2026-01-01T00:00:00+00:00"), seconds=0.1, platform="linux")
    made = [
        HostResult(f"h{number}", (), tuple(JUDGEMENTS[verdict] for verdict in verdicts), seen)
        for number, verdicts in enumerate(hosts)
    ]
    return AuditResult(RUN, bind([policy]), made)
