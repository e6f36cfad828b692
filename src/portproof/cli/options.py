"""Options that several commands have."""

import math
from collections.abc import Callable
from typing import Any, Final

import click

POLICY_HELP = (
    "A shipped policy by its name, a policy file, or a folder of them; repeatable."
    " Default: the shipped policies without the baselines."
)


class Seconds(click.FloatRange):
    """A number of seconds in a range. ``nan`` is refused, although click accepts it."""

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
        help="Only hosts that an Ansible pattern selects, such as web:&prod:!canary.",
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
    """Give a command the options that name an inventory and decrypt it."""
    for option in reversed(_INVENTORY):
        function = option(function)
    return function
