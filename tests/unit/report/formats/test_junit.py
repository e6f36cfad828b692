"""JUnit's XML: read by a parser of such files, and by one of XML."""

import xml.etree.ElementTree as ET

import junitparser
import pytest

from portproof.report.formats.junit_xml import WHOLE
from support.for_each import for_each
from support.readers import junit_cases
from support.report.formats import interrupted, nothing_judged, rendered
from support.report.results import HOSTILE, hostile, mixed

ATTRIBUTES = {
    "testsuites": {"name", "time", "tests", "failures", "errors"},
    "testsuite": {"name", "tests", "failures", "errors", "skipped", "time", "timestamp"},
    "testcase": {"name", "classname", "time"},
    "failure": {"type", "message"},
    "error": {"type", "message"},
    "skipped": {"type", "message"},
}
"""What readers know, of what Jenkins' junit-10.xsd (xunit plugin) and GitLab's documents allow."""
NEEDED = {
    "testsuite": {"name", "tests", "failures", "errors"},
    "testcase": {"name", "classname"},
}
INSIDE = {"testsuites": {"testsuite"}, "testsuite": {"testcase"}}

BOTH = pytest.mark.parametrize("name", ["junit", "junit-hosts"])


def cases(name: str) -> dict[tuple[str, str], junitparser.TestCase]:
    """The cases of the mixed hosts, by suite and name."""
    told = junit_cases(rendered(name, mixed()))
    return {(suite, case.name): case for suite, case in told}


@BOTH
@pytest.mark.parametrize("make", [mixed, hostile, nothing_judged, interrupted])
def test_elements_and_attributes_are_those_readers_know(name: str, make: object) -> None:
    """Nothing unknown, nothing missing, at most one result a case."""
    assert callable(make)
    for element in ET.fromstring(rendered(name, make())).iter():  # noqa: S314 - our own text
        assert set(element.attrib) <= ATTRIBUTES[element.tag]
        assert set(element.attrib) >= NEEDED.get(element.tag, set())
        allowed = INSIDE.get(element.tag, {"failure", "error", "skipped"})
        assert {child.tag for child in element} <= allowed
        assert element.tag != "testcase" or len(element) <= 1


@BOTH
def test_every_verdict_is_a_case_of_its_own_name(name: str) -> None:
    """A reader that keeps one case of each name loses none."""
    told = [(case.classname, case.name) for _, case in junit_cases(rendered(name, mixed()))]
    assert len(set(told)) == len(told) == len(mixed().hosts) * len(mixed().rules)


def test_the_suites_are_rules_or_hosts() -> None:
    """That is the one difference between the two."""
    rules = {bound.key for bound in mixed().rules}
    assert {suite for suite, _ in cases("junit")} == rules
    assert {name for _, name in cases("junit-hosts")} == rules
    assert {suite for suite, _ in cases("junit-hosts")} == {host.name for host in mixed().hosts}


def test_a_failure_names_process_user_and_fix() -> None:
    """Whoever reads it in CI needs no other file to begin."""
    (result,) = cases("junit")["retired-ports/npmp-trap-609", "nfs-1"].result
    assert isinstance(result, junitparser.Failure)
    assert result.message.startswith("fail: rpc.statd listens on tcp 0.0.0.0:609")
    assert "udp [::]:609" in result.text
    assert "pid 812 of statd, /usr/sbin/rpc.statd" in result.text
    assert "fix: 1. Find the owner: `sudo ss -tulnp 'sport = :609'`" in result.text


def test_unproven_is_an_error_with_its_reason() -> None:
    """A reader cannot take it for a pass."""
    (result,) = cases("junit-hosts")["edge-2.example.net", "retired-ports/npmp-trap-609"].result
    assert isinstance(result, junitparser.Error)
    assert result.type == "unreachable"
    assert "took longer than 10 seconds" in result.message


@for_each(
    ("case", "message"),
    [
        (("retired-ports/npmp-gui-611", "nfs-1"), "waived: OPS-1234, until 2027-01-31"),
        (("web-servers/only-web", "db-1"), "not-applicable: the host is not in web"),
    ],
)
def test_waived_and_not_applicable_are_skipped_and_say_so(
    case: tuple[str, str], message: str
) -> None:
    """The message begins with the verdict, since the element is the same."""
    (result,) = cases("junit")[case].result
    assert isinstance(result, junitparser.Skipped)
    assert result.message == message


@BOTH
@pytest.mark.parametrize("make", [nothing_judged, interrupted])
def test_what_is_no_success_as_a_whole_has_an_error(name: str, make: object) -> None:
    """Where all is skipped, readers are green; so there is an error besides."""
    assert callable(make)
    errors = [
        (suite, case.result[0].message)
        for suite, case in junit_cases(rendered(name, make()))
        if any(isinstance(each, junitparser.Error) for each in case.result)
    ]
    assert [suite for suite, _ in errors] == [WHOLE]
    assert errors[0][1].startswith(("Nothing was judged", "The audit was interrupted"))


@BOTH
def test_hostile_text_stays_text(name: str) -> None:
    """No element, attribute or entity comes out of a host's text."""
    text = rendered(name, hostile())
    assert "<!" not in text
    assert "<script" not in text
    told = [case for suite, case in junit_cases(text) if suite != WHOLE]
    assert len(told) == len(HOSTILE) * len(hostile().rules)
    everything = " ".join(f"{case.name} {case.classname}" for case in told)
    assert HOSTILE[0] in everything
    assert "lone \\udc80 surrogate \\ud800" in everything
