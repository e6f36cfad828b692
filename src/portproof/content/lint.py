"""Find errors in content that a schema cannot find.

These are duplicate ids, unknown checks, rules that can never apply, and invalid SQL.
"""

import re
import sqlite3
from collections.abc import Iterable, Iterator
from typing import Final

from portproof.catalog.controls import control_trouble, framework_trouble
from portproof.content.document import KeyPath, YamlDocument
from portproof.content.load import Content, Loaded
from portproof.content.sql_tokens import copies, said
from portproof.errors import Code, Problem
from portproof.model.base import ByPlatform, Text
from portproof.policy.checks import Check
from portproof.policy.policy import Policy
from portproof.policy.policy_tests import PolicyTest
from portproof.policy.rules.base import Rule
from portproof.policy.rules.check import CheckRule
from portproof.text.suggestions import suggesting

_UNKNOWN_HERE: Final = ("no such table", "no such column", "no such function")
"""SQLite's errors for valid SQL when osquery's tables do not exist."""


def lint(content: Content) -> None:
    """Add to the content's problems everything that only shows across files."""
    content.problems.extend(_policies_twice(content.policies))
    content.problems.extend(_checks_twice(content.checks))
    known = content.check_by_id()
    for policy in content.policies:
        content.problems.extend(_rules_twice(policy.document))
        content.problems.extend(_rule_problems(policy, known))
    content.problems.extend(_waiver_problems(content))
    for check in content.checks:
        content.problems.extend(_sql_problems(check))


def _policies_twice(policies: Iterable[Loaded[Policy]]) -> Iterator[Problem]:
    names = [(loaded.model.policy, loaded.document) for loaded in policies]
    yield from _twice(names, "policy")


def _checks_twice(checks: Iterable[Loaded[Check]]) -> Iterator[Problem]:
    distinct = {(loaded.model.check, loaded.sha256): loaded for loaded in checks}
    names = [(loaded.model.check, loaded.document) for loaded in distinct.values()]
    yield from _twice(names, "check")


def _twice(names: Iterable[tuple[str, YamlDocument]], key: str) -> Iterator[Problem]:
    first: dict[str, YamlDocument] = {}
    for name, document in names:
        if name in first:
            text = f"{name} is also the id of {first[name].file}; ids must be unique"
            yield document.problem((key,), text, Code.DUPLICATE_ID)
        first.setdefault(name, document)


def _rules_twice(document: YamlDocument) -> Iterator[Problem]:
    lines: dict[str, int] = {}
    for index, rule in enumerate(document.value["rules"]):
        path: KeyPath = ("rules", index, "id")
        name = rule["id"]
        if name in lines:
            text = f"{name} is also the id of the rule on line {lines[name]}"
            yield document.problem(path, text, Code.DUPLICATE_ID)
        lines.setdefault(name, document.place(path)[0])


def _rule_problems(loaded: Loaded[Policy], known: dict[str, Check]) -> Iterator[Problem]:
    document = loaded.document
    yield from _pattern_problem(loaded.model, document)
    for index, rule in enumerate(loaded.model.rules):
        here: KeyPath = ("rules", index)
        if flaw := rule.flaw():
            yield document.problem(here, flaw, Code.CONTRADICTION)
        if rule.hosts is not None and rule.hosts.excludes_itself:
            text = f"{rule.hosts} excludes every host that it names, so the rule never applies"
            yield document.problem((*here, "hosts"), text, Code.NEVER_MATCHES)
        if isinstance(rule, CheckRule):
            yield from _reference(rule.check, known, document, (*here, "check"))
        yield from _map_problems(rule, document, (*here, "maps"))


def _map_problems(rule: Rule, document: YamlDocument, path: KeyPath) -> Iterator[Problem]:
    """Report unknown control numbers: a mistyped one would be missing from a report by control."""
    for framework, numbers in rule.maps.items():
        if trouble := framework_trouble(framework):
            code = Code.FRAMEWORK_SPELLING
            yield document.problem((*path, framework), trouble, code, at_key=True)
        for index, number in enumerate(numbers):
            if trouble := control_trouble(framework, number):
                yield document.problem((*path, framework, index), trouble, Code.UNKNOWN_CONTROL)


