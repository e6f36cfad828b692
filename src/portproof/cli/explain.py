"""``portproof explain``."""

import textwrap
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

import click

from portproof.app.content import load_content
from portproof.catalog.controls import framework_name
from portproof.catalog.manual_checks import commands
from portproof.catalog.services import PortQuery, by_port, parse_port_query
from portproof.cli.options import POLICY_HELP
from portproof.cli.show import Line, show
from portproof.content.lint import lint
from portproof.judge.host import facts_of
from portproof.model.base import ByPlatform, for_platform
from portproof.model.host_facts import HostFacts
from portproof.model.listeners import Listener
from portproof.model.observation import LISTENING_SOCKETS, PUBLISHED_PORTS, FailedLook, Platform
from portproof.model.ports import Protocol
from portproof.policy.policy import BoundRule
from portproof.policy.rules.base import describe
from portproof.sources.identity import this_platform
from portproof.sources.local import look_here, sources
from portproof.text.visible import visible

_WIDTH = 96
_IN_FULL: Final = 3
"""Rules whose fix, controls and sources are printed; more would bury who listens."""


@click.command()
@click.argument("port")
@click.option("-p", "--policy", "policies", multiple=True, help=POLICY_HELP)
def command(port: str, policies: tuple[str, ...]) -> None:
    """Tell what a port is for, which rules cover it, and who listens here.

    PORT is a number, a number with a protocol, or a registered service name: 609, 609/udp, ssh.
    """
    targets = parse_port_query(port)
    content = load_content(policies)
    lint(content)
    content.raise_problems()
    checks, here = content.check_by_id(), this_platform()
    questions = {name: checks[name].sql_on(here) for name in (LISTENING_SOCKETS, PUBLISHED_PORTS)}
    look = look_here(sources(), {name: sql for name, sql in questions.items() if sql})
    facts = None if isinstance(look, FailedLook) else facts_of(look, ())
    unseen = look.cause.detail if isinstance(look, FailedLook) else ""
    show(chain.from_iterable(_explain(each, content.rules(), facts, unseen) for each in targets))


def _explain(
    target: PortQuery, rules: Iterable[BoundRule], facts: HostFacts | None, unseen: str
) -> Iterator[Line]:
    yield Line(_name(target), "bold")
    yield from _registered(target)
    yield from _rules(target, rules)
    yield from _listeners(target, facts, unseen)
    yield from _by_hand(target)
    yield Line("")


def _name(target: PortQuery) -> str:
    ports = str(target.first) if target.first == target.last else f"{target.first}-{target.last}"
    return f"{ports}/{' and '.join(target.protocols)}"


def _registered(target: PortQuery) -> Iterator[Line]:
    found = dict.fromkeys(
        service for protocol in target.protocols for service in by_port(target.first, protocol)
    )
    by_text: dict[tuple[str, str], list[str]] = {}
    for service in found:
        by_text.setdefault((service.name, service.description), []).append(service.protocol)
    if not by_text:
        yield Line("  Registered: IANA has given it to nobody.")
    for (name, description), protocols in by_text.items():
        shown = " and ".join(filter(None, protocols)) or "every protocol"
        yield Line(f"  Registered: {name or 'nobody'} ({shown}): {description}")


def _rules(target: PortQuery, rules: Iterable[BoundRule]) -> Iterator[Line]:
    covering = [bound for bound in rules if _covers(bound, target)]
    if not covering:
        yield Line("  Rules: no rule covers it.")
    for bound in covering:
        yield Line(f"  Rule {bound.key} ({bound.severity}): {bound.rule.summary()}", "cyan")
        yield from _wrapped(bound.rule.because or bound.policy.because or "", "    ")
    for bound in covering[:_IN_FULL]:
        yield from _in_full(bound)
    if len(covering) > _IN_FULL:
        text = f"fix, controls and sources are those of the first {_IN_FULL} rules"
        yield Line(f"  The {text}; choose a policy with -p to see those of others.")


def _in_full(bound: BoundRule) -> Iterator[Line]:
    """What to do about it, which controls it serves, and where its facts come from."""
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
    """Each fix with its platform, which is empty for a text that is for all of them."""
    if not isinstance(fix, ByPlatform):
        yield from [("", fix)] if fix else []
        return
    for platform in Platform:
        if text := for_platform(fix, platform):
            yield platform.value, text


def _covers(bound: BoundRule, target: PortQuery) -> bool:
    return any(bound.rule.watches(Protocol(name), target.first) for name in target.protocols)


def _listeners(target: PortQuery, facts: HostFacts | None, unseen: str) -> Iterator[Line]:
    if facts is None:
        yield Line(f"  Here now: nobody could look: {visible(unseen)}", "yellow")
        return
    here = [each for each in facts.listeners if _meant(each, target)]
    for listener in here:
        yield Line(f"  Here now: {visible(describe(listener))}", "bold red")
    doubt = facts.doubts.about(Protocol(name) for name in target.protocols)
    if doubt is not None:
        yield Line(f"  Here now: unproven ({doubt.reason}): {visible(doubt.detail)}", "yellow")
    elif not here:
        yield Line("  Here now: proven closed.", "green")


def _meant(listener: Listener, target: PortQuery) -> bool:
    return target.first <= listener.port <= target.last and listener.protocol in target.protocols


def _by_hand(target: PortQuery) -> Iterator[Line]:
    yield Line("  To check by hand:")
    for platform, lines in commands(target.first, target.protocols).items():
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
