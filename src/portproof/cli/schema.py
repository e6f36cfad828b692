"""``portproof schema``."""

import click

from portproof.schemas import schema_text


@click.command()
@click.argument("what", type=click.Choice(["policy", "check"]))
def command(what: str) -> None:
    """Print the JSON Schema of policies or checks, for editors."""
    click.echo(schema_text(what), nl=False)
