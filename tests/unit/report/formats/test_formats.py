"""What holds for every format: whatever is registered is tested here."""

import re
from collections.abc import Callable, Iterator
from pathlib import PurePath

import pytest

from portproof.archive.folder import EVIDENCE, MANIFEST, REQUEST
from portproof.errors import OutputError, TemplateError, UsageError
from portproof.report.contract import ALWAYS, Theme, format_names, load_format, load_formats, write
from portproof.result.result import AuditResult
from support.for_each import for_each
from support.report.fleets import LAPSED, WAIVED, waivers
from support.report.formats import THEME, bare, interrupted, nothing_judged, rendered
from support.report.results import all_pass, hostile, mixed, wide

CONTROLS = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)
"""Bytes that rendering may hold on to for one more host: a reference or two, and no text."""
STREAMED = [name for name in format_names() if name != "html"]
"""The report shows cases of many hosts together, and puts them together first."""


RESULTS = (all_pass, wide, mixed, hostile, nothing_judged, interrupted, bare)


@for_each("make", RESULTS)
@for_each("name", format_names())
def test_any_result_is_written_as_clean_text(name: str, make: Callable[[], AuditResult]) -> None:
    """It can be encoded, is the same each time, and nothing in it steers a terminal."""
    text = rendered(name, make())
    text.encode("utf-8")
    assert CONTROLS.findall(text) == []
    assert rendered(name, make()) == text


@for_each("name", ["github", "gitlab", "junit", "markdown", "ocsf", "oscal", "sarif", "tap"])
def test_waivers_are_told_in_the_same_words(name: str) -> None:
    """Who answers for what, by which ticket, until when and why; or that it is over."""
    told = re.sub(r"\\(?=[^\w\s])", "", rendered(name, waivers()))
    holds = f"waived by {WAIVED.owner} ({WAIVED.ticket}) until {WAIVED.until}: {WAIVED.reason}"
    assert holds in told
    assert f"the waiver of {LAPSED.owner} lapsed on {LAPSED.until}" in told


def test_file_names_are_plain_and_nobody_elses() -> None:
    """No two formats, and no other file of the folder, have the same name."""
    names = [load_format(name).FILE for name in format_names()]
    assert len({*names, EVIDENCE, MANIFEST, REQUEST}) == len(names) + 3
    for name in names:
        assert re.fullmatch(r"[a-z0-9]+([.-][a-z0-9]+)+", name)
        assert PurePath(name).name == name


def test_an_unknown_format_lists_those_there_are() -> None:
    """Nothing falls back in silence."""
    with pytest.raises(UsageError, match=r"no format 'pdf'; the formats are csv, csv-matrix, "):
        load_formats(["junit", "pdf"])


def test_a_format_is_written_once_and_the_usual_ones_always() -> None:
    """Asking twice changes nothing."""
    assert list(load_formats([])) == list(ALWAYS)
    assert list(load_formats(["tap", "json", "tap"])) == [*ALWAYS, "tap"]


class Broken:
    """A format of somebody else's that fails half way."""

    FILE = "broken.txt"

    def __init__(self, error: Exception) -> None:
        self.error = error

    def render(self, result: AuditResult, theme: Theme) -> Iterator[str]:  # noqa: ARG002 - the contract
        """Say one thing, then fail."""
        yield "one"
        raise self.error


def test_a_format_that_fails_fails_the_run_with_its_name() -> None:
    """Nothing half-written is taken for whole; an error that explains itself stays as it is."""
    with pytest.raises(OutputError, match="the format mine cannot be written: no such thing"):
        list(write("mine", Broken(ValueError("no such thing")), bare(), THEME))
    with pytest.raises(TemplateError, match="its own words"):
        list(write("mine", Broken(TemplateError("its own words")), bare(), THEME))
