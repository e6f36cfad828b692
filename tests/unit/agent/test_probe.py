"""The probe's table of sockets, and what it says it could not read of it."""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from portproof.agent.tables import collect
from support.fakeproc import HEAD, PACKET_HEAD, UNIX_HEAD, Proc, line, rows


@pytest.fixture
def proc(tmp_path: Path) -> Proc:
    """A proc file system with a process 1 that has no sockets."""
    return Proc(tmp_path)


def test_a_machine_without_sockets_is_whole_and_empty(proc: Proc) -> None:
    """The tree that the other tests damage has no fault of its own."""
    assert (proc.sockets(), proc.faults()) == ([], [])


@pytest.mark.parametrize(
    ("name", "local", "told"),
    [
        ("tcp", "0100007F:0261", (2, 6, "127.0.0.1", 609)),
        ("tcp", "00000000:0000", (2, 6, "0.0.0.0", 0)),
        ("udp", "0A0200C0:FFFF", (2, 17, "192.0.2.10", 65535)),
        ("tcp6", "0" * 32 + ":0016", (10, 6, "::", 22)),
        ("tcp6", "0" * 24 + "01000000:0016", (10, 6, "::1", 22)),
        ("tcp6", "0000000000000000FFFF00000100007F:0016", (10, 6, "::ffff:127.0.0.1", 22)),
        ("udp6", "B80D0120000000000000000010000000:0035", (10, 17, "2001:db8::10", 53)),
        ("udp6", "000080FE00000000FF020000010000FE:0035", (10, 17, "fe80::2ff:fe00:1", 53)),
        ("udplite", "0100007F:0261", (2, 136, "127.0.0.1", 609)),
        ("udplite6", "0" * 32 + ":0261", (10, 136, "::", 609)),
        ("icmp", "00000000:0261", (2, 1, "0.0.0.0", 609)),
        ("raw6", "0" * 32 + ":003A", (10, 255, "::", 58)),
    ],
)
def test_addresses_are_decoded(
    proc: Proc,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    local: str,
    told: tuple[int, int, str, int],
) -> None:
    """As inet_ntop(3) writes them, which is how osquery does; here of a little-endian machine."""
    monkeypatch.setattr(sys, "byteorder", "little")
    proc.put(f"1/net/{name}", HEAD + line(100, local))
    (row,) = proc.sockets()
    columns = ("family", "protocol", "local_address", "local_port")
    assert tuple(row[column] for column in columns) == told


