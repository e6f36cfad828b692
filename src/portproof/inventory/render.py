"""Render templates in connection variables, by Ansible itself.

``ansible-inventory`` prints ``ansible_host: "{{ inventory_hostname }}.example.com"`` as it stands.
The ``constructed`` plugin renders expressions with all variables of a host, so the sources are read
once more beside a configuration that asks it for the variables in question.
"""

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from portproof.errors import ContentError
from portproof.inventory import variables as names
from portproof.inventory.ansible import ask
from portproof.inventory.become import without_collection
from portproof.inventory.json_numbers import with_marked_numbers
from portproof.inventory.values import is_template
from portproof.inventory.variables import plain, protected
from portproof.inventory.vault import VaultOptions
from portproof.model.connection import Secret
from portproof.model.hosts import Host

_PREFIX: Final = "portproof_rendered_"
_ENABLED: Final = "ANSIBLE_INVENTORY_ENABLED"
_PLUGIN: Final = "ansible.builtin.constructed"
_PORTPROOF: Final = "portproof_"


class _RenderedMeta(msgspec.Struct, frozen=True):
    hostvars: dict[str, dict[str, msgspec.Raw]] = {}


class _RenderedInventory(msgspec.Struct, frozen=True):
    meta: _RenderedMeta = msgspec.field(default=_RenderedMeta(), name="_meta")


def rendered(
    hosts: Iterable[Host],
    sources: Sequence[str],
    vault: VaultOptions,
    settings: Mapping[str, str],
) -> tuple[Host, ...]:
    """Return hosts with the templates in their connection variables rendered.

    A template that Ansible cannot render outside of a play stays one. It is refused where it is
    needed, for that host alone.

    Args:
        hosts: The hosts.
        sources: What they were read from.
        vault: Where vault passwords are.
        settings: Settings of Ansible with which they were read, by their environment variables.
    """
    hosts = tuple(hosts)
    wanted = sorted({name for host in hosts for name in _templates(host)})
    if not wanted:
        return hosts
    try:
        found = _render(wanted, sources, vault, settings)
    except (ContentError, msgspec.DecodeError):
        return hosts  # a host with a template is then unproven
    return tuple(_with_values(host, found.get(host.name, {})) for host in hosts)


def _templates(host: Host) -> Iterator[str]:
    """Yield the connection variables of a host that are templates, where they could be needed."""
    kind = host.variables.get(names.CONNECTION)
    if isinstance(kind, str) and without_collection(kind) == "local":
        yield from (name for name in names.HOST if _is_template(host.variables.get(name)))
        return
    for name, value in host.variables.items():
        if not name.startswith(_PORTPROOF) and _is_template(value):
            yield name


def _is_template(value: Any) -> bool:  # noqa: ANN401 - any variable's value
    text = value.reveal() if isinstance(value, Secret) else value
    return isinstance(text, str) and is_template(text)


def _render(
    wanted: Sequence[str],
    sources: Sequence[str],
    vault: VaultOptions,
    settings: Mapping[str, str],
) -> dict[str, dict[str, msgspec.Raw]]:
    asked = {
        "plugin": _PLUGIN,
        "strict": False,
        "use_vars_plugins": True,
        "compose": {_PREFIX + name: name for name in wanted},
    }
    if _ENABLED in settings:
        settings = {**settings, _ENABLED: f"{settings[_ENABLED]},{_PLUGIN}"}
    with tempfile.TemporaryDirectory(prefix="portproof-") as folder:
        file = Path(folder) / "constructed.yml"
        file.write_text(json.dumps(asked), encoding="utf-8")
        answer = ask([*sources, str(file)], vault, settings=settings)
    output = with_marked_numbers(answer.output)
    return msgspec.json.decode(output, type=_RenderedInventory).meta.hostvars


def _with_values(host: Host, found: Mapping[str, msgspec.Raw]) -> Host:
    values = {
        name: protected(name, plain(msgspec.json.decode(found[_PREFIX + name])))
        for name in _templates(host)
        if _PREFIX + name in found
    }
    return Host(host.name, host.groups, {**host.variables, **values}) if values else host
