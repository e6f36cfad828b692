"""``portproof schema``."""

import click

from portproof.schemas import schema_text


@click.command()
@click.argument("what", type=click.Choice(["policy", "check", "test"]))
def command(what: str) -> None:
    """Print the JSON Schema of policies, checks or policy tests, for editors."""
    click.echo(schema_text(what), nl=False)
