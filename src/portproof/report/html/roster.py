"""Collect every verdict of a result in one pass, sharing memory between hosts that are alike.

A fleet of 100,000 hosts and 50 rules has 5,000,000 verdicts, so the pass creates no object for each
of them. What a judgement says beside its findings is a ``JudgementState``, of which there are few,
and a row is one state for each rule. Hosts share rows.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from portproof.model.observation import Reason
from portproof.model.verdicts import PASSED, Judgement, Verdict
from portproof.report.words.labels import told_apart
from portproof.result.result import AuditResult, HostResult

StateRow = tuple[int, ...]
"""The state of each rule, by its index in ``VerdictTable.states``."""

MARKED: Final = (Verdict.FAIL, Verdict.WAIVED, Verdict.UNPROVEN)
"""The verdicts that a reader must look at one by one."""


class JudgementState(NamedTuple):
    """Everything in a judgement except its findings."""

    verdict: Verdict
    reason: Reason | None
    detail: str
    notes: tuple[str, ...]


_PASSED: Final = JudgementState(Verdict.PASS, None, "", ())
_MISSING: Final = JudgementState(Verdict.UNPROVEN, Reason.INTERNAL, "no verdict was given", ())


class VerdictTable:
    """Every verdict of a result.

    Attributes:
        result: The result.
        names: How each host's name is shown, each another one.
        states: What judgements say, each once; the first is a plain pass.
        rows: Rows of states, each once.
        row_of: The place of each host's row.
        groups: Sets of groups that hosts are in, each once.
        groups_of: The place of each host's groups.
        marked: Numbers of the hosts, by rule and verdict, for each verdict in ``MARKED``.
    """

    def __init__(self, result: AuditResult) -> None:
        self.result = result
        self.names: Sequence[str] = told_apart([host.name for host in result.hosts])
        self._states: dict[JudgementState, int] = {_PASSED: 0}
        self._rows: dict[StateRow, int] = {}
        self._groups: dict[tuple[str, ...], int] = {}
        self.row_of = [self._row(host) for host in result.hosts]
        self.groups_of = [
            self._groups.setdefault(host.groups, len(self._groups)) for host in result.hosts
        ]
        self.states: Sequence[JudgementState] = tuple(self._states)
        self.rows: Sequence[StateRow] = tuple(self._rows)
        self.groups: Sequence[tuple[str, ...]] = tuple(self._groups)
        self.marks = [tuple(self._marks(row)) for row in self.rows]
        self.marked = self._marked()

    def _row(self, host: HostResult) -> int:
        row = tuple([0 if each is PASSED else self._state(each) for each in host.judgements])
        if left := len(self.result.rules) - len(row):
            row += (self._place(_MISSING),) * left
        return self._rows.setdefault(row, len(self._rows))

    def _state(self, judgement: Judgement) -> int:
        reason, detail = judgement.reason, judgement.detail
        return self._place(JudgementState(judgement.verdict, reason, detail, judgement.notes))

    def _place(self, state: JudgementState) -> int:
        return self._states.setdefault(state, len(self._states))

    def _marks(self, row: StateRow) -> Iterator[tuple[int, Verdict]]:
        for index, at in enumerate(row):
            verdict = self.states[at].verdict
            if verdict in MARKED:
                yield index, verdict

    def _marked(self) -> dict[tuple[int, Verdict], list[int]]:
        marked: dict[tuple[int, Verdict], list[int]] = {}
        for number, row in enumerate(self.row_of):
            for mark in self.marks[row]:
                marked.setdefault(mark, []).append(number)
        return marked

    def by_rule(self) -> list[Counter[Verdict]]:
        """Count the verdicts of each rule."""
        counts: list[Counter[Verdict]] = [Counter() for _ in self.result.rules]
        for row, hosts in Counter(self.row_of).items():
            for count, at in zip(counts, self.rows[row], strict=True):
                count[self.states[at].verdict] += hosts
        return counts

    def by_group(self) -> dict[str, "GroupTotals"]:
        """Return for each group its hosts, those that fail, and its verdicts."""
        groups: dict[str, GroupTotals] = {}
        verdicts = [Counter(self.states[at].verdict for at in row) for row in self.rows]
        for (place, row), hosts in Counter(zip(self.groups_of, self.row_of, strict=True)).items():
            for name in self.groups[place]:
                group = groups.setdefault(name, GroupTotals(name, Counter(), Counter()))
                for verdict, count in verdicts[row].items():
                    group.verdicts[verdict] += count * hosts
                    group.hosts[verdict] += hosts
                group.hosts["all"] += hosts
        return groups


class GroupTotals(NamedTuple):
    """A group: the number of each verdict on its hosts, and of hosts that have it at all.

    ``hosts["all"]`` is the number of its hosts.
    """

    name: str
    verdicts: Counter[Verdict]
    hosts: Counter[str]
