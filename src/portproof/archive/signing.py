"""Signatures of manifests, in the form of OpenSSH, so that others can check them without portproof.

``ssh-keygen -Y verify -n portproof`` checks the same file. The form is that of OpenSSH's document
PROTOCOL.sshsig: an armoured blob with the public key, a namespace, and an Ed25519 signature
(RFC 8032) over the SHA-512 of the message.
"""

import base64
import binascii
import hashlib
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import asyncssh

from portproof.archive.folder import MANIFEST, SIGNATURE, Sign
from portproof.errors import Code, ContentError, Problem, UsageError

NAMESPACE: Final = "portproof"
_ALGORITHM: Final = "ssh-ed25519"
_MAGIC: Final = b"SSHSIG"
_VERSION: Final = 1
_HASH: Final = "sha512"
_HASHES: Final = {"sha512": hashlib.sha512, "sha256": hashlib.sha256}
_BEGIN: Final = "-----BEGIN SSH SIGNATURE-----\n"
_END: Final = "-----END SSH SIGNATURE-----\n"
_WIDTH: Final = 70
_LARGEST: Final = 1 << 16
_LINE: Final = re.compile(
    rf"(?:(?P<before>\S.*?)\s+)?{_ALGORITHM}\s+(?P<key>[A-Za-z0-9+/]+={{0,2}})(?:\s.*)?"
)
_NAMESPACES: Final = re.compile(r'namespaces="(?P<names>[^"*?!]*)"', re.IGNORECASE)


class Signed(NamedTuple):
    """What a good signature says: the fingerprint of the key that made it."""

    fingerprint: str


class BadSignatureError(Exception):
    """A signature is invalid; the message says why."""


def signer(file: Path, passphrase: str | None) -> Sign:
    """Read a private key, and return a function that signs a manifest with it.

    Args:
        file: An Ed25519 private key, in OpenSSH's form or as PKCS #8 in PEM.
        passphrase: What opens it, or None.

    Raises:
        PassphraseNeededError: the key has a passphrase and none was given.
        UsageError: it cannot be read, is no Ed25519 key, or the passphrase is wrong.
    """
    key = _private_key(file, passphrase)
    if key.get_algorithm() != _ALGORITHM:
        text = f"is a key of type {key.get_algorithm()}; make one with ssh-keygen -t ed25519"
        raise UsageError(f"the signing key {file} {text}")
    return lambda message: _armoured(_blob(key, message))


class PassphraseNeededError(UsageError):
    """A private key has a passphrase, and none was given."""


def _private_key(file: Path, passphrase: str | None) -> asyncssh.SSHKey:
    try:
        data = file.read_bytes()
    except OSError as error:
        text = f"cannot be read: {error.strerror or error}"
        raise UsageError(f"the signing key {file} {text}") from error
    try:
        return asyncssh.import_private_key(data, passphrase)
    except asyncssh.KeyEncryptionError as error:
        raise UsageError(f"the signing key {file} cannot be opened: {error}") from error
    except (asyncssh.KeyImportError, UnicodeDecodeError, ValueError) as error:
        if passphrase is None and "passphrase" in str(error).lower():
            raise PassphraseNeededError(f"the signing key {file} needs a passphrase") from error
        raise UsageError(f"the signing key {file} is no private key: {error}") from error


def _string(data: bytes | str) -> bytes:
    """Return a string as SSH writes it (RFC 4251, section 5)."""
    raw = data.encode() if isinstance(data, str) else data
    return struct.pack(">I", len(raw)) + raw


def _to_sign(message: bytes, algorithm: str) -> bytes:
    digest = _HASHES[algorithm](message).digest()
    parts: tuple[bytes | str, ...] = (NAMESPACE, "", algorithm, digest)
    return _MAGIC + b"".join(_string(part) for part in parts)


def _blob(key: asyncssh.SSHKey, message: bytes) -> bytes:
    signature = key.sign(_to_sign(message, _HASH), _ALGORITHM.encode())
    parts: tuple[bytes | str, ...] = (key.public_data, NAMESPACE, "", _HASH, signature)
    return _MAGIC + struct.pack(">I", _VERSION) + b"".join(_string(part) for part in parts)


def _armoured(blob: bytes) -> str:
    text = base64.b64encode(blob).decode()
    lines = (text[at : at + _WIDTH] + "\n" for at in range(0, len(text), _WIDTH))
    return _BEGIN + "".join(lines) + _END


def check(signature: bytes, message: bytes, trusted: tuple[bytes, ...] | None) -> Signed:
    """Check a signature of a message.

    Args:
        signature: The signature file.
        message: What was signed.
        trusted: The public keys that may have signed it, as SSH encodes them; None for any key,
            which says no more than that nobody changed it who does not have that key.

    Raises:
        BadSignatureError: it does not hold, or another key made it.
    """
    key, algorithm, raw = _parsed(signature)
    fingerprint: str = key.get_fingerprint()
    if not key.verify(_to_sign(message, algorithm), raw):
        raise BadSignatureError(f"does not hold: {fingerprint} did not sign this manifest")
    if trusted is not None and key.public_data not in trusted:
        raise BadSignatureError(f"is by {fingerprint}, which is not the key that was given")
    return Signed(fingerprint)


