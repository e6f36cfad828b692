"""Reads the totals back from each format, with a parser that is not ours wherever there is one.

A reader takes the whole text and gives the count of every verdict that the format tells apart; one
that tells fewer than all five leaves the others out. A new format needs its line in ``READERS``.
"""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final

import clevercsv
import junitparser
from markdown_it import MarkdownIt
from tap.parser import Parser

from portproof.model.verdicts import Verdict
from portproof.report.formats.junit_xml import WHOLE
from support import readers_for_tools

Counts = dict[str, int]


def counted(verdicts: Iterable[str], told: Iterable[Verdict] = Verdict) -> Counts:
    """How often each verdict comes, those that never come too."""
    found = Counter(verdicts)
    return {verdict.value: found.pop(verdict.value, 0) for verdict in told} | dict(found)


def csv_rows(text: str) -> list[list[str]]:
    """The rows of a CSV file, which two parsers read alike."""
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    others = clevercsv.reader(io.StringIO(text, newline=""), dialect="excel")
    assert list(others) == rows
    return rows


def of_findings(text: str) -> Counts:
    """A verdict may have several rows, of which one fails; rows about the audit have no host."""
    head, *rows = csv_rows(text)
    cells = [dict(zip(head, row, strict=True)) for row in rows]
    told: dict[tuple[str, str], set[str]] = {}
    for cell in cells:
        if cell["rule"]:
            told.setdefault((cell["host"], cell["rule"]), set()).add(cell["verdict"])
    verdicts = (Verdict.FAIL.value if len(found) > 1 else min(found) for found in told.values())
    return counted(verdicts, (Verdict.FAIL, Verdict.WAIVED, Verdict.UNPROVEN))


def of_matrix(text: str) -> Counts:
    """Every cell of a column that is a rule."""
    head, *rows = csv_rows(text)
    rules = [at for at, name in enumerate(head) if "/" in name]
    return counted(row[at] for row in rows for at in rules)


def of_html(text: str) -> Counts:
    """The totals the report shows."""
    found = re.findall(r'data-verdict="([a-z-]+)" data-count="(\d+)"', text)
    return {name: int(count) for name, count in found}


def of_json(text: str) -> Counts:
    """The letters of every host, which the totals must be the sums of."""
    document: dict[str, Any] = json.loads(text)
    letters = "".join(host["verdicts"] for host in document["hosts"])
    told = {name: letters.count(letter) for letter, name in document["letters"].items()}
    assert told == document["totals"]["verdicts"]
    return told


def junit_cases(text: str) -> list[tuple[str, junitparser.TestCase]]:
    """Each suite's name with its cases; the figures of suites and of the whole add up."""
    root = junitparser.JUnitXml.fromstring(text.encode())
    assert isinstance(root, junitparser.JUnitXml)
    suites: list[Any] = list(root)
    for each in (*suites, root):
        told = (each.tests, each.failures, each.errors)
        each.update_statistics()
        assert (each.tests, each.failures, each.errors) == told
    return [(suite.name, case) for suite in suites for case in suite]


def of_junit(text: str) -> Counts:
    """A case without a result passed; a skipped one says in its message which verdict it is."""
    cases = [case for name, case in junit_cases(text) if name != WHOLE]
    return counted(_of_case(case) for case in cases)


def _of_case(case: junitparser.TestCase) -> str:
    results: list[Any] = case.result
    if not results:
        return Verdict.PASS.value
    (result,) = results
    kinds = {"failure": {"fail"}, "error": {"unproven"}, "skipped": {"waived", "not-applicable"}}
    verdict: str = result.message.partition(":")[0]
    assert verdict in kinds[result._tag]
    return verdict


def of_markdown(text: str) -> Counts:
    """The table of totals, by a parser of Markdown."""
    tokens = MarkdownIt("gfm-like").parse(text)
    start = next(at for at, token in enumerate(tokens) if token.type == "tbody_open")
    end = next(at for at, token in enumerate(tokens) if token.type == "tbody_close")
    cells = [token.content for token in tokens[start:end] if token.type == "inline"]
    names = [name.replace(" ", "-") for name in cells[::2]]
    return dict(zip(names, (int(cell.replace(",", "")) for cell in cells[1::2]), strict=True))


def of_tap(text: str) -> Counts:
    """Test by test, as a reader of TAP sees them; their number is the plan's."""
    lines = list(Parser().parse_text(text))
    (plan,) = [line for line in lines if line.category == "plan"]
    tests = [line for line in lines if line.category == "test"]
    assert [test.number for test in tests] == list(range(1, plan.expected_tests + 1))
    return counted(_of_test(test) for test in tests)


def _of_test(test: Any) -> str:  # noqa: ANN401 - the parser has no types
    if test.todo or test.skip:
        verdict: str = test.directive.reason.partition(":")[0]
        assert verdict == ("waived" if test.todo else "not-applicable")
        assert test.ok is test.skip
        return verdict
    told = "pass" if test.ok else str(test.yaml_block["verdict"])
    assert told in ({"pass"} if test.ok else {"fail", "unproven"})
    return told


READERS: Final[dict[str, Callable[[str], Counts]]] = {
    "csv": of_findings,
    "csv-matrix": of_matrix,
    "html": of_html,
    "json": of_json,
    "junit": of_junit,
    "junit-hosts": of_junit,
    "markdown": of_markdown,
    "tap": of_tap,
} | readers_for_tools.READERS
