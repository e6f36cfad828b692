"""Open the key that signs a manifest, before any host is audited."""

from pathlib import Path

from portproof.app.audit_request import Passphrase
from portproof.archive.folder import Sign


def signer_for(file: str | None, passphrase: Passphrase | None) -> Sign | None:
    """Return a signer with the key in a file, or None without a file.

    Raises:
        UsageError: the key cannot be read, or no passphrase was given for it.
    """
    if file is None:
        return None
    from portproof.archive.signing import PassphraseNeededError, signer  # noqa: PLC0415 - costs start-up time only a signed audit needs

    try:
        return signer(Path(file), None)
    except PassphraseNeededError:
        if passphrase is None:
            raise
    return signer(Path(file), passphrase(file))
