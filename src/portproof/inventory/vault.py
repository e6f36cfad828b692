"""Handle passwords of Ansible's vault: where they are, and that they are never shown."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from portproof.errors import UsageError

_PROMPTS: Final = ("prompt", "prompt_ask_vault_pass")
_FROM_ENVIRONMENT: Final = ("ANSIBLE_VAULT_PASSWORD_FILE", "ANSIBLE_VAULT_IDENTITY_LIST")
_LARGEST: Final = 64 * 1024
_MASK: Final = "***"


@dataclass(frozen=True, slots=True)
class VaultOptions:
    """What ``--vault-password-file`` and ``--vault-id`` were given, as Ansible understands them.

    Settings such as ``ANSIBLE_VAULT_PASSWORD_FILE`` and those of ``ansible.cfg`` count besides.
    """

    password_files: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse options that need a person.

        Raises:
            UsageError: a password would have to be asked for.
        """
        for vault_id in self.ids:
            if vault_id.rpartition("@")[2] in _PROMPTS:
                raise UsageError(
                    f"--vault-id {vault_id}: portproof never asks for vault passwords, since audits"
                    " run without a terminal; name a file, or a script that prints the password"
                )

    def arguments(self) -> list[str]:
        """Return the options for Ansible's programs."""
        files = (f"--vault-password-file={file}" for file in self.password_files)
        return [*files, *(f"--vault-id={vault_id}" for vault_id in self.ids)]

    def masked(self, text: str) -> str:
        """Return the text without the passwords that the files hold."""
        for password in self._passwords():
            text = text.replace(password, _MASK)
        return text

    def _passwords(self) -> Iterator[str]:
        for name in self._files():
            with contextlib.suppress(OSError, RuntimeError, ValueError):
                yield from _password_in(Path(name).expanduser())

    def _files(self) -> Iterator[str]:
        listed = ",".join(os.environ.get(name, "") for name in _FROM_ENVIRONMENT).split(",")
        ids = (vault_id.rpartition("@")[2].strip() for vault_id in (*self.ids, *listed))
        return filter(None, (*self.password_files, *ids))


def _password_in(path: Path) -> list[str]:
    """Return the password in a file, if it is a file to read rather than to run."""
    if not path.is_file() or os.access(path, os.X_OK):
        return []
    with path.open("rb") as file:
        password = file.read(_LARGEST).decode("utf-8", "backslashreplace").strip()
    return [password] if password else []


NO_VAULT: Final = VaultOptions()
