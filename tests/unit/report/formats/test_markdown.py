"""The summary for a CI job: Markdown that no host can write into, and never too large."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from portproof.report.formats.markdown import text
from portproof.text.safe import code_span
from support.for_each import for_each
from support.report.formats import interrupted, nothing_judged, rendered
from support.report.results import HOSTILE, hostile, mixed

PARSER = MarkdownIt("gfm-like", {"html": True, "linkify": True})
OURS = {
    *("heading", "paragraph", "bullet_list", "list_item", "table", "thead", "tbody"),
    *("tr", "th", "td", "strong", "text", "code_inline", "inline", "softbreak"),
}
"""Every kind of markup that portproof writes itself."""


def tokens(told: str) -> list[Token]:
    """Everything a parser of CommonMark, with GitHub's tables and automatic links, finds."""
    blocks = PARSER.parse(told)
    return [each for block in blocks for each in (block, *(block.children or ()))]


def kinds(told: str) -> set[str]:
    """The kinds of markup in a text."""
    return {re.sub("_(open|close)$", "", token.type) for token in tokens(told)}


def words(told: str) -> list[str]:
    """The code spans, as they are read."""
    return [token.content for token in tokens(told) if token.type == "code_inline"]


def test_what_fails_is_told_with_host_process_and_fix() -> None:
    """The head says what it came to; the rest says where."""
    told = rendered("markdown", mixed())
    assert told.startswith("## portproof: Failed\n\n5 of 12 hosts proven; 4 rules fail on 5 hosts")
    assert "- `retired-ports/npmp-trap-609` (critical, 2 hosts): Port 609 (npmp-trap) is" in told
    assert "  - `nfs-1`: `rpc.statd listens on tcp 0.0.0.0:609 (every address); pid 812" in told
    assert "  - fix on linux: ``1. Find the owner: `sudo ss" in told
    assert "- `edge-2.example.net`: `unreachable: connecting to edge-2.example.net" in told
    assert "took longer than 10 seconds` (4 rules)" in told
    assert "  - `nfs-1`: `rpc.mountd listens on tcp 0.0.0.0:611" in told


@for_each("make", [mixed, hostile, nothing_judged, interrupted])
def test_there_is_no_markup_but_ours(make: object) -> None:
    """No HTML, no link, no picture, no heading of a host's own."""
    assert callable(make)
    told = rendered("markdown", make())
    assert kinds(told) <= OURS
    headings = [token.map for token in tokens(told) if token.type == "heading_open"]
    assert len(headings) == len(re.findall("^##", told, re.MULTILINE))


def test_a_hostile_name_is_read_as_it_is() -> None:
    """What was said is there, in a code span."""
    told = words(rendered("markdown", hostile()))
    for attack in (HOSTILE[0], HOSTILE[1], "lone \\udc80 surrogate \\ud800"):
        assert attack in told


@settings(max_examples=300)
@given(st.text(alphabet="`*_[]()<>!#|~-+=@:/\\&;. \n\tahtpw1\u202e\ud800", max_size=24))
def test_any_text_is_one_span_of_text(told: str) -> None:
    """Between other words, in a list: one piece of code or of plain words, and nothing else."""
    assert kinds(f"- before {code_span(told)} after") <= OURS
    assert len(words(f"- before {code_span(told)} after")) == 1
    assert kinds(f"- {text(told)}") <= OURS


@for_each(
    "told",
    [
        *("www.example.com", "http://example.com", "a@example.com", "@someone", "#12"),
        *("<b>", "**bold**", "[a](b)", "![a](b)", "1. one", "- one", "a|b", "\\`", "`", "", " "),
    ],
)
def test_what_could_be_a_link_or_a_mention_is_code(told: str) -> None:
    """GitHub makes links of addresses, people and issues, but in no code span."""
    assert text(told).startswith("`")
    assert kinds(text(told)) <= OURS


def test_what_is_no_success_as_a_whole_says_so() -> None:
    """Above all figures."""
    assert "## portproof: Nothing judged" in rendered("markdown", nothing_judged())
    stopped = rendered("markdown", interrupted())
    assert "## portproof: Incomplete" in stopped
    assert "**The audit was interrupted.**" in stopped
