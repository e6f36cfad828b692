"""``portproof agent``."""

import click

from portproof.sources.agent import sha256, source
from portproof.ssh.command import shown_line


@click.command()
@click.option("what", "--sha256", flag_value="sha256", help="Print the SHA-256 of the source.")
@click.option(
    "what",
    "--line",
    flag_value="line",
    help="Print the command line that is sent to a host's shell.",
)
def command(what: str | None) -> None:
    """Print the source code that portproof runs on hosts.

    It is the same for every host and every audit by this version, and it is sent exactly as it is
    printed. The evidence of each host contains the SHA-256 of the agent that ran there.

    With --line, print the command line that is sent to a host's login shell. READY-MARK differs in
    each look; the Python interpreter set in the inventory follows it.
    """
    if what == "sha256":
        click.echo(sha256())
    elif what == "line":
        click.echo(shown_line())
    else:
        click.echo(source(), nl=False)
