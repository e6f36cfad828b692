"""A folder of a test's own, with nobody's settings of Ansible."""

import os
import sys
from pathlib import Path

import pytest


class Folder:
    """The working folder of a test."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, text: str | bytes, mode: int = 0o600) -> str:
        """Write a file and give its name as a user would."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        file.chmod(mode)
        return name


def settle(path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """Work in an empty folder, without the settings and the home of whoever runs the tests."""
    for name in [name for name in os.environ if name.startswith("ANSIBLE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(path / "home"))
    monkeypatch.chdir(path)
    return Folder(path)


def hide_ansible(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put Ansible out of reach: neither on PATH nor beside the interpreter."""
    monkeypatch.setenv("PATH", str(path / "nothing"))
    monkeypatch.setattr(sys, "executable", str(path / "nothing" / "python"))
