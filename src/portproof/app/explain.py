"""Explain a port: what it is for, which rules cover it, and who listens on it here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from portproof.app.lint import lint
from portproof.catalog.manual_checks import commands
from portproof.catalog.services import PortQuery, Service, by_port, parse_port_query
from portproof.content.load import Content
from portproof.judge.host import facts_of
from portproof.model.host_facts import HostFacts
from portproof.model.listeners import Listener
from portproof.model.observation import (
    LISTENING_SOCKETS,
    PUBLISHED_PORTS,
    FailedLook,
    Platform,
    Unobserved,
)
from portproof.model.ports import Protocol
from portproof.policy.policy import BoundRule
from portproof.sources.identity import this_platform
from portproof.sources.local import look_here, sources


@dataclass(frozen=True, slots=True)
class PortExplanation:
    """What is known about a port, or a registered range of them.

    Attributes:
        query: The ports and protocols.
        services: What IANA has registered them for.
        rules: The rules that cover them.
        listeners: What listens on them on this machine.
        doubt: Why they are not proven closed here although nothing was seen; None if they are.
        looked: Whether any source could look at this machine.
        commands: How to check them by hand, by platform.
    """

    query: PortQuery
    services: tuple[Service, ...]
    rules: tuple[BoundRule, ...]
    listeners: tuple[Listener, ...]
    doubt: Unobserved | None
    looked: bool
    commands: Mapping[Platform, tuple[str, ...]]


def explain(port: str, policies: Sequence[str] = ()) -> tuple[PortExplanation, ...]:
    """Explain a port, and look at this machine to see who listens on it.

    Args:
        port: A number, a number with a protocol, or the name of a registered service, such as
            ``609``, ``609/udp`` or ``ssh``. A name may stand for several ports.
        policies: Names of shipped policies, files or folders. Empty: the shipped policies without
            the baselines.

    Raises:
        UsageError: there is no such port or service, or a policy is unknown.
        ContentError: policies or checks are wrong.
    """
    queries = parse_port_query(port)
    content = lint(policies).content
    facts = _facts_here(content)
    return tuple(_explained(query, content.rules(), facts) for query in queries)


def _facts_here(content: Content) -> HostFacts | Unobserved:
    """Return what is known about this machine, or why nothing is."""
    checks, here = content.check_by_id(), this_platform()
    questions = {name: checks[name].sql_on(here) for name in (LISTENING_SOCKETS, PUBLISHED_PORTS)}
    look = look_here(sources(), {name: sql for name, sql in questions.items() if sql})
    return look.cause if isinstance(look, FailedLook) else facts_of(look, ())


def _explained(
    query: PortQuery, rules: Sequence[BoundRule], facts: HostFacts | Unobserved
) -> PortExplanation:
    protocols = [Protocol(name) for name in query.protocols]
    services = (each for name in query.protocols for each in by_port(query.first, name))
    listeners, doubt = _seen(query, protocols, facts)
    return PortExplanation(
        query=query,
        services=tuple(dict.fromkeys(services)),
        rules=tuple(
            bound
            for bound in rules
            if any(bound.rule.watches(protocol, query.first) for protocol in protocols)
        ),
        listeners=listeners,
        doubt=doubt,
        looked=isinstance(facts, HostFacts),
        commands=commands(query.first, query.protocols),
    )


def _seen(
    query: PortQuery, protocols: Sequence[Protocol], facts: HostFacts | Unobserved
) -> tuple[tuple[Listener, ...], Unobserved | None]:
    """Return what listens on the ports, and why the absence of more is in doubt."""
    if isinstance(facts, Unobserved):
        return (), facts
    listeners = tuple(each for each in facts.listeners if _is_meant(each, query))
    return listeners, facts.doubts.about(protocols)


def _is_meant(listener: Listener, query: PortQuery) -> bool:
    return query.first <= listener.port <= query.last and listener.protocol in query.protocols
