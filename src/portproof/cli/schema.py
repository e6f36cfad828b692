"""``portproof schema``."""

import click

from portproof.archive.document import audit_schema_text
from portproof.content.schemas import schema_text


@click.command()
@click.argument("what", type=click.Choice(["policy", "check", "test", "audit"]))
def command(what: str) -> None:
    """Print the JSON Schema of policies, checks, policy tests or audit.json."""
    click.echo(audit_schema_text() if what == "audit" else schema_text(what), nl=False)
