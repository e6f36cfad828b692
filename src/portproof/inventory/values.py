"""Read single values from a host's variables and refuse those that cannot be used."""

import re
from typing import Final, Never

from portproof.inventory.variables import Encrypted, NotFinite
from portproof.model.connection import Secret
from portproof.model.hosts import Host
from portproof.model.observation import Reason, Unobserved
from portproof.text.visible import shortened, visible

_TEMPLATE: Final = re.compile(r"\{[{%#]")
_TRUE: Final = frozenset({"y", "yes", "on", "1", "true", "t", "1.0"})
_FALSE: Final = frozenset({"n", "no", "off", "0", "false", "f", "0.0"})
"""Ansible's words for false (``module_utils/parsing/convert_bool.py``)."""

_UNFIT: Final = re.compile(r"^-|^$|[\s\x00-\x1f\x7f\"'`$\\;&<>|(){}]")
"""What OpenSSH refuses in names of hosts (``valid_hostname``)."""

_UNFIT_USER: Final = re.compile(r"^-|^$|[\s\x00-\x1f\x7f\"'`$;&<>|(){}]|\\$")
"""The same for users, whose names may have a backslash: ``CORP\\user``."""

_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f\"]")
"""What could end an argument of ``ssh`` or a value within it."""

_LONGEST: Final = 80
_LONGEST_DETAIL: Final = 500


def is_template(text: str) -> bool:
    """Return whether a text is a template of Jinja's."""
    return bool(_TEMPLATE.search(text))


class UnusableConnectionError(Exception):
    """A host cannot be reached as its inventory says."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.cause = Unobserved(reason, detail)


class Values:
    """The variables of one host.

    Each method takes the names of one thing in Ansible's order; the last one given counts.
    """

    def __init__(self, host: Host) -> None:
        self.host = host

    def refuse(self, name: str, text: str, reason: Reason = Reason.UNSUPPORTED_CONNECTION) -> Never:
        """Report that the host cannot be reached because of one of its variables."""
        detail = visible(f"{name} of {self.host.name} {text}")
        raise UnusableConnectionError(reason, shortened(detail, _LONGEST_DETAIL))

    def name_of(self, *names: str) -> str:
        """Return the name whose value counts; the first if none is given."""
        given = [name for name in names if self.host.variables.get(name) is not None]
        return given[-1] if given else names[0]

    def text(self, *names: str) -> str | None:
        """Return a text, or None if it is not given.

        Raises:
            UnusableConnectionError: it is a template, encrypted, a list or a mapping.
        """
        name = self.name_of(*names)
        value = self.host.variables.get(name)
        if isinstance(value, Encrypted):
            text = "is encrypted and was not decrypted; give --vault-password-file or --vault-id"
            self.refuse(name, text)
        if isinstance(value, NotFinite):
            self.refuse(name, f"is the number {value.text} to Ansible; quote it in the inventory")
        if isinstance(value, Secret):
            value = value.reveal()
        if value is None:
            return None
        if not isinstance(value, str | int | float):
            self.refuse(name, "is not a text")
        if is_template(str(value)):
            self.refuse(name, "is a template that Ansible renders in a play only; write the value")
        return str(value)

    def line(self, *names: str) -> str | None:
        """Return a text that can be a value within an argument of ``ssh``, or None.

        Raises:
            RefusedError: it has a control character or a double quote, or cannot be taken.
        """
        text = self.text(*names)
        if text is not None and _UNPRINTABLE.search(text):
            shown = shortened(ascii(text), _LONGEST)
            self.refuse(self.name_of(*names), f"is {shown}, which cannot be given to ssh")
        return text

    def secret(self, *names: str) -> Secret | None:
        """Return the password, or None if it is empty."""
        text = self.text(*names)
        return Secret(text) if text else None

    def truth(self, *names: str) -> bool | None:
        """Return a boolean written in any of Ansible's ways, or None if it is not given."""
        text = self.text(*names)
        if text is None:
            return None
        if text.strip().lower() in _TRUE | _FALSE:
            return text.strip().lower() in _TRUE
        return self.refuse(self.name_of(*names), "is neither yes nor no")

    def user(self, name: str, value: str) -> str:
        """Insist on a name that OpenSSH would take for a user."""
        return self.fit(name, value, "user name", _UNFIT_USER)

    def fit(self, name: str, value: str, what: str, unfit: re.Pattern[str] = _UNFIT) -> str:
        """Insist on a name that OpenSSH would take for a host."""
        if unfit.search(value):
            self.refuse(
                name, f"is {shortened(ascii(value), _LONGEST)}, which is not a valid {what}"
            )
        return value
