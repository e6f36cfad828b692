"""Read from a host's variables how to become another user."""

import re
from collections.abc import Mapping
from typing import Final, Literal

from portproof.inventory.values import Values
from portproof.inventory.variables import BECOME, BECOME_METHOD, become_names
from portproof.model.connection import Become

_COLLECTION: Final = re.compile(r"^(?:ansible\.(?:builtin|legacy)|community\.general)\.")
_METHODS: Final[Mapping[str, Literal["sudo", "doas"]]] = {"sudo": "sudo", "doas": "doas"}
_USUAL_FLAGS: Final = frozenset({"-H", "-S", "-n"})
"""Ansible's defaults for sudo, which do what portproof does anyway."""


def without_collection(name: str) -> str:
    """Return the short name of a plugin that may be given with its collection."""
    return _COLLECTION.sub("", name)


def become(values: Values) -> Become | None:
    """Read the variables of Ansible's sudo and doas plugins; None without ``ansible_become``.

    Raises:
        UnusableConnectionError: the method is another one, or has a program or flags of its own.
    """
    if not values.truth(BECOME):
        return None
    told = values.text(BECOME_METHOD) or "sudo"
    method = _METHODS.get(without_collection(told))
    if method is None:
        values.refuse(BECOME_METHOD, f"is {told}; portproof supports sudo and doas")
    for what, usual in (("flags", _USUAL_FLAGS), ("exe", frozenset({method}))):
        given = values.text(*become_names(method, what)) or ""
        if not usual.issuperset(given.split()):
            name = values.name_of(*become_names(method, what))
            values.refuse(name, f"is {given}, which portproof does not support")
    users = become_names(method, "user")
    user = values.text(*users) or "root"
    return Become(
        method=method,
        user=values.fit(values.name_of(*users), user, "user name"),
        password=values.secret(*become_names(method, "pass")),
    )
