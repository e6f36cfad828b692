"""Read an audit's request and evidence, also of a run that was killed."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from portproof.archive.folder import (
    EVIDENCE,
    REQUEST,
    REQUEST_FORMAT,
    Evidence,
    Request,
)
from portproof.errors import Code, ContentError, Problem

S = TypeVar("S", bound=msgspec.Struct)

_LONGEST_LINE: Final = 1 << 30


def _unreadable(error: OSError, file: Path) -> str:
    return f"cannot be read: {error.strerror}; is {file.parent} the folder of an audit?"


def _decoded(file: Path, shape: type[S]) -> S:
    try:
        return msgspec.json.decode(file.read_bytes(), type=shape)
    except OSError as error:
        raise ContentError(
            [Problem.of_file(file, _unreadable(error, file), Code.UNREADABLE)]
        ) from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ContentError([Problem.of_file(file, f"is damaged: {error}", Code.DAMAGED)]) from error


def read_request(folder: Path) -> Request:
    """Return the options of a folder's audit.

    Raises:
        ContentError: the folder is of no audit, or of another version's.
    """
    file = folder / REQUEST
    request = _decoded(file, Request)
    if request.format != REQUEST_FORMAT:
        text = f"is of format {request.format!a}; this version reads {REQUEST_FORMAT}"
        raise ContentError([Problem.of_file(file, text, Code.UNKNOWN_FORMAT)])
    return request


def read_evidence(folder: Path) -> Iterator[Evidence]:
    """Yield every line of the journal, in order.

    A last line without its end is what a killed run was writing, and is left out. Any other line
    that cannot be read is an error: the journal was edited or damaged.

    Raises:
        ContentError: the journal cannot be read, or is damaged.
    """
    file = folder / EVIDENCE
    decoder = msgspec.json.Decoder(Evidence)
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            raise ContentError([Problem.of_file(file, "is not a plain file", Code.UNREADABLE)])
        with file.open("rb") as journal:
            number = 0
            while line := journal.readline(_LONGEST_LINE):
                number += 1
                if len(line) >= _LONGEST_LINE:
                    text = f"is longer than {_LONGEST_LINE} bytes"
                    raise ContentError([Problem(str(file), number, 1, "", text, Code.TOO_LARGE)])
                if not line.endswith(b"\n"):
                    return
                yield decoder.decode(line)
    except OSError as error:
        text = f"cannot be read: {error.strerror or error}"
        raise ContentError([Problem.of_file(file, text, Code.UNREADABLE)]) from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ContentError(
            [Problem(str(file), number, 1, "", f"is damaged: {error}", Code.DAMAGED)]
        ) from error
