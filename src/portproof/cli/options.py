"""What options of several commands say of themselves."""

import math
from typing import Any

import click

POLICY_HELP = (
    "A shipped policy by its name, a policy file, or a folder of them; repeatable."
    " Default: the shipped policies without the baselines."
)


class Seconds(click.FloatRange):
    """A number of seconds in a range. ``nan`` is in none, though no end of a range excludes it."""

    def convert(
        self,
        value: Any,  # noqa: ANN401 - click's contract
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """Read the number, or tell why it is none."""
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{number} is not in the range {self._describe_range()}.", param, ctx)
        return number
