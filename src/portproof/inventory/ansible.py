"""Run the program ``ansible-inventory``. Ansible itself is never imported."""

import os
import shlex
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from portproof.errors import Code, ContentError, Problem
from portproof.inventory.ansible_inventory import InventoryRun, UnfinishedError, run
from portproof.inventory.ansible_messages import (
    AnsibleMessage,
    losses,
    problems,
    read_complaints,
    warnings,
)
from portproof.inventory.vault import NO_VAULT, VaultOptions
from portproof.text.logs import logger
from portproof.text.visible import shortened, visible

_LOG: Final = logger(__name__)

PROGRAM: Final = "ansible-inventory"
HOW_TO_GET_IT: Final = "install ansible-core, for example with: pip install 'portproof[ansible]'"
TIME_LIMIT: Final = 600.0
"""Seconds for one call; inventories of clouds query many slow services."""

_SETTINGS: Final = {
    # Otherwise an unreadable source is only a warning, and its hosts are missing.
    "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
    # A duplicate key loses hosts; with this setting, Ansible reports it.
    "ANSIBLE_DUPLICATE_YAML_DICT_KEY": "warn",
    # With export, hosts would lack the variables of their groups.
    "ANSIBLE_INVENTORY_EXPORT": "false",
    # The output holds decrypted passwords, which must not land in a log.
    "ANSIBLE_LOG_PATH": os.devnull,
    # Standard output must be JSON only.
    "ANSIBLE_VERBOSITY": "0",
    "ANSIBLE_VERBOSE_TO_STDERR": "true",
    "ANSIBLE_DEBUG": "false",
    "ANSIBLE_NOCOLOR": "true",
    "ANSIBLE_FORCE_COLOR": "false",
    # Warnings are needed, except those about Ansible's own future.
    "ANSIBLE_SYSTEM_WARNINGS": "true",
    "ANSIBLE_DEPRECATION_WARNINGS": "false",
    "ANSIBLE_DEVEL_WARNING": "false",
}


@dataclass(frozen=True, slots=True)
class InventoryOutput:
    """What the program printed, and the warnings that came with it."""

    output: bytearray
    warnings: tuple[str, ...]


def find_program() -> str | None:
    """Return the user's own ``ansible-inventory``, or the one beside Python."""
    beside = Path(sys.executable).with_name(PROGRAM)
    return shutil.which(PROGRAM) or shutil.which(str(beside))


def ask(
    sources: Sequence[str],
    vault: VaultOptions = NO_VAULT,
    *,
    settings: Mapping[str, str] | None = None,
    options: Sequence[str] = (),
    seconds: float = TIME_LIMIT,
) -> InventoryOutput:
    """List sources with the user's own settings of Ansible, all in one call.

    Args:
        sources: What ``-i`` was given.
        vault: Where vault passwords are.
        settings: Settings of Ansible for this call, by their environment variables.
        options: Further options.
        seconds: How long it may take.

    Raises:
        ContentError: the program is missing, fails, says that it left something out, or does not
            end in time. It quotes what Ansible said.
    """
    program = find_program()
    if program is None:
        raise _failure(sources, f"only Ansible can read this; {HOW_TO_GET_IT}")
    command = [program, "--list", *options, *vault.arguments()]
    command += [f"--inventory={source}" for source in sources]
    _LOG.debug("running %s", shlex.join(map(str, command)))
    begun = time.monotonic()
    try:
        ran = run(command, os.environ | _SETTINGS | dict(settings or {}), seconds)
    except UnfinishedError as error:
        raise _failure(sources, f"{PROGRAM}: {error}") from None
    seconds = time.monotonic() - begun
    _LOG.debug("%s ended with exit code %d in %.1f s", PROGRAM, ran.code, seconds)
    complaints = vault.masked(ran.complaints.decode("utf-8", "backslashreplace"))
    told = read_complaints(complaints)
    if ran.code != 0:
        raise ContentError(problems(told or [_last_words(ran, complaints)], sources))
    if lost := losses(told, sources):
        raise ContentError(lost)
    return InventoryOutput(ran.output, warnings(told))


def _failure(sources: Sequence[str], text: str) -> ContentError:
    return ContentError(Problem.of_file(source, text, Code.ANSIBLE) for source in sources)


def _last_words(ran: InventoryRun, errors: str) -> AnsibleMessage:
    """Return what a program printed that failed without an error message of Ansible's."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()] or ["it printed nothing"]
    text = f"{PROGRAM} ended with exit code {ran.code}: {lines[-1]}"
    return AnsibleMessage(True, "", "", 0, 0, shortened(visible(text), 600))  # noqa: FBT003 - a record
