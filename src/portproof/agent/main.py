"""Read a request and answer it."""

import zlib

from .frame import decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO


def main(source: "BinaryIO") -> None:
    """Read a request, answer it and end the process.

    A request consists of the length of a document in bytes, a line feed, the document (JSON,
    compressed by zlib), and a line of text. ``do`` in the document is ``look``, ``second_round``
    or ``explain``; its other fields and the line are for ``answer`` of that module.
    """
    request = decode(zlib.decompress(source.read(int(source.readline()))))
    line = source.readline().decode("ascii")
    if request["do"] == "look":
        from . import look

        look.answer(request, line)
    elif request["do"] == "second_round":
        from . import second_round

        second_round.answer(request, line)
    else:
        from . import explain

        explain.answer(line)
