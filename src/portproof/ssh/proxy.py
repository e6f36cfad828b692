"""Run a ``ProxyCommand``: a program of the user's whose input and output are the connection.

asyncssh can run one too, but without a shell, and it takes what the program complains for what the
server says.
"""

import contextlib
import os
import signal
import socket
import subprocess


class Proxy:
    """A running command; ``end`` must be called. The user's shell runs it, as with OpenSSH.

    ``socket`` is our end of its input and output.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, command: str) -> None:
        self.socket, theirs = socket.socketpair()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the user's own command, for a shell
                [os.environ.get("SHELL") or "/bin/sh", "-c", f"exec {command}"],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError:
            self.socket.close()
            raise
        finally:
            theirs.close()

    def end(self) -> None:
        """End the command and its child processes."""
        self.socket.close()
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
