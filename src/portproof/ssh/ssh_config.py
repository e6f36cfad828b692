"""Asks the user's ``ssh`` what its configuration means for a host: ``ssh -G``.

ssh_config(5) is never read here. A process costs about 7 ms, so an answer is shared by hosts for
which nothing in the configuration can differ: ``ssh -v`` names the files it reads, and they are
searched for anything that could tell hosts apart.
"""

import asyncio
import ipaddress
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

from portproof.inventory.ansible_inventory import InventoryRun, UnfinishedError, run
from portproof.ssh.command import UnsupportedError
from portproof.ssh.without_ssh import options_without_ssh
from portproof.text.visible import shortened, visible

Options = Mapping[str, tuple[str, ...]]
"""What ``ssh -G`` prints: the values of each option by its name in lower case, a line each."""

SECONDS: Final = 20.0
"""How long ``ssh -G`` may take; ``Match exec`` runs programs of the user's."""

_PROGRAM: Final = "ssh"
_AT_ONCE: Final = 2 * (os.cpu_count() or 1)
_NEEDED: Final = ("hostname", "port", "user")
_LONGEST: Final = 300

_READS: Final = re.compile(rb"^debug\d: Reading configuration data (.*?)\r?$", re.MULTILINE)
_LONGEST_PATH: Final = 199
"""``ssh -v`` cuts off a longer path."""

_DEBUG: Final = re.compile(r"^(?:debug\d: |OpenSSH_\d)")
_WORDS: Final = re.compile(r"[\s=\"]+")
_FOR_ALL: Final = {
    "host": frozenset({("*",)}),
    "match": frozenset({("all",), ("final", "all")}),
}
"""What follows these words where a block is for every host; RHEL has ``Match final all``."""

_TELLING: Final = re.compile(r"%|canonical|hostname", re.IGNORECASE)
"""What may make a host's name another one, or depend on it."""

_PLAIN_NAME: Final = re.compile(r"(?!0x)[a-z][a-z0-9_-]*(?:\.[a-z0-9_-]+)*", re.IGNORECASE)


class ConfigQuery(NamedTuple):
    """One question to ``ssh -G``: by which program, with which arguments, for which host."""

    program: str | None
    arguments: tuple[str, ...]
    host: str


class _ConfigAnswer(NamedTuple):
    """What ``ssh`` printed for one host, and whether it holds for others as well."""

    query: ConfigQuery
    options: Options
    shared: bool


class SshConfig:
    """Asks ``ssh -G``, several processes at a time, and shares answers where that is right."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="ssh-config")
        self._first: dict[tuple[str, tuple[str, ...]], asyncio.Task[_ConfigAnswer]] = {}

    async def options(self, query: ConfigQuery) -> Options:
        """Return what the configuration comes to for a host.

        Raises:
            UnsupportedError: ``ssh`` refuses the configuration or arguments, or says too little.
        """
        program = find_ssh(query.program)
        if program is None:
            return options_without_ssh(query.arguments, query.host)
        key = program, query.arguments
        if not _can_share(query):
            return (await self._ask(program, query)).options
        if key not in self._first:
            self._first[key] = asyncio.create_task(self._ask(program, query))
        try:
            answer = await asyncio.shield(self._first[key])
        except UnsupportedError:
            return (await self._ask(program, query)).options
        if answer.query.host == query.host:
            return answer.options
        if answer.shared:
            return _for_host(answer, query.host)
        return (await self._ask(program, query)).options

    async def defaults(self, program: str | None) -> Options:
        """Return what holds without any configuration; nothing is known where there is no ssh.

        Raises:
            UnsupportedError: ``ssh`` does not tell.
        """
        if find_ssh(program) is None:
            return {}
        return await self.options(ConfigQuery(program, ("-F", "none"), "localhost"))

    def close(self) -> None:
        """Wait for no process any more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _ask(self, program: str, query: ConfigQuery) -> _ConfigAnswer:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, _asked, program, query)


