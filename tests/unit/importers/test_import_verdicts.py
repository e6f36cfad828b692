"""An imported rule gives Fleet's verdict where looking worked, and none that a doubt could undo."""

import json
from pathlib import Path

import pytest

from portproof.importers.drafting import draft
from portproof.importers.fleet import read_fleet
from portproof.judge.host import judge
from portproof.judge.plan import Plan
from portproof.model.hosts import Host
from portproof.model.observation import Answer, HostLook, Identity, Observed, Platform, SourceReply
from portproof.policy.checks import Check
from portproof.policy.policy import Policy, bind
from support.times import at

ROOT, NOBODY = 0, 65534
PLAIN = "SELECT 1 FROM users WHERE uid = 0"
NOT_EXISTS = "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM users WHERE uid = 7)"
TWO_ABSENT = "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM a) AND NOT EXISTS (SELECT 1 FROM b)"
COUNTED = "SELECT 1 FROM os_version WHERE (SELECT count(*) FROM users) < 9"


def verdict(folder: Path, sql: str, euid: int, rows: int, *, require_witness: bool = False) -> str:
    """The verdict on an imported policy by an answer of so many rows to its check."""
    policies = [{"name": "a", "query": sql, "platform": "linux"}]
    (folder / "x.yml").write_text(json.dumps({"policies": policies}))
    made = draft(read_fleet(folder / "x.yml"), ())
    check = Check.model_validate(made.checks[0].values)
    rules = list(bind([Policy.model_validate(made.policy("x.yml", "x").values)]))
    answers: dict[str, Answer] = {check.check: Observed(({"1": "1"},) * rows, rows)}
    identity = Identity(source="osqueryi", version="5.12.1", platform=Platform.LINUX, euid=euid)
    look = HostLook(
        reply=SourceReply(identity, answers),
        witnesses=(),
        taken=at("2026-01-01T00:00:00Z"),
        seconds=0.0,
    )
    told = judge(Plan(rules, [True]), Host("h"), look, [check], require_witness=require_witness)
    return str(told.judgements[0].verdict)


@pytest.mark.parametrize(
    ("sql", "rows", "expected"),
    [
        (PLAIN, 2, "pass"),
        (PLAIN, 0, "fail"),
        (NOT_EXISTS, 0, "pass"),
        (NOT_EXISTS, 1, "fail"),
        (TWO_ABSENT, 1, "pass"),
        (TWO_ABSENT, 0, "fail"),
        (COUNTED, 1, "pass"),
        (COUNTED, 0, "fail"),
    ],
)
def test_where_looking_worked_the_verdict_is_fleets(
    sql: str, rows: int, expected: str, tmp_path: Path
) -> None:
    """Root asked, and the whole answer came."""
    assert verdict(tmp_path, sql, ROOT, rows) == expected


@pytest.mark.parametrize(
    ("sql", "rows", "expected"),
    [
        (PLAIN, 2, "unproven"),
        (PLAIN, 0, "unproven"),
        (NOT_EXISTS, 0, "unproven"),
        (NOT_EXISTS, 1, "fail"),
        (TWO_ABSENT, 1, "unproven"),
        (TWO_ABSENT, 0, "unproven"),
        (COUNTED, 1, "unproven"),
        (COUNTED, 0, "unproven"),
    ],
)
def test_who_cannot_see_everything_proves_no_absence(
    sql: str, rows: int, expected: str, tmp_path: Path
) -> None:
    """Asked without root, nothing passes."""
    assert verdict(tmp_path, sql, NOBODY, rows) == expected


@pytest.mark.parametrize(
    ("sql", "rows", "expected"),
    [
        (PLAIN, 1, "unproven"),
        (NOT_EXISTS, 0, "unproven"),
        (TWO_ABSENT, 1, "unproven"),
        (COUNTED, 1, "unproven"),
    ],
)
def test_without_a_witness_absence_is_believed_only_on_its_word(
    sql: str, rows: int, expected: str, tmp_path: Path
) -> None:
    """``--require-witness`` leaves unproven what no witness vouches for."""
    assert verdict(tmp_path, sql, ROOT, rows, require_witness=True) == expected
