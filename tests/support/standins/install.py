"""Puts the stand-in for osqueryi where a test wants it."""

import json
from pathlib import Path

from support.standins.schema import Rows

_PROGRAM = Path(__file__).with_name("osqueryi")


def osqueryi(folder: Path, rows: Rows, habit: str = "plain", name: str = "osqueryi") -> Path:
    """Install the stand-in in a folder, under the program's name or another one.

    Args:
        folder: Where the program and its configuration go.
        rows: The rows of each table.
        habit: A function of the stand-in, by its name.
        name: What the program is called.
    """
    program = folder / name
    program.symlink_to(_PROGRAM)
    (folder / "osqueryi.json").write_text(json.dumps({"rows": rows, "habit": habit}))
    return program


def asked(program: Path) -> list[list[str]]:
    """Give the arguments of every call to an installed stand-in, oldest first."""
    log = program.with_name("asked.jsonl")
    if not log.exists():
        return []
    return [json.loads(line)[1:] for line in log.read_text().splitlines()]