def test_addresses_of_a_big_endian_machine_are_decoded(
    proc: Proc, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel prints an address as numbers of the machine's own byte order."""
    monkeypatch.setattr(sys, "byteorder", "big")
    proc.put("1/net/tcp", HEAD + line(100, "7F000001:0261"))
    proc.put("1/net/tcp6", HEAD + line(101, "20010DB8" + "0" * 16 + "00000010:0261"))
    assert [row["local_address"] for row in proc.sockets()] == ["127.0.0.1", "2001:db8::10"]


@pytest.mark.parametrize(
    ("state", "name"),
    [("01", "ESTABLISHED"), ("0A", "LISTEN"), ("0B", "CLOSING"), ("0C", "UNKNOWN")],
)
def test_states_have_osquerys_names(proc: Proc, state: str, name: str) -> None:
    """A state that osquery does not know is UNKNOWN."""
    proc.put("1/net/tcp", HEAD + line(100, state=state))
    assert [row["state"] for row in proc.sockets()] == [name]


def test_unix_and_packet_sockets_are_told(proc: Proc) -> None:
    """A question about them must not be answered with nothing."""
    entry = "0000000000000000: 00000002 00000000 00010000 0001 01"
    proc.put("1/net/unix", f"{UNIX_HEAD}{entry} 7 /run/a b\n{entry} 8 /run/evil\nname\n{entry} 9\n")
    proc.put("1/net/packet", f"{PACKET_HEAD}0000000000000000 3 3 0003 2 1 0 0 10\n")
    told = [(row["socket"], row["family"], row["path"], row["state"]) for row in proc.sockets()]
    assert told == [
        (7, 1, "/run/a", ""),
        (8, 1, "/run/evil", ""),
        (9, 1, "", ""),
        (10, 17, "", "NONE"),
    ]
    assert proc.faults() == []


def test_owners_are_all_told_each_with_its_lowest_descriptor(proc: Proc) -> None:
    """A socket without an owner is told as well: its owner is unknown."""
    proc.put("1/net/tcp", HEAD + line(100) + line(101))
    proc.process(20, "10", {9: 100, 5: 100, 11: 999})
    proc.process(3, "10", {4: 100})
    told = [(row["socket"], row["pid"], row["fd"]) for row in proc.sockets()]
    assert told == [(100, 20, 5), (100, 3, 4), (101, -1, -1)]


def test_every_namespace_is_read_through_its_first_process(proc: Proc) -> None:
    """The order of processes is osquery's: that of text."""
    proc.process(100, "11")
    proc.process(20, "11")
    proc.put("100/net/tcp", HEAD + line(100))
    proc.put("20/net/tcp", HEAD + line(200))
    assert [(row["socket"], row["net_namespace"]) for row in proc.sockets()] == [(100, "11")]


def test_an_unknown_namespace_is_read_once_as_namespace_zero(proc: Proc) -> None:
    """As osquery does; that another one was not read is said."""
    proc.process(2, None)
    proc.process(3, None)
    proc.put("2/net/tcp", HEAD + line(100))
    assert [(row["socket"], row["net_namespace"]) for row in proc.sockets()] == [(100, "0")]
    told = proc.collect("process_open_sockets")
    assert [path.rpartition("/3/")[2] for path in told["unread"]] == ["net/"]


def test_the_twin_of_a_known_namespace_is_told_twice(proc: Proc) -> None:
    """The same namespace, known through one process and unknown through another."""
    proc.process(2, None)
    for name in ("dev", "tcp"):
        (proc.root / "2/net" / name).unlink()
        os.link(proc.put(f"1/net/{name}", HEAD + line(100)), proc.root / "2/net" / name)
    told = [(row["socket"], row["net_namespace"]) for row in proc.sockets()]
    assert (told, proc.faults()) == ([(100, "10"), (100, "0")], [])


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("", "not a table of sockets"),
        ("garbage\n", "not a table of sockets"),
        (HEAD + line(100)[:-1], "cut off"),
        (HEAD + line(100)[:60], "cut off"),
        (HEAD + line(100)[:60] + "\n", "1 malformed lines"),
        (HEAD + line(100, "0100007F:02"), "1 malformed lines"),
        (HEAD + line(100, "0100007:0261") + "\n", "2 malformed lines"),
        (HEAD + line(100, "010000ZZ:0261"), "1 malformed lines"),
    ],
)
def test_a_damaged_table_is_incomplete(proc: Proc, content: str, fault: str) -> None:
    """Whatever can be read is told, and the damage is said, never passed over."""
    proc.put("1/net/tcp", content)
    assert proc.faults() == [f"/proc/1/net/tcp: {fault}"]


def test_an_address_of_the_wrong_family_is_incomplete(proc: Proc) -> None:
    """Each table holds addresses of one length."""
    proc.put("1/net/tcp6", HEAD + line(100))
    assert proc.faults() == ["/proc/1/net/tcp6: 1 malformed lines"]


@pytest.mark.parametrize("name", ["tcp", "udp", "tcp6", "udp6"])
def test_a_table_that_must_be_there_is_missed(proc: Proc, name: str) -> None:
    """TCP and UDP are in every kernel, and with IPv6 those of IPv6."""
    (proc.root / "1/net" / name).unlink()
    assert proc.faults() == [f"/proc/1/net/{name}: no such file"]


def test_a_kernel_without_ipv6_is_whole(proc: Proc) -> None:
    """Only the absence of IPv6 itself excuses the absence of its tables."""
    for name in ("tcp6", "udp6", "icmp6", "raw6", "udplite6", "udplite", "if_inet6"):
        (proc.root / "1/net" / name).unlink()
    assert proc.faults() == []


