"""``junit.xml``: a suite for each rule, a test case for each host."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from portproof.report.contract import Theme
from portproof.report.formats.junit_xml import JunitCase, Suite, document
from portproof.result.result import AuditResult

FILE: Final = "junit.xml"


def render(result: AuditResult, theme: Theme) -> Iterator[str]:  # noqa: ARG001 - every format has this signature
    """Write the result as JUnit's XML, rule by rule."""
    return document(result, _suites(result))


def _suites(result: AuditResult) -> Iterator[Suite]:
    for index, bound in enumerate(result.rules):
        yield Suite(bound.key, partial(_cases, result, index))


def _cases(result: AuditResult, index: int) -> Iterator[JunitCase]:
    bound = result.rules[index]
    for host in result.hosts:
        yield JunitCase(bound.key, host.name, host, bound, host.judgements[index])
