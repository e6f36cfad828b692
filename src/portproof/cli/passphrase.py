"""Get the passphrase of a signing key from the environment or the terminal."""

import os
import sys
from typing import Final

import click

from portproof.errors import UsageError

VARIABLE: Final = "PORTPROOF_SIGN_PASSPHRASE"


def passphrase(file: str) -> str:
    """Return the passphrase of a private key.

    Raises:
        UsageError: the environment has none, and there is no terminal to ask on.
    """
    given = os.environ.get(VARIABLE)
    if given is not None:
        return given
    if not sys.stdin.isatty():
        text = f"the signing key {file} needs a passphrase; set {VARIABLE}"
        raise UsageError(f"{text}, or run portproof in a terminal")
    asked: str = click.prompt(f"Passphrase of {file}", hide_input=True, err=True)
    return asked