@pytest.mark.parametrize("name", ["tcp", "udp"])
def test_a_kernel_without_ipv6_has_ipv4(proc: Proc, name: str) -> None:
    """Whose tables must be there."""
    for absent in ("tcp6", "udp6", "if_inet6", name):
        (proc.root / "1/net" / absent).unlink()
    assert proc.faults() == [f"/proc/1/net/{name}: no such file"]


def test_a_process_that_ends_meanwhile_is_not_missed(proc: Proc) -> None:
    """Its namespace is read through the next process in it."""
    proc.process(2, "11")
    proc.process(3, "11")
    shutil.rmtree(proc.root / "2/net")
    proc.put("3/net/udp", HEAD + line(100))
    assert [row["net_namespace"] for row in proc.sockets()] == ["11"]
    assert proc.faults() == []


def test_a_process_that_has_ended_is_no_process(proc: Proc) -> None:
    """A process whose files are gone has no row, and nothing is incomplete."""
    proc.process(2, "10")
    (proc.root / "2/status").unlink()
    found = proc.collect("processes")
    assert [row["pid"] for row in rows(found, "processes")] == [1]
    assert found["incomplete"] == []


@pytest.mark.parametrize("name", ["stat", "status"])
def test_a_damaged_process_is_incomplete(proc: Proc, name: str) -> None:
    """A process that is there but cannot be understood is said."""
    proc.process(2, "10")
    proc.put(f"2/{name}", "garbage")
    assert proc.collect("processes")["incomplete"] == [f"{proc.root}/2: malformed stat or status"]


@pytest.mark.parametrize(
    ("mount", "fault"),
    [
        ("22 1 0:21 / {} rw - proc proc rw,hidepid=2", "mounted with hidepid=2"),
        ("22 1 0:21 / {} rw - proc proc rw,gid=9,hidepid=invisible", "hidepid=invisible"),
        ("22 1 0:21 / {} rw - tmpfs tmpfs rw", "not known to be a proc file system"),
        ("22 1 0:21 / /elsewhere rw - proc proc rw", "not known to be a proc file system"),
        ("22 1 0:21 / {0} rw - proc proc rw\n23 1 0:9 / {0} rw - tmpfs x rw", "not known to be"),
    ],
)
def test_a_proc_that_may_hide_processes_is_incomplete(proc: Proc, mount: str, fault: str) -> None:
    """What is not procfs, or does not show all processes to us, proves nothing."""
    proc.put("self/mountinfo", mount.format(proc.root) + "\n")
    (found,) = proc.faults()
    assert fault in found


@pytest.mark.parametrize("option", ["hidepid=0", "hidepid=off", "gid=0"])
def test_a_proc_that_hides_nothing_is_whole(proc: Proc, option: str) -> None:
    """The option may be written out though it is off."""
    proc.put("self/mountinfo", f"22 1 0:21 / {proc.root} rw - proc proc rw,{option}\n")
    assert proc.faults() == []


def test_a_capability_sees_through_hidepid(proc: Proc) -> None:
    """CAP_SYS_PTRACE exempts, as root has it."""
    proc.put("self/mountinfo", f"22 1 0:21 / {proc.root} rw - proc proc rw,hidepid=2\n")
    proc.put("self/status", "Name:\tprobe\nCapEff:\t0000000000080000\n")
    assert proc.faults() == []


def test_a_hidden_process_one_is_incomplete(proc: Proc) -> None:
    """Where process 1 cannot be seen others may be hidden too."""
    proc.process(2, "10")
    shutil.rmtree(proc.root / "1")
    assert proc.faults() == ["/proc: process 1 is hidden, so other processes may be too"]


def test_no_proc_is_a_missing_table(tmp_path: Path) -> None:
    """Nothing to read is never an empty table."""
    found: Any = collect(["process_open_sockets", "processes"], str(tmp_path / "nowhere"))
    assert found["tables"] == {}
    assert set(found["missing"]) == {"process_open_sockets", "processes"}
