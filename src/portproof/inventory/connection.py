"""Turn a host's variables into a ``Connection``, or the reason why there is none. Pure.

The variables are those of Ansible's ssh plugin (``plugins/connection/ssh.py``), and options count
in the order in which it hands them to OpenSSH: the first value of an option wins, identity files
add up. What portproof cannot do as the inventory says is never left out: that host is
``Unobserved``, and ends as ``unproven``.
"""

import posixpath
import re
from collections.abc import Collection, Iterator, Sequence
from typing import Final, NamedTuple

from portproof.inventory import variables as names
from portproof.inventory.become import become, without_collection
from portproof.inventory.ssh_arguments import (
    CONFIG_FILE,
    UnreadableError,
    read_arguments,
    unquoted,
)
from portproof.inventory.values import UnusableConnectionError, Values
from portproof.model.connection import Connection
from portproof.model.hosts import Host
from portproof.model.limits import LAST_PORT
from portproof.model.observation import Reason, Unobserved

_THIS_MACHINE: Final = re.compile(r"localhost[46]?(?:\.localdomain[46]?)?|127(?:\.\d+){3}|::1")
_INTERPRETER: Final = re.compile(r"[\w./+][\w./+-]*", re.ASCII)
_DISCOVERED: Final = frozenset({"auto", "auto_legacy", "auto_silent", "auto_legacy_silent"})
_LONGEST_TIMEOUT: Final = 24 * 60 * 60
_FILES: Final = re.compile(r"\"[^\"]*\"|[^\s\"]+")
_NOWHERE: Final = frozenset({"/dev/null", "none"})
_OFF: Final = "no"
_CHECKING: Final = {
    "yes": "yes",
    "true": "yes",
    "ask": "ask",
    "accept-new": "accept-new",
    "no": _OFF,
    "off": _OFF,
    "false": _OFF,
}


class _Setting(NamedTuple):
    """An option of ssh_config(5) in lower case, its value, and the variable it comes from."""

    name: str
    value: str
    source: str


def connection(
    host: Host, *, here: Collection[str] = (), accept_new_host_keys: bool = False
) -> Connection | Unobserved:
    """Return how a host is reached.

    Args:
        host: A host with its variables as the inventory gives them, none of them rendered.
        here: The names of this machine besides ``localhost``, in lower case. A host that is to be
            looked at locally must go by one: Ansible's users also give ``local`` to devices that
            are somewhere else, and this machine's ports would be proven closed in their name.
        accept_new_host_keys: Whether the user wants keys nobody knows to be recorded. It stands in
            where an inventory turns the checking of keys off, which portproof never does.
    """
    values = Values(host)
    try:
        kind = values.text(names.CONNECTION) or "ssh"
        if without_collection(kind) == "local":
            return _local(values, here)
        if without_collection(kind) in ("ssh", "smart"):
            return _ssh(values, accept=accept_new_host_keys)
        values.refuse(names.CONNECTION, f"is {kind}; portproof has ssh and local")
    except UnusableConnectionError as refused:
        return refused.cause


def _local(values: Values, here: Collection[str]) -> Connection:
    address = _address(values)
    if not (_THIS_MACHINE.fullmatch(address.lower()) or address.lower() in here):
        text = "is local, but that is not this machine; if it is, set ansible_host to localhost"
        values.refuse(names.CONNECTION, text)
    return Connection(
        kind="local", address=address, become=become(values), interpreter=_interpreter(values)
    )


def _ssh(values: Values, *, accept: bool) -> Connection:
    for name in names.REFUSED:
        if values.text(name) not in (None, "", "ssh", "/usr/bin/ssh"):
            values.refuse(name, "is set, which portproof cannot honour")
    settings = [*_settings(values)]
    first = {setting.name: setting for setting in reversed(settings)}
    proxy = next((each for each in settings if each.name in ("proxyjump", "proxycommand")), None)
    return Connection(
        kind="ssh",
        address=_address(values),
        port=_number(values, first.get("port"), LAST_PORT),
        user=_user(values, first.get("user")),
        identity_files=tuple(each.value for each in settings if each.name == "identityfile"),
        identities_only=_yes_or_no(values, first.get("identitiesonly")),
        password=values.secret(*names.PASSWORD),
        proxy_jump=proxy.value if proxy and proxy.name == "proxyjump" else None,
        proxy_command=proxy.value if proxy and proxy.name == "proxycommand" else None,
        known_hosts=_known_hosts(values, first.get("userknownhostsfile"), accept=accept),
        accept_new_host_keys=_accepts(values, first.get("stricthostkeychecking"), accept=accept),
        connect_timeout=_number(values, first.get("connecttimeout"), _LONGEST_TIMEOUT),
        config_file=first[CONFIG_FILE].value if CONFIG_FILE in first else None,
        become=become(values),
        interpreter=_interpreter(values),
    )


