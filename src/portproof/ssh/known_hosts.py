"""Read which keys belong to which hosts: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"."""

import base64
import binascii
import contextlib
import hmac
import os
import re
import secrets
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Final, NamedTuple

import asyncssh

from portproof.ssh.keys import UNREADABLE

_AUTHORITY: Final = "@cert-authority"
_REVOKED: Final = "@revoked"
_HASHED: Final = "|1|"
_PRIVATE: Final = 0o600
_PRIVATE_FOLDER: Final = 0o700


class _KnownHostsLine(NamedTuple):
    names: str
    marker: str
    key: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """What is recorded for a name."""

    keys: list[asyncssh.SSHKey] = field(default_factory=list)
    authorities: list[asyncssh.SSHKey] = field(default_factory=list)
    revoked: list[asyncssh.SSHKey] = field(default_factory=list)


class OtherKeyError(ValueError):
    """Another key was recorded for the name meanwhile, by another process or connection."""


class KnownHosts:
    """The keys of hosts, read once from files. Files and lines that cannot be read hold nothing.

    New keys go to the first file, which other processes may write to as well.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = tuple(files)
        self._exact: dict[str, list[_KnownHostsLine]] = {}
        self._others: list[_KnownHostsLine] = []
        self.has_hashes = False
        self._read = 0
        for number, file in enumerate(files):
            text = _bytes(file)
            self._read = len(text) if number == 0 else self._read
            self._keep_all(text)

    def recorded(self, name: str) -> Recorded:
        """What is recorded for a host; ``name`` is ``host``, or ``[host]:port`` for other ports."""
        wanted = name.lower()
        found = [*self._exact.get(wanted, ())]
        found += [entry for entry in self._others if _matches(entry.names, wanted)]
        recorded = Recorded()
        for entry in found:
            key = _key(entry.key)
            if key is not None:
                _list_of(recorded, entry.marker).append(key)
        return recorded

    def add(self, name: str, key: asyncssh.SSHKey, *, hashed: bool) -> None:
        """Record a key at the end of the first file, unless it is there by now.

        Raises:
            OtherKeyError: another key is there by now.
            OSError: it cannot be written.
        """
        text = " ".join(key.export_public_key().decode("ascii").split()[:2])
        names = _hashed(name.lower()) if hashed else name.lower()
        file = self.files[0]
        file.parent.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
        with _locked(file) as end:
            self._catch_up(end)
            known = self.recorded(name).keys
            if known and key not in known:
                raise OtherKeyError(name)
            if not known:
                _append(end, f"{names} {text}\n".encode())
                self._catch_up(end)

    def _catch_up(self, file: FileIO) -> None:
        """Read what was appended since; a file that became shorter is read again."""
        size = file.seek(0, os.SEEK_END)
        file.seek(self._read if size >= self._read else 0)
        text = file.read()
        self._read = size
        self._keep_all(text)

    def _keep_all(self, text: bytes) -> None:
        for entry in _entries(text.decode("utf-8", "replace")):
            self._keep(entry)

    def _keep(self, entry: _KnownHostsLine) -> None:
        self.has_hashes = self.has_hashes or entry.names.startswith(_HASHED)
        if any(character in entry.names for character in "*?!|"):
            self._others.append(entry)
            return
        for name in entry.names.lower().split(","):
            self._exact.setdefault(name, []).append(entry)


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""


def _entries(text: str) -> Iterator[_KnownHostsLine]:
    for line in text.splitlines():
        words = line.split(None, 3 if line.lstrip().startswith("@") else 2)
        marker = words.pop(0) if words and words[0].startswith("@") else ""
        if len(words) >= 2 and not words[0].startswith("#") and marker in _MARKERS:  # noqa: PLR2004 - names and key
            yield _KnownHostsLine(words[0], marker, " ".join(words[1:]))


_MARKERS: Final = ("", _AUTHORITY, _REVOKED)


def _list_of(recorded: Recorded, marker: str) -> list[asyncssh.SSHKey]:
    lists = {_AUTHORITY: recorded.authorities, _REVOKED: recorded.revoked}
    return lists.get(marker, recorded.keys)


def _key(text: str) -> asyncssh.SSHKey | None:
    try:
        return asyncssh.import_public_key(text)
    except UNREADABLE:  # damaged or of an unknown kind: it proves nothing
        return None


def _matches(names: str, wanted: str) -> bool:
    """Return whether patterns match: one must, and none that is negated may."""
    if names.startswith(_HASHED):
        return _is_hash_of(names, wanted)
    patterns = names.lower().split(",")
    if any(_like(pattern[1:], wanted) for pattern in patterns if pattern.startswith("!")):
        return False
    return any(_like(pattern, wanted) for pattern in patterns)


def _like(pattern: str, wanted: str) -> bool:
    parts = (_WILD.get(character) or re.escape(character) for character in pattern)
    return re.fullmatch("".join(parts), wanted) is not None


_WILD: Final = {"*": ".*", "?": "."}


def _is_hash_of(hashed: str, name: str) -> bool:
    try:
        salt, digest = (base64.b64decode(part) for part in hashed[len(_HASHED) :].split("|"))
    except (ValueError, binascii.Error):
        return False
    return hmac.compare_digest(hmac.digest(salt, name.encode(), "sha1"), digest)


def _hashed(name: str) -> str:
    salt = secrets.token_bytes(20)
    digest = hmac.digest(salt, name.encode(), "sha1")
    return _HASHED + "|".join(base64.b64encode(part).decode("ascii") for part in (salt, digest))


@contextlib.contextmanager
def _locked(file: Path) -> Iterator[FileIO]:
    """Yield a file that no other process of portproof's writes to meanwhile."""
    with open(file, "ab+", 0, opener=_private) as end:
        if sys.platform != "win32":
            import fcntl  # noqa: PLC0415 - Windows has none

            fcntl.flock(end, fcntl.LOCK_EX)
        yield end


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, _PRIVATE)


def _append(end: FileIO, line: bytes) -> None:
    """Add a line in one piece, after a line feed if the file does not end in one."""
    size = end.seek(0, os.SEEK_END)
    if size:
        end.seek(size - 1)
        line = line if end.read(1) == b"\n" else b"\n" + line
    end.write(line)
