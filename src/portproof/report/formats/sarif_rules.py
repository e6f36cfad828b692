"""Rules as SARIF's reporting descriptors, with what GitHub shows of them.

Source: GitHub's "SARIF support for code scanning": the properties of a reportingDescriptor, 20 tags
a rule, 1,024 characters a description.
"""

from typing import Any, Final

from portproof.model.base import Severity
from portproof.policy.policy import BoundRule
from portproof.report.words.phrases import fix, fixes
from portproof.report.words.text import is_link, markdown
from portproof.report.words.wording import title_of
from portproof.text.safe import NAME, clean, escaped, multiline

_TAGS: Final = 20
_DESCRIPTION: Final = 1024

LEVELS: Final = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
"""SARIF's level of a failure, by the severity of its rule."""

_SCORES: Final = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "2.0",
}
"""GitHub shows over 9.0 as critical, from 7.0 as high, from 4.0 as medium, below as low."""

WHOLE: Final = "portproof"
"""The id of the rule that an audit as a whole breaks; a rule of a policy has a slash in its id."""


def rule(bound: BoundRule) -> dict[str, Any]:
    """Return a rule: its titles, its fix, and what GitHub sorts and filters by."""
    title = clean(title_of(bound), _DESCRIPTION)
    because = multiline(bound.rule.because or bound.policy.because or title, _DESCRIPTION)
    link = next(filter(is_link, bound.rule.refs), None)
    descriptor = {
        "id": bound.key,
        "name": "".join(map(str.capitalize, _words(bound.rule.id))),
        "shortDescription": {"text": title},
        "fullDescription": {"text": because},
        "help": {"text": fix(bound) or because, "markdown": _help(bound)},
        "defaultConfiguration": {"level": LEVELS[bound.severity]},
        "properties": properties(bound),
    }
    return descriptor | ({"helpUri": link} if link else {})


def _words(slug: str) -> list[str]:
    return slug.replace("_", "-").replace(".", "-").split("-")


def _help(bound: BoundRule) -> str:
    because = markdown(bound.rule.because or bound.policy.because or title_of(bound))
    parts = [
        f"**{name}**\n\n{markdown(text)}" if name else markdown(text) for name, text in fixes(bound)
    ]
    refs = "\n".join(f"- {escaped(clean(ref))}" for ref in bound.rule.refs)
    return "\n\n".join(part for part in (because, *parts, refs) if part)


def properties(bound: BoundRule) -> dict[str, Any]:
    """Tags, as many as GitHub takes and the others beside them, severity and precision."""
    maps = [
        f"{name}/{clean(number, NAME)}" for name, all_ in bound.rule.maps.items() for number in all_
    ]
    tags = list(dict.fromkeys(["security", "compliance", *maps]))
    bag: dict[str, Any] = {"tags": tags[:_TAGS], "precision": "very-high"}
    if len(tags) > _TAGS:
        bag["tagsLeftOut"] = tags[_TAGS:]
    if score := _SCORES.get(bound.severity):
        bag["security-severity"] = score
    return bag


def whole_rule() -> dict[str, Any]:
    """Return the rule that an audit breaks which saw too little."""
    text = "The audit judged every host of its roster"
    return {
        "id": WHOLE,
        "name": "WholeAudit",
        "shortDescription": {"text": text},
        "fullDescription": {"text": f"{text}. One that did not proves nothing about the others."},
        "help": {"text": "Run the audit again, and let it finish."},
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": ["security"], "precision": "very-high", "security-severity": "9.5"},
    }
