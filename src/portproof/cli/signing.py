"""Opens the key that signs a manifest, before anything is looked at."""

import os
import sys
from pathlib import Path
from typing import Final

import click

from portproof.archive.folder import Sign
from portproof.errors import UsageError

PASSPHRASE: Final = "PORTPROOF_SIGN_PASSPHRASE"  # noqa: S105 - the name of a variable, not a secret


def signer_of(file: str | None) -> Sign | None:
    """What signs with the key of a file; its passphrase comes from the environment or a prompt.

    Raises:
        UsageError: the key cannot be read, or needs a passphrase that nobody gave.
    """
    if file is None:
        return None
    from portproof.archive.signing import PassphraseNeededError, signer  # noqa: PLC0415 - costs start-up time only a signed audit needs

    try:
        return signer(Path(file), os.environ.get(PASSPHRASE))
    except PassphraseNeededError as error:
        if not sys.stdin.isatty():
            raise UsageError(
                f"{error}; set {PASSPHRASE}, or call portproof in a terminal"
            ) from error
    return signer(Path(file), click.prompt(f"Passphrase of {file}", hide_input=True, err=True))
