"""What the probe tells of a process, and what it does where something is missing or endless."""

import json
import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portproof.agent.explain import explain
from portproof.model.why import Why
from support.investigate.whyhost import PROGRAM, WhyHost

KERNEL_THREAD = 1 << 21
PTS_3 = 136 << 8 | 3
PTS_300 = 137 << 8 | (300 - 256)
FILES = ("stat", "status", "cmdline", "cgroup", "environ")


@pytest.fixture
def host(tmp_path: Path) -> WhyHost:
    """A machine where a program runs."""
    host = WhyHost(tmp_path)
    host.process(812)
    return host


def test_a_process_is_described(host: WhyHost) -> None:
    """Name, paths, user and start."""
    assert host.why()["process"] == {
        "pid": 812,
        "name": "npmp",
        "path": PROGRAM,
        "cmdline": f"{PROGRAM} -d",
        "cwd": "/",
        "user": "www-data",
        "uid": 33,
        "started": 1700000000 + 100 // os.sysconf("SC_CLK_TCK"),
    }


def test_every_answer_is_one_of_the_model(host: WhyHost) -> None:
    """What is printed can be read as ``Why``, field by field."""
    for told in host.explain(1, 812, 999)["found"].values():
        why = msgspec.json.decode(json.dumps(told), type=Why)
        assert set(told) <= set(Why.__struct_fields__)
        assert json.loads(msgspec.json.encode(why)).keys() <= told.keys()


def test_parents_are_told_up_to_eight_and_a_loop_ends(host: WhyHost) -> None:
    """The rest is said to be left out."""
    for pid in range(20, 40):
        host.process(pid, f"p{pid}", parent=pid + 1)
    why = host.why(20)
    assert [each["name"] for each in why["parents"]] == [f"p{pid}" for pid in range(21, 29)]
    assert "more than 8 parents are not followed" in why["missing"]
    host.process(50, parent=51)
    host.process(51, parent=50)
    assert [each["pid"] for each in host.why(50)["parents"]] == [51]


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (0, ""),
        (PTS_3, "pts/3"),
        (PTS_300, "pts/300"),
        (4 << 8 | 1, "tty1"),
        (5 << 8 | 1, "terminal 5:1"),
    ],
)
def test_the_terminal_has_its_name(host: WhyHost, number: int, name: str) -> None:
    """From the device number in ``stat``."""
    host.process(900, "bash", "/bin/bash")
    host.process(812, session=900, terminal=number)
    session = host.why()["session"]
    assert (session["terminal"], session["leader"]["name"]) == (name, "bash")


def test_a_session_whose_leader_has_ended_has_none(host: WhyHost) -> None:
    """As after a logout."""
    host.process(812, session=900)
    assert host.why()["session"] == {"terminal": ""}


def test_a_kernel_thread_has_no_executable_and_says_so(host: WhyHost) -> None:
    """That is no deleted file."""
    host.process(812, flags=KERNEL_THREAD)
    why = host.why()
    assert "executable" not in why
    assert "process 812 is a kernel thread and has no executable" in why["missing"]


def test_a_process_that_is_gone_says_only_that(host: WhyHost) -> None:
    """The others are told all the same."""
    found = host.explain(999, 812)["found"]
    assert found["999"] == {
        "process": {"pid": 999},
        "missing": ["process 999 had ended before the process was read"],
    }
    assert found["812"]["process"]["name"] == "npmp"


def test_only_so_many_processes_are_asked_about(host: WhyHost) -> None:
    """Each once; the rest is named."""
    told = host.explain(*[812] * 60, *range(1000, 1060))
    assert len(told["found"]) == 50
    assert told["left_out"] == list(range(1049, 1060))


def test_when_time_is_up_every_part_says_so(host: WhyHost) -> None:
    """Nothing is claimed that was not looked at."""
    why = host.explain(812, seconds=0)["found"]["812"]
    assert set(why) == {"process", "missing"}
    assert len(why["missing"]) == 9
    assert all("time was up" in text for text in why["missing"])


def test_a_huge_executable_is_not_hashed(host: WhyHost) -> None:
    """And is described otherwise."""
    os.truncate(f"{host.root}{PROGRAM}", (64 << 20) + 1)
    why = host.why()
    assert (why["executable"]["sha256"], why["executable"]["size"]) == ("", (64 << 20) + 1)
    assert "its executable is not hashed: it has 64 MiB, and the limit is 64" in why["missing"]


@pytest.mark.parametrize(
    "name", ["root/etc/passwd", "proc/812/cgroup", "proc/812/environ", f"root{PROGRAM}"]
)
def test_a_pipe_in_place_of_a_file_holds_nothing_up(host: WhyHost, name: str) -> None:
    """A host may have put one there; opening it would wait for ever."""
    file = host.proc.parent / name
    file.unlink()
    os.mkfifo(file)
    host.put("proc/812/cgroup.txt", "")
    assert host.why()["process"]["name"] == "npmp"


@pytest.mark.parametrize("name", [*FILES, "exe", "cwd", "root", "fd"])
def test_a_part_that_cannot_be_read_leaves_the_others(host: WhyHost, name: str) -> None:
    """It is missing, with what the system said."""
    host.process(812, cgroup="0::/system.slice/npmp.service\n")
    path = host.proc / "812" / name
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink()
    host.put(f"proc/812/{name}/is-a-folder", "") if name in FILES else None
    why = host.why()
    assert why["process"]["pid"] == 812
    assert why["missing"]


def test_names_that_are_no_text_are_shown(host: WhyHost) -> None:
    """Bytes that are not UTF-8 come as escapes, so that JSON can hold them."""
    host.put("proc/812/status", b"Name:\tn\xff\nUid:\t33\t33\t33\t33\n")
    host.put("proc/812/cmdline", b"\xfe\0\x1b[2J\0")
    told = json.loads(json.dumps(host.explain(812)))["found"]["812"]["process"]
    assert (told["name"], told["cmdline"]) == ("n\\xff", "\\xfe \x1b[2J")


def test_long_command_lines_are_cut(host: WhyHost) -> None:
    """Less is kept of a parent's than of the process's own."""
    host.process(700, "parent")
    host.process(812, parent=700)
    for pid in (700, 812):
        host.put(f"proc/{pid}/cmdline", "x" * 100_000)
    why = host.why()
    assert (len(why["process"]["cmdline"]), len(why["parents"][0]["cmdline"])) == (1000, 200)


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_any_bytes_in_proc_give_an_answer_of_the_model(host: WhyHost, data: st.DataObject) -> None:
    """Whatever the files hold."""
    for name in FILES:
        honest = (host.proc / "1" / name).read_bytes()
        text = data.draw(st.binary(max_size=80) | st.just(honest), name)
        host.put(f"proc/812/{name}", text)
    told = explain([812], str(host.proc), str(host.root))["found"]["812"]
    assert msgspec.json.decode(json.dumps(told), type=Why).process.pid == 812
