"""Write all of a result as one compact document for the page's script.

It is columnar: one list for each property, one entry for each host, finding or fact. Every text is
written once, made visible, and referred to by its index in ``texts``; whatever repeats (rows of
verdicts, facts, holders, findings) is written once, too. Compressed, a host without problems takes
a few bytes.
"""

from collections.abc import Hashable, Iterable, Iterator
from itertools import groupby
from typing import Any, Final

import msgspec

from portproof.model.base import Severity
from portproof.model.listeners import Listener
from portproof.model.verdicts import Finding, Verdict
from portproof.policy.policy import BoundRule
from portproof.report.html.changes import shown_names
from portproof.report.html.evidence import Fact, FindingEvidence, evidence
from portproof.report.html.roster import JudgementState, StateRow, VerdictTable
from portproof.report.html.why import ClassificationText
from portproof.report.words.changes import TITLES
from portproof.report.words.text import Passage
from portproof.report.words.wording import PLATFORMS, WORDS, title_of
from portproof.result.result import HostResult
from portproof.text.times import duration, moment
from portproof.text.visible import visible

_NONE: Final = -1
_VERDICTS: Final = {verdict: at for at, verdict in enumerate(Verdict)}

Columns = dict[str, list[Any]]


class _UniqueList(dict[Hashable, int]):
    """Distinct things with their indexes, in the order of their first appearance."""

    def of(self, thing: Hashable) -> int:
        return self.setdefault(thing, len(self))


class _UniqueTexts(_UniqueList):
    """Distinct texts with their indexes; the empty text is the first."""

    def __init__(self) -> None:
        super().__init__({"": 0})

    def all_of(self, texts: Iterable[str]) -> tuple[int, ...]:
        return tuple([self.of(text) for text in texts])


def document(roster: VerdictTable) -> Iterator[bytes]:
    """Write the document as JSON, piece by piece."""
    texts, result = _UniqueTexts(), roster.result
    found = _FindingColumns(texts)
    yield _part("{", "words", list(WORDS.values()))
    yield _part(",", "verdicts", [verdict.value for verdict in Verdict])
    yield _part(",", "severities", [severity.value for severity in Severity])
    yield _part(",", "rules", _rules(result.rules, texts))
    yield _part(",", "states", _states(roster.states, texts))
    yield _part(",", "rows", [_runs(row) for row in roster.rows])
    yield _part(",", "groups", [texts.all_of(groups) for groups in roster.groups])
    yield _part(",", "hosts", _hosts(roster, texts))
    yield _part(",", "found", found.columns(roster))
    yield from found.parts()
    yield _part(",", "changes", _changes(roster, texts))
    yield _part(",", "texts", [visible(str(text)) for text in texts]) + b"}"


def _part(before: str, key: str, value: object) -> bytes:
    return f'{before}"{key}":'.encode() + msgspec.json.encode(value)


def _runs(row: StateRow) -> list[int]:
    """Encode a row as states and their run lengths: ``[0, 12, 3, 1, 0, 37]``."""
    return [number for at, run in groupby(row) for number in (at, len(list(run)))]


def _rules(rules: Iterable[BoundRule], texts: _UniqueTexts) -> Columns:
    bound = list(rules)
    return {
        "key": [texts.of(each.key) for each in bound],
        "title": [texts.of(title_of(each)) for each in bound],
        "policy": [texts.of(each.policy.title) for each in bound],
        "severity": [each.severity.rank for each in bound],
    }


def _states(states: Iterable[JudgementState], texts: _UniqueTexts) -> Columns:
    told = list(states)
    return {
        "verdict": [_VERDICTS[state.verdict] for state in told],
        "reason": [texts.of(state.reason.value if state.reason else "") for state in told],
        "detail": [texts.of(state.detail) for state in told],
        "notes": [texts.all_of(state.notes) for state in told],
    }


