"""``portproof list``."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import click

from portproof.app.listing import (
    ListedCheck,
    ListedPolicy,
    ListedRule,
    ListRequest,
    list_checks,
    list_policies,
    list_rules,
)
from portproof.cli.show import Line, show
from portproof.model.base import Severity
from portproof.model.observation import Platform
from portproof.text.visible import visible

Listed = ListedPolicy | ListedRule | ListedCheck

_LISTS: Final[Mapping[str, Callable[[ListRequest], Sequence[Listed]]]] = {
    "policies": list_policies,
    "rules": list_rules,
    "checks": list_checks,
}
_COLUMNS: Final = {
    "policies": ("policy", "severity", "rules", "title"),
    "rules": ("rule", "severity", "title", "summary"),
    "checks": ("check", "platforms", "title"),
}


@click.command()
@click.argument("what", type=click.Choice(list(_LISTS)), default="policies")
@click.option(
    "-p",
    "--policy",
    "policies",
    multiple=True,
    help="The name of a shipped policy, a policy file, or a folder of policy files; repeatable."
    " Default: all shipped policies, including the baselines.",
)
@click.option(
    "--severity",
    type=click.Choice([each.value for each in Severity]),
    help="Only rules of this severity or higher.",
)
@click.option("--port", help="Only rules about a port, such as 609, 609/udp or ssh.")
@click.option("--framework", help="Only rules that map to a framework, such as nist-800-53.")
@click.option("--control", help="Only rules that map to a control, such as CM-7.")
@click.option(
    "--platform",
    type=click.Choice([each.value for each in Platform]),
    help="Only rules and checks that can be judged on a platform.",
)
@click.option(
    "--text", help="Only entries with this text in their id, title or reason, ignoring case."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    what: str,
    *,
    as_json: bool,
    **filters: Any,  # noqa: ANN401 - the other options; ListRequest gives them their types
) -> None:
    """List policies, rules or checks.

    WHAT is policies, rules or checks. A policy is listed if one of its rules matches the filters. A
    check is listed if it matches --platform and --text; with --severity, --port, --framework or
    --control, it must also be used by a matching rule.
    """
    listed = _LISTS[what](ListRequest(**filters))
    if as_json:
        click.echo(json.dumps([asdict(each) for each in listed], indent=2))
    elif listed:
        show(_lines(listed, _COLUMNS[what]))
    else:
        click.echo(f"no {what} match", err=True)


def _lines(listed: Sequence[Listed], columns: Sequence[str]) -> Iterator[Line]:
    table = [[_cell(getattr(each, column)) for column in columns] for each in listed]
    heads = list(columns)
    widths = [max(map(len, column)) for column in zip(heads, *table, strict=True)]
    for row, style in ((heads, "bold"), *((row, "") for row in table)):
        cells = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        yield Line("  ".join(cells).rstrip(), style)


def _cell(value: object) -> str:
    return visible(", ".join(map(str, value)) if isinstance(value, tuple) else str(value))
