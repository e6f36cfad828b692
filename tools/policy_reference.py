"""Writes a page for each shipped policy into docs/policies, from its YAML.

``python tools/policy_reference.py``
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from portproof.catalog.controls import control_title, framework_name
from portproof.content.load import load
from portproof.content.shipped import shipped
from portproof.model.base import for_platform
from portproof.model.observation import Platform
from portproof.policy.policy import BoundRule, Policy

FOLDER: Final = Path(__file__).parent.parent / "docs" / "policies"
INDEX: Final = "README.md"
MADE: Final = "Made from the policy's YAML by `tools/policy_reference.py`; a test compares them."
PLATFORMS: Final = {Platform.LINUX: "Linux", Platform.MACOS: "macOS", Platform.WINDOWS: "Windows"}

_CODE: Final = re.compile(r"(`[^`\n]+`)")
_SPECIAL: Final = re.compile(r"[\\`*\[\]<>&|~]|(?<![^\W_])_|_(?![^\W_])")
_AT_START: Final = re.compile(r"^(?=[#+=-])|^(\d+)(?=[.)](?:\s|$))")
_STEP: Final = re.compile(r"(\d+\. )(.*)")
_ADDRESS: Final = re.compile(r"https?://[^\s<>]+")


def pages(folder: Path | None = None) -> dict[str, str]:
    """Every page by its file's name: one a policy, and the index.

    Args:
        folder: The policies; the shipped ones if it is not given.
    """
    content = load([folder or shipped("policies")], [])
    content.raise_problems()
    policies = [loaded.model for loaded in content.policies]
    rules = content.rules()
    made = {
        f"{policy.policy}.md": _page(policy, [each for each in rules if each.policy is policy])
        for policy in policies
    }
    return made | {INDEX: _index(policies)}


def _index(policies: Iterable[Policy]) -> str:
    rows = [
        f"| [{escaped(each.policy)}]({each.policy}.md) | {cell(each.title)} | {len(each.rules)} |"
        for each in policies
    ]
    head = ["# Shipped policies", "", MADE, "", "| policy | what holds | rules |", "|---|---|---|"]
    baselines = (
        "Baselines are to be copied and edited, and used only where they are named:"
        " see [Writing policies](../policies.md#baselines)."
    )
    return "\n".join([*head, *rows, "", baselines, ""])


def _page(policy: Policy, rules: Sequence[BoundRule]) -> str:
    head = [f"# {escaped(policy.policy)}", f"{escaped(policy.title.rstrip('.'))}.", MADE]
    table = [
        "| rule | severity | what it asks for |",
        "|---|---|---|",
        *(_row(bound) for bound in rules),
    ]
    parts = [*head, *_paragraphs(policy.because or ""), "\n".join(table)]
    parts += [part for bound in rules for part in _rule(bound)]
    return "\n\n".join(parts) + "\n"


def _row(bound: BoundRule) -> str:
    link = f"[{escaped(bound.rule.id)}](#{_anchor(bound)})"
    return f"| {link} | {bound.severity} | {cell(bound.rule.summary())} |"


def _anchor(bound: BoundRule) -> str:
    """The anchor GitHub gives a heading: letters, digits, dashes and underscores stay."""
    return re.sub(r"[^\w-]", "", bound.rule.id)


def _rule(bound: BoundRule) -> Iterator[str]:
    rule = bound.rule
    yield f"## {escaped(rule.id)}"
    yield f"**{escaped(rule.title or rule.summary())}**"
    hosts = " and ".join(_hosts(bound))
    yield f"{code(rule.summary())}, severity {bound.severity}, hosts {code(hosts)}"
    yield from _paragraphs(rule.because or "")
    yield from _fixes(bound)
    if rule.maps:
        yield "### Mappings"
        yield "\n".join(_maps(bound))
    if rule.refs:
        yield "### References"
        yield "\n".join(f"- {_reference(ref)}" for ref in rule.refs)


def _hosts(bound: BoundRule) -> list[str]:
    return list(dict.fromkeys(str(pattern) for pattern in bound.patterns))


def _fixes(bound: BoundRule) -> Iterator[str]:
    fix = bound.rule.fix
    if isinstance(fix, str):
        yield "### Fix"
        yield from _paragraphs(fix)
        return
    for platform, name in PLATFORMS.items():
        if text := for_platform(fix, platform):
            yield f"### Fix on {name}"
            yield from _paragraphs(text)


def _maps(bound: BoundRule) -> Iterator[str]:
    for framework, numbers in bound.rule.maps.items():
        for number in numbers:
            title = control_title(framework, number)
            text = f"- {escaped(framework_name(framework))}: {escaped(number)}"
            yield f"{text} {escaped(title)}".rstrip()


def _reference(ref: str) -> str:
    return f"<{ref}>" if _ADDRESS.fullmatch(ref) else escaped(ref)


def _paragraphs(text: str) -> Iterator[str]:
    """The paragraphs of a text; steps that it numbers stay steps."""
    for line in filter(None, map(str.strip, text.splitlines())):
        step = _STEP.fullmatch(line)
        yield f"{step[1]}{escaped(step[2])}" if step else escaped(line)


def escaped(text: str) -> str:
    """A line of text as Markdown that shows it as it is; what stands in backticks is code."""
    return _AT_START.sub(lambda start: f"{start[1] or ''}\\", "".join(_parts(text)), count=1)


def cell(text: str) -> str:
    """A line of text for a table, where a bar parts cells even inside code."""
    parts = (part.replace("|", r"\|") if _CODE.fullmatch(part) else part for part in _parts(text))
    return "".join(parts)


def _parts(text: str) -> Iterator[str]:
    """Code as it is, and escaped text, in turns."""
    for part in _CODE.split(" ".join(text.split())):
        yield part if _CODE.fullmatch(part) else _SPECIAL.sub(r"\\\g<0>", part)


def code(text: str) -> str:
    """A line of text as code, whatever is in it."""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    space = " " if "`" in text else ""
    return f"{fence}{space}{text}{space}{fence}"


def main() -> None:
    """Write every page, and take away those whose policy is gone."""
    FOLDER.mkdir(exist_ok=True)
    made = pages()
    for old in FOLDER.glob("*.md"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text, encoding="utf-8", newline="\n")
    print(f"{FOLDER}: {len(made)} pages")


if __name__ == "__main__":
    main()
