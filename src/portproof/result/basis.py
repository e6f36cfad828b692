"""Inputs of verdicts besides rules, checks and evidence, so that they can be computed again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from portproof.policy.waivers import BoundWaiver


@dataclass(frozen=True, slots=True)
class Basis:
    """The rest of what an audit was judged by.

    Attributes:
        today: The day by which waivers were judged.
        waivers: All waivers, those of policies and those of files.
        warn_days: How many days before a waiver's end it was warned of.
        require_witness: Whether an empty answer without a witness stayed unproven.
        everyone: The name of every host of the inventory; empty if those of the audit are all.
        members: Host names by group, as the inventory orders them; empty if the groups of the
            audit's hosts are all there are.
        warnings: The warnings of reading the inventory.
    """

    today: date
    waivers: tuple[BoundWaiver, ...] = ()
    warn_days: int = 0
    require_witness: bool = False
    everyone: tuple[str, ...] = ()
    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
