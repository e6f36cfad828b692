"""Check whether a folder is what its manifest says it is."""

import hashlib
import re
import stat
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath
from typing import Final, NamedTuple

import msgspec

from portproof.archive.folder import (
    EVIDENCE,
    FORMAT,
    MANIFEST,
    REQUEST,
    SIGNATURE,
    FileDigest,
    Manifest,
)
from portproof.errors import Code, ContentError, Problem

_CHUNK: Final = 1 << 20
_LARGEST_MANIFEST: Final = 1 << 24
_VERSION: Final = re.compile(r"(?P<kind>portproof-[a-z]+)/(?P<number>[0-9]{1,9})")


class FileDifference(NamedTuple):
    """A file of a folder that differs from the manifest, and how."""

    name: str
    what: str


class _ManifestFormat(msgspec.Struct, frozen=True):
    format: str


def wrong(file: Path, text: str, code: Code) -> ContentError:
    """Return the error that a file of an audit cannot be used."""
    return ContentError([Problem.of_file(file, text, code)])


def read_bytes(file: Path, largest: int | None = None) -> bytes:
    """Everything in a file of a folder.

    Raises:
        ContentError: it cannot be read, is no plain file, or is larger than ``largest`` bytes.
    """
    try:
        told = file.lstat()
        if not stat.S_ISREG(told.st_mode):
            raise wrong(file, "is not a plain file", Code.UNREADABLE)
        if largest is not None and told.st_size > largest:
            raise wrong(file, f"is larger than {largest} bytes", Code.TOO_LARGE)
        return file.read_bytes()
    except OSError as error:
        raise wrong(file, f"cannot be read: {error.strerror or error}", Code.UNREADABLE) from error


def check_format(file: Path, data: bytes, known: str) -> None:
    """Refuse a document of another form than the one this version reads.

    Raises:
        ContentError: it is damaged, of a newer version, or something else altogether.
    """
    try:
        told = msgspec.json.decode(data, type=_ManifestFormat).format
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise wrong(file, f"is damaged: {error}", Code.DAMAGED) from error
    if told == known:
        return
    mine, theirs = _VERSION.fullmatch(known), _VERSION.fullmatch(told)
    newer = mine and theirs and theirs["kind"] == mine["kind"]
    why = "; it was written by a newer version of portproof" if newer else ""
    raise wrong(
        file, f"is of format {told[:80]!a}; this version reads {known}{why}", Code.UNKNOWN_FORMAT
    )


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a folder.

    Raises:
        ContentError: it is no folder of an audit, is not whole, is damaged, or of a newer version.
    """
    file = folder / MANIFEST
    if not file.exists():
        code = Code.UNFINISHED if is_half_written(folder) else Code.NOT_AN_AUDIT
        raise wrong(folder, why_without_manifest(folder), code)
    data = read_bytes(file, _LARGEST_MANIFEST)
    check_format(file, data, FORMAT)
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise wrong(file, f"is damaged: {error}", Code.DAMAGED) from error
    for name in manifest.files:
        if not _is_plain(name):
            raise wrong(
                file, f"names {name[:80]!a}, which is not a file of this folder", Code.DAMAGED
            )
    return manifest


def is_half_written(folder: Path) -> bool:
    """Return whether an audit was begun in a folder and never finished."""
    begun = any((folder / name).is_file() for name in (EVIDENCE, REQUEST))
    return begun and not (folder / MANIFEST).exists()


def why_without_manifest(folder: Path) -> str:
    """Return why a folder has no manifest."""
    if not folder.is_dir():
        return "is not a folder" if folder.exists() else "does not exist"
    if is_half_written(folder):
        return (
            f"is half written: it has no {MANIFEST}, so its audit did not finish;"
            f" resume it with portproof audit --resume {folder}"
        )
    return f"is not the folder of an audit: it has no {MANIFEST}"


def _is_plain(name: str) -> bool:
    """Return whether a name stays in the folder, on every platform."""
    reserved = {"", ".", "..", MANIFEST, SIGNATURE}
    outside = Path(name).name != name or PureWindowsPath(name).name != name
    return name not in reserved and not outside and "\0" not in name


def differences(folder: Path, manifest: Manifest) -> Iterator[FileDifference]:
    """Yield the files that are missing, or not what they were when the manifest was written."""
    for name, told in manifest.files.items():
        what = _difference(folder / name, told)
        if what:
            yield FileDifference(name, what)


def extra_files(folder: Path, manifest: Manifest) -> Iterator[FileDifference]:
    """Yield the files in the folder that are not in the manifest."""
    known = {*manifest.files, MANIFEST, SIGNATURE}
    for name in sorted(file.name for file in folder.iterdir()):
        if name not in known:
            yield FileDifference(name, "is extra: the manifest does not know it")


def _difference(file: Path, told: FileDigest) -> str:
    try:
        if not stat.S_ISREG(file.lstat().st_mode):
            return "is not a plain file"
        found = digest_of(file)
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    return "" if found == told else "was edited: its SHA-256 is not the one in the manifest"


def digest_of(file: Path) -> FileDigest:
    """Return the size and the SHA-256 of a file."""
    digest, size = hashlib.sha256(), 0
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return FileDigest(digest.hexdigest(), size)


def insist(folder: Path, manifest: Manifest) -> None:
    """Refuse a folder with changed files.

    Raises:
        ContentError: names every such file.
    """
    found = [
        Problem.of_file(folder / each.name, each.what, Code.EDITED)
        for each in differences(folder, manifest)
    ]
    if found:
        raise ContentError(found)
