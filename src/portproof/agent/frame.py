"""Read and write JSON without the package ``json``, which takes 8 ms to load; frame an answer."""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class _Strict:
    """The settings of the C decoder; these are the defaults of ``json``."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float = parse_constant = float
    parse_int = int


def decode(document: bytes) -> "dict[str, Any]":
    """Read a JSON object, with the C decoder alone if there is one."""
    text = document.decode("ascii")
    try:
        from _json import make_scanner

        return make_scanner(_Strict)(text, 0)[0]  # type: ignore[arg-type, no-any-return]
    except (ImportError, TypeError, AttributeError):
        import json

        return json.loads(text)  # type: ignore[no-any-return]


def encode(value: object) -> bytes:
    """Write JSON in ASCII, with the C encoder alone if there is one."""
    try:
        from _json import encode_basestring_ascii, make_encoder

        encoder = make_encoder(None, repr, encode_basestring_ascii, None, ":", ",", *[False] * 3)
        return "".join(encoder(value, 0)).encode("ascii")
    except (ImportError, TypeError):
        import json

        return json.dumps(value).encode("ascii")


def send(seal: str, answer: object) -> None:
    """Print an answer in its frame, and end the process.

        SEAL LENGTH
        {...}
        SEAL end

    ``LENGTH`` counts the bytes of the document, which is JSON in ASCII.
    """
    document = encode(answer)
    mark = seal.encode("ascii")
    frame = b"\n%s %d\n%s\n%s end\n" % (mark, len(document), document, mark)
    while frame:
        frame = frame[os.write(1, frame) :]
    os._exit(0)
