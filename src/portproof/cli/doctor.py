"""``portproof doctor``."""

from collections.abc import Iterator

import click

from portproof.app.doctor import MachineState, examine_machine
from portproof.cli.show import Line, show
from portproof.exitcodes import ExitCode
from portproof.model.observation import Unobserved
from portproof.text.visible import visible


@click.command()
def command() -> ExitCode:
    """Show which sources can audit this machine and what is missing.

    Exits with 0 if an audit of this machine can prove ports closed, else with 3.
    """
    state = examine_machine()
    show([*_sources(state), *_witnesses(state), _conclusion(state)])
    return state.exit_code


def _sources(state: MachineState) -> Iterator[Line]:
    yield Line(f"This machine runs {state.platform}. Its sources, best first:")
    for source in state.sources:
        if isinstance(source.identity, Unobserved):
            yield Line(f"  no   {source.name}: {visible(source.identity.detail)}", "yellow")
            continue
        text = f"{source.name} {visible(source.identity.version)}"
        if source.doubt is None:
            yield Line(f"  yes  {text}", "green")
        else:
            yield Line(f"  part {text}: {visible(source.doubt.detail)}", "yellow")


def _witnesses(state: MachineState) -> Iterator[Line]:
    if state.witnesses:
        yield Line(f"Witnesses opened: {', '.join(state.witnesses)}.")
    for text in state.unopened:
        yield Line(f"Nothing can be proven: {text}.", "yellow")


def _conclusion(state: MachineState) -> Line:
    if state.exit_code is ExitCode.PROVEN and state.used is not None:
        text = f"An audit of this machine uses {state.used.name} and can prove ports closed."
        return Line(text, "bold green")
    return Line(
        "An audit of this machine cannot prove ports closed; the reasons are listed above.",
        "bold red",
    )
