"""Options that several commands have."""

import math
from collections.abc import Callable
from typing import Any, Final

import click

POLICY_HELP = (
    "The name of a shipped policy, a policy file, or a folder of policy files; repeatable."
    " Default: all shipped policies except the baselines."
)


class Seconds(click.FloatRange):
    """A number of seconds in a range. Unlike click, this refuses ``nan``."""

    def convert(
        self,
        value: Any,  # noqa: ANN401 - click's contract
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """Read the number, or fail with the reason."""
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{number} is not in the range {self._describe_range()}.", param, ctx)
        return number


_INVENTORY: Final = (
    click.option(
        "-i",
        "--inventory",
        multiple=True,
        help="An Ansible inventory, a file with one host name a line, or a list such as web1,web2,"
        " ; repeatable. Default: this machine.",
    ),
    click.option(
        "-l",
        "--limit",
        help="Only hosts that match an Ansible pattern, such as web:&prod:!canary.",
    ),
    click.option(
        "--vault-password-file",
        "vault_password_files",
        multiple=True,
        help="As in Ansible; repeatable.",
    ),
    click.option("--vault-id", "vault_ids", multiple=True, help="As in Ansible; repeatable."),
)


def inventory_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that name an inventory and decrypt it to a command."""
    for option in reversed(_INVENTORY):
        function = option(function)
    return function
