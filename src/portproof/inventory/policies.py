"""Read which policies an inventory's variables name for its hosts."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from portproof.errors import Code, ContentError, Problem
from portproof.inventory.variables import Encrypted
from portproof.model.connection import Secret
from portproof.model.hosts import Host, Inventory
from portproof.text.visible import shortened, visible
from portproof.text.words import many

VARIABLE: Final = "portproof_policies"
_TEMPLATE: Final = re.compile(r"\{[{%#]")
_LONGEST: Final = 200


def has_own(host: Host) -> bool:
    """Return whether the inventory chooses the policies of a host."""
    return VARIABLE in host.variables


def own_policies(inventory: Inventory) -> dict[str, tuple[str, ...]]:
    """Return the policies in the variable, by the host's name; hosts without it are left out.

    Raises:
        ContentError: a value is none that names policies: a template, encrypted, empty, or neither
            a text nor a list of texts. Nothing is guessed, or a host would be judged by fewer rules
            than meant.
    """
    hosts = [host for host in inventory.hosts if has_own(host)]
    problems = [
        problem_of(inventory, alike, trouble)
        for alike in _alike(hosts)
        if (trouble := _trouble(alike[0].variables[VARIABLE]))
    ]
    if problems:
        raise ContentError(problems)
    return {host.name: _named(host.variables) for host in hosts}


def problem_of(inventory: Inventory, hosts: list[Host], text: str) -> Problem:
    """Return a problem with the variable of some hosts, and where to look for it."""
    first, others = hosts[0], len(hosts) - 1
    more = f" and {many(others, 'more host')}" if others else ""
    groups = ", ".join(first.groups)
    where = f"host_vars of {first.name}, or group_vars of {groups or 'all'}"
    path = f"{VARIABLE} of {first.name}{more}"
    told = shortened(visible(f"{text} (set in {where})"), 3 * _LONGEST)
    place = shortened(visible(path), _LONGEST)
    return Problem(inventory.source, 0, 0, place, told, Code.POLICY_CHOICE)


def _alike(hosts: Iterable[Host]) -> list[list[Host]]:
    """Group hosts with the same value, so that each mistake is reported once."""
    by_value: dict[str, list[Host]] = {}
    for host in hosts:
        by_value.setdefault(repr(host.variables[VARIABLE]), []).append(host)
    return list(by_value.values())


def _trouble(value: Any) -> str | None:  # noqa: ANN401 - whatever the inventory holds
    if isinstance(value, Encrypted | Secret):
        return "is encrypted; write the names of policies as they are"
    named = [value] if isinstance(value, str) else value
    if not isinstance(named, list) or not all(isinstance(each, str) for each in named):
        return "must be the name or path of a policy, or a list of them"
    if not named or not all(each.strip() for each in named):
        return "is empty; name at least one policy, or leave the variable out"
    if any(_TEMPLATE.search(each) for each in named):
        return "is a template, which portproof does not render; write the value"
    return None


def _named(variables: Mapping[str, Any]) -> tuple[str, ...]:
    value = variables[VARIABLE]
    named = [value] if isinstance(value, str) else value
    return tuple(dict.fromkeys(each.strip() for each in named))
