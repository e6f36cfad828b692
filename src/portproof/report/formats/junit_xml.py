"""JUnit's XML, as Jenkins, GitLab and others read it: a verdict is a test case.

``fail`` is a failure, ``unproven`` an error, ``waived`` and ``not-applicable`` are skipped with the
reason. The elements and attributes are those of the form that ant's JUnit task writes, in the
reading of Jenkins' xunit plugin (junit-10.xsd) and of GitLab ("Unit test reports").
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from html import escape
from typing import Final

from portproof.model.verdicts import Judgement, Verdict
from portproof.policy.policy import BoundRule
from portproof.report.words.phrases import first_line, fix_in_line, lines, not_whole, title
from portproof.result.result import AuditResult, HostResult
from portproof.text.safe import clean

WHOLE: Final = "portproof"
"""The suite that is there when the audit as a whole cannot be a success."""

_ELEMENTS: Final = {
    Verdict.FAIL: "failure",
    Verdict.UNPROVEN: "error",
    Verdict.WAIVED: "skipped",
    Verdict.NOT_APPLICABLE: "skipped",
}
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'


@dataclass(frozen=True, slots=True)
class JunitCase:
    """One verdict as a test case: its class is the suite's name."""

    classname: str
    name: str
    host: HostResult
    bound: BoundRule
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Suite:
    """Cases under one name; ``timestamp`` (ISO 8601) and ``seconds`` are of a host's look.

    ``cases`` gives them anew each time: they are counted, then written, and never kept.
    """

    name: str
    cases: Callable[[], Iterator[JunitCase]]
    timestamp: str = ""
    seconds: float | None = None


def document(result: AuditResult, suites: Iterable[Suite]) -> Iterator[str]:
    """Write all suites; one more, with an error, when the audit as a whole is no success."""
    broken = not_whole(result)
    counts = result.totals.verdicts
    figures = {
        "tests": sum(counts.values()) + bool(broken),
        "failures": counts[Verdict.FAIL],
        "errors": counts[Verdict.UNPROVEN] + bool(broken),
    }
    yield f"{_HEAD}{_open('testsuites', name='portproof', **figures)}>\n"
    for suite in suites:
        yield from _suite(suite)
    if broken:
        yield _broken(broken)
    yield "</testsuites>\n"


def _open(tag: str, **attributes: object) -> str:
    told = (f'{name}="{escape(clean(str(value)))}"' for name, value in attributes.items())
    return " ".join([f"<{tag}", *told])


def _suite(suite: Suite) -> Iterator[str]:
    counts = Counter(_ELEMENTS.get(case.judgement.verdict, "") for case in suite.cases())
    more: dict[str, object] = {"timestamp": suite.timestamp} if suite.timestamp else {}
    if suite.seconds is not None:
        more["time"] = f"{suite.seconds:.3f}"
    opened = _open(
        "testsuite",
        name=suite.name,
        tests=counts.total(),
        failures=counts["failure"],
        errors=counts["error"],
        skipped=counts["skipped"],
        **more,
    )
    yield f"{opened}>\n"
    yield from map(_case, suite.cases())
    yield "</testsuite>\n"


def _case(case: JunitCase) -> str:
    opened = _open("testcase", classname=case.classname, name=case.name)
    element = _ELEMENTS.get(case.judgement.verdict)
    if element is None:
        return f"{opened}/>\n"
    verdict = case.judgement.verdict.value
    kind = case.judgement.reason or verdict
    message = f"{verdict}: {first_line(case.judgement)}"
    inside = _open(element, type=kind, message=message)
    if element == "skipped":
        return f"{opened}>{inside}/></testcase>\n"
    body = escape("\n".join(_body(case)), quote=False)
    return f"{opened}>{inside}>{body}</{element}></testcase>\n"


def _body(case: JunitCase) -> Iterator[str]:
    yield f"{case.bound.key} ({case.bound.severity}): {title(case.bound)}"
    yield f"host: {clean(case.host.name)}"
    yield from lines(case.judgement)
    if case.judgement.verdict is Verdict.FAIL and (
        text := fix_in_line(case.bound, case.host.seen.platform)
    ):
        yield f"fix: {text}"


def _broken(text: str) -> str:
    suite = _open("testsuite", name=WHOLE, tests=1, failures=0, errors=1, skipped=0)
    case = _open("testcase", classname=WHOLE, name="the audit")
    error = _open("error", type="not-whole", message=text)
    return f"{suite}>\n{case}>{error}/></testcase>\n</testsuite>\n"
