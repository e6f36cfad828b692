"""Documentation is part of the change: commands, options, reasons and schemas are documented."""

import pkgutil
import re
from pathlib import Path

import click

from portproof.archive.document import audit_schema_text
from portproof.cli import COMMANDS, cli
from portproof.content.schemas import schema_text
from portproof.errors import Code
from portproof.model.observation import Reason
from portproof.model.verdicts import Verdict
from portproof.report.contract import format_names, load_format
from support.for_each import for_each
from support.paths import ROOT

DOCS = ROOT / "docs"


@for_each("name", COMMANDS)
def test_every_command_and_option_is_explained(name: str) -> None:
    """A command has a text, and each of its options one too."""
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.help
    options = [each for each in command.params if isinstance(each, click.Option)]
    assert [option.name for option in options if not option.help] == []


@for_each("reason", Reason)
def test_every_reason_is_documented(reason: Reason) -> None:
    """docs/verdicts.md tells what each reason means and what to do."""
    assert f"| `{reason}` |" in (DOCS / "verdicts.md").read_text(encoding="utf-8")


def test_every_code_of_a_problem_is_documented() -> None:
    """docs/problems.md tells what each code means, and names no other."""
    text = (DOCS / "problems.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([a-z-]+)` \|", text, re.MULTILINE)) == set(Code)


@for_each("verdict", Verdict)
def test_every_verdict_is_documented(verdict: Verdict) -> None:
    """docs/verdicts.md tells what each verdict means."""
    assert f"| `{verdict}` |" in (DOCS / "verdicts.md").read_text(encoding="utf-8")


@for_each("what", ["policy", "check", "test"])
def test_the_checked_in_schema_is_what_the_models_say(what: str) -> None:
    """``make schemas`` was run after the last change of a model."""
    checked_in = (DOCS / "schemas" / f"{what}.schema.json").read_text(encoding="utf-8")
    assert checked_in == schema_text(what)


def test_the_checked_in_schema_of_audit_json_is_what_the_code_says() -> None:
    """``make schemas`` was run after the last change of the form."""
    checked_in = (DOCS / "schemas" / "audit.schema.json").read_text(encoding="utf-8")
    assert checked_in == audit_schema_text()


@for_each("name", format_names())
def test_every_format_is_documented(name: str) -> None:
    """docs/formats.md names each format with its file."""
    line = f"| `{name}` | `{load_format(name).FILE}` |"
    assert line in (DOCS / "formats.md").read_text(encoding="utf-8")


@for_each("page", sorted(ROOT.glob("*.md")) + sorted(DOCS.rglob("*.md")), ids=str)
def test_links_and_pictures_of_a_page_exist(page: Path) -> None:
    """Every relative link leads somewhere."""
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text)
    local = [link for link in links if not link.startswith(("http://", "https://"))]
    assert [link for link in local if not (page.parent / link).exists()] == []


def test_what_the_architecture_names_is_there() -> None:
    """Each ``room.module.name`` of docs/architecture.md can be imported."""
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    names = re.findall(r"`((?:[a-z_]+\.){2,}[A-Za-z_.]+)`", text)
    rooms = {each.name for each in (ROOT / "src" / "portproof").iterdir()}
    named = [name for name in names if name.partition(".")[0] in rooms]
    assert len(named) > 30
    for name in named:
        assert pkgutil.resolve_name(f"portproof.{name}")
