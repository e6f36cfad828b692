"""``portproof hosts``."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import click

from portproof.app.hosts import HostAccess, HostOverview, host_overviews
from portproof.cli.options import POLICY_HELP, inventory_options
from portproof.cli.show import Line, show
from portproof.inventory.read import read_inventory
from portproof.inventory.vault import VaultOptions
from portproof.model.observation import Unobserved
from portproof.text.visible import visible
from portproof.text.words import many


@click.command()
@click.option("-p", "--policy", "policies", multiple=True, help=POLICY_HELP)
@inventory_options
@click.option(
    "--accept-new-host-keys",
    is_flag=True,
    help="Show what an audit with this option would do.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to print it.",
)
def command(  # noqa: PLR0913 - one argument for each option
    *,
    inventory: tuple[str, ...],
    limit: str | None,
    vault_password_files: tuple[str, ...],
    vault_ids: tuple[str, ...],
    policies: tuple[str, ...],
    accept_new_host_keys: bool,
    form: str,
) -> None:
    """Show how each host would be reached and how many rules apply to it.

    Address, port, user and jump hosts come from the inventory and ~/.ssh/config. No host is
    connected to. A host that cannot be reached is shown with the reason why an audit would leave it
    unproven.
    """
    read = read_inventory(
        inventory,
        limit=limit,
        vault=VaultOptions(password_files=vault_password_files, ids=vault_ids),
        accept_new_host_keys=accept_new_host_keys,
    )
    hosts = list(host_overviews(policies, read))
    if form == "json":
        click.echo(json.dumps([_data(host) for host in hosts], indent=2))
    else:
        show([*map(_line, hosts), Line(_total(hosts), "bold")])
    for warning in read.warnings:
        click.echo(f"warning: {visible(warning)}", err=True)


def _data(host: HostOverview) -> dict[str, Any]:
    return {
        "host": host.name,
        **_access_data(host.access),
        "policies": host.policies,
        "rules": host.rules,
        "groups": host.groups,
    }


def _access_data(access: HostAccess | Unobserved) -> dict[str, Any]:
    if isinstance(access, Unobserved):
        return {"unproven": access.reason, "detail": access.detail}
    become = access.become
    return {
        "kind": access.kind,
        "address": access.address,
        "port": access.port,
        "user": access.user,
        "jump": access.jump,
        "become": None if become is None else {"method": become.method, "user": become.user},
        "by": access.by,
    }


def _line(host: HostOverview) -> Line:
    style = "red" if isinstance(host.access, Unobserved) else ""
    return Line(visible(f"{host.name}: {_reached(host.access)}; {_judged(host)}"), style)


def _reached(access: HostAccess | Unobserved) -> str:
    if isinstance(access, Unobserved):
        return f"unproven ({access.reason}): {access.detail}"
    place = "this machine"
    if access.kind == "ssh":
        place = f"ssh {access.user}@{access.address} port {access.port}"
    way = f" through {', '.join(access.jump)}" if access.jump else ""
    become = access.become
    by = ", by ssh_config" if access.by == "ssh_config" else ""
    return f"{place}{way}" + (f", {become.method} to {become.user}" if become else "") + by


def _judged(host: HostOverview) -> str:
    if not host.rules:
        return "no rules"
    return f"{many(host.rules, 'rule')} of {', '.join(host.policies)}"


def _total(hosts: Sequence[HostOverview]) -> str:
    return f"{many(len(hosts), 'host')}: {', '.join(_counts(hosts))}"


def _counts(hosts: Sequence[HostOverview]) -> Iterator[str]:
    kinds: list[str] = [each.access.kind for each in hosts if isinstance(each.access, HostAccess)]
    for kind, text in (("local", "this machine"), ("ssh", "over SSH")):
        if count := kinds.count(kind):
            yield f"{count} {text}"
    if lost := len(hosts) - len(kinds):
        yield f"{lost} cannot be reached"
