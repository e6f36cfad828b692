"""The embedded probe sees real sockets."""

import os
import sys

import pytest

from portproof import __version__
from portproof.model.observation import (
    Observed,
    Platform,
    Reason,
    SourceReply,
    Unobserved,
)
from portproof.sources.agent import sha256
from portproof.sources.probe import ProbeSource
from support.netns import held


def seen(questions: dict[str, str]) -> SourceReply:
    """A look that succeeds."""
    found = ProbeSource().look(questions)
    assert isinstance(found, SourceReply), found
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere psutil tells: test_probe_psutil.py")
def test_a_look_answers_every_question_from_one_reading() -> None:
    """Each by its id, with the identity of the probe."""
    us = "SELECT uid FROM processes WHERE pid = "
    socket = "SELECT DISTINCT pid, state FROM process_open_sockets WHERE socket = "
    with held({"tcp": {"family": 4, "kind": "tcp", "address": "127.0.0.1"}}) as opened:
        look = seen(
            {
                "us": us + str(os.getpid()),
                "socket": socket + opened["tcp"]["inode"],
                "nothing": "SELECT 1 WHERE 0",
                "bad": "SELEC",
                "osquery's": "SELECT * FROM deb_packages",
                "unread": "SELECT disk_bytes_read FROM processes",
            }
        )
    pid = str(opened["tcp"]["pids"][0])
    assert look.answers["us"] == Observed(({"uid": str(os.getuid())},), 1)
    assert look.answers["socket"] == Observed(({"pid": pid, "state": "LISTEN"},), 1)
    assert look.answers["nothing"] == Observed((), 0)
    reasons = {
        name: answer.reason
        for name, answer in look.answers.items()
        if isinstance(answer, Unobserved)
    }
    assert reasons == {
        "bad": Reason.QUERY_ERROR,
        "osquery's": Reason.MISSING_TABLE,
        "unread": Reason.MISSING_TABLE,
    }
    assert look.identity.version == __version__
    assert look.identity.agent == sha256()
    assert (look.identity.platform, look.identity.euid) == (Platform.LINUX, os.geteuid())
