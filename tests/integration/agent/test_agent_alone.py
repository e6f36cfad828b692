"""The agent as a host gets it, run by a Python of its own."""

import subprocess
import sys

from portproof.sources import agent
from support.boot import BOOT
from support.calling import portproof

HELD = {name: text for name, text in agent.modules().items() if name != "loader"}


def test_what_is_sent_begins_with_the_source_that_is_shown() -> None:
    """A Python on a host decompresses exactly these bytes, and runs them."""
    printed = subprocess.run(
        [sys.executable, "-c", BOOT.replace("exec(", "sys.stdout.buffer.write(")],
        input=agent.program({"do": "look"}),
        check=True,
        capture_output=True,
    ).stdout
    assert printed.decode() == portproof("agent").out == agent.source()


def test_only_what_is_needed_is_loaded() -> None:
    """A host whose osqueryi answers compiles nothing that reads /proc."""
    loaded = "import sys\nprint(sorted(n for n in sys.modules if n.startswith('portproof')))"
    main = f"def main(source):\n    from . import look\n    exec({loaded!r})\n"
    source = agent.joined(agent.modules() | {"main": main})
    printed = subprocess.run(
        [sys.executable, "-ISBWignore", "-c", BOOT],
        input=agent.program({}, source),
        check=True,
        capture_output=True,
    ).stdout
    assert printed.count(b"portproof_agent.look") == 1
    for name in ("tables", "sockets", "explain"):
        assert f"portproof_agent.{name}".encode() not in printed