def _hosts(roster: VerdictTable, texts: _UniqueTexts) -> Columns:
    hosts: tuple[HostResult, ...] = roster.result.hosts
    of = texts.of
    return {
        "name": [of(name) for name in roster.names],
        "groups": roster.groups_of,
        "row": roster.row_of,
        "source": [of(f"{host.seen.source} {host.seen.version}".strip()) for host in hosts],
        "platform": [of(PLATFORMS.get(host.seen.platform, host.seen.platform)) for host in hosts],
        "privilege": [of(host.seen.privilege) for host in hosts],
        "proof": [of(host.seen.proof) for host in hosts],
        "unseen": [texts.all_of(host.seen.unseen) for host in hosts],
        "tried": [texts.all_of(host.seen.tried) for host in hosts],
        "taken": [of(moment(host.seen.taken)) for host in hosts],
        "took": [of(duration(host.seen.seconds)) for host in hosts],
    }


class _FindingColumns:
    """Distinct findings with their facts, as columns."""

    def __init__(self, texts: _UniqueTexts) -> None:
        self._texts = texts
        self._findings = _UniqueList()
        self._holders = _UniqueList()
        self._facts = _UniqueList()
        self._stories = _UniqueList()

    def columns(self, roster: VerdictTable) -> Columns:
        """Return which host has which finding against which rule, by host and rule."""
        found: Columns = {"host": [], "rule": [], "finding": []}
        for number, (host, row) in enumerate(zip(roster.result.hosts, roster.row_of, strict=True)):
            for index, verdict in roster.marks[row]:
                if verdict is Verdict.UNPROVEN:
                    continue
                for finding in host.judgements[index].findings:
                    found["host"].append(number)
                    found["rule"].append(index)
                    found["finding"].append(self._finding(finding))
        return found

    def parts(self) -> Iterator[bytes]:
        """Yield the findings, and what they consist of."""
        names = ("message", "endpoint", "reach", "waiver", "port", "process", "story", "holders")
        yield _part(",", "findings", _turned(names, self._findings))
        yield _part(",", "holders", list(self._holders))
        yield _part(",", "facts", _turned(("label", "value", "known"), self._facts))
        yield _part(",", "stories", list(self._stories))

    def _finding(self, finding: Finding) -> int:
        told, of = evidence(finding), self._texts.of
        listener = finding.listener
        port = f"{listener.port}/{listener.protocol}" if listener else finding.port
        names = sorted(_names(listener)) if listener else []
        return self._findings.of(
            (
                of(told.message),
                of(told.endpoint),
                of(told.reach),
                of(told.waiver),
                of(port),
                of(", ".join(names)),
                self._story(told.story),
                self._held(told),
            )
        )

    def _held(self, told: FindingEvidence) -> tuple[int, ...]:
        return tuple([self._holders.of(tuple(map(self._fact, holder))) for holder in told.holders])

    def _fact(self, fact: Fact) -> int:
        of = self._texts.of
        return self._facts.of((of(fact.label), of(fact.value), int(fact.known)))

    def _story(self, story: ClassificationText | None) -> int:
        if story is None:
            return _NONE
        of = self._texts.of
        return self._stories.of(
            (
                of(story.kind),
                of(story.looks),
                self._texts.all_of(story.reasons),
                tuple(self._passage(passage) for passage in story.next_step),
            )
        )

    def _passage(self, passage: Passage) -> tuple[int, Hashable]:
        paragraphs = tuple(
            (each.step, tuple((self._texts.of(span.text), int(span.code)) for span in each.spans))
            for each in passage.paragraphs
        )
        return int(passage.steps), paragraphs


def _names(listener: Listener) -> set[str]:
    """Return the processes that hold a listener, or the containers of a published port."""
    owners = listener.owners if listener.socket else ()
    held = {owner.name for owner in owners if owner.name}
    return held | {str(each) for each in listener.published}


def _turned(names: Iterable[str], rows: Iterable[Any]) -> Columns:
    """Transpose rows into columns by name."""
    columns = list(zip(*rows, strict=True))
    return {name: list(columns[at]) if columns else [] for at, name in enumerate(names)}


def _changes(roster: VerdictTable, texts: _UniqueTexts) -> Columns | None:
    changes = roster.result.changes
    if changes is None:
        return None
    of = texts.of
    shown = shown_names(roster, changes)
    return {
        "kind": [of(TITLES[item.kind]) for item in changes.items],
        "what": [of(item.what) for item in changes.items],
        "host": [of(shown[item.host]) for item in changes.items],
        "rule": [of(item.rule) for item in changes.items],
        "severity": [of(item.severity or "") for item in changes.items],
        "since": [of(moment(item.since)) for item in changes.items],
    }
