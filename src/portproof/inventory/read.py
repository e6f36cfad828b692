"""Read inventories as Ansible users know them. The entry point of this package."""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from portproof.errors import Code, ContentError, Problem, UsageError
from portproof.inventory.ansible import HOW_TO_GET_IT, ask, find_program
from portproof.inventory.ansible_settings import read_settings, with_settings
from portproof.inventory.build import assembled
from portproof.inventory.limit import limited
from portproof.inventory.listing import read_listing
from portproof.inventory.plain import (
    NotPlainList,
    PlainList,
    inventory_of,
    is_list,
    look_at,
    this_machine,
)
from portproof.inventory.render import rendered
from portproof.inventory.targets import with_targets
from portproof.inventory.vault import NO_VAULT, VaultOptions
from portproof.inventory.vault_decrypt import opened
from portproof.model.hosts import Inventory
from portproof.text.logs import logger
from portproof.text.visible import shortened, visible
from portproof.text.words import many

_LOG: Final = logger(__name__)

_LONGEST_SOURCE: Final = 200
_RANGE: Final = re.compile(r"\[[^\[\]]*:[^\[\]]*\]")
_WITH_RANGES: Final = {"ANSIBLE_INVENTORY_ENABLED": "ansible.builtin.advanced_host_list"}


def read_inventory(
    sources: Sequence[str],
    *,
    limit: str | None = None,
    vault: VaultOptions = NO_VAULT,
    accept_new_host_keys: bool = False,
) -> Inventory:
    """Read the sources of ``-i``; without any source, the inventory is this machine.

    Plain lists of host names are read here. If one source is anything else, Ansible reads all of
    them, in one call. The limit is applied to what was read: groups keep all of their hosts.

    Args:
        sources: Files, folders, scripts, or lists such as ``web1,web2,``.
        limit: A host pattern of Ansible's, such as ``web:&prod:!canary`` or ``@hosts.retry``.
        vault: Where the passwords of Ansible's vault are.
        accept_new_host_keys: Whether unknown host keys are to be recorded. It is part of how a host
            is reached: one whose inventory turns off the checking of keys is not reached without.

    Raises:
        ContentError: a source cannot be read, or no host is in them.
        UsageError: a source is empty, the limit is wrong, or it selects nothing.
    """
    if not all(source.strip() for source in sources):
        raise UsageError("-i is empty; leave it out to audit this machine, or name an inventory")
    begun = time.monotonic()
    whole = _read(sources, vault) if sources else this_machine()
    chosen = _limited(whole, limit, sources) if limit is not None else whole
    chosen = replace(chosen, hosts=opened(chosen.hosts, vault))
    if whole.by_ansible:
        hosts = rendered(chosen.hosts, sources, vault, _settings(sources))
        chosen = replace(chosen, hosts=with_settings(hosts, read_settings()))
    seconds = time.monotonic() - begun
    read = many(len(chosen.hosts), "host")
    _LOG.info("inventory %s: %s, read in %.1f s", whole.source, read, seconds)
    return with_targets(chosen, accept_new_host_keys=accept_new_host_keys)


def _limited(whole: Inventory, limit: str, sources: Sequence[str]) -> Inventory:
    try:
        return limited(whole, limit)
    except UsageError as error:
        if sources:
            raise
        text = f"{error}; without -i, the inventory is this machine only"
        raise UsageError(text) from None


def _read(sources: Sequence[str], vault: VaultOptions) -> Inventory:
    told = shortened(visible(", ".join(sources)), _LONGEST_SOURCE)
    found = {source: look_at(source) for source in sources}
    foreign = {source: each for source, each in found.items() if isinstance(each, NotPlainList)}
    if foreign and find_program() is None:
        raise ContentError(_missing(source, each) for source, each in foreign.items())
    if foreign:
        return _from_ansible(sources, told, vault)
    plain = (each for each in found.values() if isinstance(each, PlainList))
    return inventory_of([name for each in plain for name in each.names], told)


def _missing(source: str, found: NotPlainList) -> Problem:
    text = f"{found.why}; only Ansible can read this: {HOW_TO_GET_IT}"
    return Problem(source, found.line, found.column, "", text, Code.ANSIBLE)


def _from_ansible(sources: Sequence[str], told: str, vault: VaultOptions) -> Inventory:
    answer = ask(sources, vault, settings=_settings(sources))
    listing = read_listing(told, answer.output)
    if not listing.hosts:
        raise ContentError([Problem.of_file(told, "names no host", Code.EMPTY)])
    found = assembled(listing.hosts, told, members=listing.members, warnings=answer.warnings)
    return replace(found, by_ansible=True)


def _settings(sources: Sequence[str]) -> Mapping[str, str]:
    """Return settings that expand ranges in a list; by default Ansible takes them for names.

    Only if every source is a list: the setting names all plugins that may read anything.
    """
    lists = all(is_list(source) for source in sources)
    ranges = any(_RANGE.search(source) for source in sources)
    return _WITH_RANGES if lists and ranges else {}
