"""Host patterns mean what they mean to Ansible.

``data/patterns.json`` holds an inventory, patterns, and what ansible-core selected for each; the
file names its version and the commands that were asked.
"""

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portproof.model.patterns import HostPattern
from portproof.policy.policy import Policy
from support.for_each import for_each
from support.paths import CASES

DATA: dict[str, Any] = json.loads((CASES / "data" / "patterns.json").read_text(encoding="utf-8"))
NAMES: list[str] = DATA["names"]
GROUPS: dict[str, list[str]] = DATA["groups"]

steady = settings(max_examples=200)


def selected(pattern: str) -> tuple[str, ...]:
    """The hosts of the inventory that a pattern selects, in order."""
    return HostPattern(pattern).select(NAMES, GROUPS).names


def _named(part: str) -> str:
    """A part as ansible-core names it when it matches nothing: without its sign and subscript."""
    return re.sub(r"^[&!]|(?<=.)\[(-?[0-9]+|[0-9]+[:-][0-9]*)\]$", "", part)


@for_each("case", DATA["cases"], ids=lambda case: str(case["pattern"]))
def test_a_pattern_selects_what_ansible_selects(case: dict[str, Any]) -> None:
    """The same hosts in the same order, and the same parts are said to name nothing.

    Ansible says nothing of a slice beyond the end; here it names nothing too. It drops a bracket
    without the other one of its pair, and takes a space for a colon; here neither is a pattern.
    """
    if case["pattern"] in {"web[1", "web1]", "~[", "web;db", "web db", "web\tdb", "web\ndb"}:
        with pytest.raises(ValueError, match=r"has a bracket without|has a space between|has ';'"):
            HostPattern(case["pattern"])
        return
    if case["hosts"] is None:
        _is_refused(case["pattern"])
        return
    selection = HostPattern(case["pattern"]).select(NAMES, GROUPS)
    assert list(selection.names) == case["hosts"]
    assert set(case["unknown"]) <= set(map(_named, selection.unmatched))
    whole = {part for part in selection.unmatched if not part.endswith("]")}
    assert set(map(_named, whole)) <= set(case["unknown"])


def _is_refused(pattern: str) -> None:
    """What Ansible stops at is no pattern to us, or selects nothing and says so."""
    try:
        selection = HostPattern(pattern).select(NAMES, GROUPS)
    except ValueError:
        return
    assert selection.names == ()
    assert selection.unmatched == (pattern,)


def test_enough_patterns_were_asked() -> None:
    """The stored answers cover every form a pattern has."""
    patterns = [case["pattern"] for case in DATA["cases"]]
    forms = (":", ",", "&", "!", "*", "?", "~", "[0]", "[-1]", "[0:2]", "[1:]", "::")
    assert len(patterns) == len(set(patterns)) > 60
    assert all(any(form in pattern for pattern in patterns) for form in forms)


@for_each(
    ("pattern", "message"),
    [
        ("", "an empty host pattern selects nothing; write all for every host"),
        (" : ", "an empty host pattern selects nothing; write all for every host"),
        (",", "an empty host pattern selects nothing; write all for every host"),
        ("web:!", "the part '!' names no group or host"),
        ("&:web", "the part '&' names no group or host"),
        *(
            (pattern, f"{pattern!r} has a bracket without the other one of its pair")
            for pattern in ("~h[", "web[", "web]", "web[0]]", "web[0", "!web[", "[", "web:!~d[")
        ),
        ("web and prod", "'web and prod' has a space between two names; write web:db for hosts in"),
        ("web &prod", "'web &prod' has a space between two names"),
        ("web:!(prod", "the part '!(prod' has '(', which no name has; a regular expression begins"),
        ("^web", "the part '^web' has '^', which no name has"),
        ("web|db", "the part 'web|db' has '|', which no name has"),
        ("~h[,db", "'~h[' is not a regular expression: unterminated character set"),
        ("~web(", "'~web(' is not a regular expression: missing ), unterminated subpattern"),
    ],
)
def test_what_is_no_pattern_is_refused(pattern: str, message: str) -> None:
    """The error says what is wrong, also in a policy."""
    with pytest.raises(ValueError, match=re.escape(message)):
        HostPattern(pattern)
    document = {"policy": "p", "title": "P", "rules": [{"id": "a", "closed": 1}], "hosts": pattern}
    with pytest.raises(ValueError, match=re.escape(message)):
        Policy.model_validate(document)


def test_a_pattern_is_text() -> None:
    """A list of hosts, which Ansible also takes, is not a pattern here."""
    document = {"policy": "p", "title": "P", "rules": [{"id": "a", "closed": 1}], "hosts": ["web"]}
    with pytest.raises(ValueError, match="hosts is a pattern such as web:&prod:!canary, or all"):
        Policy.model_validate(document)


@for_each(
    ("pattern", "excluded"),
    [
        ("all:!all", True),
        ("web:!all", True),
        ("web:!*", True),
        ("web:!web", True),
        ("web:db:!db:!web", True),
        ("!all", True),
        ("!web", False),
        ("web:!db", False),
        ("all:!web", False),
        ("web:db:!db", False),
        ("web:&db", False),
    ],
)
def test_a_pattern_that_takes_everything_away_is_seen(pattern: str, *, excluded: bool) -> None:
    """Without an inventory it is plain when nothing can be left."""
    assert HostPattern(pattern).excludes_itself is excluded
    assert not excluded or not selected(pattern)


def test_a_pattern_is_known_by_what_is_written() -> None:
    """Equal text is an equal pattern, so that its selection is worked out once."""
    assert HostPattern("web:&prod") == HostPattern("web:&prod")
    assert HostPattern("web:&prod") != HostPattern("web,&prod")
    assert len({HostPattern("web"), HostPattern("web")}) == 1
    assert (str(HostPattern("web:db")), repr(HostPattern("web"))) == (
        "web:db",
        "HostPattern('web')",
    )


def test_a_host_is_not_a_wildcard() -> None:
    """A host whose name looks like a wildcard is itself before it is a wildcard."""
    assert HostPattern("web?").select(["web?", "web1"], {}).names == ("web?",)


PARTS = st.sampled_from(["web", "db", "prod", "canary", "web1", "w*", "~db", "web[0]", "site[1:]"])


@steady
@given(PARTS, PARTS)
def test_parts_combine_like_sets(one: str, other: str) -> None:
    """Joining, intersecting and excluding are those of sets, in any order of the parts."""
    left, right = set(selected(one)), set(selected(other))
    assert set(selected(f"{one}:{other}")) == left | right
    assert set(selected(f"{one}:&{other}")) == set(selected(f"&{other}:{one}")) == left & right
    assert set(selected(f"{one}:!{other}")) == set(selected(f"!{other},{one}")) == left - right
    assert set(selected(f"!{one}")) == set(NAMES) - left
    assert selected(f"{one}:{one}") == selected(one)


@steady
@given(st.text(alphabet="web1db.*?[]!&~:,-0 \t" + "\u00e9", max_size=12))
def test_any_text_is_refused_or_selects_known_hosts(text: str) -> None:
    """No text breaks a pattern, and none selects a host the inventory lacks, or one twice."""
    try:
        names = selected(text)
    except ValueError:
        return
    assert set(names) <= set(NAMES)
    assert len(names) == len(set(names))
