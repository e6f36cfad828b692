"""``portproof agent``."""

import click

from portproof.sources.agent import sha256, source
from portproof.ssh.command import shown_line


@click.command()
@click.option("what", "--sha256", flag_value="sha256", help="Print the SHA-256 of the source.")
@click.option("what", "--line", flag_value="line", help="Print the command line of a host.")
def command(what: str | None) -> None:
    """Print the source that is run by a Python on hosts.

    It is the same for every host and every audit of this version, and it is sent as it is printed.
    Its SHA-256 stands in the evidence of each host that it looked at.

    With --line, print the one line that a host's login shell is given. READY-MARK is another in
    each look; the interpreter of the inventory stands after it.
    """
    if what == "sha256":
        click.echo(sha256())
    elif what == "line":
        click.echo(shown_line())
    else:
        click.echo(source(), nl=False)
