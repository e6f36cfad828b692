"""An osqueryd whose socket a user may not open."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from support.standins.host import HOST
from support.standins.osqueryd import Osqueryd

_AS_NOBODY = """
import os, sys
from portproof.sources import thrift_client  # nobody may not read this checkout
from portproof.sources.osqueryd import OsquerydSource
os.setgroups([]); os.setgid(65534); os.setuid(65534)
print(OsquerydSource(sys.argv[1]).look({}))
"""


@pytest.mark.needs("root")
@pytest.mark.parametrize("guarded", ["the socket", "the folder"])
def test_without_permission_the_reason_is_privilege(guarded: str) -> None:
    """Another user's socket is not a missing one: the answer says to use sudo."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "osquery.em"
        Path(folder).chmod(0o700 if guarded == "the folder" else 0o755)
        with Osqueryd(path, HOST):
            path.chmod(0o755)
            command = [sys.executable, "-c", _AS_NOBODY, str(path)]
            told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert told == f"privilege: no permission to open {path}; run with sudo\n"
