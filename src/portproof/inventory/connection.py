"""Turn a host's variables into a ``Connection``, or the reason why there is none. Pure.

The variables are those of Ansible's ssh plugin (``plugins/connection/ssh.py``), and they become the
arguments that it gives to ``ssh``, in its order. What portproof cannot do as the inventory says is
never left out: that host is ``Unobserved``, and ends as ``unproven``.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Final

from portproof.inventory import variables as names
from portproof.inventory.become import become, without_collection
from portproof.inventory.ssh_arguments import UnreadableError, read_arguments
from portproof.inventory.values import UnusableConnectionError, Values
from portproof.model.connection import Connection
from portproof.model.hosts import Host
from portproof.model.observation import Unobserved

_THIS_MACHINE: Final = re.compile(r"localhost[46]?(?:\.localdomain[46]?)?|127(?:\.\d+){3}|::1")
_INTERPRETER: Final = re.compile(r"(?:/usr/bin/env +)?(?P<program>[\w./+][\w./+-]*)", re.ASCII)
_DISCOVERED: Final = frozenset({"auto", "auto_legacy", "auto_silent", "auto_legacy_silent"})
_URI: Final = "ssh://"
_DEFAULT_PROGRAM: Final = "ssh"


def connection(
    host: Host, *, here: Collection[str] = (), accept_new_host_keys: bool = False
) -> Connection | Unobserved:
    """Return how a host is reached.

    Args:
        host: A host with its variables, rendered as far as Ansible renders them.
        here: The names of this machine besides ``localhost``, in lower case. A host with a local
            connection must have one of them: Ansible users also set ``local`` for remote devices,
            and this machine would be audited in their place.
        accept_new_host_keys: Whether the SSH keys of unknown hosts are to be recorded.
    """
    values = Values(host)
    try:
        kind = values.text(names.CONNECTION) or "ssh"
        if without_collection(kind) == "local":
            return _local(values, here)
        if without_collection(kind) in ("ssh", "smart"):
            return _ssh(values, accept=accept_new_host_keys)
        values.refuse(names.CONNECTION, f"is {kind}; portproof supports ssh and local")
    except UnusableConnectionError as unusable:
        return unusable.cause


def _local(values: Values, here: Collection[str]) -> Connection:
    address = _address(values)
    if not (_THIS_MACHINE.fullmatch(address.lower()) or address.lower() in here):
        text = "is local, but that is not this machine; if it is, set ansible_host to localhost"
        values.refuse(names.CONNECTION, text)
    return Connection(kind="local", address=address)


def _ssh(values: Values, *, accept: bool) -> Connection:
    for name in names.REFUSED:
        if values.text(name):
            values.refuse(name, "is set, which portproof does not support")
    return Connection(
        kind="ssh",
        address=_address(values),
        arguments=tuple(_arguments(values)),
        program=_program(values),
        password=values.secret(*names.PASSWORD),
        accept_new_host_keys=accept,
        become=become(values),
        interpreter=_interpreter(values),
    )


def _arguments(values: Values) -> Iterator[str]:
    """Yield what Ansible's ``_build_command`` gives to ``ssh``, as far as it matters here."""
    yield from _words(values, names.SSH_ARGS)
    if values.truth(*names.KEY_CHECKING) is False:
        yield from ("-o", "StrictHostKeyChecking=no")
    port = values.line(*names.PORT)
    if port is not None:
        yield from ("-o", f"Port={port}")
    if key := values.line(*names.KEY_FILE):
        yield from ("-o", f'IdentityFile="{_expanded(key)}"')
    if user := values.line(*names.USER):
        yield from ("-o", f'User="{values.user(values.name_of(*names.USER), user)}"')
    if seconds := values.line(names.TIMEOUT):
        yield from ("-o", f"ConnectTimeout={seconds}")
    yield from _words(values, names.COMMON_ARGS)
    yield from _words(values, names.EXTRA_ARGS)


def _words(values: Values, variable: str) -> Sequence[str]:
    try:
        return read_arguments(values.text(variable) or "")
    except UnreadableError as error:
        values.refuse(variable, str(error))


def _expanded(path: str) -> str:
    try:
        return str(Path(path).expanduser())
    except RuntimeError:  # the user has no home; ssh says so
        return path


def _address(values: Values) -> str:
    told = values.text(*names.HOST)
    address = values.host.name if told is None else told
    variable = "the name" if told is None else values.name_of(*names.HOST)
    user, at, host = address.removeprefix(_URI).rpartition("@")
    if at:
        values.user(variable, user)
    host = host.removesuffix("/") if address.startswith(_URI) else host
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        address = address if at or address.startswith(_URI) else host
    values.fit(variable, host, "address")
    return address


def _program(values: Values) -> str | None:
    """Return the user's own ``ssh``, or None for the usual one."""
    text = values.line(names.EXECUTABLE)
    return None if text in (None, "", _DEFAULT_PROGRAM) else text


def _interpreter(values: Values) -> str | None:
    text = values.text(names.PYTHON)
    if not text or text in _DISCOVERED:
        return None
    found = _INTERPRETER.fullmatch(text.strip())
    if not found:
        values.refuse(names.PYTHON, f"is {text!a}, which is not the path of one program")
    return found["program"]