def refuse_bad_signature(folder: Path) -> None:
    """Refuse a folder that is signed, but not as it is now.

    Raises:
        ContentError: the signature of its manifest does not hold.
    """
    file = folder / SIGNATURE
    try:
        check(file.read_bytes(), (folder / MANIFEST).read_bytes(), None)
    except OSError as error:
        text = f"cannot be checked: {error.strerror or error}"
        raise ContentError([Problem.of_file(file, text, Code.UNREADABLE)]) from error
    except BadSignatureError as error:
        raise ContentError([Problem.of_file(file, str(error), Code.SIGNATURE)]) from error


def _parsed(signature: bytes) -> tuple[asyncssh.SSHKey, str, bytes]:
    try:
        rest = _unarmoured(signature)
        if rest[: len(_MAGIC)] != _MAGIC or rest[len(_MAGIC) :][:4] != struct.pack(">I", _VERSION):
            raise BadSignatureError("is not a signature of OpenSSH's form")
        public, namespace, reserved, algorithm, raw = _strings(rest[len(_MAGIC) + 4 :])
        if not public.startswith(_string(_ALGORITHM)):
            raise BadSignatureError(f"is not an Ed25519 signature over {' or '.join(_HASHES)}")
        key = asyncssh.public_key.decode_ssh_public_key(public)
    except (ValueError, OverflowError, struct.error, asyncssh.KeyImportError) as error:
        raise BadSignatureError("is damaged") from error
    if namespace.decode("ascii", "replace") != NAMESPACE or reserved:
        raise BadSignatureError(f"is for something else than {NAMESPACE}")
    name = algorithm.decode("ascii", "replace")
    if name not in _HASHES or key.get_algorithm() != _ALGORITHM:
        raise BadSignatureError(f"is not an Ed25519 signature over {' or '.join(_HASHES)}")
    return key, name, raw


def _unarmoured(signature: bytes) -> bytes:
    """Return the blob in the armour, in exactly the one form it has: no bit of the file is free."""
    if len(signature) > _LARGEST:
        raise ValueError("larger than any signature")
    text = signature.decode("ascii")
    inside = text.removeprefix(_BEGIN).removesuffix(_END).replace("\n", "")
    blob = base64.b64decode(inside, validate=True)
    if _armoured(blob) != text:
        raise ValueError("not the one form of this signature")
    return blob


def _strings(data: bytes) -> Iterator[bytes]:
    while data:
        (length,) = struct.unpack(">I", data[:4])
        if len(data) < 4 + length:
            raise ValueError("cut off")
        yield data[4 : 4 + length]
        data = data[4 + length :]


def public_keys(file: Path) -> tuple[bytes, ...]:
    """Return the Ed25519 keys of a public key file or of allowed signers, as SSH encodes them.

    Of the options of allowed signers (ssh-keygen(1)) only ``namespaces`` is understood, without
    wildcards; a line with any other is refused.

    Raises:
        ContentError: it cannot be read, or a line is no key.
    """
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ContentError(
            [Problem.of_file(file, f"cannot be read: {error}", Code.UNREADABLE)]
        ) from error
    told = [(at, line.strip()) for at, line in enumerate(lines, start=1)]
    keys = [
        key
        for at, line in told
        if line and not line.startswith("#")
        for key in _keys_of(file, at, line)
    ]
    if not keys:
        raise ContentError([Problem.of_file(file, "holds no key that may sign", Code.EMPTY)])
    return tuple(keys)


def _keys_of(file: Path, at: int, line: str) -> Iterator[bytes]:
    found = _LINE.fullmatch(line)
    if found is None:
        raise ContentError(
            [Problem(str(file), at, 1, "", f"is no {_ALGORITHM} public key", Code.INVALID_KEY)]
        )
    try:
        if _may_sign(found["before"] or ""):
            raw = base64.b64decode(found["key"], validate=True)
            yield asyncssh.public_key.decode_ssh_public_key(raw).public_data
    except (ValueError, binascii.Error, asyncssh.KeyImportError) as error:
        raise ContentError([Problem(str(file), at, 1, "", str(error), Code.INVALID_KEY)]) from error


def _may_sign(before: str) -> bool:
    """Return whether the options before a key let it sign for portproof."""
    names, _, options = before.partition(" ")
    if names.startswith("@") or any(name.startswith("!") for name in names.split(",")):
        raise ValueError(f"has names that are not understood: {names[:80]}")
    if not options:
        return True
    found = _NAMESPACES.fullmatch(options.strip())
    if found is None:
        raise ValueError(f"has options that are not understood: {options.strip()[:80]}")
    return NAMESPACE in found["names"].split(",")
