"""``portproof doctor``."""

from collections.abc import Iterator

import click

from portproof.cli.show import Line, show
from portproof.exitcodes import ExitCode
from portproof.judge.proof import privilege_doubt
from portproof.model.observation import Identity, Unobserved
from portproof.sources.canary import canaries
from portproof.sources.identity import this_platform
from portproof.sources.local import sources
from portproof.sources.source import Source
from portproof.text.visible import visible


@click.command()
def command() -> ExitCode:
    """Tell which sources can look at this machine, and what is missing.

    Exits with 0 if an audit of this machine can prove ports closed, else with 3.
    """
    found = [(source.name, identify(source)) for source in sources()]
    with canaries() as ours:
        opened = [f"{each.protocol} on {each.address}" for each in ours.witnesses]
    usable = next((identity for _, identity in found if isinstance(identity, Identity)), None)
    able = (
        bool(opened)
        and not ours.unopened
        and usable is not None
        and privilege_doubt(usable) is None
    )
    show([*_sources(found), *_witnesses(opened, ours.unopened), _conclusion(usable, able=able)])
    return ExitCode.PROVEN if able else ExitCode.INCOMPLETE


def identify(source: Source) -> Identity | Unobserved:
    """Ask a source nothing but who it is."""
    reply = source.look({})
    return reply if isinstance(reply, Unobserved) else reply.identity


def _sources(found: list[tuple[str, Identity | Unobserved]]) -> Iterator[Line]:
    yield Line(f"This machine runs {this_platform()}. Its sources, best first:")
    for name, identity in found:
        if isinstance(identity, Unobserved):
            yield Line(f"  no   {name}: {visible(identity.detail)}", "yellow")
            continue
        doubt = privilege_doubt(identity)
        text = f"{name} {visible(identity.version)}"
        if doubt is None:
            yield Line(f"  yes  {text}, sees everything", "green")
        else:
            yield Line(f"  part {text}: {visible(doubt.detail)}", "yellow")


def _witnesses(opened: list[str], unopened: tuple[str, ...]) -> Iterator[Line]:
    if opened:
        yield Line(f"Witnesses can be opened: {', '.join(opened)}.")
    for text in unopened:
        yield Line(f"Without it nothing can be proven: {text}.", "yellow")


def _conclusion(usable: Identity | None, *, able: bool) -> Line:
    if able and usable is not None:
        return Line(f"An audit here uses {usable.source} and can prove ports closed.", "bold green")
    return Line(
        "An audit here leaves closed ports unproven; see above what is missing.", "bold red"
    )
