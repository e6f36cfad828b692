"""``portproof explain``."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

import click

from portproof.app.explain import PortExplanation, explain
from portproof.catalog.controls import framework_name
from portproof.catalog.services import PortQuery, Service
from portproof.cli.options import POLICY_HELP
from portproof.cli.show import Line, show
from portproof.model.base import ByPlatform, for_platform
from portproof.model.observation import Platform
from portproof.policy.policy import BoundRule
from portproof.policy.rules.base import describe
from portproof.text.visible import visible

_WIDTH = 96
_IN_FULL: Final = 3
"""How many rules are printed with fix, controls and sources; more would hide the listeners."""


@click.command()
@click.argument("port")
@click.option("-p", "--policy", "policies", multiple=True, help=POLICY_HELP)
def command(port: str, policies: tuple[str, ...]) -> None:
    """Explain what a port is for, which rules cover it, and what listens on it here.

    PORT is a number, a number with a protocol, or a registered service name: 609, 609/udp, ssh.
    """
    show(chain.from_iterable(map(_lines, explain(port, policies))))


def _lines(explained: PortExplanation) -> Iterator[Line]:
    yield Line(_name(explained.query), "bold")
    yield from _registered(explained.services)
    yield from _rules(explained.rules)
    yield from _listeners(explained)
    yield from _by_hand(explained)
    yield Line("")


def _name(query: PortQuery) -> str:
    ports = str(query.first) if query.first == query.last else f"{query.first}-{query.last}"
    return f"{ports}/{' and '.join(query.protocols)}"


def _registered(services: Iterable[Service]) -> Iterator[Line]:
    by_text: dict[tuple[str, str], list[str]] = {}
    for service in services:
        by_text.setdefault((service.name, service.description), []).append(service.protocol)
    if not by_text:
        yield Line("  Registered: not assigned by IANA.")
    for (name, description), protocols in by_text.items():
        shown = " and ".join(filter(None, protocols)) or "every protocol"
        yield Line(f"  Registered: {name or 'no service name'} ({shown}): {description}")


def _rules(covering: Sequence[BoundRule]) -> Iterator[Line]:
    if not covering:
        yield Line("  Rules: none covers this port.")
    for bound in covering:
        yield Line(f"  Rule {bound.key} ({bound.severity}): {bound.rule.summary()}", "cyan")
        yield from _wrapped(bound.rule.because or bound.policy.because or "", "    ")
    for bound in covering[:_IN_FULL]:
        yield from _in_full(bound)
    if len(covering) > _IN_FULL:
        text = f"fix, controls and sources are shown for the first {_IN_FULL} rules"
        yield Line(f"  The {text}; choose a policy with -p to see those of other rules.")


def _in_full(bound: BoundRule) -> Iterator[Line]:
    """Yield a rule's fix, its controls and the sources of its facts."""
    rule = bound.rule
    if not (rule.fix or rule.maps or rule.refs):
        return
    yield Line(f"  About {bound.key}:", "cyan")
    for platform, text in _fixes(rule.fix):
        yield Line(f"    Fix{f' on {platform}' if platform else ''}:")
        for paragraph in text.splitlines():
            yield from _wrapped(paragraph, "      ")
    for framework, numbers in rule.maps.items():
        named = f"{framework_name(framework)}: {', '.join(numbers)}"
        yield from _wrapped(f"Controls of {named}", "    ")
    for source in rule.refs:
        yield Line(f"    Source: {visible(source)}")


def _fixes(fix: str | ByPlatform | None) -> Iterator[tuple[str, str]]:
    """Yield each fix with its platform; the platform is empty if the fix is for all of them."""
    if not isinstance(fix, ByPlatform):
        yield from [("", fix)] if fix else []
        return
    for platform in Platform:
        if text := for_platform(fix, platform):
            yield platform.value, text


def _listeners(explained: PortExplanation) -> Iterator[Line]:
    doubt = explained.doubt
    if doubt is not None and not explained.looked:
        yield Line(f"  Here now: unproven, no source works: {visible(doubt.detail)}", "yellow")
        return
    for listener in explained.listeners:
        yield Line(f"  Here now: {visible(describe(listener))}", "bold red")
    if doubt is not None:
        yield Line(f"  Here now: unproven ({doubt.reason}): {visible(doubt.detail)}", "yellow")
    elif not explained.listeners:
        yield Line("  Here now: proven closed.", "green")


def _by_hand(explained: PortExplanation) -> Iterator[Line]:
    yield Line("  To check by hand:")
    for platform, lines in explained.commands.items():
        for line in lines:
            yield Line(f"    {platform}: {line}")


def _wrapped(text: str, indent: str) -> Iterator[Line]:
    for line in textwrap.wrap(
        visible(text),
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    ):
        yield Line(line)
