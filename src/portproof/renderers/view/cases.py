"""Judgements, grouped by the rule and the verdict they share."""

from collections.abc import Iterable
from dataclasses import dataclass

from portproof.model.result import HostResult
from portproof.model.verdicts import Judgement, Verdict


@dataclass(frozen=True, slots=True)
class Case:
    """One rule's judgement on one host. ``number`` is the host's place in the roster."""

    number: int
    host: HostResult
    judgement: Judgement


Cases = dict[tuple[int, Verdict], list[Case]]
"""Cases by the rule's place among the rules and the verdict, hosts in the order of the roster."""


def by_rule(hosts: Iterable[HostResult]) -> Cases:
    """Group every judgement."""
    cases: Cases = {}
    for number, host in enumerate(hosts):
        for index, judgement in enumerate(host.judgements):
            case = Case(number, host, judgement)
            cases.setdefault((index, judgement.verdict), []).append(case)
    return cases


def anchor_of(verdict: Verdict, index: int, number: int | None = None) -> str:
    """Where in the page a rule's failures or waivers are, or one host's among them."""
    rule = f"{verdict.value}-{index}"
    return rule if number is None else f"{rule}-host-{number}"
