"""Select the variables of a host that portproof keeps, and their form."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from portproof.inventory.json_numbers import MARK
from portproof.model.connection import Secret

HOST: Final = ("ansible_host", "ansible_ssh_host")
PORT: Final = ("ansible_port", "ansible_ssh_port")
USER: Final = ("ansible_user", "ansible_ssh_user")
PASSWORD: Final = ("ansible_password", "ansible_ssh_pass", "ansible_ssh_password")
KEY_FILE: Final = ("ansible_private_key_file", "ansible_ssh_private_key_file")
KEY_CHECKING: Final = ("ansible_host_key_checking", "ansible_ssh_host_key_checking")
SSH_ARGS: Final = "ansible_ssh_args"
COMMON_ARGS: Final = "ansible_ssh_common_args"
EXTRA_ARGS: Final = "ansible_ssh_extra_args"
CONNECTION: Final = "ansible_connection"
PYTHON: Final = "ansible_python_interpreter"
BECOME: Final = "ansible_become"
BECOME_METHOD: Final = "ansible_become_method"
TIMEOUT: Final = "ansible_ssh_timeout"
EXECUTABLE: Final = "ansible_ssh_executable"
REFUSED: Final = (
    "ansible_ssh_pkcs11_provider",
    "ansible_private_key",
    "ansible_ssh_private_key",
)
"""Ways to connect that portproof does not support; a host that uses one cannot be audited."""


def become_names(method: str, what: str) -> tuple[str, ...]:
    """Return the variables that hold a setting of a become method; the last one given counts."""
    generic = {"pass": ("ansible_become_password", "ansible_become_pass")}
    return (*generic.get(what, (f"ansible_become_{what}",)), f"ansible_{method}_{what}")


_KEPT: Final = frozenset(
    (
        *(*HOST, *PORT, *USER, *PASSWORD, *KEY_FILE, *KEY_CHECKING, *REFUSED),
        *(SSH_ARGS, COMMON_ARGS, EXTRA_ARGS, TIMEOUT, EXECUTABLE),
        *(CONNECTION, PYTHON, BECOME, BECOME_METHOD),
        *(
            name
            for method in ("sudo", "doas")
            for what in ("user", "pass", "flags", "exe")
            for name in become_names(method, what)
        ),
    )
)
_OURS: Final = "portproof_"
_SECRET: Final = re.compile(r"pass|secret|token|private_key$")

VariablesKey = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True, repr=False)
class Encrypted:
    """A value encrypted with Ansible's vault that has not been decrypted."""

    text: str

    def __str__(self) -> str:
        return "***"

    def __repr__(self) -> str:
        return f"Encrypted({self})"


@dataclass(frozen=True, slots=True)
class NotFinite:
    """A number that JSON does not have: ``Infinity``, ``-Infinity`` or ``NaN``."""

    text: str

    def __str__(self) -> str:
        return self.text


class Variables:
    """Decodes variables; hosts with equal variables share one mapping.

    Facts and the many variables that do not concern a connection are left out: they can be
    thousands of times larger than the inventory.
    """

    def __init__(self) -> None:
        self._known: dict[VariablesKey, Mapping[str, Any]] = {}

    def read(self, raw: msgspec.Raw) -> Mapping[str, Any]:
        """Read the variables of one host from ``ansible-inventory``'s JSON."""
        told = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        key = tuple((name, bytes(told[name])) for name in told if is_kept(name))
        if key not in self._known:
            self._known[key] = {
                name: protected(name, plain(msgspec.json.decode(value))) for name, value in key
            }
        return self._known[key]


def is_kept(name: str) -> bool:
    """Return whether a variable concerns how a host is reached, or portproof itself."""
    return name in _KEPT or name.startswith(_OURS)


def protected(name: str, value: Any) -> Any:  # noqa: ANN401 - whatever the inventory holds
    """Return a value that must not be shown, by its variable's name, as a ``Secret``."""
    if _SECRET.search(name) and isinstance(value, str | int | float):
        return Secret(str(value))
    return value


def plain(value: Any) -> Any:  # noqa: ANN401 - whatever the inventory holds
    """Remove the markers that Ansible's JSON puts around vaulted and unsafe text."""
    if isinstance(value, dict) and len(value) == 1:
        if isinstance(number := value.get(MARK), str):
            return NotFinite(number)
        if isinstance(text := value.get("__ansible_vault"), str):
            return Encrypted(text)
        return value.get("__ansible_unsafe", value)
    return value
