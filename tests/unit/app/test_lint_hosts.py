"""Host patterns of policies are checked against the inventory before anybody is looked at."""

import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portproof.app.lint import lint
from portproof.content.lint_hosts import unknown_parts
from portproof.errors import ContentError
from portproof.model.hosts import Host, Inventory
from portproof.model.patterns import HostPattern
from portproof.policy.policy import Policy
from support.calling import portproof

HOSTS = (
    Host("web1", ("web", "prod")),
    Host("web2", ("web", "staging")),
    Host("db1.example.org", ("databases", "prod")),
    Host("jump", ()),
)
INVENTORY = Inventory(HOSTS, "hosts.yml")
PATTERNS = (
    *("web:&prod", "databases", "all:!staging", "web1,db1.example.org", "prod:!databases"),
    *("!staging", "web[0]", "jump", "ungrouped"),
)


def policy(**keys: Any) -> Policy:  # noqa: ANN401 - any keys of a policy
    """Make a policy with one rule."""
    rules = [{"id": "a", "closed": 609}]
    return Policy.model_validate({"policy": "p", "title": "P", "rules": rules} | keys)


def unknown(**keys: Any) -> list[str]:  # noqa: ANN401 - the same
    """Return the parts that name nothing."""
    return [part for _, part in unknown_parts(policy(**keys), INVENTORY)]


def typos(pattern: str) -> Iterator[str]:
    """Yield every pattern that differs in one letter: one left out, changed, added or swapped."""
    letters = string.ascii_lowercase + string.digits
    for at, old in enumerate(pattern):
        if old.isalnum():
            yield pattern[:at] + pattern[at + 1 :]
            yield from (pattern[:at] + new + pattern[at + 1 :] for new in letters if new != old)
        yield from (pattern[:at] + new + pattern[at:] for new in letters)
        if pattern[at + 1 : at + 2].isalnum() and old.isalnum():
            yield pattern[:at] + pattern[at + 1] + old + pattern[at + 2 :]


def is_other_name(pattern: str) -> bool:
    """Return whether all parts of a mistyped pattern happen to name something else."""
    selection = HostPattern(pattern).select(INVENTORY.names(), INVENTORY.groups())
    return not selection.unmatched


def test_a_right_pattern_has_no_unknown_part() -> None:
    """Groups, hosts, exclusions and groups that are always there."""
    assert [unknown(hosts=pattern) for pattern in PATTERNS] == [[]] * len(PATTERNS)


def test_one_wrong_letter_is_an_error_or_another_name() -> None:
    """A mistyped pattern is never silently a rule for nobody."""
    missed, refused = [], 0
    for pattern in PATTERNS:
        for typo in set(typos(pattern)) - {pattern}:
            try:
                wrong = unknown(hosts=typo)
            except ValueError:
                refused += 1
                continue
            refused += bool(wrong)
            if not wrong and not is_other_name(typo):
                missed.append(typo)
    assert missed == []
    assert refused > 3000


def test_a_limit_does_not_make_names_unknown() -> None:
    """The inventory counts as it is without the limit."""
    names = tuple(host.name for host in HOSTS)
    limited = Inventory(HOSTS[:1], "hosts.yml", everyone=names, members=INVENTORY.groups())
    assert list(unknown_parts(policy(hosts="databases"), limited)) == []


def test_optional_names_may_be_missing_and_no_others() -> None:
    """They are listed in the policy, and count for its rules too."""
    rules = [{"id": "a", "closed": 609, "hosts": "all:!canary:!cannary"}]
    assert unknown(rules=rules, optional_hosts=["canary"]) == ["cannary"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder with a policy that names nobody twice, and a list of hosts."""
    (tmp_path / "hosts.txt").write_text("web1\nweb2\n", encoding="utf-8")
    (tmp_path / "p.yml").write_text(
        "policy: p\ntitle: P\nhosts: web\nrules:\n"
        "  - {id: a, closed: 609}\n  - {id: b, closed: 610, hosts: 'all:!wbe1'}\n",
        encoding="utf-8",
    )
    return tmp_path


@pytest.mark.parametrize("command", ["lint", "audit"])
def test_every_unknown_name_is_told_with_its_place(
    command: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is judged, whichever command it is."""
    monkeypatch.chdir(folder)
    policies = ["p.yml"] if command == "lint" else ["-p", "p.yml", "-o", "out"]
    done = portproof(command, *policies, "-i", "hosts.txt")
    assert done.code == 2
    assert "p.yml:3:8: hosts: the inventory has no host or group named web; " in done.err
    assert "p.yml:6:33: rules[1].hosts: the inventory has no host or group named wbe1; " in done.err
    assert "did you mean web1?" in done.err
    assert not (folder / "out").exists()


def test_lint_names_hosts_without_a_rule(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are not an error, since nobody said that every host must have a rule."""
    monkeypatch.chdir(folder)
    text = (folder / "p.yml").read_text(encoding="utf-8")
    (folder / "p.yml").write_text(
        text.replace("hosts: web\n", "hosts: web2\n").replace("wbe1", "web1"), encoding="utf-8"
    )
    done = portproof("lint", "p.yml", "-i", "hosts.txt")
    assert (done.code, done.err) == (0, "")
    assert "note: no rule is for web1" in done.out


def test_lint_without_an_inventory_checks_no_names(folder: Path) -> None:
    """Nobody can know the names then."""
    lint([str(folder / "p.yml")])
    with pytest.raises(ContentError):
        lint([str(folder / "p.yml")], INVENTORY)
