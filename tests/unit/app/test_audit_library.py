"""The library: policies made in Python audit the same way, with any source."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from portproof.app.audit_policies import audit_policies
from portproof.archive.folder import Evidence
from portproof.errors import UsageError
from portproof.inventory.read import read_inventory
from portproof.judge.job import Job
from portproof.model.observation import FailedLook, Identity, Look, Reason, SourceReply, Unobserved
from portproof.model.verdicts import Verdict
from portproof.policy.checks import Check
from portproof.policy.policy import Policy, bind
from portproof.result.result import AuditResult
from portproof.run.audit import run, still_stand
from portproof.run.hosts import HostAudits, LookSettings
from portproof.sources.identity import this_platform
from portproof.sources.own import NOTHING_OWN, Own
from portproof.sources.source import Source
from support.cases import look_of
from support.for_each import for_each
from support.times import FIRST, LAST

CLOSED = {"id": "old", "closed": 609}


def policy(**more: object) -> Policy:
    """A policy with one rule."""
    return Policy.model_validate({"policy": "mine", "title": "Mine", "rules": [CLOSED]} | more)


class Broken:
    """A source with a mistake in it."""

    name = "broken"

    def look(
        self, questions: Mapping[str, str], _own: Own = NOTHING_OWN
    ) -> SourceReply | Unobserved:
        """Raise, as no source should."""
        raise RuntimeError(f"a mistake with {len(questions)} questions")


class Silent:
    """A source that answers nothing it is asked."""

    name = "silent"

    def look(
        self, questions: Mapping[str, str], _own: Own = NOTHING_OWN
    ) -> SourceReply | Unobserved:
        """Say who it is, and leave every question out."""
        assert questions
        return SourceReply(Identity(source="silent", version="1", platform=this_platform()), {})


class Refusing:
    """A source that is not there."""

    name = "refusing"

    def look(
        self, questions: Mapping[str, str], _own: Own = NOTHING_OWN
    ) -> SourceReply | Unobserved:
        """Give the reason."""
        assert questions
        return Unobserved(Reason.NO_COLLECTOR, "it is not installed")


def job() -> Job:
    """An audit of this machine by one rule."""
    rules = tuple(bind([policy()]))
    return Job(
        rules, (Check(check="listening-sockets", title="x", sql="SELECT 1"),), read_inventory([])
    )


HOST = job()
"""An audit of this machine, for tests that bring looks of their own."""


def look(sources: list[Source], looks: list[Look] | None = None) -> AuditResult:
    """Audit this machine through given sources; what was recorded is added to ``looks``."""
    asked = job()
    recorded = [] if looks is None else looks
    every = HostAudits(asked, asked.inventory.targets, LookSettings(sources))
    return run(asked, every, record=lambda _, each: recorded.append(each))


def test_a_host_that_never_came_is_unproven() -> None:
    """An audit that was stopped says so of every host it did not look at."""
    result = run(job(), [])
    assert result.run.interrupted
    assert result.hosts[0].judgements[0].reason is Reason.INTERRUPTED


@for_each(
    ("taken", "stands"),
    [
        (datetime.now(UTC) - timedelta(hours=1), True),
        (datetime.now(UTC) - timedelta(days=2), False),
        (datetime.now(UTC) + timedelta(days=1), False),
        (FIRST, False),
        (LAST, False),
    ],
)
def test_a_resumed_audit_believes_only_fresh_looks(taken: datetime, stands: bool) -> None:
    """What was proven closed long ago, or at a time that makes no sense, is asked again."""
    host = HOST.inventory.hosts[0].name
    proven = msgspec.structs.replace(look_of({}), taken=taken)
    assert (host in still_stand(HOST, {host: proven})) is stands


def test_policies_in_python_audit_this_machine() -> None:
    """One host, one verdict a rule, and an exit code."""
    result = audit_policies([policy()], via="probe")
    assert result.totals.hosts == 1
    assert sum(result.totals.verdicts.values()) == 1
    assert result.hosts[0].seen.source == "probe"


def test_a_mistake_in_a_source_leaves_the_host_unproven() -> None:
    """Not a traceback, and never a pass."""
    (host,) = look([Broken()]).hosts
    (judgement,) = host.judgements
    assert (judgement.verdict, judgement.reason) == (Verdict.UNPROVEN, Reason.INTERNAL)


@for_each(("source", "reason"), [(Silent(), Reason.PARTIAL), (Refusing(), Reason.NO_COLLECTOR)])
def test_a_source_that_tells_nothing_proves_nothing(
    source: Silent | Refusing, reason: Reason
) -> None:
    """No answer about the sockets is no empty answer."""
    looks: list[Look] = []
    result = look([source], looks)
    assert result.hosts[0].judgements[0].reason is reason
    assert isinstance(looks[0], FailedLook)


def test_the_sources_tried_before_are_told() -> None:
    """When one source refuses, the next is used, and the report can say so."""
    result = look([Refusing(), Silent()])
    assert result.hosts[0].seen.tried[0] == "refusing: it is not installed"


def test_without_any_source_the_host_is_unproven() -> None:
    """An empty list of sources is no success."""
    assert look([]).hosts[0].judgements[0].reason is Reason.NO_COLLECTOR


@for_each(
    ("policies", "said"),
    [
        ([], "there is no rule"),
        ([policy(), policy()], "used twice: mine/old"),
        ([policy(rules=[CLOSED, CLOSED])], "used twice: mine/old"),
        (
            [policy(rules=[{"id": "a", "check": "nowhere", "expect": 0}])],
            "there is no check named nowhere",
        ),
        ([policy(rules=[{"id": "a", "only": "1-65535"}])], "can never fail"),
    ],
)
def test_what_lint_would_refuse_is_refused(policies: list[Policy], said: str) -> None:
    """Python cannot get around what YAML may not do."""
    with pytest.raises(UsageError, match=said):
        audit_policies(policies)


def test_a_rule_for_no_host_judges_nothing() -> None:
    """An audit in which no rule is for any host is an error, not a success."""
    result = audit_policies([policy(hosts="nowhere", optional_hosts=["nowhere"])])
    assert result.exit_code == 2
    assert "is for no host of the inventory" in result.warnings[0]


def test_a_pattern_that_names_nothing_is_refused() -> None:
    """A mistyped name would be a rule for nobody."""
    with pytest.raises(UsageError, match="mine: the inventory has no host or group named nowhere"):
        audit_policies([policy(hosts="all:!nowhere")])


def test_evidence_survives_being_written() -> None:
    """What the journal holds is what was judged."""
    looks: list[Look] = []
    look([Silent(), Refusing()], looks)
    for each in looks:
        evidence = Evidence("host", (), each)
        assert msgspec.json.decode(msgspec.json.encode(evidence), type=Evidence) == evidence
