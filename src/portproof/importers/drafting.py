"""Turn what was found into checks, and a policy with rules on them."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from portproof.errors import Problem
from portproof.importers.fields import EVERYWHERE
from portproof.importers.items import ImportedItem, ImportedItems
from portproof.importers.naming import Names, slug
from portproof.importers.sql import Question, question, tidied, why_not
from portproof.model.base import Severity
from portproof.policy.checks import Check
from portproof.policy.policy import Policy
from portproof.text.words import many


@dataclass(frozen=True, slots=True)
class Drafted:
    """A check or policy as it will be written, the file it comes from, and remarks on it."""

    values: dict[str, Any]
    source: str
    remarks: tuple[str, ...] = ()


@dataclass(slots=True)
class Draft:
    """Everything that will be written, and everything that was not imported, by place."""

    checks: list[Drafted] = field(default_factory=list)
    rules: list[dict[str, Any]] = field(default_factory=list)
    told: list[Problem] = field(default_factory=list)

    @property
    def doubtful(self) -> int:
        """The number of rules that pass if nothing is found."""
        return sum(rule["expect"] != "some rows" for rule in self.rules)

    def policy(self, source: str, stem: str) -> Drafted:
        """Return the policy that holds the rules; ``source`` is the file that was named."""
        values = {
            "policy": slug(stem, "fleet"),
            "title": f"Policies of Fleet in {' '.join(source.split())}",
            "severity": Severity.MEDIUM.value,
            "hosts": "all",
            "rules": self.rules,
        }
        Policy.model_validate(values)
        count = len(self.told)
        told = f"Not imported: {many(count, 'part')} of it; the import listed them."
        return Drafted(values, source, (told,) if count else ())


def draft(found: ImportedItems, taken: Collection[str]) -> Draft:
    """Make checks and rules of what was found; ``taken`` are ids that are not available."""
    made = Draft(told=list(found.told))
    names = Names(taken)
    for item in found.items:
        sql = tidied(item.sql)
        wrong = why_not(sql) or (None if item.platforms else "runs on no known platform")
        if wrong is not None:
            made.told.append(item.problem(wrong))
            continue
        asked = question(sql) if item.judged else Question(sql, "")
        name = names.give(item.name, "policy" if item.judged else "query")
        made.checks.append(_check(item, name, asked))
        if item.judged:
            made.rules.append(_rule(item, name, asked))
    made.told = sorted(set(made.told))
    return made


def _check(item: ImportedItem, name: str, asked: Question) -> Drafted:
    everywhere = set(item.platforms) == set(EVERYWHERE)
    values = {
        "check": name,
        "title": item.title,
        "because": None if item.judged else _laid_out(item.because),
        "sql": asked.sql if everywhere else {each.value: asked.sql for each in item.platforms},
        "min_osquery": item.min_osquery,
    }
    written = _without_nothing(values)
    Check.model_validate(written)
    return Drafted(written, item.source, (asked.remark,) if asked.remark else ())


def _rule(item: ImportedItem, name: str, asked: Question) -> dict[str, Any]:
    values = {
        "id": name,
        "title": item.title,
        "check": name,
        "expect": asked.expect,
        "severity": Severity.HIGH.value if item.critical else None,
        "because": _laid_out(item.because),
        "fix": _laid_out(item.fix),
    }
    return _without_nothing(values)


def _without_nothing(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _laid_out(text: str | None) -> str | None:
    """Return text without what a YAML block cannot show: tabs, and blanks at the end of lines."""
    if text is None:
        return None
    lines = text.replace("\r\n", "\n").expandtabs(4).split("\n")
    return "\n".join(line.rstrip() for line in lines).strip() or None
