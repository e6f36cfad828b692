"""Read tables of this machine beside osquery: packages, and the sockets once more.

A socket that one reading missed is in another one, and what is missing between two readings that
have it shows that rows get lost on this machine.
"""

from collections.abc import Callable

from portproof.model.observation import Platform, Unobserved
from portproof.sources.agent import sha256
from portproof.sources.identity import this_platform
from portproof.sources.osquery_plan import SOCKETS, QueryPlan, table_id
from portproof.sources.osquery_reply import Beside
from portproof.sources.probe import missing_of, read_here

BesideReader = Callable[[QueryPlan, float], Beside]


def read_beside(plan: QueryPlan, seconds: float) -> Beside:
    """Read what a plan leaves to portproof, and the sockets, on Linux only."""
    if not plan.takes_snapshot or {plan.platform, this_platform()} != {Platform.LINUX}:
        return Beside()
    names = beside_names(plan)
    collected = read_here(plan.platform, names, seconds)
    if isinstance(collected, Unobserved):
        return Beside(missing=dict.fromkeys(plan.columns, collected))
    return Beside(collected.tables, missing_of(collected), sha256())


def beside_names(plan: QueryPlan) -> list[str]:
    """Return the columns that are read beside osquery, each as ``table.column``."""
    tables = [name for name in plan.columns if name == SOCKETS or table_id(name) not in plan.first]
    return [f"{name}.{column}" for name in tables for column in plan.columns[name]]
