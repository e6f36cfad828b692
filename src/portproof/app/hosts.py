"""The hosts of an inventory: how each would be reached and which rules apply to it."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from portproof.app.choose_policies import choose
from portproof.app.prepare import prepare
from portproof.judge.job import Job
from portproof.judge.plan import Selections
from portproof.model.connection import Become, Connection
from portproof.model.hosts import Inventory, Target
from portproof.model.observation import Reason, Unobserved

if TYPE_CHECKING:
    from portproof.ssh.destination import Destinations


@dataclass(frozen=True, slots=True)
class HostAccess:
    """How a host would be reached, after the user's OpenSSH configuration was applied.

    ``port`` and ``user`` are None for this machine. ``jump`` are the hosts on the way in the order
    in which they are reached, each as ``user@host:port``; a proxy command is only named as one,
    since it may hold a password. ``by`` says what decided this, as in ``AccessPath``.
    """

    kind: Literal["local", "ssh"]
    address: str
    port: int | None = None
    user: str | None = None
    jump: tuple[str, ...] = ()
    become: Become | None = None
    by: str = "inventory"


@dataclass(frozen=True, slots=True)
class HostOverview:
    """A host of an inventory: how it would be reached or why it cannot be, and its rules.

    ``policies`` are the ids of the policies with a rule for the host, and ``rules`` is the number
    of those rules.
    """

    name: str
    groups: tuple[str, ...]
    access: HostAccess | Unobserved
    policies: tuple[str, ...]
    rules: int


def host_overviews(policies: Sequence[str], inventory: Inventory) -> Iterator[HostOverview]:
    """Describe every host of an inventory without connecting to any.

    Args:
        policies: The values of ``-p``. Empty: those that the inventory names, or the shipped ones.
        inventory: The hosts, with their targets.

    Raises:
        ContentError: policies or checks are wrong.
        UsageError: a policy is not known.
    """
    choice = choose(policies, inventory)
    rules = _rules_by_host(prepare(choice.content, inventory, chosen=choice.hosts))
    for target, access in zip(inventory.targets, _accesses(inventory.targets), strict=True):
        own = rules[target.host.name]
        yield HostOverview(
            name=target.host.name,
            groups=target.host.groups,
            access=access,
            policies=tuple(dict.fromkeys(own)),
            rules=len(own),
        )


def _rules_by_host(job: Job) -> dict[str, list[str]]:
    """Return the policy of each rule that applies to a host, by the host's name."""
    selections = Selections(job.inventory)
    rules: dict[str, list[str]] = {host.name: [] for host in job.inventory.hosts}
    for bound in job.rules:
        for name in selections.hosts(bound) & rules.keys():
            rules[name].append(bound.policy.policy)
    return rules


def _accesses(targets: Sequence[Target]) -> list[HostAccess | Unobserved]:
    """Find out how each target would be reached, asking ``ssh`` about several at a time."""
    connections = [target.connection for target in targets]
    if all(isinstance(each, Unobserved) or each.kind == "local" for each in connections):
        return [_here(each) for each in connections]
    from portproof.ssh.destination import Destinations  # noqa: PLC0415 - asyncssh costs start-up time only a fleet repays

    async def ask() -> list[HostAccess | Unobserved]:
        destinations = Destinations()
        try:
            return await asyncio.gather(*(_access(each, destinations) for each in connections))
        finally:
            destinations.close()

    return asyncio.run(ask())


def _here(connection: Connection | Unobserved) -> HostAccess | Unobserved:
    if isinstance(connection, Unobserved):
        return connection
    return HostAccess("local", connection.address)


async def _access(
    connection: Connection | Unobserved, destinations: "Destinations"
) -> HostAccess | Unobserved:
    if isinstance(connection, Unobserved) or connection.kind == "local":
        return _here(connection)
    from portproof.ssh.command import RemoteCommand, UnsupportedError  # noqa: PLC0415 - the same
    from portproof.ssh.destination import access_path  # noqa: PLC0415 - the same

    try:
        RemoteCommand.to(connection)  # refuses what a shell on the host cannot be asked
        path = access_path(await destinations.path_to(connection))
    except UnsupportedError as error:
        return Unobserved(Reason.UNSUPPORTED_CONNECTION, str(error))
    return HostAccess(
        kind="ssh",
        address=path.address,
        port=path.port,
        user=path.user,
        jump=path.through,
        become=connection.become,
        by=path.by,
    )
