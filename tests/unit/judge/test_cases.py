"""Every case file: given rows and a policy, the expected verdicts and reasons."""

from typing import Any

import pytest

from support.cases import expectations, judge_case, load_cases

CASES = dict(load_cases())


@pytest.mark.parametrize("name", CASES)
def test_case(name: str) -> None:
    """A case's rules come out as it expects."""
    case = CASES[name]
    result = judge_case(case)
    judged = result.judgements
    for rule, expected in expectations(case).items():
        judgement = judged[rule]
        told = (judgement.verdict.value, judgement.reason and judgement.reason.value)
        assert told == (expected.verdict, expected.reason), judgement
    if "findings" in case:
        assert _findings(judged) == case["findings"]
    if "ports" in case:
        assert _ports(judged) == case["ports"]
    assert case.get("says", "") in _said(judged)
    assert case.get("unseen", list(result.unseen)) == list(result.unseen)
    if "notes" in case:
        assert [note for each in judged.values() for note in each.notes] == case["notes"]


def test_every_case_says_what_it_shows_and_expects_something() -> None:
    """No case is without a sentence and an expectation, and no two say the same."""
    sentences = [case["case"] for case in CASES.values()]
    assert all(expectations(case) for case in CASES.values())
    assert len(set(sentences)) == len(sentences)


def _findings(judged: dict[str, Any]) -> int:
    return sum(len(judgement.findings) for judgement in judged.values())


def _ports(judged: dict[str, Any]) -> list[str]:
    found = (each for judgement in judged.values() for each in judgement.findings)
    return [each.port for each in found if each.listener is None]


def _said(judged: dict[str, Any]) -> str:
    texts = [judgement.detail for judgement in judged.values()]
    texts += [each.message for judgement in judged.values() for each in judgement.findings]
    return "\n".join(texts)
