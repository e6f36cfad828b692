"""A network namespace of a test's own, and a Python in it that holds the sockets the test names."""

import contextlib
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ADDRESS4 = "192.0.2.10"
ADDRESS6 = "2001:db8::10"

_HOLDER = Path(__file__).parent / "netns_holder.py"
_numbers = itertools.count()


class Namespace:
    """A network namespace by its name and inode, with loopback and one more address a family."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.inode = str(Path("/run/netns", name).stat().st_ino)

    @contextlib.contextmanager
    def holding(self, wanted: Mapping[str, Mapping[str, object]]) -> Iterator[dict[str, Any]]:
        """Open sockets in the namespace for as long as the block lasts; see netns_holder.py."""
        enter = ("ip", "netns", "exec", self.name)
        with held(wanted, enter) as opened:
            yield opened


@contextlib.contextmanager
def held(
    wanted: Mapping[str, Mapping[str, object]], enter: Sequence[str] = ()
) -> Iterator[dict[str, Any]]:
    """Have a process of its own open sockets for as long as the block lasts."""
    command = [*enter, sys.executable, str(_HOLDER), json.dumps(wanted)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()
            process.wait(10)


@contextlib.contextmanager
def namespace() -> Iterator[Namespace]:
    """Make a network namespace, and take it away whatever happens."""
    name = f"portproof-{os.getpid()}-{next(_numbers)}"
    _ip("netns", "add", name)
    try:
        _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", name, "link", "add", "here", "type", "veth", "peer", "name", "there")
        _ip("-n", name, "address", "add", f"{ADDRESS4}/24", "dev", "here")
        _ip("-n", name, "address", "add", f"{ADDRESS6}/64", "dev", "here", "nodad")
        _ip("-n", name, "link", "set", "here", "up")
        yield Namespace(name)
    finally:
        _ip("netns", "delete", name)


def _ip(*args: str) -> None:
    subprocess.run(["ip", *args], check=True)
