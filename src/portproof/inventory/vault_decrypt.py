"""Decrypt single variables that are encrypted with Ansible's vault.

``ansible-inventory`` prints such a variable as it stands in the file, even with the password (seen
in ansible-core 2.16 to 2.19). So the encrypted texts are given to it once more, each as a variable
of a made-up host, beside a configuration of the ``constructed`` plugin that asks for their values.
All are opened in one call, and no plain text touches the disk.
"""

import json
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from portproof.inventory.ansible import InventoryOutput, ask
from portproof.inventory.variables import Encrypted, protected
from portproof.inventory.vault import VaultOptions
from portproof.model.hosts import Host

_SETTINGS: Final = {"ANSIBLE_INVENTORY_ENABLED": "yaml,ansible.builtin.constructed"}
_CONSTRUCTED: Final = """\
plugin: ansible.builtin.constructed
strict: false
compose:
  portproof_opened: portproof_encrypted
"""


class _Opened(msgspec.Struct, frozen=True):
    portproof_opened: Any = None


class _EncryptedMeta(msgspec.Struct, frozen=True):
    hostvars: dict[str, _Opened] = {}


class _DecryptedValues(msgspec.Struct, frozen=True):
    meta: _EncryptedMeta = msgspec.field(default=_EncryptedMeta(), name="_meta")


def opened(hosts: Iterable[Host], vault: VaultOptions) -> tuple[Host, ...]:
    """Return hosts with their encrypted variables decrypted, as far as the passwords allow.

    A variable that stays ``Encrypted`` is refused where it is needed, for that host alone.

    Raises:
        ContentError: a vault password cannot be had.
    """
    hosts = tuple(hosts)
    texts = dict.fromkeys(
        value.text
        for host in hosts
        for value in host.variables.values()
        if isinstance(value, Encrypted)
    )
    if not texts:
        return hosts
    found = _open([*texts], vault)
    shared: dict[int, Mapping[str, Any]] = {}
    return tuple(Host(host.name, host.groups, _once(shared, host, found)) for host in hosts)


def _once(
    shared: dict[int, Mapping[str, Any]], host: Host, found: Mapping[str, str]
) -> Mapping[str, Any]:
    """Decrypt what hosts share only once, so that they still share it."""
    key = id(host.variables)
    if key not in shared:
        shared[key] = {
            name: protected(name, _value(value, found)) for name, value in host.variables.items()
        }
    return shared[key]


def _value(value: Any, found: Mapping[str, str]) -> Any:  # noqa: ANN401 - any variable's value
    return found.get(value.text, value) if isinstance(value, Encrypted) else value


def _open(texts: list[str], vault: VaultOptions) -> dict[str, str]:
    with tempfile.TemporaryDirectory(prefix="portproof-") as name:
        folder = Path(name)
        hosts, constructed = folder / "hosts.yml", folder / "constructed.yml"
        hosts.write_text(_made_up(texts), encoding="utf-8")
        constructed.write_text(_CONSTRUCTED, encoding="utf-8")
        # Otherwise variables in a group_vars of the current folder would be included.
        options = [f"--playbook-dir={folder}"]
        answer = ask([str(hosts), str(constructed)], vault, settings=_SETTINGS, options=options)
    return _read(texts, answer)


def _made_up(texts: Iterable[str]) -> str:
    quoted: Callable[[str], str] = json.dumps
    lines = (
        f"    v{number}: {{portproof_encrypted: !vault {quoted(text)}}}\n"
        for number, text in enumerate(texts)
    )
    return "all:\n  hosts:\n" + "".join(lines)


def _read(texts: Iterable[str], answer: InventoryOutput) -> dict[str, str]:
    told = msgspec.json.decode(answer.output, type=_DecryptedValues).meta.hostvars
    values = {
        text: _unmarked(told[f"v{number}"].portproof_opened)
        for number, text in enumerate(texts)
        if f"v{number}" in told
    }
    return {text: str(value) for text, value in values.items() if value is not None}


def _unmarked(value: Any) -> Any:  # noqa: ANN401 - whatever was encrypted
    return value.get("__ansible_unsafe", None) if isinstance(value, dict) else value
