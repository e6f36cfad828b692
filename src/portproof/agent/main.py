"""The probe as a script: it takes the names that ``collect`` takes and prints what that returns.

It stands after ``probe`` when the parts are joined to one script (``embedded.script``), and needs
no more than that does; their names must not collide.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from portproof.agent.sockets import collect  # noqa: TC004 - it is there when they are joined

_LONGEST = 1 << 28


def _json(value: object) -> str:
    """JSON in ASCII; by the C encoder alone where there is one, as the package loads in 7 ms."""
    try:
        from _json import encode_basestring_ascii, make_encoder

        encoder = make_encoder(None, repr, encode_basestring_ascii, None, ":", ",", *[False] * 3)
        return "".join(encoder(value, 0))
    except (ImportError, TypeError):
        import json

        return json.dumps(value)


def main() -> None:
    """Print the tables named by the arguments as one line of JSON, of at most 256 MiB."""
    found = collect(sys.argv[1:], more=globals().get("HOST_TABLES"))
    answer = _json(found)
    if len(answer) > _LONGEST:
        answer = _json(dict(found, tables={}, missing=dict.fromkeys(sys.argv[1:], "too long")))
    sys.stdout.write(answer + "\n")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
