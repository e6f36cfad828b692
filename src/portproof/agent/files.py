"""Read files and links of a Linux machine."""

import os
from stat import S_ISREG

GONE = (FileNotFoundError, NotADirectoryError, ProcessLookupError)
SHORT, LONG = 1 << 12, 1 << 26
"""Limits in bytes: for a file about one process, which a single read returns, and for any file."""


def read_file(path: str, limit: int = SHORT) -> bytes:
    """Return up to ``limit`` bytes of a file."""
    handle = os.open(path, os.O_RDONLY)
    try:
        part = os.read(handle, SHORT)
        if limit == SHORT:
            return part  # a file about one process comes whole in one piece
        data = bytearray(part)
        while part and len(data) < limit:
            part = os.read(handle, SHORT)
            data += part
        return bytes(data)
    finally:
        os.close(handle)


def as_text(data: bytes) -> str:
    """Return any bytes as text that can be shown and stored."""
    return data.decode("utf-8", "backslashreplace")


def link_target(path: str, folder: "int | None" = None) -> str:
    """Return the target of a link, "" if it cannot be read; ``folder`` is a descriptor."""
    try:
        return os.readlink(path, dir_fd=folder)
    except OSError:
        return ""


def is_denied(path: str, folder: "int | None" = None) -> bool:
    """Return whether a link is there and may not be read; ``folder`` is a descriptor."""
    try:
        os.readlink(path, dir_fd=folder)
    except GONE:
        return False
    except OSError:
        return True
    return False


def file_identity(path: str) -> "tuple[int, ...] | None":
    """Return device and inode of a file: () if it does not exist, None if access is denied."""
    try:
        found = os.stat(path)
    except GONE:
        return ()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def regular_file(path: str, limit: int = LONG) -> bytes:
    """Return up to ``limit`` bytes of a regular file.

    Raises:
        OSError: it cannot be read, or is not a regular file and so might never end.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    with os.fdopen(handle, "rb") as file:
        if not S_ISREG(os.fstat(handle).st_mode):
            raise OSError(f"{path} is not a regular file")
        return file.read(limit)