def find_ssh(program: str | None) -> str | None:
    """Return the path of the ``ssh`` to ask, or None if there is none on ``PATH``.

    Raises:
        UnsupportedError: a program of the user's own is not there, or is a script, which could lead
            a connection anywhere without ``-G`` telling.
    """
    if program is None:
        return shutil.which(_PROGRAM)
    path = shutil.which(Path(program).expanduser())
    if path is None:
        raise UnsupportedError(f"there is no program {program}, which ansible_ssh_executable names")
    with Path(path).open("rb") as file:
        if file.read(2) == b"#!":
            raise UnsupportedError(
                f"{program}, which ansible_ssh_executable names, is a script; where it leads cannot"
                " be known"
            )
    return path


def parse(output: bytes | bytearray) -> Options:
    """Read what ``ssh -G`` printed: a line for each value of an option.

    Raises:
        UnsupportedError: it does not say where a connection leads.
    """
    found: dict[str, list[str]] = {}
    for line in output.split(b"\n"):
        name, _, value = os.fsdecode(bytes(line)).partition(" ")
        if name:
            found.setdefault(name.lower(), []).append(value)
    missing = [name for name in _NEEDED if len(found.get(name, ())) != 1 or not found[name][0]]
    if missing:
        raise UnsupportedError(f"ssh -G did not tell the {' and the '.join(missing)}")
    return {name: tuple(values) for name, values in found.items()}


def _asked(program: str, query: ConfigQuery) -> _ConfigAnswer:
    """Run ``ssh -G``, with ``-v`` where its answer might hold for other hosts."""
    talk = ("-v",) if _can_share(query) else ("-o", "LogLevel=ERROR")
    command = [program, *talk, "-T", "-G", *query.arguments, "--", query.host]
    try:
        ran = run(command, os.environ, SECONDS)
    except UnfinishedError as error:
        raise UnsupportedError(f"ssh -G: {error}") from None
    if ran.code != 0:
        raise UnsupportedError(_complaint(ran))
    options = parse(ran.output)
    return _ConfigAnswer(
        query, options, _can_share(query) and _same_for_all(options, ran.complaints)
    )


def _complaint(ran: InventoryRun) -> str:
    lines = ran.complaints.decode("utf-8", "backslashreplace").splitlines()
    told = [line for line in lines if line.strip() and not _DEBUG.match(line)]
    text = told[0] if told else f"it ended with exit code {ran.code}"
    return shortened(visible(f"ssh refuses its configuration: {text}"), _LONGEST)


def _can_share(query: ConfigQuery) -> bool:
    """Whether the arguments are for every host, and ``ssh`` leaves the host as it is."""
    if any(_TELLING.search(word) for word in query.arguments):
        return False
    return bool(_PLAIN_NAME.fullmatch(query.host)) or _is_plain_address(query.host)


def _is_plain_address(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = isinstance(address, ipaddress.IPv6Address) and int(address) >> 48 == 0
    return str(address) == host and not mapped and "%" not in host


def _same_for_all(options: Options, complaints: bytes | bytearray) -> bool:
    """Whether no file that was read can tell hosts apart."""
    files = [os.fsdecode(bytes(name)) for name in _READS.findall(complaints)]
    if options.get("canonicalizehostname", ("false",)) not in (("false",), ("no",)):
        return False
    return all(len(file) < _LONGEST_PATH and _is_for_all(file) for file in files)


def _is_for_all(file: str) -> bool:
    try:
        text = Path(file).read_bytes().decode("latin-1")
    except OSError:
        return False
    return all(map(_line_is_for_all, text.split("\n")))


def _line_is_for_all(line: str) -> bool:
    """Whether a line says the same for every host; when in doubt it does not."""
    words = [word for word in _WORDS.split(line) if word]
    if not words or words[0].startswith("#"):
        return True
    if _TELLING.search(line):
        return False
    wanted = _FOR_ALL.get(words[0].lower())
    return wanted is None or tuple(words[1:]) in wanted


def _for_host(answer: _ConfigAnswer, host: str) -> Options:
    """Return the answer for one host as it is for another."""
    options = dict(answer.options)
    if options["hostname"][0] == answer.query.host.lower():
        options["hostname"] = (host.lower(),)
    return options | {"host": (host,)}


def chosen(options: Options, defaults: Options, names: Sequence[str]) -> str | None:
    """Return the value of an option where it is not ssh's own default, or None.

    Args:
        options: What holds for a host.
        defaults: What holds without any configuration.
        names: The names of the option, the newest first.
    """
    for name in names:
        if name in options:
            return None if options[name] == defaults.get(name) else options[name][0]
    return None
