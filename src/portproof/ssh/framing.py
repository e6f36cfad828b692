"""Find complete answers in what a host sends.

An answer is between lines with a random seal that the controller chose for this look. Everything
before or after it (banners, shell files, other programs) is ignored.
"""

import re
from typing import Final

_LONGEST_HEAD: Final = 24
"""Bytes of the line that begins an answer, after the seal."""


class FramingError(ValueError):
    """The answer can no longer become complete; the message says why."""


class FramedReply:
    """An answer with its length: ``SEAL LENGTH``, a line feed, the answer, ``SEAL end``."""

    def __init__(self, seal: str, limit: int) -> None:
        self._seal = seal.encode("ascii")
        self._limit = limit
        self._start: int | None = None
        self._length = 0
        self._searched = 0

    def find(self, data: bytearray) -> bytes | None:
        """Return the answer, once all of it is in ``data``, which only ever grows.

        Raises:
            FramingError: the beginning or the end is malformed.
        """
        if self._start is None and not self._begins(data):
            return None
        start = self._start or 0
        end = start + self._length
        closing = b"\n%s end\n" % self._seal
        if len(data) < end + len(closing):
            return None
        if data[end : end + len(closing)] != closing:
            raise FramingError("the answer does not end where it said it would")
        return bytes(data[start:end])

    def _begins(self, data: bytearray) -> bool:
        opening = b"\n%s " % self._seal
        place = data.find(opening, self._searched)
        head = place + len(opening)
        if place < 0:
            self._searched = max(0, len(data) - len(opening))
            return False
        line = bytes(data[head : head + _LONGEST_HEAD]).partition(b"\n")
        if not line[1]:
            if len(data) >= head + _LONGEST_HEAD:
                raise FramingError("the answer has no length")
            return False
        if not re.fullmatch(rb"\d{1,12}", line[0]) or int(line[0]) > self._limit:
            raise FramingError(f"the answer says that it has {line[0]!r} bytes")
        self._start, self._length = head + len(line[0]) + 1, int(line[0])
        return True


def delimited(data: bytes | bytearray, seal: str) -> tuple[bytes, int] | None:
    """Return what a shell can do: ``SEAL begin``, a line feed, the answer, ``SEAL end CODE``.

    Gives the answer and the exit code. The end stands on a line of its own, which no value in
    JSON can: a line feed in it is written as two characters.
    """
    mark = re.escape(seal.encode("ascii"))
    begins = re.search(rb"\n%s begin\n" % mark, data)
    if begins is None:
        return None
    ends = re.compile(rb"^%s end (\d{1,3})\n" % mark, re.MULTILINE).search(data, begins.end())
    return None if ends is None else (bytes(data[begins.end() : ends.start()]), int(ends[1]))
