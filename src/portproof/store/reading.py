"""Reads audit folders back, whole ones and those a killed run left."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from portproof.errors import ContentError, Problem
from portproof.store.folder import (
    EVIDENCE,
    FORMAT,
    MANIFEST,
    REQUEST,
    REQUEST_FORMAT,
    Evidence,
    Manifest,
    Request,
)

S = TypeVar("S", bound=msgspec.Struct)

_LONGEST_LINE: Final = 1 << 28


def check_whole(folder: Path) -> None:
    """Refuse a folder whose audit did not finish, or whose request or evidence were changed.

    Raises:
        ContentError: the folder is of no audit, is half written, or is damaged.
    """
    file = folder / MANIFEST
    if not file.exists() and (folder / REQUEST).exists():
        text = f"is not there: the audit did not finish; go on with --resume {folder}"
        raise ContentError([Problem(str(file), 0, 0, "", text)])
    manifest = _decoded(file, Manifest)
    if manifest.format != FORMAT:
        text = f"is of format {manifest.format!a}; this version reads {FORMAT}"
        raise ContentError([Problem(str(file), 0, 0, "", text)])
    if manifest.run.interrupted:
        text = f"the audit was interrupted; go on with --resume {folder}"
        raise ContentError([Problem(str(folder), 0, 0, "", text)])
    for name in (REQUEST, EVIDENCE):
        told = manifest.files.get(name)
        if told is None or told.sha256 != _sha256(folder / name):
            text = "is damaged: it is not the file that the manifest tells of"
            raise ContentError([Problem(str(folder / name), 0, 0, "", text)])


def _sha256(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise ContentError([Problem(str(file), 0, 0, "", _unreadable(error, file))]) from error


def _unreadable(error: OSError, file: Path) -> str:
    return f"cannot be read: {error.strerror}; is {file.parent} the folder of an audit?"


def _decoded(file: Path, shape: type[S]) -> S:
    try:
        return msgspec.json.decode(file.read_bytes(), type=shape)
    except OSError as error:
        raise ContentError([Problem(str(file), 0, 0, "", _unreadable(error, file))]) from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ContentError([Problem(str(file), 0, 0, "", f"is damaged: {error}")]) from error


def read_request(folder: Path) -> Request:
    """What the audit of a folder was asked for.

    Raises:
        ContentError: the folder is of no audit, or of another version's.
    """
    file = folder / REQUEST
    request = _decoded(file, Request)
    if request.format != REQUEST_FORMAT:
        text = f"is of format {request.format!a}; this version reads {REQUEST_FORMAT}"
        raise ContentError([Problem(str(file), 0, 0, "", text)])
    return request


def read_evidence(folder: Path) -> Iterator[Evidence]:
    """Every line of the journal, in order.

    A last line without its end is what a killed run was writing, and is left out. Any other line
    that cannot be read is an error: the journal was edited or damaged.

    Raises:
        ContentError: the journal cannot be read, or is damaged.
    """
    file = folder / EVIDENCE
    decoder = msgspec.json.Decoder(Evidence)
    try:
        with file.open("rb") as journal:
            number = 0
            while line := journal.readline(_LONGEST_LINE):
                number += 1
                if not line.endswith(b"\n"):
                    return
                yield decoder.decode(line)
    except OSError as error:
        text = f"cannot be read: {error.strerror or error}"
        raise ContentError([Problem(str(file), 0, 0, "", text)]) from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ContentError([Problem(str(file), number, 1, "", f"is damaged: {error}")]) from error
