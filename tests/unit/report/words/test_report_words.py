"""The report's sentence, its reasons, and text made safe to read."""

from portproof.model.observation import Reason
from portproof.model.verdicts import Judgement, Verdict, unproven
from portproof.policy.policy import Policy, bind
from portproof.report.words.text import is_link, prose
from portproof.report.words.wording import MEANINGS, sentence, state
from portproof.result.result import AuditResult, HostResult
from portproof.text.times import duration, moment, since_epoch
from portproof.text.visible import visible
from support.for_each import for_each
from support.report.results import all_pass, mixed, run, seen
from support.times import at

P, F, W, N, U = (
    Verdict.PASS,
    Verdict.FAIL,
    Verdict.WAIVED,
    Verdict.NOT_APPLICABLE,
    Verdict.UNPROVEN,
)

SENTENCES = [
    ([[P]], "h0 is proven: every rule passes", P),
    ([[P, N]], "h0 is proven: every rule that applies passes", P),
    ([[P, W]], "h0 is proven: every rule passes or is waived", P),
    ([[F]], "The only rule fails on h0; nothing is unproven", F),
    ([[F, P, P]], "1 of 3 rules fails on h0; nothing is unproven", F),
    ([[F, F, P]], "2 of 3 rules fail on h0; nothing is unproven", F),
    ([[F, F]], "All 2 rules fail on h0; nothing is unproven", F),
    ([[F, U]], "1 of 2 rules fails on h0; 1 is unproven", F),
    ([[F, U, U]], "1 of 3 rules fails on h0; 2 are unproven", F),
    ([[U]], "The only rule is unproven on h0; nothing fails", U),
    ([[U, U, P]], "2 of 3 rules are unproven on h0; nothing fails", U),
    ([[P], [P]], "All 2 hosts proven: every rule passes", P),
    ([[P, N], [P, P]], "All 2 hosts proven: every rule that applies passes", P),
    (
        [[P], [N]],
        "1 of 2 hosts proven; nothing fails and nothing is unproven; 1 host not judged",
        P,
    ),
    ([[F], [N]], "1 rule fails on 1 of 2 hosts; nothing is unproven; 1 host not judged", F),
    ([[U], [N], [N]], "0 of 3 hosts proven; 1 host unproven; nothing fails; 2 hosts not judged", U),
    ([[F], [P]], "1 rule fails on 1 of 2 hosts; nothing is unproven", F),
    ([[F, F], [F, P]], "2 rules fail on 2 of 2 hosts; nothing is unproven", F),
    ([[U], [P]], "1 of 2 hosts proven; 1 host unproven; nothing fails", U),
    ([[F], [U], [U]], "0 of 3 hosts proven; 1 rule fails on 1 host; 2 hosts unproven", F),
    ([[N], [N]], "Nothing was judged: there is no host that a rule applies to", U),
    ([], "Nothing was judged: there is no host that a rule applies to", U),
]


def result(verdicts: list[list[Verdict]], *, interrupted: bool = False) -> AuditResult:
    """A result with these verdicts, a list for each host."""
    rules = [{"id": f"r{at}", "closed": at + 1} for at in range(len((verdicts or [[P]])[0]))]
    policy = Policy.model_validate({"policy": "p", "title": "t", "rules": rules})
    hosts = [
        HostResult(f"h{at}", (), tuple(map(_judgement, row)), seen())
        for at, row in enumerate(verdicts)
    ]
    return AuditResult(run(interrupted=interrupted), bind([policy]), hosts)


def _judgement(verdict: Verdict) -> Judgement:
    return unproven(Reason.TIMEOUT, "late") if verdict is U else Judgement(verdict)


@for_each(("verdicts", "expected", "shape"), SENTENCES)
def test_sentence(verdicts: list[list[Verdict]], expected: str, shape: Verdict) -> None:
    """The sentence is natural for one host and for many, and the state agrees with it."""
    made = result(verdicts)
    assert sentence(made) == expected
    assert state(made).verdict is shape


