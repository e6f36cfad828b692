"""Readings, one case file each; cases/README.md is their manual."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from portproof.judge.host import registered_names
from portproof.model.addresses import Exposure, Stack
from portproof.model.listeners import Listener, Owner, Place
from portproof.model.observation import Platform
from portproof.model.ports import Protocol
from portproof.model.why import (
    Classification,
    Container,
    Executable,
    OnDisk,
    Package,
    ParentProcess,
    PortCategory,
    Process,
    ProcessSession,
    Signature,
    SocketUnit,
    Unit,
    Why,
    WindowsService,
)
from portproof.triage import read
from support.paths import CASES

READINGS = CASES / "triage"
KEYS = {
    *("case", "platform", "port", "protocol", "registered", "now", "owners", "why"),
    *("kind", "reasons", "next", "not"),
}
FIRST = 812


def load_cases() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every case by the name of its file."""
    for file in sorted(READINGS.glob("*.yml")):
        case = yaml.safe_load(file.read_text(encoding="utf-8"))
        unknown = set(case) - KEYS
        assert not unknown, f"{file}: unknown keys {sorted(unknown)}"
        yield file.stem, case


def listener(port: int, protocol: str, pids: list[int]) -> Listener:
    """A listener that processes hold."""
    return Listener(
        protocol=Protocol(protocol),
        address="192.0.2.1",
        port=port,
        stack=Stack.IPV4,
        exposure=Exposure.PUBLIC,
        place=Place.HOST,
        namespace="4026531840",
        owners=tuple(Owner(pid=pid) for pid in pids),
    )


def read_case(case: dict[str, Any]) -> Classification:
    """Read what a case describes."""
    whys = [
        msgspec.convert({**why, "process": {"pid": FIRST, **why["process"]}}, Why)
        for why in case["why"]
    ]
    port, protocol = case.get("port", 609), case.get("protocol", "tcp")
    pids = case.get("owners", [why.process.pid for why in whys])
    now = datetime.fromisoformat(str(case.get("now", "2026-01-01"))).replace(tzinfo=UTC)
    return read(
        listener(port, protocol, pids),
        {why.process.pid: why for why in whys},
        case.get("registered", registered_names(port, protocol)),
        Platform(case.get("platform", "linux")),
        int(now.timestamp()),
    )


ALL = dict(load_cases())


@pytest.mark.parametrize("name", ALL)
def test_a_case_reads_as_it_says(name: str) -> None:
    """The kind, all reasons in order, and what to do next."""
    case = ALL[name]
    reading = read_case(case)
    told = "\n".join((*reading.reasons, reading.next_step))
    assert (reading.kind, len(reading.reasons)) == (case["kind"], len(case["reasons"])), told
    for wanted, reason in zip(case["reasons"], reading.reasons, strict=True):
        assert str(wanted) in reason
    assert all(part in reading.next_step for part in case.get("next", ()))
    forbidden = case.get("not", [])
    parts = [forbidden] if isinstance(forbidden, str) else forbidden
    assert not [part for part in parts if part in told]


def test_every_kind_has_cases() -> None:
    """At least forty in all, and some of each kind."""
    kinds = [case["kind"] for case in ALL.values()]
    assert len(kinds) >= 40
    assert {kind for kind in PortCategory if kinds.count(kind.value) >= 5} == set(PortCategory)


def test_a_reading_without_reasons_cannot_be_made() -> None:
    """Not even by mistake."""
    with pytest.raises(ValueError, match="needs reasons"):
        Classification(PortCategory.UNKNOWN, (), "Look.")


WORDS = st.text(max_size=12) | st.sampled_from(
    ["sh -c x", "/dev/.x", "C:\\Temp\\x.exe", "[k]", "/memfd:x", "nc", "perl", "inetd", "-"]
)
TIMES = st.none() | st.integers(-(2**62), 2**62)
YES_OR_NO = st.none() | st.booleans()
PROGRAMS = st.builds(ParentProcess, pid=st.integers(0), name=WORDS, path=WORDS, cmdline=WORDS)
PROCESSES = st.builds(
    Process, pid=st.just(FIRST), name=WORDS, path=WORDS, cmdline=WORDS, cwd=WORDS, started=TIMES
)
EXECUTABLES = st.builds(
    Executable,
    path=WORDS,
    on_disk=st.sampled_from(OnDisk),
    modified=TIMES,
    world_writable=YES_OR_NO,
    link=WORDS,
)
PACKAGES = st.builds(
    Package, manager=WORDS, name=WORDS, version=WORDS, installed=TIMES, unchanged=YES_OR_NO
)
WHYS = st.builds(
    Why,
    process=PROCESSES,
    parents=st.lists(PROGRAMS, max_size=2).map(tuple),
    executable=st.none() | EXECUTABLES,
    package=st.none() | PACKAGES,
    unowned_by=st.lists(WORDS, max_size=2).map(tuple),
    unit=st.none() | st.builds(Unit, name=WORDS, activated=YES_OR_NO, socket=WORDS),
    sockets=st.lists(st.builds(SocketUnit, name=WORDS, service=WORDS), max_size=1).map(tuple),
    launchd=WORDS,
    services=st.lists(st.builds(WindowsService, name=WORDS), max_size=2).map(tuple),
    container=st.none() | st.builds(Container, runtime=WORDS, id=WORDS, image=WORDS),
    session=st.none() | st.builds(ProcessSession, terminal=WORDS, leader=st.none() | PROGRAMS),
    signature=st.none() | st.builds(Signature, good=st.booleans(), result=WORDS, signer=WORDS),
    missing=st.lists(WORDS, max_size=5).map(tuple),
)


@given(why=WHYS, platform=st.sampled_from(Platform), port=st.integers(1, 65535), now=TIMES)
def test_anything_reads_as_something(
    why: Why, platform: Platform, port: int, now: int | None
) -> None:
    """Whatever a host says, there are reasons and a next step."""
    names = registered_names(port, "tcp")
    reading = read(listener(port, "tcp", [FIRST]), {FIRST: why}, names, platform, now)
    assert all(reading.reasons)
    assert reading.next_step


def test_no_name_of_a_hosts_gets_into_the_next_step() -> None:
    """Somebody may paste it into a shell; only plain words and numbers are in it."""
    step = read_case(ALL["hostile-names-in-commands"]).next_step
    assert "reboot" not in step
    assert "rm -rf" not in step
