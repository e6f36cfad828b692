"""Rules as objectives of OSCAL, below the controls they are evidence for.

Source: OSCAL's catalog of NIST SP 800-53, where CM-7 is ``cm-7`` and AC-2(3) is ``ac-2.3``; a
token of OSCAL starts with a letter or ``_`` and goes on with letters, digits, ``.``, ``-``, ``_``.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from portproof.policy.policy import BoundRule
from portproof.report.words.findings import place
from portproof.report.words.text import markdown
from portproof.report.words.wording import title_of
from portproof.result.result import AuditResult
from portproof.text.safe import NAME, clean, escaped

NAMESPACE: Final = "urn:portproof"
_CONTROL: Final = re.compile(r"([A-Za-z]{2})-0*([1-9]\d{0,2})(?:\s*\(0*([1-9]\d{0,2})\))?")


def own_props(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    """Properties of our own; an empty one is left out, as OSCAL demands."""
    named = ((name, clean(value, NAME).strip()) for name, value in pairs)
    return [{"name": name, "ns": NAMESPACE, "value": value} for name, value in named if value]


def one_line(text: str) -> str:
    """Text for a title or a description, which OSCAL reads as Markdown."""
    return escaped(clean(text)).strip() or "unnamed"


def controls(bound: BoundRule) -> list[str]:
    """The ids of NIST's catalog a rule maps to, such as cm-7 or ac-2.3; else one of our own."""
    matches = map(_CONTROL.fullmatch, bound.rule.maps.get("nist-800-53", ()))
    ids = [
        f"{match[1].lower()}-{match[2]}" + (f".{match[3]}" if match[3] else "")
        for match in matches
        if match
    ]
    return list(dict.fromkeys(ids)) or [_own(bound)]


def _own(bound: BoundRule) -> str:
    """Return a token; ids have no two underscores in a row, so no two rules have the same."""
    return f"portproof_{bound.policy.policy}__{bound.rule.id}"


def targets(rules: Iterable[BoundRule]) -> Iterator[tuple[BoundRule, str]]:
    """Return every rule with each of its controls."""
    return ((bound, control) for bound in rules for control in controls(bound))


def target(bound: BoundRule, control: str) -> str:
    """Return the id of the objective that a rule is below a control."""
    own = _own(bound)
    return own if control == own else f"{own}__{control}"


def objective(bound: BoundRule, control: str) -> dict[str, Any]:
    """Return a rule as an objective below a control."""
    because = bound.rule.because or bound.policy.because or title_of(bound)
    maps = [(name, each) for name, all_ in bound.rule.maps.items() for each in all_]
    file, line = place(bound)
    part = {
        "id": target(bound, control),
        "name": "assessment-objective",
        "title": one_line(title_of(bound)),
        "prose": markdown(because),
    }
    told = own_props(
        ("rule", bound.key),
        ("severity", bound.severity),
        ("written-in", f"{file}:{line}"),
        *((f"maps-{name}", each) for name, each in maps),
    )
    return {"control-id": control, "props": told, "parts": [part]}


def reviewed(result: AuditResult) -> dict[str, Any]:
    """Return the controls that the rules of an audit are about."""
    found = list(dict.fromkeys(control for _, control in targets(result.rules)))
    ids = [{"control-id": control} for control in found or ["portproof"]]
    return {"control-selections": [{"include-controls": ids}]}
