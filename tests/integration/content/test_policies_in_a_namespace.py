"""Each shipped rule fails for a real listener and passes when it is gone."""

import json
from pathlib import Path

import pytest

from support.machine import machine
from support.netns import held
from support.shipped import closed_rules, ports_closed


def every_port() -> dict[str, dict[str, object]]:
    """A socket on the first port of each range of each rule, for the holder."""
    return {
        f"{bound.key} {part.protocol} {part.first}": {
            "family": 4,
            "kind": part.protocol.value,
            "address": "0.0.0.0",
            "port": part.first,
        }
        for bound in closed_rules()
        for part in ports_closed(bound)
    }


def verdicts(folder: Path) -> dict[str, str]:
    """The verdict of each closed rule in an audit of one host."""
    audit = json.loads((folder / "audit.json").read_text(encoding="utf-8"))
    (host,) = audit["hosts"]
    letters = zip(audit["rules"], host["verdicts"], strict=True)
    return {rule["key"]: audit["letters"][letter] for rule, letter in letters}


@pytest.mark.needs("namespaces")
def test_every_rule_finds_a_real_listener_and_lets_go_of_it(tmp_path: Path) -> None:
    """With a socket on its port each rule fails; without it each passes."""
    files = sorted({bound.file for bound in closed_rules()})
    chosen = ["--via", "probe", *(part for file in files for part in ("-p", file))]
    with machine() as started:
        with held(every_port(), started.command()):
            done = started.portproof("audit", *chosen, "-o", "open", cwd=tmp_path)
            assert done.returncode == 1, done.stderr
        done = started.portproof("audit", *chosen, "-o", "closed", cwd=tmp_path)
        assert done.returncode == 0, done.stdout
    keys = {bound.key for bound in closed_rules()}
    for folder, verdict in (("open", "fail"), ("closed", "pass")):
        told = verdicts(tmp_path / folder)
        assert {key for key in keys if told[key] != verdict} == set()
