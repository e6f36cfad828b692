"""Write an audit's folder: evidence during the audit, then the results, the manifest last.

A folder with a manifest is complete. A killed run leaves its evidence and no manifest, and never a
report that looks complete: files are written beside their final place and moved when all are there.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final, Self

import msgspec

from portproof.errors import OutputError, UsageError
from portproof.model.observation import Look, Time
from portproof.result.result import Digest, Run
from portproof.text.logs import logger
from portproof.text.times import now

_LOG: Final = logger(__name__)

EVIDENCE: Final = "evidence.jsonl"
MANIFEST: Final = "manifest.json"
REQUEST: Final = "request.json"
SIGNATURE: Final = "manifest.sig"
FORMAT: Final = "portproof-manifest/1"
REQUEST_FORMAT: Final = "portproof-request/1"
_UNFINISHED: Final = ".unfinished"
_CHUNK: Final = 1 << 16
_AUDITS: Final = Path("audits")
_MOST_A_SECOND: Final = 1000


Sign = Callable[[bytes], str]
"""Makes a signature of a manifest's bytes, as text for a file beside it."""


class Evidence(msgspec.Struct, frozen=True):
    """One line of the journal: a host and everything the look at it brought back."""

    host: str
    groups: tuple[str, ...]
    look: Look


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """The options of an audit; nothing in them is secret.

    ``digests`` are those of policies, checks and inventory, so that a run is not resumed with
    others. ``since`` is the folder of an earlier audit, ``sign`` the file of a private key.
    ``started`` is when the audit was begun; resuming it does not change that.
    """

    format: str = REQUEST_FORMAT
    policies: tuple[str, ...] = ()
    inventory: tuple[str, ...] = ()
    limit: str | None = None
    vault_password_files: tuple[str, ...] = ()
    vault_ids: tuple[str, ...] = ()
    via: str | None = None
    forks: int = 0
    timeout: float = 0.0
    accept_new_host_keys: bool = False
    outside: bool = False
    require_witness: bool = False
    warn_days: int = 0
    formats: tuple[str, ...] = ()
    fail_on: tuple[str, ...] = ()
    since: str | None = None
    sign: str | None = None
    framework: str | None = None
    digests: tuple[Digest, ...] = ()
    started: Time | None = None


class FileDigest(msgspec.Struct, frozen=True):
    """A file of the folder: its size in bytes and its SHA-256."""

    sha256: str
    bytes: int


class Manifest(msgspec.Struct, frozen=True):
    """What completes a folder: the identity of the run and the digest of every file."""

    format: str
    run: Run
    files: dict[str, FileDigest]


def manifest_text(manifest: Manifest) -> str:
    """Return a manifest as written in its file, which is the form that is signed."""
    return msgspec.json.format(msgspec.json.encode(manifest)).decode() + "\n"


@contextlib.contextmanager
def default_folder(time: datetime | None = None) -> Iterator[Path]:
    """Yield a new folder ``audits/<UTC time>``, with a number behind it when that is taken.

    It is removed again when nothing was put into it.

    Raises:
        OutputError: it cannot be made.
    """
    fresh = not _AUDITS.exists()
    folder = _claimed((time or now()).strftime("%Y%m%dT%H%M%SZ"))
    try:
        yield folder
    finally:
        for left in (folder, *([_AUDITS] if fresh else [])):
            with contextlib.suppress(OSError):
                left.rmdir()  # which takes only what is empty


def _claimed(name: str) -> Path:
    """Choose and make the folder in one step, so that no other audit gets the same one."""
    for end in ("", *(f"-{number}" for number in range(2, _MOST_A_SECOND))):
        folder = _AUDITS / f"{name}{end}"
        with _writing(folder), contextlib.suppress(FileExistsError):
            folder.mkdir(parents=True)
            return folder
    raise OutputError(f"cannot make a folder {_AUDITS / name}: that name is taken")


class AuditFolder:
    """The folder of one running audit.

    Args:
        path: The folder; new or empty, unless it is resumed.
        request: What was asked for, so that the audit can be resumed.
        kept: The journal of an earlier run that is resumed: its lines that still stand.

    Raises:
        UsageError: the folder has something in it.
        OutputError: it cannot be written, at any time.
    """

    def __init__(
        self, path: Path, request: Request, kept: Iterable[Evidence] | None = None
    ) -> None:
        self.path = path
        with _writing(path):
            path.mkdir(parents=True, exist_ok=True)
            if kept is None and any(path.iterdir()):
                raise UsageError(f"the folder {path} is not empty; an audit needs a new one")
            if kept is None:
                (path / REQUEST).write_bytes(msgspec.json.encode(request) + b"\n")
                self._journal: BinaryIO = (path / EVIDENCE).open("xb")
            else:
                self._journal = self._renewed(kept)

    def _renewed(self, kept: Iterable[Evidence]) -> BinaryIO:
        """Return the journal with the evidence to keep, written in place of the old one at once."""
        for name in (MANIFEST, SIGNATURE):
            (self.path / name).unlink(missing_ok=True)
        journal = self._unfinished(EVIDENCE).open("wb")
        for evidence in kept:
            journal.write(msgspec.json.encode(evidence) + b"\n")
        journal.flush()
        self._unfinished(EVIDENCE).replace(self.path / EVIDENCE)
        return journal

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._journal.close()
        for left in self.path.glob(f"*{_UNFINISHED}"):
            left.unlink(missing_ok=True)

    def record(self, evidence: Evidence) -> None:
        """Append a host's evidence to the journal, as soon as it is there."""
        with _writing(self.path / EVIDENCE):
            self._journal.write(msgspec.json.encode(evidence) + b"\n")
            self._journal.flush()

    def finish(
        self, run: Run, files: Mapping[str, Iterable[str]], sign: Sign | None = None
    ) -> None:
        """Write every file, then move all in place, then the manifest that makes it whole.

        Args:
            run: The identity of the run.
            files: What to write, by the name of the file.
            sign: Makes a signature of the manifest, which goes beside it.
        """
        with _writing(self.path):
            os.fsync(self._journal.fileno())
            self._journal.close()
        for name, chunks in files.items():
            self._write(name, chunks)
        names = (REQUEST, EVIDENCE, *files)
        digests = {name: self._digest(name) for name in names}
        manifest = manifest_text(Manifest(FORMAT, run, digests))
        self._write(MANIFEST, [manifest])
        signatures = {} if sign is None else {SIGNATURE: sign(manifest.encode())}
        for name, text in signatures.items():
            self._write(name, [text])
        for name in (*files, *signatures, MANIFEST):
            with _writing(self.path / name):
                self._unfinished(name).replace(self.path / name)
        _LOG.info("%s: written: %s", self.path, ", ".join((*names, *signatures, MANIFEST)))

    def _unfinished(self, name: str) -> Path:
        return self.path / f"{name}{_UNFINISHED}"

    def _write(self, name: str, chunks: Iterable[str]) -> None:
        text = iter(chunks)
        target = self._unfinished(name)
        with _writing(self.path / name), target.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(text)
            file.flush()
            os.fsync(file.fileno())

    def _digest(self, name: str) -> FileDigest:
        path = self.path / name if name in {EVIDENCE, REQUEST} else self._unfinished(name)
        digest = hashlib.sha256()
        with _writing(path), path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        return FileDigest(digest.hexdigest(), path.stat().st_size)


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