def _waiver_problems(content: Content) -> Iterator[Problem]:
    """Report waivers for rules that do not exist; they have no effect."""
    known = {bound.key for bound in content.rules()}
    documents = {loaded.document.file: loaded.document for loaded in content.policies}
    documents |= {loaded.document.file: loaded.document for loaded in content.waiver_files}
    for bound in content.waivers():
        if bound.rule in known:
            continue
        path: KeyPath = ("waivers", bound.index, "rule")
        text = f"there is no rule named {bound.rule}"
        text = suggesting(text, bound.rule, known, otherwise="write policy/rule")
        yield documents[bound.file].problem(path, text, Code.UNKNOWN_NAME)


def _pattern_problem(policy: Policy, document: YamlDocument) -> Iterator[Problem]:
    if policy.hosts.excludes_itself:
        text = f"{policy.hosts} excludes every host that it names, so no rule applies"
        yield document.problem(("hosts",), text, Code.NEVER_MATCHES)


def _reference(
    name: str, known: dict[str, Check], document: YamlDocument, path: KeyPath
) -> Iterator[Problem]:
    if name in known:
        return
    others = f"known: {', '.join(sorted(known))}"
    text = suggesting(f"there is no check named {name}", name, known, otherwise=others)
    yield document.problem(path, text, Code.UNKNOWN_NAME)


def lint_tests(tests: Iterable[Loaded[PolicyTest]], content: Content) -> Iterator[Problem]:
    """Report tests of policies or rules that do not exist: they would never run."""
    rules = {
        loaded.model.policy: [rule.id for rule in loaded.model.rules] for loaded in content.policies
    }
    for loaded in tests:
        name = loaded.model.test
        if name not in rules:
            text = _no_such("policy", name, list(rules))
            yield loaded.document.problem(("test",), text, Code.UNKNOWN_NAME)
            continue
        for index, case in enumerate(loaded.model.cases):
            for rule in case.expect.keys() - set(rules[name]):
                path: KeyPath = ("cases", index, "expect", rule)
                text = _no_such("rule", rule, rules[name])
                yield loaded.document.problem(path, text, Code.UNKNOWN_NAME)


def _no_such(kind: str, name: str, known: list[str]) -> str:
    return suggesting(f"there is no {kind} named {name}", name, known)


def _sql_problems(loaded: Loaded[Check]) -> Iterator[Problem]:
    for key in ("sql", "witness"):
        for path, text in _texts(getattr(loaded.model, key), (key,)):
            if trouble := sql_trouble(text):
                yield loaded.document.problem(path, trouble, Code.INVALID_SQL)


def _texts(value: Text | ByPlatform | None, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(value, str):
        yield path, value
    elif value is not None:
        for platform, text in value.model_dump(exclude_none=True).items():
            yield (*path, platform), text


MOST_COPIES: Final = 10_000
"""The limit for copies of a statement's parts when SQLite expands them."""

_MAY_HAVE_PARTS: Final = re.compile(r";|with", re.IGNORECASE)
"""Without either, a text is at most one statement and has no named parts."""


def sql_trouble(sql: str) -> str | None:
    """Return what is wrong with a statement as SQL; only osquery knows which tables exist.

    Statements are counted first: SQLite gives up at an unknown table, and would not see a second.
    """
    statement = sql.rstrip().rstrip(";")
    parts = said(statement) if _MAY_HAVE_PARTS.search(statement) else []
    if any(token.text == ";" for token in parts):
        return "is not one SQL statement: there are several"
    if copies(parts) > MOST_COPIES:
        return "has common table expressions that expand too often"
    database = sqlite3.connect(":memory:")
    try:
        database.execute(f"EXPLAIN {sql}")
    except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
        known = any(text in str(error) for text in _UNKNOWN_HERE)
        return None if known else f"is not one SQL statement: {error}"
    finally:
        database.close()
    return None