def _settings(values: Values) -> Iterator[_Setting]:
    """Yield every option in the order in which Ansible passes them to OpenSSH."""
    yield from _arguments(values, names.SSH_ARGS)
    if values.truth(*names.KEY_CHECKING) is False:
        name = values.name_of(*names.KEY_CHECKING)
        yield _Setting("stricthostkeychecking", _OFF, name)
    for option, known in (("port", names.PORT), ("identityfile", names.KEY_FILE)):
        yield from _given(values, option, known)
    yield from _given(values, "user", names.USER)
    yield from _arguments(values, names.COMMON_ARGS)
    yield from _arguments(values, names.EXTRA_ARGS)


def _given(values: Values, option: str, known: Sequence[str]) -> Iterator[_Setting]:
    text = values.text(*known)
    if text or (text is not None and option == "port"):
        yield _Setting(option, text, values.name_of(*known))


def _arguments(values: Values, variable: str) -> Iterator[_Setting]:
    try:
        for name, value in read_arguments(values.text(variable) or ""):
            yield _Setting(name, value, variable)
    except UnreadableError as error:
        values.refuse(variable, str(error))


def _address(values: Values) -> str:
    told = values.text(*names.HOST)
    address = values.host.name if told is None else told
    if address.startswith("[") and address.endswith("]"):
        address = address[1:-1]
    variable = "the name" if told is None else values.name_of(*names.HOST)
    return values.fit(variable, address, "address")


def _user(values: Values, setting: _Setting | None) -> str | None:
    return values.fit(setting.source, setting.value, "user name") if setting else None


def _number(values: Values, setting: _Setting | None, most: int) -> int | None:
    if setting is None or (setting.name == "connecttimeout" and setting.value == "none"):
        return None
    text = setting.value
    if text.isascii() and text.isdigit() and len(text) <= len(str(most)) and 0 < int(text) <= most:
        return int(text)
    return values.refuse(setting.source, f"gives {text!a} as {setting.name}")


def _yes_or_no(values: Values, setting: _Setting | None) -> bool | None:
    if setting is None:
        return None
    if setting.value.lower() in ("yes", "no"):
        return setting.value.lower() == "yes"
    return values.refuse(setting.source, f"gives {setting.value!a} as {setting.name}")


def _accepts(values: Values, setting: _Setting | None, *, accept: bool) -> bool:
    """Return whether new keys are recorded; a host that wants no checking is not exempt."""
    if setting is None:
        return accept
    checking = _CHECKING.get(setting.value.lower())
    if checking is None:
        values.refuse(setting.source, f"gives {setting.value!a} as {setting.name}")
    if checking == _OFF and not accept:
        _refuse_unchecked(values, setting)
    return checking == "accept-new" or (accept and checking != "yes")


def _known_hosts(values: Values, setting: _Setting | None, *, accept: bool) -> tuple[str, ...]:
    files = tuple(map(unquoted, _FILES.findall(setting.value))) if setting else ()
    if setting is None or _NOWHERE.isdisjoint(map(posixpath.normpath, files)):
        return files
    if not accept:
        _refuse_unchecked(values, setting)
    return ()


def _refuse_unchecked(values: Values, setting: _Setting) -> None:
    text = (
        f"turns off the checking of host keys ({setting.name} is {setting.value}), which portproof"
        " does not do; record the keys of new hosts with --accept-new-host-keys"
    )
    values.refuse(setting.source, text, Reason.HOST_KEY)


def _interpreter(values: Values) -> str | None:
    text = values.text(names.PYTHON)
    if not text or text in _DISCOVERED:
        return None
    if not _INTERPRETER.fullmatch(text):
        values.refuse(names.PYTHON, f"is {text!a}, which is not the path of one program")
    return text
