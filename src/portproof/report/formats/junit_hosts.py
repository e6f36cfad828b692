"""``junit-hosts.xml``: a suite for each host, a test case for each rule."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from portproof.report.contract import Theme
from portproof.report.formats.junit_xml import JunitCase, Suite, document
from portproof.result.result import AuditResult, HostResult
from portproof.text.times import iso

FILE: Final = "junit-hosts.xml"


def render(result: AuditResult, theme: Theme) -> Iterator[str]:  # noqa: ARG001 - every format has this signature
    """Write the result as JUnit's XML, host by host."""
    return document(result, _suites(result))


def _suites(result: AuditResult) -> Iterator[Suite]:
    for host in result.hosts:
        cases = partial(_cases, result, host)
        yield Suite(host.name, cases, timestamp=iso(host.seen.taken), seconds=host.seen.seconds)


def _cases(result: AuditResult, host: HostResult) -> Iterator[JunitCase]:
    for bound, judgement in zip(result.rules, host.judgements, strict=True):
        yield JunitCase(host.name, bound.key, host, bound, judgement)
