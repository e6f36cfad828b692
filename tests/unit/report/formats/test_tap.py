"""TAP: read by two parsers that are not ours, Python's tap.py and Perl's TAP::Parser."""

from typing import Any

from tap.parser import Parser

from portproof.result.result import AuditResult
from support.report.formats import rendered
from support.report.results import mixed


def found(result: AuditResult) -> dict[str, Any]:
    """The tests by their description."""
    lines = list(Parser().parse_text(rendered("tap", result)))
    assert not [line for line in lines if line.category == "unknown"]
    return {line.description.strip(): line for line in lines if line.category == "test"}


def test_a_failure_has_a_diagnostic() -> None:
    """Verdict, severity, findings and fix, as YAML that a YAML parser reads."""
    told = found(mixed())["- retired-ports/npmp-trap-609 on nfs-1"]
    assert not told.ok
    block = told.yaml_block
    assert (block["verdict"], block["severity"]) == ("fail", "critical")
    assert [line.partition(" (")[0] for line in block["says"].splitlines()] == [
        "- rpc.statd listens on tcp 0.0.0.0:609",
        "- rpc.statd listens on udp [::]:609",
    ]
    assert block["fix"].startswith("1. Find the owner: `sudo ss")


def test_unproven_is_not_ok() -> None:
    """With the reason in its diagnostic."""
    told = found(mixed())["- retired-ports/npmp-trap-609 on edge-2.example.net"]
    assert (told.ok, told.todo, told.skip) == (False, False, False)
    assert (told.yaml_block["verdict"], told.yaml_block["reason"]) == ("unproven", "unreachable")


def test_waived_is_to_do_and_not_applicable_is_skipped() -> None:
    """Each says why."""
    told = found(mixed())
    waived = told["- retired-ports/npmp-gui-611 on nfs-1"]
    assert (waived.ok, waived.todo) == (False, True)
    assert waived.directive.reason == "waived: OPS-1234, until 2027-01-31"
    elsewhere = told["- web-servers/https-open on db-1"]
    assert (elsewhere.ok, elsewhere.skip) == (True, True)
    assert elsewhere.directive.reason == "not-applicable: the host is not in web"


def test_no_host_writes_a_directive_of_its_own() -> None:
    """A host called ``# SKIP`` or ``x # TODO`` is neither."""
    base = mixed()
    for name in ("# SKIP", "x # TODO later", "\\# SKIP", "a\nok 99 - forged", "Bail out!"):
        hosts = [type(host)(name, (), host.judgements, host.seen) for host in base.hosts[5:6]]
        result = AuditResult(base.run, base.rules, hosts)
        told = found(result)
        assert len(told) == len(base.rules)
        assert sum(not test.ok and not test.todo for test in told.values()) == 1
        assert "Bail" not in [
            line.category for line in Parser().parse_text(rendered("tap", result))
        ]
