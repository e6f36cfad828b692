"""The ``portproof`` program, also ``python -m portproof``: the command line as a process."""

import gc
import os
import sys
from typing import Final, NoReturn

_CANNOT_TELL: Final = 2


def program() -> NoReturn:
    """Run the command line and end the process with its exit code.

    Nothing is worth collecting while modules are imported, and little later: garbage is looked for
    less often than usual. Memory is not tidied up at the end. Each takes a good part of the time of
    a short command. Files are closed and output is flushed. Where not even an error can be told,
    the exit code is 2: Python's own, 1, would say that a rule failed.
    """
    gc.disable()
    from portproof.cli import main  # noqa: PLC0415 - imported while nothing is collected

    gc.set_threshold(10_000, 50, 100)
    gc.enable()
    try:
        code = main()
        if sys.stderr is not None:  # as it is when a shell closed it
            sys.stderr.flush()
    except Exception:  # noqa: BLE001 - nobody can be told what it is
        code = _CANNOT_TELL
    os._exit(code)


if __name__ == "__main__":
    program()
