"""Lets looks at one machine take turns, so that none of them sees the canaries of another.

A look holds an abstract Unix socket, which leaves no file and ends with its process. Others wait
for it, but not for long: after that they look all the same, so that nobody can hold up looks.
"""

import sys
from errno import EADDRINUSE
from time import monotonic, sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket

_NAME = b"\0portproof-look"
_MOMENT = 0.02


def turn(patience: float) -> "socket | None":
    """Wait until no other look is made in this network namespace, and hold that off.

    Args:
        patience: How many seconds to wait at most.

    Returns:
        The socket to hold during the look; None where there is none, or it was waited in vain.
    """
    if not sys.platform.startswith("linux"):
        return None
    from _socket import AF_UNIX, SOCK_STREAM, socket

    deadline = monotonic() + patience
    held = socket(AF_UNIX, SOCK_STREAM)
    while True:
        try:
            held.bind(_NAME)
        except OSError as error:
            if error.errno != EADDRINUSE or monotonic() > deadline:
                held.close()
                return None
            sleep(_MOMENT)
        else:
            return held
