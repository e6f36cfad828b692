"""``portproof list``: what there is, and what filters leave of it."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from portproof.cli import cli
from portproof.content.shipped import shipped_policies
from support.calling import portproof
from support.for_each import for_each

POLICIES = {
    "a": """\
policy: a
title: Old things
severity: low
rules:
  - id: telnet
    closed: 23/tcp
    severity: critical
    because: Passwords in the clear.
    maps: {nist-800-53: [CM-7]}
  - {id: web, only: [80/tcp, 443/tcp], maps: {pci-dss: ["1.2.5"]}}
""",
    "b": """\
policy: b
title: Questions
severity: high
rules:
  - {id: deb, check: debs, expect: no rows, title: "No \\e[31m package"}
  - {id: ssh, open: 22/tcp, maps: {nist-800-53: [AC-17], own: [cm-7]}}
""",
}
CHECK = """\
check: debs
title: Which packages are there?
sql: {linux: SELECT name FROM deb_packages}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two policies and a check, where commands run."""
    monkeypatch.chdir(tmp_path)
    for name, text in POLICIES.items():
        (tmp_path / "policies").mkdir(exist_ok=True)
        (tmp_path / "policies" / f"{name}.yml").write_text(text, encoding="utf-8")
    (tmp_path / "checks").mkdir()
    (tmp_path / "checks" / "debs.yml").write_text(CHECK, encoding="utf-8")
    return tmp_path


def rows(what: str, *args: str) -> list[dict[str, Any]]:
    """What ``--json`` prints."""
    done = CliRunner().invoke(cli, ["list", what, "-p", "policies", *args, "--json"])
    assert done.exception is None, done.output
    told: list[dict[str, Any]] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([], ["a/telnet", "a/web", "b/deb", "b/ssh"]),
        (["--severity", "high"], ["a/telnet", "b/deb", "b/ssh"]),
        (["--severity", "critical"], ["a/telnet"]),
        (["--port", "23"], ["a/telnet", "a/web"]),
        (["--port", "telnet/udp"], ["a/web"]),
        (["--port", "443"], ["a/web"]),
        (["--port", "ssh"], ["a/web", "b/ssh"]),
        (["--framework", "nist-800-53"], ["a/telnet", "b/ssh"]),
        (["--control", "CM-7"], ["a/telnet", "b/ssh"]),
        (["--control", "1.2.5"], ["a/web"]),
        (["--platform", "windows"], ["a/telnet", "a/web", "b/ssh"]),
        (["--text", "PASSWORDS"], ["a/telnet"]),
        (["--text", "questions"], ["b/deb", "b/ssh"]),
        (["--framework", "nist-800-53", "--severity", "critical"], ["a/telnet"]),
        (["--text", "nowhere"], []),
    ],
    ids=" ".join,
)
@pytest.mark.usefixtures("folder")
def test_filters_leave_rules(filters: list[str], expected: list[str]) -> None:
    """Each by itself, and together."""
    assert [row["rule"] for row in rows("rules", *filters)] == expected


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([], {"listening-sockets", "debs"}),
        (["--platform", "macos"], {"listening-sockets"}),
        (["--text", "packages"], {"debs"}),
        (["--severity", "high"], {"debs"}),
        (["--severity", "critical"], set()),
    ],
    ids=lambda words: " ".join(sorted(words)),
)
@pytest.mark.usefixtures("folder")
def test_filters_leave_checks(filters: list[str], expected: set[str]) -> None:
    """By what they are, or by the rules that ask them."""
    found = {row["check"] for row in rows("checks", *filters)}
    assert found & {"listening-sockets", "debs"} == expected


@pytest.mark.usefixtures("folder")
def test_policies_are_those_with_a_rule_left() -> None:
    """With how many rules are left, and where each is written."""
    (row,) = rows("policies", "--control", "1.2.5")
    assert (row["policy"], row["rules"], row["file"]) == ("a", 1, "policies/a.yml")


def test_without_anything_it_lists_the_shipped_policies() -> None:
    """All of them, baselines too, each with its title; a table with a head."""
    done = portproof("list")
    first, *rest = done.out.splitlines()
    assert first.split() == ["policy", "severity", "rules", "title"]
    assert [line.split()[0] for line in rest] == sorted(
        shipped_policies(), key=lambda name: shipped_policies()[name]
    )


@pytest.mark.usefixtures("folder")
def test_texts_are_shown_safely_and_nothing_is_said() -> None:
    """A title cannot move the cursor; where nothing matches, that is said beside the output."""
    assert "\x1b" not in portproof("list", "rules", "-p", "policies").out
    done = portproof("list", "rules", "-p", "policies", "--text", "nowhere")
    assert (done.code, done.out, done.err) == (0, "", "no rules match\n")


@for_each(
    ("args", "said"),
    [
        (["rules", "--port", "70000"], "not a port"),
        (["rules", "-p", "retired-port"], "did you mean retired-ports?"),
        (["rules", "--severity", "bad"], "'bad' is not one of"),
        (["hosts"], "'hosts' is not one of"),
    ],
)
def test_what_cannot_be_listed_is_told(args: list[str], said: str) -> None:
    """Exit code 2, and why."""
    done = portproof("list", *args)
    assert done.code == 2
    assert said in done.err
