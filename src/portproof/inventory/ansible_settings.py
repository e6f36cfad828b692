"""Read the settings of ``ansible.cfg`` and the environment that say how hosts are reached.

``ansible-config dump`` tells them. They stand in for variables that a host does not have, as
Ansible has it: a variable counts before a setting.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from portproof.errors import Code, ContentError, Problem
from portproof.inventory.ansible import find_program
from portproof.inventory.ansible_inventory import UnfinishedError, run
from portproof.inventory.variables import become_names, protected
from portproof.model.hosts import Host
from portproof.text.visible import shortened, visible

_PROGRAM: Final = "ansible-config"
_SECONDS: Final = 60.0
_LONGEST: Final = 300
_FILES: Final = ("ansible.cfg", "~/.ansible.cfg", "/etc/ansible/ansible.cfg")
_CONCERNS: Final = re.compile(
    r"remote|private_key|ssh|become|host_key|timeout|transport|interpreter|privilege|pkcs11|flags"
    r"|user|exe",
    re.IGNORECASE,
)
"""Words without which no setting can concern a connection."""

_QUIET: Final = {"ANSIBLE_NOCOLOR": "true", "ANSIBLE_FORCE_COLOR": "false"}
_BASE: Final = {
    "DEFAULT_TRANSPORT": "ansible_connection",
    "DEFAULT_BECOME": "ansible_become",
    "DEFAULT_BECOME_METHOD": "ansible_become_method",
    "DEFAULT_BECOME_USER": "ansible_become_user",
    "DEFAULT_BECOME_EXE": "ansible_become_exe",
    "DEFAULT_BECOME_FLAGS": "ansible_become_flags",
    "INTERPRETER_PYTHON": "ansible_python_interpreter",
}
_SSH: Final = {
    "remote_user": "ansible_user",
    "port": "ansible_port",
    "private_key_file": "ansible_private_key_file",
    "private_key": "ansible_private_key",
    "host_key_checking": "ansible_host_key_checking",
    "timeout": "ansible_ssh_timeout",
    "ssh_args": "ansible_ssh_args",
    "ssh_common_args": "ansible_ssh_common_args",
    "ssh_extra_args": "ansible_ssh_extra_args",
    "ssh_executable": "ansible_ssh_executable",
    "pkcs11_provider": "ansible_ssh_pkcs11_provider",
}
_BECOME: Final = {
    "become_user": "user",
    "become_pass": "pass",
    "become_exe": "exe",
    "become_flags": "flags",
}


@dataclass(frozen=True, slots=True)
class AnsibleSettings:
    """Settings by the variables they stand in for.

    ``become`` are those of one method of becoming another user: its name, what, and the value.
    """

    variables: Mapping[str, Any] = field(default_factory=dict)
    become: tuple[tuple[str, str, Any], ...] = ()


NO_SETTINGS: Final = AnsibleSettings()


def read_settings() -> AnsibleSettings:
    """Read the settings of this user and folder.

    Raises:
        ContentError: ``ansible-config`` cannot tell them.
    """
    if not _may_matter():
        return NO_SETTINGS
    command = [_program(), "dump", "--only-changed", "--format", "json", "-t", "all"]
    try:
        ran = run(command, os.environ | _QUIET, _SECONDS)
    except UnfinishedError as error:
        raise _failure(str(error)) from None
    if ran.code != 0:
        lines = ran.complaints.decode("utf-8", "backslashreplace").splitlines() or ["it failed"]
        raise _failure(shortened(visible(lines[-1]), _LONGEST))
    try:
        told = msgspec.json.decode(ran.output, type=list[dict[str, Any]])
    except msgspec.DecodeError as error:
        raise _failure(f"it did not print JSON: {error}") from None
    return _settings_in(told)


def with_settings(hosts: Iterable[Host], settings: AnsibleSettings) -> tuple[Host, ...]:
    """Return hosts with the settings in place of variables that they do not have."""
    hosts = tuple(hosts)
    if settings == NO_SETTINGS:
        return hosts
    shared: dict[int, Mapping[str, Any]] = {}
    for host in hosts:
        if id(host.variables) not in shared:
            shared[id(host.variables)] = _filled(host.variables, settings)
    return tuple(Host(each.name, each.groups, shared[id(each.variables)]) for each in hosts)


def _filled(variables: Mapping[str, Any], settings: AnsibleSettings) -> Mapping[str, Any]:
    found = {**settings.variables, **variables}
    for method, what, value in settings.become:
        known = become_names(method, what)
        if not any(name in variables for name in known):
            found[known[-1]] = protected(known[-1], value)
    return found


def _may_matter() -> bool:
    """Whether a setting of the environment or of the file that counts could concern connections."""
    if any(name.startswith("ANSIBLE_") and _CONCERNS.search(name) for name in os.environ):
        return True
    named = os.environ.get("ANSIBLE_CONFIG")
    for name in (named,) if named else _FILES:
        file = Path(name).expanduser()
        file = file / "ansible.cfg" if file.is_dir() else file
        if file.is_file():
            return bool(_CONCERNS.search(file.read_text(encoding="latin-1")))
    return False


def _program() -> str:
    beside = Path(find_program() or _PROGRAM)
    return str(beside.with_name(_PROGRAM))


def _failure(text: str) -> ContentError:
    return ContentError([Problem.of_file(_PROGRAM, text, Code.ANSIBLE)])


def _settings_in(told: Iterable[Mapping[str, Any]]) -> AnsibleSettings:
    variables: dict[str, Any] = {}
    become: list[tuple[str, str, Any]] = []
    for entry in told:
        name = _BASE.get(str(entry.get("name")))
        if name is not None:
            variables[name] = entry.get("value")
        for option, value in _options(entry.get("CONNECTION_PLUGINS"), "ssh"):
            if option in _SSH:
                variables[_SSH[option]] = protected(_SSH[option], value)
        for method in ("sudo", "doas"):
            for option, value in _options(entry.get("BECOME_PLUGINS"), method):
                if option in _BECOME:
                    become.append((method, _BECOME[option], value))
    given = {name: value for name, value in variables.items() if value is not None}
    return AnsibleSettings(given, tuple(each for each in become if each[2] is not None))


def _options(plugins: object, name: str) -> Iterator[tuple[str, Any]]:
    """Yield the settings of one plugin."""
    for plugin in plugins if isinstance(plugins, list) else ():
        for known, options in plugin.items() if isinstance(plugin, dict) else ():
            if known.removeprefix("ansible.builtin.").removeprefix("community.general.") == name:
                yield from ((each["name"], each.get("value")) for each in options if "name" in each)
