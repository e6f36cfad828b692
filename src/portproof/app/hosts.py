"""The hosts of an inventory: how each would be reached, and by which rules it would be judged."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from portproof.app.choose_policies import choose
from portproof.app.prepare import prepare
from portproof.judge.job import Job
from portproof.judge.plan import Selections
from portproof.model.connection import Become, Connection
from portproof.model.hosts import Inventory
from portproof.model.observation import Reason, Unobserved


@dataclass(frozen=True, slots=True)
class HostAccess:
    """How a host would be reached, after the user's OpenSSH configuration was applied.

    ``port`` and ``user`` are None for this machine. ``jump`` are the hosts on the way in the order
    in which they are reached, each as ``user@host:port``; a proxy command is only named as one,
    since it may hold a password.
    """

    kind: Literal["local", "ssh"]
    address: str
    port: int | None = None
    user: str | None = None
    jump: tuple[str, ...] = ()
    become: Become | None = None


@dataclass(frozen=True, slots=True)
class HostOverview:
    """A host of an inventory: how it would be reached or why it cannot be, and what is for it.

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
        policies: What ``-p`` was given; without any, the inventory chooses, or the shipped ones.
        inventory: The hosts, with their targets.

    Raises:
        ContentError: policies or checks are wrong.
        UsageError: a policy is not known.
    """
    choice = choose(policies, inventory)
    rules = _rules_by_host(prepare(choice.content, inventory, chosen=choice.hosts))
    for target in inventory.targets:
        own = rules[target.host.name]
        yield HostOverview(
            name=target.host.name,
            groups=target.host.groups,
            access=_access(target.connection),
            policies=tuple(dict.fromkeys(own)),
            rules=len(own),
        )


def _rules_by_host(job: Job) -> dict[str, list[str]]:
    """Return, by the host's name, the policy of each rule that is for it."""
    selections = Selections(job.inventory)
    rules: dict[str, list[str]] = {host.name: [] for host in job.inventory.hosts}
    for bound in job.rules:
        for name in selections.hosts(bound) & rules.keys():
            rules[name].append(bound.policy.policy)
    return rules


def _access(connection: Connection | Unobserved) -> HostAccess | Unobserved:
    if isinstance(connection, Unobserved):
        return connection
    if connection.kind == "local":
        return HostAccess("local", connection.address, become=connection.become)
    from portproof.ssh.command import UnsupportedError  # noqa: PLC0415 - asyncssh costs start-up time only a fleet repays

    try:
        return _over_ssh(connection)
    except UnsupportedError as error:
        return Unobserved(Reason.UNSUPPORTED_CONNECTION, str(error))


def _over_ssh(connection: Connection) -> HostAccess:
    from portproof.ssh.command import RemoteCommand  # noqa: PLC0415 - the same
    from portproof.ssh.destination import path_to  # noqa: PLC0415 - the same

    RemoteCommand.to(connection)  # refuses what a shell on the host cannot be asked
    path = path_to(connection)
    last = path[-1]
    places = [
        place
        for each in path
        for place in (*["ProxyCommand"] * bool(each.proxy), _place(each.user, each.host, each.port))
    ]
    return HostAccess(
        kind="ssh",
        address=last.host,
        port=last.port,
        user=last.user,
        jump=tuple(places[:-1]),
        become=connection.become,
    )


def _place(user: str, host: str, port: int) -> str:
    return f"{user}@[{host}]:{port}" if ":" in host else f"{user}@{host}:{port}"
