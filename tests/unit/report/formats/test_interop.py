"""What holds for every format that other programs read."""

from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings

from portproof.report.contract import Theme, load_format
from portproof.result.result import AuditResult
from portproof.text.visible import visible
from support.for_each import for_each
from support.readers_for_tools import READERS
from support.report.fleets import (
    SAMPLES,
    attacked,
    interrupted,
    large,
    nothing,
    nowhere,
    results,
    short,
)

NAMES = sorted(READERS)


def write(name: str, result: AuditResult) -> str:
    """The result in a format."""
    return "".join(pieces(name, result))


def pieces(name: str, result: AuditResult) -> Iterator[str]:
    """The same, piece by piece."""
    return load_format(name).render(result, Theme(()))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=20)
@given(result=results())
def test_every_format_tells_the_verdicts_of_the_result(name: str, result: AuditResult) -> None:
    """Whatever the hosts say, a reader counts what the result counts."""
    counts = READERS[name](write(name, result))
    assert counts == {verdict: result.totals.verdicts[verdict] for verdict in counts}
    assert {"fail", "unproven", "waived"} <= counts.keys()


@for_each("name", NAMES)
@for_each("sample", SAMPLES)
def test_the_samples_too(name: str, sample: str) -> None:
    """So it is with 2,000 hosts, with none, and with names that attack."""
    result = SAMPLES[sample]()
    counts = READERS[name](write(name, result))
    assert counts == {verdict: result.totals.verdicts[verdict] for verdict in counts}


@for_each("name", NAMES)
def test_nothing_that_a_host_says_is_there_unescaped(name: str) -> None:
    """The file is UTF-8, and shows control characters, surrogates and turns instead of having them.

    Only the escape of a line's end by the format itself stands between its lines.
    """
    text = write(name, attacked())
    assert text.encode().decode() == text
    assert all(visible(line) == line for line in text.split("\n"))
    assert "N" * 1001 not in text


@for_each("name", NAMES)
def test_formats_are_written_piece_by_piece_and_always_the_same(name: str) -> None:
    """A large fleet is written in many pieces, none of which grows with it."""
    result = large(1000)
    parts = list(pieces(name, result))
    assert "".join(parts) == write(name, large(1000))
    if name not in {"github", "prometheus"}:
        assert len(parts) > 100


@for_each("name", ["github", "prometheus"])
def test_formats_of_rules_do_not_grow_with_the_fleet(name: str) -> None:
    """Where there is a line for each rule, ten times the hosts make the file hardly longer."""
    small, big = (len(write(name, large(hosts))) for hosts in (200, 2000))
    assert big < small * 1.1


@for_each("name", ["gitlab", "ocsf", "sarif"])
def test_the_most_severe_failures_come_first(name: str) -> None:
    """Failures stand before what is unproven, and that before what is waived."""
    text = write(name, SAMPLES["mixed"]())
    places = [
        text.find(word)
        for word in ("netinfod listens", "inetutils-telnetd", "longer than", "mountd")
    ]
    assert all(0 < first < second for first, second in pairwise(places))


SILENT: dict[str, Callable[[AuditResult], str]] = {
    "github": lambda result: write("github", result).splitlines()[0],
    "gitlab": lambda result: write("gitlab", result),
    "ocsf": lambda result: write("ocsf", result).splitlines()[0],
    "oscal": lambda result: write("oscal", result),
    "prometheus": lambda result: write("prometheus", result),
    "sarif": lambda result: write("sarif", result),
}
GREEN = {
    "github": "::notice",
    "gitlab": "[]",
    "ocsf": '"status_id":1',
    "oscal": '"state":"satisfied"',
    "prometheus": 'portproof_audit_exit_code{inventory="inventory/hosts.txt"} 0\n',
    "sarif": '"executionSuccessful":true',
}


@for_each("name", NAMES)
@for_each("sample", [nothing, nowhere, interrupted])
def test_an_audit_that_saw_too_little_is_never_green(
    name: str, sample: Callable[[], AuditResult]
) -> None:
    """No host, no rule for any host, or an end before the end: every format says so."""
    assert GREEN[name] not in SILENT[name](sample())
    assert GREEN[name] in SILENT[name](SAMPLES["proven"]())


@for_each("name", [name for name in NAMES if name != "prometheus"])
def test_a_roster_that_does_not_add_up_is_never_green(name: str) -> None:
    """A host without a verdict for a rule makes the audit a failed one."""
    assert GREEN[name] not in SILENT[name](short())
