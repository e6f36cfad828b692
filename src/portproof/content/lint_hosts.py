"""Find errors in host patterns, given the inventory they are for."""

from collections.abc import Iterator

from portproof.content.document import KeyPath
from portproof.content.load import Content, Loaded
from portproof.errors import Code, Problem
from portproof.model.hosts import Inventory
from portproof.model.patterns import HostPattern, bare_part
from portproof.policy.policy import Policy
from portproof.text.suggestions import suggesting


def lint_hosts(content: Content, inventory: Inventory) -> None:
    """Add each part of a host pattern that names nothing in the inventory to the problems.

    The inventory counts as it is without a limit. A rule with a mistyped pattern would be for
    nobody, and the hosts it was meant for would never fail. Parts that the policy lists as
    ``optional_hosts`` may name nothing.
    """
    known = [*inventory.groups(), *inventory.names()]
    for loaded in content.policies:
        for path, part in unknown_parts(loaded.model, inventory):
            content.problems.append(_unknown(loaded, path, part, known))


def unknown_parts(policy: Policy, inventory: Inventory) -> Iterator[tuple[KeyPath, str]]:
    """Yield each part of a policy's host patterns that names nothing, and the path of its pattern.

    A part comes without the sign that intersects or excludes.
    """
    names, groups = inventory.names(), inventory.groups()
    optional = set(map(bare_part, policy.optional_hosts))
    for path, pattern in _patterns(policy):
        for part in map(bare_part, pattern.select(names, groups).unmatched):
            if part not in optional:
                yield path, part


def _patterns(policy: Policy) -> Iterator[tuple[KeyPath, HostPattern]]:
    yield ("hosts",), policy.hosts
    for index, rule in enumerate(policy.rules):
        if rule.hosts is not None:
            yield ("rules", index, "hosts"), rule.hosts


def _unknown(loaded: Loaded[Policy], path: KeyPath, part: str, known: list[str]) -> Problem:
    text = f"the inventory has no host or group named {part}"
    otherwise = (
        "give the inventory that has it with -i, or list it in the policy's optional_hosts if an"
        " inventory may lack it"
    )
    text = suggesting(text, part, known, otherwise=otherwise)
    return loaded.document.problem(path, text, Code.UNKNOWN_NAME)
