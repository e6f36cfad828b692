"""The reference pages are those of the shipped policies, and show every text as it is written."""

import re
import runpy
from pathlib import Path
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from support.for_each import for_each
from support.paths import ROOT

TOOL: dict[str, Any] = runpy.run_path(str(ROOT / "tools" / "policy_reference.py"))
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
NASTY = st.text(st.sampled_from("ab1 `\\*_[]()<>&|~#+-=.!:;x{}'\"/\né"), max_size=30)
HOSTILE = """\
policy: hostile
title: "*Stars* | <script>alert(1)</script> [a](http://b) `a|b`"
because: "# no heading\\n- no list\\n1) no step &amp; no entity"
rules:
  - id: a_b_c
    title: "__init__ _x_ ~~y~~ | bar"
    closed: 609
    by: {process: "`x|*`"}
    because: "=== \\n\\n1. a step with `code | * _` in it"
    fix: {linux: "<b>bold</b> and \\\\ backslash"}
    maps: {our-own: ["*1*"], nist-800-53: [CM-7]}
    refs: ["https://example.com/a_b_(c)", "a book, *p* 3"]
"""


def told(markdown: str) -> tuple[str, set[str]]:
    """What a page shows as text, and the kinds of its tokens."""
    texts, kinds = [], set()
    for block in MARKDOWN.parse(markdown):
        kinds.add(block.type)
        for token in block.children or []:
            kinds.add(token.type)
            texts.append(token.content)
    return "".join("".join(texts).split()), kinds


def plain(text: str) -> str:
    """A text without the backticks of its code, and without spaces."""
    return "".join(re.sub(r"`([^`\n]+)`", r"\1", " ".join(text.split())).split())


def test_the_pages_are_up_to_date() -> None:
    """``make docs`` was run after the last change of a policy, and no page is left over."""
    folder = ROOT / "docs" / "policies"
    there = {file.name: file.read_text(encoding="utf-8") for file in folder.glob("*.md")}
    assert there == TOOL["pages"]()


@given(NASTY)
@example("1. a")
@example("&amp; <b> `a|b` ~~c~~ _d_ __e__ *f* [g](h)")
def test_a_line_shows_as_it_is_written(text: str) -> None:
    """Whatever is in it: no emphasis, link, list, heading, entity or HTML."""
    shown, kinds = told(TOOL["escaped"](text))
    assert shown == plain(text)
    assert kinds <= {
        "paragraph_open",
        "paragraph_close",
        "inline",
        "text",
        "code_inline",
        "text_special",
    }


@given(NASTY)
def test_a_cell_of_a_table_stays_one_cell(text: str) -> None:
    """Also with bars in its code."""
    shown, kinds = told(f"| a | b |\n|---|---|\n| {TOOL['cell'](text)} | end |")
    assert shown == f"ab{plain(text)}end"
    assert "table_open" in kinds


def test_a_hostile_policy_shows_as_it_is_written(tmp_path: Path) -> None:
    """Every part of it, and its one step and one address are what they are meant to be."""
    (tmp_path / "hostile.yml").write_text(HOSTILE, encoding="utf-8")
    page = TOOL["pages"](tmp_path)["hostile.md"]
    shown, kinds = told(page)
    for text in (
        "*Stars* | <script>alert(1)</script> [a](http://b)",
        "# no heading",
        "1) no step &amp; no entity",
        "__init__ _x_ ~~y~~ | bar",
        "===",
        "a step with code | * _ in it",
        "<b>bold</b> and \\ backslash",
        "closed 609 by process `x|*`",
        "our-own: *1*",
        "NIST SP 800-53, revision 5: CM-7 Least Functionality",
        "a book, *p* 3",
    ):
        assert "".join(text.split()) in shown
    assert kinds.isdisjoint({"html_inline", "html_block", "em_open", "s_open", "hr"})
    assert page.count("\n## ") == 1


@for_each("policy", ["retired-ports", "baseline-web-server"])
def test_a_page_has_every_part_of_a_rule(policy: str) -> None:
    """The table leads to each rule; the rule has its fix, mappings and references."""
    page = TOOL["pages"]()[f"{policy}.md"]
    anchors = set(re.findall(r"\]\(#([\w-]+)\)", page))
    headings = set(re.findall(r"^## (.+)$", page, re.MULTILINE))
    assert anchors == headings
    for part in ("### Fix on Linux", "### Mappings", "### References", ", severity "):
        assert page.count(part) >= 1