def test_sentence_of_the_samples() -> None:
    """Numbers come from the totals."""
    assert sentence(mixed()) == "5 of 12 hosts proven; 4 rules fail on 5 hosts; 2 hosts unproven"
    assert sentence(all_pass()) == "atlas is proven: every rule passes"


def test_interrupted_audit_is_never_green() -> None:
    """Even when all that was judged passes."""
    made = result([[P], [P]], interrupted=True)
    assert state(made).verdict is U
    assert sentence(made).endswith("; the audit was interrupted")


def test_state_is_green_only_when_the_exit_code_is() -> None:
    """Whatever the verdicts, the shape of success stands for exit code 0 alone."""
    for verdicts, _, _ in SENTENCES:
        made = result(verdicts)
        assert state(made).verdict is not P or made.exit_code == 0


def test_every_reason_is_explained() -> None:
    """A reason without meaning and advice would leave a reader alone."""
    assert set(MEANINGS) == set(Reason)


@for_each(
    ("text", "expected"),
    [
        ("plain text, ümläut, 你好, 😀", "plain text, ümläut, 你好, 😀"),
        ("a\u202eb", r"a\u202eb"),
        ("a\u200bb\u2066c", r"a\u200bb\u2066c"),
        ("\x1b[31m\r\n\t\0", r"\x1b[31m\r\n\t\x00"),
        ("a\xa0b\u3164c", r"a\xa0b\u3164c"),
        ("\udc80", r"\udc80"),
        ("e\u0301", "e\u0301"),
        ("e\u0301\u0302\u0303", r"e\u0301\u0302\u0303"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_what_hides_is_shown(text: str, expected: str) -> None:
    """Text that cannot be seen, or covers other text, is spelt out; other text is left alone."""
    assert visible(text) == expected


def test_links_are_plain_addresses() -> None:
    """Anything that a browser might read differently than a person is no link."""
    assert is_link("https://example.com/a%20b?c=d#e")
    for text in ("https://example.com/\u202e", "https:// a", "https://a#b#c", "x https://a.b"):
        assert not is_link(text)


def test_prose_has_paragraphs_steps_and_code() -> None:
    """Numbered paragraphs are steps that keep their numbers; backticks mark code."""
    first, steps, last = prose("Intro\nwrapped.\n\n2. Run `ss -l`.\n\n3. Stop.\n\nOdd ` tick.")
    assert [span.text for span in first.paragraphs[0].spans] == ["Intro wrapped."]
    assert [paragraph.step for paragraph in steps.paragraphs] == [2, 3]
    assert [(span.text, span.code) for span in steps.paragraphs[0].spans] == [
        ("Run ", False),
        ("ss -l", True),
        (".", False),
    ]
    assert [(span.text, span.code) for span in last.paragraphs[0].spans] == [("Odd ` tick.", False)]
    assert prose(None) == prose(" \n ") == ()


def test_folded_yaml_keeps_its_paragraphs() -> None:
    """YAML's ``>-`` leaves one line break between paragraphs."""
    (passage,) = prose("1. First.\n2. Second.")
    assert len(passage.paragraphs) == 2


def test_times_are_shown_in_utc() -> None:
    """Whatever their offset; at the ends of the calendar UTC may have no such time."""
    assert moment(at("2026-11-23T03:00:04+01:00")) == "2026-11-23 02:00:04 UTC"
    assert moment(at("9999-12-31T23:00:00-05:00")) == "9999-12-31 23:00:00 UTC"
    assert moment(None) == ""
    assert since_epoch(0) == "1970-01-01 00:00:00 UTC"
    assert since_epoch(10**18) == f"{10**18} seconds after 1970"
    assert [duration(each) for each in (0.41, 14.2, 185)] == ["0.4 s", "14 s", "3 min 5 s"]
