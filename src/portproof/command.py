"""The ``portproof`` program: the command line as a process of its own."""

import gc
import os
import sys
from typing import NoReturn


def program() -> NoReturn:
    """Run the command line and end the process with its exit code.

    Nothing is worth collecting while modules are imported, and little later: garbage is looked for
    less often than usual. Memory is not tidied up at the end. Each takes a good part of the time of
    a short command. Files are closed and output is flushed.
    """
    gc.disable()
    from portproof.cli import main  # noqa: PLC0415 - imported while nothing is collected

    gc.set_threshold(10_000, 50, 100)
    gc.enable()
    code = main()
    sys.stderr.flush()
    os._exit(code)
